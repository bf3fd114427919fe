"""Where cameras stand and look when the map draws them inside a wall or says no direction."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from scenes import EAST_M, NORTH_M, cameras_frame, mixed_cameras, obstacles_frame, streets_frame
from shapely import box

from sightgrid.coverage import view_areas
from sightgrid.coverage.scene import Scene
from sightgrid.coverage.standpoints import OFF_WALL_M, aim_at_streets, stand
from sightgrid.coverage.visibility import plan_views

HOUSE = box(0.0, 0.0, 20.0, 10.0)


def standing(points, houses=(HOUSE,), *, mount=None, indoor_depth_m=3.0, kind="building"):
    scene = Scene(obstacles_frame(list(houses), kind=kind))
    cameras = cameras_frame(points, mount=mount)
    return stand(cameras, scene, indoor_depth_m=indoor_depth_m)


def test_a_camera_in_the_open_stays():
    points = [(30.0, 5.0), (20.51, 5.0), (-0.6, -0.6)]
    found = standing(points)
    assert found.xy.tolist() == [list(p) for p in points]
    assert found.moved_m.tolist() == [0.0, 0.0, 0.0]
    assert not found.indoor.any()


@pytest.mark.parametrize(
    ("point", "outside"),
    [
        ((19.0, 5.0), (20.1, 5.0)),  # inside, a metre behind the façade
        ((20.0, 5.0), (20.1, 5.0)),  # on the wall
        ((20.4, 5.0), (20.1, 5.0)),  # before the wall, nearer than half a metre
        ((20.02, 5.0), (20.1, 5.0)),
        ((10.0, -0.3), (10.0, -0.1)),
        ((10.0, 7.5), (10.0, 10.1)),
    ],
)
def test_a_camera_at_a_wall_is_put_a_tenth_of_a_metre_before_it(point, outside):
    found = standing([point])
    assert found.xy[0] == pytest.approx(outside, abs=1e-6)
    assert found.moved_m[0] == pytest.approx(math.dist(point, outside), abs=1e-6)
    assert not found.indoor[0]


def test_a_camera_deep_inside_is_indoors_and_stays_where_it_is():
    found = standing([(10.0, 5.0), (10.0, 2.9), (10.0, 3.2)])
    assert found.indoor.tolist() == [True, False, True]
    assert found.xy[0].tolist() == [10.0, 5.0]
    assert found.moved_m[0] == 0.0


def test_the_depth_that_counts_as_indoors_is_a_setting():
    assert not standing([(10.0, 5.0)], indoor_depth_m=6.0).indoor[0]
    assert standing([(10.0, 1.0)], indoor_depth_m=0.5).indoor[0]


@pytest.mark.parametrize("mount", ["roof", "ceiling"])
def test_roof_and_ceiling_cameras_stay_and_know_their_building(mount):
    found = standing([(10.0, 5.0)], [box(50.0, 0.0, 60.0, 10.0), HOUSE], mount=mount)
    assert found.xy[0].tolist() == [10.0, 5.0]
    assert (found.host[0], found.moved_m[0], bool(found.indoor[0])) == (1, 0.0, False)


def test_a_camera_between_touching_houses_is_not_put_into_the_neighbour():
    neighbour = box(20.0, 0.0, 40.0, 10.0)
    found = standing([(19.5, 9.0), (19.9, 0.8)], [HOUSE, neighbour])
    walls = shapely.union_all([HOUSE, neighbour])
    assert (shapely.distance(walls, shapely.points(found.xy)) > OFF_WALL_M - 1e-6).all()
    assert found.xy[:, 1] == pytest.approx([10.1, -0.1], abs=1e-6)


def test_a_camera_in_a_slit_is_put_before_it():
    across = box(20.15, 0.0, 40.0, 10.0)
    found = standing([(20.05, 9.0)], [HOUSE, across])
    # it goes round a corner here, whose arc is drawn as a chain
    assert shapely.distance(shapely.union_all([HOUSE, across]), shapely.Point(found.xy[0])) > 0.99 * OFF_WALL_M
    assert found.moved_m[0] < 1.5


def test_a_camera_in_a_yard_stays_in_the_yard():
    ring = box(-10.0, -10.0, 30.0, 30.0).difference(HOUSE)
    assert standing([(10.0, 5.0)], [ring]).xy[0].tolist() == [10.0, 5.0]
    assert standing([(10.0, -0.5)], [ring]).xy[0] == pytest.approx((10.0, 0.1), abs=1e-6)


def test_open_canopies_are_no_walls():
    found = standing([(10.0, 5.0), (20.0, 5.0)], kind="roof")
    assert found.moved_m.tolist() == [0.0, 0.0]
    assert not found.indoor.any()


def test_no_camera_of_a_crowded_town_stands_in_a_wall():
    rng = np.random.default_rng(2)
    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(12.0), np.arange(12.0)))
    houses = shapely.box(
        11.0 * x, 11.0 * y, 11.0 * x + rng.uniform(8.0, 13.0, 144), 11.0 * y + rng.uniform(8.0, 13.0, 144)
    )
    points = list(map(tuple, rng.uniform(-5.0, 140.0, (400, 2))))
    found = standing(points, houses)
    assert 0 < found.indoor.sum() < 400
    clear = shapely.distance(shapely.union_all(houses), shapely.points(found.xy[~found.indoor]))
    assert clear.min() > 0.99 * OFF_WALL_M
    assert (found.moved_m <= 3.0 + OFF_WALL_M + 1e-9).all()


# --- through the public way in


def test_a_moved_camera_is_reported_and_sees_the_street():
    camera = cameras_frame([(19.5, 5.0)], max_range_m=30.0)
    seen = view_areas(camera, obstacles_frame([HOUSE])).iloc[0]
    assert seen["moved_m"] == pytest.approx(0.6, abs=1e-6)
    assert seen["measured"]
    assert seen["area_m2"] == pytest.approx(math.pi * 450.0, rel=0.05)


def test_a_camera_that_is_said_to_be_indoors_is_not_measured():
    camera = cameras_frame([(40.0, 5.0)] * 2, max_range_m=30.0, indoor=[True, False])
    seen = view_areas(camera, obstacles_frame([HOUSE]))
    assert seen["reason"].tolist() == ["indoor", ""]
    assert seen["measured"].tolist() == [False, True]
    assert seen["area_m2"].iloc[0] == 0.0


def test_a_roof_camera_of_unknown_height_is_put_above_its_roof():
    cameras = cameras_frame([(10.0, 5.0)] * 2, mount="roof", max_range_m=40.0, mount_height_m=[np.nan, 12.0])
    plan = plan_views(cameras, Scene(obstacles_frame([HOUSE], 9.0)), None, heights=True, indoor_depth_m=3.0)
    assert plan.cameras["mount_height_m"].tolist() == [10.0, 12.0]
    assert "mount_height_m" in plan.cameras["assumed"].iloc[0]
    assert "mount_height_m" not in plan.cameras["assumed"].iloc[1]


def test_a_roof_camera_below_its_own_roof_is_raised_and_that_is_called_assumed():
    cameras = cameras_frame([(10.0, 5.0)], mount="roof", max_range_m=40.0, mount_height_m=4.0)
    plan = plan_views(cameras, Scene(obstacles_frame([HOUSE], 9.0)), None, heights=True, indoor_depth_m=3.0)
    assert plan.cameras["mount_height_m"].iloc[0] == 10.0
    assert "mount_height_m" in plan.cameras["assumed"].iloc[0].split(",")


# --- where cameras of unknown direction look


def test_a_camera_of_unknown_direction_looks_at_the_nearest_street():
    streets = streets_frame([[(0.0, -20.0), (100.0, -20.0)], [(-30.0, -100.0), (-30.0, 100.0)]])
    bearing = aim_at_streets(np.array([[50.0, 0.0], [50.0, -40.0], [-10.0, 30.0]]), streets)
    assert bearing == pytest.approx([180.0, 0.0, 270.0])


def test_a_camera_on_the_street_s_axis_looks_along_it():
    streets = streets_frame([[(0.0, -20.0), (100.0, -20.0)]])
    assert aim_at_streets(np.array([[50.0, -20.2], [0.0, -20.0], [100.0, -20.0]]), streets) == pytest.approx([90.0] * 3)


def test_covered_streets_attract_no_camera():
    streets = streets_frame([[(0.0, -5.0), (100.0, -5.0)], [(0.0, 20.0), (100.0, 20.0)]], covered=[True, False])
    assert aim_at_streets(np.array([[50.0, 0.0]]), streets) == pytest.approx([0.0])
    assert np.isnan(aim_at_streets(np.array([[50.0, 0.0]]), streets.iloc[:0])).all()
    assert np.isnan(aim_at_streets(np.array([[50.0, 0.0]]), streets.iloc[:1])).all()


def test_the_direction_s_assumption_is_recorded_with_the_bearing_used():
    camera = cameras_frame([(EAST_M, NORTH_M)], kind="fixed", max_range_m=30.0, hfov_deg=60.0)
    streets = streets_frame([[(EAST_M - 50.0, NORTH_M - 10.0), (EAST_M + 50.0, NORTH_M - 10.0)]])
    seen = view_areas(camera, obstacles_frame([]), streets=streets).iloc[0]
    assert seen["azimuth_deg"] == pytest.approx(180.0)
    assert "azimuth_deg" in seen["assumed"].split(",")
    assert seen.geometry.bounds[3] <= NORTH_M + 1e-6


def test_bearings_are_from_true_north_away_from_the_central_meridian():
    # 24 degrees east in a zone around 27: grid north lies some 2.6 degrees east of true north
    east_m = 330_000.0
    camera = cameras_frame([(east_m, NORTH_M)], kind="fixed", max_range_m=30.0, hfov_deg=60.0, azimuth_deg=10.0)
    seen = view_areas(camera, obstacles_frame([])).iloc[0]
    centre = seen.geometry.centroid
    grid_deg = math.degrees(math.atan2(centre.x - east_m, centre.y - NORTH_M))
    assert seen["azimuth_deg"] == pytest.approx(10.0)
    assert grid_deg == pytest.approx(12.64, abs=0.05)


def test_results_keep_the_cameras_ids_and_order():
    cameras = mixed_cameras(np.array([[EAST_M, NORTH_M]] * 5), 32635, seed=0).iloc[[3, 1, 4, 0, 2]]
    seen = view_areas(cameras, obstacles_frame([]))
    assert seen.index.equals(cameras.index)
    assert seen.crs == cameras.crs


@pytest.mark.parametrize("x", [10.0, 10.3, 10.45])
@pytest.mark.parametrize("mount", ["roof", "ceiling"])
def test_a_roof_or_ceiling_camera_drawn_on_the_outline_stands_just_inside_it(x, mount):
    house = obstacles_frame([box(-10.0, -5.0, 10.0, 5.0)], 9.0)
    camera = cameras_frame([(x, 0.0)], mount=mount, max_range_m=30.0)
    seen = view_areas(camera, house).iloc[0]
    assert seen["moved_m"] == pytest.approx(x - 9.9)
    from_inside = view_areas(cameras_frame([(9.9, 0.0)], mount=mount, max_range_m=30.0), house).iloc[0]
    assert seen["area_m2"] == pytest.approx(from_inside["area_m2"], rel=1e-9)
    assert seen["area_m2"] > 1000.0


def test_a_roof_camera_farther_from_the_outline_stands_on_the_ground():
    camera = cameras_frame([(10.6, 0.0)], mount="roof", max_range_m=30.0)
    seen = view_areas(camera, obstacles_frame([box(-10.0, -5.0, 10.0, 5.0)], 9.0)).iloc[0]
    assert seen["moved_m"] == 0.0
