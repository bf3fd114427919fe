"""Beats: contiguous, nested, balanced, along streets; zones kept; the same seed draws the same."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import CRS

from sightgrid.errors import CRSError, InputError, UnitRangeError
from sightgrid.patrol.beats.balance import compactness, gini, measure_work
from sightgrid.patrol.beats.beats import draw_beats
from sightgrid.patrol.beats.exchange import Aims, _Search, hang_together, refine
from sightgrid.patrol.beats.nesting import share_children
from sightgrid.patrol.beats.pieces import lay_out

BLOCK_M = 100.0


def streets_frame(rows, xy, **columns):
    index = pd.MultiIndex.from_tuples([(u, v, 0) for u, v in rows], names=["u", "v", "key"])
    lines = [shapely.LineString([xy[u], xy[v]]) for u, v in rows]
    frame = gpd.GeoDataFrame(columns, index=index, geometry=lines, crs=CRS)
    frame["length_m"] = frame.length
    return frame


def grid_frame(columns, rows, *, keep=None, first=0, east=0.0):
    """Streets of a chequerboard with ``columns`` x ``rows`` nodes; ``keep`` leaves out streets."""
    graph = nx.grid_2d_graph(columns, rows)
    number = {node: first + n for n, node in enumerate(graph)}
    xy = {number[node]: (east + node[0] * BLOCK_M, node[1] * BLOCK_M) for node in graph}
    pairs = [(number[a], number[b]) for a, b in graph.edges]
    return streets_frame([pair for n, pair in enumerate(pairs) if keep is None or keep[n]], xy)


def zone_frame(**boxes):
    names = pd.Index(list(boxes), name="beat_id")
    return gpd.GeoDataFrame(index=names, geometry=[shapely.box(*box) for box in boxes.values()], crs=CRS)


def graph_of(index):
    graph = nx.Graph()
    graph.add_edges_from((u, v) for u, v, _ in index)
    return graph


def assert_hang_together(streets, members, apart=()):
    """In every piece of the street graph, a beat's streets are one connected graph, or hang on streets set apart."""
    pieces = list(nx.connected_components(graph_of(streets.index)))
    for beat in members.unique():
        own = members.index[members == beat]
        for piece in pieces:
            there = graph_of([street for street in own if street[0] in piece])
            fixed = [street for street in own if street in apart and street[0] in piece]
            if fixed:
                there.add_edges_from((fixed[0][0], u) for u, _, _ in fixed)
            assert not there or nx.is_connected(there), beat


@pytest.fixture(scope="module")
def city_work(helsinki):
    return measure_work(helsinki.streets, mode="foot", speed_kph=5)


@pytest.fixture(scope="module")
def city_beats(helsinki, city_work):
    return draw_beats(helsinki.streets, city_work, units=6)


def test_a_uniform_grid_is_shared_out_evenly():
    streets = grid_frame(16, 16)
    for count in (2, 3, 4, 7):
        drawn = draw_beats(streets, streets["length_m"], units=count)
        assert_hang_together(streets, drawn.members)
        assert drawn.members.nunique() == count == len(drawn.beats)
        assert drawn.figures["balance"] < 1.05
        assert drawn.figures["gaps"] == 0
        assert drawn.beats["work_s"].sum() == pytest.approx(streets["length_m"].sum())


def test_the_bundled_city_is_shared_out_evenly(helsinki, city_beats):
    assert_hang_together(helsinki.streets, city_beats.members)
    assert city_beats.figures["balance"] < 1.03
    assert city_beats.figures["gini"] < 0.02
    assert city_beats.figures["cut_share"] < 0.2
    assert (city_beats.pieces["distance_m"] < 50).all()
    pieces = nx.number_connected_components(graph_of(helsinki.streets.index))
    assert len(city_beats.pieces) == pieces - 1  # reported, and in one beat each
    assert not city_beats.pieces["beat_id"].str.contains(",").any()
    for beat, row in city_beats.beats.iterrows():
        own = helsinki.streets[(city_beats.members == beat).to_numpy()]
        assert row["length_m"] == pytest.approx(own["length_m"].sum())
        assert row.geometry.length == pytest.approx(own.length.sum())


