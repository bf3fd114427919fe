"""Planning routes: what is asked for is done, what cannot be done is told, and what is done stays when plans change."""

from __future__ import annotations

import datetime as dt
import sys

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from patrol_town import after, flat, grid_streets, made, point, stops_frame, units_frame

from sightgrid.errors import CRSError, InfeasibleError, InputError, UnitRangeError
from sightgrid.patrol.routes.replan import replan
from sightgrid.patrol.routes.routes import plan_routes
from sightgrid.patrol.routes.variants import choose_variant, gap_variation, plan_variants, visit_entropy
from sightgrid.patrol.shift.checker import check_plan
from sightgrid.patrol.shift.stops import propose_stops

TOWN = grid_streets(5)


def plan_of(units, stops, streets=TOWN, **options):
    plan = plan_routes(streets, units, stops, **{"engine": "own", "seconds": 3} | options)
    assert check_plan(plan) == []
    return plan


def test_copies_are_spread_over_the_shift_and_keep_their_gaps():
    stops = stops_frame([(1, 1), (3, 2)], visits=3, min_gap_s=900.0, max_gap_s=2700.0)
    plan = plan_of(units_frame([(0, 0), (4, 4)]), stops)
    for stop_id in ("s0", "s1"):
        rows = made(plan, stop_id).sort_values("arrive_at")
        gaps = (rows["arrive_at"] - rows["leave_at"].shift()).dt.total_seconds().dropna()
        assert len(rows) == 3
        assert gaps.between(900.0, 2700.0).all()
    assert plan.figures["worst_gap_min"] < 60.0


def test_slack_is_patrolled_not_waited():
    plan = plan_of(units_frame([(0, 0)]), stops_frame([(2, 2)], visits=1))
    assert plan.figures["attention_share"] == pytest.approx(1.0)  # two hours are enough to walk all 4 km
    moving = (plan.legs["end_at"] - plan.legs["start_at"]).dt.total_seconds().sum()
    assert moving > 0.9 * (7200.0 - 300.0)


def test_patrols_go_where_attention_is():
    worth = flat(TOWN, 0.0)
    east = [street for street, line in zip(TOWN.index, TOWN.geometry, strict=True) if line.centroid.x > point(3, 0).x]
    worth[east] = 1.0 / len(east)
    plan = plan_of(units_frame([(2, 2)], hours=0.5), stops_frame([(2, 2)]), attention=worth)
    assert plan.figures["attention_share"] == pytest.approx(1.0)
    assert plan.legs["length_m"].sum() > 0.0


def test_too_many_required_visits_are_dropped_by_priority_and_told():
    stops = stops_frame([(x, y) for y in range(5) for x in range(5)], priority=[1] * 3 + [2] * 22, dwell_s=600.0)
    plan = plan_of(units_frame([(2, 0)], hours=1.0), stops)
    short = plan.shortfalls
    assert 0 < plan.figures["stops_planned"] < 25
    assert plan.figures["stops_planned"] + short["missing"].sum() == 25
    assert (short["priority"] == 2).all()
    assert (short["reason"] == "no time").all()
    assert {"s0", "s1", "s2"} <= set(made(plan)["stop_id"])


def test_optional_stops_are_served_by_weight_after_the_required_ones():
    stops = stops_frame(
        [(4, 4), (0, 1), (1, 0), (1, 1)], required=[True, False, False, False], weight=[0, 1, 9, 8], dwell_s=600.0
    )
    plan = plan_of(units_frame([(0, 0)], hours=0.75), stops)
    assert set(made(plan)["stop_id"]) == {"s0", "s2"}
    assert set(plan.shortfalls["stop_id"]) == {"s1", "s3"}
    assert not plan.shortfalls["required"].any()


