"""What tiles are drawn of: a layer of a site, its cameras as a scenario has them, a layer of a result."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sightgrid.store.variants import select_state

if TYPE_CHECKING:
    import sqlalchemy as sa

    from sightgrid.api.collections import Collection
    from sightgrid.store.results import KeptResult

DRAWING = 1  # to be counted on when the same rows are drawn in another way
EPSG = re.compile(r"EPSG:([1-9][0-9]{0,5})")


class Tileset(NamedTuple):
    """What tiles are drawn of, as it is at one moment.

    Attributes
    ----------
    layer : str
        The layer of the site or of the result; the layer in the tiles is called so.
    site_id : int
    uid : str
        Tells the site from one of the same number in another store, or after a deletion.
    crs : str
        The coordinate system of the site.
    revision : tuple of int
        Greater after each change: the layer's revision, and the scenario's version; or when the result was made.
    scenario_id, result_id : int or None
    """

    layer: str
    site_id: int
    uid: str
    crs: str
    revision: tuple[int, ...]
    scenario_id: int | None = None
    result_id: int | None = None

    @property
    def identity(self) -> tuple[str, str, int | None, int | None]:
        """What stays when the tileset changes."""
        return self.uid, self.layer, self.scenario_id, self.result_id

    @property
    def site_layer(self) -> str | None:
        """The layer of the site; None if it is of a result."""
        return self.layer if self.result_id is None else None

    @property
    def version(self) -> str:
        """What changes when the tileset does, for addresses of tiles."""
        return "-".join([f"{DRAWING}", self.uid[:8], *map(str, self.revision)])

    @property
    def srid(self) -> int | None:
        """The number by which PostGIS knows the coordinate system; None if it has none."""
        found = EPSG.fullmatch(self.crs)
        return int(found[1]) if found else None


def find_tileset(connection: sa.Connection, collection: Collection) -> Tileset:
    """Look up the layer of a site, or its cameras as a scenario has them.

    Raises
    ------
    NotFoundError
        There is no such site, or it has no such scenario.
    """
    site_id, layer, scenario_id = collection
    state = select_state(connection, site_id, scenario_id)
    revision = (state.revisions[layer],) if scenario_id is None else (state.revisions[layer], state.scenario_version)
    return Tileset(layer, site_id, state.uid, state.crs, revision, scenario_id)


def find_result_tileset(connection: sa.Connection, result: KeptResult, layer: str) -> Tileset:
    """Look up a layer of a result; one that the result does not have is empty.

    Raises
    ------
    NotFoundError
        The result is gone with its site.
    """
    state = select_state(connection, result.site_id)
    revision = (result.made_at_us,)
    return Tileset(layer, result.site_id, state.uid, state.crs, revision, result_id=result.result_id)
