"""Where the rows of a layer lie and how large they are, in memory: what tiles of many rows are chosen and counted by.

A row takes some 30 bytes, so a million buildings take 30 MB. A summary is made once, in one pass over the layer, and
brought forward when rows have changed since.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import sqlalchemy as sa

from sightgrid.api.tiles.mercator import EARTH_M, project_points
from sightgrid.api.tiles.mvt import read_shapes
from sightgrid.api.tiles.paths import measure_paths
from sightgrid.api.tiles.rows import AMOUNTS, read_objects, select_measures, stream_rows
from sightgrid.api.tiles.squares import WORLD
from sightgrid.store.layer_tables import features
from sightgrid.store.work_tables import scenario_cameras

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from sightgrid.api.tiles.tilesets import Tileset

MOST_BYTES = 256_000_000
STEP_M = EARTH_M / WORLD
SUMS = ("observable_m2", "covered_m2", "observable_m", "observed_m", "demand", "area_m2")  # are added up
MEANS = ("rate", "share", "mean", "difference")  # words in the names of what is averaged
NO_CLASS = ""


class Summary(NamedTuple):
    """Where the rows of a layer lie and how large they are.

    Attributes
    ----------
    keys : ndarray of int64
        The rows; below 0 what a scenario adds.
    boxes : ndarray of int32, shape (n, 4)
        West, north, east, south, in `squares.WORLD` steps around the earth.
    sizes : ndarray of float32
        Square metres of polygons, metres of lines, 0 for points.
    dimensions : ndarray of uint8
        0 points, 1 lines, 2 polygons.
    codes : ndarray of uint16
        Places in `classes`.
    classes : tuple of str
        Such as the kinds of cameras.
    amounts : ndarray of float64, shape (n, k)
        What is added up or averaged, by `names`; NaN where there is none.
    names : tuple of str
    revision : tuple of int
        That of the tileset.
    """

    keys: NDArray[np.int64]
    boxes: NDArray[np.int32]
    sizes: NDArray[np.float32]
    dimensions: NDArray[np.uint8]
    codes: NDArray[np.uint16]
    classes: tuple[str, ...]
    amounts: NDArray[np.float64]
    names: tuple[str, ...]
    revision: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return sum(part.nbytes for part in self if isinstance(part, np.ndarray))

    def take(self, rows: NDArray[Any]) -> Summary:
        """Return the summary of some rows."""
        return self._replace(**{name: getattr(self, name)[rows] for name in ARRAYS})

    def find_bounds(self) -> tuple[float, float, float, float] | None:
        """Return west, south, east and north in degrees; None without rows."""
        if not len(self.keys):
            return None
        low, high = self.boxes[:, :2].min(axis=0).tolist(), self.boxes[:, 2:].max(axis=0).tolist()
        # a step outwards, since the steps are rounded
        west, east = ((x / WORLD) * 360.0 - 180.0 for x in (low[0] - 1, high[0] + 1))
        south, north = (
            float(np.degrees(np.arctan(np.sinh(np.pi * (1.0 - 2.0 * y / WORLD))))) for y in (high[1] + 1, low[1] - 1)
        )
        return west, south, east, north


ARRAYS = ("keys", "boxes", "sizes", "dimensions", "codes", "amounts")


class Summaries:
    """The summaries that were asked for last, up to a number of bytes."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self._kept: OrderedDict[Any, Summary] = OrderedDict()
        self._lock = threading.Lock()
        self._makers: dict[Any, threading.Lock] = {}

    def get(self, connection: sa.Connection, tileset: Tileset) -> Summary:
        """Return the summary of a tileset: kept, brought forward, or made now; others wait for it meanwhile."""
        identity = tileset.identity
        with self._lock:
            maker = self._makers.setdefault(identity, threading.Lock())
        with maker:
            with self._lock:
                kept = self._kept.get(identity)
            # one that is newer than what the asking transaction sees has been made for somebody else
            if kept is None or kept.revision < tileset.revision:
                kept = self._make(connection, tileset, kept)
            with self._lock:
                self._keep(identity, kept)
        return kept

    def _make(self, connection: sa.Connection, tileset: Tileset, old: Summary | None) -> Summary:
        if tileset.scenario_id is not None:
            site = tileset._replace(scenario_id=None, revision=tileset.revision[:1])
            return _add_scenario(connection, tileset, self.get(connection, site))
        if old is None or tileset.result_id is not None:
            return summarise(stream_rows(connection, select_measures(tileset)), tileset)
        return _renew(connection, tileset, old)

    def _keep(self, identity: Any, summary: Summary) -> None:
        self._kept[identity] = summary
        self._kept.move_to_end(identity)
        total = sum(each.size for each in self._kept.values())
        while total > self.most_bytes and len(self._kept) > 1:
            gone, old = self._kept.popitem(last=False)
            self._makers.pop(gone, None)
            total -= old.size


