"""The kernel against closed forms, against the plain reference, and against itself on other threads."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import shapely
from scenes import (
    EAST_M,
    NORTH_M,
    cameras_frame,
    mixed_cameras,
    obstacles_frame,
    plain_buildings,
    plain_cameras,
    random_town,
    see,
    views_of,
)
from shapely import box

from sightgrid.coverage import reference, view_areas, visibility
from sightgrid.coverage.scene import Scene

DISC_M2 = math.pi * 100.0**2
NOWHERE = obstacles_frame([])
HOUSE = box(10.0, -5.0, 20.0, 5.0)
TURN = 2.0 * math.atan2(5.0, 10.0)  # the house's front, seen from the origin
BEHIND_HOUSE_M2 = 0.5 * 100.0**2 * TURN - 0.5 * 10.0 * 10.0


def one(obstacles, *, target_m=1.5, heights=True, **options):
    """Area and polygon of one camera at the origin, 4 m high, that sees 100 m far."""
    area, shapes = see(views_of([[0.0, 0.0]], **options), obstacles, target_m=target_m, heights=heights)
    assert shapes[0].is_valid
    assert shapes[0].area == pytest.approx(area[0], rel=1e-4, abs=1e-4)
    return area[0], shapes[0]


def disc(radius, *, segments=20_000):
    return shapely.Point(0.0, 0.0).buffer(radius, quad_segs=segments)


# --- closed forms


def test_open_country_is_a_disc():
    assert one(NOWHERE)[0] == pytest.approx(DISC_M2, rel=1e-14)
    assert one(obstacles_frame([box(200.0, 0.0, 210.0, 10.0)]))[0] == pytest.approx(DISC_M2, rel=1e-14)


def test_a_square_yard_is_seen_to_its_walls():
    yard = box(-60.0, -60.0, 60.0, 60.0).difference(box(-30.0, -20.0, 25.0, 40.0))
    area, shape = one(obstacles_frame([yard]))
    assert area == pytest.approx(55.0 * 60.0, rel=1e-14)
    assert shape.symmetric_difference(box(-30.0, -20.0, 25.0, 40.0)).area < 1e-9


def test_a_house_hides_what_is_behind_its_front():
    assert one(obstacles_frame([HOUSE]))[0] == pytest.approx(DISC_M2 - BEHIND_HOUSE_M2, rel=1e-13)


def test_a_pillar_hides_the_wedge_between_its_outer_corners():
    wedge = 0.5 * 100.0**2 * math.pi / 2.0 - 1.0  # corners (1, 1) … seen from the origin: a quarter turn
    pillar = shapely.Polygon([(1.0, -1.0), (3.0, 0.0), (1.0, 1.0)])
    assert one(obstacles_frame([pillar]))[0] == pytest.approx(DISC_M2 - wedge, rel=1e-13)


def test_a_low_wall_hides_a_trapezoid_as_long_as_its_shadow():
    s = (4.0 - 1.5) / (4.0 - 3.0)
    fence = box(10.0, -5.0, 10.0 + 1e-3, 5.0)
    far = (10.0 + 1e-3) * s
    # front corners cast (25, ±12.5), back corners (far, ±12.5); in front of the shadow lies the triangle to the fence
    shadow = shapely.union_all(
        [shapely.convex_hull(shapely.union(fence, shapely.affinity.scale(fence, s, s, origin=(0, 0))))]
    )
    assert one(obstacles_frame([fence], 3.0))[0] == pytest.approx(DISC_M2 - shadow.area, rel=1e-12)
    assert shadow.bounds[2] == pytest.approx(far)


def test_a_low_house_hides_itself_and_its_shadow():
    for height in (1.6, 2.0, 3.0, 3.5):
        s = (4.0 - 1.5) / (4.0 - height)
        cast = shapely.convex_hull(shapely.union(HOUSE, shapely.affinity.scale(HOUSE, s, s, origin=(0, 0))))
        expected = disc(100.0).difference(cast).area + DISC_M2 - disc(100.0).area
        assert one(obstacles_frame([HOUSE], height))[0] == pytest.approx(expected, rel=1e-7)


def test_a_house_lower_than_the_target_hides_nothing():
    assert one(obstacles_frame([HOUSE], 1.5))[0] == pytest.approx(DISC_M2, rel=1e-14)
    assert one(obstacles_frame([HOUSE], 1.5), heights=False)[0] == pytest.approx(DISC_M2 - BEHIND_HOUSE_M2, rel=1e-13)


def test_a_house_as_high_as_the_camera_hides_everything_behind_it():
    assert one(obstacles_frame([HOUSE], 4.0))[0] == pytest.approx(DISC_M2 - BEHIND_HOUSE_M2, rel=1e-13)


def test_without_heights_every_wall_hides_everything_behind_it():
    low, high = (one(obstacles_frame([HOUSE], h), heights=False)[0] for h in (2.0, 50.0))
    assert low == high == pytest.approx(DISC_M2 - BEHIND_HOUSE_M2, rel=1e-13)


def test_open_canopies_hide_nothing():
    assert one(obstacles_frame([HOUSE], 10.0, kind="roof"))[0] == pytest.approx(DISC_M2, rel=1e-14)


def test_a_camera_below_the_target_is_blocked_by_what_is_higher_than_the_target():
    assert one(obstacles_frame([HOUSE], 2.0), height_m=1.0)[0] == pytest.approx(DISC_M2 - BEHIND_HOUSE_M2, rel=1e-13)


def test_a_roof_camera_does_not_see_what_its_roof_hides():
    area, shape = one(obstacles_frame([box(-10.0, -5.0, 20.0, 5.0)], 3.0), host=0, roof=1)
    assert area == pytest.approx(DISC_M2 - 300.0 * 2.5**2, rel=1e-12)
    assert len(shape.interiors) == 1
    hole = shapely.Polygon(shape.interiors[0])
    assert hole.symmetric_difference(box(-25.0, -12.5, 50.0, 12.5)).area < 1e-6


def test_a_roof_lower_than_the_target_hides_nothing():
    camera = cameras_frame([(0.0, 0.0)], mount="roof", max_range_m=30.0)
    seen = view_areas(camera, obstacles_frame([box(-5.0, -5.0, 5.0, 5.0)], 1.2)).iloc[0]
    assert seen["area_m2"] == pytest.approx(900.0 * math.pi, rel=1e-13)


def test_a_roof_camera_stands_on_the_tallest_of_the_buildings_below_it():
    camera = cameras_frame([(0.0, 0.0)], mount="roof", max_range_m=30.0)
    shapes, heights = [box(-5.0, -5.0, 5.0, 5.0), box(-2.0, -2.0, 2.0, 2.0)], [3.0, 6.0]
    forth = view_areas(camera, obstacles_frame(shapes, heights)).iloc[0]
    back = view_areas(camera, obstacles_frame(shapes[::-1], heights[::-1])).iloc[0]
    # 7 m high: the tower's edge hides 5.5 times the tower, more than the low roof does
    assert forth["area_m2"] == pytest.approx(900.0 * math.pi - 22.0**2, rel=1e-12)
    assert back["area_m2"] == pytest.approx(forth["area_m2"], rel=1e-12)


def test_a_camera_below_the_target_is_taken_to_be_blocked_by_any_wall_above_it():
    assert one(obstacles_frame([HOUSE], 1.4), height_m=1.0)[0] == pytest.approx(DISC_M2 - BEHIND_HOUSE_M2, rel=1e-13)
    assert one(obstacles_frame([HOUSE], 0.9), height_m=1.0)[0] == pytest.approx(DISC_M2, rel=1e-13)


def test_a_ceiling_camera_looks_out_of_its_building():
    around = box(-10.0, -5.0, 20.0, 5.0)
    assert one(obstacles_frame([around], 9.0), host=0)[0] == pytest.approx(DISC_M2, rel=1e-14)
    # another building still counts
    both = obstacles_frame([around, box(10.0, 6.0, 20.0, 16.0)], 9.0)
    assert one(both, host=0)[0] < DISC_M2 - 1000.0


def test_an_annulus_begins_at_its_near_edge_and_ends_at_walls():
    area, shape = one(obstacles_frame([HOUSE]), near_m=15.0)
    assert len(shape.interiors) == 0
    # what stands nearer than 15 m hides all of its wedge, the rest of the front stands nearer too: (10, 5) is at 11.2 m
    assert area == pytest.approx(0.5 * (100.0**2 - 15.0**2) * (2.0 * math.pi - TURN), rel=1e-13)
    area, shape = one(NOWHERE, near_m=15.0)
    assert area == pytest.approx(math.pi * (100.0**2 - 15.0**2), rel=1e-13)
    assert len(shape.interiors) == 1


def test_an_annulus_goes_on_in_front_of_a_wall_beyond_its_near_edge():
    area = one(obstacles_frame([HOUSE]), near_m=8.0)[0]
    assert area == pytest.approx(DISC_M2 - BEHIND_HOUSE_M2 - math.pi * 64.0, rel=1e-13)


def test_a_sector_ends_at_its_first_and_last_ray():
    area, shape = one(NOWHERE, begin_deg=350.0, fov_deg=30.0)
    assert area == pytest.approx(DISC_M2 / 12.0, rel=1e-13)
    assert shape.contains(shapely.Point(50.0, -5.0))
    assert not shape.contains(shapely.Point(50.0, -9.0))


def test_walls_that_cross_hide_like_their_union():
    bars = [box(10.0, -20.0, 12.0, 20.0), box(5.0, -2.0, 40.0, 2.0)]
    crossing, united = one(obstacles_frame(bars)), one(obstacles_frame([shapely.union_all(bars)]))
    assert crossing[0] == pytest.approx(united[0], rel=1e-12)
    assert crossing[1].symmetric_difference(united[1]).area < 1e-6


def test_two_buildings_that_share_a_wall_hide_like_one():
    parts = [box(10.0, -5.0, 15.0, 5.0), box(15.0, -5.0, 20.0, 5.0)]
    for height in (3.0, 10.0):
        expected = one(obstacles_frame([HOUSE], height))[0]
        assert one(obstacles_frame(parts, height))[0] == pytest.approx(expected, rel=1e-12)
        assert one(obstacles_frame(parts[::-1], height))[0] == pytest.approx(expected, rel=1e-12)
        assert one(obstacles_frame([HOUSE, *parts], height))[0] == pytest.approx(expected, rel=1e-12)


def test_a_wall_that_touches_another_s_middle_leaves_no_gap():
    tee = [box(10.0, -20.0, 12.0, 20.0), box(12.0, -1.0, 30.0, 1.0)]
    assert one(obstacles_frame(tee))[0] == pytest.approx(one(obstacles_frame(tee[:1]))[0], rel=1e-13)


def test_a_camera_in_line_with_a_wall():
    ahead = box(10.0, 0.0, 20.0, 5.0)  # its lower wall lies on the x axis
    turn = math.atan2(5.0, 10.0)
    hidden = 0.5 * 100.0**2 * turn - 0.5 * 10.0 * 5.0
    assert one(obstacles_frame([ahead]))[0] == pytest.approx(DISC_M2 - hidden, rel=1e-13)
    s = 2.5
    cast = shapely.convex_hull(shapely.union(ahead, shapely.affinity.scale(ahead, s, s, origin=(0, 0))))
    assert one(obstacles_frame([ahead], 3.0))[0] == pytest.approx(DISC_M2 - cast.area, rel=1e-13)


def test_a_wall_that_touches_the_range_hides_nothing():
    assert one(obstacles_frame([box(100.0, -5.0, 110.0, 5.0)]))[0] == pytest.approx(DISC_M2, rel=1e-13)
    assert one(obstacles_frame([box(-5.0, 60.0, 5.0, 200.0)]))[0] < DISC_M2


def test_a_camera_in_a_closed_yard_sees_the_yard_and_over_its_low_side():
    sides = [box(-12.0, -12.0, 12.0, -10.0), box(-12.0, 10.0, 12.0, 12.0), box(-12.0, -10.0, -10.0, 10.0)]
    walls = obstacles_frame([*sides, box(10.0, -10.0, 12.0, 10.0)], [9.0, 9.0, 9.0, 2.0])
    # over the east side, 2 m high: between the ends of the tall ones at (12, ±10), from the end of its shadow on
    end_m = 12.0 * 2.5 / 2.0
    beyond = 100.0**2 * math.atan2(10.0, 12.0) - end_m**2 * 10.0 / 12.0
    assert one(walls)[0] == pytest.approx(400.0 + beyond, rel=1e-12)


def test_target_height_decides_which_shadows_reach_how_far():
    fence = obstacles_frame([HOUSE], 3.0)
    areas = [one(fence, target_m=t)[0] for t in (0.0, 1.0, 2.0, 2.9)]
    assert areas == sorted(areas)


# --- the plain reference


def assert_same(views, town, *, heights=True, target_m=1.5):
    areas, shapes = see(views, town, heights=heights, target_m=target_m)
    plain = plain_buildings(town, heights=heights)
    assert shapely.is_valid(shapes).all()
    expected = [reference.visible_area(camera, plain, target_height_m=target_m) for camera in plain_cameras(views)]
    assert areas == pytest.approx(expected, rel=1e-9, abs=1e-9)
    # arcs are chains of the same area; what is left are points closer than a micrometre that became one
    assert (np.abs(shapely.area(shapes) - areas) <= 1e-4 * areas + 0.01).all()
    return shapes


def standing_outside(xy, town, height_m):
    """Cameras above the building they stand on are roof cameras; those inside a taller one are left out."""
    inside, building = shapely.STRtree(town.geometry.to_numpy()).query(shapely.points(xy), predicate="intersects")
    roof = np.zeros(len(xy), np.int64)
    tallest = town["height_m"].to_numpy()[building]
    np.add.at(roof, inside[tallest > 1.5], 1)
    lost = np.zeros(len(xy), bool)
    lost[inside[tallest >= height_m[inside]]] = True
    return np.flatnonzero(~lost), roof


@pytest.mark.parametrize("seed", range(6))
def test_random_towns_with_every_model_equal_the_reference(seed):
    rng = np.random.default_rng(seed)
    for _ in range(12):
        town, n = random_town(rng, int(rng.integers(1, 14))), 8
        xy = np.array([EAST_M, NORTH_M]) + rng.uniform(-60.0, 60.0, (n, 2))
        height_m = rng.choice([1.5, 2.5, 4.0, 8.0], n)
        planes = np.zeros((n, 5, 3))
        for k in np.flatnonzero(rng.random(n) < 0.5):
            ahead = rng.normal(size=2)
            ahead /= np.hypot(*ahead)
            planes[k, 4] = *ahead, rng.uniform(-5.0, 60.0)
            planes[k, 2] = *-ahead, -rng.uniform(-3.0, 20.0)
        near_m = np.where(rng.random(n) < 0.5, rng.uniform(0.0, 18.0, n), 0.0)
        fov_deg = np.where(rng.random(n) < 0.5, rng.uniform(5.0, 330.0, n), 360.0)
        rows, roof = standing_outside(xy, town, height_m)
        views = views_of(
            xy,
            height_m=height_m,
            far_m=rng.uniform(20.0, 110.0, n),
            near_m=near_m,
            begin_deg=rng.uniform(0.0, 360.0, n),
            fov_deg=fov_deg,
            planes=planes,
            roof=roof,
        ).take(rows)
        if len(rows):
            assert_same(views, town)


def test_cameras_of_every_kind_equal_the_reference():
    """Through the public way in: optics, standpoints and directions included."""
    rng = np.random.default_rng(11)
    town = random_town(rng, 12)
    cameras = mixed_cameras(np.array([EAST_M, NORTH_M]) + rng.uniform(-90.0, 90.0, (120, 2)), town.crs, seed=11)
    seen = view_areas(cameras, town)
    scene = Scene(town)
    plan = visibility.plan_views(cameras, scene, None, heights=True, indoor_depth_m=3.0)
    views = plan.views(
        plan.footprints(target_height_m=1.5, density_px_m=12.5), scene, target_height_m=1.5, heights=True
    )
    plain, walls = plain_cameras(views), plain_buildings(town)
    measured = np.flatnonzero(seen["measured"])
    assert len(measured) > 60
    assert set(seen["model"]) == {"frustum, heights", "sector, heights", "annulus, heights"}
    assert (views.roof[measured] > 0).any()
    for k in measured:
        expected = reference.visible_area(plain[k], walls)
        assert seen["area_m2"].iloc[k] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_random_towns_without_heights_equal_the_reference():
    rng = np.random.default_rng(42)
    for _ in range(10):
        town = random_town(rng, 12)
        xy = np.array([EAST_M, NORTH_M]) + rng.uniform(-60.0, 60.0, (8, 2))
        rows, _ = standing_outside(xy, town.assign(height_m=99.0), np.full(8, 4.0))
        if len(rows):
            assert_same(views_of(xy).take(rows), town, heights=False)


def test_rows_of_houses_on_a_lattice_equal_the_reference():
    """Shared walls, corners that touch, walls in line with cameras: everything real maps are full of."""
    rng = np.random.default_rng(3)
    for _ in range(8):
        squares = [
            box(EAST_M + 8.0 * x, NORTH_M + 8.0 * y, EAST_M + 8.0 * x + 8.0, NORTH_M + 8.0 * y + 8.0)
            for x, y in rng.integers(-5, 6, (18, 2))
            if (x, y) != (0, 0)
        ]
        town = obstacles_frame(squares, rng.choice([2.0, 3.0, 9.0], len(squares)))
        xy = np.array([[4.0, 4.0], [4.0, 3.0], [2.0, 6.0]]) + np.array([EAST_M, NORTH_M])
        assert_same(views_of(xy, far_m=60.0), town)


def test_points_are_seen_where_the_polygon_says_so():
    rng = np.random.default_rng(8)
    compared = 0
    for _ in range(40):
        town = random_town(rng, int(rng.integers(1, 10)), span_m=60.0)
        height_m = np.array([rng.choice([2.5, 4.0, 8.0])])
        xy = np.array([[EAST_M, NORTH_M]])
        rows, roof = standing_outside(xy, town, height_m)
        if not len(rows):
            continue
        fov_deg = rng.choice([360.0, 80.0, 200.0])
        views = views_of(xy, height_m=height_m, far_m=80.0, near_m=rng.choice([0.0, 9.0]), fov_deg=fov_deg, roof=roof)
        shape = assert_same(views, town)[0]
        points = xy + rng.uniform(-80.0, 80.0, (250, 2))
        reach = np.hypot(*(points - xy).T)
        # away from the outline, and from the thin space between an arc and its chain
        clear = shapely.distance(shape.boundary, shapely.points(points)) > 1e-6
        clear &= (np.abs(reach - 80.0) > 0.01) & (np.abs(reach - views.near_m) > 0.01)
        inside = shapely.contains(shape, shapely.points(points))
        camera, walls = plain_cameras(views)[0], plain_buildings(town)
        truth = [reference.visible(camera, walls, *point) for point in points[clear]]
        assert inside[clear].tolist() == truth
        compared += int(clear.sum())
    assert compared > 5_000


# --- a second oracle


def shadow_quads(center, town, far_m, height_m, target_m=1.5):
    """What a camera sees by taking every wall's shadow away from a finely drawn disc."""
    quads = [town.geometry[town["height_m"] > target_m].union_all()]
    for shape, wall_m in zip(town.geometry, town["height_m"], strict=True):
        if wall_m <= target_m:
            continue
        s = (height_m - target_m) / (height_m - wall_m) if wall_m < height_m else 1e4
        for ring in (shape.exterior, *shape.interiors):
            at = np.asarray(ring.coords) - center
            for a, b in pairwise(at):
                quad = shapely.Polygon([a, b, s * b, s * a])
                quads.append(shapely.affinity.translate(quad, *center) if quad.is_valid else shapely.Polygon())
    ground = shapely.Point(center).buffer(far_m, quad_segs=4000)
    return ground.difference(shapely.union_all(quads))


