"""What is learnt of a camera: from healthy probes only, robustly, by lighting, and what survives the store."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from street_pictures import add_noise, draw_street

from sightgrid.errors import InputError, UnitRangeError
from sightgrid.health.baselines import FIRST, LEARNED, Baseline
from sightgrid.health.checks import measure_frames
from sightgrid.health.view import describe_view


def teach(values, *, measure="sharpness", baseline=None, lighting="day", healthy=True):
    baseline = baseline or Baseline()
    for value in values:
        baseline.update({measure: value}, lighting=lighting, healthy=healthy)
    return baseline


def test_nothing_is_usual_before_the_fifth_probe():
    assert teach([100.0] * (FIRST - 1)).medians("day") == {}
    assert teach([100.0] * FIRST).medians("day") == {"sharpness": 100.0}


def test_faulty_probes_are_not_learnt():
    baseline = teach([100.0, 101.0, 99.0, 100.0, 102.0])
    before = baseline.to_dict()["usual"]
    teach([3.0] * 200, baseline=baseline, healthy=False)
    assert baseline.to_dict()["usual"] == before


def test_median_and_mad():
    usual = teach([1.0, 2.0, 3.0, 4.0, 100.0]).usual["day"]
    assert (usual.median("sharpness"), usual.mad("sharpness")) == (3.0, 1.0)
    assert math.isnan(usual.median("fps"))
    assert math.isnan(usual.mad("fps"))


def test_a_jump_is_not_learnt_and_a_season_is():
    baseline = teach([100.0] * 30)
    teach([1000.0] * 5, baseline=baseline)
    assert baseline.medians("day")["sharpness"] == 100.0
    assert max(baseline.usual["day"].values["sharpness"]) == 125.0  # the fence
    season = teach(np.linspace(100.0, 60.0, 400))
    assert season.medians("day")["sharpness"] == pytest.approx(62.5, abs=1.0)


def test_day_dark_and_infrared_are_apart():
    baseline = teach([100.0] * 5)
    teach([30.0] * 5, baseline=baseline, lighting="infrared")
    assert baseline.medians("day") == {"sharpness": 100.0}
    assert baseline.medians("infrared") == {"sharpness": 30.0}
    assert baseline.medians("dark") == {}
    with pytest.raises(InputError, match="dusk"):
        baseline.update({}, lighting="dusk", healthy=True)


def test_memory_is_bounded_and_nan_passed_over():
    baseline = teach([float(i % 7 + 50) for i in range(500)] + [math.nan])
    assert len(baseline.usual["day"].values["sharpness"]) == baseline.keep
    assert not any(math.isnan(value) for value in baseline.usual["day"].values["sharpness"])
    with pytest.raises(UnitRangeError, match="keep"):
        Baseline(keep=2)


def test_the_last_probe_is_known_whatever_it_was():
    baseline = Baseline()
    baseline.update({"mean_level": 3.0, "contrast": 1.0, "fps": 5.0}, lighting="day", healthy=False)
    assert baseline.last == {"mean_level": 3.0, "contrast": 1.0}


def test_the_view_is_taken_once_from_a_healthy_probe_and_renewed_when_it_fades():
    first, second = describe_view(draw_street(1)), describe_view(draw_street(2))
    baseline = Baseline()
    assert baseline.needs_view("day")
    baseline.update({"inliers": 0.0}, lighting="day", healthy=False, view=second)
    assert baseline.needs_view("day")
    assert baseline.reference().views == {}
    baseline.update({}, lighting="day", healthy=True, view=first)
    assert baseline.reference().views == {"day": first}
    for _ in range(30):
        baseline.update({"inliers": 300.0}, lighting="day", healthy=True, view=second)
    assert baseline.reference().views == {"day": first}
    for inliers in np.linspace(300.0, 100.0, 200):  # a tree grows leaves
        if baseline.needs_view("day"):
            break
        baseline.update({"inliers": inliers}, lighting="day", healthy=True)
    baseline.update({"inliers": 120.0}, lighting="day", healthy=True, view=second)
    assert baseline.reference().views == {"day": second}
    assert not baseline.needs_view("day")


def test_a_baseline_survives_its_store():
    picture = draw_street()
    baseline = Baseline()
    for number in range(6):
        frames = [add_noise(picture, 1.0, seed=10 * number + i) for i in range(4)]
        measures = measure_frames(frames, [0.0, 0.1, 0.2, 0.3], reference=baseline.reference())
        baseline.update(measures, lighting="day", healthy=True, view=describe_view(frames[0]))
    again = Baseline.from_dict(baseline.to_dict())
    assert again == baseline
    assert set(again.medians("day")) == set(LEARNED)


@given(st.lists(st.floats(0.0, 1e6), min_size=FIRST, max_size=80))
def test_the_median_stays_within_what_was_seen(values):
    found = teach(values).medians("day")["sharpness"]
    assert min(values) <= found <= max(values)
