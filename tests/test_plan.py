"""The plan's own figures and lines, on a town where they can be counted by hand; and the checker catches every lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import shapely
from patrol_town import after, flat, grid_streets, made, stops_frame, units_frame

from sightgrid.patrol.routes.routes import plan_routes
from sightgrid.patrol.shift.checker import check_plan
from sightgrid.patrol.shift.plan import build_legs


@pytest.fixture(scope="module")
def plan():
    streets = grid_streets(4, oneway=[3])
    units = units_frame(
        [(0, 0), (3, 3)], break_s=600.0, break_after_s=1800.0, break_before_s=3600.0, crew=["armed", ""]
    )
    stops = stops_frame(
        [(1, 1), (2, 0), (0, 3)],
        visits=[3, 1, 1],
        min_gap_s=[600.0, 0.0, 0.0],
        max_gap_s=[3600.0, 0.0, 0.0],
        open_at=[after(0), after(30), after(0)],
        close_at=[after(120), after(60), after(120)],
        crew=["", "", "armed"],
    )
    observed = pd.DataFrame({"observable_m": 100.0, "observed_m": 0.0}, index=streets.index)
    observed.iloc[:6, 1] = 50.0
    return plan_routes(streets, units, stops, attention=flat(streets), observed=observed, engine="own", seconds=5)


def test_a_plan_is_sound_and_complete(plan):
    assert check_plan(plan) == []
    assert plan.shortfalls.empty
    assert plan.figures["stops_required"] == plan.figures["stops_planned"] == 5
    assert (plan.figures["stops_optional"], plan.figures["visits"]) == (0, 5)


def test_figures_are_those_of_the_tables(plan):
    driven = set(plan.streets_driven)
    streets = set(plan.attention.index)
    assert driven <= streets
    assert plan.figures["attention_share"] == pytest.approx(len(driven) / len(streets))
    seen = plan.observed["observed_m"]
    joint = sum(100.0 if street in driven else seen[street] for street in streets) / (100.0 * len(streets))
    assert plan.figures["joint_rate"] == pytest.approx(joint)
    assert plan.figures["camera_rate"] == pytest.approx(300.0 / (100.0 * len(streets)))
    assert plan.figures["joint_rate"] > plan.figures["camera_rate"]
    moments = made(plan, "s1").iloc[0]
    gaps = [(moments.arrive_at - after(0)).total_seconds(), (after(120) - moments.leave_at).total_seconds()]
    assert plan.stop_gaps.loc["s1", "worst_gap_s"] == pytest.approx(max(gaps))
    assert plan.figures["worst_gap_min"] == pytest.approx(plan.stop_gaps["worst_gap_s"].max() / 60.0)
    assert plan.stop_gaps.loc["s0", "visits"] == 3
    work = plan.legs["length_m"].groupby(plan.legs["unit_id"]).sum() / (6.0 / 3.6)
    work += made(plan).groupby("unit_id")["dwell_s"].sum().reindex(work.index, fill_value=0.0)
    assert plan.figures["balance"] == pytest.approx(work.max() / work.mean(), rel=1e-3)


def test_routes_are_lines_of_all_legs(plan):
    routes = plan.routes
    assert list(routes["unit_id"]) == ["u0", "u1"]
    assert routes.index[0] == "u0 2026-11-23T08:00"
    assert routes["stops"].sum() == 5
    for route in routes.itertuples():
        legs = plan.legs[plan.legs["unit_id"] == route.unit_id]
        assert route.geometry.length == pytest.approx(legs["length_m"].sum())
        assert route.distance_m == pytest.approx(legs["length_m"].sum())
        assert route.duration_s == pytest.approx(7200.0)


def test_a_plan_without_legs_has_empty_lines(plan):
    table = pd.DataFrame({name: [] for name in ("unit_id", "u", "v", "key", "start_at", "end_at")})
    table = table.astype({"start_at": "datetime64[ms, UTC]", "end_at": "datetime64[ms, UTC]"})
    still = replace(plan, legs=build_legs(table, plan.networks, crs=plan.legs.crs))
    assert still.routes.geometry.is_empty.all()
    assert still.figures["driven_m"] == 0.0
    assert len(still.streets_driven) == 0


def change(plan, table, row, **values):
    """The plan with some cells of one row changed."""
    frame = getattr(plan, table).copy()
    for column, value in values.items():
        frame.loc[row, column] = value
    return replace(plan, **{table: frame})


def late(moment, seconds):
    return moment + pd.Timedelta(seconds=seconds)


def lies(plan):
    """Plans that break one rule each, with a word of what the checker must say."""
    legs, visits = plan.legs, plan.visits
    leg, own = legs.iloc[3], visits[visits["unit_id"] == "u0"]
    visit = made(plan, "s0").iloc[0]
    pause, start, end = (own[own["what"] == what].iloc[0] for what in ("break", "start", "end"))
    line = shapely.LineString([(0, 0), (1, 1)])
    yield change(plan, "legs", leg.name, u=99), "no edge"
    yield change(plan, "legs", leg.name, end_at=late(leg.end_at, -1)), "the street"
    yield change(plan, "legs", leg.name, length_m=1.0), "length or direction"
    yield change(plan, "legs", leg.name, reversed=not leg.reversed), "length or direction"
    yield replace(plan, legs=legs.set_geometry(np.where(legs.index == leg.name, line, legs.geometry))), "its line"
    yield replace(plan, legs=legs.drop(leg.name)), "the one before ended at"
    yield change(plan, "legs", leg.name, start_at=late(leg.start_at, -5), end_at=late(leg.end_at, -5)), "before the one"
    yield change(plan, "visits", visit.name, what="party"), "unknown rows party"
    yield replace(plan, visits=visits.drop(start.name)), "0 rows start"
    yield (
        change(plan, "visits", start.name, arrive_at=late(start.arrive_at, -60), dwell_s=60.0),
        "begins before its shift",
    )
    yield (
        change(plan, "visits", end.name, leave_at=late(end.leave_at, 60), dwell_s=60.0),
        "after its shift and overtime",
    )
    yield change(plan, "visits", end.name, node=7), "does not end at its depot"
    yield (
        change(plan, "visits", start.name, arrive_at=late(start.arrive_at, 900), leave_at=late(start.leave_at, 900)),
        ("does something before it starts"),
    )
    yield replace(plan, visits=visits.drop(pause.name)), "0 breaks"
    yield replace(plan, units=plan.units.assign(break_after_s=3599.0, break_before_s=3599.5)), "outside its window"
    yield change(plan, "visits", pause.name, leave_at=late(pause.leave_at, -60), dwell_s=540.0), "has not its length"
    yield change(plan, "visits", visit.name, dwell_s=301.0), "dwell_s is not the time"
    yield change(plan, "visits", visit.name, node=99), "but the unit"
    yield change(plan, "visits", visit.name, stop_id="s9"), "stop s9: unknown"
    yield change(plan, "visits", visit.name, stop_id="s1"), "2 visits where 1 are wanted"
    yield change(plan, "visits", visit.name, stop_id="s1"), "is not at node"
    yield replace(plan, visits=visits.drop(visit.name)), "2 visits made and 0 listed as missing"
    yield change(plan, "visits", visit.name, leave_at=late(visit.leave_at, 30), dwell_s=330.0), "lasts 330 s"
    yield change(plan, "visits", visit.name, unit_id="u9"), "unit u9: unknown"
    yield change(plan, "stops", "s0", open_at=late(visit.arrive_at, 1)), "before the stop opens"
    yield change(plan, "stops", "s0", close_at=late(visit.leave_at, -1)), "after the stop closes"
    yield change(plan, "stops", "s0", crew="armed" if visit.unit_id == "u1" else "mixed"), "may not serve it"
    yield change(plan, "stops", "s0", min_gap_s=3500.0), "at least 3500 s are wanted"
    yield change(plan, "stops", "s0", max_gap_s=60.0), "at most 60 s are wanted"
    apart = late(visit.arrive_at, 40)
    yield change(plan, "visits", visit.name, arrive_at=apart, leave_at=late(apart, 300)), "moves meanwhile"


def test_the_checker_catches_every_lie(plan):
    missed = []
    for number, (broken, word) in enumerate(lies(plan)):
        told = check_plan(broken, plan.networks)
        if not any(word in text for text in told):
            missed.append((number, word, told))
    assert missed == []


def test_a_gap_that_the_plan_admits_is_no_lie(plan):
    tight = change(plan, "stops", "s0", max_gap_s=60.0)
    row = pd.DataFrame(
        {
            "stop_id": ["s0"],
            "missing": [0],
            "priority": [1],
            "required": [True],
            "reason": ["gap of 40 min where 1 are"],
        }
    )
    assert check_plan(replace(tight, shortfalls=row)) == []