def test_shadows_taken_away_from_a_disc_leave_the_same():
    rng = np.random.default_rng(21)
    compared = 0
    while compared < 12:
        town = random_town(rng, 6, span_m=50.0, center=(0.0, 0.0))
        if shapely.distance(shapely.Point(0.0, 0.0), town.geometry.union_all()) < 0.5:
            continue
        expected = shadow_quads(np.zeros(2), town, 60.0, 4.0)
        area, shape = one(town, far_m=60.0)
        assert area == pytest.approx(expected.area, rel=1e-6)
        assert shape.symmetric_difference(expected).area < 1e-4 * math.pi * 60.0**2
        compared += 1


# --- the same bytes every time


def test_threads_and_chunks_do_not_change_a_bit(monkeypatch):
    rng = np.random.default_rng(17)
    town = random_town(rng, 40, span_m=200.0)
    cameras = mixed_cameras(np.array([EAST_M, NORTH_M]) + rng.uniform(-200.0, 200.0, (300, 2)), town.crs, seed=17)
    answers = []
    for threads, chunk in ((1, 1024), (2, 1024), (1, 1), (2, 7), (4, 64)):
        monkeypatch.setattr(visibility, "_CHUNK", chunk)
        seen = view_areas(cameras, town, threads=threads)
        answers.append((seen["area_m2"].to_numpy().tobytes(), tuple(shapely.to_wkb(seen.geometry.to_numpy()))))
    assert len(set(answers)) == 1


