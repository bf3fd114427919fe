"""The real sites that come with the package."""

from __future__ import annotations

from pathlib import Path

from sightgrid.errors import SourceError

NAMES = ("helsinki",)


def find(name: str) -> Path:
    """Return the file of a bundled site: inside an installed package, or in the checkout's ``data`` folder.

    Raises
    ------
    SourceError
        There is no bundled site of that name, or its file has been removed.
    """
    if name not in NAMES:
        raise SourceError(f"no bundled site is called {name!r}; there is {', '.join(NAMES)}")
    path = _look_up(f"{name}.gpkg")
    if path is None:
        raise SourceError(f"the file {name}.gpkg of the bundled site {name!r} is missing from this installation")
    return path


def find_catalogue() -> Path:
    """Return the bundled camera catalogue.

    Raises
    ------
    SourceError
        Its file has been removed.
    """
    path = _look_up("cameras.csv")
    if path is None:
        raise SourceError("the camera catalogue cameras.csv is missing from this installation")
    return path


def _look_up(file: str) -> Path | None:
    package = Path(__file__).resolve().parent
    paths = (folder / file for folder in (package / "data", package.parent / "data"))
    return next((path for path in paths if path.is_file()), None)
