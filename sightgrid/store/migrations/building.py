"""What the steps are made of: tables and spatial indexes, the same on both databases. Steps that are out rely on it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import UserDefinedType


class _PostGIS(UserDefinedType[bytes]):
    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "geometry"


KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
SHAPE = sa.LargeBinary().with_variant(_PostGIS(), "postgresql")
TYPES: dict[str, Any] = {"text": sa.Text(), "number": sa.Float(53), "whole": sa.BigInteger(), "flag": sa.Boolean()}


def add_table(name: str, words: str, *columns: sa.Column[object], unique: tuple[str, ...] = ()) -> None:
    """Make a table of given columns and of words ``name:type``, with ! where no row may leave it empty."""
    typed: list[sa.Column[object]] = []
    for word in words.split():
        column, _, dtype = word.rstrip("!").partition(":")
        typed.append(sa.Column(column, TYPES[dtype], nullable=not word.endswith("!")))
    rules = [sa.UniqueConstraint(*unique, name=f"uq_{name}")] if unique else []
    keys = [column.name for column in columns if column.primary_key]
    op.create_table(name, *columns, *typed, sa.PrimaryKeyConstraint(*keys, name=f"pk_{name}"), *rules)


def refer(name: str, other: str, *, ondelete: str = "CASCADE", **options: Any) -> sa.Column[object]:
    """Make a column that refers to the key of another table."""
    return sa.Column(name, KEY, sa.ForeignKey(f"{other}.{name}", ondelete=ondelete), **options)


def index_space(table: str, *, postgres: bool) -> None:
    """Index the geometry of a table: an R-tree beside it in SQLite, a GiST index in PostgreSQL."""
    box = f"{table}_box"
    if postgres:
        op.create_index(box, table, ["geometry"], postgresql_using="gist")
        return
    op.execute(f"CREATE VIRTUAL TABLE {box} USING rtree(feature_key, minx, maxx, miny, maxy)")
    # also for rows that go with their site
    gone = f"DELETE FROM {box} WHERE feature_key = old.feature_key"  # noqa: S608  (names of our own)
    op.execute(f"CREATE TRIGGER {box}_goes AFTER DELETE ON {table} BEGIN {gone}; END")
