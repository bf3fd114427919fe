"""The checkpoint patrol in numbers: slots, penalties, timing against brute force, engines against each other."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from patrol_town import after, grid_streets, stops_frame, units_frame

from sightgrid.errors import InputError, SchemaError, UnitRangeError
from sightgrid.patrol.routes import timing
from sightgrid.patrol.routes.checkpoints import build_problem, weigh_visits
from sightgrid.patrol.routes.improvement import Search, lock_routes
from sightgrid.patrol.routes.inputs import check_done, check_locked
from sightgrid.patrol.routes.slots import EVEN, LOOSE, Stretch, draw_slots, share_out
from sightgrid.patrol.shift.dosage import dose, draw_dwells
from sightgrid.patrol.shift.stops import check_stops
from sightgrid.patrol.shift.units import check_units, unit_networks

SEVERAL = st.integers(1, 5)


def problem_of(streets, units, stops, *, locked=None, done=None, seed=0, **options):
    units, stops = check_units(units, crs=streets.crs), check_stops(stops, crs=streets.crs)
    before = check_done(done, stops)
    held = check_locked(locked, units, stops, done=before)
    networks = unit_networks(streets, units)
    return build_problem(units, stops, networks, locked=held, done=before, heads={}, snap_m=200.0, seed=seed, **options)


@given(
    SEVERAL,
    st.floats(0, 30_000),
    st.floats(0, 3600),
    st.one_of(st.just(0.0), st.floats(0, 7200)),
    st.floats(0, 900),
    st.sampled_from([EVEN, 0.7, LOOSE]),
    st.floats(-1, 1),
    st.randoms(use_true_random=False),
)
def test_any_times_inside_the_slots_keep_the_gaps(visits, span, least, extra, dwell, looseness, phase, chance):
    most = least + extra if extra else 0.0
    dwells = [dwell + chance.random() * 300.0 for _ in range(visits)]
    slots = draw_slots(Stretch(0.0, span), dwells, min_gap_s=least, max_gap_s=most, looseness=looseness, phase=phase)
    fits = [n for n in range(visits + 1) if sum(dwells[:n]) + max(n - 1, 0) * least <= span]
    assert len(slots) == max(fits)
    times = [slot.open_s + chance.choice([0.0, 1.0, chance.random()]) * (slot.close_s - slot.open_s) for slot in slots]
    for slot, at in zip(slots, times, strict=True):
        assert slot.open_s >= -1e-6
        assert at + slot.dwell_s <= span + 1e-6
    for (slot, at), (_, later) in itertools.pairwise(zip(slots, times, strict=True)):
        gap = later - at - slot.dwell_s
        assert gap >= least - 1e-6
        assert not most or gap <= most + 1e-6


def test_slots_start_within_the_longest_gap_after_a_visit_already_made():
    slots = draw_slots(Stretch(0, 30_000, left_s=0.0), [300, 300], min_gap_s=600, max_gap_s=7200)
    assert slots[0].open_s >= 600
    assert slots[0].close_s <= 7200


def test_visits_go_to_the_longest_stretches():
    assert share_out([Stretch(0, 100), Stretch(0, 300), Stretch(5, 0)], 4) == [1, 3, 0]


def test_one_visit_of_higher_priority_outweighs_all_below():
    stops = check_stops(
        stops_frame([(0, 0)] * 6, priority=[1, 2, 2, 3, 3, 3], required=[True] * 4 + [False] * 2,
                    weight=[0, 9, 9, 9, 100, 0]),
        crs=32635,
    )  # fmt: skip
    penalty = weigh_visits(stops, np.arange(6), horizon_s=28_800.0, units=4)
    assert penalty[0] > penalty[1:].sum()
    assert penalty[1] > penalty[3:].sum()
    assert penalty[3] > penalty[4:].sum()
    assert penalty[4] > penalty[5] > 4 * 28_800.0


def brute_end(case, k, visits):
    """Earliest end over all places of the break, by plain simulation."""
    best = np.inf
    places = len(visits) + 2
    for pause in range(places) if case.units.break_s[k] > 0 else [-1]:
        free, here, fine = case.units.start_s[k], case.units.first[k], True
        for i in range(places):
            if i == pause:
                free = max(free, case.units.break_from_s[k])
                fine &= free <= case.units.break_to_s[k]
                free += case.units.break_s[k]
            if i == places - 1:
                break
            place = case.visits.place[visits[i]] if i < len(visits) else case.units.last[k]
            free += case.travel_s[case.units.profile[k], here, place]
            if i < len(visits):
                fine &= free <= case.visits.close_s[visits[i]]
                free = max(free, case.visits.open_s[visits[i]]) + case.visits.dwell_s[visits[i]]
            here = place
        if fine and free <= case.units.limit_s[k]:
            best = min(best, free)
    return best


@given(st.integers(0, 10_000))
def test_the_clocks_find_the_earliest_end_of_all_breaks(seed):
    rng = np.random.default_rng(seed)
    opens = rng.integers(0, 60, 4)
    stops = stops_frame(
        rng.integers(0, 4, (4, 2)).tolist(),
        open_at=[after(m) for m in opens],
        close_at=[after(m + 6 + w) for m, w in zip(opens, rng.integers(0, 60, 4), strict=True)],
    )
    first = int(rng.integers(0, 50)) * 60.0
    units = units_frame([(0, 0)], break_s=900.0, break_after_s=first, break_before_s=first + rng.integers(0, 1200))
    case = problem_of(grid_streets(4), units, stops).case
    for visits in itertools.permutations(range(len(case.visits)), 3):
        clocks = np.empty((2, 4))
        end = timing.run(case, 0, np.array(visits), 3, clocks[0], clocks[1])
        expected = brute_end(case, 0, visits)
        assert end == pytest.approx(expected, abs=0.01)
        if np.isfinite(end):
            spread = np.sort(rng.random(6))
            arrive, pause, break_s, end_s = timing.set_times(case, 0, list(visits), spread=spread)
            check_times(case, visits, arrive, pause, break_s, end_s)


def check_times(case, visits, arrive, pause, break_s, end_s):
    free, here = 0.0, case.units.first[0]
    for i in range(len(visits) + 1):
        if i == pause:
            assert max(free, case.units.break_from_s[0]) - 0.01 <= break_s <= case.units.break_to_s[0] + 0.01
            free = break_s + case.units.break_s[0]
        place = case.visits.place[visits[i]] if i < len(visits) else case.units.last[0]
        free += case.travel_s[0, here, place]
        here = place
        if i < len(visits):
            slot = case.visits[visits[i]]
            assert max(free, slot.open_s) - 0.01 <= arrive[i] <= slot.close_s + 0.01
            free = arrive[i] + slot.dwell_s
    assert free - 0.01 <= end_s <= case.units.limit_s[0] + 0.01


def brute_served(case):
    """Most visits that one unit can make."""
    n = len(case.visits)
    return max(
        size
        for size in range(n + 1)
        for order in itertools.permutations(range(n), size)
        if np.isfinite(brute_end(case, 0, order))
    )


@pytest.mark.parametrize("seed", range(4))
def test_both_engines_serve_as_many_as_brute_force(seed):
    from sightgrid.patrol.routes.ortools_engine import improve_routes

    rng = np.random.default_rng(seed)
    opens = rng.integers(0, 25, 5)
    stops = stops_frame(
        rng.integers(0, 5, (5, 2)).tolist(), open_at=[after(m) for m in opens], close_at=[after(m + 15) for m in opens]
    )
    units = units_frame([(0, 0)], hours=0.75, break_s=300.0, break_after_s=600.0, break_before_s=1800.0)
    case = problem_of(grid_streets(5), units, stops).case
    search = Search(case, lock_routes(case))
    search.improve(seconds=10, seed=0, rounds=1000)
    best = brute_served(case)
    assert len(search.routes[0]) == best
    theirs = Search(case, improve_routes(case, [[]], seconds=0.3)).routes
    assert len(theirs[0]) == best


def test_the_own_engine_is_reproducible():
    stops = stops_frame([(x, y) for x in range(4) for y in range(3)], visits=2)
    case = problem_of(grid_streets(4), units_frame([(0, 0), (3, 3)]), stops).case
    answers = []
    for _ in range(2):
        search = Search(case, lock_routes(case))
        search.improve(seconds=30, seed=3, rounds=1000)
        answers.append((search.routes, search.cost))
    assert answers[0] == answers[1]


def test_dosage_is_drawn_between_its_limits_and_capped():
    spots = dose(stops_frame([(0, 0), (1, 1)]), shift_s=8 * 3600)
    assert (spots["visits"] == 3).all()
    assert (spots["max_gap_s"] == 7200).all()
    checked = check_stops(spots, crs=32635)
    dwells = draw_dwells(checked, np.zeros(5000, int), np.random.default_rng(0))
    assert dwells.min() == 600
    assert dwells.max() == 960
    capped = dose(stops_frame([(0, 0)]), shift_s=8 * 3600, most_s=2000)
    assert (capped["visits"] * capped["dwell_max_s"] <= 2000).all()
    for wrong in ({"most_s": 900}, {"shortest_s": 0}, {"every_s": -1}):
        with pytest.raises(UnitRangeError):
            dose(stops_frame([(0, 0)]), shift_s=8 * 3600, **wrong)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"speed_kph": np.nan}, r"speed_kph: must be given \(1 row: u0\)"),
        ({"speed_kph": 0.0}, "speed_kph: must lie in"),
        ({"mode": "boat"}, "mode: must be one of foot, bicycle, car"),
        ({"end_at": after(-1)}, "end_at: the shift must end after it starts"),
        ({"start_at": pd.Timestamp("2026-11-23T08:00")}, "start_at: must have a time zone"),
        ({"start_at": "soon"}, "start_at: must be a time"),
        ({"overtime_s": -1.0}, "overtime_s: must be at least 0"),
        ({"break_s": 600.0, "break_after_s": 7000.0}, "break_s: the break must fit into the shift"),
        ({"break_s": 600.0, "break_after_s": 700.0, "break_before_s": 600.0}, "break_before_s: must not lie before"),
        ({"places": "school"}, "places: must be a tuple"),
    ],
)
def test_units_tell_what_is_wrong(columns, message):
    with pytest.raises(SchemaError, match=message):
        check_units(units_frame([(0, 0)], **columns), crs=grid_streets(2).crs)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"weight": -1.0}, "weight: must be at least 0"),
        ({"visits": 0}, "visits: must be a whole number"),
        ({"visits": 1.5}, "visits: must be a whole number"),
        ({"min_gap_s": 100.0, "max_gap_s": 50.0}, "max_gap_s: must not be below min_gap_s"),
        ({"open_at": after(5), "close_at": after(5)}, "close_at: must lie after open_at"),
        ({"open_at": pd.Timestamp("2026-11-23T08:00")}, "open_at: must have a time zone"),
        ({"required": "yes"}, "required: must be true or false"),
        ({"dwell_s": "long"}, "dwell_s: must be a number"),
        ({"dwell_max_s": 10.0}, "dwell_max_s: must not be below dwell_s"),
    ],
)
def test_stops_tell_what_is_wrong(columns, message):
    with pytest.raises(SchemaError, match=message):
        check_stops(stops_frame([(0, 0)], **columns), crs=grid_streets(2).crs)


def test_all_faults_of_a_table_are_told_at_once():
    units = units_frame([(0, 0), (1, 1)], speed_kph=[np.nan, -3.0], overtime_s=-1.0)
    with pytest.raises(SchemaError) as told:
        check_units(units.set_axis(pd.Index(["a", "a"], name="unit_id")), crs=units.crs)
    assert [fault.column for fault in told.value.faults] == ["unit_id", "speed_kph", "speed_kph", "overtime_s"]


@pytest.mark.parametrize(
    ("locked", "message"),
    [
        ([("u9", "s0", after(10))], "unit_id: unknown ids"),
        ([("u0", "s9", after(10))], "stop_id: unknown ids"),
        ([("u0", "s0", after(-10))], "must lie in the unit's shift"),
        ([("u0", "s1", after(100))], "must lie in the stop's window"),
        ([("u1", "s2", after(10))], "the unit may not serve the stop"),
        ([("u0", "s0", after(10)), ("u1", "s0", after(12))], "begin 120 s apart"),
        ([("u0", "s1", after(10)), ("u1", "s1", after(25))], "2 visits at s1, where 1 are wanted"),
    ],
)
def test_locked_visits_tell_what_is_wrong(locked, message):
    units = check_units(units_frame([(0, 0), (1, 1)], crew=["armed", ""]), crs=32635)
    stops = stops_frame(
        [(0, 0), (1, 0), (0, 1)], visits=[2, 1, 1], open_at=after(0), close_at=after(60), crew=["", "", "armed"]
    )
    frame = pd.DataFrame(locked, columns=["unit_id", "stop_id", "arrive_at"])
    checked = check_stops(stops, crs=32635)
    with pytest.raises(InputError, match=message):
        check_locked(frame, units, checked, done=check_done(None, checked))
