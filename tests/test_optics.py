"""Density, fields of view, ground edges, and what is assumed where a camera does not say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scenes import cameras_frame

from sightgrid.coverage import density_classes, optics
from sightgrid.errors import UnitRangeError


def test_density_classes_are_those_of_the_standards_lowest_first():
    assert density_classes("iec2014") == {
        "monitor": 12.5,
        "detect": 25.0,
        "observe": 62.5,
        "recognise": 125.0,
        "identify": 250.0,
        "inspect": 1000.0,
    }
    assert list(density_classes("iec2025").items()) == [
        ("overview", 20.0),
        ("outline", 40.0),
        ("discern", 80.0),
        ("perceive", 125.0),
        ("characterise", 250.0),
        ("validate", 500.0),
        ("scrutinise", 1500.0),
    ]


def test_density_classes_cannot_be_changed_by_the_caller():
    density_classes("iec2014")["monitor"] = 1.0
    assert density_classes("iec2014")["monitor"] == 12.5


def test_an_unknown_standard_is_named():
    with pytest.raises(UnitRangeError, match=r"standard: 'iec1999' is not one of iec2014, iec2025"):
        density_classes("iec1999")


def test_density_is_width_over_the_scene_s_width_at_that_depth():
    # at 1 m, a 90-degree lens draws a scene 2 m wide
    assert optics.pixel_density_px_m(1920, 90.0, 1.0) == pytest.approx(960.0)
    assert optics.pixel_density_px_m(1920, 90.0, [10.0, 20.0]) == pytest.approx([96.0, 48.0])
    assert optics.focal_px(1920, 90.0) == pytest.approx(960.0)


def test_fields_of_view():
    assert optics.field_of_view_deg(2.0, 1.0) == pytest.approx(90.0)
    assert optics.vertical_view_deg(90.0, 1920, 1920) == pytest.approx(90.0)
    assert optics.vertical_view_deg(90.0, 1920, 1080) == pytest.approx(2.0 * math.degrees(math.atan(9.0 / 16.0)))


@pytest.mark.parametrize(
    ("tilt", "vfov", "near", "far"),
    [
        (45.0, 90.0, 0.0, math.inf),  # from straight down to the horizon
        (45.0, 30.0, 2.5 / math.tan(math.radians(60.0)), 2.5 / math.tan(math.radians(30.0))),
        (0.0, 90.0, 2.5, math.inf),
        (90.0, 60.0, 0.0, 2.5 / math.tan(math.radians(60.0))),
        (-30.0, 40.0, 0.0, math.inf),  # looks at the sky
    ],
)
def test_ground_edges(tilt, vfov, near, far):
    got = optics.ground_edges_m(4.0, tilt, vfov, target_height_m=1.5)
    assert got == pytest.approx((near, far), abs=1e-12)


def test_what_is_given_is_kept_and_not_called_assumed():
    given = {
        "mount_height_m": 3.0,
        "azimuth_deg": 10.0,
        "tilt_deg": 15.0,
        "hfov_deg": 50.0,
        "vfov_deg": 20.0,
        "width_px": 1280.0,
        "height_px": 720.0,
    }
    full = optics.complete(cameras_frame([(0.0, 0.0)], kind="fixed", **given)).iloc[0]
    assert full["assumed"] == ""
    assert {name: full[name] for name in given} == given


def test_the_vertical_field_of_view_follows_from_the_tilt_and_is_then_assumed():
    frame = optics.complete(cameras_frame([(0.0, 0.0)], kind="fixed", tilt_deg=20.0, hfov_deg=90.0, azimuth_deg=0.0))
    assert frame["vfov_deg"].iloc[0] == pytest.approx(2.0 * math.degrees(math.atan(9.0 / 16.0)))
    assert frame["assumed"].iloc[0] == "mount_height_m,width_px,height_px,vfov_deg"


def test_without_tilt_the_vertical_field_of_view_stays_open():
    frame = optics.complete(cameras_frame([(0.0, 0.0)], kind="fixed"))
    assert frame[["tilt_deg", "vfov_deg", "azimuth_deg"]].isna().to_numpy().all()


@pytest.mark.parametrize("kind", ["fixed", "dome", "ptz", "panorama"])
def test_defaults_fill_height_lens_and_pixels(kind):
    frame = optics.complete(cameras_frame([(0.0, 0.0)], kind=kind))
    for column, value in optics.DEFAULTS[kind].items():
        assert frame[column].iloc[0] == value
    assert {"mount_height_m", "hfov_deg", "width_px"} <= set(frame["assumed"].iloc[0].split(","))


def test_assumptions_of_the_reader_are_kept_and_not_repeated():
    frame = cameras_frame([(0.0, 0.0)], assumed="kind,mount_height_m")
    assert optics.complete(frame)["assumed"].iloc[0] == "kind,mount_height_m,hfov_deg,width_px"


def test_completing_leaves_the_given_frame_alone():
    frame = cameras_frame([(0.0, 0.0)], mount_height_m=np.nan)
    before = frame.copy()
    optics.complete(frame)
    assert frame.equals(before)


def test_a_dome_is_aimed_only_if_it_tells_its_direction():
    frame = cameras_frame(
        [(0.0, 0.0)] * 4, kind=["fixed", "dome", "dome", "ptz"], azimuth_deg=[np.nan, 0.0, np.nan, 0.0]
    )
    assert optics.aimed_rows(optics.complete(frame)).tolist() == [True, True, False, False]
