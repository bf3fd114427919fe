"""Encoding of vector tiles: what GDAL, which we did not write, reads out of them is what was put in."""

from __future__ import annotations

import struct

import geopandas as gpd
import numpy as np
import pyogrio
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from tile_town import fill

from sightgrid.api.problems import Problem
from sightgrid.api.tiles.clipping import clip_ring, simplify
from sightgrid.api.tiles.commands import EXTENT, MARGIN
from sightgrid.api.tiles.mercator import DEEPEST, MERCATOR, Tile, check_tile, find_box, project_points
from sightgrid.api.tiles.mvt import encode_rows, read_shapes
from sightgrid.api.tiles.paths import measure_paths

TILE = Tile(14, 9327, 4742)  # in Helsinki
WEST, NORTH = TILE.corner
SITE = "EPSG:32635"


def place(shapes):
    """Bring shapes from units of the tile to metres of the projection."""
    return shapely.transform(shapes, lambda xy: xy * (TILE.unit_m, -TILE.unit_m) + (WEST, NORTH))


def encode(shapes, columns=None, *, crs=MERCATOR, **options):
    placed = np.asarray(shapes) if crs != MERCATOR else place(np.asarray(shapes, dtype=object))
    columns = columns or {"id": [str(n) for n in range(len(shapes))]}
    return encode_rows("layer", shapely.to_wkb(placed, **options).tolist(), columns, tile=TILE, crs=crs)


def decode(tile, folder):
    """Read a tile with GDAL; shapes in units of the tile."""
    (folder / "tile.mvt").write_bytes(tile)
    frame = pyogrio.read_dataframe(folder / "tile.mvt", X=TILE.x, Y=TILE.y, Z=TILE.z, CLIP="NO")
    frame.geometry = shapely.transform(
        frame.geometry.to_numpy(), lambda xy: (xy - (WEST, NORTH)) / (TILE.unit_m, -TILE.unit_m)
    )
    return frame.set_index("id")


def make_towns(count, seed):
    """Polygons with holes, some of several parts, inside the tile, across its edges and beyond."""
    rng = np.random.default_rng(seed)
    shapes = []
    for _ in range(count):
        middle, size = rng.uniform(-300, EXTENT + 300, 2), rng.uniform(20, 400)
        outer = shapely.Point(middle).buffer(size, quad_segs=int(rng.integers(1, 9)))
        hole = shapely.Point(middle).buffer(size * rng.uniform(0.2, 0.7), quad_segs=2)
        shape = outer.difference(hole) if rng.random() < 0.6 else outer
        if rng.random() < 0.3:
            shape = shapely.union(shape, shapely.box(*(middle + 1.5 * size), *(middle + 2.5 * size)))
        shapes.append(shape)
    return np.array(shapes, dtype=object)


def test_polygons_come_back_with_their_holes_and_parts_cut_at_the_margin(tmp_path):
    shapes = make_towns(300, 1)
    back = decode(encode(shapes), tmp_path)
    window = shapely.box(-MARGIN, -MARGIN, EXTENT + MARGIN, EXTENT + MARGIN)
    wanted = shapely.intersection(shapes, window)
    assert set(back.index) == {str(n) for n in np.flatnonzero(~shapely.is_empty(wanted))}
    for name, shape in back.geometry.items():
        true = wanted[int(name)]
        # every point lies within a unit of where it was: the areas differ by no more than a strip along the outline
        apart = fill(shape).symmetric_difference(true).area
        assert apart <= 1.0 * true.length + 1.0
        assert len(getattr(shape, "geoms", [shape])) == len(getattr(true, "geoms", [true]))


def test_lines_come_back_in_pieces_where_they_leave_the_tile(tmp_path):
    rng = np.random.default_rng(2)
    shapes = np.array([shapely.LineString(rng.uniform(-1500, EXTENT + 1500, (6, 2))) for _ in range(200)], dtype=object)
    back = decode(encode(shapes), tmp_path)
    window = shapely.box(-MARGIN, -MARGIN, EXTENT + MARGIN, EXTENT + MARGIN)
    wanted = shapely.intersection(shapes, window)
    assert set(back.index) == {str(n) for n in np.flatnonzero(shapely.length(wanted) > 2)}
    for name, shape in back.geometry.items():
        assert shapely.hausdorff_distance(shape, wanted[int(name)], densify=0.05) <= 1.5


