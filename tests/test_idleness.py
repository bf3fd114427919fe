"""Idleness: closed forms against a clock that ticks, and what cannot be measured."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import patrol_tours
from sightgrid.errors import InputError, SchemaError, UnitRangeError
from sightgrid.patrol.tours.idleness import measure_idleness

NAMES = ["a", "b", "c"]


def visits_frame(stops, times):
    return pd.DataFrame({"unit_id": "u1", "stop_id": list(stops), "arrive_at": times})


def test_clockwork_waits_half_its_period_on_average():
    found = measure_idleness(visits_frame("aaaa", [0.0, 25.0, 50.0, 75.0]), stops=["a"], period_s=100.0)
    assert found.stops.loc["a"].to_dict() == pytest.approx(
        {"visits": 4, "mean_gap_s": 25, "max_gap_s": 25, "gap_cv": 0, "mean_s": 12.5,
         "quadratic_mean_s": 25 / np.sqrt(3), "worst_s": 25, "weight": 1}
    )  # fmt: skip
    assert (found.mean_s, found.worst_s, found.gap_cv) == (12.5, 25.0, 0.0)


def test_span_counts_from_its_start_and_to_its_end():
    found = measure_idleness(visits_frame("aab", [20.0, 50.0, 40.0]), stops=NAMES, start_at=0.0, end_at=100.0)
    assert found.stops["worst_s"].tolist() == [50.0, 60.0, 100.0]
    assert found.stops["visits"].tolist() == [2, 1, 0]
    assert found.stops["max_gap_s"].fillna(-1).tolist() == [30.0, -1, -1]
    assert found.stops.loc["c", "mean_s"] == 50.0
    assert found.stops.loc["a", "mean_s"] == (20**2 + 30**2 + 50**2) / 200
    assert np.isnan(found.gap_cv)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 600)), max_size=30))
def test_formulas_equal_a_clock_that_ticks(rows):
    """The oracle asks every place at each half second how long ago its last visit was."""
    visits = visits_frame([NAMES[stop] for stop, _ in rows], [float(second) for _, second in rows])
    found = measure_idleness(visits, stops=NAMES, start_at=0.0, end_at=600.0)
    now = np.arange(600) + 0.5
    waits = []
    for stop in range(3):
        at = np.sort([0] + [second for place, second in rows if place == stop])
        waits.append(now - at[np.searchsorted(at, now, side="right") - 1])
    assert found.mean_s == pytest.approx(np.mean(waits))
    assert found.worst_s == pytest.approx(np.max(waits) + 0.5)
    # the square of a straight line over a second has 1/12 more than that of its middle
    assert found.quadratic_mean_s == pytest.approx(np.sqrt(np.mean(np.square(waits)) + 1 / 12))
    worst, mean = patrol_tours.score_visits([(float(second), stop) for stop, second in rows], 3, 0.0, 600.0)
    assert (found.worst_s, found.mean_s) == pytest.approx((worst, mean))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 599)), min_size=1, max_size=20))
def test_a_period_equals_its_repetition_for_long(rows):
    rows = [*rows, (0, 0), (1, 0), (2, 0)]
    once = measure_idleness(
        visits_frame([NAMES[s] for s, _ in rows], [float(t) for _, t in rows]), stops=NAMES, period_s=600.0
    )
    many = [(s, t + 600.0 * n) for s, t in rows for n in range(7)]
    span = measure_idleness(
        visits_frame([NAMES[s] for s, _ in many], [t for _, t in many]), stops=NAMES, start_at=0.0, end_at=4200.0
    )
    for figure in ("mean_s", "quadratic_mean_s", "worst_s", "weighted_worst_s"):
        assert getattr(once, figure) == pytest.approx(getattr(span, figure))


def test_weights_pull_the_mean_and_the_worst():
    visits = visits_frame("aab", [0.0, 50.0, 0.0])
    found = measure_idleness(visits, stops=["a", "b"], period_s=100.0, weights=[3.0, 1.0])
    assert found.mean_s == (3 * 25 + 50) / 4
    assert (found.worst_s, found.weighted_worst_s) == (100.0, 150.0)


def test_place_without_a_visit_waits_for_ever_in_a_plan_that_repeats():
    found = measure_idleness(visits_frame("a", [0.0]), stops=["a", "b"], period_s=100.0)
    assert np.isinf([found.mean_s, found.worst_s]).all()
    spared = measure_idleness(visits_frame("a", [0.0]), stops=["a", "b"], period_s=100.0, weights=[1.0, 0.0])
    assert (spared.mean_s, spared.weighted_worst_s) == (50.0, 100.0)


def test_entropy_is_highest_when_places_and_slots_are_used_alike():
    slots = [0.0, 3600.0]
    even = visits_frame("aabb", slots + slots)
    found = measure_idleness(even, stops=["a", "b"], start_at=0.0, end_at=7200.0)
    assert (found.entropy_bits, found.entropy_share) == (2.0, 1.0)
    same = measure_idleness(visits_frame("aaaa", [1.0, 2.0, 3.0, 4.0]), stops=["a", "b"], start_at=0.0, end_at=7200.0)
    assert (same.entropy_bits, same.entropy_share) == (0.0, 0.0)


def test_times_of_day_equal_seconds_and_depots_are_no_visits():
    start = pd.Timestamp("2026-03-28 22:00", tz="Europe/Helsinki")  # the night in which the clock goes forward
    seconds = [600.0, 20_000.0, 30_000.0]
    stamped = visits_frame(["a", "", "b"], start + pd.to_timedelta(seconds, unit="s"))
    span = {"start_at": start.tz_convert("UTC"), "end_at": start + pd.Timedelta(hours=10)}
    found = measure_idleness(stamped, stops=["a", "b"], **span)
    plain = measure_idleness(visits_frame("ab", [600.0, 30_000.0]), stops=["a", "b"], start_at=0, end_at=36_000)
    pd.testing.assert_frame_equal(found.stops, plain.stops)
    nothing = measure_idleness(stamped[:0], stops=["a"], **span)
    assert nothing.worst_s == 36_000


@pytest.mark.parametrize(
    ("visits", "options", "error", "message"),
    [
        (visits_frame("a", [5.0]).drop(columns="unit_id"), {}, SchemaError, "unit_id: column is missing"),
        (visits_frame("ax", [5.0, 6.0]), {}, SchemaError, r"stop_id: a stop that is not in the list \(1 row: 1\)"),
        (visits_frame("aa", [5.0, 600.0]), {}, SchemaError, r"arrive_at: outside the span \(1 row: 1\)"),
        (visits_frame("a", [float("nan")]), {}, SchemaError, "outside the span"),
        (visits_frame("a", pd.to_datetime(["2026-01-01"])), {}, SchemaError, "times need a zone"),
        (visits_frame("a", pd.to_datetime(["2026-01-01"], utc=True)), {}, InputError, "times with a zone"),
        (visits_frame("a", pd.to_datetime(["2026-01-01"], utc=True)), {"start_at": None, "period_s": 9.0}, InputError,
         "start_at: needed"),
        (visits_frame("a", [5.0]), {"start_at": None}, InputError, "give period_s, or start_at and end_at"),
        (visits_frame("a", [5.0]), {"start_at": 100.0}, UnitRangeError, "longer than 0 s"),
        (visits_frame("a", [5.0]), {"slot_s": 0.0}, UnitRangeError, "slot_s"),
        (visits_frame("a", [5.0]), {"stops": []}, InputError, "stops: at least one"),
        (visits_frame("a", [5.0]), {"weights": [-1.0, 1.0, 1.0]}, InputError, "weights"),
    ],
)  # fmt: skip
def test_bad_visits_are_told(visits, options, error, message):
    with pytest.raises(error, match=message):
        measure_idleness(visits, **{"stops": NAMES, "start_at": 0.0, "end_at": 100.0} | options)
