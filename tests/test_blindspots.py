"""Blind spots and criticality in scenes small enough to work out by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import shapely
from scenes import EAST_M, NORTH_M, cameras_frame, layer, make_site, obstacles_frame, random_town, streets_frame
from shapely import box

from sightgrid.coverage import blind_spots, criticality, measure
from sightgrid.errors import UnitRangeError


def at(x, y):
    return EAST_M + x, NORTH_M + y


def area(west, south, east, north):
    return box(*at(west, south), *at(east, north))


HOUSE = area(10.0, -5.0, 20.0, 5.0)
STUDY = area(-40.0, -40.0, 40.0, 40.0)


def one_camera(point=(0.0, 0.0), reach_m=80.0, study=STUDY, houses=(HOUSE,), **layers):
    camera = cameras_frame([at(*point)], max_range_m=reach_m, width_px=100_000.0)
    return make_site(camera, study, obstacles_frame(list(houses)), **layers)


def find(site, *, cell_m=500.0, exact=True, **options):
    return blind_spots(site, measure(site, cell_m=cell_m, exact=exact), **options)


@pytest.mark.parametrize("exact", [False, True])
def test_a_house_hides_the_ground_behind_it(exact):
    spots = find(one_camera(), exact=exact)
    # the wedge from the front's corners to the border of the study area, without the house
    wedge = 0.5 * 40.0 * 40.0 - 0.5 * 10.0 * 10.0
    assert len(spots) == 1
    spot = spots.iloc[0]
    assert spots.index.tolist() == ["blind-0001"]
    assert spots.index.name == "blindspot_id"
    assert spot["area_m2"] == pytest.approx(wedge - HOUSE.area, rel=1e-6)
    assert spot["area_m2"] == spot.geometry.area
    assert spot["cause"] == "occluded"
    assert spot["nearest_camera_id"] == "c0"
    assert spot["nearest_camera_m"] == pytest.approx(math.hypot(10.0, 5.0), rel=1e-6)
    assert (spot["street_m"], spot["demand"]) == (0.0, spot["area_m2"])


def test_ground_beyond_the_picture_is_out_of_range():
    spots = find(one_camera((-30.0, 0.0), 20.0, houses=()))
    assert spots["cause"].tolist() == ["out of range"]
    assert spots["area_m2"].iloc[0] == pytest.approx(6400.0 - math.pi * 400.0 + disc_outside(), rel=1e-3)
    assert spots["nearest_camera_m"].iloc[0] == pytest.approx(20.0, abs=0.01)


def disc_outside():
    """What the disc of 20 m around (-30, 0) loses beyond the border at -40."""
    return 400.0 * math.acos(0.5) - 10.0 * math.sqrt(400.0 - 100.0)


def test_ground_far_from_every_camera_has_no_camera():
    spots = find(one_camera((-400.0, 0.0), 20.0, houses=()))
    assert spots["cause"].tolist() == ["no camera"]
    assert spots["area_m2"].iloc[0] == pytest.approx(6400.0, rel=1e-9)
    assert spots["nearest_camera_m"].iloc[0] == pytest.approx(360.0, rel=1e-9)


def test_cameras_that_are_not_measured_are_not_the_nearest():
    cameras = cameras_frame([at(0.0, 0.0), at(-400.0, 0.0)], max_range_m=20.0, indoor=[True, False])
    spots = find(make_site(cameras, STUDY))
    assert spots["nearest_camera_id"].tolist() == ["c1"]
    spots = find(make_site(cameras.iloc[:1], STUDY))
    assert spots["nearest_camera_id"].isna().all()
    assert spots["nearest_camera_m"].isna().all()
    assert spots["cause"].tolist() == ["no camera"]


def test_full_sight_leaves_no_blind_spot():
    spots = find(one_camera(houses=()))
    assert len(spots) == 0
    assert list(spots.columns) == [
        "area_m2",
        "geometry",
        "street_m",
        "demand",
        "nearest_camera_id",
        "nearest_camera_m",
        "cause",
    ]


def test_small_spots_are_left_out():
    pillars = [area(10.0, 10.0, 11.0, 11.0), area(-30.0, 5.0, -29.0, 6.0)]
    site = one_camera(houses=(HOUSE, *pillars))
    every = find(site, min_area_m2=0.0)
    assert len(every) == 3
    for least in (20.0, 50.0, 1000.0):
        assert find(site, min_area_m2=least)["area_m2"].tolist() == [m2 for m2 in every["area_m2"] if m2 >= least]


@pytest.mark.parametrize("least", [-1.0, math.nan, math.inf])
def test_the_least_area_must_not_be_negative(least):
    with pytest.raises(UnitRangeError, match=r"min_area_m2: .* must not be below 0"):
        find(one_camera(), min_area_m2=least)


@pytest.mark.parametrize("cell_m", [500.0, 37.0, 11.0])
@pytest.mark.parametrize("exact", [False, True])
def test_blind_areas_add_up_to_what_is_not_covered(cell_m, exact):
    town = random_town(np.random.default_rng(4), 12, span_m=40.0)
    site = one_camera(houses=town.geometry)
    seen = measure(site, cell_m=cell_m, exact=True)
    spots = blind_spots(site, measure(site, cell_m=cell_m, exact=exact), min_area_m2=0.0)
    blind = seen.totals["observable_m2"] - seen.totals["covered_m2"]
    assert spots["area_m2"].sum() == pytest.approx(blind, rel=1e-6 if exact else 2e-3)
    assert spots.is_valid.all()
    assert set(spots.geom_type) == {"Polygon"}
    pieces = spots.geometry.to_numpy()
    assert shapely.area(shapely.union_all(pieces)) == pytest.approx(spots["area_m2"].sum(), rel=1e-9)
    assert shapely.intersection(shapely.union_all(pieces), seen.seen.geometry.union_all()).area < 1e-3


def test_cells_do_not_cut_a_spot_that_is_smaller_than_a_cell():
    pillar = area(10.0, 10.0, 11.0, 11.0)
    whole, cut = (find(one_camera(houses=(pillar,)), cell_m=cell_m) for cell_m in (500.0, 30.0))
    assert len(whole) == len(cut) == 1
    assert cut["area_m2"].iloc[0] == pytest.approx(whole["area_m2"].iloc[0], rel=1e-9)


def test_streets_inside_a_spot_weigh_ten_square_metres_a_metre():
    streets = streets_frame(
        [[at(30.0, -40.0), at(30.0, 40.0)], [at(35.0, -40.0), at(35.0, 40.0)]], covered=[False, True]
    )
    spot = find(one_camera(streets=streets)).iloc[0]
    # at x = 30 the wedge is 30 m wide
    assert spot["street_m"] == pytest.approx(30.0, rel=1e-6)
    assert spot["demand"] == pytest.approx(spot["area_m2"] + 300.0, rel=1e-6)


def test_the_largest_demand_comes_first():
    town = random_town(np.random.default_rng(4), 12, span_m=40.0)
    streets = streets_frame([[at(-40.0, y), at(40.0, y)] for y in (-30.0, 0.0, 25.0)])
    spots = find(one_camera(houses=town.geometry, streets=streets), cell_m=20.0)
    assert len(spots) > 3
    assert spots["demand"].is_monotonic_decreasing
    assert spots.index.tolist() == [f"blind-{n:04d}" for n in range(1, len(spots) + 1)]


def test_private_ground_is_not_blind():
    zones = layer("zones", [area(10.0, -40.0, 40.0, 40.0)], rule="private")
    assert len(find(one_camera(zones=zones), min_area_m2=1.0)) == 0


# --- criticality


def two_cameras(distance_m, **layers):
    cameras = cameras_frame([at(0.0, 0.0), at(distance_m, 0.0)], max_range_m=15.0, width_px=100_000.0)
    return make_site(cameras, STUDY, **layers)


DISC_M2 = math.pi * 225.0


def test_a_doubled_camera_has_nothing_of_its_own():
    alone = criticality(two_cameras(0.0))
    assert alone["unique_m2"].tolist() == [0.0, 0.0]
    assert alone["unique_share"].tolist() == [0.0, 0.0]
    assert alone["area_m2"].tolist() == pytest.approx([DISC_M2] * 2, rel=2e-3)
    assert alone.index.name == "camera_id"


def test_a_camera_far_from_others_is_alone_with_all_it_sees():
    alone = criticality(two_cameras(100.0))
    assert alone.loc["c0", "unique_share"] == 1.0
    # the other one's view lies outside the study area
    assert alone.loc["c1", "area_m2"] == 0.0
    assert math.isnan(alone.loc["c1", "unique_share"])


def test_overlapping_views_share_their_lens():
    alone = criticality(two_cameras(15.0))
    lens = 2.0 * 225.0 * math.acos(0.5) - 0.5 * 15.0 * math.sqrt(4.0 * 225.0 - 225.0)
    assert alone["unique_m2"].tolist() == pytest.approx([DISC_M2 - lens] * 2, rel=5e-3)


def test_the_most_critical_camera_comes_first():
    cameras = cameras_frame(
        [at(0.0, 0.0), at(2.0, 0.0), at(30.0, 30.0)], max_range_m=[10.0, 11.0, 12.0], width_px=100_000.0
    )
    alone = criticality(make_site(cameras, area(-60.0, -60.0, 60.0, 60.0)))
    assert alone.index.tolist() == ["c2", "c1", "c0"]
    assert alone["unique_m2"].is_monotonic_decreasing
    assert (alone["unique_m2"] <= alone["area_m2"]).all()


def test_places_that_only_one_camera_sees_are_named():
    points = [shapely.Point(at(0.0, 0.0)), shapely.Point(at(20.0, 0.0)), shapely.Point(at(-30.0, -30.0))]
    places = layer("places", points, category="school", name=["Old school", "New school", "Kiosk"])
    alone = criticality(two_cameras(20.0, places=places))
    assert alone.loc["c0", "places"] == "Old school, New school"  # each sees a part of both surroundings alone
    cameras = cameras_frame([at(0.0, 0.0)] * 2, max_range_m=15.0)
    assert criticality(make_site(cameras, STUDY, places=places))["places"].tolist() == ["", ""]


def test_a_place_without_a_name_goes_by_its_id():
    places = layer("places", [shapely.Point(at(0.0, 0.0))], category="school")
    assert criticality(one_camera(houses=(), places=places))["places"].tolist() == ["p0"]


def test_criticality_takes_what_was_measured_or_measures_itself():
    site = two_cameras(15.0)
    pd.testing.assert_frame_equal(criticality(site), criticality(site, measure(site)))


def test_helsinki_keeps_its_books(helsinki):
    seen = measure(helsinki)
    spots, alone = blind_spots(helsinki, seen, min_area_m2=0.0), criticality(helsinki, seen)
    blind = seen.totals["observable_m2"] - seen.totals["covered_m2"]
    assert spots["area_m2"].sum() == pytest.approx(blind, rel=1e-3)
    assert spots.is_valid.all()
    once = (1.0 - seen.totals["rate_seen_twice"]) - (1.0 - seen.totals["coverage_rate"])
    assert alone["unique_m2"].sum() == pytest.approx(once * seen.totals["observable_m2"], rel=1e-2)
    assert set(alone.index) == set(helsinki.cameras.index)
    assert set(spots["cause"]) <= {"no camera", "out of range", "occluded"}
