"""Whatever town, units and stops: every plan passes the independent checker, with both engines."""

from __future__ import annotations

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from patrol_town import after, grid_streets, stops_frame, units_frame

from sightgrid.errors import InfeasibleError
from sightgrid.patrol.routes.replan import replan
from sightgrid.patrol.routes.routes import plan_routes
from sightgrid.patrol.shift.checker import check_plan
from sightgrid.patrol.shift.units import unit_networks

CREWS = ("", "armed")
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # a plan takes a tenth of a second: shrinking would take minutes


@st.composite
def towns(draw):
    """Streets in pieces or not, some one-way; units with breaks and overtime; stops with windows and gaps."""
    numbers = st.lists(st.integers(0, 23), max_size=5)
    streets = grid_streets(4, oneway=draw(numbers), closed=draw(numbers))
    corner = st.tuples(st.integers(0, 3), st.integers(0, 3))
    depots = draw(st.lists(corner, min_size=1, max_size=3))
    each = len(depots)
    pause = draw(st.lists(st.sampled_from([0.0, 600.0]), min_size=each, max_size=each))
    first = draw(st.integers(0, 30)) * 60.0
    units = units_frame(
        depots, hours=draw(st.sampled_from([1.0, 1.5])),
        mode=draw(st.lists(st.sampled_from(["foot", "bicycle", "car"]), min_size=each, max_size=each)),
        start_at=[after(m) for m in draw(st.lists(st.integers(0, 20), min_size=each, max_size=each))],
        overtime_s=draw(st.sampled_from([0.0, 900.0])), break_s=pause, break_after_s=first,
        break_before_s=first + draw(st.integers(0, 20)) * 60.0, crew=[CREWS[n % 2] for n in range(each)],
    )  # fmt: skip
    places = draw(st.lists(corner, max_size=6))
    count = len(places)

    def some(values):
        return draw(st.lists(values, min_size=count, max_size=count))

    opens = some(st.integers(0, 40))
    least = some(st.sampled_from([0.0, 300.0, 900.0]))
    stops = stops_frame(
        places, visits=some(st.integers(1, 3)), priority=some(st.integers(1, 3)), required=some(st.booleans()),
        weight=some(st.floats(0, 5)), dwell_s=some(st.sampled_from([0.0, 120.0, 400.0])),
        open_at=[after(m) for m in opens],
        close_at=[after(m + w) for m, w in zip(opens, some(st.integers(1, 90)), strict=True)],
        min_gap_s=least,
        max_gap_s=[g + e if e else 0.0 for g, e in zip(least, some(st.sampled_from([0, 600, 1800])), strict=True)],
        crew=some(st.sampled_from(CREWS[: min(each, 2)])),
    )  # fmt: skip
    stops["dwell_max_s"] = stops["dwell_s"].astype(float) + draw(st.sampled_from([0.0, 60.0]))
    return streets, units, stops


def check(town, engine, seconds):
    streets, units, stops = town
    try:
        plan = plan_routes(streets, units, stops, engine=engine, seconds=seconds, seed=1)
    except InfeasibleError as error:
        assert "its break" in str(error)  # noqa: PT017
        return None
    assert check_plan(plan, unit_networks(streets, plan.units)) == []
    missing = plan.shortfalls["missing"].sum()
    assert (plan.visits["what"] == "visit").sum() + missing == stops.get("visits", stops["dwell_s"] * 0).sum()
    return plan


@settings(max_examples=12, phases=PHASES)
@given(towns())
def test_own_plans_are_sound(town):
    check(town, "own", 0.1)


@settings(max_examples=5, phases=PHASES)
@given(towns())
def test_plans_of_ortools_are_sound(town):
    check(town, "ortools", 0.1)


@settings(max_examples=8, phases=PHASES)
@given(towns(), st.integers(0, 100), st.booleans())
def test_plans_made_anew_are_sound(town, minutes, loses):
    plan = check(town, "own", 0.05)
    if plan is None:
        return
    at = after(minutes + 0.37)
    lost = [str(plan.units.index[0])] if loses else []
    again = replan(plan, at=at, lost_units=lost, engine="own", seconds=0.05, seed=2)
    assert check_plan(again) == []
    kept = plan.legs[plan.legs["start_at"] < at]
    assert np.array_equal(
        kept[["unit_id", "u", "v"]].to_numpy(),
        again.legs[again.legs["start_at"] < at][["unit_id", "u", "v"]].to_numpy(),
    )
