"""Rates: known scenes, fast against exact, and changing one camera."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scenes import (
    EAST_M,
    NORTH_M,
    beside_streets,
    cameras_frame,
    layer,
    make_site,
    mixed_cameras,
    obstacles_frame,
    random_town,
    streets_frame,
)
from shapely import box

from sightgrid import schemas
from sightgrid.coverage import class_areas, count_raster, density_classes, measure, raster_shape
from sightgrid.errors import InputError, SchemaError

POINTS = 0.003  # fast and exact rates differ by at most 0.3 percentage points
SLIVER_M2 = 0.1  # cells with less ground than this may have no sample at all


def at(x, y):
    return EAST_M + x, NORTH_M + y


def area(west, south, east, north):
    return box(*at(west, south), *at(east, north))


def two_discs(**layers):
    """Two cameras that see 30 m far, 30 m apart, in the middle of 200 x 200 m."""
    cameras = cameras_frame([at(-15.0, 0.0), at(15.0, 0.0)], max_range_m=30.0, width_px=100_000.0)
    return make_site(cameras, area(-100.0, -100.0, 100.0, 100.0), **layers)


DISC_M2 = math.pi * 900.0
LENS_M2 = 2.0 * 900.0 * math.acos(0.5) - 0.5 * 30.0 * math.sqrt(4.0 * 900.0 - 900.0)


def rates_of(seen):
    return seen.cells[[name for name in seen.cells if name.startswith("rate")]]


def assert_close(fast, exact):
    """Every rate of every cell, and the totals."""
    rates, expected = rates_of(fast), rates_of(exact)
    assert list(rates) == ["rate", "rate_2", *(f"rate_{name}" for name in density_classes(fast.standard))]
    known = rates["rate"].notna() & expected["rate"].notna()
    assert fast.cells["observable_m2"][~known].max() < SLIVER_M2 or known.all()
    assert exact.cells["observable_m2"][~known].max() < SLIVER_M2 or known.all()
    worst = (rates[known] - expected[known]).abs().max()
    assert worst.max() <= POINTS, worst.to_dict()
    for name in ("coverage_rate", "rate_seen_twice", "coverage_rate_lower", "coverage_rate_upper"):
        assert fast.totals[name] == pytest.approx(exact.totals[name], abs=2e-4)
    assert fast.totals["views_mean"] == pytest.approx(exact.totals["views_mean"], rel=1e-3)
    for name, rate in exact.totals["density_rates"].items():
        assert fast.totals["density_rates"][name] == pytest.approx(rate, abs=2e-4)
    assert fast.totals["assumed_share"] == pytest.approx(exact.totals["assumed_share"], abs=5e-4)
    assert fast.totals["direction_assumed_share"] == pytest.approx(exact.totals["direction_assumed_share"], abs=5e-4)
    if len(fast.streets):
        assert fast.totals["street_rate"] == pytest.approx(exact.totals["street_rate"], abs=2e-3)
        assert fast.totals["street_observable_m"] == pytest.approx(exact.totals["street_observable_m"], rel=2e-3)


# --- known scenes


@pytest.mark.parametrize("exact", [False, True])
def test_two_discs_that_overlap(exact):
    totals = measure(two_discs(), exact=exact).totals
    close = {"rel": 1e-4 if exact else 2e-3}
    assert totals["observable_m2"] == pytest.approx(40_000.0, rel=1e-9)
    assert totals["covered_m2"] == pytest.approx(2.0 * DISC_M2 - LENS_M2, **close)
    assert totals["rate_seen_twice"] * 40_000.0 == pytest.approx(LENS_M2, **close)
    assert totals["views_mean"] * 40_000.0 == pytest.approx(2.0 * DISC_M2, **close)
    assert totals["cameras_total"] == totals["cameras_measured"] == 2


@pytest.mark.parametrize("exact", [False, True])
def test_density_classes_are_nested_discs(exact):
    camera = cameras_frame([at(0.0, 0.0)], kind="panorama", hfov_deg=360.0, width_px=3840.0, mount_height_m=4.0)
    seen = measure(make_site(camera, area(-100.0, -100.0, 100.0, 100.0)), exact=exact)
    for name, px_m in density_classes("iec2014").items():
        reach = 3840.0 / math.tau / px_m
        expected = math.pi * reach**2 / 40_000.0
        assert seen.totals["density_rates"][name] == pytest.approx(expected, rel=1e-4 if exact else 0.02, abs=2e-5)
    seen = measure(seen.site, exact=exact, standard="iec2025")
    assert list(seen.totals["density_rates"]) == list(density_classes("iec2025"))
    assert seen.totals["coverage_rate"] == pytest.approx(math.pi * (3840.0 / math.tau / 20.0) ** 2 / 40_000.0, rel=2e-3)


@pytest.mark.parametrize("exact", [False, True])
def test_only_what_is_dense_enough_counts(exact):
    camera = cameras_frame([at(0.0, 0.0)], kind="fixed", azimuth_deg=0.0, hfov_deg=90.0, width_px=1920.0)
    site = make_site(camera, area(-100.0, -100.0, 100.0, 100.0))
    seen = measure(site, density_px_m=50.0, exact=exact)
    assert seen.totals["covered_m2"] == pytest.approx((960.0 / 50.0) ** 2, rel=1e-4 if exact else 5e-3)
    rates = seen.totals["density_rates"]
    # lower classes are no larger than what counts at all, higher ones are as they would be anyway
    assert rates["monitor"] == rates["detect"] == seen.totals["coverage_rate"]
    assert rates["recognise"] * 40_000.0 == pytest.approx((960.0 / 125.0) ** 2, rel=1e-4 if exact else 0.02)


@pytest.mark.parametrize("exact", [False, True])
def test_streets_are_measured_by_length(exact):
    streets = streets_frame(
        [[at(-100.0, 0.0), at(100.0, 0.0)], [at(-100.0, 50.0), at(100.0, 50.0)], [at(0.0, -90.0), at(0.0, 90.0)],
         [at(90.0, -50.0), at(190.0, -50.0)]],
        covered=[False, False, True, False],
    )  # fmt: skip
    seen = measure(two_discs(streets=streets), exact=exact)
    assert seen.streets.index.equals(streets.index)
    near = {"abs": 1e-6 if exact else 1.01}
    assert seen.streets["observable_m"].tolist() == pytest.approx([200.0, 200.0, 0.0, 10.0], **near)
    assert seen.streets["observed_m"].tolist() == pytest.approx([90.0, 0.0, 0.0, 0.0], **(near | {"abs": 1.01}))
    assert math.isnan(seen.streets["rate"].iloc[2])
    assert seen.totals["street_rate"] == pytest.approx(90.0 / 410.0, abs=0.005)


@pytest.mark.parametrize("exact", [False, True])
def test_places_are_measured_with_their_surroundings(exact):
    places = layer("places", [shapely.Point(at(0.0, 0.0)), shapely.Point(at(80.0, 80.0))], category="school")
    seen = measure(two_discs(places=places), exact=exact).places
    ground = math.pi * 400.0
    assert seen.index.equals(places.index)
    assert seen["observable_m2"].tolist() == pytest.approx([ground, ground], rel=0.01)
    # 20 m around the point between two discs of 30 m: all of it but two caps
    circles = [shapely.Point(x, 0.0).buffer(30.0, quad_segs=500) for x in (-15.0, 15.0)]
    around = shapely.Point(0.0, 0.0).buffer(20.0, quad_segs=500)
    expected = around.intersection(shapely.union_all(circles)).area / around.area
    twice = sum(around.intersection(circle).area for circle in circles) / around.area
    assert seen["rate"].tolist() == pytest.approx([expected, 0.0], abs=0.01)
    assert seen["views_mean"].tolist() == pytest.approx([twice, 0.0], abs=0.01)


@pytest.mark.parametrize("exact", [False, True])
def test_ground_that_is_not_observable_is_not_covered_either(exact):
    zones = layer("zones", [area(-100.0, -100.0, 100.0, 0.0)], rule="private")
    totals = measure(two_discs(zones=zones), exact=exact).totals
    assert totals["observable_m2"] == pytest.approx(20_000.0, rel=2e-3)
    assert totals["covered_m2"] == pytest.approx(DISC_M2 - LENS_M2 / 2.0, rel=1e-4 if exact else 3e-3)


@pytest.mark.parametrize("exact", [False, True])
def test_bounds_for_cameras_of_unknown_direction(exact):
    cameras = cameras_frame([at(0.0, 0.0)], kind="fixed", hfov_deg=60.0, max_range_m=30.0, width_px=100_000.0)
    streets = streets_frame([[at(-90.0, -20.0), at(90.0, -20.0)]])
    totals = measure(make_site(cameras, area(-100.0, -100.0, 100.0, 100.0), streets=streets), exact=exact).totals
    close = {"rel": 1e-4 if exact else 5e-3}
    assert totals["coverage_rate"] * 40_000.0 == pytest.approx(DISC_M2 / 6.0, **close)
    assert totals["coverage_rate_lower"] == 0.0
    assert totals["coverage_rate_upper"] * 40_000.0 == pytest.approx(DISC_M2, **close)
    assert totals["direction_assumed_share"] == 1.0
    assert totals["assumed_share"] == 1.0


@pytest.mark.parametrize("exact", [False, True])
def test_the_assumed_share_is_ground_that_only_cameras_with_assumptions_see(exact):
    site = two_discs()
    given = {"mount_height_m": 4.0, "hfov_deg": 360.0, "width_px": 100_000.0}
    cameras = site.cameras.assign(**{name: [value, np.nan] for name, value in given.items()})
    totals = measure(site.with_cameras(cameras), exact=exact).totals
    both = 2.0 * DISC_M2 - LENS_M2
    assert totals["assumed_share"] == pytest.approx((both - DISC_M2) / both, abs=2e-3)
    assert totals["direction_assumed_share"] == pytest.approx(0.0, abs=1e-12)


def test_a_cell_s_figures_add_up_to_the_totals():
    seen = measure(two_discs(), cell_m=30.0)
    cells = seen.cells
    assert cells["covered_m2"].sum() == pytest.approx(seen.totals["covered_m2"])
    assert cells["rate"].to_numpy() == pytest.approx((cells["covered_m2"] / cells["observable_m2"]).to_numpy())
    assert cells.index.name == "cell_id"
    assert cells.crs == seen.site.crs


def test_a_cell_without_ground_has_no_rate():
    house = area(0.0, 0.0, 60.0, 60.0)
    site = make_site(cameras_frame([at(-20.0, -20.0)], max_range_m=30.0), area(-50.0, -50.0, 50.0, 50.0),
                     obstacles_frame([house]))  # fmt: skip
    for exact in (False, True):
        cells = measure(site, cell_m=50.0, exact=exact).cells
        empty = cells["observable_m2"] == 0.0
        assert empty.sum() == 1
        assert cells.loc[empty, ["rate", "rate_2", "views_mean", "rate_monitor"]].isna().to_numpy().all()


def test_the_summary_can_be_written_as_json():
    import json

    summary = measure(two_discs()).summary()
    kept = json.loads(json.dumps(summary))
    assert {"site", "cell_m", "standard", "exact", "cameras_total", "observable_m2", "coverage_rate", "density_rates",
            "seconds"} <= set(kept)  # fmt: skip
    assert kept["site"] == "scene"


def test_progress_is_told_from_nothing_to_all():
    told = []
    measure(two_discs(), progress=lambda *step: told.append(step))
    assert {stage for stage, _, _ in told} == {"seen areas", "rates"}
    for stage in ("seen areas", "rates"):
        steps = [(done, total) for name, done, total in told if name == stage]
        assert [done for done, _ in steps] == sorted(done for done, _ in steps)
        assert steps[-1][0] == steps[-1][1]


# --- fast against exact


@pytest.mark.parametrize(
    ("cell_m", "standard", "density_px_m"),
    [(100.0, "iec2014", None), (25.0, "iec2014", None), (500.0, "iec2025", None), (1000.0, "iec2014", 40.0)],
)
def test_fast_and_exact_rates_agree_in_helsinki(helsinki, cell_m, standard, density_px_m):
    options = {"cell_m": cell_m, "standard": standard, "density_px_m": density_px_m}
    assert_close(measure(helsinki, **options), measure(helsinki, exact=True, **options))


def test_fast_and_exact_rates_agree_in_geneva(geneva):
    assert_close(measure(geneva), measure(geneva, exact=True))


def test_fast_and_exact_rates_agree_in_a_crowded_part_of_geneva(geneva):
    """Two thousand cameras of every kind in a square of 1.6 km."""
    centre = geneva.study.centroid
    part = box(centre.x - 800.0, centre.y - 800.0, centre.x + 800.0, centre.y + 800.0)
    xy = beside_streets(geneva, 2000, seed=1, window=part)
    zones = layer("zones", [part], rule="study").set_crs(geneva.crs, allow_override=True)
    site = dataclasses.replace(
        geneva, zones=zones, cameras=schemas.complete(mixed_cameras(xy, geneva.crs, seed=1), "cameras")
    )
    fast, exact = measure(site), measure(site, exact=True)
    assert fast.totals["rate_seen_twice"] > 0.3
    assert_close(fast, exact)


def test_slivers_of_ground_are_measured_as_exactly_as_whole_cells():
    """A study area that cuts cells into strips of a hand's breadth."""
    rng = np.random.default_rng(14)
    study = shapely.affinity.rotate(area(-300.15, -120.07, 300.11, 120.05), 0.05, origin=at(0.0, 0.0))
    town = random_town(rng, 40, span_m=150.0)
    cameras = mixed_cameras(
        np.array(at(0.0, 0.0)) + rng.uniform(-250.0, 250.0, (150, 2)) * [1.2, 0.5], town.crs, seed=14
    )
    site = make_site(cameras, study, town)
    assert_close(measure(site, cell_m=60.0), measure(site, cell_m=60.0, exact=True))


