"""What each camera sees."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from sightgrid.coverage.kernel import Views, look
from sightgrid.coverage.optics import density_classes
from sightgrid.coverage.scene import Scene
from sightgrid.coverage.viewplan import ViewPlan, plan_views
from sightgrid.errors import CRSError, UnitRangeError
from sightgrid.gis.crs import require_metric
from sightgrid.schemas import validate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Progress = Callable[[str, int, int], None]

INDOOR_DEPTH_M = 3.0
_CHUNK = 1024


def view_areas(
    cameras: gpd.GeoDataFrame,
    obstacles: gpd.GeoDataFrame | Scene,
    *,
    target_height_m: float = 1.5,
    density_px_m: float | None = None,
    heights: bool = True,
    standard: str = "iec2014",
    streets: gpd.GeoDataFrame | None = None,
    indoor_depth_m: float = INDOOR_DEPTH_M,
    threads: int | None = None,
    progress: Progress | None = None,
) -> gpd.GeoDataFrame:
    """Draw what each camera sees of the plane at target height.

    The footprint follows the pinhole model, as far as the density reaches; what stands in the way is cut out exactly
    in plan, and with ``heights`` a wall lower than the line of sight hides only the strip behind it.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        The cameras frame in a projected metric CRS; azimuths are degrees clockwise from true north.
    obstacles : geopandas.GeoDataFrame or Scene
        The obstacles frame in the same CRS, or one already indexed.
    target_height_m : float
        Height above ground of what is to be seen.
    density_px_m : float, optional
        Count only what is drawn with at least this many pixels per metre; if not given, the standard's lowest class.
    heights : bool
        Let cameras look over lower obstacles.
    standard : {'iec2014', 'iec2025'}
        Edition of IEC 62676-4 whose density classes are meant.
    streets : geopandas.GeoDataFrame, optional
        Where fixed cameras of unknown direction are aimed, at the nearest one. Without it they are not measured.
    indoor_depth_m : float
        A camera farther than this inside a building is taken to be indoors and is not measured.
    threads : int, optional
        At most this many; the result does not depend on it.
    progress : callable, optional
        Called as ``progress("seen areas", done, total)``.

    Returns
    -------
    geopandas.GeoDataFrame
        Indexed like the cameras: the seen polygon (empty where not measured; its arcs are chains of the same area),
        ``area_m2`` (exact), ``model``, ``measured``, ``reason`` (why not measured), ``moved_m``, ``assumed``,
        ``range_m``, ``azimuth_deg`` (true north) and ``hfov_deg`` as used.

    Raises
    ------
    SchemaError
        The cameras or obstacles break their contract.
    CRSError
        A frame has no metric CRS, or they differ.
    UnitRangeError
        An argument lies outside its range.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import Point, box
    >>> camera = gpd.GeoDataFrame(
    ...     {"kind": ["panorama"], "max_range_m": [20.0]}, geometry=[Point(0, 0)], index=["c1"], crs=32635
    ... ).rename_axis("camera_id")
    >>> house = gpd.GeoDataFrame(
    ...     {"height_m": [9.0], "kind": "building"}, geometry=[box(5, -5, 10, 5)], index=["b1"], crs=32635
    ... ).rename_axis("obstacle_id")
    >>> round(float(view_areas(camera, house)["area_m2"].iloc[0]), 2)
    967.48
    """
    scene = obstacles if isinstance(obstacles, Scene) else Scene(obstacles)
    require_metric(cameras, "cameras")
    if not isinstance(obstacles, Scene):
        require_metric(obstacles, "obstacles")
        validate(obstacles, "obstacles")
    if cameras.crs != scene.obstacles.crs:
        raise CRSError(
            f"obstacles: {scene.obstacles.crs.name} is not the coordinate system of the cameras, {cameras.crs.name}"
        )
    validate(cameras, "cameras")
    check_options(
        standard=standard,
        density_px_m=density_px_m,
        target_height_m=target_height_m,
        indoor_depth_m=indoor_depth_m,
    )
    least_px_m = density_px_m if density_px_m is not None else min(density_classes(standard).values())
    plan = plan_views(cameras, scene, streets, heights=heights, indoor_depth_m=indoor_depth_m)
    return draw_views(
        plan,
        scene,
        target_height_m=target_height_m,
        density_px_m=least_px_m,
        heights=heights,
        threads=threads,
        progress=progress,
    )


def check_options(
    *,
    standard: str,
    density_px_m: float | None,
    target_height_m: float,
    indoor_depth_m: float = INDOOR_DEPTH_M,
) -> None:
    """Raise a UnitRangeError for the first option that lies outside its range."""
    density_classes(standard)
    if density_px_m is not None and not 0.0 < density_px_m < np.inf:
        raise UnitRangeError(f"density_px_m: {density_px_m} must be above 0")
    for name, value in (("target_height_m", target_height_m), ("indoor_depth_m", indoor_depth_m)):
        if not 0.0 <= value < np.inf:
            raise UnitRangeError(f"{name}: {value} must not be below 0")


def draw_views(
    plan: ViewPlan,
    scene: Scene,
    *,
    target_height_m: float,
    density_px_m: float,
    heights: bool,
    threads: int | None = None,
    progress: Progress | None = None,
) -> gpd.GeoDataFrame:
    """Run the kernel over planned cameras and dress the result as a frame."""
    footprints = plan.footprints(target_height_m=target_height_m, density_px_m=density_px_m)
    views = plan.views(footprints, scene, target_height_m=target_height_m, heights=heights)
    area_m2, polygons = see(
        views, scene, target_height_m=target_height_m, heights=heights, threads=threads, progress=progress
    )
    known = plan.cameras
    return gpd.GeoDataFrame(
        {
            "area_m2": area_m2,
            "model": [f"{name}, heights" if heights else name for name in footprints.model],
            "measured": plan.reason == "",
            "reason": plan.reason.astype(object),
            "moved_m": plan.standpoints.moved_m,
            "assumed": known["assumed"],
            "range_m": np.where(plan.reason == "", footprints.far_m, 0.0),
            "azimuth_deg": (plan.grid_azimuth_deg - plan.grid_north_deg) % 360.0,
            "hfov_deg": known["hfov_deg"],
        },
        geometry=polygons,
        index=known.index,
        crs=known.crs,
    )


def see(
    views: Views,
    scene: Scene,
    *,
    target_height_m: float,
    heights: bool,
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """Exact areas and valid polygons, in parallel over fixed chunks of cameras."""
    total = len(views.xy)
    index = scene.edges
    area = np.zeros(total)
    polygons = np.empty(total, object)

    def run(begin: int) -> None:
        rows = slice(begin, begin + _CHUNK)
        areas, points, ring_ends, ring_camera = look(views.take(rows), index, target_height_m, heights, True)
        area[rows] = areas
        polygons[rows] = assemble(len(areas), points, ring_ends, ring_camera)

    starts = range(0, total, _CHUNK)
    if len(starts) == 1:
        run(0)
        if progress:
            progress("seen areas", total, total)
        return area, polygons
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        for done, _ in enumerate(pool.map(run, starts), start=1):
            if progress:
                progress("seen areas", min(done * _CHUNK, total), total)
    return area, polygons


def assemble(
    n: int, points: NDArray[np.float64], ring_ends: NDArray[np.int64], ring_camera: NDArray[np.int64]
) -> NDArray[np.object_]:
    """One valid geometry per camera from the rings of its view."""
    polygons = np.full(n, shapely.Polygon(), dtype=object)
    if not len(ring_ends):
        return polygons
    ring = np.repeat(np.arange(len(ring_ends)), np.diff(ring_ends, prepend=0))
    parts = shapely.polygons(shapely.linearrings(points, indices=ring))
    broken = ~shapely.is_valid(parts)
    parts[broken] = shapely.buffer(parts[broken], 0.0)
    first = np.flatnonzero(np.diff(ring_camera, prepend=-1))
    counts = np.diff(first, append=len(parts))
    polygons[ring_camera[first]] = parts[first]
    for k in np.flatnonzero(counts > 1):
        polygons[ring_camera[first[k]]] = shapely.union_all(parts[first[k] : first[k] + counts[k]])
    return polygons
