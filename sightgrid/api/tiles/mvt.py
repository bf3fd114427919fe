"""Layers of Mapbox Vector Tiles 2.1."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from sightgrid.api.tiles.commands import EXTENT, write_commands, write_features
from sightgrid.api.tiles.mercator import CLOSE_UNITS, Tile, project_points
from sightgrid.api.tiles.paths import read_paths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Paths = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64]]

VERSION = 2
LAYER = 3  # fields of the format
NAME, FEATURE, KEY, VALUE, SIZE, FORMAT = 1, 2, 3, 4, 5, 15
WHOLE, BYTES = 0, 2  # how a field is written


def encode_rows(
    layer: str, shapes: Sequence[bytes], columns: Mapping[str, Sequence[Any]], *, tile: Tile, crs: str
) -> bytes:
    """Draw rows into a tile.

    Parameters
    ----------
    layer : str
        The name of the layer in the tile.
    shapes : sequence of bytes
        Well-known binary, in the coordinate system `crs`.
    columns : mapping of str to sequence
        The properties: text, numbers, flags, and None where there is none.
    tile : Tile
        The tile; what lies outside is left out.
    crs : str
        The coordinate system of the site.

    Returns
    -------
    bytes
        A tile of one layer; empty if nothing of it lies there.

    Examples
    --------
    >>> import shapely
    >>> square = shapely.to_wkb(shapely.box(0.0, 0.0, 1e6, 1e6))
    >>> len(encode_rows("squares", [square], {"id": ["a"]}, tile=Tile(4, 8, 7), crs="EPSG:3857"))
    50
    """
    if not shapes:
        return b""
    xy, begins, kinds, owners = read_shapes(shapes)
    project_points(xy, crs, close_m=CLOSE_UNITS * tile.unit_m)
    west, north = tile.corner
    xy -= (west, north)
    xy *= (1.0 / tile.unit_m, -1.0 / tile.unit_m)
    return encode_paths(layer, (xy, begins, kinds, owners), columns, rows=len(shapes))


def read_shapes(shapes: Sequence[bytes]) -> Paths:
    """Return the paths of rows; see `paths.read_paths`."""
    starts = np.zeros(len(shapes) + 1, np.int64)
    np.cumsum([len(shape) for shape in shapes], out=starts[1:])
    xy, begins, kinds, owners = read_paths(np.frombuffer(b"".join(shapes), np.uint8), starts)
    return xy, begins, kinds, owners


def encode_paths(layer: str, paths: Paths, columns: Mapping[str, Sequence[Any]], *, rows: int) -> bytes:
    """Do what `encode_rows` does, with paths in units of the tile."""
    commands, ends, dimensions = write_commands(*paths, rows)
    if not len(commands):
        return b""
    values: dict[tuple[type, Any], int] = {}  # a flag is not the number 1
    drawn = np.flatnonzero(np.diff(ends)).tolist()
    tags = np.full((rows, len(columns)), -1, np.int64)
    for place, column in enumerate(columns.values()):
        for row in drawn:
            value = column[row]
            if value is not None:
                tags[row, place] = values.setdefault((type(value), value), len(values))
    parts = [
        _write_field(NAME, layer.encode()),
        write_features(commands, ends, dimensions, tags).tobytes(),
        *(_write_field(KEY, name.encode()) for name in columns),
        *(_write_field(VALUE, _write_value(value)) for _, value in values),
        _write_number(SIZE, EXTENT),
        _write_number(FORMAT, VERSION),
    ]
    return _write_field(LAYER, b"".join(parts))


def _write_value(value: Any) -> bytes:
    if isinstance(value, str):
        return _write_field(1, value.encode())
    if isinstance(value, bool):
        return _write_number(7, int(value))
    if isinstance(value, float):
        return bytes([3 << 3 | 1]) + struct.pack("<d", value)
    return _write_number(5, value) if value >= 0 else _write_number(6, -2 * value - 1)


def _write_field(field: int, body: bytes) -> bytes:
    return bytes([field << 3 | BYTES]) + _write_varint(len(body)) + body


def _write_number(field: int, value: int) -> bytes:
    return bytes([field << 3 | WHOLE]) + _write_varint(value)


def _write_varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:  # noqa: PLR2004  (seven bits to the byte)
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
