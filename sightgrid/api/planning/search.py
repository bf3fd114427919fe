"""Search: cameras by id or name, places and streets by name, cells by id, and coordinates as people write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import shapely
import sqlalchemy as sa
from pydantic import BaseModel

from sightgrid.api.planning.lonlat import DECIMALS, find_transformer
from sightgrid.api.planning.memory import Memory
from sightgrid.api.planning.preview import find_windows
from sightgrid.api.planning.roster import fold
from sightgrid.store.layer_tables import features
from sightgrid.store.results import list_results
from sightgrid.store.work_tables import result_features

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sightgrid.store.database import Database
    from sightgrid.store.sites import StoredSite

MOST = 20
CELL = re.compile(r"-?\d{1,9}_(-?\d{1,9})?")
NUMBER = r"([+-]?\d{1,3}(?:\.\d+)?)\s*°?"
COORDINATES = re.compile(rf"\s*{NUMBER}\s*(?:[,;\uff0c\uff1b]|\s)\s*{NUMBER}\s*")
LATITUDES = 90.0
NEAR_DEG = 2.0
HALF_TURN_DEG = 180.0


Kind = Literal["camera", "place", "street", "cell"]


class Hit(BaseModel):
    """Something that was found."""

    kind: Kind
    id: str
    name: str
    lon: float
    lat: float


class Named(NamedTuple):
    """Things of one kind with a name: `texts` are folded; a name that many share stands once."""

    texts: list[str]
    ids: list[str]
    names: list[str]


LAYERS = {"place": "places", "street": "streets"}
_NAMES = Memory[Named](32)


def search(
    database: Database,
    site: StoredSite,
    text: str,
    *,
    cameras: bool,
    limit: int = MOST,
    bounds: tuple[float, float, float, float] | None = None,
) -> list[Hit]:
    """Find what a text may mean: what begins with it before what has it somewhere, without case and accents.

    Parameters
    ----------
    database : Database
        The store.
    site : StoredSite
        The site.
    text : str
        What is looked for.
    cameras : bool
        Look among cameras too.
    limit : int
        Most hits.
    bounds : tuple of float, optional
        Of the site, in degrees: tells which of two coordinates is the latitude where both could be.
    """
    wanted = fold(text.strip())
    if not wanted:
        return []
    hits = [hit for hit in [_read_coordinates(text, bounds)] if hit]
    if CELL.fullmatch(wanted):
        hits += _find_cells(database, site, wanted, limit)
    if cameras:
        _, roster = find_windows(database).find_roster(database, site.site_id)
        ids = list(roster.rows)
        found = [row for row in _rank(roster.folded, wanted, limit) if np.isfinite(roster.xy[row, 0])]
        points = roster.xy[found]
        hits += _place("camera", [ids[row] for row in found], [roster.names[row] for row in found], points, site)
    hits += _find_named(database, site, "place", wanted, limit)
    hits += _find_named(database, site, "street", wanted, limit)
    return _order(hits, wanted)[:limit]


def _find_named(
    database: Database, site: StoredSite, kind: Literal["place", "street"], wanted: str, limit: int
) -> list[Hit]:
    layer = LAYERS[kind]
    known = _NAMES.recall((site.uid, layer, site.revisions[layer]), lambda: _list_names(database, site, layer))
    rows = _rank(known.texts, wanted, limit)
    ids, points = _read_points(database, site, layer, [known.ids[row] for row in rows])
    names = {known.ids[row]: known.names[row] for row in rows}
    return _place(kind, ids, [names[each] for each in ids], points, site)


def _rank(texts: Sequence[str], wanted: str, limit: int) -> list[int]:
    """Return rows whose lines begin with a text, then those that have it somewhere."""
    first: list[int] = []
    later: list[int] = []
    for row, text in enumerate(texts):
        place = text.find(wanted)
        if place < 0:
            continue
        if place == 0 or f"\n{wanted}" in text:
            first.append(row)
            if len(first) >= limit:
                return first
        elif len(later) < limit:
            later.append(row)
    return (first + later)[:limit]


def _order(hits: list[Hit], wanted: str) -> list[Hit]:
    def rank(hit: Hit) -> tuple[int, int]:
        texts = [fold(hit.id), fold(hit.name)]
        if wanted in texts:
            return 0, 0
        if any(text.startswith(wanted) for text in texts):
            return 1, 0
        return (0 if hit.kind in {"cell", "place"} and wanted not in "\n".join(texts) else 2), 0

    return sorted(hits, key=rank)


def _list_names(database: Database, site: StoredSite, layer: str) -> Named:
    """Return the names of a layer, each once, with the id of the first row that bears it."""
    table = features[layer].c
    statement = sa.select(table.name, sa.func.min(table.feature_id).label("id")).where(
        table.site_id == site.site_id, table.name.is_not(None), table.name != ""
    )
    # two places of one name are two places; a street is one however many pieces it has
    grouped = statement.group_by(table.name, *([table.feature_id] if layer == "places" else []))
    with database.read() as connection:
        rows = connection.execute(grouped.order_by(table.name, sa.text("id"))).all()
    return Named([fold(row.name) for row in rows], [row.id for row in rows], [row.name for row in rows])


def _read_points(
    database: Database, site: StoredSite, layer: str, ids: list[str]
) -> tuple[list[str], np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    table = features[layer].c
    statement = sa.select(table.feature_id, table.geometry).where(
        table.site_id == site.site_id, table.feature_id.in_(ids)
    )
    with database.read() as connection:
        found = {row.feature_id: row.geometry for row in connection.execute(statement)} if ids else {}
    kept = [each for each in ids if each in found]
    shapes = shapely.from_wkb(np.array([found[each] for each in kept], dtype=object))
    points = shapely.point_on_surface(shapes)
    return kept, np.column_stack([shapely.get_x(points), shapely.get_y(points)])


def _find_cells(database: Database, site: StoredSite, wanted: str, limit: int) -> list[Hit]:
    """Find cells by the beginning of their id in the newest measurement, else in the layer of cells."""
    newest = [each for each in list_results(database, site.site_id, kinds=["coverage"]) if each.scenario_id is None]
    grid = features["grid"].c
    statement = sa.select(grid.feature_id, grid.geometry).where(grid.site_id == site.site_id)
    column = grid.feature_id
    if newest:
        table = result_features.c
        of_cells = sa.and_(table.result_id == newest[0].result_id, table.layer == "cells")
        statement, column = sa.select(table.feature_id, table.geometry).where(of_cells), table.feature_id
    # digits, signs and underscores only, and an underscore is a wildcard: escaped
    like = column.like(wanted.replace("_", r"\_") + "%", escape="\\")
    with database.read() as connection:
        rows = connection.execute(statement.where(like).order_by(column).limit(limit)).all()
    points = shapely.centroid(shapely.from_wkb(np.array([row.geometry for row in rows], dtype=object)))
    ids = [row.feature_id for row in rows]
    return _place("cell", ids, ids, np.column_stack([shapely.get_x(points), shapely.get_y(points)]), site)


def _place(kind: Kind, ids: Iterable[str], names: Iterable[str], points: object, site: StoredSite) -> list[Hit]:
    xy = np.asarray(points, dtype=float).reshape(-1, 2)
    lon, lat = find_transformer(site.crs.to_string()).transform(xy[:, 0], xy[:, 1])
    return [
        Hit(kind=kind, id=each, name=name or each, lon=round(x, DECIMALS), lat=round(y, DECIMALS))
        for each, name, x, y in zip(ids, names, lon.tolist(), lat.tolist(), strict=True)
    ]


def _read_coordinates(text: str, bounds: tuple[float, float, float, float] | None) -> Hit | None:
    """Read latitude and longitude, or the other way round where only that can be, or lies at the site."""
    found = COORDINATES.fullmatch(text)
    if not found:
        return None
    one, other = float(found[1]), float(found[2])
    lat, lon = one, other
    if abs(one) > LATITUDES or (not _is_near(one, other, bounds) and _is_near(other, one, bounds)):
        lat, lon = other, one
    if abs(lat) > LATITUDES or abs(lon) > HALF_TURN_DEG:
        return None
    name = f"{lat:.6f}, {lon:.6f}"
    return Hit(kind="place", id=name, name=name, lon=lon, lat=lat)


def _is_near(lat: float, lon: float, bounds: tuple[float, float, float, float] | None) -> bool:
    if bounds is None:
        return False
    west, south, east, north = bounds
    return west - NEAR_DEG <= lon <= east + NEAR_DEG and south - NEAR_DEG <= lat <= north + NEAR_DEG
