"""Scenarios: named variants of the cameras of a site, kept as what they change.

A scenario holds only the cameras it adds, changes or removes; all others are the site's, as they are now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import sqlalchemy as sa

from sightgrid.store.clock import now_us
from sightgrid.store.conflicts import ExistsError, NotFoundError, StaleVersionError
from sightgrid.store.edits import refuse_addresses
from sightgrid.store.layer_tables import kept_columns
from sightgrid.store.layers import read_crs, select_layer
from sightgrid.store.rows import join_rows, settle_layer, split_rows
from sightgrid.store.work_tables import scenario_cameras, scenarios

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import geopandas as gpd
    from pyproj import CRS

    from sightgrid.store.database import Database

BASE = 0  # the version of a camera that the scenario leaves as it is in the site


class Scenario(NamedTuple):
    """One variant of a site's cameras; `version` counts every change of it on."""

    scenario_id: int
    site_id: int
    name: str
    note: str
    version: int
    made_at_us: int
    changed_at_us: int


def add_scenario(
    database: Database, site_id: int, *, name: str, note: str = "", copy_of: int | None = None
) -> Scenario:
    """Begin a scenario, without changes or with those of another one.

    Raises
    ------
    ExistsError
        The site has a scenario of this name.
    NotFoundError
        There is no such site, or no such scenario to copy.
    """
    with database.write() as connection:
        read_crs(connection, site_id)
        taken = sa.select(scenarios.c.scenario_id).where(scenarios.c.site_id == site_id, scenarios.c.name == name)
        if connection.execute(taken).first():
            raise ExistsError(f"the site has a scenario called {name} already")
        now = now_us()
        values = {"site_id": site_id, "name": name, "note": note, "version": 1, "made_at_us": now}
        statement = sa.insert(scenarios).values(**values, changed_at_us=now).returning(*scenarios.c)
        scenario = Scenario(*connection.execute(statement).one())
        if copy_of is not None:
            if select_scenario(connection, copy_of).site_id != site_id:
                raise NotFoundError(f"the site has no scenario {copy_of}")
            names = [column.name for column in scenario_cameras.c if column.name not in {"scenario_id", "version"}]
            # no column expression around the shapes: they stay in the database
            rows: Any = sa.select(
                sa.literal(scenario.scenario_id), sa.literal(scenario.version), *(sa.column(each) for each in names)
            ).select_from(sa.table("scenario_cameras"))
            rows = rows.where(sa.column("scenario_id") == copy_of)
            connection.execute(sa.insert(scenario_cameras).from_select(["scenario_id", "version", *names], rows))
    return scenario


def list_scenarios(database: Database, site_id: int) -> list[Scenario]:
    """Return the scenarios of a site, by name."""
    statement = sa.select(scenarios).where(scenarios.c.site_id == site_id).order_by(scenarios.c.name)
    with database.read() as connection:
        return [Scenario(*row) for row in connection.execute(statement)]


def find_scenario(database: Database, scenario_id: int) -> Scenario:
    """Return one scenario.

    Raises
    ------
    NotFoundError
        There is none.
    """
    with database.read() as connection:
        return select_scenario(connection, scenario_id)


def rename_scenario(database: Database, scenario_id: int, *, name: str, note: str, version: int) -> Scenario:
    """Give a scenario another name and note.

    Raises
    ------
    StaleVersionError
        Somebody else changed it since `version`.
    ExistsError, NotFoundError
        The name is taken, or there is no such scenario.
    """
    with database.write() as connection:
        found = select_scenario(connection, scenario_id, lock=True)
        if found.version != version:
            raise StaleVersionError(f"scenario {found.name}", given=version, current=found.version)
        taken = sa.select(scenarios.c.scenario_id).where(
            scenarios.c.site_id == found.site_id, scenarios.c.name == name, scenarios.c.scenario_id != scenario_id
        )
        if connection.execute(taken).first():
            raise ExistsError(f"the site has a scenario called {name} already")
        return _change(connection, scenario_id, name=name, note=note)


def delete_scenario(database: Database, scenario_id: int, *, version: int) -> None:
    """Take a scenario out, with its results.

    Raises
    ------
    StaleVersionError, NotFoundError
        Somebody else changed it since `version`, or it is not there.
    """
    with database.write() as connection:
        found = select_scenario(connection, scenario_id, lock=True)
        if found.version != version:
            raise StaleVersionError(f"scenario {found.name}", given=version, current=found.version)
        connection.execute(sa.delete(scenarios).where(scenarios.c.scenario_id == scenario_id))


def read_cameras(database: Database, scenario_id: int) -> gpd.GeoDataFrame:
    """Read the cameras of a site as a scenario has them.

    Returns
    -------
    GeoDataFrame
        Cameras of the site in their order, then those the scenario adds; `version` is 0 for a camera that the scenario
        leaves as it is, and what `put_cameras` and `remove_cameras` want.

    Raises
    ------
    NotFoundError
        There is no such scenario.
    """
    with database.read() as connection:
        site_id = select_scenario(connection, scenario_id).site_id
        crs = read_crs(connection, site_id)
        base = select_layer(connection, site_id, "cameras", crs=crs).assign(version=BASE)
        edited, removed = _read_edits(connection, scenario_id, crs=crs)
    order = [name for name in base.index if name not in removed]
    order += [name for name in edited.index if name not in base.index]
    base = base[~base.index.isin(edited.index) & ~base.index.isin(list(removed))]
    if edited.empty:
        return base
    return edited.loc[order] if base.empty else pd.concat([base, edited]).loc[order]


