"""Collections as requests name them: opened for who may see them, measured once for each change of them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import shapely
from pyproj import CRS, Transformer

from sightgrid.api.actors import require_edit, require_read
from sightgrid.api.collections import Collection, parse_collection, require_variant
from sightgrid.api.features.crs import find_lonlat
from sightgrid.store.layers import count_features, find_point, read_bounds
from sightgrid.store.scenario_pages import count_scenario_cameras
from sightgrid.store.variants import State, read_state, select_edits

if TYPE_CHECKING:
    from sightgrid.api.actors import Actor
    from sightgrid.store.database import Database

    Sides = tuple[float, float, float, float]


class Opened(NamedTuple):
    """A collection that is there, and that whoever asks may see."""

    database: Database
    collection: Collection
    state: State

    @property
    def crs(self) -> CRS:
        """The coordinate system of the site."""
        return read_crs(self.state.crs)

    @property
    def layer(self) -> str:
        """What the features are."""
        return self.collection.layer

    @property
    def anchor(self) -> tuple[float, float]:
        """Longitude and latitude in the middle of the site."""
        try:
            return _find_anchor(self.database, self.collection.site_id, self.state.uid, self.state.crs)
        except LookupError:  # nothing is there yet
            area = self.crs.area_of_use
            return (0.0, 0.0) if area is None else ((area.west + area.east) / 2.0, (area.south + area.north) / 2.0)

    def count_items(self) -> int:
        """Count the features."""
        return _count(*self._key())

    def measure(self) -> Sides | None:
        """Return west, south, east and north around the features, roughly; None if there are none."""
        return _measure(*self._key(), self.state.crs)

    def _key(self) -> tuple[Database, Collection, str, int, int]:
        # a number that was found is right as long as nothing of this changes
        state = self.state
        return self.database, self.collection, state.uid, state.revisions[self.layer], state.scenario_version


def open_collection(database: Database, actor: Actor, text: str, *, edit: bool = False) -> Opened:
    """Open a collection for a request.

    Parameters
    ----------
    database : Database
        The store.
    actor : Actor
        Who asks.
    text : str
        The collection's name.
    edit : bool
        It is to be changed.

    Raises
    ------
    Problem
        403, 404: it is not for this role, or cannot be.
    NotFoundError
        There is no such site, or it has no such scenario.
    """
    collection = parse_collection(text)
    require_read(actor, collection.layer)
    require_variant(actor, collection)
    if edit:
        require_edit(actor, collection.layer)
    return Opened(database, collection, read_state(database, collection.site_id, collection.scenario_id))


@lru_cache(maxsize=256)
def read_crs(text: str) -> CRS:
    """Make a coordinate system of what the store has of it."""
    return CRS.from_user_input(text)


@lru_cache(maxsize=256)
def _find_anchor(database: Database, site_id: int, _: str, crs: str) -> tuple[float, float]:
    point = find_point(database, site_id)
    if point is None:
        raise LookupError
    return find_lonlat(*point, read_crs(crs))


@lru_cache(maxsize=1024)
def _count(database: Database, collection: Collection, _: str, __: int, ___: int) -> int:
    if collection.scenario_id is not None:
        return count_scenario_cameras(database, collection.scenario_id)
    return count_features(database, collection.site_id, collection.layer)


@lru_cache(maxsize=1024)
def _measure(database: Database, collection: Collection, _: str, __: int, ___: int, crs: str) -> Sides | None:
    bounds = read_bounds(database, collection.site_id, collection.layer)
    around = [] if bounds is None else [shapely.box(*bounds)]
    if collection.scenario_id is not None:
        with database.read() as connection:
            edits = select_edits(connection, collection.scenario_id)
        around += [shapely.from_wkb(row.geometry) for row in edits if not row.removed]
    if not around:
        return None
    to_lonlat = Transformer.from_crs(read_crs(crs), CRS.from_epsg(4326), always_xy=True)
    sides: Sides = to_lonlat.transform_bounds(*shapely.total_bounds(around))
    return sides