def test_streets_for_cars_are_shared_out_and_the_same_seed_draws_the_same(helsinki):
    streets = helsinki.streets[helsinki.streets["drivable"]]
    work = measure_work(streets)
    drawn, again, other = (draw_beats(streets, work, units=6, seed=seed) for seed in (0, 0, 1))
    assert_hang_together(streets, drawn.members)
    assert drawn.figures["balance"] < 1.05
    pd.testing.assert_series_equal(again.members, drawn.members)
    assert not other.members.equals(drawn.members)


def test_lower_beats_nest(helsinki, city_work):
    told = []
    drawn = draw_beats(
        helsinki.streets,
        city_work,
        units=6,
        hierarchy={"community": 18, "district": 2, "street": 6},
        progress=lambda *step: told.append(step),
    )
    assert list(drawn.membership.columns) == ["district", "street", "community"]
    assert drawn.membership.index.equals(helsinki.streets.index)
    assert not drawn.membership.isna().to_numpy().any()
    assert drawn.membership.nunique().tolist() == [2, 6, 18]
    for upper, lower in (("district", "street"), ("street", "community")):
        pairs = drawn.membership[[upper, lower]].drop_duplicates()
        assert len(pairs) == drawn.membership[lower].nunique()
        assert drawn.beats.loc[pairs[lower], "parent"].tolist() == pairs[upper].tolist()
        assert_hang_together(helsinki.streets, drawn.membership[lower])
    assert drawn.level == "street"
    assert drawn.members.name == "beat_id"
    assert drawn.level_figures["balance"].max() < 1.1
    sums = drawn.beats.groupby("level")["work_s"].sum()
    assert np.allclose(sums, city_work["work_s"].sum())
    assert told[-1] == ("beats", 9, 9)


def test_lower_beats_are_handed_out_by_work():
    assert share_children(np.array([90.0, 10.0]), np.array([50, 50]), 4).tolist() == [3, 1]
    assert share_children(np.array([90.0, 10.0]), np.array([2, 50]), 6).tolist() == [2, 4]  # no more than streets
    assert share_children(np.array([0.0, 0.0]), np.array([2, 2]), 4).tolist() == [2, 2]


def test_a_main_road_stays_whole_where_that_costs_little():
    """The seam between two even halves would run across a named road; without a name it does."""
    graph = nx.grid_2d_graph(21, 5)
    number = {node: n for n, node in enumerate(graph)}
    xy = {number[node]: (node[0] * BLOCK_M, node[1] * BLOCK_M) for node in graph}
    streets = streets_frame([(number[a], number[b]) for a, b in graph.edges], xy)
    on_road = [a[1] == b[1] == 2 and 7 <= a[0] < 13 for a, b in graph.edges]
    named = streets.assign(highway="residential", name=None)
    named.loc[on_road, "name"] = "High Street"
    main = named.copy()
    main.loc[on_road, "highway"] = "primary"
    plain = draw_beats(named, named["length_m"], units=2)
    whole = draw_beats(main, main["length_m"], units=2)
    assert plain.cut_streets.loc["High Street", "beats"] == 2
    assert plain.cut_streets.loc["High Street", "length_m"] == pytest.approx(600.0)
    assert plain.figures["cut_m"] == pytest.approx(plain.cut_streets["outside_m"].sum())
    assert whole.cut_streets.empty
    assert whole.figures["cut_share"] == 0.0
    assert whole.figures["balance"] < 1.05


@settings(max_examples=25)
@given(
    columns=st.integers(3, 6),
    rows=st.integers(3, 6),
    count=st.integers(1, 5),
    missing=st.floats(0.0, 0.4),
    zone=st.sampled_from([None, (-1, -1, 149, 149), (-1, -1, 1e4, 120)]),
    seed=st.integers(0, 5),
)
def test_any_grid_is_shared_out_whole(columns, rows, count, missing, zone, seed):
    rng = np.random.default_rng(seed)
    streets = grid_frame(columns, rows, keep=rng.random(200) >= missing)
    work = pd.Series(rng.integers(0, 5, len(streets)).astype(float), index=streets.index)
    work.iloc[0] = 1.0
    zones = None if zone is None else zone_frame(mine=zone)
    middle = streets.interpolate(0.5, normalized=True)
    inside = np.zeros(len(streets), bool) if zone is None else middle.within(shapely.box(*zone)).to_numpy()
    if zone is not None and not inside.any():
        with pytest.raises(InputError, match="hold the middle of no street: mine"):
            draw_beats(streets, work, units=count, zones=zones)
        return
    count = min(count, int((~inside).sum()) + (zone is not None))
    drawn = draw_beats(streets, work, units=count, zones=zones, seed=seed)
    assert drawn.members.index.equals(streets.index)
    assert drawn.members.nunique() == count
    assert set(drawn.members) == set(drawn.beats.index)
    assert (drawn.members[inside] == "mine").all()
    assert drawn.beats["work_s"].sum() == pytest.approx(work.sum())
    # missing streets may cut a zone in two; no other beat may be cut, and nothing of a zone's beat lies apart from it
    assert_hang_together(streets, drawn.members, apart=streets.index[inside])


