"""Streets where there are many: the larger classes first, and those of one class as one feature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sightgrid.api.tiles.mvt import encode_rows
from sightgrid.api.tiles.rows import select_shapes

if TYPE_CHECKING:
    import sqlalchemy as sa
    from numpy.typing import NDArray

    from sightgrid.api.tiles.mercator import Tile
    from sightgrid.api.tiles.summaries import Summary
    from sightgrid.api.tiles.tilesets import Tileset

# the classes of OpenStreetMap, the largest first, with the zoom from which they are drawn where streets are many
ZOOMS = {
    "motorway": 0, "trunk": 0, "primary": 8, "secondary": 10, "tertiary": 11, "unclassified": 13, "residential": 13,
    "living_street": 13, "pedestrian": 14, "service": 14,
}  # fmt: skip
LAST = 14  # for footpaths and all others
MOST_PARTS = 4000  # pieces of streets in a tile


def list_streets(summary: Summary, rows: NDArray[np.int64], tile: Tile, *, most: int) -> NDArray[np.int64] | None:
    """Return all rows if they are few, else those of the classes that are drawn at this zoom; None if too many."""
    if len(rows) <= most:
        return rows
    chosen, _ = _rank(summary, rows, tile)
    return chosen if len(chosen) <= most else None


def draw_streets(
    connection: sa.Connection, tileset: Tileset, summary: Summary, rows: NDArray[np.int64], tile: Tile
) -> bytes:
    """Draw the streets of each class as one feature; of too many those of the larger classes, the longest first."""
    chosen, ranks = _rank(summary, rows, tile)
    first = np.lexsort((-summary.sizes[chosen], ranks))[:MOST_PARTS]
    statement = select_shapes(connection, tileset, summary.keys[chosen[first]].tolist())
    pieces: dict[str | None, list[bytes]] = {}
    for shape, kind in connection.execute(statement).all():
        pieces.setdefault(kind, []).append(shape)
    merged: dict[str, list[Any]] = {
        "highway": list(pieces),
        "count": [len(each) for each in pieces.values()],
        "aggregated": [True] * len(pieces),
    }
    whole = [b"".join(each) for each in pieces.values()]
    return encode_rows(tileset.layer, whole, merged, tile=tile, crs=tileset.crs)


def _rank(summary: Summary, rows: NDArray[np.int64], tile: Tile) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows that are drawn at a zoom, and the rank of their classes."""
    names = [name.removesuffix("_link") for name in summary.classes]
    order = list(ZOOMS)
    rank = np.array([order.index(name) if name in ZOOMS else len(order) for name in names])
    zooms = np.array([ZOOMS.get(name, LAST) for name in names])
    codes = summary.codes[rows]
    drawn = zooms[codes] <= tile.z
    return rows[drawn], rank[codes[drawn]]
