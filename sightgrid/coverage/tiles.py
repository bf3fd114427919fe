"""Tiles: the city sampled piece by piece, so that memory does not grow with it.

A tile is a block of rows and samples of a lattice. Study area, obstacles, water and closed ground mark its samples;
every camera's seen polygon then adds one to the samples inside it and raises their density class. Counts of samples by
cell, street, place and camera leave the tile; the samples do not.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sightgrid.gis.rasterize import first_sample, row_shift, scan_rows

STUDY, SOLID, WATER, CLOSED = 1, 2, 4, 8
# seen by a camera at all, by one without assumptions, by one with a known direction, at the upper bound
SEEN, FULL, AIMED, ALL_ROUND = 8, 1, 2, 4
EIGHT_OPEN = np.uint64(0x0101010101010101)  # eight samples of open ground in the study area
# columns of the counts by cell; density classes follow, lowest first
GROUND, COVERED, TWICE, VIEWS, GIVEN, LOWER, UPPER, CLASSES = 0, 1, 2, 3, 4, 5, 6, 7


@njit(cache=True, nogil=True)
def clear(block, samples):
    """Begin a tile. ``block``: first row, rows, first sample, samples in a row."""
    mask, count, best, trust = samples
    _, rows, _, columns = block
    mask[:rows, :columns] = 0
    count[:rows, :columns] = 0
    best[:rows, :columns] = 0
    trust[:rows, :columns] = 0


@njit(cache=True, nogil=True)
def mark(shapes, features, bit, block, lattice, samples, scratch):
    """Set a bit of the mask inside some polygons; returns the scratch space."""
    begin, end, crossings = scratch
    row0, rows, column0, columns = block
    dx, dy, staggered = lattice
    mask = samples[0]
    for f in features:
        low, high, crossings = scan_rows(shapes, f, row0, rows, dy, begin, end, crossings)
        for r in range(low, high):
            shift = row_shift(row0 + r, staggered)
            for k in range(begin[r], end[r] - 1, 2):
                i0 = max(first_sample(crossings[k], dx, shift) - column0, 0)
                i1 = min(first_sample(crossings[k + 1], dx, shift) - column0, columns)
                for i in range(i0, i1):
                    mask[r, i] |= bit
    return begin, end, crossings


@njit(cache=True, nogil=True)
def add_views(shapes, features, optics, bits, block, lattice, samples, scratch):
    """Add seen polygons: one view more, the better density class, and how far each rests on assumptions.

    ``optics``: camera x, y, depth coefficients (see `footprints.Footprints.depth`), then the depth at which each
    density class ends, lowest class first.
    """
    begin, end, crossings = scratch
    row0, rows, column0, columns = block
    dx, dy, staggered = lattice
    _, count, best, trust = samples
    n_classes = optics.shape[1] - 6
    for f in features:
        cx, cy, d0, d1, d2, radial = optics[f, :6]
        low, high, crossings = scan_rows(shapes, f, row0, rows, dy, begin, end, crossings)
        for r in range(low, high):
            shift = row_shift(row0 + r, staggered)
            y = (row0 + r + 0.5) * dy - cy
            for k in range(begin[r], end[r] - 1, 2):
                i0 = max(first_sample(crossings[k], dx, shift) - column0, 0)
                i1 = min(first_sample(crossings[k + 1], dx, shift) - column0, columns)
                for i in range(i0, i1):
                    count[r, i] += 1
                for i in range(i0, i1):
                    trust[r, i] |= bits[f]
                for c in range(n_classes):
                    # the stretch of the row that is near enough for class c
                    left, right = -np.inf, np.inf
                    if radial > 0.0:
                        room = optics[f, 6 + c] ** 2 - d2 * d2 - y * y
                        if room < 0.0:
                            break
                        right = math.sqrt(room)
                        left = -right
                    else:
                        room = optics[f, 6 + c] - d1 * y - d2
                        if d0 > 0.0:
                            right = room / d0
                        elif d0 < 0.0:
                            left = room / d0
                        elif room < 0.0:
                            break
                    j0, j1 = i0, i1
                    if left > -1e9:
                        j0 = max(i0, first_sample(left + cx, dx, shift) - column0)
                    if right < 1e9:
                        j1 = min(i1, first_sample(right + cx, dx, shift) - column0)
                    if j1 <= j0:
                        break  # a denser class ends nearer still
                    for i in range(j0, j1):
                        best[r, i] = max(best[r, i], c + 1)
    return begin, end, crossings


@njit(cache=True, nogil=True)
def add_trust(shapes, features, bit, block, lattice, samples, scratch):
    """Set a bit of the trust layer inside some polygons, without counting a view."""
    return mark(shapes, features, bit, block, lattice, (samples[3], samples[1], samples[2], samples[3]), scratch)


@njit(cache=True, nogil=True)
def sum_cells(cell_rows, cell_columns, block, samples, sums):
    """Counts by cell of the tile, whose columns are a multiple of eight; ``sums`` has a row per cell, row by row."""
    mask, count, best, trust = samples
    _, rows, _, columns = block
    masks, trusts = mask.view(np.uint64), trust.view(np.uint64)  # eight samples at once: most are open, or unseen
    across = columns // cell_columns
    for r in range(rows):
        for cell in range(across):
            s = sums[(r // cell_rows) * across + cell]
            for chunk in range(cell * cell_columns // 8, (cell + 1) * cell_columns // 8):
                ground = masks[r, chunk]
                if ground == EIGHT_OPEN:
                    s[GROUND] += 8
                elif ground:
                    for i in range(8 * chunk, 8 * chunk + 8):
                        s[GROUND] += mask[r, i] == STUDY
                if trusts[r, chunk] == 0:
                    continue
                for i in range(8 * chunk, 8 * chunk + 8):
                    t = trust[r, i]
                    if mask[r, i] != STUDY or t == 0:
                        continue
                    s[UPPER] += 1
                    n = count[r, i]
                    if n == 0:
                        continue
                    s[COVERED] += 1
                    s[VIEWS] += n
                    s[TWICE] += n > 1
                    s[GIVEN] += (t & FULL) > 0
                    s[LOWER] += (t & AIMED) > 0
                    for c in range(best[r, i]):
                        s[CLASSES + c] += 1


@njit(cache=True, nogil=True)
def sum_shapes(shapes, features, block, lattice, samples, sums, scratch):
    """Ground, covered ground, views, and ground with one view only, inside some polygons that may overlap."""
    begin, end, crossings = scratch
    row0, rows, column0, columns = block
    dx, dy, staggered = lattice
    mask, count, _, _ = samples
    for f in features:
        low, high, crossings = scan_rows(shapes, f, row0, rows, dy, begin, end, crossings)
        for r in range(low, high):
            shift = row_shift(row0 + r, staggered)
            for k in range(begin[r], end[r] - 1, 2):
                i0 = max(first_sample(crossings[k], dx, shift) - column0, 0)
                i1 = min(first_sample(crossings[k + 1], dx, shift) - column0, columns)
                for i in range(i0, i1):
                    if mask[r, i] == STUDY:
                        sums[f, 0] += 1
                        sums[f, 1] += count[r, i] > 0
                        sums[f, 2] += count[r, i]
                        sums[f, 3] += count[r, i] == 1
    return begin, end, crossings


@njit(cache=True, nogil=True)
def sum_streets(lines, features, step, block, lattice, samples, sums):
    """Points along streets that lie on open or watery ground of the study area, and how many of them are seen."""
    points, ring_start, feature_start, _ = lines
    row0, rows, column0, columns = block
    dx, dy, staggered = lattice
    mask, count, _, _ = samples
    for f in features:
        length = 0.0
        a, b = ring_start[feature_start[f]], ring_start[feature_start[f + 1]]
        for k in range(a, b - 1):
            length += math.hypot(points[k + 1, 0] - points[k, 0], points[k + 1, 1] - points[k, 1])
        n = max(int(math.ceil(length / step)), 1)
        done, at = 0.0, 0
        for k in range(a, b - 1):
            x, y = points[k, 0], points[k, 1]
            ex, ey = points[k + 1, 0] - x, points[k + 1, 1] - y
            piece = math.hypot(ex, ey)
            while at < n and (at + 0.5) * length / n <= done + piece:
                t = ((at + 0.5) * length / n - done) / piece if piece > 0.0 else 0.0
                at += 1
                r = int(math.floor((y + t * ey) / dy)) - row0
                if r < 0 or r >= rows:
                    continue
                shift = row_shift(row0 + r, staggered)
                # which lattice step holds the point: the same step in every tile
                i = int(math.floor((x + t * ex) / dx - shift + 0.5)) - column0
                inside = int(math.floor((x + t * ex) / dx)) - column0
                if inside < 0 or inside >= columns:
                    continue
                i = min(max(i, 0), columns - 1)
                if mask[r, i] & STUDY and not mask[r, i] & (SOLID | CLOSED):
                    sums[f, 0] += 1
                    sums[f, 1] += count[r, i] > 0
            done += piece