def test_a_town_in_pieces_lists_what_is_not_reached_and_plans_the_rest():
    island = grid_streets(3, origin=40.0, first=1000)
    streets = gpd.GeoDataFrame(pd.concat([TOWN, island]), crs=TOWN.crs)
    plan = plan_of(units_frame([(0, 0)]), stops_frame([(1, 1), (41, 1)]), streets)
    assert plan.shortfalls[["stop_id", "missing", "reason"]].to_numpy().tolist() == [["s1", 1, "unreachable"]]
    assert set(made(plan)["stop_id"]) == {"s0"}


def test_snap_distances_are_told():
    plan = plan_of(units_frame([(0, -0.5)]), stops_frame([(1.3, 1), (1, 7)]))
    assert plan.units["snap_m"].tolist() == pytest.approx([50.0])
    assert plan.stops["snap_m"].tolist() == pytest.approx([30.0, 300.0])
    assert plan.shortfalls["reason"].tolist() == ["unreachable"]


def test_every_reason_is_told():
    stops = stops_frame(
        [(1, 1), (1, 2), (1, 3), (9, 9), (2, 2)],
        category=["school", "square", "square", "square", "square"],
        crew=["", "armed", "", "", ""],
        open_at=[pd.NaT, pd.NaT, after(600), pd.NaT, pd.NaT],
        visits=[1, 1, 1, 1, 9],
        min_gap_s=[0, 0, 0, 0, 1500.0],
    )
    units = units_frame([(0, 0), (4, 4)], places=[("square",), ("park",)], crew=["", "armed"])
    told = plan_of(units, stops).shortfalls.set_index("stop_id")
    assert told["reason"].str.split(";").str[0].to_dict() == {
        "s0": "no unit may serve it",
        "s1": "no unit may serve it",
        "s2": "window outside the shifts",
        "s3": "unreachable",
        "s4": "gap",
    }
    assert told.loc["s4", "missing"] == 5


def test_crews_and_categories_are_kept():
    stops = stops_frame([(1, 1), (3, 3)], crew=["armed", ""], category=["bank", "school"])
    units = units_frame([(4, 4), (0, 0)], crew=["armed", ""], places=[(), ("school",)])
    plan = plan_of(units, stops)
    assert set(made(plan, "s0")["unit_id"]) == {"u0"}
    assert plan.shortfalls.empty


def test_locked_visits_stay_where_they_are():
    stops = stops_frame([(1, 1), (3, 3)], visits=[3, 2], min_gap_s=600.0)
    locked = pd.DataFrame({"unit_id": ["u1", "u0"], "stop_id": ["s0", "s1"], "arrive_at": [after(43.5), after(43.25)]})
    plan = plan_of(units_frame([(0, 0), (4, 4)]), stops, locked=locked)
    held = plan.visits[plan.visits["locked"]].sort_values("unit_id")
    assert list(held["stop_id"]) == ["s1", "s0"]
    assert list(held["arrive_at"]) == [after(43.25), after(43.5)]
    assert plan.shortfalls.empty


def test_locked_visits_that_cannot_be_made_are_refused():
    locked = pd.DataFrame({"unit_id": "u0", "stop_id": ["s0", "s1"], "arrive_at": [after(30), after(31)]})
    with pytest.raises(InfeasibleError, match="unit u0: its 2 locked visits do not fit"):
        plan_of(units_frame([(0, 0)]), stops_frame([(0, 0), (4, 4)]), locked=locked)


def test_visits_done_before_count():
    stops = stops_frame([(1, 1)], visits=2, min_gap_s=1800.0)
    done = pd.DataFrame({"stop_id": ["s0"], "arrive_at": [after(-10)], "leave_at": [after(-5)]})
    plan = plan_of(units_frame([(0, 0)]), stops, done=done)
    assert len(made(plan)) == 1
    assert made(plan)["arrive_at"].iloc[0] >= after(25)
    assert plan.figures["stops_planned"] == 2


def test_overtime_is_used_only_where_it_is_needed():
    units = units_frame([(0, 0)], hours=0.25, overtime_s=1200.0)
    assert made(plan_of(units, stops_frame([(1, 0)]))).shape[0] == 1
    ends = plan_of(units, stops_frame([(1, 0)])).visits["leave_at"].max()
    assert ends <= after(15)
    far = plan_of(units, stops_frame([(4, 4)], dwell_s=600.0))
    assert after(15) < far.visits["leave_at"].max() <= after(35)
    assert far.shortfalls.empty


