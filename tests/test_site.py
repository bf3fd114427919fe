"""Opening a site from files, and the one coordinate system of its layers."""

from __future__ import annotations

import subprocess
import sys
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pyogrio
import pytest
from shapely import LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon, box
from town_layers import UTM, X, Y, at, buildings, cameras, study, write

import sightgrid as sg
from sightgrid import datasets, schemas
from sightgrid.columns import KINDS
from sightgrid.errors import CRSError, InputError, SchemaError, SourceError, UnitRangeError
from sightgrid.gis.io import open_site
from sightgrid.gis.streets import to_graph
from sightgrid.site import Site

if TYPE_CHECKING:
    from pathlib import Path


def test_the_bundled_site() -> None:
    site = sg.open_site("helsinki")
    assert (len(site.cameras), len(site.obstacles), len(site.streets)) == (221, 495, 4278)
    assert site.crs.to_epsg() == UTM
    assert site.study.area == pytest.approx(1.686e6, rel=1e-3)
    assert site.cameras["stream_url"].isna().all()
    assert site.private.is_empty
    assert site.obstacles.index.str.split("#").str[0].nunique() == 486
    for kind in KINDS:
        schemas.validate(getattr(site, kind), kind)
        assert getattr(site, kind).geometry.is_valid.all()
    assert datasets.find("helsinki").stat().st_size < 3e6
    with pytest.raises(SourceError, match="no bundled site is called 'atlantis'"):
        datasets.find("atlantis")


def test_the_bundled_streets_can_be_routed() -> None:
    graph = to_graph(sg.open_site("helsinki").streets)
    core = max(nx.strongly_connected_components(graph), key=len)
    assert len(core) > 0.85 * len(graph)
    far = sorted(core, key=lambda node: graph.nodes[node]["y"])
    length = nx.shortest_path_length(graph, far[0], far[-1], weight="length")
    straight = graph.nodes[far[-1]]["y"] - graph.nodes[far[0]]["y"]
    assert straight < length < 2 * straight


def test_a_geopackage_of_layers(tmp_path: Path) -> None:
    streets = gpd.GeoDataFrame(
        {"highway": ["footway"] * 2},
        geometry=[LineString([at(0, 0), at(0, 50)]), LineString([at(0, 50), at(40, 80)])],
        crs=UTM,
    )
    places = gpd.GeoDataFrame({"category": ["school"]}, geometry=[at(5, 5)], crs=UTM)
    path = write(
        tmp_path / "town.gpkg", cameras=cameras(), buildings=buildings(), zones=study(), streets=streets, places=places
    )
    site = open_site(path)
    assert site.name == "town"
    assert site.cameras.index.tolist() == ["c0", "c1"]
    assert site.obstacles.loc["b0", ["height_m", "kind", "height_source"]].tolist() == [12.0, "building", "height"]
    assert site.streets.index.tolist() == [(0, 1, 0), (1, 2, 0)]
    assert site.streets["length_m"].tolist() == [50.0, 50.0]
    assert site.places.index.tolist() == ["place1"]
    assert site.places["priority"].tolist() == [1]
    assert site.water.empty
    assert site.study.area == 10000
    assert site.notes == ()
    assert site.with_cameras(site.cameras.iloc[:1]).cameras.index.tolist() == ["c0"]


def test_reading_without_arrow_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "town.gpkg", cameras=cameras(), obstacles=buildings(), zones=study())
    fast = open_site(path)
    monkeypatch.setattr("sightgrid.gis.files.find_spec", lambda _: None)
    slow = open_site(path)
    for kind in KINDS:
        pd.testing.assert_frame_equal(pd.DataFrame(getattr(fast, kind)), pd.DataFrame(getattr(slow, kind)))


def test_a_folder_of_files_in_several_systems(tmp_path: Path) -> None:
    rows = ["camera_id,x,y,kind,remarks", f"a,{X + 10},{Y + 10},dome,none"]
    (tmp_path / "cameras.csv").write_text("\n".join(rows), encoding="utf-8")
    buildings().to_crs(4326).to_file(tmp_path / "buildings.geojson")
    study().drop(columns="rule").to_crs(3067).to_file(tmp_path / "study.gpkg")
    with pytest.raises(SchemaError, match=r"cameras.csv: cameras: x: must lie in \[-180, 180\]"):
        open_site(tmp_path)
    buildings().to_file(tmp_path / "buildings.gpkg")
    (tmp_path / "buildings.geojson").unlink()
    site = open_site(tmp_path)
    assert site.crs.to_epsg() == UTM
    assert site.study.area == pytest.approx(10000, rel=1e-2)
    assert site.notes == ("cameras: column remarks is not used",)


