"""Candidates: places where a camera could be mounted, on open public ground or on a wall that faces it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from sightgrid.errors import InfeasibleError, UnitRangeError
from sightgrid.gis.ground import Ground, survey_ground
from sightgrid.gis.obstacles import solid_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sightgrid.site import Site

MOUNT_KINDS = ("post", "corner", "facade", "pole", "crossing", "existing")
OFF_WALL_M = 0.3
KERB_M = 4.0  # how far from a street's axis a pole stands
SAME_MOUNT_M = 2.0
CORNER_DEG = 150.0  # a wall turning by less is no corner
WAYS_TO_CROSS = 3  # streets that meet where a crossing is
_HALF_TURN = 180.0


def propose_mounts(
    site: Site,
    *,
    spacing_m: float = 25.0,
    mount_height_m: float = 4.0,
    kinds: Sequence[str] = MOUNT_KINDS,
) -> gpd.GeoDataFrame:
    """Propose places where cameras could be mounted.

    Parameters
    ----------
    site : Site
    spacing_m : float
        Distance of mounts along façades and streets; known posts may stand half as far apart.
    mount_height_m : float
        Height of every new mount above ground; a lower post carries it at its top.
    kinds : sequence of str
        Which to propose: ``post`` (a street lamp or pole that is known), building ``corner``, ``facade``, a new
        ``pole`` along streets that have no post near, ``crossing``, ``existing`` cameras.

    Returns
    -------
    geopandas.GeoDataFrame
        Index ``mount_id``; points with ``kind``, ``mount``, ``mount_height_m`` and ``facing_deg`` (grid bearing a wall
        mount looks out to; NaN where every direction is open).

    Raises
    ------
    UnitRangeError
        The spacing or height is out of range, or a kind is unknown.
    InfeasibleError
        No mount lies on open ground.

    Examples
    --------
    >>> import sightgrid as sg
    >>> mounts = propose_mounts(sg.open_site("helsinki"), spacing_m=50.0, kinds=["corner", "crossing"])
    >>> sorted(mounts["kind"].unique())
    ['corner', 'crossing']
    """
    if not 1.0 <= spacing_m < np.inf:
        raise UnitRangeError(f"spacing_m: {spacing_m} must be at least 1")
    unknown = [kind for kind in kinds if kind not in MOUNT_KINDS]
    if unknown or not len(kinds):
        raise UnitRangeError(f"kinds: {', '.join(unknown) or 'none given'}; choose from {', '.join(MOUNT_KINDS)}")
    ground = survey_ground(site)
    # the order decides which of two mounts in one place stays
    found = {kind: _find_mounts(site, ground, kind, spacing_m) for kind in MOUNT_KINDS if kind in kinds}
    if "post" in found and "pole" in found:  # a new pole is for where none stands
        found["pole"] = _leave_apart(found["pole"], site.posts, spacing_m / 2.0)
    table = pd.concat(found.values(), ignore_index=True)
    points = shapely.points(table[["x", "y"]].to_numpy())
    keep = _on_ground(points, ground) & _first_of_its_place(points, SAME_MOUNT_M)
    if not keep.any():
        raise InfeasibleError(f"{site.name}: none of {len(table)} mounts lies on open, public ground of the study area")
    table["mount_height_m"] = np.fmin(table["height_m"], mount_height_m)
    columns = ["kind", "mount", "mount_height_m", "facing_deg"]
    mounts = gpd.GeoDataFrame(table.loc[keep, columns], geometry=points[keep], crs=site.crs)
    mounts.index = pd.Index([f"m{n}" for n in range(1, len(mounts) + 1)], name="mount_id")
    return mounts


def _find_mounts(site: Site, ground: Ground, kind: str, spacing_m: float) -> pd.DataFrame:
    """Mounts of one kind: ``x``, ``y``, ``kind``, ``mount``, ``height_m`` where it is known, ``facing_deg``."""
    mount: object = "wall" if kind in {"corner", "facade"} else "pole"
    height_m: object = np.nan
    facing: object = np.nan
    if kind == "post":
        posts = site.posts[_first_of_its_place(site.posts.geometry.to_numpy(), spacing_m / 2.0)]
        xy, mount, height_m = posts.get_coordinates().to_numpy(), posts["kind"].to_numpy(), posts["height_m"].to_numpy()
    elif kind in {"corner", "facade"}:
        polygons = site.obstacles.geometry.to_numpy()[solid_rows(site.obstacles)]
        xy, facing = _corners(polygons) if kind == "corner" else _facades(polygons, spacing_m)
    elif kind == "pole":
        xy = _poles(ground.streets, spacing_m)
    else:
        xy = _crossings(site.streets) if kind == "crossing" else site.cameras.get_coordinates().to_numpy()
    columns = {"x": xy[:, 0], "y": xy[:, 1], "kind": kind, "mount": mount, "height_m": height_m, "facing_deg": facing}
    return pd.DataFrame(columns)


def _leave_apart(mounts: pd.DataFrame, posts: gpd.GeoDataFrame, apart_m: float) -> pd.DataFrame:
    """Leave out the mounts that stand near a post."""
    tree = shapely.STRtree(posts.geometry.to_numpy())
    near = tree.query(shapely.points(mounts[["x", "y"]].to_numpy()), predicate="dwithin", distance=apart_m)[0]
    return mounts.drop(index=mounts.index[np.unique(near)])


def _corners(polygons: NDArray[np.object_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points in front of outward corners, and the bearing they look out to."""
    rings = shapely.get_exterior_ring(shapely.orient_polygons(polygons))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    first = np.searchsorted(ring, np.arange(len(rings)))
    last = np.append(first[1:], len(ring)) - 1
    here = np.delete(np.arange(len(ring)), last)
    before = here - 1
    at_start = np.isin(here, first)
    before[at_start] = last[ring[here[at_start]]] - 1
    into, out = points[here] - points[before], points[here + 1] - points[here]
    into /= np.maximum(np.hypot(*into.T), 1e-9)[:, None]
    out /= np.maximum(np.hypot(*out.T), 1e-9)[:, None]
    turn = np.degrees(np.arctan2(into[:, 0] * out[:, 1] - into[:, 1] * out[:, 0], (into * out).sum(axis=1)))
    corner = turn > _HALF_TURN - CORNER_DEG
    away = into[corner] - out[corner]
    away /= np.maximum(np.hypot(*away.T), 1e-9)[:, None]
    return points[here[corner]] + OFF_WALL_M * away, _bearing(away)