def test_work_is_balanced_between_equal_units():
    stops = stops_frame([(x, y) for x in range(5) for y in (1, 3)], dwell_s=600.0)
    plan = plan_of(units_frame([(2, 2), (2, 2)], hours=3.0), stops)
    served = made(plan).groupby("unit_id")["dwell_s"].sum()
    assert abs(served["u0"] - served["u1"]) <= 600.0
    assert plan.figures["balance"] < 1.1


@pytest.mark.parametrize("hidden", [True, False])
def test_a_plan_needs_no_ortools(monkeypatch, hidden):
    if hidden:
        for name in [name for name in sys.modules if name.startswith("ortools")] + ["ortools"]:
            monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.setattr("sightgrid.patrol.routes.routes.find_spec", lambda _: None)
        monkeypatch.delitem(sys.modules, "sightgrid.patrol.routes.ortools_engine", raising=False)
        said = r'engine: ortools is not installed; .* pip install -e "\.\[ortools\]" in the checkout$'
        with pytest.raises(InputError, match=said):
            plan_of(units_frame([(0, 0)]), stops_frame([(1, 1)]), engine="ortools")
    # more than fits, so that the automatic choice asks the other engine where it is there
    stops = stops_frame([(x, y) for y in range(5) for x in range(5)], dwell_s=600.0)
    plan = plan_of(units_frame([(2, 0)], hours=1.0), stops, engine="auto", seconds=0.6)
    assert plan.figures["stops_planned"] >= 4


def test_bad_options_are_told():
    units, stops = units_frame([(0, 0)]), stops_frame([(1, 1)])
    cases = [
        (UnitRangeError, "engine: 'vroom' is not known", {"engine": "vroom"}),
        (UnitRangeError, "seconds: 0 must be above 0", {"seconds": 0}),
        (InputError, "attention: its index", {"attention": pd.Series([1.0])}),
        (InputError, "attention: must be finite and at least 0", {"attention": flat(TOWN, -1.0)}),
        (InputError, "observed: missing column", {"observed": pd.DataFrame(index=TOWN.index)}),
    ]
    for error, message, options in cases:
        with pytest.raises(error, match=message):
            plan_of(units, stops, **options)
    with pytest.raises(InputError, match=r"the depot must lie within 200 m .* u0 \(1414 m\)"):
        plan_of(units_frame([(-10, -10)]), stops)
    with pytest.raises(InputError, match=r"no unit has this crew \(1 stops: s0 \(aremd\)\)"):
        plan_of(units, stops_frame([(1, 1)], crew="aremd"))
    with pytest.raises(InputError, match="no unit is given"):
        plan_of(units.iloc[:0], stops)
    with pytest.raises(CRSError):
        plan_of(units.to_crs(4326), stops)
    with pytest.raises(InputError, match="is not the coordinate system of the streets"):
        plan_of(units, stops.to_crs(32634))


def test_a_shift_without_stops_is_a_patrol():
    plan = plan_of(units_frame([(0, 0)]), stops_frame([]))
    assert plan.figures["stops_required"] == 0
    assert plan.figures["worst_gap_min"] is None
    assert plan.figures["attention_share"] == pytest.approx(1.0)


@pytest.fixture(scope="module")
def morning():
    stops = stops_frame([(x, y) for x in (0, 2, 4) for y in (0, 2, 4)], visits=2)
    units = units_frame([(0, 0), (4, 4), (0, 4)], break_s=600.0, break_after_s=1800.0, break_before_s=5400.0)
    return plan_of(units, stops)