def test_zones_are_kept_and_grow():
    streets = grid_frame(12, 12)
    zones = zone_frame(west=(-1, -1, 149, 449), old_town=(751, 751, 1101, 1101))
    drawn = draw_beats(streets, streets["length_m"], units=4, zones=zones)
    middle = streets.interpolate(0.5, normalized=True)
    for name, zone in zones.geometry.items():
        inside = middle.within(zone)
        assert (drawn.members[inside] == name).all()
        assert (drawn.members == name).sum() > inside.sum()
    assert_hang_together(streets, drawn.members)
    assert drawn.figures["balance"] < 1.05
    two = draw_beats(streets, streets["length_m"], zones=zones)
    assert set(two.members) == {"west", "old_town"}
    nested = draw_beats(streets, streets["length_m"], zones=zones, hierarchy={"area": 2, "beat": 6})
    assert set(nested.membership["area"]) == {"west", "old_town"}
    assert nested.membership["beat"].nunique() == 6


def test_a_zone_in_two_parts_is_kept_and_the_gap_reported():
    streets = grid_frame(12, 3)
    zones = pd.concat([zone_frame(mine=(-1, -1, 151, 251)), zone_frame(mine=(901, -1, 1101, 251))])
    drawn = draw_beats(streets, streets["length_m"], units=2, zones=zones)
    assert drawn.figures["gaps"] == 1
    assert drawn.figures["balance"] < 1.2


def test_pieces_go_to_the_nearest_beat_and_are_reported():
    town, island = grid_frame(10, 4), grid_frame(2, 2, first=1000, east=1000.0)
    streets = pd.concat([town, island])
    drawn = draw_beats(streets, streets["length_m"], units=4)
    assert drawn.pieces[["streets", "length_m", "distance_m"]].to_numpy().tolist() == [[4, 400.0, 100.0]]
    east = drawn.members[town.index[(town.bounds["maxx"] == 900.0).to_numpy()]]
    assert drawn.pieces["beat_id"].isin(east).all()
    assert drawn.figures["balance"] < 1.1
    # two towns of the same size: a beat each, and a third across the river has to share
    twin = pd.concat([town, grid_frame(10, 4, first=1000, east=1200.0)])
    both = draw_beats(twin, twin["length_m"], units=2)
    assert both.figures["balance"] == pytest.approx(1.0)
    assert set(both.members[town.index]).isdisjoint(both.members.drop(town.index))
    three = draw_beats(twin, twin["length_m"], units=3)
    assert three.figures["balance"] < 1.05
    assert_hang_together(twin, three.members)
    scattered = pd.concat([grid_frame(2, 2, first=100 * n, east=1e4 * n).iloc[:1] for n in range(5)])
    assert draw_beats(scattered, scattered["length_m"], units=5).members.nunique() == 5


def test_each_unit_gets_the_beat_near_its_depot():
    streets = grid_frame(12, 4)
    depots = gpd.GeoDataFrame(
        index=pd.Index(["east", "west", "mid"], name="unit_id"),
        geometry=gpd.points_from_xy([1100, 0, 550], [0, 0, 0]),
        crs=CRS,
    )
    drawn = draw_beats(streets, streets["length_m"], units=depots)
    across = drawn.beats.centroid.x
    assert drawn.beats.loc[across.sort_values().index, "unit_id"].tolist() == ["west", "mid", "east"]
    nested = draw_beats(streets, streets["length_m"], units=depots, hierarchy={"all": 1, "beat": 3})
    assert (nested.beats["unit_id"] != "").tolist() == [False, True, True, True]
    with pytest.raises(CRSError, match="units"):
        draw_beats(streets, streets["length_m"], units=depots.to_crs(32636))


