"""Compliance: plans replayed exactly, late, with a stop left out, with broken tracks, and without any."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from drives import START, make_plan, replay
from hypothesis import given
from hypothesis import strategies as st

from sightgrid.errors import CRSError, InputError, UnitRangeError
from sightgrid.patrol.routes.routes import plan_routes
from sightgrid.patrol.shift.stops import propose_stops
from sightgrid.patrol.streets.network import build_network
from sightgrid.patrol.tracks.compliance import compare
from sightgrid.patrol.tracks.presence import REJOIN_S, find_presences
from sightgrid.patrol.tracks.route_match import cover_streets
from sightgrid.patrol.tracks.tracks import BACKWARDS, JUMP, Tracks, clean_tracks
from sightgrid.patrol.tracks.visit_match import match_visits


@pytest.fixture(scope="module")
def network(helsinki):
    return build_network(helsinki.streets, mode="car", speed_kph=30)


@pytest.fixture(scope="module")
def plan(network):
    rng = np.random.default_rng(4)
    nodes = network.nodes[network.components == 0]
    drawn = rng.choice(nodes, 9, replace=False).tolist()
    tours = {
        "u1": (drawn[0], [("a", drawn[1], 600.0), ("b", drawn[2], 300.0), ("c", drawn[3], 900.0)]),
        "u2": (drawn[4], [("d", drawn[5], 600.0), ("e", drawn[6], 120.0), ("d", drawn[5], 600.0)]),
    }
    return make_plan(network, tours)


def test_a_planned_shift_replayed_is_all_done(helsinki):
    index = pd.Index(["walk", "ride"], name="unit_id")
    hours = {"start_at": START, "end_at": START + pd.Timedelta(hours=1)}
    units = gpd.GeoDataFrame(
        {"mode": ["foot", "car"], "speed_kph": [5.0, 30.0], **hours},
        index=index, geometry=[helsinki.study.centroid] * 2, crs=helsinki.crs,
    )  # fmt: skip
    stops = propose_stops(helsinki, most=4)
    planned = plan_routes(helsinki.streets, units, stops, engine="own", seconds=1)
    found = compare(planned, clean_tracks(replay(planned)))
    assert len(found.visits) == planned.figures["visits"] > 0
    assert (found.visits["status"] == "done").all()
    assert found.summary["visits_full_dwell"] == len(found.visits)
    assert found.summary["streets_covered_share"] > 0.97
    assert found.summary["route_match_share"] > 0.97
    assert found.summary["on_schedule_share"] == 1.0
    assert found.streets["length_m"].sum() <= planned.legs["length_m"].sum()
    assert json.loads(json.dumps(found.summary)) == found.summary


@pytest.mark.parametrize(("interval_s", "noise_m", "least"), [(1, 0.0, 1.0), (5, 0.0, 0.995), (10, 5.0, 0.97)])
def test_exact_replay_is_all_done(plan, interval_s, noise_m, least):
    found = compare(plan, clean_tracks(replay(plan, interval_s=interval_s, noise_m=noise_m)))
    assert (found.visits["status"] == "done").all()
    assert found.visits["delay_s"].abs().max() < 30
    assert found.summary["streets_covered_share"] >= least - 1e-9
    assert found.summary["route_match_share"] > least - 0.02
    assert found.summary["on_schedule_share"] > 0.99
    assert found.summary["dwell_share"] > 0.99
    assert found.summary["visits_full_dwell"] == 6
    assert found.summary["fix_interval_median_s"] == interval_s
    assert found.summary["tolerance_m"] == 30.0
    # a unit is in the circle a little before it arrives and a little after it leaves
    assert (found.visits["dwell_s"] - found.visits["planned_s"]).between(-15, 30).all()
    assert found.stops.loc["d", ["visits_planned", "visits_made"]].tolist() == [2, 2]
    assert found.stops.loc["d", "dosage_min"] == pytest.approx(20, abs=2)


def test_late_replay(plan):
    found = compare(plan, clean_tracks(replay(plan, late_s=900)))
    assert (found.visits["status"] == "late").all()
    assert found.visits["delay_s"].between(870, 930).all()
    assert found.summary["visits_late"] == 6
    assert found.summary["streets_covered_share"] > 0.995
    assert compare(plan, clean_tracks(replay(plan, late_s=900)), late_s=1200).summary["visits_done"] == 6
    # units that stand are where they should be for some of the time
    assert found.summary["on_schedule_share"] < 0.9


def test_early_replay(plan):
    found = compare(plan, clean_tracks(replay(plan, late_s=-400)), early_s=300)
    # who arrives 400 s early and stays 600 s is there at the planned time
    there = found.visits["planned_s"] >= 600
    assert (found.visits["status"] == np.where(there, "done", "early")).all()
    assert found.visits.loc[~there, "delay_s"].between(-430, -370).all()


def test_skipped_stop_is_missed(plan, network):
    tours = {"u1": (int(plan.visits["node"].iloc[0]), [])}
    for row in plan.visits.itertuples():
        if row.unit_id == "u1" and row.what == "visit" and row.stop_id != "b":
            tours["u1"][1].append((row.stop_id, row.node, row.dwell_s))
    driven = make_plan(network, tours)
    found = compare(plan, clean_tracks(replay(driven)))
    own = found.visits[found.visits["unit_id"] == "u1"].set_index("stop_id")["status"]
    assert own["a"] == "done"
    assert own["b"] == "missed"
    assert found.units.loc["u1", "visits_missed"] == 1
    assert found.units.loc["u1", "streets_covered_share"] < 1.0
    assert found.visits.set_index("stop_id").loc["b", ["arrive_at", "leave_at", "dwell_s"]].isna().all()


def test_unit_without_track_and_unknown_unit_are_told(plan):
    fixes = replay(plan)
    fixes = fixes[fixes["unit_id"] == "u1"]
    stranger = fixes.head(7).assign(unit_id="x9")
    found = compare(plan, clean_tracks(pd.concat([fixes, stranger], ignore_index=True)))
    assert found.units.loc["u2", "note"] == "no fixes in the shift"
    assert found.units.loc["u2", "visits_missed"] == 3
    assert found.units.loc["u2", "without_fixes_share"] == 1.0
    assert found.summary["units_without_track"] == ["u2"]
    assert found.summary["fixes_not_used"] == {"the unit is not in the plan": 7}
    assert found.units.loc["u1", "visits_done"] == 3


def test_empty_tracks_miss_everything(plan):
    empty = clean_tracks(replay(plan).head(0))
    found = compare(plan, empty)
    assert found.summary["visits_missed"] == found.summary["visits_planned"] == 6
    assert found.summary["streets_covered_share"] == 0.0
    assert found.summary["route_match_share"] is None
    assert found.summary["fix_interval_median_s"] is None
    assert found.summary["units_without_track"] == ["u1", "u2"]
    assert found.matched.legs.empty


def test_track_of_another_day_is_outside_the_shift(plan):
    found = compare(plan, clean_tracks(replay(plan, late_s=86_400)))
    assert found.summary["visits_missed"] == 6
    assert set(found.summary["fixes_not_used"]) == {"outside the shift"}


def test_jumps_and_a_clock_that_runs_backwards_change_nothing(plan):
    fixes = replay(plan)
    good = compare(plan, clean_tracks(fixes))
    broken = fixes.copy()
    shapes = broken.geometry.to_numpy().copy()
    rows = np.flatnonzero(fixes["unit_id"] == "u1")[[20, 21, 150]]
    shapes[rows] = gpd.points_from_xy([0.0, 1.0, 2.0], [0.0, 1.0, 2.0])
    broken = broken.set_geometry(gpd.GeoSeries(shapes, crs=fixes.crs))
    back = np.flatnonzero(fixes["unit_id"] == "u2")[[40, 41]]
    broken.loc[back, "at"] = START - pd.Timedelta(hours=3)
    found = compare(plan, clean_tracks(broken))
    assert found.faults.set_index("rule")["count"].to_dict() == {JUMP: 3, BACKWARDS: 2}
    assert found.summary["fixes_not_used"] == {JUMP: 3, BACKWARDS: 2}
    assert (found.visits["status"] == good.visits["status"]).all()
    assert found.summary["streets_covered_share"] > 0.995


def test_shares_say_what_they_assume(plan):
    fixes = replay(plan)
    clock = (fixes["at"] - START).dt.total_seconds()
    holes = fixes[~clock.between(600, 1500)].reset_index(drop=True)
    whole, found = (compare(plan, clean_tracks(part)).summary for part in (fixes, holes))
    assert found["fix_interval_worst_s"] > 900
    assert found["without_fixes_share"] == pytest.approx(whole["without_fixes_share"] + 900 / 7200, abs=0.005)


def test_bad_arguments(plan):
    tracks = clean_tracks(replay(plan).head(3))
    with pytest.raises(UnitRangeError, match="tolerance_m"):
        compare(plan, tracks, tolerance_m=0)
    with pytest.raises(UnitRangeError, match="early_s"):
        compare(plan, tracks, early_s=-1)
    with pytest.raises(InputError, match="no network is given for u1, u2"):
        compare(plan, tracks, networks={})
    with pytest.raises(CRSError):
        compare(plan, Tracks(tracks.fixes.to_crs(3067), tracks.faults))


def test_passing_by_on_time_does_not_stand_for_the_stop():
    planned = pd.DataFrame({"unit_id": ["u"], "stop_id": ["s"], "arrive_at": [START], "dwell_s": [600.0]})
    due = START.timestamp()
    stays = {("u", "s"): np.array([[due - 4, due + 4], [due + 400, due + 1000]])}
    (row,) = match_visits(planned, stays, early_s=300, late_s=500).to_dict("records")
    assert (row["delay_s"], row["dwell_s"], row["status"]) == (400.0, 600.0, "done")


def test_two_planned_visits_need_two_stays():
    times = [START, START + pd.Timedelta(hours=1)]
    planned = pd.DataFrame({"unit_id": "u", "stop_id": "s", "arrive_at": times, "dwell_s": 60.0})
    due = START.timestamp()
    found = match_visits(planned, {("u", "s"): np.array([[due + 3500.0, due + 3600.0]])}, early_s=600, late_s=600)
    assert found["status"].tolist() == ["missed", "done"]


@given(
    st.lists(st.tuples(st.integers(-60, 60), st.integers(-60, 60), st.integers(1, 90)), min_size=1, max_size=12),
    st.sampled_from([20, 60]),
)
def test_presences_equal_dense_sampling(steps, max_gap_s):
    xy = np.array([step[:2] for step in steps], float)
    at_s = np.cumsum([float(step[2]) for step in steps])
    found = find_presences(xy, at_s, [(0.0, 0.0)], tolerance_m=30.0, max_gap_s=max_gap_s)
    inside = []
    for i in range(len(at_s) - 1):
        if at_s[i + 1] - at_s[i] <= max_gap_s:
            share = np.linspace(0.0, 1.0, 400)
            way = xy[i] + share[:, None] * (xy[i + 1] - xy[i])
            inside += (at_s[i] + share * (at_s[i + 1] - at_s[i]))[np.hypot(*way.T) <= 30.0].tolist()
    inside += at_s[np.hypot(*xy.T) <= 30.0].tolist()
    assert all(((found[:, 0] - 1e-6 <= t) & (t <= found[:, 1] + 1e-6)).any() for t in inside)
    if inside:
        assert found[0, 0] == pytest.approx(min(inside), abs=0.5)
        assert found[-1, 1] == pytest.approx(max(inside), abs=0.5)
    assert (found[1:, 0] > found[:-1, 1] + REJOIN_S).all()


def test_a_street_driven_twice_counts_once():
    street = {"unit_id": "u", "u": 1, "v": 2, "key": 0, "name": "", "street_m": 100.0}
    planned = pd.DataFrame([{**street, "low_m": 0.0, "high_m": 100.0}] * 2)
    driven = pd.DataFrame([{**street, "low_m": low, "high_m": high} for low, high in [(50, 80), (0, 30), (20, 60)]])
    assert cover_streets(planned, driven)["covered_m"].tolist() == [80.0]