def test_buildings_in_degrees_go_to_their_zone(tmp_path: Path) -> None:
    layers = {"cameras": cameras(), "obstacles": buildings(), "study": study()}
    site = open_site(write(tmp_path / "a.gpkg", **{name: layer.to_crs(4326) for name, layer in layers.items()}))
    assert site.crs.to_epsg() == UTM
    assert site.obstacles.area.iloc[0] == pytest.approx(400, rel=1e-6)


def test_a_site_needs_a_study_area(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", cameras=cameras(), obstacles=buildings())
    fault = "zones: study area: is missing; add a layer 'study' of polygons, or a zone with the rule 'study'"
    with pytest.raises(SchemaError, match=f"a.gpkg: {fault}"):
        open_site(path)
    write(path, study=study().drop(columns="rule"))
    site = open_site(path)
    assert site.study.area == 10000
    with pytest.raises(InputError, match="a: zones: no zone has the rule 'study'"):
        _ = replace(site, zones=site.zones.iloc[:0]).study


def test_a_package_called_study_keeps_the_rules_of_its_zones(tmp_path: Path) -> None:
    zones = pd.concat([study(), study().assign(zone_id="p", rule="private")])
    path = write(tmp_path / "study.gpkg", cameras=cameras(), obstacles=buildings(), zones=zones)
    assert open_site(path).zones["rule"].tolist() == ["study", "private"]


def test_broken_rings_are_repaired_and_counted(tmp_path: Path) -> None:
    bow_tie = Polygon([(X, Y), (X + 10, Y + 10), (X + 10, Y), (X, Y + 10)])
    pair = MultiPolygon([box(X + 20, Y, X + 30, Y + 10), box(X + 40, Y, X + 50, Y + 10)])
    flat = Polygon([(X, Y), (X + 5, Y), (X, Y)])
    raised = Polygon([(X + 60, Y, 3), (X + 70, Y, 3), (X + 70, Y + 10, 3)])
    shapes = gpd.GeoSeries([bow_tie, pair, flat, None, Polygon(), raised], crs=UTM)
    path = write(tmp_path / "a.gpkg", cameras=cameras(), obstacles=buildings(*shapes), zones=study())
    site = open_site(path)
    assert site.obstacles.index.tolist() == ["b0", "b0#2", "b1", "b1#2", "b5"]
    assert site.obstacles.area.tolist() == [25, 25, 100, 100, 50]
    assert site.obstacles.is_valid.all()
    assert not site.obstacles.has_z.any()
    assert site.notes == (
        "obstacles: broken rings repaired: 2 (b0, b2)",
        "obstacles: rows without an area left out: 3 (b2, b3, b4)",
    )


def test_unknown_heights_are_assumed_and_marked(tmp_path: Path) -> None:
    shapes = [box(X, Y, X + 10, Y + 10), box(X + 20, Y, X + 30, Y + 10)]
    houses = buildings(*shapes, height_m=[np.nan, 7.0])
    path = write(tmp_path / "a.gpkg", cameras=cameras(), obstacles=houses, zones=study())
    site = open_site(path)
    assert site.obstacles["height_m"].tolist() == [9.0, 7.0]
    assert site.obstacles["height_source"].tolist() == ["assumed", "height"]
    assert site.notes == ("obstacles: without a height, taking 9 m: 1 (b0)",)


def test_cameras_at_zero_or_far_away_or_doubled(tmp_path: Path) -> None:
    spots = [at(10, 10), Point(0, 0), at(1099, 50), at(1101, 50), at(20, 20)]
    frame = cameras(*spots, camera_id=["a", "zero", "near", "far", "a"], azimuth_deg=[0, 0, 0, 400.0, 0])
    path = write(tmp_path / "a.gpkg", cameras=frame, obstacles=buildings(), zones=study())
    with pytest.raises(SchemaError) as caught:
        open_site(path)
    for text in (
        "a.gpkg: cameras: ",
        "geometry: camera at (0, 0) (1 row: zero)",
        "geometry: camera more than 1000 m outside the study area (1 row: far)",
        "camera_id: ids must be unique (1 row: a)",
        "azimuth_deg: must lie in [0, 360) (1 row: far)",
    ):
        assert text in str(caught.value)
    assert caught.value.good is not None
    assert caught.value.good.index.tolist() == ["a", "near"]
    site = open_site(path, bad_rows="set_aside")
    assert site.cameras.index.tolist() == ["a", "near"]
    rejected = pd.read_csv(tmp_path / "a.rejected.csv")
    assert rejected["camera_id"].tolist() == ["zero", "far", "a"]
    assert site.cameras.attrs["rejected"]["count"] == 3
    assert site.notes[0].startswith(f"cameras: rows set aside in {tmp_path / 'a.rejected.csv'}: 3 (geometry: camera at")


def test_faults_of_a_table_and_of_the_site_come_together(tmp_path: Path) -> None:
    rows = ["camera_id,lon,lat,azimuth_deg", "good,24.93,60.16,0", "turned,24.93,60.16,400", "far,25.9,60.16,0"]
    (tmp_path / "cameras.csv").write_text("\n".join(rows), encoding="utf-8")
    centre = gpd.GeoSeries([Point(24.93, 60.16)], crs=4326).to_crs(UTM)
    area = centre.buffer(50).iloc[0]
    buildings(area).to_file(tmp_path / "obstacles.gpkg")
    study().assign(geometry=[area]).to_file(tmp_path / "study.gpkg")
    with pytest.raises(SchemaError) as caught:
        open_site(tmp_path)
    assert "azimuth_deg: must lie in [0, 360) (1 row: turned)" in str(caught.value)
    assert "outside the study area (1 row: far)" in str(caught.value)
    site = open_site(tmp_path, bad_rows="set_aside")
    assert site.cameras.index.tolist() == ["good"]
    assert pd.read_csv(tmp_path / "cameras.rejected.csv")["camera_id"].tolist() == ["turned", "far"]
    assert open_site(tmp_path, bad_rows="set_aside").crs.to_epsg() == UTM  # its own output does not disturb it
    (tmp_path / "cameras.csv").write_text("\n".join(rows[:3]), encoding="utf-8")
    assert open_site(tmp_path, bad_rows="set_aside").cameras.attrs["rejected"]["count"] == 1


def test_a_study_area_from_a_file_replaces_the_sites_own(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", cameras=cameras(), obstacles=buildings(), zones=study())
    half = study().assign(geometry=[box(X, Y, X + 50, Y + 100)], zone_id=["half"])
    half.to_crs(4326).to_file(tmp_path / "half.geojson")
    site = open_site(path, study=tmp_path / "half.geojson")
    assert site.study.area == pytest.approx(5000, rel=1e-4)
    cameras().to_file(tmp_path / "points.gpkg")
    with pytest.raises(SchemaError, match=r"points.gpkg: zones: .*geometry: must be Polygon"):
        open_site(path, study=tmp_path / "points.gpkg")


def read_own(folder: Path, layers: dict[str, gpd.GeoDataFrame], suffix: str) -> Site:
    folder.mkdir()
    for name, layer in layers.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that names and flags are cut is what is tested
            pyogrio.write_dataframe(layer, folder / f"{name}.{suffix}")
    return open_site(folder)


def test_a_shapefile_gives_the_same_site_as_a_geopackage(tmp_path: Path) -> None:
    full = {
        "cameras": cameras(
            **{column: [30.0, 40.0] for column in ("azimuth_deg", "mount_height_m", "sensor_width_mm", "hfov_deg")},
            max_range_m=[50.0, 60.0],
            owner_class=["a", None],
            indoor=[True, False],
        ),
        "obstacles": buildings(height_source=["levels"]),
        "places": gpd.GeoDataFrame(
            {"place_id": ["p"], "category": ["school"], "required_density_px_m": [25.0], "required_views": [2]},
            geometry=[at(5, 5)],
            crs=UTM,
        ),
        "zones": study(),
        "streets": gpd.GeoDataFrame(
            {"u": [1], "v": [2], "key": [0], "oneway": [True], "length_m": [50.0], "speed_kph": [30.0]},
            geometry=[LineString([at(0, 0), at(0, 50)])],
            crs=UTM,
        ),
    }
    package, shapes = (read_own(tmp_path / suffix, full, suffix) for suffix in ("gpkg", "shp"))
    for kind in KINDS:
        left, right = (getattr(site, kind).assign(geometry=lambda f: f.normalize()) for site in (package, shapes))
        pd.testing.assert_frame_equal(pd.DataFrame(left), pd.DataFrame(right))
    assert shapes.notes == package.notes == ()


def test_headers_of_camera_layers_are_read_as_in_tables(tmp_path: Path) -> None:
    frame = cameras(方位角=[10.0, 20.0], KIND=["FIXED", "球机"], password=["hunter2"] * 2, remarks=["x", "y"])
    frame = frame.drop(columns="kind").rename(columns={"camera_id": "Camera_ID"})
    houses = buildings(HEIGHT_M=[12.0], owner=["me"]).drop(columns="height_m")
    path = write(tmp_path / "a.gpkg", cameras=frame, obstacles=houses, zones=study())
    site = open_site(path)
    assert site.cameras["kind"].tolist() == ["fixed", "ptz"]
    assert site.cameras["azimuth_deg"].tolist() == [10.0, 20.0]
    assert site.obstacles["height_m"].tolist() == [12.0]
    for kind in KINDS:
        assert list(getattr(site, kind).columns) == list(schemas.empty(kind, UTM).columns)
    assert site.notes == ("cameras: column password is not used", "cameras: column remarks is not used")
    write(tmp_path / "b.gpkg", cameras=cameras(azimut_deg=[1.0, 2.0]), obstacles=buildings(), zones=study())
    with pytest.raises(SchemaError, match=r"b.gpkg: cameras: azimut_deg: unknown column, perhaps azimuth_deg; expec"):
        open_site(tmp_path / "b.gpkg")
    twice = cameras(方位角=[1.0, 2.0], azimuth_deg=[1.0, 2.0])
    write(tmp_path / "c.gpkg", cameras=twice, obstacles=buildings(), zones=study())
    with pytest.raises(SchemaError, match=r"azimuth_deg: several columns hold it: 方位角, azimuth_deg"):
        open_site(tmp_path / "c.gpkg")


def test_one_text_among_numbers_is_one_bad_row(tmp_path: Path) -> None:
    frame = cameras(azimuth_deg=["45.0", "north"], name=["a", "see rtsp://u:pw@h"], rtsp=["rtsp://u:pw@h"] * 2)
    path = write(tmp_path / "a.gpkg", cameras=frame, obstacles=buildings(height_m=["12.5"]), zones=study())
    with pytest.raises(SchemaError, match=r"azimuth_deg: must be a number \(1 row: c1\)") as caught:
        open_site(path)
    assert caught.value.good is not None
    site = open_site(path, bad_rows="set_aside")
    assert site.cameras["azimuth_deg"].to_dict() == {"c0": 45.0}
    assert site.obstacles["height_m"].tolist() == [12.5]
    text = (tmp_path / "a.rejected.csv").read_text(encoding="utf-8")
    assert "c1" in text
    assert "north" in text
    assert "rtsp" not in text


def test_cameras_without_a_place_and_numbers_for_texts(tmp_path: Path) -> None:
    frame = cameras(at(1, 1), Point(), Point(np.nan, np.nan), at(2, 2), assumed=[None, None, None, 7.0])
    path = write(tmp_path / "a.gpkg", cameras=frame, obstacles=buildings(), zones=study())
    with pytest.raises(SchemaError) as caught:
        open_site(path)
    assert "geometry: must not be empty (2 rows: c1, c2)" in str(caught.value)
    assert "assumed: must be text (1 row: c3)" in str(caught.value)
    frame = cameras(at(1, 1), assumed=[7]).drop(columns="kind")
    write(tmp_path / "b.gpkg", cameras=frame, obstacles=buildings(), zones=study())
    with pytest.raises(SchemaError, match=r"assumed: must be text \(1 row: c0\)"):
        open_site(tmp_path / "b.gpkg")


def test_shapes_in_collections_of_one(tmp_path: Path) -> None:
    line = MultiLineString([[(X, Y), (X, Y + 50)]])
    streets = gpd.GeoDataFrame({"u": [1], "v": [2], "key": [0]}, geometry=[line], crs=UTM)
    spots = [MultiPoint([at(1, 1)]), MultiPoint([at(2, 2)])]
    path = write(tmp_path / "a.gpkg", cameras=cameras(*spots), obstacles=buildings(), zones=study(), streets=streets)
    site = open_site(path)
    assert site.cameras.geom_type.tolist() == ["Point", "Point"]
    assert site.streets.index.tolist() == [(1, 2, 0)]
    pair = cameras(MultiPoint([at(1, 1), at(2, 2)]), at(3, 3))
    write(tmp_path / "b.gpkg", cameras=pair, obstacles=buildings(), zones=study(), streets=streets.iloc[:0])
    with pytest.raises(SchemaError, match=r"geometry: must be Point \(1 row: c0\)"):
        open_site(tmp_path / "b.gpkg")
    assert "streets: the layer holds no rows" in open_site(tmp_path / "b.gpkg", bad_rows="set_aside").notes


def ledger(tmp_path: Path, *rows: str, header: str = "camera_id,x,y,remarks") -> Path:
    file = tmp_path / "ledger.csv"
    file.write_text("\n".join([header, *rows]), encoding="utf-8")
    return file


def test_a_ledger_replaces_the_sites_cameras(tmp_path: Path) -> None:
    file = ledger(tmp_path, f"a,{X + 10},{Y + 10},", f"far,{X + 9000},{Y},", "zero,0,0,", f",{X},{Y},")
    path = write(tmp_path / "a.gpkg", obstacles=buildings(), zones=study())
    with pytest.raises(SourceError, match="missing layer cameras"):
        open_site(path)
    with pytest.raises(SchemaError) as caught:
        open_site(path, cameras=file)
    for text in (
        "ledger.csv: cameras: ",
        "camera at (0, 0) (1 row: zero)",
        "camera more than 1000 m outside the study area (1 row: far)",
        "camera_id: ids must be given (1 row: row 4)",
    ):
        assert text in str(caught.value)
    site = open_site(path, cameras=file, bad_rows="set_aside")
    assert site.cameras.index.tolist() == ["a"]
    assert site.notes[0].startswith(f"cameras: rows set aside in {tmp_path / 'ledger.rejected.csv'}: 3 (")
    assert site.notes[1:] == ("cameras: column remarks is not used",)
    rejected = pd.read_csv(tmp_path / "ledger.rejected.csv", dtype=str, keep_default_na=False)
    assert rejected["camera_id"].tolist() == ["zero", "", "far"]
    assert rejected.columns.tolist() == ["camera_id", "x", "y", "remarks", "reason"]
    assert rejected["x"].tolist()[-1] == str(X + 9000)
    write(path, cameras=cameras(azimuth_deg=[400.0, 0.0]))
    ledger(tmp_path, f"a,{X + 10},{Y + 10},")
    assert open_site(path, cameras=file).cameras.index.tolist() == ["a"]
    assert open_site(path, cameras=write(tmp_path / "b.gpkg", cameras=cameras())).cameras.index.tolist() == ["c0", "c1"]


def test_nothing_is_written_beside_a_site_that_cannot_be_opened(tmp_path: Path) -> None:
    file = ledger(tmp_path, f"a,{X + 10},{Y + 10},", "zero,0,0,")
    path = write(tmp_path / "a.gpkg", obstacles=buildings(height_m=[-1.0]), zones=study())
    with pytest.raises(SchemaError, match="height_m: must lie in"):
        open_site(path, cameras=file, bad_rows="set_aside")
    assert not list(tmp_path.glob("*rejected*"))
    with pytest.raises(UnitRangeError, match="bad_rows: 'skip' is not known; choose raise or set_aside"):
        open_site(path, bad_rows="skip")  # type: ignore[arg-type]


def test_a_bundled_name_does_not_hide_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "helsinki").mkdir()
    (tmp_path / "helsinki" / "map.html").touch()
    assert len(open_site("helsinki").cameras) == 221  # a folder without layers, such as the demo's results
    for name, layer in {"cameras": cameras(), "obstacles": buildings(), "study": study()}.items():
        layer.to_file(tmp_path / "helsinki" / f"{name}.gpkg")
    site = open_site("helsinki")
    assert len(site.cameras) == 2
    assert site.notes == (f"site: {tmp_path / 'helsinki'} is read, not the bundled site 'helsinki'",)


def test_layers_must_share_one_metric_system() -> None:
    layers = {kind: schemas.empty(kind, UTM) for kind in KINDS}
    Site("a", **layers)
    with pytest.raises(CRSError, match="a: water: WGS 84 / UTM zone 34N is not the coordinate system of the cameras"):
        Site("a", **{**layers, "water": schemas.empty("water", 32634)})
    with pytest.raises(CRSError, match=r"a: cameras: WGS 84 is geographic \(degrees\)"):
        Site("a", **{**layers, "cameras": schemas.empty("cameras", 4326)})


def test_private_land_is_the_union_of_the_closed_zones() -> None:
    layers = {kind: schemas.empty(kind, UTM) for kind in KINDS}
    layers["zones"] = gpd.GeoDataFrame(
        {"rule": ["study", "private", "consent", "observable"]},
        geometry=[box(i, 0, i + 2, 1) for i in range(4)],
        crs=UTM,
    )
    site = Site("a", **layers)
    assert site.private.bounds == (1.0, 0.0, 4.0, 1.0)
    assert site.study.bounds == (0.0, 0.0, 2.0, 1.0)


def test_import_is_light_and_names_are_there() -> None:
    heavy = "numba, folium, fastapi, cv2, ortools, geopandas, osmium"
    code = f"import sys, sightgrid; loaded = [n for n in '{heavy}'.split(', ') if n in sys.modules]; assert not loaded"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert "open_site" in dir(sg)
    with pytest.raises(AttributeError, match="No sightgrid attribute nothing"):
        _ = sg.nothing
