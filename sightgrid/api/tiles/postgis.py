"""Tiles that PostGIS draws itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from sightgrid.api.tiles.commands import EXTENT, MARGIN

if TYPE_CHECKING:
    from sightgrid.api.tiles.mercator import Tile
    from sightgrid.api.tiles.tilesets import Tileset

MERCATOR_SRID = 3857


def knows_system(connection: sa.Connection, srid: int) -> bool:
    """Tell whether the database can transform from a coordinate system."""
    table = sa.table("spatial_ref_sys", sa.column("srid"))
    return connection.execute(sa.select(table.c.srid).where(table.c.srid == srid)).first() is not None


def draw_rows(connection: sa.Connection, tileset: Tileset, tile: Tile, statement: Any, *, most: int) -> bytes | None:
    """Draw rows into a tile.

    Parameters
    ----------
    connection : Connection
    tileset : Tileset
        Its coordinate system has a number that the database knows.
    tile : Tile
    statement : Select
        The rows, with the shapes as the database has them; see `rows.select_rows`.
    most : int
        More rows are not drawn.

    Returns
    -------
    bytes or None
        None if there are more rows.
    """
    rows = statement.limit(most + 1).subquery("rows")
    placed = sa.func.ST_Transform(sa.func.ST_SetSRID(rows.c.geometry, tileset.srid), MERCATOR_SRID)
    envelope = sa.func.ST_TileEnvelope(tile.z, tile.x, tile.y)
    # a point belongs to one tile
    margin = sa.case((sa.func.ST_Dimension(rows.c.geometry) == 0, 0), else_=MARGIN)
    shape = sa.func.ST_AsMVTGeom(placed, envelope, EXTENT, margin, sa.true())
    rest: list[Any] = [column for column in rows.c if column.name not in {"geometry", "properties"}]
    if tileset.result_id is not None:
        without = rows.c.properties.op("-", return_type=JSONB())(sa.cast("id", sa.Text))
        rest.append(without.label("properties"))
    drawn = sa.select(shape.label("shape"), *rest).subquery("drawn")
    body = sa.func.ST_AsMVT(sa.literal_column("drawn"), tileset.layer, EXTENT, "shape", type_=sa.LargeBinary)
    whole = sa.select(sa.func.count(), body.filter(drawn.c.shape.is_not(None))).select_from(drawn)
    connection.execute(sa.text("SET LOCAL jit = off"))  # compiling the statement takes longer than running it
    count, tile_bytes = connection.execute(whole).one()
    return None if count > most else bytes(tile_bytes or b"")
