"""What a server does before anybody asks: compile the kernels, and sum up the layers that are large."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import shapely

from sightgrid.api.collections import Collection
from sightgrid.api.tiles.aggregation import find_window, gather_rows
from sightgrid.api.tiles.commands import MARGIN
from sightgrid.api.tiles.mercator import MERCATOR, Tile
from sightgrid.api.tiles.mvt import encode_rows
from sightgrid.api.tiles.squares import find_touching, weigh_touching
from sightgrid.api.tiles.summaries import summarise
from sightgrid.api.tiles.tilesets import Tileset, find_tileset
from sightgrid.errors import SightgridError
from sightgrid.store.layer_tables import LAYERS
from sightgrid.store.layers import count_features
from sightgrid.store.sites import list_sites

if TYPE_CHECKING:
    from sightgrid.api.tiles.drawing import Drawer

LARGE = 50_000  # rows; fewer are summed up when the first tile is asked for

log = logging.getLogger("sightgrid.api")


def prepare(drawer: Drawer, stop: threading.Event) -> None:
    """Compile the kernels and sum up the large layers of all sites, until it is told to stop."""
    compile_kernels()
    try:
        for site in list_sites(drawer.database):
            for layer in LAYERS:
                if stop.is_set():
                    return
                if count_features(drawer.database, site.site_id, layer) >= LARGE:
                    with drawer.database.read() as connection:
                        tileset = find_tileset(connection, Collection(site.site_id, layer))
                        drawer.summaries.get(connection, tileset)
    except SightgridError as error:  # a site that is gone meanwhile; what matters comes up again with the first tile
        log.warning("tiles are not prepared: %s", type(error).__name__)


def compile_kernels() -> None:
    """Draw a tile and sum up rows with every kernel: 9 s on a machine that has none of them compiled yet."""
    ring = shapely.Point(0.0, 0.0).buffer(1e6, quad_segs=128)
    shapes = shapely.to_wkb([ring, ring.exterior, shapely.Point(0.0, 0.0)]).tolist()
    tile, tileset = Tile(4, 8, 8), Tileset("obstacles", 0, "", MERCATOR, (0,))
    encode_rows("obstacles", shapes, {"id": ["a", "b", "c"]}, tile=tile, crs=MERCATOR)
    summary = summarise([[(key, shape, None) for key, shape in enumerate(shapes)]], tileset)
    window = find_window(tile, margin_units=MARGIN)
    weigh_touching(summary.boxes, summary.sizes, summary.dimensions, *window, tile.true_m)
    find_touching(summary.boxes, *window)
    gather_rows(summary, tile)
