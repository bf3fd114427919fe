"""Options that several commands share, and their ranges."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sightgrid.errors import SourceError, UnitRangeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sightgrid.site import Site

DENSITY_RANGE_PX_M = (0.1, 100_000.0)


def _folder(given: str | Path) -> Path:
    if not str(given).strip():  # a Path would read it as the present folder
        raise typer.BadParameter("the name of the folder is empty")
    return Path(given)


Where = Annotated[str, typer.Argument(help="A bundled name, a folder or GeoPackage of layers, or an .osm.pbf file.")]
Out = Annotated[
    Path,
    typer.Option(
        "--out", parser=_folder, metavar="PATH", help="Folder to write; files of a former run are replaced at the end."
    ),
]
Cameras = Annotated[
    Path | None,
    typer.Option(help="Cameras instead of the site's: a layer, or a table (CSV) with lon, lat, or x, y in its CRS."),
]
SkipBadRows = Annotated[
    bool, typer.Option("--skip-bad-rows", help="Go on with the good cameras; write the rejected ones to a file.")
]
StoreAddress = Annotated[
    str,
    typer.Option(
        "--store", envvar="SIGHTGRID_STORE", metavar="FILE|URL", help="A file, or postgresql://user@host/database."
    ),
]
DensityPxM = Annotated[float | None, typer.Option(help="Least pixel density that counts as seen, in pixels per metre.")]


def read_site(where: str, cameras: Path | None, *, skip_bad_rows: bool) -> Site:
    """Open a site, with other cameras if they are given."""
    from sightgrid import open_site  # noqa: PLC0415

    return open_site(where, cameras=cameras, bad_rows="set_aside" if skip_bad_rows else "raise")


def require_extra(command: str, extra: str, packages: Mapping[str, str]) -> None:
    """Raise where packages (by the module they bring) are not installed, and tell which extra brings them."""
    missing = [package for module, package in packages.items() if find_spec(module) is None]
    if missing:
        raise SourceError(f'{command} needs {" and ".join(missing)}: pip install -e ".[{extra}]" in the checkout')


def check_range(option: str, value: float, limits: tuple[float, float], unit: str) -> None:
    """Raise where the value of an option is out of range, or no number."""
    low, high = limits
    if not low <= value <= high:  # also NaN
        raise UnitRangeError(f"{option}: must be from {low:g} to {high:g} {unit}, not {value:g}")


def check_density(density_px_m: float | None) -> None:
    """Raise where a density was given and is out of range."""
    if density_px_m is not None:
        check_range("--density-px-m", density_px_m, DENSITY_RANGE_PX_M, "px/m")
