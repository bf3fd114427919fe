"""Features written: into a layer of a site, or into a scenario, each in one transaction with its audit entry."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from sightgrid.api.features.geojson import write_features
from sightgrid.api.features.reading import refuse
from sightgrid.api.problems import Problem
from sightgrid.errors import SchemaError
from sightgrid.store.audit_entries import noting
from sightgrid.store.conflicts import ExistsError, NotFoundError, StaleVersionError
from sightgrid.store.edits import add_features, delete_features, update_features
from sightgrid.store.layer_tables import INDEX, features
from sightgrid.store.layers import select_layer
from sightgrid.store.rows import name_ids
from sightgrid.store.scenarios import BASE, put_cameras, remove_cameras
from sightgrid.store.variants import select_cameras, select_edits

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    import geopandas as gpd

    from sightgrid.api.actors import Actor
    from sightgrid.api.collections import Collection
    from sightgrid.api.features.crs import Reference
    from sightgrid.api.features.opening import Opened

SAVE_S = 60.0  # how long a program may take for the parts of one save
MOST_SAVES = 1000
TAG = re.compile(r'(?:W/)?"([0-9]{1,18})"', re.ASCII)


def parse_tag(text: str | None) -> int | None:
    """Read the version in an ``If-Match`` header; None if there is none.

    Raises
    ------
    Problem
        400: it is something else.
    """
    if text is None:
        return None
    found = TAG.fullmatch(text.strip())
    if found is None:
        raise Problem(400, 'If-Match: must be the ETag of the feature, such as "7"')
    return int(found[1])


class Save(NamedTuple):
    """What somebody replaced last of a feature: which version they had read, which one they made, and when."""

    actor: str
    read: int
    made: int
    at: float


_SAVES: dict[tuple[str, Collection, str], Save] = {}


def continue_save(opened: Opened, name: str, actor: Actor, *, version: int) -> int:
    """Return the version that a program means which knows no ``If-Match``.

    QGIS saves attributes and geometry of a feature in two parts, and sends the version that it had read with both: the
    second part means the version that the first one made, if that was a moment ago and of the same person.
    """
    save = _SAVES.get((opened.state.uid, opened.collection, name))
    if save and (save.actor, save.read) == (actor.name, version) and time.monotonic() - save.at < SAVE_S:
        return save.made
    return version


def remember_save(opened: Opened, name: str, actor: Actor, *, read: int, made: int) -> None:
    """Remember a part of a save for the next one."""
    if len(_SAVES) >= MOST_SAVES:
        _SAVES.clear()
    _SAVES[opened.state.uid, opened.collection, name] = Save(actor.name, read, made, time.monotonic())


def find_row(opened: Opened, name: str) -> gpd.GeoDataFrame:
    """Read one feature.

    Raises
    ------
    NotFoundError
        It is not there.
    """
    site_id, layer, scenario_id = opened.collection
    rows = None
    if "\0" not in name:  # which PostgreSQL does not know
        with opened.database.read() as connection:
            if scenario_id is not None:
                rows = select_cameras(connection, site_id, [name], crs=opened.crs, scenario_id=scenario_id)
            else:
                is_it = features[layer].c.feature_id == name
                rows = select_layer(connection, site_id, layer, crs=opened.crs, where=is_it)
    if rows is None or rows.empty:
        raise NotFoundError(f"{layer}: there is no such feature")
    return rows


def create_row(opened: Opened, row: gpd.GeoDataFrame, actor: Actor) -> int:
    """Add a feature; return its version.

    Raises
    ------
    ExistsError
        There is one of this id.
    Problem
        422: it breaks the layer's contract.
    """
    site_id, layer, scenario_id = opened.collection
    (name,) = name_ids(row.index)
    with _noting(opened, actor, "create", name):
        if scenario_id is None:
            return _write(lambda: add_features(opened.database, site_id, layer, row))
        base = _find_base(opened, scenario_id, name)
        try:
            return _write(lambda: put_cameras(opened.database, scenario_id, row, versions={name: base}).version)
        except StaleVersionError:  # somebody was quicker
            raise ExistsError(f"{layer} {name}: is there already") from None


def replace_row(opened: Opened, row: gpd.GeoDataFrame, actor: Actor, *, version: int, reference: Reference) -> int:
    """Replace a feature, whole; return its new version.

    Raises
    ------
    NotFoundError
        It is not there.
    Problem
        412: it is not of this version any more; or 422: it breaks the layer's contract.
    """
    site_id, layer, scenario_id = opened.collection
    (name,) = name_ids(row.index)
    versions = {name: version}
    find_row(opened, name)
    try:
        with _noting(opened, actor, "replace", name):
            if scenario_id is None:
                return _write(lambda: update_features(opened.database, site_id, layer, row, versions=versions))
            return _write(lambda: put_cameras(opened.database, scenario_id, row, versions=versions).version)
    except StaleVersionError as error:
        _tell_stale(opened, name, error, reference)


def delete_row(opened: Opened, name: str, actor: Actor, *, version: int, reference: Reference) -> None:
    """Take a feature away; in a scenario it stays in the site.

    Raises
    ------
    NotFoundError
        It is not there.
    Problem
        412: it is not of this version any more.
    """
    site_id, layer, scenario_id = opened.collection
    find_row(opened, name)
    try:
        with _noting(opened, actor, "delete", name):
            if scenario_id is None:
                delete_features(opened.database, site_id, layer, versions={name: version})
            else:
                remove_cameras(opened.database, scenario_id, versions={name: version})
    except StaleVersionError as error:
        _tell_stale(opened, name, error, reference)


def _find_base(opened: Opened, scenario_id: int, name: str) -> int:
    """Return the version that a new camera of a scenario is made from: one that was removed may come again."""
    site_id, layer, _ = opened.collection
    with opened.database.read() as connection:
        rows = select_edits(connection, scenario_id, ids=[name])
        there = not select_cameras(connection, site_id, [name], crs=opened.crs, scenario_id=scenario_id).empty
    if there:
        raise ExistsError(f"{layer} {name}: is there already")
    return rows[0].version if rows else BASE


def _write(write: Callable[[], int]) -> int:
    try:
        return write()
    except SchemaError as error:
        refuse([(fault.column, fault.rule) for fault in error.faults])


def _tell_stale(opened: Opened, name: str, error: StaleVersionError, reference: Reference) -> NoReturn:
    (feature,) = write_features(find_row(opened, name), opened.layer, reference)
    more = {"given": error.given, "current": error.current, "feature": json.loads(feature)}
    raise Problem(412, str(error), more=more) from None


def _noting(opened: Opened, actor: Actor, action: str, name: str) -> AbstractContextManager[None]:
    _, layer, scenario_id = opened.collection
    what = INDEX[layer][0].removesuffix("_id") if len(INDEX[layer]) == 1 else "street"
    detail = None if scenario_id is None else {"scenario_id": scenario_id}
    return noting(actor=actor.name, action=f"{what}.{action}", target=f"{opened.state.name}/{name}", detail=detail)