def test_a_point_lies_in_one_tile_only(tmp_path):
    rng = np.random.default_rng(3)
    points = shapely.points(rng.uniform(-40, EXTENT + 40, (2000, 2)))
    back = decode(encode(points), tmp_path)
    near = np.floor(shapely.get_coordinates(points) + 0.5)
    inside = ((near >= 0) & (near <= EXTENT)).all(axis=1)
    assert set(back.index) == {str(n) for n in np.flatnonzero(inside)}
    places = [int(name) for name in back.index]
    assert np.array_equal(shapely.get_coordinates(back.geometry.to_numpy()).round(3), near[places])


def test_points_of_one_row_stay_together(tmp_path):
    both = shapely.MultiPoint([(10, 20), (4000, 9), (5000, 9)])
    back = decode(encode([both]), tmp_path).geometry.iloc[0]
    assert back.normalize().equals_exact(shapely.MultiPoint([(10, 20), (4000, 9)]).normalize(), 0.01)


@pytest.mark.parametrize("options", [{"flavor": "iso"}, {"flavor": "extended"}, {"include_srid": True}])
def test_heights_and_numbers_of_systems_in_the_binary_are_read_over(tmp_path, options):
    flat = make_towns(40, 4)
    high = shapely.set_srid(shapely.force_3d(flat, 7.0), 3857)
    assert decode(encode(high, **options), tmp_path).geom_equals_exact(decode(encode(flat), tmp_path), 0.0).all()


def test_properties_keep_their_types_and_none_is_left_out(tmp_path):
    columns = {
        "id": ["a", "b", "c"],
        "text": ['Ä 中 "', None, ""],
        "number": [1.0, -0.125, None],
        "whole": [1, -(2**40), 2**53],
        "flag": [True, False, None],
    }
    back = decode(encode(shapely.points([(1, 1), (2, 2), (3, 3)]), columns), tmp_path)
    for name in ("text", "number", "whole", "flag"):
        told = [None if value != value or value is None else value for value in back[name].astype(object)]  # noqa: PLR0124
        assert told == columns[name], name


def test_what_is_too_small_to_be_seen_is_left_out(tmp_path):
    speck, pin = shapely.box(5, 5, 5.3, 5.3), shapely.LineString([(9, 9), (9.2, 9.1)])
    court = shapely.Polygon(shapely.box(100, 100, 200, 200).exterior, [shapely.box(150, 150, 150.2, 150.2).exterior])
    back = decode(encode([speck, pin, court]), tmp_path)
    assert list(back.index) == ["2"]
    assert back.geometry.iloc[0].normalize().equals_exact(shapely.box(100, 100, 200, 200).normalize(), 0.01)
    assert encode([speck, pin]) == b""


def test_what_cannot_be_placed_is_left_out():
    line = struct.pack("<BIIdddd", 1, 2, 2, np.nan, 0.0, 1.0, 1.0)
    wkb = [line, *shapely.to_wkb([shapely.Point(np.inf, 0), shapely.Polygon(), shapely.Point()]).tolist()]
    assert encode_rows("layer", wkb, {"id": list("abcd")}, tile=TILE, crs=SITE) == b""
    many = [wkb[1]] * 500
    assert encode_rows("layer", many, {"id": ["a"] * 500}, tile=TILE, crs=SITE) == b""


@given(st.binary(max_size=60), st.integers(0, 400))
def test_broken_binary_does_no_harm(noise, cut):
    whole = shapely.to_wkb(make_towns(1, 5)[0])
    for broken in (noise, whole[:cut], whole[:9] + noise, noise[:5] + b"\x01\x03\x00\x00\x00\xff\xff\xff\x7f"):
        xy, begins, kinds, _ = read_shapes([broken, whole])
        assert begins[-1] == len(xy)
        assert len(kinds) >= 1