def test_the_order_of_cameras_does_not_change_their_views():
    rng = np.random.default_rng(18)
    town = random_town(rng, 30)
    cameras = mixed_cameras(np.array([EAST_M, NORTH_M]) + rng.uniform(-120.0, 120.0, (50, 2)), town.crs, seed=18)
    forth, back = view_areas(cameras, town), view_areas(cameras.iloc[::-1], town).iloc[::-1]
    assert forth["area_m2"].equals(back["area_m2"])
    assert forth.geometry.to_wkb().equals(back.geometry.to_wkb())


# --- many low walls, long ranges


def test_a_high_camera_over_hundreds_of_low_walls():
    rng = np.random.default_rng(1)
    town = random_town(rng, 60, span_m=120.0).assign(height_m=rng.uniform(1.6, 3.5, 60))
    rows, roof = standing_outside(np.array([[EAST_M, NORTH_M]]), town, np.array([30.0]))
    assert len(rows) == 1
    assert_same(views_of([[EAST_M, NORTH_M]], height_m=30.0, far_m=150.0, roof=roof), town)


def test_a_high_camera_over_a_whole_town_fits_into_memory():
    """Memory must grow with the walls in range, not with their square: here there are 10,000 low ones."""
    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(-32.0, 32.0), np.arange(-32.0, 32.0)))
    houses = shapely.box(EAST_M + 20.0 * x, NORTH_M + 20.0 * y, EAST_M + 20.0 * x + 9.0, NORTH_M + 20.0 * y + 9.0)
    camera = cameras_frame([(EAST_M - 5.0, NORTH_M - 5.0)], mount_height_m=50.0, max_range_m=600.0, width_px=100_000.0)
    seen = view_areas(camera, obstacles_frame(list(houses), 6.0))
    # a house and its shadow are the hull of its outline and the outline moved away from the camera
    factor = (50.0 - 1.5) / (50.0 - 6.0)
    here = (EAST_M - 5.0, NORTH_M - 5.0)
    moved = shapely.transform(houses, lambda xy: here + factor * (xy - here))
    hidden = shapely.convex_hull(shapely.union(houses, moved))
    expected = shapely.Point(here).buffer(600.0, quad_segs=4000).difference(shapely.union_all(hidden))
    assert seen["area_m2"].iloc[0] == pytest.approx(expected.area, rel=1e-6)
    assert seen.geometry.iloc[0].is_valid
