"""Rows that were sent, written into a layer of a site or the cameras of a scenario: all of them or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sightgrid.errors import FIRST_IDS, InputError
from sightgrid.store import scenarios, sites
from sightgrid.store.comparison import compare_cameras
from sightgrid.store.conflicts import ExistsError
from sightgrid.store.edits import add_features
from sightgrid.store.variants import select_edits

if TYPE_CHECKING:
    import geopandas as gpd

    from sightgrid.store.database import Database

MOST_ADDED = 50_000  # one by one: more would keep others from writing for minutes


def replace_layer(database: Database, site_id: int, layer: str, frame: gpd.GeoDataFrame) -> int:
    """Put rows in the place of a whole layer; return its revision."""
    return sites.import_layer(database, site_id, layer, frame)


def extend_layer(database: Database, site_id: int, layer: str, frame: gpd.GeoDataFrame) -> int:
    """Add rows to a layer; return its revision. Raises where an id is there already."""
    _limit(frame)
    return add_features(database, site_id, layer, frame)


def replace_variant(database: Database, scenario_id: int, cameras: gpd.GeoDataFrame) -> int:
    """Make the cameras of a scenario those given, and no others; return its version."""
    before = scenarios.read_cameras(database, scenario_id)
    told = compare_cameras(before, cameras)
    put = cameras.loc[told.index[told["change"] != "removed"]]
    removed = told.index[told["change"] == "removed"].tolist()
    _limit(told)
    return _put(database, scenario_id, put, removed=removed)


def extend_variant(database: Database, scenario_id: int, cameras: gpd.GeoDataFrame) -> int:
    """Add cameras to a scenario; return its version. Raises where an id is there already."""
    _limit(cameras)
    known = scenarios.read_cameras(database, scenario_id).index.intersection(cameras.index)
    if len(known):
        first = ", ".join(known[:FIRST_IDS]) + (", …" if len(known) > FIRST_IDS else "")
        raise ExistsError(f"cameras: there already: {len(known)} ({first})")
    return _put(database, scenario_id, cameras)


def _put(database: Database, scenario_id: int, cameras: gpd.GeoDataFrame, *, removed: list[str] | None = None) -> int:
    with database.read() as connection:
        edits = {row.feature_id: row.version for row in select_edits(connection, scenario_id)}
    names = [*cameras.index, *(removed or ())]
    if not names:
        return scenarios.find_scenario(database, scenario_id).version
    versions = {name: edits.get(name, scenarios.BASE) for name in names}
    return scenarios.put_cameras(database, scenario_id, cameras, versions=versions, removed=removed or ()).version


def _limit(rows: gpd.GeoDataFrame) -> None:
    if len(rows) > MOST_ADDED:
        raise InputError(
            f"{len(rows):,} rows are to be changed one by one, more than {MOST_ADDED:,}; replace the layer"
        )