# --- the same figures every time, and after a change


def test_rates_do_not_depend_on_the_number_of_threads(helsinki, monkeypatch):
    frames = []
    for cores in (1, 2, 5):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        seen = measure(helsinki, cell_m=200.0)
        frames.append((seen.cells, seen.streets, seen.places))
    for frame in frames[1:]:
        for one, other in zip(frame, frames[0], strict=True):
            pd.testing.assert_frame_equal(pd.DataFrame(one), pd.DataFrame(other), check_exact=True)


def changes(site):
    """A camera turned, moved away, made blind, and a new one."""
    rows = site.cameras.index[site.cameras["kind"] == "fixed"]
    turned = site.cameras.loc[[rows[3]]].assign(azimuth_deg=123.0)
    moved = site.cameras.loc[[rows[5]]]
    moved = moved.set_geometry(moved.geometry.translate(180.0, -75.0))
    blind = site.cameras.loc[[rows[7]]].assign(max_range_m=0.001)
    new = site.cameras.loc[[rows[9]]].rename(index=lambda name: f"{name}-new")
    new = new.set_geometry(new.geometry.translate(-30.0, 55.0)).assign(azimuth_deg=np.nan)
    return {"turned": turned, "moved": moved, "blind": blind, "new": new}


def with_change(site, change):
    if change.index[0] in site.cameras.index:
        cameras = site.cameras.copy()
        place = cameras.index.get_loc(change.index[0])
        cameras = pd.concat([cameras.iloc[:place], change, cameras.iloc[place + 1 :]])
    else:
        cameras = pd.concat([site.cameras, change])
    return site.with_cameras(gpd.GeoDataFrame(cameras, crs=site.crs))


