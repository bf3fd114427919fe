"""What must hold in every scene, tried on scenes that Hypothesis makes up."""

from __future__ import annotations

import math

import numpy as np
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st
from scenes import EAST_M, NORTH_M, cameras_frame, make_site, obstacles_frame, see, views_of
from shapely import box

from sightgrid.coverage import density_classes, measure

SLACK_M2 = 1e-6
HERE = shapely.Point(0.0, 0.0)

lengths = st.integers(2, 25)
places = st.integers(-50, 50)
heights = st.sampled_from([1.0, 1.6, 2.5, 3.0, 3.9, 4.0, 6.0, 12.0])


@st.composite
def houses(draw):
    """A turned box with a height, in the open around the origin: whole numbers, so that walls often line up."""
    west, south = draw(places), draw(places)
    shape = box(west, south, west + draw(lengths), south + draw(lengths))
    shape = shapely.affinity.rotate(shape, draw(st.sampled_from([0, 0, 30, 45, 77])), origin=(west, south))
    assume(shape.distance(HERE) > 0.5)
    return shape, draw(heights)


towns = st.lists(houses(), min_size=1, max_size=7)


@st.composite
def views(draw):
    """One camera at the origin: its options for `views_of`."""
    return {
        "height_m": draw(st.sampled_from([2.0, 4.0, 7.0])),
        "far_m": draw(st.sampled_from([30.0, 60.0, 90.0])),
        "near_m": draw(st.sampled_from([0.0, 0.0, 8.0])),
        "begin_deg": draw(st.sampled_from([0.0, 45.0, 200.0])),
        "fov_deg": draw(st.sampled_from([60.0, 180.0, 270.0, 360.0])),
    }


def look(town, view, **options):
    shapes, tall = zip(*town, strict=True) if town else ((), ())
    area, seen = see(views_of([[0.0, 0.0]], **view), obstacles_frame(list(shapes), list(tall)), **options)
    return area[0], seen[0]


def is_part(part, whole, view):
    """Inside, but for the strip between an arc and the chain that stands for it, whose corners may differ."""
    return shapely.difference(part, whole).area <= 1e-4 * math.pi * view["far_m"] ** 2


@given(towns, houses(), views())
def test_a_new_wall_never_adds_visibility(town, house, view):
    before, after = look(town, view), look([*town, house], view)
    assert after[0] <= before[0] + SLACK_M2
    assert is_part(after[1], before[1], view)


@given(towns, st.data(), views())
def test_a_higher_wall_never_adds_visibility(town, data, view):
    place = data.draw(st.integers(0, len(town) - 1))
    shape, height = town[place]
    higher = [*town[:place], (shape, height + data.draw(heights)), *town[place + 1 :]]
    before, after = look(town, view), look(higher, view)
    assert after[0] <= before[0] + SLACK_M2
    assert is_part(after[1], before[1], view)


@given(towns, views(), st.sampled_from([0.0, 0.5, 1.0, 1.4]))
def test_what_stands_higher_is_seen_no_worse(town, view, lower_m):
    """A sight line to a higher target, not above the camera, is nowhere lower than one to the ground below it."""
    before, after = look(town, view, target_m=lower_m), look(town, view, target_m=1.5)
    assert after[0] >= before[0] - SLACK_M2
    assert is_part(before[1], after[1], view)


@given(towns, views())
def test_heights_only_add_visibility(town, view):
    flat, high = look(town, view, heights=False), look(town, view, heights=True)
    assert flat[0] <= high[0] + SLACK_M2


@given(towns, views(), st.floats(0.0, 360.0))
def test_turning_the_scene_turns_the_answer(town, view, angle):
    turned = [(shapely.affinity.rotate(shape, angle, origin=(0.0, 0.0)), height) for shape, height in town]
    before, after = look(town, view), look(turned, view | {"begin_deg": view["begin_deg"] + angle})
    assert math.isclose(before[0], after[0], rel_tol=1e-9, abs_tol=SLACK_M2)
    back = shapely.affinity.rotate(after[1], -angle, origin=(0.0, 0.0))
    assert is_part(back, before[1], view)
    assert is_part(before[1], back, view)


