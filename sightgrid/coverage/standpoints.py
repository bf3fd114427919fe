"""Standpoints: where a camera really stands and looks when the map draws it inside a wall or says no direction.

Façade cameras are mapped on or in the outline of their building. They are put 0.1 m outside the nearest wall; cameras
deeper inside than a setting are probably indoors and are not measured. Roof and ceiling cameras look over their own
building's edge; those on or just outside the outline are put 0.1 m inside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from numpy.typing import NDArray

    from sightgrid.coverage.scene import Scene

WALL_M = 0.5  # closer to a wall than this, a camera hangs on it
OFF_WALL_M = 0.1
ON_STREET_M = 0.5  # closer to a street's axis than this, a camera of unknown direction looks along it
_STILL_M = 1e-6


class Standpoints(NamedTuple):
    """Where cameras stand.

    Attributes
    ----------
    xy : ndarray, shape (n, 2)
    moved_m : ndarray, shape (n,)
        How far each was moved; 0 where it stood well.
    host : ndarray, shape (n,)
        Position of the obstacle a roof or ceiling camera belongs to, or -1.
    indoor : ndarray of bool, shape (n,)
        Deeper inside a building than the setting.
    """

    xy: NDArray[np.float64]
    moved_m: NDArray[np.float64]
    host: NDArray[np.int64]
    indoor: NDArray[np.bool_]


def stand(cameras: gpd.GeoDataFrame, scene: Scene, *, indoor_depth_m: float) -> Standpoints:
    """Find each camera's place outside the walls.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        Points with a ``mount`` column.
    scene : Scene
        What hides views.
    indoor_depth_m : float
        Cameras farther than this from the nearest open ground are indoors.
    """
    polygons, tree = scene.polygons, scene.tree
    points = cameras.geometry.to_numpy()
    xy = shapely.get_coordinates(points)
    host = np.full(len(points), -1)
    on_top = cameras["mount"].isin(["roof", "ceiling"]).to_numpy()
    close, building = tree.query(points, predicate="dwithin", distance=WALL_M)
    above = np.flatnonzero(on_top[close])
    above = above[np.argsort(scene.heights_m[building[above]], kind="stable")]  # the tallest is written last
    host[close[above]] = building[above]
    near = np.unique(close)
    near = near[host[near] < 0]
    new = xy.copy()
    edge = np.flatnonzero(host >= 0)
    edge = edge[~shapely.contains(polygons[host[edge]], points[edge])]
    new[edge] = _step_onto(points[edge], polygons[host[edge]])
    rows, nearest = tree.query_nearest(points[near], all_matches=False)
    new[near] = _step_out(points[near[rows]], polygons[nearest])
    blocked = np.isnan(new[near, 0])
    check = near[~blocked]
    hits = tree.query(shapely.points(new[check]), predicate="dwithin", distance=OFF_WALL_M - _STILL_M)[0]
    for i in np.concatenate([near[blocked], check[np.unique(hits)]]):
        new[i] = _nearest_open(
            points[i], polygons[tree.query(points[i], predicate="dwithin", distance=indoor_depth_m + 1.0)]
        )
    moved = np.hypot(*(new - xy).T)
    moved[moved < _STILL_M] = 0.0
    indoor = np.isnan(moved) | (moved > indoor_depth_m + OFF_WALL_M)
    indoor[host >= 0] = False
    new[indoor], moved[indoor] = xy[indoor], 0.0
    return Standpoints(new, moved, host, indoor)


def _step_out(points: NDArray[np.object_], buildings: NDArray[np.object_]) -> NDArray[np.float64]:
    """0.1 m off the nearest wall of one building; NaN where the point lies on the wall itself."""
    line = shapely.get_coordinates(shapely.shortest_line(points, shapely.boundary(buildings))).reshape(-1, 2, 2)
    here, wall = line[:, 0], line[:, 1]
    outwards = np.where(shapely.covers(buildings, points)[:, None], wall - here, here - wall)
    length = np.hypot(*outwards.T)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(length > _STILL_M, wall + OFF_WALL_M * outwards / length, np.nan)


def _step_onto(points: NDArray[np.object_], buildings: NDArray[np.object_]) -> NDArray[np.float64]:
    """The nearest point on each roof that is 0.1 m from its edge; its middle where the roof is too narrow."""
    inner = shapely.buffer(buildings, -OFF_WALL_M)
    narrow = shapely.is_empty(inner)
    inner[narrow] = shapely.point_on_surface(buildings[narrow])
    return shapely.get_coordinates(shapely.shortest_line(points, inner)).reshape(-1, 2, 2)[:, 1]


def _nearest_open(point: shapely.Point, buildings: NDArray[np.object_]) -> NDArray[np.float64]:
    """The nearest point that is 0.1 m off every wall around."""
    edge = shapely.boundary(shapely.buffer(shapely.union_all(buildings), OFF_WALL_M))
    return shapely.get_coordinates(shapely.shortest_line(point, edge))[1]


def aim_at_streets(xy: NDArray[np.float64], streets: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Bearing from each point to the nearest open street, degrees clockwise from the y axis; NaN without streets.

    A point on the street's axis looks along it.
    """
    lines = streets.geometry[~streets["covered"]].to_numpy() if len(streets) else np.empty(0, object)
    bearing = np.full(len(xy), np.nan)
    if not len(lines) or not len(xy):
        return bearing
    points = shapely.points(xy)
    rows, nearest = shapely.STRtree(lines).query_nearest(points, all_matches=False)
    line = lines[nearest]
    foot_m = shapely.line_locate_point(line, points[rows])
    to_street = shapely.get_coordinates(shapely.line_interpolate_point(line, foot_m)) - xy[rows]
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(line, foot_m + 1.0))
    behind = shapely.get_coordinates(shapely.line_interpolate_point(line, np.maximum(foot_m - 1.0, 0.0)))
    look = np.where((np.hypot(*to_street.T) < ON_STREET_M)[:, None], ahead - behind, to_street)
    bearing[rows] = np.degrees(np.arctan2(look[:, 0], look[:, 1])) % 360.0
    return bearing


def raise_roof_cameras(
    cameras: gpd.GeoDataFrame, host_height_m: NDArray[np.float64], *, clearance_m: float
) -> pd.Series:
    """Mount heights with every roof camera above its roof (``host_height_m`` is NaN for all others)."""
    given = cameras["mount_height_m"]
    assumed = cameras["assumed"].str.split(",").map(lambda names: "mount_height_m" in names)
    low = ~np.isnan(host_height_m) & (assumed.to_numpy(bool) | (given.to_numpy() <= host_height_m))
    return given.where(~low, host_height_m + clearance_m)
