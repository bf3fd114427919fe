"""Helpers for tiny scenes: frames from a few numbers, the kernel and its plain reference on the same scene."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from sightgrid import schemas
from sightgrid.coverage import reference
from sightgrid.coverage.kernel import Views, look
from sightgrid.coverage.scene import Scene
from sightgrid.coverage.visibility import assemble
from sightgrid.site import Site

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

CRS = 32635
ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
EAST_M, NORTH_M = 500_000.0, 6_670_000.0  # on the zone's central meridian, where grid north is true north


def cameras_frame(points: Sequence[tuple[float, float]], *, crs: int = CRS, **columns: Any) -> gpd.GeoDataFrame:
    """Cameras ``c0, c1, …``; a column may be one value for all."""
    index = pd.Index([f"c{n}" for n in range(len(points))], dtype="str", name="camera_id")
    frame = pd.DataFrame({"kind": "panorama"} | columns, index=index)
    return gpd.GeoDataFrame(frame, geometry=[shapely.Point(p) for p in points], crs=crs)


def obstacles_frame(
    polygons: Sequence[shapely.Polygon], height_m: Any = 10.0, *, kind: Any = "building", crs: int = CRS
) -> gpd.GeoDataFrame:
    """Obstacles ``b0, b1, …``."""
    index = pd.Index([f"b{n}" for n in range(len(polygons))], dtype="str", name="obstacle_id")
    heights = np.broadcast_to(np.asarray(height_m, float), len(polygons)).copy()
    frame = pd.DataFrame({"height_m": heights, "kind": kind, "height_source": "height"}, index=index)
    return gpd.GeoDataFrame(frame, geometry=list(polygons), crs=crs)


def streets_frame(lines: Sequence[Sequence[tuple[float, float]]], *, covered: Any = False) -> gpd.GeoDataFrame:
    """Streets between the nodes ``n`` and ``n + 1``."""
    index = pd.MultiIndex.from_tuples([(n, n + 1, 0) for n in range(len(lines))], names=["u", "v", "key"])
    shapes = [shapely.LineString(line) for line in lines]
    frame = pd.DataFrame({"length_m": shapely.length(shapes), "covered": covered}, index=index)
    return schemas.complete(gpd.GeoDataFrame(frame, geometry=shapes, crs=CRS), "streets")


def layer(kind: str, shapes: Sequence[shapely.Geometry], /, **columns: Any) -> gpd.GeoDataFrame:
    """Water, places or zones, named by their number."""
    index = pd.Index([f"{kind[0]}{n}" for n in range(len(shapes))], dtype="str", name=schemas.INDEX[kind][0])
    frame = gpd.GeoDataFrame(pd.DataFrame(columns, index=index), geometry=list(shapes), crs=CRS)
    return schemas.complete(frame, kind)


def make_site(
    cameras: gpd.GeoDataFrame, study: shapely.Polygon, obstacles: gpd.GeoDataFrame | None = None, **layers: Any
) -> Site:
    """A site with one study area; layers that are not given are empty, ``zones`` come on top."""
    zones = layer("zones", [study], rule="study")
    if "zones" in layers:
        zones = pd.concat([zones, layers.pop("zones").rename(index=lambda name: f"more-{name}")])
    every = {kind: layers.get(kind, schemas.empty(kind, CRS)) for kind in ("streets", "water", "places", "posts")}
    return Site(
        name="scene",
        cameras=schemas.complete(cameras, "cameras"),
        obstacles=schemas.empty("obstacles", CRS) if obstacles is None else obstacles,
        zones=zones,
        **every,
    )


def views_of(
    xy: Any,
    *,
    height_m: Any = 4.0,
    far_m: Any = 100.0,
    near_m: Any = 0.0,
    begin_deg: Any = 0.0,
    fov_deg: Any = 360.0,
    planes: NDArray[np.float64] | None = None,
    host: Any = -1,
    roof: Any = 0,
) -> Views:
    """Kernel input; directions anticlockwise from the x axis; every argument may be one value for all."""
    xy = np.atleast_2d(np.asarray(xy, float))
    n = len(xy)
    begin, fov = (np.broadcast_to(np.asarray(a, float), n) for a in (begin_deg, fov_deg))
    end = np.where(fov >= 360.0, begin, begin + fov)
    first, last = (np.column_stack([np.cos(np.radians(a)), np.sin(np.radians(a))]) for a in (begin, end))
    columns = [np.broadcast_to(np.asarray(a, float), n).copy() for a in (height_m, near_m, far_m)]
    whole = [np.broadcast_to(np.asarray(a, np.int64), n).copy() for a in (host, roof)]
    planes = np.zeros((n, 5, 3)) if planes is None else planes
    return Views(xy, columns[0], first, last, columns[1], columns[2], planes, *whole)


def see(
    views: Views, obstacles: gpd.GeoDataFrame, *, target_m: float = 1.5, heights: bool = True
) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """The kernel's areas and polygons."""
    area, points, ring_ends, ring_camera = look(views, Scene(obstacles).edges, target_m, heights, True)
    return area, assemble(len(area), points, ring_ends, ring_camera)


