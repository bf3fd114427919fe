"""Patrol plans in the store: named documents of a site, with optimistic locking."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from sightgrid.store.clock import now_us
from sightgrid.store.conflicts import ExistsError, NotFoundError, StaleVersionError
from sightgrid.store.layers import read_crs
from sightgrid.store.work_tables import patrol_plans, results

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

    Parameters
    ----------
    database : Database
        The store.
    site_id : int
        The site.
    name : str
        No other plan of the site has it.
    document : mapping
        As JSON has it. ``result_id`` in it is the number of the result that the plan belongs to; it goes with the plan.

    Raises
    ------
    ExistsError
        The site has a plan of this name.
    NotFoundError
        There is no such site.
    """
    with database.write() as connection:
        return insert_plan(connection, site_id, name=name, document=document)


def insert_plan(connection: sa.Connection, site_id: int, *, name: str, document: Mapping[str, Any]) -> StoredPlan:
    """Do what `add_plan` does, in a transaction that is open."""
    _require_free(connection, site_id, name)
    now = now_us()
    values = {"site_id": site_id, "name": name, "version": 1, "document": json.dumps(dict(document))}
    statement = sa.insert(patrol_plans).values(**values, made_at_us=now, changed_at_us=now)
    return _read(connection.execute(statement.returning(*patrol_plans.c)).one())


def require_free_name(database: Database, site_id: int, name: str) -> None:
    """Raise ExistsError if the site has a plan of this name, NotFoundError if there is no such site."""
    with database.read() as connection:
        _require_free(connection, site_id, name)


def rename_plan(database: Database, plan_id: int, *, name: str, version: int) -> StoredPlan:
    """Give a plan another name.

    Raises
    ------
    ExistsError
        The site has another plan of this name.
    StaleVersionError, NotFoundError
        See `update_plan`.
    """
    with database.write() as connection:
        plan = _find(connection, plan_id)
        if plan.name != name:
            _require_free(connection, plan.site_id, name)
        return _change(connection, plan_id, version, name=name)


def update_plan(database: Database, plan_id: int, *, document: Mapping[str, Any], version: int) -> StoredPlan:
    """Replace what a plan holds.

    Raises
    ------
    StaleVersionError
        Somebody else changed it since `version`.
    NotFoundError
        There is no such plan.
    """
    with database.write() as connection:
        return _change(connection, plan_id, version, document=json.dumps(dict(document)))


def find_plan(database: Database, plan_id: int) -> StoredPlan:
    """Return one plan.

    Raises
    ------
    NotFoundError
        There is none.
    """
    with database.read() as connection:
        return _find(connection, plan_id)


def list_plans(
    database: Database, site_id: int, *, limit: int | None = None, before: int | None = None
) -> list[StoredPlan]:
    """Return the plans of a site, the newest first; a page of them, those made before the plan `before`."""
    statement = sa.select(patrol_plans).where(patrol_plans.c.site_id == site_id).order_by(patrol_plans.c.plan_id.desc())
    if before is not None:
        statement = statement.where(patrol_plans.c.plan_id < before)
    if limit is not None:
        statement = statement.limit(limit)
    with database.read() as connection:
        return [_read(row) for row in connection.execute(statement)]


def delete_plan(database: Database, plan_id: int, *, version: int) -> None:
    """Take a plan out, with the result it belongs to.

    Raises
    ------
    StaleVersionError, NotFoundError
        See `update_plan`.
    """
    same = sa.and_(patrol_plans.c.plan_id == plan_id, patrol_plans.c.version == version)
    with database.write() as connection:
        plan = _find(connection, plan_id)
        if not connection.execute(sa.delete(patrol_plans).where(same)).rowcount:
            raise StaleVersionError(f"patrol plan {plan_id}", given=version, current=plan.version)
        own = sa.and_(results.c.result_id == plan.document.get("result_id"), results.c.site_id == plan.site_id)
        connection.execute(sa.delete(results).where(own))


def _change(connection: sa.Connection, plan_id: int, version: int, **values: str) -> StoredPlan:
    same = sa.and_(patrol_plans.c.plan_id == plan_id, patrol_plans.c.version == version)
    changed = sa.update(patrol_plans).where(same).values(**values, version=version + 1, changed_at_us=now_us())
    row = connection.execute(changed.returning(*patrol_plans.c)).one_or_none()
    if row is None:
        current = _find(connection, plan_id).version
        raise StaleVersionError(f"patrol plan {plan_id}", given=version, current=current)
    return _read(row)


def _require_free(connection: sa.Connection, site_id: int, name: str) -> None:
    read_crs(connection, site_id)
    taken = sa.select(patrol_plans.c.plan_id).where(patrol_plans.c.site_id == site_id, patrol_plans.c.name == name)
    if connection.execute(taken).first():
        raise ExistsError(f"the site has a patrol plan called {name} already")


def _find(connection: sa.Connection, plan_id: int) -> StoredPlan:
    row = connection.execute(sa.select(patrol_plans).where(patrol_plans.c.plan_id == plan_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no patrol plan {plan_id}")
    return _read(row)


def _read(row: Any) -> StoredPlan:
    return StoredPlan(*row)._replace(document=json.loads(row.document))
