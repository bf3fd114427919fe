"""Tiles of a store: rows as they are where there are few, and what they add up to where there are many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sightgrid.api.tiles import postgis
from sightgrid.api.tiles.aggregation import ACROSS, draw_clusters, draw_squares, find_weight, find_window, gather_rows
from sightgrid.api.tiles.commands import MARGIN
from sightgrid.api.tiles.mercator import Tile, find_box
from sightgrid.api.tiles.mvt import encode_rows
from sightgrid.api.tiles.rows import CLASSES, read_rows, select_rows
from sightgrid.api.tiles.squares import WORLD_BITS, find_touching, weigh_touching
from sightgrid.api.tiles.statuses import StatusBook
from sightgrid.api.tiles.streets import draw_streets, list_streets
from sightgrid.api.tiles.summaries import Summaries, Summary
from sightgrid.health.records import STATUSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa
    from numpy.typing import NDArray

    from sightgrid.api.tiles.mercator import Box
    from sightgrid.api.tiles.tilesets import Tileset
    from sightgrid.store.database import Database

MOST_ROWS = 1000  # of a tile: a window shows up to ten tiles of each layer
MOST_POINTS = 500
POINTS = ("cameras", "places", "posts", "incidents")
NEAR = 14  # from this zoom on tiles are so small that the database finds their rows; without a summary
PIXELS = 512  # across a tile
CROWD = 4  # points to a square of the tile, before clusters say more
DRAWN_SHARE = 0.9  # of the area, when what is smaller than a pixel is left out
POINT_MARGIN = 1  # units: a point that lies so far outside may be rounded into the tile


class Drawer:
    """Draws the tiles of a store.

    Parameters
    ----------
    database : Database
        The store.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.summaries = Summaries()
        self.statuses = StatusBook()
        self._known: dict[int, bool] = {}  # coordinate systems

    def find_version(self, connection: sa.Connection, tileset: Tileset) -> str:
        """Tell the version of a tileset: what was drawn is up to date as long as it stays."""
        if tileset.site_layer != "cameras":
            return tileset.version
        stamp = self.statuses.get(connection, tileset).stamp
        return f"{tileset.version}-{stamp}" if stamp else tileset.version

    def draw(self, connection: sa.Connection, tileset: Tileset, tile: Tile) -> bytes:
        """Draw one tile; empty if there is nothing."""
        most = MOST_POINTS if tileset.site_layer in POINTS else MOST_ROWS
        drawn = None
        # the boxes of a result lie among those of all other results of its site
        if tile.z >= NEAR and tileset.result_id is None:
            box = find_box(tile, tileset.crs, margin_units=MARGIN)
            drawn = b"" if box is None else self._draw_rows(connection, tileset, tile, box=box, most=most)
        return self._draw_summed(connection, tileset, tile, most=most) if drawn is None else drawn

    def _draw_summed(self, connection: sa.Connection, tileset: Tileset, tile: Tile, *, most: int) -> bytes:
        """Draw what the summary of the layer says: the rows it chooses, or what they add up to."""
        summary = self.summaries.get(connection, tileset)
        points = tileset.site_layer in POINTS
        window = find_window(tile, margin_units=POINT_MARGIN if points else MARGIN)
        pixel_m = tile.true_m / PIXELS
        weights = weigh_touching(summary.boxes, summary.sizes, summary.dimensions, *window, pixel_m)
        count, seen, whole, drawn, dimension = weights
        if not count:
            return b""
        if tileset.site_layer == "streets":
            rows = find_touching(summary.boxes, *window)
            chosen = list_streets(summary, rows, tile, most=most)
            if chosen is None:
                return draw_streets(connection, tileset, summary, rows, tile)
        elif points or dimension == 0:
            chosen = None if count > most else _list_points(summary, find_touching(summary.boxes, *window), tile)
            if chosen is None:
                return self._draw_clusters(connection, tileset, summary, tile)
        elif dimension == 1 and find_weight(summary) is None:
            rows = find_touching(summary.boxes, *window)
            chosen = rows[np.argsort(-summary.sizes[rows], kind="stable")[:most]]
        elif seen <= most and drawn >= DRAWN_SHARE * whole:
            chosen = _list_seen(summary, find_touching(summary.boxes, *window), pixel_m)
        else:
            return draw_squares(tileset.layer, gather_rows(summary, tile), summary, tile)
        keys = summary.keys[chosen].tolist()
        return self._draw_rows(connection, tileset, tile, keys=keys, most=len(summary.keys)) or b""

    def _draw_rows(
        self,
        connection: sa.Connection,
        tileset: Tileset,
        tile: Tile,
        *,
        most: int,
        box: Box | None = None,
        keys: Sequence[int] | None = None,
    ) -> bytes | None:
        if connection.dialect.name == "postgresql" and self._transforms(connection, tileset.srid):
            statement = select_rows(connection, tileset, box=box, keys=keys, written=False)
            return postgis.draw_rows(connection, tileset, tile, statement, most=most)
        statement = select_rows(connection, tileset, box=box, keys=keys)
        shapes, columns = read_rows(connection, tileset, statement.limit(most + 1))
        if len(shapes) > most:
            return None
        return encode_rows(tileset.layer, shapes, columns, tile=tile, crs=tileset.crs)

    def _transforms(self, connection: sa.Connection, srid: int | None) -> bool:
        if srid is None:
            return False
        if srid not in self._known:
            self._known[srid] = postgis.knows_system(connection, srid)
        return self._known[srid]

    def _draw_clusters(self, connection: sa.Connection, tileset: Tileset, summary: Summary, tile: Tile) -> bytes:
        gathered = gather_rows(summary, tile)
        counted: dict[str, tuple[NDArray[Any], Sequence[str]]] = {}
        if tileset.site_layer in CLASSES:
            counted[CLASSES[tileset.site_layer]] = summary.codes[gathered.rows], summary.classes
        if tileset.site_layer == "cameras":
            statuses = self.statuses.get(connection, tileset)
            counted["status"] = statuses.find(summary.keys[gathered.rows]), STATUSES
        return draw_clusters(tileset.layer, gathered, counted=counted)


def _list_points(summary: Summary, rows: NDArray[np.int64], tile: Tile) -> NDArray[np.int64] | None:
    """Return all rows, or None if they are crowded."""
    if tile.z >= NEAR:
        return rows
    bits = WORLD_BITS - tile.z
    squares = (summary.boxes[rows, :2].astype(np.int64) - (tile.x << bits, tile.y << bits)) * ACROSS >> bits
    crowded = len(rows) > CROWD * len(np.unique(squares, axis=0))
    return None if crowded else rows


def _list_seen(summary: Summary, rows: NDArray[np.int64], pixel_m: float) -> NDArray[np.int64]:
    """Return the rows that are larger than a pixel."""
    sizes, dimensions = summary.sizes[rows], summary.dimensions[rows]
    return rows[(dimensions == 0) | (sizes >= np.where(dimensions == 1, pixel_m, pixel_m**2))]
