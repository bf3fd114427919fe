"""The table of rules: complete, documented, and right on whole probes; and the memory that keeps single probes down."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from street_pictures import add_noise, draw_street, draw_truck, film, hang_cloth, shift, to_levels

from sightgrid.errors import InputError
from sightgrid.health.baselines import Baseline
from sightgrid.health.checks import MEASURES, measure_frames
from sightgrid.health.conditions import CONDITIONS, RULES, tell_lighting
from sightgrid.health.hysteresis import Hysteresis
from sightgrid.health.rules import Finding, Verdict, describe_rules, judge
from sightgrid.health.view import describe_view

DOCUMENT = Path(__file__).parents[1] / "docs" / "health" / "rules.md"
STREET = draw_street()
BLACK = Finding("black", "fault", "black")
BLUR = Finding("blur", "warning", "blur")
GOOD, BAD = Verdict("ok", "fine"), Verdict("fault", "black", (BLACK,))
UNKNOWN = Verdict("not_checkable", "nothing")
ALL = ("offline", "frozen", "black", "white_out", "low_contrast", "blur", "noise", "colour_cast", "covered", "moved",
       "stripes", "interlace", "jitter", "low_fps", "resolution")  # fmt: skip


@pytest.fixture(scope="module")
def known():
    """A camera with a baseline of six healthy probes."""
    baseline = Baseline()
    for number in range(6):
        frames, times_s = film(STREET, seed=number)
        measures = measure_frames(frames, times_s, reference=baseline.reference())
        baseline.update(measures, lighting="day", healthy=True, view=describe_view(frames[0]))
    return baseline


def look(known, picture, *, fps=10.0, sigma=1.0, frames=None, last=None):
    frames, times_s = (
        (frames, [i / fps for i in range(len(frames))]) if frames else film(picture, seed=99, sigma=sigma, fps=fps)
    )
    measures = measure_frames(frames, times_s, reference=known.reference())
    lighting = tell_lighting(measures["saturation"], measures["mean_level"])
    return judge(measures, baseline=known.medians(lighting), last=last or known.last, lighting=lighting)


def test_the_table_covers_every_condition_and_only_known_measures():
    assert set(CONDITIONS) == set(ALL) == {rule.condition for rule in RULES}
    assert {test.measure for rule in RULES for test in rule.tests} - {"stage_failed"} <= set(MEASURES)
    priorities = [condition.priority for condition in CONDITIONS.values()]
    assert len(set(priorities)) == len(priorities)
    assert all(1 <= condition.votes <= condition.window for condition in CONDITIONS.values())


def test_the_documentation_holds_the_table():
    assert describe_rules() in DOCUMENT.read_text("utf-8")


def test_a_healthy_probe_is_ok_and_says_so(known):
    verdict = look(known, STREET)
    assert (verdict.status, verdict.consequence, verdict.unchecked) == ("ok", "none", ())
    assert verdict.reason == "no rule holds"


@pytest.mark.parametrize(
    ("name", "change", "consequence"),
    [
        ("black", lambda p: to_levels(p * 0.03), "nothing"),
        ("white_out", lambda p: to_levels(p * 1.2 + 180.0), "nothing"),
        ("covered", lambda p: hang_cloth(p, 0.85), "nothing"),
        ("covered", lambda p: hang_cloth(p, 1.0, level=60.0), "nothing"),
        ("moved", lambda p: shift(p, 73.0), "void"),
        ("moved", lambda p: shift(p, 0.0, 0.0, 6.0), "void"),
        ("moved", lambda _: draw_street(77), "void"),
        ("blur", lambda p: cv2.GaussianBlur(p, (0, 0), 3.0), "shorter"),
        ("low_contrast", lambda p: to_levels(130.0 + 0.35 * (p - 130.0)), "shorter"),
        ("colour_cast", lambda p: to_levels(p * np.array([0.7, 1.0, 1.3])), "none"),
        ("stripes", lambda p: to_levels(p + 15.0 * np.sin(np.arange(360) * 0.6)[:, None, None]), "shorter"),
    ],
)
def test_a_changed_picture_is_named(known, name, change, consequence):
    verdict = look(known, change(STREET))
    assert (verdict.condition, verdict.consequence) == (name, consequence)
    assert verdict.reason.startswith(CONDITIONS[name].name)


def test_noise_jitter_rate_and_size_are_named(known):
    assert look(known, STREET, sigma=15.0).condition == "noise"
    rng = np.random.default_rng(0)
    shaken = [add_noise(shift(STREET, *rng.normal(0.0, 4.0, 2)), 1.0, seed=i) for i in range(10)]
    assert look(known, STREET, frames=shaken).condition == "jitter"
    slow, slower = look(known, STREET, fps=8.5), look(known, STREET, fps=5.0)
    assert [(one.condition, one.status) for one in (slow, slower)] == [("low_fps", "warning"), ("low_fps", "fault")]
    small = film(cv2.resize(STREET, (320, 180), interpolation=cv2.INTER_AREA), sigma=1.0)[0]
    assert "resolution" in {finding.condition for finding in look(known, STREET, frames=small).findings}


def test_a_comb_is_named(known):
    frames = []
    for number in range(10):
        frame, later = (add_noise(draw_truck(STREET, 10 * (2 * number + k)), 1.0, seed=number) for k in (0, 1))
        frame[1::2] = later[1::2]
        frames.append(frame)
    assert "interlace" in {finding.condition for finding in look(known, STREET, frames=frames).findings}


def test_brightness_noise_and_a_passing_truck_are_healthy(known):
    assert look(known, to_levels(STREET * 1.0 + 15.0)).status == "ok"
    assert look(known, to_levels(STREET * 0.8)).status == "ok"
    passing = [add_noise(draw_truck(STREET, 25 * i), 1.0, seed=i) for i in range(10)]
    verdict = look(known, STREET, frames=passing)
    assert not {finding.condition for finding in verdict.findings} & {"moved", "covered", "jitter", "blur", "frozen"}


def test_frozen_needs_the_same_picture_in_the_probe_before(known):
    still = [STREET] * 10
    same = measure_frames(still, range(10))
    lighter = same | {"mean_level": same["mean_level"] + 2.0}
    assert look(known, STREET, frames=still, last=same).condition == "frozen"
    assert look(known, STREET, frames=still, last=lighter).status == "ok"
    assert look(known, STREET, last=same).status == "ok"  # alive
    first = judge(same)
    assert first.status == "ok"
    assert "frozen" in first.unchecked


def test_a_clock_that_stands_is_frozen():
    measures = measure_frames([STREET] * 6, [1.0] * 6)
    assert judge(measures).condition == "frozen"


def test_dark_is_not_tampered():
    night = to_levels(STREET * 0.08)
    for x in (80, 300, 520):
        cv2.circle(night, (x, 90), 9, (200, 230, 250), -1)
    measures = measure_frames(*film(night))
    assert measures["mean_level"] < 30.0
    verdict = judge(measures, lighting=tell_lighting(measures["saturation"], measures["mean_level"]))
    assert verdict.status == "ok"
    assert verdict.reason.endswith("no baseline yet")


def test_infrared_is_no_colour_cast_and_has_its_own_baseline(known):
    infrared = cv2.cvtColor(cv2.cvtColor(STREET, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    frames = [np.repeat(add_noise(infrared[..., :1], 1.0, seed=i), 3, axis=2) for i in range(10)]
    verdict = look(known, STREET, frames=frames)
    assert verdict.status == "ok"
    assert verdict.reason.endswith("no baseline yet")


def test_without_a_baseline_only_absolute_rules_hold():
    blurred = measure_frames(*film(cv2.GaussianBlur(STREET, (0, 0), 5.0)))
    verdict = judge(blurred)
    assert verdict.status == "ok"
    assert "no baseline yet" in verdict.reason
    assert {"blur", "moved", "noise"} <= set(verdict.unchecked)
    assert judge(measure_frames(*film(hang_cloth(STREET, 1.0), sigma=0.0)), lighting="day").condition == "covered"
    assert judge({"mean_level": 250.0, "bright_share": 0.9}).reason.endswith("; no baseline yet")


def test_few_inliers_make_the_view_not_checkable(known):
    measures = measure_frames(*film(shift(STREET, 73.0)), reference=known.reference())
    verdict = judge(measures, baseline=known.medians("day") | {"inliers": 60.0}, last=known.last)
    assert "moved" in verdict.unchecked
    assert "moved (only 60 inliers usual)" in verdict.reason


def test_the_ledger_stands_in_front_of_the_baseline():
    measures = {"mean_level": 100.0, "fps": 12.0, "width_px": 1920.0, "height_px": 1080.0}
    expected = {"fps": 25.0, "width_px": 1920.0, "height_px": 1080.0}
    verdict = judge(measures, baseline={"fps": 12.0}, expected=expected)
    assert (verdict.condition, verdict.status) == ("low_fps", "fault")
    assert verdict.reason == "low frame rate: fps 12, baseline 25, ratio 0.48 < 0.6"
    assert judge(measures, expected=expected | {"fps": math.nan}).status == "ok"
    assert judge(measures, expected={"width_px": 3840.0}).condition == "resolution"
    with pytest.raises(InputError, match="sharpness"):
        judge(measures, expected={"sharpness": 3.0})


def test_offline_and_nothing_measured():
    verdict = judge({}, stage="connect")
    assert (verdict.status, verdict.condition, verdict.consequence) == ("offline", "offline", "nothing")
    assert "connect" in verdict.reason
    assert judge({}).status == judge({"mean_level": math.nan}).status == "not_checkable"


def test_the_most_important_finding_gives_the_status_and_all_are_kept():
    measures = {"mean_level": 2.0, "peak_level": 5.0, "fps": 1.0, "sharpness": 1.0, "relative_sharpness": 0.01}
    verdict = judge(measures, baseline={"fps": 25.0, "sharpness": 100.0, "relative_sharpness": 1.0})
    assert [finding.condition for finding in verdict.findings] == ["black", "blur", "low_fps"]
    assert (verdict.status, verdict.consequence) == ("fault", "nothing")


@given(st.dictionaries(st.sampled_from(list(MEASURES)), st.floats(allow_nan=True, allow_infinity=False, width=32)))
def test_any_numbers_are_judged(measures):
    verdict = judge(measures, baseline=measures, last=measures)
    assert (verdict.status in {"ok", "not_checkable"}) == (not verdict.findings)
    assert verdict.reason
    assert not {finding.condition for finding in verdict.findings} & set(verdict.unchecked)


def settle(*verdicts):
    memory = Hysteresis()
    return [memory.settle(verdict).status for verdict in verdicts]


def test_one_bad_probe_is_no_fault_and_one_good_one_no_repair():
    assert settle(GOOD, BAD, GOOD, GOOD) == ["ok"] * 4
    assert settle(BAD, BAD, GOOD, BAD, GOOD, GOOD) == ["ok", "fault", "fault", "fault", "fault", "ok"]
    assert settle(BAD, GOOD, BAD) == ["ok", "ok", "fault"]  # 2 of 3
    assert settle(BAD, GOOD, GOOD, BAD) == ["ok"] * 4


def test_blur_wants_three_of_four():
    blurred = Verdict("warning", "blur", (BLUR,))
    assert settle(blurred, blurred, GOOD, blurred) == ["ok", "ok", "ok", "warning"]


def test_what_cannot_be_checked_changes_nothing():
    assert settle(BAD, UNKNOWN, BAD, UNKNOWN, UNKNOWN) == ["ok", "not_checkable", "fault", "fault", "fault"]


def test_offline_comes_first_and_does_not_repair_the_picture():
    offline = judge({}, stage="read")
    memory = Hysteresis()
    seen = [memory.settle(one).condition for one in (BAD, BAD, offline, offline, offline, GOOD, GOOD)]
    assert seen == ["", "black", "black", "offline", "offline", "offline", ""]
    assert memory.standing == {}


def test_a_suspicion_is_told():
    assert Hysteresis().settle(BAD).reason == "suspected, not yet confirmed: black"


def test_the_memory_survives_its_store():
    memory = Hysteresis()
    for verdict in (BAD, BAD, GOOD):
        memory.settle(verdict)
    again = Hysteresis.from_dict(memory.to_dict())
    assert again == memory
    assert again.settle(GOOD).status == memory.settle(GOOD).status == "ok"