@pytest.mark.parametrize("name", ["turned", "moved", "blind", "new"])
@pytest.mark.parametrize("cell_m", [100.0, 30.0])
def test_replacing_a_camera_gives_what_measuring_anew_gives(helsinki, name, cell_m):
    change = changes(helsinki)[name]
    replaced = measure(helsinki, cell_m=cell_m).replace(change)
    anew = measure(with_change(helsinki, change), cell_m=cell_m)
    assert replaced.cells.drop(columns="geometry").equals(anew.cells.drop(columns="geometry"))
    assert replaced.streets.equals(anew.streets)
    assert replaced.places.equals(anew.places)
    assert replaced.totals == anew.totals
    assert replaced.seen.index.equals(anew.seen.index)
    assert replaced.seen.geometry.to_wkb().equals(anew.seen.geometry.to_wkb())
    assert replaced.site.cameras.index.equals(anew.site.cameras.index)


def test_replacing_a_camera_in_exact_mode():
    rng = np.random.default_rng(15)
    town = random_town(rng, 15, span_m=90.0)
    cameras = mixed_cameras(np.array(at(0.0, 0.0)) + rng.uniform(-90.0, 90.0, (25, 2)), town.crs, seed=15)
    streets = streets_frame([[at(-90.0, 10.0 * k), at(90.0, 10.0 * k)] for k in range(-3, 4)])
    places = layer("places", [shapely.Point(at(20.0, 20.0)), shapely.Point(at(-60.0, 40.0))], category="school")
    site = make_site(cameras, area(-100.0, -100.0, 100.0, 100.0), town, streets=streets, places=places)
    change = site.cameras.iloc[[4]].assign(kind="panorama", max_range_m=40.0)
    replaced = measure(site, cell_m=40.0, exact=True).replace(change)
    anew = measure(with_change(site, change), cell_m=40.0, exact=True)
    for name in ("cells", "streets", "places"):
        one, other = (
            pd.DataFrame(getattr(seen, name)).drop(columns="geometry", errors="ignore") for seen in (replaced, anew)
        )
        pd.testing.assert_frame_equal(one, other, rtol=1e-12)


