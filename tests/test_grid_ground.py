"""Cells of the grid, observable ground, and scanlines."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from scenes import CRS, EAST_M, NORTH_M, cameras_frame, layer, make_site, obstacles_frame, random_town, streets_frame
from shapely import box

from sightgrid.coverage import measure
from sightgrid.errors import InfeasibleError, InputError, UnitRangeError
from sightgrid.gis.grid import MOST_CELLS, draw_cells, lay_grid
from sightgrid.gis.ground import find_closed_courtyards, survey_ground
from sightgrid.gis.rasterize import bin_boxes, first_sample, flatten_shapes, row_shift, scan_rows

YARD = box(10.0, 10.0, 30.0, 20.0)
BLOCK = box(0.0, 0.0, 40.0, 30.0).difference(YARD)
STUDY = box(-60.0, -60.0, 100.0, 90.0)
POND = box(60.0, 60.0, 80.0, 75.0)


def ground_m2(*, obstacles=(BLOCK,), streets=None, exact=True, open_courtyards=False, **layers):
    camera = cameras_frame([(-20.0, -20.0)], max_range_m=10.0)
    if streets is not None:
        layers["streets"] = streets
    site = make_site(camera, STUDY, obstacles_frame(list(obstacles)), **layers)
    return measure(site, exact=exact, open_courtyards=open_courtyards).totals["observable_m2"]


# --- grid


def test_cells_are_aligned_to_the_coordinate_system():
    grid = lay_grid(box(130.0, -20.0, 290.0, 110.0), cell_m=100.0)
    cells = draw_cells(grid, box(130.0, -20.0, 290.0, 110.0), CRS)
    assert list(cells.index) == ["1_-1", "2_-1", "1_0", "2_0", "1_1", "2_1"]
    assert cells.index.name == "cell_id"
    assert cells.geometry.loc["2_0"].equals(box(200.0, 0.0, 300.0, 100.0))
    assert cells.crs == CRS


def test_cells_keep_their_ids_when_the_study_area_grows():
    small, large = (
        draw_cells(lay_grid(s, cell_m=50.0), s, CRS) for s in (box(120.0, 120.0, 180.0, 180.0), STUDY.buffer(100))
    )
    assert set(small.index) <= set(large.index)
    assert all(small.geometry[name].equals(large.geometry[name]) for name in small.index)


def test_cells_that_the_study_area_only_touches_are_left_out():
    study = shapely.union_all([box(0.0, 0.0, 100.0, 100.0), box(200.0, 200.0, 250.0, 250.0)])
    assert list(draw_cells(lay_grid(study, cell_m=100.0), study, CRS).index) == ["0_0", "2_2"]


@pytest.mark.parametrize("cell_m", [0.0, -1.0, math.nan, math.inf])
def test_a_cell_must_have_a_size(cell_m):
    with pytest.raises(UnitRangeError, match=r"cell_m: .* must be above 0"):
        lay_grid(STUDY, cell_m=cell_m)


def test_too_many_cells_are_counted_before_they_are_made():
    message = rf"cell_m: 0\.01 m makes 240,000,000 cells, more than {MOST_CELLS:,}; choose larger cells"
    with pytest.raises(UnitRangeError, match=message):
        lay_grid(STUDY, cell_m=0.01)


# --- observable ground


def test_buildings_water_and_private_zones_are_no_ground():
    zones = layer("zones", [box(-60.0, 80.0, -50.0, 90.0), box(90.0, 80.0, 100.0, 90.0), box(0.0, 80.0, 10.0, 90.0)],
                  rule=["private", "forbidden", "consent"])  # fmt: skip
    expected = STUDY.area - 40.0 * 30.0 - POND.area - 300.0
    assert ground_m2(water=layer("water", [POND]), zones=zones) == pytest.approx(expected, rel=1e-12)


def test_overlaps_are_taken_away_once():
    zones = layer("zones", [POND], rule="private")
    both = [BLOCK, box(30.0, 20.0, 50.0, 40.0)]
    expected = STUDY.area - box(0.0, 0.0, 40.0, 30.0).union(both[1]).area - POND.area
    assert ground_m2(obstacles=both, water=layer("water", [POND]), zones=zones) == pytest.approx(expected, rel=1e-12)


def test_open_canopies_are_ground():
    camera = cameras_frame([(-20.0, -20.0)], max_range_m=10.0)
    site = make_site(camera, STUDY, obstacles_frame([POND], kind="roof"))
    assert measure(site, exact=True).totals["observable_m2"] == pytest.approx(STUDY.area, rel=1e-12)


def test_a_courtyard_that_no_street_enters_is_closed():
    closed = STUDY.area - 40.0 * 30.0
    assert ground_m2() == pytest.approx(closed, rel=1e-12)
    outside = streets_frame([[(-50.0, -10.0), (90.0, -10.0)]])
    assert ground_m2(streets=outside) == pytest.approx(closed, rel=1e-12)


def test_a_courtyard_is_opened_by_a_street_a_zone_or_the_setting():
    opened = STUDY.area - BLOCK.area
    into = streets_frame([[(20.0, -10.0), (20.0, 15.0)]], covered=True)  # a passage through the house
    assert ground_m2(streets=into) == pytest.approx(opened, rel=1e-12)
    assert ground_m2(zones=layer("zones", [YARD], rule="observable")) == pytest.approx(opened, rel=1e-12)
    assert ground_m2(open_courtyards=True) == pytest.approx(opened, rel=1e-12)


def test_touching_houses_in_a_ring_enclose_a_courtyard_and_a_row_does_not():
    ring = [
        box(0.0, 0.0, 40.0, 10.0),
        box(0.0, 20.0, 40.0, 30.0),
        box(0.0, 10.0, 10.0, 20.0),
        box(30.0, 10.0, 40.0, 20.0),
    ]
    yards = find_closed_courtyards(np.array(ring, dtype=object), streets_frame([]))
    assert shapely.union_all(yards).equals(YARD)
    assert len(find_closed_courtyards(np.array(ring[:3], dtype=object), streets_frame([]))) == 0


def test_two_houses_that_touch_twice_enclose_a_courtyard():
    halves = [BLOCK.intersection(box(0.0, 0.0, 20.0, 30.0)), BLOCK.intersection(box(20.0, 0.0, 40.0, 30.0))]
    yards = find_closed_courtyards(np.array(halves, dtype=object), streets_frame([]))
    assert shapely.union_all(yards).equals(YARD)


def test_slits_in_walls_are_no_courtyards():
    slit = BLOCK.union(YARD).difference(box(10.0, 10.0, 10.9, 11.0))
    assert len(find_closed_courtyards(np.array([slit], dtype=object), streets_frame([]))) == 0


def test_closed_courtyards_equal_the_holes_of_the_whole_union():
    rng = np.random.default_rng(6)
    houses = random_town(rng, 120, span_m=110.0).geometry.to_numpy()
    yards = shapely.union_all(find_closed_courtyards(houses, streets_frame([])))
    holes = [shapely.Polygon(ring) for part in shapely.get_parts(shapely.union_all(houses)) for ring in part.interiors]
    large = [hole for hole in holes if hole.area >= 1.0]
    assert large
    # a hole of one house may hold another house: what counts is the ground outside all houses
    solid = shapely.union_all(houses)
    assert yards.difference(solid).symmetric_difference(shapely.union_all(large).difference(solid)).area < 1e-6


def test_without_a_study_area_there_is_an_error():
    site = make_site(cameras_frame([(0.0, 0.0)]), STUDY)
    site = type(site)(**{**vars(site), "zones": site.zones.iloc[:0]})
    with pytest.raises(InputError, match=r"scene: zones: no zone has the rule 'study'"):
        survey_ground(site).study  # noqa: B018


@pytest.mark.parametrize("exact", [False, True])
def test_a_study_area_without_ground_is_infeasible(exact):
    camera = cameras_frame([(-20.0, -20.0)], max_range_m=10.0)
    water = layer("water", [box(20.0, -60.0, 100.0, 90.0)])
    site = make_site(camera, box(0.0, 0.0, 60.0, 30.0), obstacles_frame([box(-5.0, -5.0, 25.0, 40.0)]), water=water)
    with pytest.raises(InfeasibleError, match="scene: no observable ground is left in the study area"):
        measure(site, exact=exact)


# --- scanlines


def scan(shapes, dx, dy, *, staggered):
    """Samples of a square of 64 m from the origin that lie inside each feature."""
    flat = flatten_shapes(shapes)
    rows, columns = round(64.0 / dy), round(64.0 / dx)
    hits = np.zeros((len(shapes), rows, columns), bool)
    begin, end = np.empty(rows, np.int64), np.empty(rows, np.int64)
    for f in range(len(shapes)):
        low, high, crossings = scan_rows(flat, f, 0, rows, dy, begin, end, np.empty(1))
        for r in range(low, high):
            for k in range(begin[r], end[r] - 1, 2):
                i0, i1 = (first_sample(crossings[j], dx, row_shift(r, staggered)) for j in (k, k + 1))
                hits[f, r, max(i0, 0) : max(min(i1, columns), 0)] = True
    return hits


@pytest.mark.parametrize("staggered", [False, True])
def test_samples_inside_polygons_are_those_shapely_finds(staggered):
    rng = np.random.default_rng(5)
    shapes = [*random_town(rng, 12, span_m=25.0, center=(30.0, 30.0)).geometry, shapely.Polygon()]
    shapes.append(shapely.MultiPolygon([box(1.0, 1.0, 9.3, 7.7), box(40.2, 50.1, 63.9, 63.9)]))
    hits = scan(shapes, 1.0, 0.5, staggered=staggered)
    row, sample = np.indices(hits.shape[1:])
    shift = np.array([row_shift(r, staggered) for r in range(hits.shape[1])])
    points = shapely.points(sample + shift[row], (row + 0.5) * 0.5)
    for shape, inside in zip(shapes, hits, strict=True):
        assert np.array_equal(inside, shapely.contains_xy(shape, shapely.get_x(points), shapely.get_y(points)))


def test_polygons_that_tile_the_plane_share_out_every_sample_once():
    rng = np.random.default_rng(9)
    cuts = shapely.delaunay_triangles(
        shapely.MultiPoint([*rng.uniform(0.0, 64.0, (40, 2)), *[(-1, -1), (-1, 65), (65, -1), (65, 65)]])
    )
    hits = scan(shapely.get_parts(cuts), 1.0, 0.25, staggered=True)
    assert (hits.sum(axis=0) == 1).all()


def test_shapes_are_flattened_with_their_holes_and_empties():
    flat = flatten_shapes([BLOCK, shapely.Polygon(), POND])
    assert flat.feature_start.tolist() == [0, 2, 2, 3]
    assert flat.ring_start.tolist() == [0, 5, 10, 15]
    assert np.isnan(flat.bounds[1]).all()


def test_boxes_are_found_in_every_rectangle_they_meet():
    bounds = np.array(
        [[0.5, 0.5, 0.6, 0.6], [0.5, 0.5, 1.5, 0.7], [np.nan] * 4, [-9.0, -9.0, 9.0, 9.0], [5.0, 5.0, 6.0, 6.0]]
    )
    start, items = bin_boxes(bounds, 0.0, 0.0, 1.0, 1.0, 2, 2)
    assert [items[start[k] : start[k + 1]].tolist() for k in range(4)] == [[0, 1, 3], [1, 3], [3], [3]]


def test_far_coordinates_lose_no_ground():
    study = box(EAST_M, NORTH_M, EAST_M + 173.0, NORTH_M + 91.0)
    site = make_site(cameras_frame([(EAST_M, NORTH_M)], max_range_m=10.0), study)
    assert measure(site).totals["observable_m2"] == pytest.approx(study.area, rel=2e-3)
    assert measure(site, exact=True).totals["observable_m2"] == pytest.approx(study.area, rel=1e-9)