def summarise(chunks: Iterable[Sequence[tuple[Any, ...]]], tileset: Tileset) -> Summary:
    """Go through rows as `rows.select_measures` gives them."""
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in ARRAYS}
    classes: dict[str, int] = {}
    names: tuple[str, ...] | None = AMOUNTS.get(tileset.layer, ()) if tileset.result_id is None else None
    for rows in chunks:
        keys, shapes, *rest = zip(*rows, strict=True)
        if tileset.result_id is not None:
            objects = read_objects(rest[0])
            names = _name_amounts(objects[0]) if names is None else names
            kinds, amounts = [None] * len(rows), _read_amounts(objects, names)
        else:
            kinds, amounts = list(rest[0]), np.array(rest[1:], np.float64).T.reshape(len(rows), -1)
        xy, *paths = read_shapes(shapes)
        boxes, sizes, dimensions = measure_paths(xy, *paths, len(rows))
        codes = [classes.setdefault(kind or NO_CLASS, len(classes)) for kind in kinds]
        placed, steps = _place_boxes(boxes, tileset.crs)
        found = (np.array(keys, np.int64), steps, sizes.astype(np.float32), dimensions)
        for name, part in zip(ARRAYS, (*found, np.array(codes, np.uint16), amounts), strict=True):
            parts[name].append(part[placed])
    arrays = {name: np.concatenate(part) for name, part in parts.items()} if parts["keys"] else _make_empty(names or ())
    return Summary(**arrays, classes=tuple(classes), names=tuple(names or ()), revision=tileset.revision)


def _make_empty(names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    return {
        "keys": np.empty(0, np.int64), "boxes": np.empty((0, 4), np.int32), "sizes": np.empty(0, np.float32),
        "dimensions": np.empty(0, np.uint8), "codes": np.empty(0, np.uint16), "amounts": np.empty((0, len(names))),
    }  # fmt: skip


def _place_boxes(boxes: NDArray[np.float64], crs: str) -> tuple[NDArray[np.bool_], NDArray[np.int32]]:
    """Return which boxes lie in the projection, and all of them in steps."""
    corners = np.ascontiguousarray(boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2))
    project_points(corners, crs, close_m=STEP_M)
    x, y = corners.reshape(-1, 4, 2).transpose(2, 0, 1)
    steps = np.column_stack([x.min(axis=1), -y.max(axis=1), x.max(axis=1), -y.min(axis=1)]) / STEP_M + WORLD / 2.0
    placed = np.asarray(np.isfinite(steps).all(axis=1))
    return placed, np.clip(np.nan_to_num(steps), 0, WORLD - 1).astype(np.int32)


def _name_amounts(properties: dict[str, Any]) -> tuple[str, ...]:
    return tuple(name for name in properties if name in SUMS or set(name.split("_")) & set(MEANS))


def _read_amounts(objects: Sequence[dict[str, Any]], names: tuple[str, ...]) -> NDArray[np.float64]:
    columns = [[each.get(name) for each in objects] for name in names]
    numbers = [[value if isinstance(value, int | float) else np.nan for value in column] for column in columns]
    return np.array(numbers, np.float64).T.reshape(len(objects), -1)


def _renew(connection: sa.Connection, tileset: Tileset, old: Summary) -> Summary:
    """Read only what was written since: a row's version is the revision that wrote it."""
    table, statement = features[tileset.layer], select_measures(tileset)
    changed = summarise(stream_rows(connection, statement.where(table.c.version > old.revision[0])), tileset)
    kept = old.take(~np.isin(old.keys, changed.keys))
    own = table.c.site_id == tileset.site_id
    count = connection.execute(sa.select(sa.func.count()).select_from(table).where(own)).scalar_one()
    if len(kept.keys) + len(changed.keys) != count:  # rows were deleted
        there = [key for rows in stream_rows(connection, sa.select(table.c.feature_key).where(own)) for (key,) in rows]
        kept = kept.take(np.isin(kept.keys, np.array(there, np.int64)))
    return _join(kept, changed, tileset)


def _add_scenario(connection: sa.Connection, tileset: Tileset, site: Summary) -> Summary:
    """Put what a scenario changes over the cameras of the site."""
    edits, cameras = scenario_cameras, features["cameras"]
    same = sa.and_(cameras.c.site_id == tileset.site_id, cameras.c.feature_id == edits.c.feature_id)
    statement = (
        sa.select(cameras.c.feature_key, edits.c.geometry, edits.c.kind, edits.c.removed)
        .select_from(sa.outerjoin(edits, cameras, same))
        .where(edits.c.scenario_id == tileset.scenario_id)
    )
    rows = connection.execute(statement).all()
    hidden = [row.feature_key for row in rows if row.feature_key is not None]
    shown = [
        (row.feature_key if row.feature_key is not None else -1 - place, row.geometry, row.kind)
        for place, row in enumerate(rows)
        if not row.removed
    ]
    kept = site.take(~np.isin(site.keys, np.array(hidden, np.int64)))
    return _join(kept, summarise([shown] if shown else [], tileset), tileset)


def _join(kept: Summary, more: Summary, tileset: Tileset) -> Summary:
    classes = tuple(dict.fromkeys((*kept.classes, *more.classes)))
    codes = np.array([classes.index(name) for name in more.classes] or [0], np.uint16)[more.codes]
    parts = {name: np.concatenate([getattr(kept, name), getattr(more, name)]) for name in ARRAYS if name != "codes"}
    return Summary(
        **parts, codes=np.concatenate([kept.codes, codes]), classes=classes, names=kept.names, revision=tileset.revision
    )
