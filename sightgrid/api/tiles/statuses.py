"""The status of each camera of a site as its last probe found it, for clusters of cameras."""

from __future__ import annotations

import threading
import time
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import sqlalchemy as sa

from sightgrid.health.records import STATUSES
from sightgrid.store.health_tables import health_cameras, health_probes
from sightgrid.store.layer_tables import features

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sightgrid.api.tiles.tilesets import Tileset

UNKNOWN = len(STATUSES)
KEEP_S = 10.0  # a status shows on the map so much later at most


class Statuses(NamedTuple):
    """What is known of the cameras of a site.

    Attributes
    ----------
    keys : ndarray of int64
        Cameras, ascending.
    codes : ndarray of uint8
        Places in ``STATUSES``.
    stamp : str
        Changes when one of them does; empty if nothing is known.
    checked_at_us : int
        When the last probe was.
    read_s : float
        When it was read, by the clock that only goes on.
    """

    keys: NDArray[np.int64]
    codes: NDArray[np.uint8]
    stamp: str
    checked_at_us: int
    read_s: float

    def find(self, keys: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the code of each camera; ``UNKNOWN`` if it was never probed."""
        codes = np.full(len(keys), UNKNOWN, np.uint8)
        if len(self.keys):
            places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
            known = self.keys[places] == keys
            codes[known] = self.codes[places[known]]
        return codes


class StatusBook:
    """The statuses of the sites that were asked for, each read at most every ten seconds."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, Statuses]] = {}
        self._lock = threading.Lock()

    def get(self, connection: sa.Connection, tileset: Tileset) -> Statuses:
        """Return what is known of the cameras of a site."""
        revision = tileset.revision[0]
        with self._lock:
            known = self._kept.get(tileset.uid)
            now = time.monotonic()
            if known is not None and known[0] == revision and now - known[1].read_s < KEEP_S:
                return known[1]
            newest = sa.select(sa.func.max(health_probes.c.checked_at_us)).where(health_probes.c.site == tileset.uid)
            checked_at_us = connection.execute(newest).scalar() or 0
            if known is not None and known[0] == revision and known[1].checked_at_us == checked_at_us:
                found = known[1]._replace(read_s=now)
            else:
                found = _read(connection, tileset, checked_at_us, now)
            self._kept[tileset.uid] = revision, found
        return found


def _read(connection: sa.Connection, tileset: Tileset, checked_at_us: int, now: float) -> Statuses:
    cameras, health = features["cameras"], health_cameras
    name: sa.ColumnElement[str] = cameras.c.feature_id
    if connection.dialect.name == "postgresql":
        name = sa.collate(name, "C")
    statement = (
        sa.select(cameras.c.feature_key, health.c.status)
        .join_from(cameras, health, sa.and_(health.c.camera_id == name, health.c.site == tileset.uid))
        .where(cameras.c.site_id == tileset.site_id)
        .order_by(cameras.c.feature_key)
    )
    rows = connection.execute(statement).all() if checked_at_us else []
    keys = np.array([row.feature_key for row in rows], np.int64)
    codes = np.array([STATUSES.index(row.status) for row in rows], np.uint8)
    stamp = sha256(keys.tobytes() + codes.tobytes()).hexdigest()[:8] if rows else ""
    return Statuses(keys, codes, stamp, checked_at_us, now)
