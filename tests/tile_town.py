"""A made-up town with more of everything than a tile shows, and what GDAL reads out of its tiles."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from sightgrid import schemas
from sightgrid.columns import KINDS
from sightgrid.gis.layers import cast_columns
from sightgrid.site import Site

CRS = "EPSG:3879"
X0, Y0, SIDE = 25_496_000.0, 6_672_000.0, 2400.0
CELL_M = 40.0
STREET_CLASSES = ("motorway", "primary", "residential", "footway")


def make_town(crs: str = CRS, *, corner: tuple[float, float] = (X0, Y0), name: str = "town") -> Site:
    """2,000 cameras, 4,000 buildings, 6,000 streets and 3,000 posts, spread over a square of 2.4 km."""
    rng = np.random.default_rng(0)

    def spread(count):
        return rng.uniform(corner, np.add(corner, SIDE), (count, 2))

    def frame(layer, ids, columns, shapes):
        rows = gpd.GeoDataFrame(columns, index=ids, geometry=list(shapes), crs=crs)
        return cast_columns(schemas.complete(rows, layer), layer)

    def number(layer, count):
        return pd.Index([f"{layer}-{n}" for n in range(count)], name=schemas.INDEX[layer][0], dtype="str")

    middles, halves = spread(4000), rng.uniform(2, 8, (4000, 2))
    ends = spread(6000)
    pairs = pd.MultiIndex.from_arrays(
        [np.arange(6000), np.arange(6000) + 1, np.zeros(6000, int)], names=["u", "v", "key"]
    )
    layers = {
        "cameras": frame(
            "cameras", number("cameras", 2000),
            {"kind": rng.choice(["fixed", "dome"], 2000), "azimuth_deg": rng.uniform(0, 359, 2000), "name": None},
            shapely.points(spread(2000)),
        ),
        "obstacles": frame(
            "obstacles", number("obstacles", 4000), {"height_m": rng.uniform(3, 30, 4000).round(1)},
            shapely.box(*(middles - halves).T, *(middles + halves).T),
        ),
        "streets": frame(
            "streets", pairs, {"highway": rng.choice(STREET_CLASSES, 6000), "length_m": 60.0, "name": "Kuja"},
            shapely.linestrings(np.stack([ends, ends + rng.uniform(-50, 50, (6000, 2))], axis=1)),
        ),
        "posts": frame("posts", number("posts", 3000), {"height_m": 6.0}, shapely.points(spread(3000))),
        "zones": frame("zones", number("zones", 1), {"rule": "study"}, [shapely.box(*corner, *np.add(corner, SIDE))]),
    }  # fmt: skip
    rest = {layer: schemas.empty(layer, crs) for layer in KINDS if layer not in layers}
    return Site(name, **layers, **rest)


def make_cells(crs: str = CRS) -> gpd.GeoDataFrame:
    """Cells of a result: one in ten has no observable ground, and so no rate."""
    rng = np.random.default_rng(1)
    count = int(SIDE / CELL_M)
    x, y = (side.ravel() * CELL_M for side in np.meshgrid(np.arange(count), np.arange(count)))
    ground = np.where(rng.random(x.size) < 0.1, 0.0, rng.uniform(100.0, CELL_M**2, x.size))
    with np.errstate(invalid="ignore"):
        covered = ground * rng.random(x.size) ** 3
        columns = {"observable_m2": ground, "covered_m2": covered, "rate": covered / ground, "assumed_share": 0.25}
    ids = pd.Index([f"{n}" for n in range(x.size)], name="cell_id", dtype="str")
    boxes = shapely.box(X0 + x, Y0 + y, X0 + x + CELL_M, Y0 + y + CELL_M)
    return gpd.GeoDataFrame(columns, index=ids, geometry=boxes, crs=crs)


def make_seen() -> gpd.GeoDataFrame:
    """What cameras see, by density class: few shapes, some of several parts, with holes."""
    rng = np.random.default_rng(2)
    middles = rng.uniform((X0 + 400, Y0 + 400), (X0 + 900, Y0 + 900), (60, 2))
    shapes = [
        shapely.union(
            shapely.Point(at).buffer(40).difference(shapely.Point(at).buffer(15)),
            shapely.box(*(at + 45), *(at + 60)),
        )
        for at in middles
    ]
    columns = {
        "camera_id": [f"cameras-{n}" for n in range(60)],
        "density_class": "detect",
        "range_m": 40.0,
        "full": True,
    }
    ids = pd.Index([f"{n}-detect" for n in range(60)], name="area_id", dtype="str")
    return gpd.GeoDataFrame(columns, index=ids, geometry=shapes, crs=CRS)


def find_tiles(shapes: gpd.GeoSeries, zoom: int) -> list[tuple[int, int, int]]:
    """Return the tiles of a zoom that the boxes of shapes touch, all of them between the outermost."""
    west, south, east, north = shapes.to_crs(4326).total_bounds
    count = 2**zoom
    left, right = (int((lon + 180.0) / 360.0 * count) for lon in (west, east))
    top, bottom = (int((1.0 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2.0 * count) for lat in (north, south))
    return [(zoom, x, y) for x in range(left, right + 1) for y in range(top, bottom + 1)]


def fill(shape: shapely.Geometry) -> shapely.Geometry:
    """Draw the parts and then the holes, as a map does: at the margin a hole may lie along the edge that was cut."""
    parts = getattr(shape, "geoms", [shape])
    if shape.geom_type not in {"Polygon", "MultiPolygon"}:
        return shape
    holes = [shapely.union_all([shapely.Polygon(ring) for ring in part.interiors]) for part in parts]
    outer = [shapely.make_valid(shapely.Polygon(part.exterior)) for part in parts]
    return shapely.union_all([shapely.difference(*each) for each in zip(outer, holes, strict=True)])


def decode(tile: bytes, place: tuple[int, int, int]) -> gpd.GeoDataFrame:
    """Read a tile with GDAL, which we did not write; coordinates in metres of the projection, properties as told."""
    z, x, y = place
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tile.mvt"
        path.write_bytes(tile)
        return pyogrio.read_dataframe(path, X=x, Y=y, Z=z, CLIP="NO")