@pytest.mark.parametrize("minutes", [0.0, 7.3, 31.0, 64.5, 118.0, 130.0])
def test_replanning_keeps_what_is_done(morning, minutes):
    at = after(minutes)
    plan = replan(morning, at=at, lost_units=["u1"], engine="own", seconds=0.3)
    assert check_plan(plan) == []
    before = [frame[frame["start_at"] < at].reset_index(drop=True) for frame in (morning.legs, plan.legs)]
    pd.testing.assert_frame_equal(*(pd.DataFrame(frame).assign(geometry=frame.geometry.to_wkt()) for frame in before))
    over = [made(p)[made(p)["leave_at"] <= at].reset_index(drop=True) for p in (morning, plan)]
    pd.testing.assert_frame_equal(*over)
    own = plan.legs[(plan.legs["unit_id"] == "u1") & (plan.legs["start_at"] >= at)]
    assert own.empty
    assert plan.figures["stops_planned"] + plan.shortfalls["missing"].sum() == 18
    again = replan(plan, at=at + pd.Timedelta(minutes=9), lost_units=["u0"], engine="own", seconds=0.3)
    assert check_plan(again) == []


def test_replanning_needs_sound_input(morning):
    with pytest.raises(InputError, match="at: must have a time zone"):
        replan(morning, at=pd.Timestamp("2026-11-23T09:00"))
    with pytest.raises(InputError, match="lost_units: unknown ids"):
        replan(morning, at=after(10), lost_units=["u7"])
    lost = replan(morning, at=after(10), lost_units=["u1"], engine="own", seconds=1)
    with pytest.raises(InputError, match="lost before"):
        replan(lost, at=after(20), lost_units=["u1"])


def test_variants_differ_and_cost_little():
    stops = stops_frame([(x, y) for x in (0, 2, 4) for y in (0, 2, 4)])
    found = plan_variants(
        TOWN, units_frame([(0, 0), (4, 4)]), stops, count=3, excess=0.2, seconds=2, attention=flat(TOWN)
    )
    assert [check_plan(plan) for plan in found.plans] == [[]] * len(found.plans)
    assert len(found.plans) > 1
    assert (found.table["excess"] <= 0.2 + 1e-9).all()
    assert (found.table["stops_planned"] == 9).all()
    assert 0.0 < found.figures["entropy"] <= 1.0
    assert found.figures["entropy"] > visit_entropy(found.plans[:1]) == 0.0
    assert found.figures["worst_gap_min"] == found.table["worst_gap_min"].max()
    assert gap_variation(found.plans) >= 0.0
    days = [dt.date(2026, 11, 1) + dt.timedelta(days=n) for n in range(30)]
    chosen = [id(choose_variant(found, day, seed=7)) for day in days]
    assert chosen == [id(choose_variant(found, day, seed=7)) for day in days]
    assert set(chosen) == {id(plan) for plan in found.plans}


def test_places_of_a_real_site_become_stops(helsinki):
    worth = helsinki.streets["length_m"] / helsinki.streets["length_m"].sum()
    stops = propose_stops(helsinki, worth, most=10, hot=4, apart_m=80.0)
    assert stops["required"].sum() == 10
    assert (stops["category"] == "hot_spot").sum() == 4
    assert (stops["weight"] > 0.0).all()
    xy = np.column_stack([stops.geometry.x, stops.geometry.y])
    apart = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
    assert apart[np.triu_indices(len(xy), 1)].min() >= 80.0


def test_a_real_shift_is_planned_and_sound(helsinki):
    stops = propose_stops(helsinki, most=8, hot=0)
    middle = helsinki.study.centroid
    units = gpd.GeoDataFrame(
        {
            "mode": ["foot", "bicycle", "car"], "speed_kph": [5.0, 15.0, 30.0],
            "start_at": after(0), "end_at": after(180),
            "break_s": 900.0, "break_after_s": 3600.0, "break_before_s": 7200.0,
        },
        index=pd.Index(["foot", "bike", "car"], name="unit_id"), geometry=[middle] * 3, crs=helsinki.crs,
    )  # fmt: skip
    plan = plan_of(units, stops, helsinki.streets, seconds=2)
    assert plan.figures["stops_planned"] == plan.figures["stops_required"] > 8
    assert plan.figures["balance"] < 1.1
