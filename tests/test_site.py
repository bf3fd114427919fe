"""Opening a site from files, and the one coordinate system of its layers."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
from shapely import LineString, MultiPolygon, Point, Polygon, box
from town_layers import UTM, X, Y, at, buildings, cameras, study, write

import sightgrid as sg
from sightgrid import datasets, schemas
from sightgrid.columns import KINDS
from sightgrid.errors import CRSError, InputError, SchemaError, SourceError
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
    path = write(tmp_path / "a.gpkg", cameras=cameras().to_crs(4326), obstacles=buildings().to_crs(4326))
    site = open_site(path)
    assert site.crs.to_epsg() == UTM
    assert site.obstacles.area.iloc[0] == pytest.approx(400, rel=1e-6)
    with pytest.raises(InputError, match="a: zones: no zone has the rule 'study'"):
        _ = site.study


def test_broken_rings_are_repaired_and_counted(tmp_path: Path) -> None:
    bow_tie = Polygon([(X, Y), (X + 10, Y + 10), (X + 10, Y), (X, Y + 10)])
    pair = MultiPolygon([box(X + 20, Y, X + 30, Y + 10), box(X + 40, Y, X + 50, Y + 10)])
    flat = Polygon([(X, Y), (X + 5, Y), (X, Y)])
    raised = Polygon([(X + 60, Y, 3), (X + 70, Y, 3), (X + 70, Y + 10, 3)])
    shapes = gpd.GeoSeries([bow_tie, pair, flat, None, Polygon(), raised], crs=UTM)
    path = write(tmp_path / "a.gpkg", cameras=cameras(), obstacles=buildings(*shapes))
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
    path = write(tmp_path / "a.gpkg", cameras=cameras(), obstacles=buildings(*shapes, height_m=[np.nan, 7.0]))
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
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sg.nothing
