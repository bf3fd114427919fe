"""The type of a geometry column: WKB in SQLite, a PostGIS geometry in PostgreSQL; Python sees WKB in both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.types import UserDefinedType

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine


class PostGISGeometry(UserDefinedType[bytes]):
    """A PostGIS geometry that is written and read as well-known binary (ISO 19125, EWKB for heights)."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Name the type in DDL; a table holds sites of several coordinate systems, so no SRID is asked for."""
        return "geometry"

    def bind_expression(self, bindvalue: sa.BindParameter[bytes]) -> sa.ColumnElement[bytes]:
        """Write WKB."""
        return sa.func.ST_GeomFromEWKB(bindvalue, type_=self)

    def column_expression(self, colexpr: sa.ColumnElement[Any]) -> sa.ColumnElement[bytes]:
        """Read WKB."""
        return sa.func.ST_AsBinary(colexpr, type_=self)


GEOMETRY: TypeEngine[bytes] = sa.LargeBinary().with_variant(PostGISGeometry(), "postgresql")
