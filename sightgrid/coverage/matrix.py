"""Who sees what: a sparse matrix of demand points and camera poses, made in blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.sparse import csc_array, hstack

from sightgrid.coverage.viewplan import plan_views
from sightgrid.coverage.visibility import INDOOR_DEPTH_M, see

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from sightgrid.coverage.scene import Scene
    from sightgrid.coverage.visibility import Progress

_BLOCK = 8192


def match_views(
    poses: gpd.GeoDataFrame,
    demand: gpd.GeoDataFrame,
    scene: Scene,
    *,
    least_px_m: float,
    streets: gpd.GeoDataFrame | None = None,
    target_height_m: float = 1.5,
    private: shapely.Geometry | None = None,
    progress: Progress | None = None,
) -> tuple[csc_array, NDArray[np.float64]]:
    """Find which demand points each pose sees with the density they ask for.

    Parameters
    ----------
    poses, demand : geopandas.GeoDataFrame
        See `candidates.pose_cameras` and `demand.sample_demand`.
    scene : Scene
        The obstacles.
    least_px_m : float
        Density that counts where a point asks for none.
    streets : geopandas.GeoDataFrame, optional
        Where poses of unknown direction are aimed.
    target_height_m : float
        Height above ground of what is to be seen.
    private : shapely.Geometry, optional
        Where cameras should not look.
    progress : callable, optional
        Called as ``progress("seen areas", done, total)``.

    Returns
    -------
    sees : scipy.sparse.csc_array of int8, shape (points, poses)
    private_m2 : ndarray, shape (poses,)
        How much of each pose's view lies in private, forbidden or consent zones.
    """
    points = demand.geometry.to_numpy()
    if not len(poses):
        return csc_array((len(points), 0), dtype=np.int8), np.zeros(0)
    xy = shapely.get_coordinates(points)
    tree = shapely.STRtree(points)
    wanted = np.fmax(demand["density_px_m"].to_numpy(float), least_px_m)
    if private is not None:
        shapely.prepare(private)
    blocks, overlap = [], np.zeros(len(poses))
    for begin in range(0, len(poses), _BLOCK):
        part = poses.iloc[begin : begin + _BLOCK]
        plan = plan_views(part, scene, streets, heights=True, indoor_depth_m=INDOOR_DEPTH_M)
        footprints = plan.footprints(target_height_m=target_height_m, density_px_m=least_px_m)
        views = plan.views(footprints, scene, target_height_m=target_height_m, heights=True)
        _, polygons = see(views, scene, target_height_m=target_height_m, heights=True)
        pose, point = tree.query(polygons, predicate="contains")
        away = xy[point] - plan.standpoints.xy[pose]
        ahead_x, ahead_y, base, radial = footprints.depth[pose].T
        straight = away[:, 0] * ahead_x + away[:, 1] * ahead_y + base
        depth = np.where(radial > 0.0, np.sqrt((away**2).sum(axis=1) + base**2), straight)
        dense = footprints.focal_px[pose] >= wanted[point] * depth * (1.0 - 1e-9)
        pose, point = pose[dense], point[dense]
        shape = (len(points), len(part))
        blocks.append(csc_array((np.ones(len(pose), np.int8), (point, pose)), shape=shape))
        if private is not None and not private.is_empty:
            touching = np.flatnonzero(shapely.intersects(private, polygons))
            inside = shapely.intersection(polygons[touching], private)
            overlap[begin + touching] = shapely.area(inside)
        if progress:
            progress("seen areas", min(begin + _BLOCK, len(poses)), len(poses))
    return csc_array(hstack(blocks, format="csc")), overlap
