"""Patrol plans in the store: named documents of a site, with optimistic locking."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from sightgrid.store.clock import now_us
from sightgrid.store.conflicts import ExistsError, NotFoundError, StaleVersionError
from sightgrid.store.layers import read_crs
from sightgrid.store.work_tables import patrol_plans

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sightgrid.store.database import Database


class StoredPlan(NamedTuple):
    """One patrol plan; `document` is what JSON can hold."""

    plan_id: int
    site_id: int
    name: str
    version: int
    document: dict[str, Any]
    made_at_us: int
    changed_at_us: int


def add_plan(database: Database, site_id: int, *, name: str, document: Mapping[str, Any]) -> StoredPlan:
    """Keep a new plan.

    Raises
    ------
    ExistsError
        The site has a plan of this name.
    NotFoundError
        There is no such site.
    """
    with database.write() as connection:
        read_crs(connection, site_id)
        taken = sa.select(patrol_plans.c.plan_id).where(patrol_plans.c.site_id == site_id, patrol_plans.c.name == name)
        if connection.execute(taken).first():
            raise ExistsError(f"{database.name}: the site has a patrol plan called {name} already")
        now = now_us()
        values = {"site_id": site_id, "name": name, "version": 1, "document": json.dumps(dict(document))}
        statement = sa.insert(patrol_plans).values(**values, made_at_us=now, changed_at_us=now)
        return _read(connection.execute(statement.returning(*patrol_plans.c)).one())


def update_plan(database: Database, plan_id: int, *, document: Mapping[str, Any], version: int) -> StoredPlan:
    """Replace what a plan holds.

    Raises
    ------
    StaleVersionError
        Somebody else changed it since `version`.
    NotFoundError
        There is no such plan.
    """
    same = sa.and_(patrol_plans.c.plan_id == plan_id, patrol_plans.c.version == version)
    values = {"document": json.dumps(dict(document)), "version": version + 1, "changed_at_us": now_us()}
    with database.write() as connection:
        statement = sa.update(patrol_plans).where(same).values(values).returning(*patrol_plans.c)
        row = connection.execute(statement).one_or_none()
        if row is None:
            raise StaleVersionError(f"patrol plan {plan_id}", given=version, current=_find(connection, plan_id).version)
    return _read(row)


def find_plan(database: Database, plan_id: int) -> StoredPlan:
    """Return one plan.

    Raises
    ------
    NotFoundError
        There is none.
    """
    with database.read() as connection:
        return _find(connection, plan_id)


def list_plans(database: Database, site_id: int) -> list[StoredPlan]:
    """Return the plans of a site, by name."""
    statement = sa.select(patrol_plans).where(patrol_plans.c.site_id == site_id).order_by(patrol_plans.c.name)
    with database.read() as connection:
        return [_read(row) for row in connection.execute(statement)]


def delete_plan(database: Database, plan_id: int, *, version: int) -> None:
    """Take a plan out.

    Raises
    ------
    StaleVersionError, NotFoundError
        See `update_plan`.
    """
    same = sa.and_(patrol_plans.c.plan_id == plan_id, patrol_plans.c.version == version)
    with database.write() as connection:
        if not connection.execute(sa.delete(patrol_plans).where(same)).rowcount:
            current = _find(connection, plan_id).version
            raise StaleVersionError(f"patrol plan {plan_id}", given=version, current=current)


def _find(connection: sa.Connection, plan_id: int) -> StoredPlan:
    row = connection.execute(sa.select(patrol_plans).where(patrol_plans.c.plan_id == plan_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no patrol plan {plan_id}")
    return _read(row)


def _read(row: Any) -> StoredPlan:
    return StoredPlan(*row)._replace(document=json.loads(row.document))
