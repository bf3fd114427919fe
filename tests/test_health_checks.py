"""The measures on drawn scenes: each answers to its own distortion, grows with its strength, leaves others alone."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from street_pictures import add_noise, draw_street, draw_truck, film, hang_cloth, shift, to_levels

from sightgrid.errors import InputError
from sightgrid.health.checks import MEASURES, measure_frames
from sightgrid.health.conditions import tell_lighting
from sightgrid.health.levels import measure_colour, measure_levels
from sightgrid.health.motion import measure_change, measure_clock, measure_shaking
from sightgrid.health.patterns import measure_comb, measure_stripes
from sightgrid.health.sharpness import measure_noise, measure_sharpness
from sightgrid.health.view import Reference, View, compare_views, describe_view

STREET = draw_street()


def grey(picture):
    return cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)


GREY = grey(STREET)


def compare(picture):
    return compare_views(describe_view(picture), describe_view(STREET))


def test_all_measures_are_numbers_and_the_same_twice():
    reference = Reference({"day": describe_view(STREET)})
    found = measure_frames(*film(STREET), reference=reference)
    assert tuple(found) == tuple(MEASURES)
    assert not [name for name, value in found.items() if math.isnan(value)]
    assert found == measure_frames(*film(STREET), reference=reference)
    assert (found["width_px"], found["height_px"], found["frames"], found["bands"]) == (640.0, 360.0, 10.0, 3.0)


def test_a_healthy_picture_of_another_size_is_at_home():
    large = cv2.resize(STREET, (1920, 1080), interpolation=cv2.INTER_CUBIC)
    found = measure_frames(*film(large, count=4), reference=Reference({"day": describe_view(STREET)}))
    assert found["shift_px"] < 1.0
    assert found["phase_shift_px"] < 1.0
    assert found["likeness"] > 0.95


@pytest.mark.parametrize(
    ("frames", "times_s", "message"),
    [
        ([], [], "there are none"),
        ([STREET], [0.0, 1.0], "2 times for 1 frames"),
        ([STREET], [math.nan], "finite"),
        ([STREET, STREET[:100]], [0.0, 1.0], "of one size"),
        ([GREY], [0.0], "3 channels"),
        ([STREET.astype(np.float32)], [0.0], "8 bits"),
        ([STREET[:0]], [0.0], "of one size"),
    ],
)
def test_wrong_input_is_refused(frames, times_s, message):
    with pytest.raises(InputError, match=message):
        measure_frames(frames, times_s)


def test_one_picture_says_nothing_about_motion_and_no_reference_nothing_about_the_view():
    found = measure_frames([STREET], [0.0])
    missing = {name for name, value in found.items() if math.isnan(value)}
    assert missing == {
        "advance_s", "fps", "changed_share", "residual_level", "shake_px",
        "inliers", "shift_px", "rotation_deg", "zoom", "phase_shift_px", "phase_peak", "likeness",
    }  # fmt: skip


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 7, 3), (3000, 20, 3)])
def test_tiny_and_odd_pictures_are_measured(shape):
    found = measure_frames([np.full(shape, 7, np.uint8)] * 5, [0.0, 0.1, 0.2, 0.3, 0.4])
    assert found["mean_level"] == pytest.approx(7.0)
    assert found["changed_share"] == 0.0


def test_clock_tells_rate_and_standstill():
    assert measure_clock([0.0, 0.04, 0.08]) == {"frames": 3.0, "advance_s": 0.08, "fps": pytest.approx(25.0)}
    assert measure_clock([5.0, 5.0, 5.0])["advance_s"] == 0.0
    assert math.isnan(measure_clock([5.0, 5.0, 5.0])["fps"])


def test_change_is_none_in_equal_pictures_and_the_share_of_what_moved():
    assert measure_change([GREY] * 4)["changed_share"] == 0.0
    other = GREY.copy()
    other[:36] = 255 - other[:36]  # a tenth
    assert measure_change([GREY, other, GREY])["changed_share"] == pytest.approx(0.1, abs=0.005)


def test_residual_is_the_noise_and_no_motion_adds_to_it():
    for sigma in (2.0, 6.0, 15.0):
        noisy = [add_noise(GREY, sigma, seed=i) for i in range(3)]
        assert measure_change(noisy)["residual_level"] == pytest.approx(sigma, rel=0.15)
    passing = [grey(draw_truck(STREET, 60 * i)) for i in range(4)]
    assert measure_change(passing)["residual_level"] == 0.0


def test_shaking_grows_with_its_strength_and_is_blind_to_drift_and_to_a_passing_truck():
    rng = np.random.default_rng(1)
    jolts = rng.normal(0.0, 1.0, (8, 2))
    shaken = [
        measure_shaking([grey(shift(STREET, *(deviation * jolt))) for jolt in jolts])["shake_px"]
        for deviation in (0.0, 1.0, 3.0, 8.0)
    ]
    assert shaken == sorted(shaken)
    assert shaken[0] < 0.1
    assert shaken[2] == pytest.approx(3.0 * np.hypot(*jolts.std(axis=0, ddof=2)), rel=0.3)
    drift = [grey(shift(STREET, 0.5 * i)) for i in range(8)]
    assert measure_shaking(drift)["shake_px"] < 0.3
    truck = [grey(draw_truck(STREET, 40 * i - 200)) for i in range(8)]
    assert measure_shaking(truck)["shake_px"] < 0.3


def test_levels_of_known_pictures():
    half = np.zeros((100, 100), np.uint8)
    half[50:] = 255
    found = measure_levels(half)
    assert (found["mean_level"], found["contrast"], found["level_range"]) == (
        127.5,
        127.5,
        pytest.approx(255.0, abs=1.0),
    )
    assert (found["dark_share"], found["bright_share"], found["peak_level"]) == (0.5, 0.5, 255.0)


def test_brightness_moves_the_mean_and_nothing_of_the_detail():
    brighter = to_levels(GREY * 1.0 + 20.0)
    assert measure_levels(brighter)["mean_level"] > measure_levels(GREY)["mean_level"] + 15.0
    assert measure_sharpness(brighter)["sharpness"] == pytest.approx(measure_sharpness(GREY)["sharpness"], rel=0.05)
    assert compare(to_levels(STREET * 1.0 + 20.0))["likeness"] > 0.95


def test_less_contrast_is_not_less_focus():
    plain = measure_sharpness(GREY)["relative_sharpness"]
    for share in (0.7, 0.4):
        faded = to_levels(120.0 + share * (GREY - 120.0))
        assert measure_sharpness(faded)["relative_sharpness"] == pytest.approx(plain, rel=0.1)
        ratio = measure_levels(faded)["level_range"] / measure_levels(GREY)["level_range"]
        assert ratio == pytest.approx(share, abs=0.03)


def test_blur_lowers_sharpness_with_its_strength_and_the_view_stays():
    blurred = [cv2.GaussianBlur(STREET, (0, 0), sigma) for sigma in (1.0, 2.0, 4.0, 8.0)]
    found = [measure_sharpness(grey(picture)) for picture in (STREET, *blurred)]
    for name, until in (("sharpness", 5), ("relative_sharpness", 3)):  # further on the rounding to levels is all detail
        values = [one[name] for one in found[:until]]
        assert values == sorted(values, reverse=True)
    assert found[2]["relative_sharpness"] < 0.35 * found[0]["relative_sharpness"]
    assert compare(blurred[2])["likeness"] > 0.7


@pytest.mark.parametrize("sigma", [3.0, 8.0, 20.0])
def test_immerkaer_finds_the_noise_of_a_smooth_picture(sigma):
    smooth = np.tile(np.linspace(60.0, 180.0, 640, dtype=np.float32), (360, 1))
    assert measure_noise(add_noise(smooth, sigma))["noise_level"] == pytest.approx(sigma, rel=0.05)


def test_colour_tells_cast_saturation_and_infrared():
    assert measure_colour(STREET)["bands"] == 3.0
    infrared = cv2.cvtColor(GREY, cv2.COLOR_GRAY2BGR)
    found = measure_colour(infrared)
    assert (found["bands"], found["saturation"], found["cast_a"], found["cast_b"]) == (1.0, 0.0, 0.0, 0.0)
    redder = [measure_colour(to_levels(STREET * np.array([1.0, 1.0, gain])))["cast_a"] for gain in (1.0, 1.2, 1.5)]
    assert redder == sorted(redder)
    assert tell_lighting(20.0, 120.0) == "day"
    assert tell_lighting(0.0, 120.0) == "infrared"
    assert tell_lighting(5.0, 20.0) == "dark"


def test_stripes_are_found_by_their_amplitude_and_scenes_have_none():
    plain = measure_stripes(GREY)["stripe_level"]
    assert plain < 1.0  # 120 boxes of all sizes
    rows = np.arange(360)[:, None]
    for period in (6.0, 17.0, 33.0):
        found = [
            measure_stripes(to_levels(GREY + level * np.sin(2.0 * np.pi * rows / period)))["stripe_level"]
            for level in (5.0, 10.0, 20.0)
        ]
        assert found == sorted(found)
        assert found[1] == pytest.approx(10.0, abs=5.0)
    assert measure_stripes(np.ascontiguousarray(to_levels(GREY + 10.0 * np.sin(rows)).T))["stripe_level"] > 6.0


@pytest.mark.parametrize("edge", [60, 150, 250])
def test_an_edge_across_the_picture_is_no_stripe_and_hides_none(edge):
    wall = GREY.copy()
    wall[edge:] = to_levels(wall[edge:] * 0.5)  # a bright wall over a dark floor, and the skirting
    wall[edge : edge + 8] = 30
    rows = np.arange(360)[:, None]
    assert measure_stripes(wall)["stripe_level"] < 1.0
    for period in (6.0, 8.0, 20.0, 33.0):
        striped = to_levels(wall + 10.0 * np.sin(2.0 * np.pi * rows / period))
        assert measure_stripes(striped)["stripe_level"] > 5.5


def test_comb_is_seen_on_moving_edges_of_two_fields_only():
    before, after = grey(draw_truck(STREET, 100)), grey(draw_truck(STREET, 112))
    both = before.copy()
    both[1::2] = after[1::2]
    assert measure_comb(both)["comb_share"] > measure_comb(before)["comb_share"] + 0.01
    assert measure_comb(add_noise(before, 15.0))["comb_share"] < 0.01


def test_the_same_view_is_recognised_through_noise():
    found = compare(add_noise(STREET, 3.0))
    assert found["inliers"] > 100
    assert found["shift_px"] < 0.6
    assert abs(found["rotation_deg"]) < 0.2
    assert found["likeness"] > 0.9


@pytest.mark.parametrize(("dx", "dy"), [(73.0, 0.0), (-20.0, 30.0), (5.0, 0.0)])
def test_a_shift_is_measured_twice(dx, dy):
    found = compare(shift(STREET, dx, dy))
    assert found["shift_px"] == pytest.approx(math.hypot(dx, dy), abs=1.5)
    assert found["phase_shift_px"] == pytest.approx(math.hypot(dx, dy), abs=3.0)


def test_a_roll_is_measured():
    assert abs(compare(shift(STREET, 0.0, 0.0, 5.0))["rotation_deg"]) == pytest.approx(5.0, abs=0.3)


def test_a_cover_takes_corners_and_likeness_and_a_truck_leaves_enough():
    shares = (0.0, 0.5, 0.8, 1.0)
    found = [compare(add_noise(hang_cloth(STREET, share), 1.0)) for share in shares]
    for name in ("corners", "inliers"):
        values = [one[name] for one in found]
        assert values == sorted(values, reverse=True)
    assert found[2]["likeness"] < 0.3
    truck = compare(draw_truck(STREET, 150))
    assert truck["likeness"] > 0.5
    assert truck["inliers"] > 100
    assert truck["shift_px"] < 1.0


def test_no_structure_gives_nan_not_numbers():
    flat = np.full_like(STREET, 90)
    found = compare_views(describe_view(flat), describe_view(flat))
    assert found["corners"] == found["inliers"] == 0.0
    assert math.isnan(found["shift_px"])
    assert math.isnan(found["likeness"])


def test_a_view_survives_its_bytes_and_broken_bytes_are_refused():
    view = describe_view(STREET)
    assert View.from_bytes(view.to_bytes()) == view
    reference = Reference({"day": view})
    assert Reference.from_dict(reference.to_dict()) == reference
    assert len(view.to_bytes()) < 40_000
    for broken in (b"", view.to_bytes()[:-1]):
        with pytest.raises(InputError, match="not those of a view"):
            View.from_bytes(broken)
    with pytest.raises(InputError, match="do not belong together"):
        View(view.points, view.descriptors[:-32], view.thumbnail)


def test_measuring_leaves_the_pictures_alone():
    frames, times_s = film(STREET, count=4)
    before = [frame.copy() for frame in frames]
    measure_frames(frames, times_s, reference=Reference({"day": describe_view(STREET)}))
    assert all(np.array_equal(one, other) for one, other in zip(before, frames, strict=True))
