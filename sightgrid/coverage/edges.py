"""Obstacles as the kernel wants them: oriented edges that never cross, found through a uniform grid."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from sightgrid.gis.obstacles import solid_rows
from sightgrid.gis.rasterize import flatten_shapes

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

OPAQUE = 1e30  # shadow factor of a wall that hides everything behind it
CELL_M = 32.0
_FEWEST_M = 1e-9  # shorter edges are noise of the digitising
_CHUNK = 200_000  # obstacles taken apart at a time


class EdgeIndex(NamedTuple):
    """Edges of all obstacles, the interior on their left, and the grid squares each one touches.

    Attributes
    ----------
    edges : ndarray, shape (n, 4)
        x, y of the start and the end, in the CRS's metres.
    first : ndarray, shape (n, 2)
        Lowest grid column and row an edge touches.
    height_m : ndarray
        Of each obstacle.
    owner : ndarray, shape (n,)
        Position of the obstacle in the frame the index was built from.
    start, items : ndarray
        Edges by grid square, compressed by rows.
    x0, y0, cell_m, columns, rows
        Where the grid lies.
    """

    edges: NDArray[np.float64]
    first: NDArray[np.int32]
    height_m: NDArray[np.float64]
    owner: NDArray[np.int32]
    start: NDArray[np.int64]
    items: NDArray[np.int32]
    x0: float
    y0: float
    cell_m: float
    columns: int
    rows: int


def build_index(obstacles: gpd.GeoDataFrame) -> EdgeIndex:
    """Build the kernel's view of the obstacles; open canopies (kind ``roof``) hide nothing and are left out.

    Parameters
    ----------
    obstacles : geopandas.GeoDataFrame
        Polygons with ``height_m`` and, if any are open canopies, ``kind``.
    """
    keep = solid_rows(obstacles)
    polygons = obstacles.geometry.to_numpy()
    chunks = [_orient(polygons[rows], rows) for rows in np.split(keep, range(_CHUNK, len(keep), _CHUNK))]
    edges, owner = (np.concatenate(column) for column in zip(*chunks, strict=True))
    del chunks
    height_m = obstacles["height_m"].to_numpy(float)
    grid = _Grid.around(edges)
    split, parent = _split_crossings(edges, *_fill(edges, grid), *grid)
    if len(split) != len(edges):
        edges, owner = split, owner[parent]
    del split, parent
    # neighbours in space are neighbours in memory
    columns, rows = _home(edges, grid)
    order = np.argsort(rows.astype(np.int64) * grid.columns + columns, kind="stable")
    edges, owner = edges[order], owner[order]
    start, items = _fill(edges, grid)
    return EdgeIndex(edges, np.column_stack(_home(edges, grid)), height_m, owner, start, items, *grid)


def _orient(polygons: NDArray[np.object_], owner: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Edges of polygons with the interior on their left, and the owner of each."""
    points, ring_start, feature_start, _ = flatten_shapes(polygons)
    last = np.zeros(len(points), bool)
    last[ring_start[1:] - 1] = True
    begin = np.flatnonzero(~last)
    ring = np.searchsorted(ring_start, begin, side="right") - 1
    edges = np.hstack([points[begin], points[begin + 1]])
    # twice the signed area, taken from each ring's first point so that nothing is lost to large coordinates
    a, b = (edges[:, k : k + 2] - points[ring_start[ring]] for k in (0, 2))
    anticlockwise = np.bincount(ring, a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], len(ring_start) - 1) > 0.0
    outline = np.zeros(len(ring_start) - 1, bool)
    outline[feature_start[:-1]] = True
    turned = (anticlockwise != outline)[ring]
    edges[turned] = edges[turned][:, [2, 3, 0, 1]]
    long = np.hypot(edges[:, 2] - edges[:, 0], edges[:, 3] - edges[:, 1]) > _FEWEST_M
    of = owner[np.searchsorted(feature_start, ring[long], side="right") - 1]
    return edges[long], of.astype(np.int32)


class _Grid(NamedTuple):
    x0: float
    y0: float
    cell_m: float
    columns: int
    rows: int

    @classmethod
    def around(cls, edges: NDArray[np.float64]) -> _Grid:
        if not len(edges):
            return cls(0.0, 0.0, CELL_M, 1, 1)
        x0, y0 = edges[:, [0, 2]].min() - 1.0, edges[:, [1, 3]].min() - 1.0
        columns = int((edges[:, [0, 2]].max() - x0) / CELL_M) + 1
        rows = int((edges[:, [1, 3]].max() - y0) / CELL_M) + 1
        return cls(float(x0), float(y0), CELL_M, columns, rows)