def test_the_search_never_gets_worse_and_counts_right():
    """Weights kept move by move equal those of the whole partition; every part stays contiguous."""
    streets = grid_frame(9, 9).assign(name="Main", highway="primary")
    rng = np.random.default_rng(4)
    streets["name"] = rng.choice(["A", "B", "C"], len(streets))
    layout = lay_out(
        streets, rng.random(len(streets)), count=3, fixed=np.full(len(streets), -1), main_roads=("primary",)
    )
    parts, aims = layout.parts, Aims()
    label = np.digitize(parts.xy[:, 0], [-150.0, 150.0])
    search = _Search(parts, label, 3, aims)
    before, moves = parts.judge(label, 3, aims), 0
    for street in search.find_border().tolist():
        if search.improve(street):
            after = parts.judge(np.array(search.label), 3, aims)
            assert after < before
            before, moves = after, moves + 1
            assert len(np.unique(hang_together(parts.ends, np.array(search.label)))) == 3
    assert moves > 5
    for part in range(3):
        assert search.sums[part][1] == pytest.approx(parts.work[np.array(search.label) == part].sum())
    refined = refine(parts, label, 3, aims=aims, rng=rng)
    assert parts.judge(refined, 3, aims) < parts.judge(label, 3, aims)


def test_what_a_move_changes_is_what_it_was_weighed_at():
    streets = grid_frame(6, 6).assign(name="Main", highway="primary")
    layout = lay_out(streets, np.ones(60), count=2, fixed=np.full(60, -1), main_roads=("primary",))
    parts, aims = layout.parts, Aims()
    label = (parts.xy[:, 0] > 0).astype(np.int64)
    search = _Search(parts, label, 2, aims)
    for street in range(0, 60, 7):
        moved = label.copy()
        moved[street] = 1 - label[street]
        change = search.weigh([street], search.row[street], int(label[street]), int(moved[street]))
        assert change == pytest.approx(parts.judge(moved, 2, aims) - parts.judge(label, 2, aims), abs=1e-12)


def test_a_dead_end_moves_with_the_street_it_hangs_on():
    xy = {0: (0, 0), 1: (100, 0), 2: (200, 0), 3: (300, 0), 4: (200, 100), 5: (200, 200)}
    streets = streets_frame([(0, 1), (1, 2), (2, 3), (2, 4), (4, 5)], xy)
    streets = streets.assign(name=None, highway=None)
    layout = lay_out(streets, np.ones(5), count=2, fixed=np.full(5, -1), main_roads=())
    search = _Search(layout.parts, np.array([0, 0, 1, 0, 0]), 2, Aims())
    assert sorted(search.find_moving(3, 0)) == [3, 4]
    assert search.find_moving(4, 0) == [4]
    held = replace(layout.parts, fixed=np.array([-1, -1, -1, -1, 0]))
    assert _Search(held, np.array([0, 0, 1, 0, 0]), 2, Aims()).find_moving(3, 0) is None


def test_work_adds_up():
    streets = grid_frame(2, 2).assign(speed_kph=[36.0, np.nan, 72.0, 18.0], drivable=[True, True, True, False])
    stops = gpd.GeoDataFrame(
        {"visits": [2, 1], "dwell_s": [60.0, 30.0]},
        index=["a", "b"],
        geometry=gpd.points_from_xy([50, 50], [-5, 95]),
        crs=CRS,
    )
    risk = pd.DataFrame({"risk": [0.5, 0.5, 0.0, 0.0], "attention": [0.4, 0.0, 0.0, 0.1]}, index=streets.index)
    work = measure_work(streets, risk, stops=stops, calls=100.0, presence_s=50.0, speed_kph=36)
    assert work["driving_s"].iloc[[0, 2, 3]].tolist() == pytest.approx([10.0, 10.0, 0.0])  # closed: nothing to drive
    assert work["calls_s"].tolist() == [50.0, 50.0, 0.0, 0.0]
    assert work["presence_s"].tolist() == pytest.approx([40.0, 0.0, 0.0, 10.0])
    assert work["stops_s"].sum() == 150.0
    low = streets.index[(streets.bounds["maxy"] == 0).to_numpy()]
    assert work.loc[low, "stops_s"].tolist() == [120.0]
    parts = ["driving_s", "stops_s", "calls_s", "presence_s"]
    assert work["work_s"].tolist() == pytest.approx(work[parts].sum(axis=1).tolist())
    given_calls = measure_work(streets, calls=pd.Series(7.0, index=streets.index), mode="foot", speed_kph=3.6)
    assert given_calls["work_s"].tolist() == pytest.approx([107.0] * 4)
    assert given_calls["attention"].isna().all()
    drawn = draw_beats(streets, work, units=2)
    assert drawn.beats["attention"].sum() == pytest.approx(0.5)