def put_cameras(
    database: Database,
    scenario_id: int,
    cameras: gpd.GeoDataFrame,
    *,
    versions: Mapping[str, int],
    removed: Iterable[str] = (),
) -> Scenario:
    """Add cameras to a scenario, change some and take some out, all or none.

    Parameters
    ----------
    database : Database
        The store.
    scenario_id : int
        The scenario.
    cameras : GeoDataFrame
        The cameras as they are to be, whole.
    versions : mapping of str to int
        For each camera the version that the change was made from: 0 if the scenario has not changed it before.
    removed : iterable of str
        Cameras to take out.

    Returns
    -------
    Scenario
        With its new version, which is the version of the cameras.

    Raises
    ------
    StaleVersionError
        Somebody else changed one of them in this scenario since; it knows both versions.
    NotFoundError, CRSError, SchemaError, InputError
        There is no such scenario, or the cameras do not fit.
    """
    with database.write() as connection:
        found = select_scenario(connection, scenario_id, lock=True)
        settled = settle_layer(cameras, "cameras", crs=read_crs(connection, found.site_id))
        refuse_addresses(settled)
        names, columns = split_rows(settled, "cameras")
        rows = [dict(zip(names, values, strict=True)) | {"removed": False} for values in zip(*columns, strict=True)]
        rows += [{"feature_id": name, "removed": True} for name in removed]
        return _write_edits(connection, found, rows, versions)


def remove_cameras(database: Database, scenario_id: int, *, versions: Mapping[str, int]) -> Scenario:
    """Take cameras out of a scenario, all or none; those of the site stay in the site.

    Raises
    ------
    StaleVersionError, NotFoundError
        See `put_cameras`.
    """
    with database.write() as connection:
        found = select_scenario(connection, scenario_id, lock=True)
        rows: list[dict[str, Any]] = [{"feature_id": name, "removed": True} for name in versions]
        return _write_edits(connection, found, rows, versions)


def reset_cameras(database: Database, scenario_id: int, *, versions: Mapping[str, int]) -> Scenario:
    """Undo what a scenario does to cameras, all or none: they are again as the site has them, or gone.

    Raises
    ------
    StaleVersionError, NotFoundError
        See `put_cameras`.
    """
    with database.write() as connection:
        found = select_scenario(connection, scenario_id, lock=True)
        _check_versions(connection, found, versions)
        edit = scenario_cameras.c
        gone = sa.delete(scenario_cameras).where(edit.scenario_id == scenario_id, edit.feature_id.in_(list(versions)))
        connection.execute(gone)
        return _change(connection, scenario_id)


def select_scenario(connection: sa.Connection, scenario_id: int, *, lock: bool = False) -> Scenario:
    """Do what `find_scenario` does, in a transaction that is open; a locked one waits for other writers of it."""
    statement = sa.select(scenarios).where(scenarios.c.scenario_id == scenario_id)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no scenario {scenario_id}")
    return Scenario(*row)


def _change(connection: sa.Connection, scenario_id: int, **values: str) -> Scenario:
    statement = sa.update(scenarios).where(scenarios.c.scenario_id == scenario_id)
    statement = statement.values(version=scenarios.c.version + 1, changed_at_us=now_us(), **values)
    return Scenario(*connection.execute(statement.returning(*scenarios.c)).one())


def _check_versions(connection: sa.Connection, scenario: Scenario, versions: Mapping[str, int]) -> None:
    statement = sa.select(scenario_cameras.c.feature_id, scenario_cameras.c.version).where(
        scenario_cameras.c.scenario_id == scenario.scenario_id
    )
    current = {row.feature_id: row.version for row in connection.execute(statement)}
    for name, given in versions.items():
        if current.get(name, BASE) != given:
            what = f"camera {name} of scenario {scenario.name}"
            raise StaleVersionError(what, given=given, current=current.get(name, BASE))


def _write_edits(
    connection: sa.Connection, scenario: Scenario, rows: Iterable[dict[str, Any]], versions: Mapping[str, int]
) -> Scenario:
    _check_versions(connection, scenario, versions)
    changed = _change(connection, scenario.scenario_id)
    edit = scenario_cameras.c
    for row in rows:
        same = sa.and_(edit.scenario_id == scenario.scenario_id, edit.feature_id == row["feature_id"])
        connection.execute(sa.delete(scenario_cameras).where(same))
        values = row | {"scenario_id": scenario.scenario_id, "version": changed.version}
        connection.execute(sa.insert(scenario_cameras).values(values))
    return changed


def _read_edits(connection: sa.Connection, scenario_id: int, *, crs: CRS) -> tuple[gpd.GeoDataFrame, set[str]]:
    names = ["feature_id", "version", "geometry", "extra", *(column.name for column in kept_columns("cameras"))]
    edit = scenario_cameras.c
    statement = sa.select(*(edit[name] for name in names)).where(edit.scenario_id == scenario_id)
    kept = connection.execute(statement.where(edit.removed.is_(False)).order_by(edit.version, edit.feature_id)).all()
    gone = sa.select(edit.feature_id).where(edit.scenario_id == scenario_id, edit.removed.is_(True))
    return join_rows(kept, names, "cameras", crs=crs), set(connection.execute(gone).scalars())