@given(st.lists(st.tuples(st.integers(-50, 150), st.integers(-50, 150)), min_size=3, max_size=12, unique=True))
def test_a_ring_is_cut_to_what_lies_in_the_square(corners):
    ring = shapely.Polygon(corners)
    if not ring.is_valid or ring.area == 0.0:
        return
    cut = clip_ring(np.array(corners, float), 0.0, 100.0)
    wanted = ring.intersection(shapely.box(0, 0, 100, 100))
    area = shapely.Polygon(cut).area if len(cut) > 2 else 0.0
    assert area == pytest.approx(wanted.area, abs=1e-6)


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50)), min_size=2, max_size=40))
def test_a_simplified_line_stays_within_half_a_unit(points):
    before, after = np.array(points), simplify(np.array(points), False)
    assert np.array_equal(after[[0, -1]], before[[0, -1]])
    assert (
        shapely.hausdorff_distance(shapely.linestrings(before), shapely.linestrings(after), densify=0.1) <= 0.5 + 1e-9
    )


def test_boxes_and_sizes_are_those_of_shapely():
    shapes = [*make_towns(50, 6), shapely.LineString([(0, 0), (3, 4), (3, 5)]), shapely.Point(7, 8)]
    far = shapely.transform(np.array(shapes, dtype=object), lambda xy: np.add(xy, (385_000.0, 6_672_000.0)))
    paths = read_shapes(shapely.to_wkb(far).tolist())
    boxes, sizes, dimensions = measure_paths(*paths, len(far))
    assert np.array_equal(boxes, shapely.bounds(far))
    assert np.allclose(sizes, np.where(dimensions == 1, shapely.length(far), shapely.area(far)))
    assert np.array_equal(dimensions, shapely.get_dimensions(far))


@pytest.mark.parametrize(
    "crs", ["EPSG:32635", "EPSG:3879", "EPSG:2056", "EPSG:27700", "EPSG:3035", "+proj=aeqd +lat_0=60 +lon_0=25"]
)
@pytest.mark.parametrize("zoom", [4, 10, 14, 18])
def test_many_points_are_placed_as_exactly_as_a_tile_can_show(crs, zoom):
    """A tile's unit is the limit; a hundredth of it is asked for, a quarter would be good enough."""
    area = pyproj.CRS(crs).area_of_use
    middle = (25.0, 60.0) if area is None else ((area.west + area.east) / 2, (area.south + area.north) / 2)
    x, y = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(*middle)
    unit_m = Tile(zoom, 0, 0).unit_m
    half_m = min(unit_m * EXTENT / 4, 150_000.0)
    xy = np.random.default_rng(7).uniform((x - half_m, y - half_m), (x + half_m, y + half_m), (3000, 2))
    placed = xy.copy()
    project_points(placed, crs, close_m=0.01 * unit_m)
    exact = np.column_stack(pyproj.Transformer.from_crs(crs, 3857, always_xy=True).transform(*xy.T))
    assert np.abs(placed - exact).max() < 0.02 * unit_m


def test_the_box_of_a_tile_holds_all_of_it():
    points = gpd.GeoSeries(
        place(shapely.points(np.random.default_rng(8).uniform(-MARGIN, EXTENT + MARGIN, (500, 2)))), crs=3857
    )
    west, south, east, north = find_box(TILE, SITE, margin_units=MARGIN)
    there = points.to_crs(SITE)
    assert there.within(shapely.box(west, south, east, north)).all()
    assert (east - west) * (north - south) < 1.3 * (TILE.true_m * 1.04) ** 2
    assert find_box(Tile(14, 5120, 8192), SITE, margin_units=MARGIN) is None


@pytest.mark.parametrize("numbers", [(-1, 0, 0), (23, 0, 0), (3, 8, 0), (3, 0, 8), (3, -1, 0), (0, 0, 10**30)])
def test_tiles_that_cannot_be_are_refused(numbers):
    with pytest.raises(Problem) as caught:
        check_tile(*numbers)
    assert caught.value.status_code == 404
    assert check_tile(DEEPEST, 2**DEEPEST - 1, 0).z == DEEPEST
