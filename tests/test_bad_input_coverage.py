"""What the coverage engine says to input it cannot use: column, rule, count and first ids, in one line."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scenes import EAST_M, NORTH_M, cameras_frame, make_site, obstacles_frame
from shapely import Point, Polygon, box

from sightgrid.coverage import count_raster, measure, raster_shape, view_areas
from sightgrid.coverage.scene import Scene
from sightgrid.errors import CRSError, InputError, SchemaError, UnitRangeError

HERE = (EAST_M, NORTH_M)
STUDY = box(EAST_M - 50.0, NORTH_M - 50.0, EAST_M + 50.0, NORTH_M + 50.0)
HOUSE = box(EAST_M + 10.0, NORTH_M - 5.0, EAST_M + 20.0, NORTH_M + 5.0)


def houses():
    return obstacles_frame([HOUSE])


def by_frame(cameras):
    view_areas(cameras, houses())


def by_scene(cameras):
    view_areas(cameras, Scene(houses()))


def by_site(cameras):
    measure(make_site(cameras_frame([HERE]), STUDY, houses()).with_cameras(cameras))


EVERY_WAY = pytest.mark.parametrize("way", [by_frame, by_scene, by_site])

BAD_COLUMNS = [
    ({"azimuth_deg": 400.0}, r"cameras: azimuth_deg: must lie in \[0, 360\) \(2 rows: c0, c1\)"),
    ({"azimuth_deg": [360.0, 10.0]}, r"cameras: azimuth_deg: must lie in \[0, 360\) \(1 row: c0\)"),
    ({"mount_height_m": [-3.0, 99.0]}, r"cameras: mount_height_m: must lie in \(0, 60\] \(2 rows: c0, c1\)"),
    ({"mount_height_m": [4.0, 0.0]}, r"cameras: mount_height_m: must lie in \(0, 60\] \(1 row: c1\)"),
    ({"mount_height_m": [4.0, math.inf]}, r"cameras: mount_height_m: must lie in \(0, 60\] \(1 row: c1\)"),
    ({"hfov_deg": [-5.0, 60.0]}, r"cameras: hfov_deg: must lie in \(0, 360\] \(1 row: c0\)"),
    ({"hfov_deg": 0.0}, r"cameras: hfov_deg: must lie in \(0, 360\] \(2 rows: c0, c1\)"),
    ({"hfov_deg": [60.0, 180.0]}, r"cameras: hfov_deg: field of view must be below 180 for a fixed .* \(1 row: c1\)"),
    ({"vfov_deg": [181.0, 20.0]}, r"cameras: vfov_deg: must lie in \(0, 180\] \(1 row: c0\)"),
    ({"tilt_deg": [91.0, -91.0]}, r"cameras: tilt_deg: must lie in \[-90, 90\] \(2 rows: c0, c1\)"),
    ({"width_px": [0.0, 1920.0]}, r"cameras: width_px: must lie in \[1, 100000\] \(1 row: c0\)"),
    ({"height_px": [1080.5, 1080.0]}, r"cameras: height_px: must be a whole number \(1 row: c0\)"),
    ({"max_range_m": [0.0, 5001.0]}, r"cameras: max_range_m: must lie in \(0, 5000\] \(2 rows: c0, c1\)"),
    ({"max_range_m": ["far", 20.0]}, r"cameras: max_range_m: must be a number \(1 row: c0\)"),
    ({"hfov_deg": ["60 deg", "wide"]}, r"cameras: hfov_deg: must be a number \(2 rows: c0, c1\)"),
    ({"kind": ["fixed", "thermal"]}, r"cameras: kind: must be one of fixed, dome, ptz, panorama \(1 row: c1\)"),
    ({"kind": ["fixed", None]}, r"cameras: kind: must be given \(1 row: c1\)"),
    ({"mount": ["tree", "pole"]}, r"cameras: mount: must be one of pole, wall, roof, .* \(1 row: c0\)"),
]  # fmt: skip


@EVERY_WAY
@pytest.mark.parametrize(
    ("columns", "message"), BAD_COLUMNS, ids=[f"{n}-{next(iter(c))}" for n, (c, _) in enumerate(BAD_COLUMNS)]
)
def test_numbers_out_of_range_name_column_rule_and_rows(way, columns, message):
    with pytest.raises(SchemaError, match=message):
        way(cameras_frame([HERE, HERE], **({"kind": "fixed"} | columns)))


@EVERY_WAY
def test_every_fault_is_told_at_once(way):
    with pytest.raises(SchemaError) as caught:
        way(cameras_frame([HERE] * 9, kind="fixed", azimuth_deg=-1.0, tilt_deg=[95.0] + [0.0] * 8))
    text = str(caught.value)
    assert "azimuth_deg: must lie in [0, 360) (9 rows: c0, c1, c2, c3, c4, …)" in text
    assert "tilt_deg: must lie in [-90, 90] (1 row: c0)" in text
    assert "\n" not in text
    assert {fault.column for fault in caught.value.faults} == {"azimuth_deg", "tilt_deg"}


@EVERY_WAY
def test_ids_must_be_unique(way):
    with pytest.raises(SchemaError, match=r"cameras: camera_id: ids must be unique \(1 row: c0\)"):
        way(cameras_frame([HERE, HERE]).rename(index={"c1": "c0"}))


@EVERY_WAY
def test_a_camera_needs_a_place(way):
    with pytest.raises(SchemaError, match=r"cameras: geometry: must not be empty \(1 row: c1\)"):
        way(cameras_frame([HERE, HERE]).set_geometry([Point(HERE), Point()], crs=32635))
    with pytest.raises(SchemaError, match=r"cameras: geometry: must be Point \(1 row: c0\)"):
        way(cameras_frame([HERE]).set_geometry([HOUSE], crs=32635))


@EVERY_WAY
def test_a_missing_column_or_index_is_named(way):
    with pytest.raises(SchemaError, match="cameras: kind: missing column"):
        way(cameras_frame([HERE]).drop(columns="kind"))
    with pytest.raises(SchemaError, match="cameras: camera_id: missing index"):
        way(cameras_frame([HERE]).rename_axis("number"))


def test_obstacles_are_checked_too():
    camera = cameras_frame([HERE])
    with pytest.raises(SchemaError, match=r"obstacles: height_m: must lie in \(0, inf\) \(1 row: b0\)"):
        view_areas(camera, obstacles_frame([HOUSE], -3.0))
    with pytest.raises(SchemaError, match=r"obstacles: height_m: must be given \(1 row: b0\)"):
        view_areas(camera, obstacles_frame([HOUSE], np.nan))
    with pytest.raises(SchemaError, match=r"obstacles: geometry: must be Polygon \(1 row: b0\)"):
        view_areas(camera, obstacles_frame([HOUSE.boundary]))


# --- coordinate systems


@EVERY_WAY
def test_a_coordinate_system_must_be_given(way):
    with pytest.raises(CRSError, match="cameras: no coordinate system is given"):
        way(cameras_frame([HERE]).set_crs(None, allow_override=True))


@EVERY_WAY
def test_degrees_are_not_metres(way):
    with pytest.raises(CRSError, match=r"cameras: WGS 84 is geographic \(degrees\) where metres are needed"):
        way(cameras_frame([(25.0, 60.0)], crs=4326))


@EVERY_WAY
def test_layers_share_one_coordinate_system(way):
    with pytest.raises(CRSError, match=r"obstacles: WGS 84 / UTM zone 35N is not the coordinate system of the cameras"):
        way(cameras_frame([HERE], crs=32634))


def test_obstacles_need_metres_too():
    with pytest.raises(CRSError, match=r"obstacles: WGS 84 is geographic"):
        view_areas(cameras_frame([HERE]), obstacles_frame([box(25.0, 60.0, 25.1, 60.1)], crs=4326))
    with pytest.raises(CRSError, match=r"obstacles: no coordinate system is given"):
        view_areas(cameras_frame([HERE]), houses().set_crs(None, allow_override=True))


def test_a_camera_that_replaces_another_shares_the_site_s_coordinate_system():
    seen = measure(site())
    with pytest.raises(CRSError, match=r"cameras: WGS 84 / UTM zone 34N is not the coordinate system of the site"):
        seen.replace(cameras_frame([HERE], crs=32634))


def test_obstacles_without_a_kind_are_buildings():
    bare = houses().drop(columns=["kind", "height_source"])
    camera = cameras_frame([HERE], max_range_m=30.0)
    assert view_areas(camera, bare)["area_m2"].equals(view_areas(camera, houses())["area_m2"])


# --- empty layers


def test_without_cameras_there_is_nothing_to_measure():
    site = make_site(cameras_frame([HERE]), STUDY, houses())
    with pytest.raises(InputError, match="scene: cameras: the layer is empty, so there is nothing to measure"):
        measure(site.with_cameras(site.cameras.iloc[:0]))


def test_without_cameras_no_views_are_drawn():
    seen = view_areas(cameras_frame([HERE]).iloc[:0], houses())
    assert len(seen) == 0
    assert {"area_m2", "model", "measured", "reason"} <= set(seen.columns)


def test_without_obstacles_everything_is_open():
    seen = view_areas(cameras_frame([HERE], max_range_m=20.0), obstacles_frame([]))
    assert seen["area_m2"].iloc[0] == pytest.approx(400.0 * math.pi)


# --- options


def site():
    return make_site(cameras_frame([HERE], max_range_m=20.0), STUDY, houses())


@pytest.mark.parametrize("cell_m", [0.0, -1.0, math.nan, math.inf])
def test_a_cell_must_have_a_size(cell_m):
    with pytest.raises(UnitRangeError, match=r"cell_m: .* must be above 0"):
        measure(site(), cell_m=cell_m)


def test_too_many_cells_are_refused_before_memory_runs_out():
    with pytest.raises(UnitRangeError, match=r"cell_m: 0\.001 m makes 10,00\d,\d+,\d+ cells, more than "):
        measure(site(), cell_m=0.001)


@pytest.mark.parametrize("density_px_m", [0.0, -12.5, math.nan, math.inf])
def test_a_density_must_be_above_zero(density_px_m):
    with pytest.raises(UnitRangeError, match=r"density_px_m: .* must be above 0"):
        measure(site(), density_px_m=density_px_m)
    with pytest.raises(UnitRangeError, match=r"density_px_m: .* must be above 0"):
        view_areas(cameras_frame([HERE]), houses(), density_px_m=density_px_m)


@pytest.mark.parametrize("density_px_m", [None, 50.0])
def test_an_unknown_standard_is_named_with_the_known_ones(density_px_m):
    message = r"standard: 'iec1999' is not one of iec2014, iec2025"
    with pytest.raises(UnitRangeError, match=message):
        measure(site(), standard="iec1999", density_px_m=density_px_m)
    with pytest.raises(UnitRangeError, match=message):
        view_areas(cameras_frame([HERE]), houses(), standard="iec1999", density_px_m=density_px_m)


@pytest.mark.parametrize("target_height_m", [-1.0, math.nan, math.inf])
def test_a_target_stands_on_the_ground_or_above(target_height_m):
    with pytest.raises(UnitRangeError, match=r"target_height_m: .* must not be below 0"):
        view_areas(cameras_frame([HERE]), houses(), target_height_m=target_height_m)
    with pytest.raises(UnitRangeError, match=r"target_height_m: .* must not be below 0"):
        measure(site(), target_height_m=target_height_m)


@pytest.mark.parametrize("indoor_depth_m", [-1.0, math.nan])
def test_a_depth_is_not_negative(indoor_depth_m):
    with pytest.raises(UnitRangeError, match=r"indoor_depth_m: .* must not be below 0"):
        view_areas(cameras_frame([HERE]), houses(), indoor_depth_m=indoor_depth_m)


@pytest.mark.parametrize("resolution_m", [0.0, -1.0, math.nan, math.inf])
def test_a_raster_must_have_a_resolution(resolution_m):
    seen = measure(site())
    with pytest.raises(UnitRangeError, match=r"resolution_m: .* must be above 0"):
        raster_shape(seen, resolution_m=resolution_m)
    with pytest.raises(UnitRangeError, match=r"resolution_m: .* must be above 0"):
        next(count_raster(seen, resolution_m=resolution_m))


# --- cameras where they cannot be


def test_a_camera_deep_inside_a_building_is_listed_and_not_measured():
    cameras = cameras_frame([(EAST_M + 15.0, NORTH_M), HERE], max_range_m=20.0)
    seen = view_areas(cameras, houses())
    assert seen["reason"].tolist() == ["indoor?", ""]
    assert seen["measured"].tolist() == [False, True]
    assert seen.geometry.is_empty.tolist() == [True, False]
    totals = measure(make_site(cameras, STUDY, houses())).totals
    assert (totals["cameras_total"], totals["cameras_measured"], totals["cameras_not_measured"]) == (2, 1, 1)


def test_a_camera_in_a_wall_is_moved_and_reported():
    cameras = cameras_frame([(EAST_M + 11.0, NORTH_M), HERE], max_range_m=20.0)
    seen = view_areas(cameras, houses())
    assert seen["moved_m"].tolist() == pytest.approx([1.1, 0.0], abs=1e-6)
    assert measure(make_site(cameras, STUDY, houses())).totals["cameras_moved"] == 1


def test_if_no_camera_can_be_measured_the_rate_is_zero():
    seen = measure(make_site(cameras_frame([(EAST_M + 15.0, NORTH_M)]), STUDY, houses()))
    assert seen.totals["coverage_rate"] == 0.0
    assert seen.totals["cameras_not_measured"] == 1


@pytest.mark.parametrize("point", [(0.0, 0.0), (EAST_M + 90_000.0, NORTH_M)])
def test_cameras_far_from_the_study_area_see_none_of_it(point):
    totals = measure(make_site(cameras_frame([point], max_range_m=20.0), STUDY, houses())).totals
    assert totals["covered_m2"] == 0.0


def test_self_crossing_outlines_do_not_break_the_kernel():
    corners = [(10.0, -5.0), (20.0, 5.0), (20.0, -5.0), (10.0, 5.0)]
    bow_tie = obstacles_frame([Polygon([(EAST_M + x, NORTH_M + y) for x, y in corners])])
    seen = view_areas(cameras_frame([HERE], max_range_m=30.0), bow_tie)
    assert seen.geometry.is_valid.all()
    assert 0.0 < seen["area_m2"].iloc[0] < 900.0 * math.pi
