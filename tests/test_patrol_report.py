"""What a patrol plan becomes on paper and on screen: turn lists, cards, the timeline, the map, layers for QGIS, GPX."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from patrol_site import SHIFT, UNITS, make_town, write_units
from patrol_town import START, grid_streets, stops_frame, units_frame
from route_checker import check_gpx, count_visits
from test_browser_map import CHROMIUM, browse

from sightgrid import patrol
from sightgrid.errors import InfeasibleError, UnitRangeError
from sightgrid.patrol.shift.plan import VISIT_COLUMNS, Plan, build_legs
from sightgrid.report.patrol import patrol_styles
from sightgrid.report.patrol.briefing import Briefing, brief, count_passes, name_stem
from sightgrid.report.patrol.gpx import write_gpx
from sightgrid.report.patrol.patrol_cards import draw_card
from sightgrid.report.patrol.patrol_map import attention_levels, draw_patrol, stop_table
from sightgrid.report.patrol.patrol_summary import summarise_patrol
from sightgrid.report.patrol.shift_plan import Given, plan_shift
from sightgrid.report.patrol.shift_report import list_layers, list_ours, write_patrol
from sightgrid.report.patrol.timeline import draw_timeline
from sightgrid.report.patrol.turns import list_turns

if TYPE_CHECKING:
    from pathlib import Path

    from sightgrid.site import Site

MARKET = "<b>Market</b> & hall"


@pytest.fixture(scope="module")
def site() -> Site:
    return make_town()


@pytest.fixture(scope="module")
def briefing(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Briefing:
    units = patrol.read_units(write_units(tmp_path_factory.mktemp("units"), UNITS), site=site, shift=SHIFT)
    options = {"engine": "own", "seconds": 5.0, "seed": 0}
    made, _ = plan_shift(Given(site, units, "Europe/Helsinki"), progress=lambda *_: None, **options)
    return made


# ---------------------------------------------------------------------------------------------------------- turns


def drive(nodes: list[int], *, names: dict[int, str | None] | None = None, stay: bool = False) -> Any:
    """The turn list of a walk along crossings of a town of 3 x 3; `names` by number of street."""
    streets = grid_streets(3)
    streets["name"] = pd.Series(
        [(names or {}).get(n, f"street {n}") for n in range(len(streets))], index=streets.index, dtype=object
    )
    streets["highway"] = "footway"
    units = units_frame([(0.0, 0.0)])
    networks = patrol.unit_networks(streets, units)
    pairs = list(pairwise(nodes))
    times = pd.date_range(START, periods=len(nodes), freq="60s")
    table = pd.DataFrame(pairs, columns=["u", "v"]).assign(unit_id="u0", key=0, start_at=times[:-1], end_at=times[1:])
    rows = [("u0", "", "start", times[0], times[0], 0.0, nodes[0], 0, False)]
    if stay:  # of no length, at the second crossing
        rows.append(("u0", "", "break", times[1], times[1], 0.0, nodes[1], 0, False))
    rows.append(("u0", "", "end", times[-1], times[-1], 0.0, nodes[-1], 0, False))
    plan = Plan(
        units=units,
        stops=stops_frame([]),
        legs=build_legs(table, networks, crs=streets.crs),
        visits=pd.DataFrame(rows, columns=list(VISIT_COLUMNS)),
        shortfalls=pd.DataFrame(columns=["stop_id", "missing", "priority", "required", "reason"]),
        networks=networks,
    )
    return list_turns(plan, "u0")


def test_turns_follow_from_the_geometry() -> None:
    # streets are numbered crossing by crossing: to the east, then to the north
    found = drive([0, 1, 4, 3, 6, 7, 8, 7])
    assert found["turn"].tolist() == [
        "head east", "left", "left", "right", "right", "straight on", "turn round",
    ]  # fmt: skip
    assert found["length_m"].tolist() == [100.0] * 7
    assert found["row"].tolist() == [0] * 7


def test_a_street_is_one_step_as_long_as_one_stays_on_it() -> None:
    names = {0: "Low road", 2: "Low road"}
    assert drive([0, 1, 2], names=names)["street"].tolist() == ["Low road"]
    assert drive([0, 1, 2], names=names)["length_m"].tolist() == [200.0]
    back = drive([0, 1, 2, 1], names=names)
    assert back["turn"].tolist() == ["head east", "turn round"]
    assert drive([0, 1, 2], names=names, stay=True)["turn"].tolist() == ["head east", "head east"]


def test_nameless_ways_are_told_by_their_kind_and_cut_where_they_bend() -> None:
    found = drive([0, 1, 2, 5], names=dict.fromkeys(range(12)))
    assert found["street"].tolist() == ["footpath", "footpath"]
    assert found["turn"].tolist() == ["head east", "left"]
    assert found["length_m"].tolist() == [200.0, 100.0]


def test_turn_lists_hold_every_metre_driven(briefing: Briefing) -> None:
    plan = briefing.plan
    for unit_id in plan.units.index:
        turns = list_turns(plan, unit_id)
        legs = plan.legs[plan.legs["unit_id"] == unit_id]
        assert turns["length_m"].sum() == pytest.approx(legs["length_m"].sum())
        assert turns.geometry.length.sum() == pytest.approx(legs.geometry.length.sum())
        assert turns["start_at"].iloc[0] == legs["start_at"].iloc[0]
        assert turns["end_at"].iloc[-1] == legs["end_at"].iloc[-1]
        assert (turns["length_m"] > 0.0).all()


# --------------------------------------------------------------------------------------------- names and numbers


def test_file_names_are_safe_and_unlike() -> None:
    ids = ["a/b", "a b", "A b", "map", "CON", "..", "单元 7", "x" * 200, "summary.json"]
    made = Briefing(*[None] * 9)  # type: ignore[arg-type]
    object.__setattr__(made, "plan", SimpleNamespace(units=pd.DataFrame(index=ids)))
    stems = list(made.stems.values())
    assert len({stem.casefold() for stem in stems}) == len(ids)
    assert all(re.fullmatch(r"[\w][\w.-]*", stem) and len(stem) <= 70 for stem in stems)
    assert not {stem.casefold().split(".")[0] for stem in stems} & {"map", "con", "summary", "patrol", "timeline"}
    assert name_stem("单元 7") == "单元-7"


def test_only_plain_names_of_a_former_plan_are_replaced(tmp_path: Path) -> None:
    files = ["old.gpx", "../outside.gpx", "sub/inside.html", "notes.txt", "back\\slash.gpx"]
    (tmp_path / "summary.json").write_text(json.dumps({"routes": [{"files": files}]}), encoding="utf-8")
    ours = list_ours(tmp_path)
    assert "old.gpx" in ours
    assert not set(files[1:]) & set(ours)
    (tmp_path / "summary.json").write_text("[1, 2]", encoding="utf-8")
    assert "old.gpx" not in list_ours(tmp_path)


def test_stops_have_one_number_on_all_pages(briefing: Briefing) -> None:
    table = stop_table(briefing)
    assert table["number"].tolist() == list(range(1, len(table) + 1))
    assert table.loc["island", "status"] == "visits left out"
    assert table.loc["island", "planned"] == 0
    assert table.loc["mill", "title"].startswith("station entrance, ")  # it has no name, but lies at a street
    made = briefing.plan.visits[briefing.plan.visits["what"] == "visit"]
    assert table["planned"].sum() == len(made)


def test_passes_are_those_of_the_legs(briefing: Briefing) -> None:
    passes = count_passes(briefing.plan)
    assert passes.to_numpy().sum() == len(briefing.plan.legs)
    assert set(passes.index) == set(briefing.plan.streets_driven)


def test_attention_levels_have_mean_one(briefing: Briefing) -> None:
    length = briefing.site.streets["length_m"]
    assert np.average(attention_levels(briefing), weights=length) == pytest.approx(1.0)
    classes = [patrol_styles.attention_class(level) for level in (0.0, 0.25, 0.3, 1.0, 99.0)]
    assert classes == [0, 0, 1, 2, 4]


# ------------------------------------------------------------------------------------------------------ summary


def test_summary_says_what_the_plan_does(briefing: Briefing) -> None:
    summary = summarise_patrol(briefing, assumed=("a",), notes=("b",))
    json.dumps(summary, allow_nan=False)
    assert summary["assumed"] == ["a"]
    assert "b" in summary["notes"]
    assert sum(row["visits"] for row in summary["routes"]) == summary["visits"]
    assert sum(row["distance_m"] for row in summary["routes"]) == pytest.approx(summary["driven_m"], abs=1.0)
    assert sum(row["missing"] for row in summary["shortfalls"]) == (
        summary["stops_required"] + summary["stops_optional"] - summary["visits"]
    )
    assert summary["camera_rate"] < summary["joint_rate"] <= 1.0
    shares = list(summary["within_min"].values())
    assert shares == sorted(shares)
    assert sum(cell["share"] for cell in summary["attention_spread"]["most"]) <= 1.0


def test_a_site_without_cameras_is_patrolled_too(tmp_path: Path) -> None:
    bare = make_town(cameras=False)
    units = patrol.read_units(write_units(tmp_path), site=bare, shift="2026-11-23T08:00/09:45")
    made, told = plan_shift(Given(bare, units, "UTC"), progress=lambda *_: None, engine="own", seconds=5.0, seed=0)
    assert made.seen is None
    summary = summarise_patrol(made, **told)
    assert summary["camera_rate"] == 0.0
    assert any("no cameras" in line for line in summary["assumed"])
    write_patrol(tmp_path / "out", made, summary=summary)
    page = (tmp_path / "out" / "map.html").read_text(encoding="utf-8")
    assert "Streets that cameras see" not in page


# ------------------------------------------------------------------------------------------- cards and the timeline


def test_card_tells_the_shift_and_shows_data_as_text(briefing: Briefing) -> None:
    unit_id = "walk 1"
    plan = briefing.plan
    page = draw_card(briefing, unit_id)
    assert MARKET not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "<h1>walk 1</h1>" in page
    assert "2026-11-23 08:00 to 10:00 (EET)" in page
    rows = plan.visits[plan.visits["unit_id"] == unit_id]
    table = page[page.index("<tbody>") : page.index("</tbody>")]
    assert table.count("<tr ") == len(rows)
    for row in rows.to_dict("records"):
        assert briefing.time(row["arrive_at"]) in table
    made = rows[rows["what"] == "visit"]
    assert page.count('<tr class="visit">') == len(made)
    assert set(re.findall(r'<span class="no">(\d+)</span>', table)) == {
        str(briefing.numbers[stop]) for stop in made["stop_id"]
    }
    assert "@page { size: A4" in page
    assert "break-before: page" in page
    sketch = ET.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])  # noqa: S314  (our own)
    circles = sketch.findall(".//{http://www.w3.org/2000/svg}circle")
    assert len(circles) == made["stop_id"].nunique()


def test_every_unit_with_a_market_visit_shows_its_name_as_text(briefing: Briefing) -> None:
    pages = [draw_card(briefing, unit_id) for unit_id in briefing.plan.units.index]
    assert any("&lt;b&gt;Market&lt;/b&gt; &amp; hall" in page for page in pages)


def test_timeline_is_a_picture_of_the_plan(briefing: Briefing) -> None:
    text = draw_timeline(briefing)
    picture = ET.fromstring(text)  # noqa: S314  (our own)
    svg = "{http://www.w3.org/2000/svg}"
    titles = [title.text or "" for title in picture.iter(f"{svg}title")]
    rows = briefing.plan.visits
    stays = rows[rows["what"].isin(["visit", "street", "break"])]
    assert len(titles) == len(stays)
    assert any(MARKET in title for title in titles)
    assert sum("break" in title for title in titles) == 1
    words = [each.text for each in picture.iter(f"{svg}text")]
    assert {"08:00", "09:00", "10:00", "walk 1", "map"} <= set(words)
    width = float(picture.attrib["width"])
    for box in picture.iter(f"{svg}rect"):
        if "x" in box.attrib:
            assert 0.0 <= float(box.attrib["x"]) <= float(box.attrib["x"]) + float(box.attrib["width"]) <= width


# ------------------------------------------------------------------------------------------------ layers and map


def test_layers_open_with_their_styles(briefing: Briefing, tmp_path: Path) -> None:
    write_patrol(tmp_path / "out", briefing, summary=summarise_patrol(briefing))
    file = tmp_path / "out" / "patrol.gpkg"
    names = {"routes", "legs", "stops", "visits", "shortfalls", "depots", "attention", "beats"}
    assert set(pyogrio.list_layers(file)[:, 0]) == {*names, "layer_styles"}
    found = pyogrio.read_dataframe(file, layer="layer_styles")
    assert set(found["f_table_name"]) == names
    for layer, style in zip(found["f_table_name"], found["styleQML"], strict=True):
        root = ET.fromstring(style.split("\n", 1)[1])  # noqa: S314  (our own)
        renderer = root.find("renderer-v2")
        frame = pyogrio.read_dataframe(file, layer=layer)
        if renderer is not None and renderer.attrib["type"] == "categorizedSymbol":
            values = {each.attrib["value"] for each in renderer.iter("category")}
            assert set(frame[renderer.attrib["attr"]]) <= values
    plan = briefing.plan
    legs = pyogrio.read_dataframe(file, layer="legs")
    assert len(legs) == len(plan.legs)
    assert legs["start_local"].iloc[0] == "2026-11-23 08:00"
    assert pyogrio.read_dataframe(file, layer="shortfalls")["missing"].sum() == plan.shortfalls["missing"].sum()
    assert list_layers(briefing)["visits"][0].crs == plan.units.crs


def test_geojson_holds_the_steps_and_the_visits(briefing: Briefing, tmp_path: Path) -> None:
    write_patrol(tmp_path / "out", briefing, summary=summarise_patrol(briefing))
    read = gpd.read_file(tmp_path / "out" / "unit-map.geojson").to_crs(briefing.plan.units.crs)
    steps, rows = (read[read.geom_type == kind] for kind in ("LineString", "Point"))
    own = briefing.plan.legs[briefing.plan.legs["unit_id"] == "map"]
    assert steps.geometry.length.sum() == pytest.approx(own.geometry.length.sum(), rel=1e-3)
    assert (rows["what"] == "visit").sum() == briefing.plan.routes.set_index("unit_id")["stops"]["map"]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
def test_map_is_drawn_in_a_browser_without_network(briefing: Briefing, tmp_path: Path) -> None:
    page = tmp_path / "map.html"
    draw_patrol(briefing).save(str(page))
    done = browse(page, tmp_path, "--dump-dom")
    assert "CONSOLE" not in done.stderr
    labels = re.findall(r"<span> ([^<]+)</span>", done.stdout)
    assert labels[:5] == [
        "Ground reached from the depots", "Attention per street", "Streets that cameras see", "Beats",
        "Who drives where",
    ]  # fmt: skip
    assert [label.split(":")[0] for label in labels[5:7]] == ["Route of walk 1", "Route of map"]
    assert labels[7:] == ["Depots", "Stops"]
    numbers = re.findall(r'class="[^"]*sightgrid-rank[^"]*"[^>]*><span>(\d+)</span>', done.stdout)
    assert sorted(map(int, numbers)) == list(briefing.numbers.values())


# --------------------------------------------------------------------------------------------- the GPX read back


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    oneway=st.sets(st.integers(0, 23), max_size=8),
    closed=st.sets(st.integers(0, 23), max_size=4),
    depots=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=2),
    places=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=4, unique=True),
    mode=st.sampled_from(["foot", "bicycle", "car"]),
    break_s=st.sampled_from([0.0, 300.0]),
)
def test_a_gpx_drives_open_streets_keeps_the_shift_and_serves_what_it_says(
    tmp_path: Path, oneway: Any, closed: Any, depots: Any, places: Any, mode: str, break_s: float
) -> None:
    streets = grid_streets(4, oneway=sorted(oneway), closed=sorted(closed))
    units = units_frame(depots, hours=0.7, mode=mode, speed_kph=9.0, break_s=break_s, overtime_s=120.0)
    stops = stops_frame(places, visits=2, dwell_s=120.0)
    try:
        plan = patrol.plan_routes(streets, units, stops, engine="own", seconds=1.0)
    except InfeasibleError:  # one-way streets may lead a unit to where it cannot come home from
        assume(False)
    paths = []
    for unit_id, unit in plan.units.iterrows():
        paths.append(write_gpx(plan, tmp_path / f"{unit_id}.gpx", unit_id=str(unit_id)))
        if (plan.legs["unit_id"] == unit_id).any():
            assert list(check_gpx(paths[-1], unit, streets, plan.stops)) == []
    made, missing = count_visits(paths), plan.shortfalls.groupby("stop_id")["missing"].sum()
    for stop_id in stops.index:
        assert made.get(stop_id, 0) + int(missing.get(stop_id, 0)) == 2


def test_the_checker_sees_a_wrong_way_drive(tmp_path: Path) -> None:
    streets = grid_streets(3)
    plan = patrol.plan_routes(
        streets, units_frame([(0, 0)], hours=1.0, mode="car"), stops_frame([(2, 2)]), engine="own", seconds=1.0
    )
    path = write_gpx(plan, tmp_path / "u0.gpx", unit_id="u0")
    unit = plan.units.loc["u0"]
    assert list(check_gpx(path, unit, streets, plan.stops)) == []
    told = list(check_gpx(path, unit, streets.assign(oneway=True), plan.stops))
    assert any("open that way" in text for text in told)
    told = list(check_gpx(path, unit, streets.iloc[:3], plan.stops))
    assert any("follow no street" in text for text in told)
    slow = plan.units.assign(speed_kph=2.0).loc["u0"]
    assert any("faster" in text for text in check_gpx(path, slow, streets, plan.stops))
    early = plan.units.assign(end_at=START + pd.Timedelta(minutes=20)).loc["u0"]
    assert any("shift" in text for text in check_gpx(path, early, streets, plan.stops))


def test_brief_needs_a_known_zone(briefing: Briefing) -> None:
    with pytest.raises(UnitRangeError, match="Mars"):
        brief(briefing.site, briefing.plan, briefing.attention, clock="Mars/Base")
