"""Some of a site's cameras, as the site or a scenario has them, without reading all that a city has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import sqlalchemy as sa

from sightgrid.store.conflicts import NotFoundError
from sightgrid.store.layer_tables import features, kept_columns, revisions, sites
from sightgrid.store.layers import select_layer
from sightgrid.store.rows import join_rows
from sightgrid.store.scenarios import BASE
from sightgrid.store.work_tables import scenario_cameras, scenarios

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import geopandas as gpd
    from pyproj import CRS

    from sightgrid.store.database import Database

AT_ONCE = 2000  # ids of one statement
# how far a camera can see follows from these
OPTICS = ("kind", "hfov_deg", "vfov_deg", "sensor_width_mm", "focal_mm", "width_px", "height_px", "max_range_m")


class State(NamedTuple):
    """What a variant of a site's cameras is at the moment, told without reading it.

    Attributes
    ----------
    uid, name, crs : str
        Of the site.
    revisions : dict of str to int
        Of its layers.
    scenario_version : int
        Of the scenario; 0 for the site itself.
    """

    uid: str
    name: str
    crs: str
    revisions: dict[str, int]
    scenario_version: int


def read_state(database: Database, site_id: int, scenario_id: int | None = None) -> State:
    """Tell the state of a site's cameras, or of a scenario's.

    Raises
    ------
    NotFoundError
        There is no such site, or it has no such scenario.
    """
    with database.read() as connection:
        return select_state(connection, site_id, scenario_id)


def select_state(connection: sa.Connection, site_id: int, scenario_id: int | None = None) -> State:
    """Do what `read_state` does, in a transaction that is open."""
    statement = sa.select(sites.c.uid, sites.c.name, sites.c.crs, revisions.c.layer, revisions.c.revision)
    joined = statement.join_from(sites, revisions, sites.c.site_id == revisions.c.site_id)
    rows = connection.execute(joined.where(sites.c.site_id == site_id)).all()
    if not rows:
        raise NotFoundError(f"there is no site {site_id}")
    version = BASE
    if scenario_id is not None:
        of_site = sa.and_(scenarios.c.scenario_id == scenario_id, scenarios.c.site_id == site_id)
        found = connection.execute(sa.select(scenarios.c.version).where(of_site)).scalar_one_or_none()
        if found is None:
            raise NotFoundError(f"the site has no scenario {scenario_id}")
        version = found
    uid, name, crs, _, _ = rows[0]
    return State(uid, name, crs, {row.layer: row.revision for row in rows}, version)


def select_cameras(
    connection: sa.Connection, site_id: int, ids: Collection[str], *, crs: CRS, scenario_id: int | None = None
) -> gpd.GeoDataFrame:
    """Read some cameras, as `layers.read_layer` or `scenarios.read_cameras` gives them; ids that are not there are not.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        Of a transaction that is open.
    site_id : int
        The site.
    ids : collection of str
        Which cameras.
    crs : pyproj.CRS
        The site's.
    scenario_id : int, optional
        A scenario of the site; its `version` is 0 for a camera that it leaves as it is.
    """
    table = features["cameras"]
    frames = [select_layer(connection, site_id, "cameras", crs=crs, where=table.c.feature_id.in_(part))
              for part in _split(sorted(ids))]  # fmt: skip
    if scenario_id is None:
        return _join(frames)
    edit = scenario_cameras.c
    names = ["feature_id", "version", "removed", "geometry", "extra", *(each.name for each in kept_columns("cameras"))]
    edits: list[Any] = []
    for part in _split(sorted(ids)):
        statement = sa.select(*(edit[name] for name in names)).where(edit.scenario_id == scenario_id)
        edits += connection.execute(statement.where(edit.feature_id.in_(part)).order_by(edit.feature_id)).all()
    base = _join([frame.assign(version=BASE) for frame in frames])
    base = base[~base.index.isin([row.feature_id for row in edits])]
    kept = [row for row in edits if not row.removed]
    return _join([base, join_rows(kept, names, "cameras", crs=crs)])


def select_optics(connection: sa.Connection, site_id: int, *, after: int = 0) -> Sequence[sa.Row[Any]]:
    """Return id, version, shape, name and optics of a site's cameras that were written after a revision."""
    table = features["cameras"]
    names = ("feature_id", "version", "geometry", "name", *OPTICS)
    statement = sa.select(*(table.c[name] for name in names)).where(table.c.site_id == site_id)
    return connection.execute(statement.where(table.c.version > after) if after else statement).all()


def select_edits(
    connection: sa.Connection, scenario_id: int, *, ids: Collection[str] | None = None
) -> Sequence[sa.Row[Any]]:
    """Return id, version, whether it is removed, shape, name and optics of the cameras that a scenario changes."""
    edit = scenario_cameras.c
    names = ("feature_id", "version", "removed", "geometry", "name", *OPTICS)
    statement = sa.select(*(edit[name] for name in names)).where(edit.scenario_id == scenario_id)
    if ids is not None:
        statement = statement.where(edit.feature_id.in_(ids))
    return connection.execute(statement).all()


def count_cameras(connection: sa.Connection, site_id: int) -> int:
    """Count a site's cameras."""
    table = features["cameras"]
    return int(connection.execute(sa.select(sa.func.count()).where(table.c.site_id == site_id)).scalar_one())


def count_edits(connection: sa.Connection, scenario_id: int) -> int:
    """Count the cameras that a scenario adds, changes or removes."""
    of_scenario = scenario_cameras.c.scenario_id == scenario_id
    return int(connection.execute(sa.select(sa.func.count()).where(of_scenario)).scalar_one())


def _split(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    yield ids[:AT_ONCE]  # also where there is none: the frame has its columns
    for start in range(AT_ONCE, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]


def _join(frames: list[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    full = [frame for frame in frames if len(frame)]
    return full[0] if len(full) == 1 else pd.concat(full) if full else frames[0]
