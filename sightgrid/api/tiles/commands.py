"""Shapes as Mapbox Vector Tiles 2.1 writes them: moves, lines and closings, each point as steps from the one before."""

from __future__ import annotations

import numpy as np
from numba import njit

from sightgrid.api.tiles.clipping import MOST_GROWTH, clip_ring, clip_segment, lies_inside, simplify
from sightgrid.api.tiles.paths import DIMENSIONS, HOLE, LINE, POINT, RING

EXTENT = 4096  # units across a tile
MARGIN = 64  # units around a tile in which lines and polygons go on, so that no edge shows

MOVE, DRAW, CLOSE = 1, 2, 7
MOST_PER_POINT, MOST_PER_PATH = 6, 24  # bytes
MOST_VARINT = 5


@njit(cache=True, nogil=True)
def put_varint(out, at, value):
    """Write a whole number, seven bits to the byte, and return where the next one goes."""
    while value > 127:
        out[at] = value & 127 | 128
        value >>= 7
        at += 1
    out[at] = value
    return at + 1


@njit(cache=True, nogil=True)
def count_varint(value):
    """The bytes that `put_varint` takes."""
    count = 1
    while value > 127:
        value >>= 7
        count += 1
    return count


@njit(cache=True, nogil=True)
def put_steps(out, at, points, first, last, pen):
    """Write the points from first on up to but not with last, as steps; `pen` is where the last one ended."""
    for k in range(first, last):
        for axis in range(2):
            step = points[k, axis] - pen[axis]
            at = put_varint(out, at, step << 1 ^ step >> 63)
            pen[axis] = points[k, axis]
    return at


@njit(cache=True, nogil=True)
def round_points(xy, closed):
    """Whole units, without points that fall on the one before."""
    points = np.empty((len(xy), 2), np.int64)
    count = 0
    for k in range(len(xy)):
        x, y = np.int64(np.floor(xy[k, 0] + 0.5)), np.int64(np.floor(xy[k, 1] + 0.5))
        if count == 0 or points[count - 1, 0] != x or points[count - 1, 1] != y:
            points[count, 0], points[count, 1] = x, y
            count += 1
    while closed and count > 1 and points[0, 0] == points[count - 1, 0] and points[0, 1] == points[count - 1, 1]:
        count -= 1
    return points[:count]


@njit(cache=True, nogil=True)
def put_line(out, at, xy, pen):
    """Write a line; nothing if it is shorter than a unit."""
    points = round_points(simplify(xy, False), False)
    if len(points) < 2:
        return at
    at = put_varint(out, at, 1 << 3 | MOVE)
    at = put_steps(out, at, points, 0, 1, pen)
    at = put_varint(out, at, (len(points) - 1) << 3 | DRAW)
    return put_steps(out, at, points, 1, len(points), pen)


@njit(cache=True, nogil=True)
def put_clipped(out, at, xy, pen):
    """Write what lies in the tile of a line: one line or several."""
    low, high = -float(MARGIN), float(EXTENT + MARGIN)
    piece = np.empty((len(xy), 2))
    count = 0
    for k in range(1, len(xy)):
        x0, y0, x1, y1 = xy[k - 1, 0], xy[k - 1, 1], xy[k, 0], xy[k, 1]
        enter, leave = clip_segment(x0, y0, x1, y1, low, high)
        if enter > leave:
            continue
        if count == 0:
            piece[0, 0], piece[0, 1] = x0 + enter * (x1 - x0), y0 + enter * (y1 - y0)
            count = 1
        piece[count, 0], piece[count, 1] = x0 + leave * (x1 - x0), y0 + leave * (y1 - y0)
        count += 1
        if leave < 1.0:
            at = put_line(out, at, piece[:count], pen)
            count = 0
    if count > 0:
        at = put_line(out, at, piece[:count], pen)
    return at