@given(towns, views(), st.integers(-8_000_000, 8_000_000), st.integers(-8_000_000, 8_000_000))
def test_moving_the_scene_moves_the_answer(town, view, east, north):
    shapes, tall = zip(*town, strict=True)
    there = obstacles_frame([shapely.affinity.translate(shape, east, north) for shape in shapes], list(tall))
    area, seen = see(views_of([[east, north]], **view), there)
    before = look(town, view)
    assert math.isclose(before[0], area[0], rel_tol=1e-6, abs_tol=1e-4)
    assert seen[0].is_valid
    assert is_part(shapely.affinity.translate(seen[0], -east, -north), before[1], view)


@given(towns, views())
def test_outlines_are_valid_and_as_large_as_the_exact_area(town, view):
    area, seen = look(town, view)
    whole = math.pi * view["far_m"] ** 2
    assert seen.is_valid
    assert 0.0 <= area <= whole * (1.0 + 1e-12)
    assert abs(seen.area - area) <= 1e-4 * whole
    for shape, height in town:
        if height > 1.5:
            assert shapely.intersection(seen, shape).area < 1e-6 * whole


# --- rates

spots = st.lists(st.tuples(st.integers(-90, 90), st.integers(-90, 90)), min_size=1, max_size=6, unique=True)
STUDY = box(EAST_M - 80.0, NORTH_M - 80.0, EAST_M + 80.0, NORTH_M + 80.0)


def site_of(points, town, **columns):
    shapes, tall = zip(*town, strict=True)
    moved = [shapely.affinity.translate(shape, EAST_M, NORTH_M) for shape in shapes]
    at = [(EAST_M + x, NORTH_M + y) for x, y in points]
    return make_site(cameras_frame(at, max_range_m=40.0, **columns), STUDY, obstacles_frame(moved, list(tall)))


@given(spots, towns, st.tuples(st.integers(-90, 90), st.integers(-90, 90)))
def test_a_new_camera_never_uncovers_ground(points, town, more):
    before, after = (measure(site_of(p, town), cell_m=40.0) for p in (points, [*points, more]))
    for figure in ("covered_m2", "rate", "rate_2", "views_mean"):
        old, new = before.cells[figure].to_numpy(), after.cells[figure].to_numpy()
        # cells whose ground is a sliver may be counted before and clipped afterwards
        assert ((new >= old - 2e-3 * np.maximum(1.0, np.abs(old))) | np.isnan(old)).all()
    assert after.totals["covered_m2"] >= before.totals["covered_m2"] * (1.0 - 1e-4)


@given(spots, towns, st.sampled_from(["panorama", "fixed", "dome"]), st.sampled_from(["iec2014", "iec2025"]))
def test_rates_are_shares_and_nested(points, town, kind, standard):
    azimuth = [30.0 * n if n % 2 else np.nan for n in range(len(points))]
    from scenes import streets_frame

    site = site_of(points, town, kind=kind, azimuth_deg=azimuth)
    streets = streets_frame([[(EAST_M - 80.0, NORTH_M + 7.0), (EAST_M + 80.0, NORTH_M - 3.0)]])
    site = type(site)(**{**{name: getattr(site, name) for name in site.__dataclass_fields__}, "streets": streets})
    seen = measure(site, cell_m=40.0, standard=standard)
    cells = seen.cells[seen.cells["rate"].notna()]
    names = [f"rate_{name}" for name in density_classes(standard)]
    for column in ("rate", "rate_2", *names):
        assert cells[column].between(0.0, 1.0 + 1e-9).all()
    assert (cells["rate_2"] <= cells["rate"] + 1e-12).all()
    assert (cells["views_mean"] >= cells["rate"] - 1e-9).all()
    for wide, narrow in zip(["rate", *names], names, strict=False):
        assert (cells[narrow] <= cells[wide] + 1e-9).all()
    assert cells["assumed_share"].dropna().between(-1e-9, 1.0 + 1e-9).all()
    totals = seen.totals
    assert 0.0 <= totals["coverage_rate_lower"] <= totals["coverage_rate"] + 1e-12
    assert totals["coverage_rate"] <= totals["coverage_rate_upper"] + 1e-12 <= 1.0 + 1e-9
    assert (seen.streets["observed_m"] <= seen.streets["observable_m"] + 1e-9).all()
