"""Files that are missing, cut off, damaged, empty or of another kind: one clear line for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pytest
from shapely import Polygon
from town_layers import at, buildings, cameras, study, write

from sightgrid import datasets
from sightgrid.errors import CRSError, SightgridError, SourceError
from sightgrid.gis.io import open_site

if TYPE_CHECKING:
    from pathlib import Path


def bad_text(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame.assign(height_m=["high"] * len(frame))


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ({"cameras": cameras()}, "a.gpkg: missing layer obstacles or buildings"),
        ({"obstacles": buildings()}, "a.gpkg: missing layer cameras"),
        ({"cameras": cameras(), "obstacles": buildings().iloc[:0]}, "a.gpkg: obstacles: layer: holds no rows"),
        ({"cameras": cameras(), "obstacles": buildings(None, None)}, "a.gpkg: obstacles: layer: holds no rows"),
        ({"cameras": cameras(), "obstacles": buildings(Polygon())}, "a.gpkg: obstacles: layer: holds no rows"),
        (
            {"cameras": cameras(), "obstacles": buildings(Polygon([at(0, 0), at(5, 0), at(0, 0)]))},
            "a.gpkg: obstacles: layer: holds no rows",
        ),
        (
            {"cameras": cameras(), "obstacles": buildings(*[at(0, 0).buffer(1)] * 2, height_m=["7", "rtsp://u:p@h"])},
            "a.gpkg: obstacles: height_m: must be a number (1 row: b1)",
        ),
        (
            {
                "cameras": cameras(camera_id=["rtsp://u:pw@h", "a"], azimuth_deg=[400.0, 0.0]),
                "obstacles": buildings(),
                "zones": study(),
            },
            "a.gpkg: cameras: azimuth_deg: must lie in [0, 360) (1 row: ***)",
        ),
        ({"cameras": cameras().iloc[:0], "obstacles": buildings()}, "a.gpkg: cameras: layer: holds no rows"),
        (
            {"cameras": cameras(), "obstacles": buildings(), "buildings": buildings()},
            "a.gpkg: obstacles: several layers hold it: obstacles, buildings",
        ),
        (
            {"cameras": cameras(), "obstacles": bad_text(buildings())},
            "a.gpkg: obstacles: height_m: must be a number (1 row: b0)",
        ),
        (
            {"cameras": cameras(), "obstacles": buildings(height_m=[-3.0])},
            "a.gpkg: obstacles: height_m: must lie in (0, inf) (1 row: b0)",
        ),
        (
            {"cameras": cameras(), "obstacles": buildings(at(0, 0))},
            "a.gpkg: obstacles: geometry: must be Polygon (1 row: b0)",
        ),
        (
            {"cameras": cameras().drop(columns="camera_id"), "obstacles": buildings()},
            "a.gpkg: cameras: camera_id: missing column",
        ),
        (
            {"cameras": cameras(), "obstacles": buildings(), "streets": cameras()},
            "a.gpkg: streets: geometry: must be LineString (2 rows: 0, 1)",
        ),
        (
            {"cameras": cameras(), "obstacles": buildings(), "zones": study().drop(columns="rule")},
            "a.gpkg: zones: rule: missing column",
        ),
    ],
)
def test_a_geopackage_that_breaks_its_contract(tmp_path: Path, layers: dict[str, gpd.GeoDataFrame], text: str) -> None:
    path = write(tmp_path / "a.gpkg", **layers)
    with pytest.raises(SightgridError) as caught:
        open_site(path)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_a_layer_without_a_coordinate_system(tmp_path: Path) -> None:
    bare = gpd.GeoDataFrame(buildings().drop(columns="geometry"), geometry=buildings().geometry.to_numpy())
    path = write(tmp_path / "a.gpkg", cameras=cameras(), obstacles=bare)
    with pytest.raises(CRSError, match=r"a.gpkg: obstacles: no coordinate system is given"):
        open_site(path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.999])
def test_a_truncated_geopackage(tmp_path: Path, share: float) -> None:
    whole = datasets.find("helsinki").read_bytes()
    path = tmp_path / "cut.gpkg"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(SourceError, match=r"cut.gpkg: (the GeoPackage is truncated|is not a GeoPackage)"):
        open_site(path)


def test_a_damaged_geopackage(tmp_path: Path) -> None:
    whole = bytearray(datasets.find("helsinki").read_bytes())
    whole[100:60000] = b"\x00" * 59900
    path = tmp_path / "holes.gpkg"
    path.write_bytes(whole)
    with pytest.raises(SourceError, match=r"holes.gpkg: "):
        open_site(path)


def test_sources_that_are_not_sites(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no such file or folder, nor a bundled site of that name"):
        open_site(tmp_path / "none.gpkg")
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    with pytest.raises(SourceError, match=r"notes.txt: a site is a folder, a .gpkg or an .osm.pbf, not a .txt file"):
        open_site(tmp_path / "notes.txt")
    with pytest.raises(SourceError, match="missing file cameras and obstacles or buildings"):
        open_site(tmp_path)
    (tmp_path / "cameras.xlsx").write_text("x", encoding="utf-8")
    with pytest.raises(SourceError, match=r"cameras.xlsx: cannot read a .xlsx file; use .gpkg"):
        open_site(tmp_path)
    (tmp_path / "cameras.geojson").write_text("{}", encoding="utf-8")
    (tmp_path / "cameras.csv").write_text("x", encoding="utf-8")
    with pytest.raises(SourceError, match=r"several files hold this layer: cameras.csv, cameras.geojson"):
        open_site(tmp_path)
    (tmp_path / "cameras.csv").unlink()
    (tmp_path / "buildings.geojson").write_text("not json", encoding="utf-8")
    with pytest.raises(SourceError, match=r"geojson: "):
        open_site(tmp_path)