def _facades(polygons: NDArray[np.object_], spacing_m: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points along outer walls, and the bearing they look out to."""
    rings = shapely.get_exterior_ring(shapely.orient_polygons(polygons))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    begin = np.flatnonzero(ring[1:] == ring[:-1])
    a, b = points[begin], points[begin + 1]
    length = np.hypot(*(b - a).T)
    n = np.maximum((length / spacing_m).astype(int), (length >= spacing_m / 2.0).astype(int))
    wall = np.repeat(np.arange(len(a)), n)
    nth = np.arange(len(wall)) - np.repeat(np.cumsum(n) - n, n)
    along = (b - a)[wall] / length[wall, None]
    away = np.column_stack([along[:, 1], -along[:, 0]])  # outwards: the rings run anticlockwise
    at = a[wall] + along * (length[wall] * (nth + 0.5) / n[wall])[:, None]
    return at + OFF_WALL_M * away, _bearing(away)


def _poles(streets: NDArray[np.object_], spacing_m: float) -> NDArray[np.float64]:
    """Points beside streets, on alternating sides."""
    length = shapely.length(streets)
    n = np.where(length > 0.0, np.maximum(np.round(length / spacing_m), 1), 0).astype(int)
    line = np.repeat(np.arange(len(streets)), n)
    nth = np.arange(len(line)) - np.repeat(np.cumsum(n) - n, n)
    at_m = length[line] * (nth + 0.5) / n[line]
    here = shapely.get_coordinates(shapely.line_interpolate_point(streets[line], at_m))
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(streets[line], np.minimum(at_m + 0.5, length[line])))
    behind = shapely.get_coordinates(shapely.line_interpolate_point(streets[line], np.maximum(at_m - 0.5, 0.0)))
    along = ahead - behind
    along /= np.maximum(np.hypot(*along.T), 1e-9)[:, None]
    side = np.where(nth % 2 == 0, 1.0, -1.0)[:, None]
    return np.asarray(here + KERB_M * side * np.column_stack([along[:, 1], -along[:, 0]]))


def _crossings(streets: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Points where at least three streets meet."""
    if not len(streets):
        return np.empty((0, 2))
    lines = streets.geometry.to_numpy()
    ends = np.concatenate([streets.index.get_level_values("u"), streets.index.get_level_values("v")])
    points = np.concatenate([shapely.get_point(lines, 0), shapely.get_point(lines, -1)])
    _, first, count = np.unique(ends, return_index=True, return_counts=True)
    return np.asarray(shapely.get_coordinates(points[first[count >= WAYS_TO_CROSS]]))


def _bearing(direction: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.degrees(np.arctan2(direction[:, 0], direction[:, 1])) % 360.0


def _on_ground(points: NDArray[np.object_], ground: Ground) -> NDArray[np.bool_]:
    shapely.prepare(ground.study)
    keep = shapely.covers(ground.study, points)
    for shapes in (ground.solid, ground.water, ground.closed):
        if len(shapes):
            keep[np.unique(shapely.STRtree(shapes).query(points, predicate="intersects")[0])] = False
    return np.asarray(keep, bool)


def _first_of_its_place(points: NDArray[np.object_], apart_m: float) -> NDArray[np.bool_]:
    """Mark every point that no earlier marked one stands next to."""
    a, b = shapely.STRtree(points).query(points, predicate="dwithin", distance=apart_m)
    earlier = b < a
    order = np.lexsort((b[earlier], a[earlier]))
    keep = np.ones(len(points), bool)
    for later, before in zip(a[earlier][order], b[earlier][order], strict=True):
        if keep[before]:
            keep[later] = False
    return keep