@njit(cache=True, nogil=True)
def put_ring(out, at, xy, hole, pen):
    """Write a ring in the direction of its role; nothing if it has no area."""
    points = round_points(simplify(xy, True), True)
    count = len(points)
    if count < 3:
        return at
    double = 0
    for k in range(count):
        after = k + 1 if k + 1 < count else 0
        double += points[k, 0] * points[after, 1] - points[after, 0] * points[k, 1]
    if double == 0:
        return at
    if (double < 0) != hole:
        for k in range(count // 2):
            for axis in range(2):
                other = points[count - 1 - k, axis]
                points[count - 1 - k, axis] = points[k, axis]
                points[k, axis] = other
    at = put_varint(out, at, 1 << 3 | MOVE)
    at = put_steps(out, at, points, 0, 1, pen)
    at = put_varint(out, at, (count - 1) << 3 | DRAW)
    at = put_steps(out, at, points, 1, count, pen)
    return put_varint(out, at, 1 << 3 | CLOSE)


@njit(cache=True, nogil=True)
def put_points(out, at, xy, begins, first, last, kinds, pen):
    """Write the points of a row that lie in the tile, after rounding."""
    count = 0
    for write in range(2):
        if write:
            if count == 0:
                return at
            at = put_varint(out, at, count << 3 | MOVE)
        for path in range(first, last):
            if kinds[path] != POINT:
                continue
            place = xy[begins[path] : begins[path + 1]]
            if lies_inside(place, -0.5, EXTENT + 0.499) < 1:
                continue
            if write:
                at = put_steps(out, at, round_points(place, False), 0, 1, pen)
            count += 1
    return at


@njit(cache=True, nogil=True)
def make_room(out, at, points):
    """Give an array that has room for a path of so many points, however often the tile's edge cuts it."""
    need = at + MOST_PER_PATH + MOST_PER_POINT * MOST_GROWTH * points
    if need <= len(out):
        return out
    more = np.empty(2 * need, np.uint8)
    for k in range(at):
        more[k] = out[k]
    return more


@njit(cache=True, nogil=True)
def write_commands(xy, begins, kinds, owners, rows):
    """Write the shapes of all rows, given in units of the tile.

    Returns the bytes of all commands, where those of each row begin (and the last ones end), and the dimension of each
    row; of a row that holds shapes of several, only those of the highest are written.
    """
    out = np.empty(MOST_PER_POINT * len(xy) + MOST_PER_PATH * len(kinds) + 1, np.uint8)
    ends = np.zeros(rows + 1, np.int64)
    dimensions = np.zeros(rows, np.uint8)
    for path in range(len(kinds)):
        dimensions[owners[path]] = max(dimensions[owners[path]], DIMENSIONS[kinds[path]])
    low, high = -float(MARGIN), float(EXTENT + MARGIN)
    pen = np.zeros(2, np.int64)
    at, path = 0, 0
    for row in range(rows):
        first = path
        while path < len(kinds) and owners[path] == row:
            path += 1
        pen[0] = pen[1] = 0
        if dimensions[row] == 0:
            out = make_room(out, at, path - first)
            at = put_points(out, at, xy, begins, first, path, kinds, pen)
        drawn = False  # the ring whose holes follow
        for each in range(first, path):
            kind = kinds[each]
            if kind == POINT or DIMENSIONS[kind] != dimensions[row] or (kind == HOLE and not drawn):
                continue
            points = xy[begins[each] : begins[each + 1]]
            if kind != LINE and len(points) > 0:
                points = points[:-1]
            inside = lies_inside(points, low, high)
            before = at
            out = make_room(out, at, len(points))
            if inside >= 0:
                if kind == LINE:
                    at = put_line(out, at, points, pen) if inside else put_clipped(out, at, points, pen)
                else:
                    at = put_ring(out, at, points if inside else clip_ring(points, low, high), kind == HOLE, pen)
            if kind == RING:
                drawn = at > before
        ends[row + 1] = at
    return out[:at], ends, dimensions


@njit(cache=True, nogil=True)
def write_features(commands, ends, dimensions, tags):
    """Write the rows that have a shape as features: their values, by number (-1: none), and their commands."""
    rows, columns = tags.shape
    out = np.empty(len(commands) + rows * (24 + 2 * MOST_VARINT * columns), np.uint8)
    at = 0
    for row in range(rows):
        size = ends[row + 1] - ends[row]
        if size == 0:
            continue
        words = 0
        for column in range(columns):
            if tags[row, column] >= 0:
                words += count_varint(column) + count_varint(tags[row, column])
        body = 2 + 1 + count_varint(size) + size
        if words:
            body += 1 + count_varint(words) + words
        out[at] = 0x12  # a feature of the layer
        at = put_varint(out, at + 1, body)
        if words:
            out[at] = 0x12  # its tags
            at = put_varint(out, at + 1, words)
            for column in range(columns):
                if tags[row, column] >= 0:
                    at = put_varint(out, put_varint(out, at, column), tags[row, column])
        out[at], out[at + 1] = 0x18, dimensions[row] + 1  # its type
        out[at + 2] = 0x22  # its shape
        at = put_varint(out, at + 3, size)
        for k in range(ends[row], ends[row + 1]):
            out[at] = commands[k]
            at += 1
    return out[:at]