def plain_cameras(views: Views) -> list[reference.Camera]:
    """The same cameras for the reference."""
    plain = []
    for n in range(len(views.xy)):
        ends = [math.atan2(d[n][1], d[n][0]) for d in (views.begin, views.end)]
        all_round = np.array_equal(views.begin[n], views.end[n])
        plain.append(
            reference.Camera(
                *map(float, views.xy[n]),
                height_m=float(views.height_m[n]),
                far_m=float(views.far_m[n]),
                near_m=float(views.near_m[n]),
                sector_rad=None if all_round else (ends[0], ends[1]),
                planes=tuple(tuple(map(float, p)) for p in views.planes[n] if p.any()),
            )
        )
    return plain


def plain_buildings(obstacles: gpd.GeoDataFrame, *, heights: bool = True) -> list[reference.Building]:
    """The same buildings for the reference; open canopies hide nothing."""
    return [
        reference.Building(
            tuple(tuple(map(tuple, ring.coords)) for ring in (shape.exterior, *shape.interiors)),
            height if heights else math.inf,
        )
        for shape, height, kind in zip(obstacles.geometry, obstacles["height_m"], obstacles["kind"], strict=True)
        if kind != "roof"
    ]


def random_town(
    rng: np.random.Generator, n: int, *, span_m: float = 120.0, center: tuple[float, float] = (EAST_M, NORTH_M)
) -> gpd.GeoDataFrame:
    """Turned boxes, L shapes and courtyards of all heights; they overlap, touch and cross as they fall."""
    shapes = []
    for _ in range(n):
        width, depth = rng.uniform(3.0, 30.0, 2)
        shape = shapely.box(0.0, 0.0, width, depth)
        form = rng.integers(4)
        if form == 0:
            shape = shape.difference(shapely.box(width * 0.4, depth * 0.4, width + 1.0, depth + 1.0))
        elif form == 1:
            shape = shape.difference(shapely.box(width * 0.3, depth * 0.3, width * 0.7, depth * 0.7))
        shape = shapely.affinity.rotate(shape, rng.uniform(0.0, 360.0), origin=(0.0, 0.0))
        place = np.asarray(center) + rng.uniform(-span_m, span_m, 2)
        shapes.append(shapely.affinity.translate(shape, *place))
    return obstacles_frame(shapes, np.where(rng.random(n) < 0.5, rng.uniform(0.5, 4.5, n), rng.uniform(4.5, 25.0, n)))


def beside_streets(site: Site, n: int, *, seed: int, window: shapely.Geometry | None = None) -> np.ndarray:
    """Points up to 8 m from a street's axis and at least 0.3 m outside every building."""
    rng = np.random.default_rng(seed)
    lines = site.streets.geometry[~site.streets["covered"]].to_numpy()
    if window is not None:
        lines = lines[shapely.within(lines, window)]
    weight = shapely.length(lines) / shapely.length(lines).sum()
    walls = shapely.STRtree(site.obstacles.geometry.to_numpy())
    found = np.empty((0, 2))
    while len(found) < n:
        line = lines[rng.choice(len(lines), 2 * n, p=weight)]
        on_axis = shapely.line_interpolate_point(line, rng.random(2 * n), normalized=True)
        points = shapely.points(shapely.get_coordinates(on_axis) + rng.uniform(-8.0, 8.0, (2 * n, 2)))
        free = np.delete(np.arange(2 * n), walls.query(points, predicate="dwithin", distance=0.3)[0])
        found = np.vstack([found, shapely.get_coordinates(points[free])])
    return found[:n]


def mixed_cameras(xy: np.ndarray, crs: object, *, seed: int) -> gpd.GeoDataFrame:
    """Cameras of every kind, with and without tilt, height and direction."""
    rng = np.random.default_rng(seed)
    n = len(xy)
    kind = rng.choice(["fixed", "dome", "ptz", "panorama"], n, p=[0.6, 0.15, 0.15, 0.1])

    def maybe(values: np.ndarray, share: float) -> np.ndarray:
        return np.where(rng.random(n) < share, values, np.nan)

    columns = {
        "kind": kind,
        "mount": rng.choice(["wall", "pole", "roof", None], n),
        "mount_height_m": maybe(rng.uniform(2.5, 12.0, n), 0.7),
        "azimuth_deg": np.where(kind == "fixed", rng.uniform(0.0, 360.0, n), np.nan),
        "tilt_deg": maybe(rng.uniform(0.0, 60.0, n), 0.5),
        "hfov_deg": np.where(kind == "fixed", maybe(rng.uniform(20.0, 110.0, n), 0.5), np.nan),
        "max_range_m": maybe(rng.uniform(20.0, 150.0, n), 0.3),
    }
    index = pd.Index([f"c{i}" for i in range(n)], dtype="str", name="camera_id")
    return gpd.GeoDataFrame(pd.DataFrame(columns, index=index), geometry=gpd.points_from_xy(*xy.T), crs=crs)
