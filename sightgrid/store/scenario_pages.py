"""The cameras of a scenario, page by page: a city's cameras are not read to show some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from sightgrid.store.layer_tables import features, kept_columns
from sightgrid.store.layers import near_box, read_crs
from sightgrid.store.rows import join_rows
from sightgrid.store.scenarios import BASE, select_scenario
from sightgrid.store.work_tables import scenario_cameras

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd

    from sightgrid.store.database import Database
    from sightgrid.store.layers import Box

NAMES = ("feature_id", "version", "geometry", "extra", *(column.name for column in kept_columns("cameras")))


def read_camera_page(
    database: Database,
    scenario_id: int,
    *,
    limit: int,
    after: str = "",
    box: Box | None = None,
    where: Callable[[sa.Table], sa.ColumnElement[bool]] | None = None,
) -> tuple[gpd.GeoDataFrame, str | None]:
    """Read the cameras of a site as a scenario has them, page by page in the order of their ids.

    Parameters
    ----------
    database : Database
        The store.
    scenario_id : int
        The scenario.
    limit : int
        Most rows of a page.
    after : str
        What the page before gave; empty for the first.
    box : tuple of float, optional
        ``minx, miny, maxx, maxy``, to find what `where` is about sooner: rows that are not near it may be left out.
    where : callable, optional
        Makes the condition for the table it is given: the site's cameras, or those that the scenario changes.

    Returns
    -------
    frame : GeoDataFrame
        See `scenarios.read_cameras`.
    after : str or None
        To be given for the next page; None if this is the last.

    Raises
    ------
    NotFoundError
        There is no such scenario.
    """
    base, edit = features["cameras"], scenario_cameras
    with database.read() as connection:
        site_id = select_scenario(connection, scenario_id).site_id
        crs = read_crs(connection, site_id)
        near = box is not None and connection.dialect.name == "sqlite"
        touched = sa.select(edit.c.feature_id).where(edit.c.scenario_id == scenario_id)
        ours = sa.select(*(edit.c[name] for name in NAMES))
        ours = ours.where(edit.c.scenario_id == scenario_id, edit.c.removed.is_(False))
        columns = (sa.literal(BASE).label("version") if name == "version" else base.c[name] for name in NAMES)
        # the sum keeps planners from walking the site's index where the boxes are far quicker
        theirs = sa.select(*columns).where((base.c.site_id + 0 if near else base.c.site_id) == site_id)
        theirs = theirs.where(base.c.feature_id.not_in(touched))
        if box is not None and near:
            theirs = theirs.where(near_box("cameras", box))
        if where is not None:
            theirs, ours = theirs.where(where(base)), ours.where(where(edit))
        arms = []
        for table, statement in ((base, theirs), (edit, ours)):
            begun = statement.where(table.c.feature_id > after) if after else statement
            arms.append(begun.order_by(table.c.feature_id).limit(limit + 1).subquery().select())
        # one more than asked for tells whether there is another page
        page = sa.union_all(*arms).order_by("feature_id").limit(limit + 1)
        rows = connection.execute(page).all()
    frame = join_rows(rows[:limit], NAMES, "cameras", crs=crs)
    return frame, rows[limit - 1].feature_id if len(rows) > limit else None


def count_scenario_cameras(database: Database, scenario_id: int) -> int:
    """Count the cameras of a site as a scenario has them.

    Raises
    ------
    NotFoundError
        There is no such scenario.
    """
    base, edit = features["cameras"], scenario_cameras
    with database.read() as connection:
        site_id = select_scenario(connection, scenario_id).site_id
        touched = sa.select(edit.c.feature_id).where(edit.c.scenario_id == scenario_id)
        counted = sa.select(sa.func.count())
        theirs = counted.where(base.c.site_id == site_id)
        hidden = theirs.where(base.c.feature_id.in_(touched))
        ours = counted.where(edit.c.scenario_id == scenario_id, edit.c.removed.is_(False))
        there, gone, added = (connection.execute(each).scalar_one() for each in (theirs, hidden, ours))
    return int(there - gone + added)
