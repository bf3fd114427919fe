"""The visibility kernel: what each camera sees, exactly, behind walls of any height.

The edges around a camera are taken relative to it and sorted by angle. Between two neighbouring angles nothing starts
or ends; the view there is a stack of cells (`sweep`, `cells`), whose areas are summed and whose chains become outlines
(`outline`).

A wall lower than the camera hides the ground from itself to ``s`` times its distance,
``s = (h - t) / (h - b)`` for camera height h, target height t, wall height b; a wall as high as the camera or higher
hides everything behind it. Edges never cross each other (`edges.build_index` splits them where they do).

Everything runs without the interpreter lock; results do not depend on the number of threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from sightgrid.coverage.culling import BINS, drop_hidden
from sightgrid.coverage.gathering import clip_footprint, count_edges, gather, sector_box
from sightgrid.coverage.outline import count_points, grow, trace_outlines
from sightgrid.coverage.sweep import BUCKETS, sweep

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Views(NamedTuple):
    """Cameras as the kernel wants them; one row each, lengths in metres, directions as unit vectors on the grid.

    Attributes
    ----------
    xy : ndarray, shape (n, 2)
    height_m : ndarray, shape (n,)
    begin, end : ndarray, shape (n, 2)
        First and last direction of the sector, anticlockwise; equal for all round.
    near_m, far_m : ndarray, shape (n,)
        Radii of the annulus that holds the footprint.
    planes : ndarray, shape (n, 5, 3)
        Half planes ``a x + b y <= c`` around the camera whose intersection is the footprint; zeros where unused.
    host : ndarray, shape (n,)
        Obstacle the camera hangs on or stands on and whose walls do not count, or -1.
    roof : ndarray, shape (n,)
        1 where the camera stands on its host's roof, whose edge hides what is right below.
    """

    xy: NDArray[np.float64]
    height_m: NDArray[np.float64]
    begin: NDArray[np.float64]
    end: NDArray[np.float64]
    near_m: NDArray[np.float64]
    far_m: NDArray[np.float64]
    planes: NDArray[np.float64]
    host: NDArray[np.int64]
    roof: NDArray[np.int64]

    def take(self, rows: slice | NDArray[np.intp]) -> Views:
        """The same columns for some of the rows."""
        return Views._make(column[rows] for column in self)


@njit(cache=True, nogil=True)
def look(views, index, target_m, heights, outline):
    """Areas and outlines of some cameras.

    Returns
    -------
    areas : ndarray, shape (n,)
        Exact, in square metres.
    points : ndarray, shape (p, 2)
        Corners of all rings, in the CRS.
    ring_ends : ndarray
        Where each ring ends in ``points``.
    ring_camera : ndarray
        Which camera each ring belongs to.
    """
    xy, height_m, begin, end, near_m, far_m, planes, host, roof = views
    n_cameras = xy.shape[0]
    areas = np.zeros(n_cameras)
    points, n_points = np.empty((64 * n_cameras + 64, 2)), 0
    ring_ends, ring_camera, n_rings = (
        np.empty((2 * n_cameras + 8, 1), np.int64),
        np.empty((2 * n_cameras + 8, 1), np.int64),
        0,
    )
    corners, spare, box = np.empty((16, 2)), np.empty((16, 2)), np.empty(4)
    size, shade, buckets = 0, np.empty(BINS), np.empty(BUCKETS + 1, np.int64)
    order = np.empty(0, np.int64)
    seg, ring, ends = np.empty((0, 10)), np.empty((0, 2)), np.empty(0, np.int64)
    keys, ids, dirs = np.empty(0), np.empty(0, np.int64), np.empty((0, 2))
    active, fresh = np.empty(0, np.int64), np.empty(0, np.int64)
    place, finite = np.empty(0, np.int64), np.empty(0, np.int64)
    cells, meta, state = np.empty((0, 8)), np.empty((0, 6), np.int64), np.zeros(4, np.int64)
    for i in range(n_cameras):
        r_max = far_m[i]
        if not r_max > near_m[i]:
            continue
        n_corners = 0
        sector_box(begin[i, 0], begin[i, 1], end[i, 0], end[i, 1], r_max, box)
        if planes[i].any():
            n_corners = clip_footprint(planes[i], 2.0 * r_max, corners, spare)
            if n_corners < 3:
                continue
            for k in range(4):
                side = corners[:n_corners, k & 1]
                box[k] = max(box[k], min(0.0, side.min())) if k < 2 else min(box[k], max(0.0, side.max()))
        camera = (
            xy[i, 0],
            xy[i, 1],
            height_m[i],
            r_max,
            host[i],
            roof[i],
            begin[i, 0],
            begin[i, 1],
            end[i, 0],
            end[i, 1],
        )
        needed = count_edges(xy[i, 0], xy[i, 1], box, index)
        if needed + 64 > size:
            size = 2 * needed + 256
            seg = np.empty((size, 10))
            keys, ids, dirs = np.empty(16 * size), np.empty(16 * size, np.int64), np.empty((16 * size, 2))
            order = np.empty(16 * size, np.int64)
            active, fresh = np.empty(size, np.int64), np.empty(size, np.int64)
            place, finite = np.empty(size, np.int64), np.empty(size, np.int64)
        cut = planes[i] if n_corners else planes[i, :0]
        n = drop_hidden(seg, gather(camera, cut, box, index, target_m, heights, seg), shade)
        view = (begin[i, 0], begin[i, 1], end[i, 0], end[i, 1], near_m[i], r_max, roof[i])
        while True:
            if cells.shape[0] < 16 * (n + 16):
                cells, meta = np.empty((32 * (n + 16), 8)), np.empty((32 * (n + 16), 6), np.int64)
            room = (keys, ids, dirs, order, buckets, active, fresh, place, finite, cells, meta, state)
            areas[i], n_cells, closed = sweep(view, planes[i], corners, n_corners, seg, n, outline, room)
            if not state[3]:
                break
            cells, meta = np.empty((2 * cells.shape[0], 8)), np.empty((2 * cells.shape[0], 6), np.int64)
        if not outline or n_cells == 0:
            continue
        bound = count_points(meta, n_cells)
        if bound > ring.shape[0]:
            ring, ends = np.empty((2 * bound, 2)), np.empty(2 * bound, np.int64)
        rings = trace_outlines(cells, meta, n_cells, closed, ring, ends)
        if rings == 0:
            continue
        used = ends[rings - 1]
        if n_points + used > points.shape[0]:
            points = grow(points, n_points + used)
        if n_rings + rings > ring_ends.shape[0]:
            ring_ends, ring_camera = grow(ring_ends, n_rings + rings), grow(ring_camera, n_rings + rings)
        for k in range(used):
            points[n_points + k, 0], points[n_points + k, 1] = xy[i, 0] + ring[k, 0], xy[i, 1] + ring[k, 1]
        for k in range(rings):
            ring_ends[n_rings + k, 0], ring_camera[n_rings + k, 0] = n_points + ends[k], i
        n_points += used
        n_rings += rings
    return areas, points[:n_points].copy(), ring_ends[:n_rings, 0].copy(), ring_camera[:n_rings, 0].copy()