def test_figures_by_hand():
    assert gini(np.array([1.0, 1.0, 1.0])) == 0.0
    assert gini(np.array([0.0, 0.0, 6.0])) == pytest.approx(2 / 3)
    square = shapely.MultiLineString([[(0, 0), (1, 0)], [(0, 1), (1, 1)]])
    line = shapely.MultiLineString([[(0, 0), (1, 0)]])
    assert compactness(np.array([square, line])).tolist() == pytest.approx([np.pi / 4, 0.0])


STREETS = grid_frame(3, 3)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"units": 0}, UnitRangeError, "at least 1 is needed, not 0"),
        ({"units": 1.5}, UnitRangeError, "a whole number"),
        ({}, UnitRangeError, "not None"),
        ({"units": 13}, UnitRangeError, "13 beats are more than the 12 streets"),
        ({"hierarchy": {}}, InputError, "no level"),
        ({"hierarchy": {"a": 2, "b": 0}}, UnitRangeError, "hierarchy: b"),
        ({"units": 3, "hierarchy": {"a": 2, "b": 4}}, InputError, r"3 fit no level of the hierarchy \(a 2, b 4\)"),
        ({"units": 2, "work": -STREETS["length_m"]}, InputError, "at least 0 are needed .12 rows"),
        ({"units": 2, "work": 0 * STREETS["length_m"]}, InputError, "work: no street has any"),
        ({"units": 2, "work": STREETS["length_m"].iloc[:5]}, InputError, "work: its index"),
        ({"units": 2, "work": STREETS[["length_m"]]}, InputError, "missing column work_s"),
        ({"units": 2, "streets": STREETS.iloc[:0]}, InputError, "streets: there are none"),
        ({"units": 2, "streets": STREETS.to_crs(4326)}, CRSError, "streets"),
        ({"units": 2, "zones": zone_frame(a=(900, 900, 999, 999))}, InputError, "hold the middle of no street: a"),
        (
            {"units": 1, "zones": zone_frame(a=(-1, -1, 99, 99), b=(101, 101, 999, 999))},
            UnitRangeError,
            "fewer than the 2",
        ),
        (
            {"units": 2, "zones": zone_frame(a=(-1, -1, 99, 99), b=(-1, -1, 999, 999))},
            InputError,
            "lie in several beats",
        ),
        ({"units": 2, "zones": zone_frame(a=(-1, -1, 999, 999))}, UnitRangeError, "more than the 0 streets they leave"),
        ({"units": 2, "zones": zone_frame(a=(-1, -1, 99, 99)).to_crs(32636)}, CRSError, "zones"),
        ({"units": 2, "zones": zone_frame(a=(-1, -1, 99, 99)).rename_axis("x")}, InputError, "missing column beat_id"),
    ],
)
def test_bad_input_is_named(change, error, message):
    given_frames = {"streets": STREETS, "work": STREETS["length_m"]} | change
    with pytest.raises(error, match=message):
        draw_beats(given_frames.pop("streets"), given_frames.pop("work"), **given_frames)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"mode": "boat"}, UnitRangeError, "mode: 'boat' is not known"),
        ({"speed_kph": 0}, UnitRangeError, "speed_kph"),
        ({"presence_s": -1}, UnitRangeError, "presence_s"),
        ({"presence_s": 5}, InputError, "no street has attention"),
        ({"calls": 60.0}, InputError, "calls: 60 s cannot be shared out: no street has risk"),
        ({"calls": -60.0}, UnitRangeError, "calls"),
        ({"calls": pd.Series([1.0])}, InputError, "calls: its index"),
        ({"attention": pd.DataFrame({"x": [1.0] * 12}, index=STREETS.index)}, InputError, "missing column attention"),
        ({"stops": zone_frame(a=(0, 0, 1, 1))}, InputError, "stops: missing column visits"),
        ({"stops": zone_frame(a=(0, 0, 1, 1)).assign(visits=-1, dwell_s=1)}, InputError, "stops: visits: must be"),
        ({"stops": zone_frame(a=(0, 0, 1, 1)).to_crs(32636)}, CRSError, "stops"),
    ],
)
def test_bad_work_is_named(change, error, message):
    with pytest.raises(error, match=message):
        measure_work(STREETS, **change)