def test_replacing_twice_and_back_changes_nothing(helsinki):
    before = measure(helsinki)
    change = changes(helsinki)["moved"]
    after = before.replace(change).replace(helsinki.cameras.loc[change.index])
    assert after.cells.drop(columns="geometry").equals(before.cells.drop(columns="geometry"))
    assert after.totals == before.totals


def test_what_replaces_a_camera_is_checked():
    seen = measure(two_discs())
    camera = seen.site.cameras.iloc[[0]]
    with pytest.raises(SchemaError, match=r"cameras: azimuth_deg: must lie in \[0, 360\) \(1 row: c0\)"):
        seen.replace(camera.assign(azimuth_deg=400.0))
    with pytest.raises(InputError, match="camera: 2 rows given, one camera at a time can be replaced"):
        seen.replace(seen.site.cameras)


# --- rasters and maps


@pytest.mark.parametrize("resolution_m", [1.0, 2.5])
def test_the_count_raster_agrees_with_the_totals(helsinki, resolution_m):
    seen = measure(helsinki)
    height, width, transform = raster_shape(seen, resolution_m=resolution_m)
    whole = np.full((height, width), 7, np.uint16)
    for window, counts in count_raster(seen, resolution_m=resolution_m):
        here = (
            slice(window.row_off, window.row_off + window.height),
            slice(window.col_off, window.col_off + window.width),
        )
        assert (whole[here] == 7).all()
        whole[here] = counts
    ground = whole != 65535
    assert ground.sum() * resolution_m**2 == pytest.approx(seen.totals["observable_m2"], rel=1e-3)
    assert (whole[ground] > 0).mean() == pytest.approx(seen.totals["coverage_rate"], abs=2e-3)
    assert (whole[ground] > 1).mean() == pytest.approx(seen.totals["rate_seen_twice"], abs=2e-3)
    assert whole[ground].mean() == pytest.approx(seen.totals["views_mean"], abs=4e-3)
    # and point for point with the views
    rng = np.random.default_rng(0)
    row, column = (rng.choice(axis, 300) for axis in np.nonzero(ground))
    keep = ground[row, column]
    x, y = transform.c + (column[keep] + 0.5) * transform.a, transform.f + (row[keep] + 0.5) * transform.e
    views = shapely.STRtree(seen.seen.geometry.to_numpy()).query(shapely.points(x, y), predicate="within")[0]
    assert np.bincount(views, minlength=len(x)).tolist() == whole[row[keep], column[keep]].tolist()


def test_class_areas_shrink_with_the_density():
    camera = cameras_frame([at(0.0, 0.0), at(40.0, 0.0)], kind=["panorama", "fixed"], azimuth_deg=[np.nan, 90.0])
    areas = class_areas(
        measure(make_site(camera, area(-100.0, -100.0, 100.0, 100.0), obstacles_frame([area(10.0, 10.0, 15.0, 15.0)])))
    )
    assert areas.index.names == ["camera_id", "density_class"]
    for name in ("c0", "c1"):
        of_camera = areas.loc[name]
        assert of_camera["px_m"].is_monotonic_increasing
        assert of_camera.geometry.area.is_monotonic_decreasing
        shapes = list(of_camera.geometry)
        assert all(wide.buffer(1e-6).covers(narrow) for wide, narrow in pairwise(shapes))
