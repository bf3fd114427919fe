"""Footprints of single cameras in open country, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from scenes import EAST_M, NORTH_M, cameras_frame, obstacles_frame

from sightgrid.coverage import optics, view_areas
from sightgrid.coverage.footprints import draw_footprints

HERE = (EAST_M, NORTH_M)


def view(**columns):
    options = {name: columns.pop(name) for name in ("density_px_m", "target_height_m") if name in columns}
    return view_areas(cameras_frame([HERE], **columns), obstacles_frame([]), **options).iloc[0]


def relative(shape):
    return shapely.affinity.translate(shape, -EAST_M, -NORTH_M)


def tan(degrees):
    return math.tan(math.radians(degrees))


def test_a_range_limit_makes_a_disc():
    seen = view(kind="panorama", max_range_m=20.0)
    assert seen["area_m2"] == pytest.approx(400.0 * math.pi, rel=1e-12)
    assert seen["model"] == "annulus, heights"
    assert seen["range_m"] == 20.0
    assert seen.geometry.area == pytest.approx(400.0 * math.pi, rel=1e-4)


def test_a_fixed_camera_without_tilt_sees_a_sector():
    seen = view(kind="fixed", azimuth_deg=0.0, hfov_deg=60.0, max_range_m=30.0)
    assert seen["area_m2"] == pytest.approx(900.0 * math.pi / 6.0, rel=1e-12)
    assert seen["model"] == "sector, heights"
    west, south, east, north = relative(seen.geometry).bounds
    # the chain has the arc's area: it crosses the arc, by less than step^2 / 6 of the radius
    assert (west, south, east, north) == pytest.approx((-15.0, 0.0, 15.0, 30.0), abs=30.0 * 0.03**2 / 6.0)


def test_azimuths_are_clockwise_from_north():
    east = relative(view(kind="fixed", azimuth_deg=90.0, hfov_deg=60.0, max_range_m=30.0).geometry)
    assert east.contains(shapely.Point(20.0, 0.0))
    assert not east.intersects(shapely.box(-30.0, -30.0, -1.0, 30.0))


def test_the_line_of_equal_density_is_straight():
    # 1920 px and 90 degrees: 12.5 px/m at 76.8 m along the axis, and the sector becomes a triangle
    seen = view(kind="fixed", azimuth_deg=90.0, hfov_deg=90.0, width_px=1920.0)
    assert seen["area_m2"] == pytest.approx(76.8**2, rel=1e-9)
    triangle = shapely.Polygon([(0.0, 0.0), (76.8, -76.8), (76.8, 76.8)])
    assert relative(seen.geometry).symmetric_difference(triangle).area < 1e-3


def test_density_bounds_the_range():
    seen = view(kind="fixed", azimuth_deg=90.0, hfov_deg=90.0, width_px=1920.0, density_px_m=250.0)
    assert seen["area_m2"] == pytest.approx((960.0 / 250.0) ** 2, rel=1e-9)


def test_looking_straight_down_gives_a_rectangle():
    seen = view(kind="fixed", azimuth_deg=0.0, tilt_deg=90.0, hfov_deg=60.0, vfov_deg=40.0, mount_height_m=5.0)
    wide, high = 7.0 * tan(30.0), 7.0 * tan(20.0)
    assert seen["model"] == "frustum, heights"
    assert seen["area_m2"] == pytest.approx(wide * high, rel=1e-9)
    assert relative(seen.geometry).bounds == pytest.approx((-wide / 2, -high / 2, wide / 2, high / 2), abs=1e-6)


def test_looking_straight_down_from_too_high_for_the_density_shows_nothing():
    assert (
        view(kind="fixed", azimuth_deg=0.0, tilt_deg=90.0, hfov_deg=60.0, mount_height_m=5.0, density_px_m=1000.0)[
            "area_m2"
        ]
        == 0.0
    )


def test_a_tilted_camera_sees_a_trapezoid_between_its_ground_edges():
    near, far = optics.ground_edges_m(4.0, 30.0, 20.0)
    seen = view(kind="fixed", azimuth_deg=90.0, tilt_deg=30.0, hfov_deg=50.0, vfov_deg=20.0, mount_height_m=4.0)

    def half_width(u):
        return (u * math.cos(math.radians(30.0)) + 2.5 * math.sin(math.radians(30.0))) * tan(25.0)

    corners = [(near, -half_width(near)), (far, -half_width(far)), (far, half_width(far)), (near, half_width(near))]
    trapezoid = shapely.Polygon(corners)
    assert seen["area_m2"] == pytest.approx(trapezoid.area, rel=1e-9)
    assert relative(seen.geometry).symmetric_difference(trapezoid).area < 1e-3


def test_a_camera_that_looks_over_the_horizon_is_bounded_by_density():
    near, far = optics.ground_edges_m(4.0, 5.0, 30.0)
    assert far == math.inf
    seen = view(kind="fixed", azimuth_deg=90.0, tilt_deg=5.0, hfov_deg=60.0, vfov_deg=30.0, width_px=1920.0)
    t = math.radians(5.0)
    last = (1920.0 / (2.0 * tan(30.0)) / 12.5 - 2.5 * math.sin(t)) / math.cos(t)
    assert relative(seen.geometry).bounds[0] == pytest.approx(near, abs=1e-6)
    assert relative(seen.geometry).bounds[2] == pytest.approx(last, abs=1e-6)


def test_a_camera_that_looks_at_the_sky_sees_no_ground():
    assert view(kind="fixed", azimuth_deg=0.0, tilt_deg=-40.0, hfov_deg=60.0, vfov_deg=30.0)["area_m2"] == 0.0


def test_a_low_camera_that_looks_up_sees_the_plane_above_it():
    seen = view(
        kind="fixed",
        azimuth_deg=90.0,
        tilt_deg=-40.0,
        hfov_deg=60.0,
        vfov_deg=30.0,
        mount_height_m=1.0,
        target_height_m=3.0,
    )
    west, _, east, _ = relative(seen.geometry).bounds
    assert (west, east) == pytest.approx((2.0 / tan(55.0), 2.0 / tan(25.0)), abs=1e-6)


def test_a_camera_at_target_height_sees_a_triangle():
    seen = view(
        kind="fixed",
        azimuth_deg=90.0,
        tilt_deg=0.0,
        hfov_deg=90.0,
        vfov_deg=60.0,
        mount_height_m=1.5,
        width_px=1920.0,
    )
    assert seen["area_m2"] == pytest.approx(76.8**2, rel=1e-9)


def test_a_tilted_panorama_has_a_dead_zone():
    seen = view(kind="panorama", mount_height_m=5.5, tilt_deg=45.0, vfov_deg=60.0, max_range_m=50.0)
    near, far = 4.0 / tan(75.0), 4.0 / tan(15.0)
    assert seen["area_m2"] == pytest.approx(math.pi * (far**2 - near**2), rel=1e-9)
    assert len(seen.geometry.interiors) == 1


def test_a_ptz_camera_sees_as_far_all_round_as_its_lens_reaches():
    seen = view(kind="ptz", hfov_deg=60.0, width_px=1920.0, mount_height_m=6.0)
    depth = 1920.0 / (2.0 * tan(30.0)) / 12.5
    assert seen["range_m"] == pytest.approx(math.sqrt(depth**2 - 4.5**2), rel=1e-12)
    assert seen["area_m2"] == pytest.approx(math.pi * (depth**2 - 4.5**2), rel=1e-9)


def test_a_panorama_spreads_its_pixels_over_its_angle():
    seen = view(kind="panorama", hfov_deg=180.0, azimuth_deg=90.0, width_px=3840.0)
    reach = 3840.0 / math.pi / 12.5
    assert seen["area_m2"] == pytest.approx(math.pi * reach**2 / 2.0, rel=1e-9)
    assert relative(seen.geometry).bounds[0] == pytest.approx(0.0, abs=1e-6)


def test_a_direction_range_over_half_a_turn_is_one_sector():
    seen = view(kind="panorama", hfov_deg=270.0, azimuth_deg=0.0, max_range_m=10.0)
    assert seen["area_m2"] == pytest.approx(75.0 * math.pi, rel=1e-12)
    assert not relative(seen.geometry).contains(shapely.Point(0.0, -5.0))


def test_a_fixed_camera_of_unknown_direction_is_not_measured_without_streets():
    seen = view(kind="fixed")
    assert (seen["measured"], seen["reason"], seen["area_m2"], seen["range_m"]) == (
        False,
        "direction unknown",
        0.0,
        0.0,
    )
    assert seen.geometry.is_empty


def test_depth_and_density_of_ground_points_follow_the_planes():
    rng = np.random.default_rng(4)
    frame = optics.complete(
        cameras_frame(
            [HERE] * 40,
            kind="fixed",
            azimuth_deg=rng.uniform(0.0, 360.0, 40),
            hfov_deg=70.0,
            tilt_deg=rng.uniform(0.0, 60.0, 40),
        )
    )
    azimuth_deg = frame["azimuth_deg"].to_numpy()
    footprints = draw_footprints(frame, np.ones(40, bool), azimuth_deg, target_height_m=1.5, density_px_m=25.0)
    points = rng.uniform(-80.0, 80.0, (500, 2))
    for n in range(40):
        tilt, azimuth = np.radians(frame["tilt_deg"].iloc[n]), np.radians(frame["azimuth_deg"].iloc[n])
        axis = np.array([np.cos(tilt) * np.sin(azimuth), np.cos(tilt) * np.cos(azimuth), -np.sin(tilt)])
        depth = np.column_stack([points, np.full(500, -2.5)]) @ axis
        d0, d1, d2, radial = footprints.depth[n]
        assert radial == 0.0
        assert points @ [d0, d1] + d2 == pytest.approx(depth, abs=1e-9)
        a, b, c = footprints.planes[n, 4]
        dense = footprints.focal_px[n] >= 25.0 * depth
        assert np.array_equal(points @ [a, b] <= c, dense)
