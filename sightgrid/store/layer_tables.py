"""One table for each layer, with the typed columns of the layer's contract, and the tables a site needs around them.

One table per layer and not one for all: a filter or an index works on a typed column, a row is one insert without JSON,
and a city's million buildings do not lie between its cameras.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    column,
    table,
)

from sightgrid import columns
from sightgrid.store.geometry import GEOMETRY

LAYERS = (*columns.KINDS, "grid", "incidents")
INDEX = {**columns.INDEX, "grid": ("cell_id",), "incidents": ("incident_id",)}
CONTRACTS = {
    **columns.COLUMNS,
    "grid": (
        columns.Column("observable_m2", "number", "[0, inf)"),
        columns.Column("demand", "number", "[0, inf)"),
    ),
    "incidents": (
        columns.Column("occurred_at_us", "whole", required=True),
        columns.Column("category", "text"),
        columns.Column("severity", "number", "(0, inf)", default=1.0),
        columns.Column("origin", "text", choices=("reported", "discovered"), default="reported"),
    ),
}
TIMES = {"incidents": {"occurred_at": "occurred_at_us"}}  # times are kept as microseconds since 1970, UTC
SECRET = "stream_url"  # noqa: S105  (a column that is kept in a table of its own)

KEY = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers only INTEGER keys by itself
TYPES: dict[str, Any] = {"text": Text(), "number": Float(53), "whole": BigInteger(), "flag": Boolean()}

metadata = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "uq": "uq_%(table_name)s", "ix": "ix_%(column_0_label)s"}
)

# A uid tells a site from another one of the same number in another store, or after a deletion.
sites = Table(
    "sites",
    metadata,
    Column("site_id", KEY, primary_key=True),
    Column("uid", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("crs", Text, nullable=False),
    Column("notes", Text, nullable=False),
    Column("made_at_us", BigInteger, nullable=False),
    UniqueConstraint("name"),
)

# Every change of a layer counts its revision on; a row's version is the revision that wrote it, so that a row that was
# deleted and added again never has a version that somebody saw before.
revisions = Table(
    "layer_revisions",
    metadata,
    Column("site_id", KEY, ForeignKey("sites.site_id", ondelete="CASCADE"), primary_key=True),
    Column("layer", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
)


def kept_columns(layer: str) -> tuple[columns.Column, ...]:
    """Return the contract's columns that a layer's own table holds: all but the streams' addresses."""
    return tuple(column for column in CONTRACTS[layer] if column.name != SECRET)


def typed_columns(layer: str, *, strict: bool = True) -> list[Column[object]]:
    """Make the table columns of a contract; a strict one refuses NULL where the contract does."""
    return [Column(each.name, TYPES[each.dtype], nullable=not (strict and each.filled)) for each in kept_columns(layer)]


def _layer_table(layer: str) -> Table:
    return Table(
        f"site_{layer}",
        metadata,
        Column("feature_key", KEY, primary_key=True),
        Column("site_id", KEY, ForeignKey("sites.site_id", ondelete="CASCADE"), nullable=False),
        Column("feature_id", Text, nullable=False),
        Column("version", BigInteger, nullable=False),
        Column("position", BigInteger),  # the row's place in the imported layer; NULL: added since
        Column("geometry", GEOMETRY, nullable=False),
        *typed_columns(layer),
        Column("extra", Text),  # what the layer had beside its contract, as a JSON object
        UniqueConstraint("site_id", "feature_id"),
        Index(f"ix_site_{layer}_pages", "site_id", "feature_key"),
    )


features = {layer: _layer_table(layer) for layer in LAYERS}

# The R-trees of SQLite; PostgreSQL has an index instead. Made by the migration, and not part of the metadata.
boxes = {
    layer: table(f"site_{layer}_box", *map(column, ("feature_key", "minx", "maxx", "miny", "maxy"))) for layer in LAYERS
}

# Addresses of streams: no function that reads a layer or a site reads this table.
streams = Table(
    "camera_streams",
    metadata,
    Column("feature_key", KEY, ForeignKey("site_cameras.feature_key", ondelete="CASCADE"), primary_key=True),
    Column("stream_url", Text, nullable=False),
)