def _home(edges: NDArray[np.float64], grid: _Grid) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    columns = ((np.minimum(edges[:, 0], edges[:, 2]) - grid.x0) / grid.cell_m).astype(np.int32)
    rows = ((np.minimum(edges[:, 1], edges[:, 3]) - grid.y0) / grid.cell_m).astype(np.int32)
    return columns, rows


def _fill(edges: NDArray[np.float64], grid: _Grid) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    filled: tuple[NDArray[np.int64], NDArray[np.int32]] = _fill_squares(edges, *grid)
    return filled


@njit(cache=True, nogil=True)
def _fill_squares(edges, x0, y0, cell, columns, rows):
    """Compressed rows: which edges touch the bounding squares of which grid square."""
    start = np.zeros(columns * rows + 1, np.int64)
    items = np.empty(0, np.int32)
    place = start
    for fill in range(2):
        for e in range(edges.shape[0]):
            left, right = min(edges[e, 0], edges[e, 2]), max(edges[e, 0], edges[e, 2])
            low, high = min(edges[e, 1], edges[e, 3]), max(edges[e, 1], edges[e, 3])
            for row in range(int((low - y0) / cell), int((high - y0) / cell) + 1):
                for column in range(int((left - x0) / cell), int((right - x0) / cell) + 1):
                    k = row * columns + column
                    if fill:
                        items[place[k]] = e
                        place[k] += 1
                    else:
                        start[k + 1] += 1
        if not fill:
            start = np.cumsum(start)
            items = np.empty(start[-1], np.int32)
            place = start.copy()
    return start, items


@njit(cache=True, nogil=True)
def _split_crossings(edges, start, items, x0, y0, cell, columns, rows):
    """Split edges where two of them cross, so that in the kernel they meet at end points only."""
    cut_edge, cut_at, n = np.empty(1024, np.int32), np.empty(1024), 0
    for k in range(columns * rows):
        for p in range(start[k], start[k + 1]):
            i = items[p]
            ax, ay, bx, by = edges[i]
            for q in range(p + 1, start[k + 1]):
                j = items[q]
                cx, cy, dx, dy = edges[j]
                if max(ax, bx) < min(cx, dx) or max(cx, dx) < min(ax, bx):
                    continue
                if max(ay, by) < min(cy, dy) or max(cy, dy) < min(ay, by):
                    continue
                den = (bx - ax) * (dy - cy) - (by - ay) * (dx - cx)
                if den == 0.0:
                    continue
                t = ((cx - ax) * (dy - cy) - (cy - ay) * (dx - cx)) / den
                u = ((cx - ax) * (by - ay) - (cy - ay) * (bx - ax)) / den
                if t < 0.0 or t > 1.0 or u < 0.0 or u > 1.0:
                    continue
                x, y = ax + t * (bx - ax), ay + t * (by - ay)
                if int((x - x0) / cell) + columns * int((y - y0) / cell) != k:
                    continue  # the pair meets in another square too: it is handled there
                margin_i = 1e-9 / math.hypot(bx - ax, by - ay)
                margin_j = 1e-9 / math.hypot(dx - cx, dy - cy)
                if n + 2 > len(cut_at):
                    cut_edge = np.concatenate((cut_edge, np.empty_like(cut_edge)))
                    cut_at = np.concatenate((cut_at, np.empty_like(cut_at)))
                if margin_i < t < 1.0 - margin_i:
                    cut_edge[n], cut_at[n] = i, t
                    n += 1
                if margin_j < u < 1.0 - margin_j:
                    cut_edge[n], cut_at[n] = j, u
                    n += 1
    parent = np.empty(edges.shape[0] + n, np.int64)
    split = np.empty((edges.shape[0] + n, 4))
    first = np.zeros(edges.shape[0] + 1, np.int64)
    for c in range(n):
        first[cut_edge[c] + 1] += 1
    first = np.cumsum(first)
    place, sorted_at = first.copy(), np.empty(n)
    for c in range(n):
        sorted_at[place[cut_edge[c]]] = cut_at[c]
        place[cut_edge[c]] += 1
    m = 0
    for e in range(edges.shape[0]):
        px, py = edges[e, 0], edges[e, 1]
        ts = np.sort(sorted_at[first[e] : first[e + 1]])
        for c in range(len(ts) + 1):
            qx, qy = edges[e, 2], edges[e, 3]
            if c < len(ts):
                qx = edges[e, 0] + ts[c] * (edges[e, 2] - edges[e, 0])
                qy = edges[e, 1] + ts[c] * (edges[e, 3] - edges[e, 1])
            if qx != px or qy != py:
                split[m, 0], split[m, 1], split[m, 2], split[m, 3], parent[m] = px, py, qx, qy, e
                m += 1
                px, py = qx, qy
    return split[:m], parent[:m]
