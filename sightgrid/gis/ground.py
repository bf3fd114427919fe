"""Observable ground: the part of the study area that a camera in public space is meant to see.

Study area without buildings, water, private zones, and courtyards that no street enters.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sightgrid.errors import InfeasibleError
from sightgrid.gis.obstacles import solid_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd
    from numpy.typing import NDArray

    from sightgrid.site import Site

SMALLEST_COURTYARD_M2 = 1.0
SURROUNDINGS_M = 20.0


class Ground(NamedTuple):
    """What makes up the observable ground.

    Attributes
    ----------
    study : shapely.Geometry
        The study area.
    solid : ndarray of shapely.Polygon
        Buildings and walls.
    water : ndarray of shapely.Geometry
    closed : ndarray of shapely.Geometry
        Private, forbidden and consent zones, and closed courtyards.
    streets : ndarray of shapely.LineString
        Street lines in the order of the site's, empty where covered: tunnels and passages are not watched from outside.
    surroundings : ndarray of shapely.Polygon
        Places in the order of the site's, with 20 m around each.
    """

    study: shapely.Geometry
    solid: NDArray[np.object_]
    water: NDArray[np.object_]
    closed: NDArray[np.object_]
    streets: NDArray[np.object_]
    surroundings: NDArray[np.object_]


def survey_ground(site: Site, *, open_courtyards: bool = False) -> Ground:
    """Collect the site's observable ground.

    Parameters
    ----------
    site : Site
    open_courtyards : bool
        Count courtyards that no street enters as observable too. One that touches a zone with rule ``observable``
        always is.

    Raises
    ------
    InputError
        The site has no study area.
    """
    solid = site.obstacles.geometry.to_numpy()[solid_rows(site.obstacles)]
    closed = [] if site.private.is_empty else list(shapely.get_parts(site.private))
    if not open_courtyards:
        courtyards = find_closed_courtyards(solid, site.streets)
        observable = site.zones.geometry[site.zones["rule"] == "observable"].to_numpy()
        if len(observable) and len(courtyards):
            courtyards = np.delete(courtyards, shapely.STRtree(courtyards).query(observable, predicate="intersects")[1])
        closed += list(courtyards)
    lines = site.streets.geometry.to_numpy().copy()
    if len(lines):
        lines[site.streets["covered"].to_numpy(bool)] = shapely.LineString()
    around = shapely.buffer(site.places.geometry.to_numpy(), SURROUNDINGS_M)
    return Ground(site.study, solid, site.water.geometry.to_numpy(), np.array(closed, dtype=object), lines, around)


def find_closed_courtyards(solid: NDArray[np.object_], streets: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """Holes of the union of touching buildings that no street enters."""
    if not len(solid):
        return np.empty(0, object)
    tree = shapely.STRtree(solid)
    tree.query(solid[:1])  # builds the tree before the threads share it
    numbers = np.arange(len(solid))
    halves = _in_threads(lambda rows: (rows[0], *tree.query(solid[rows], predicate="intersects")), numbers)
    a = np.concatenate([first + rows for first, rows, _ in halves])
    b = np.concatenate([others for _, _, others in halves])
    a, b = a[a < b], b[a < b]
    n = len(solid)
    _, group = connected_components(coo_array((np.ones(len(a)), (a, b)), shape=(n, n)), directed=False)
    members = np.bincount(group)
    # Touching buildings in a row enclose nothing; buildings that touch in a ring do, and two that touch twice.
    contacts = np.bincount(group[a], minlength=len(members))
    row_of_houses = contacts[group[a]] < members[group[a]]
    once = np.flatnonzero(row_of_houses)
    parts = _in_threads(lambda k: shapely.get_num_geometries(shapely.intersection(solid[a[k]], solid[b[k]])), once)
    twice = np.zeros(len(members), bool)
    twice[group[a[once]][np.concatenate([[], *parts]) > 1]] = True
    rings = np.zeros(len(members), bool)
    rings[group[shapely.get_num_interior_rings(solid) > 0]] = True
    may_enclose = (contacts >= members) | twice | rings
    rows = np.flatnonzero(may_enclose[group])
    rows = rows[np.argsort(group[rows], kind="stable")]
    blocks = np.split(rows, np.flatnonzero(np.diff(group[rows])) + 1) if len(rows) else []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        holes = list(pool.map(lambda block: _inner_rings(shapely.union_all(solid[block])), blocks))
    if not holes:
        return np.empty(0, object)
    courtyards = shapely.polygons(np.concatenate(holes))
    courtyards = courtyards[shapely.area(courtyards) >= SMALLEST_COURTYARD_M2]
    if len(courtyards) and len(streets):
        entered = shapely.STRtree(streets.geometry.to_numpy()).query(courtyards, predicate="intersects")[0]
        courtyards = np.delete(courtyards, np.unique(entered))
    return np.asarray(courtyards, dtype=object)


def _in_threads(work: Callable[[NDArray[np.intp]], Any], rows: NDArray[np.intp]) -> list[Any]:
    """Work on equal parts of some rows, one thread for each processor; the geometry engine lets them run together."""
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, [part for part in np.array_split(rows, threads) if len(part)]))


def _inner_rings(geometry: shapely.Geometry) -> NDArray[np.object_]:
    rings, part = shapely.get_rings(shapely.get_parts(geometry), return_index=True)
    inner: NDArray[np.object_] = rings[np.diff(part, prepend=-1) == 0]  # the first ring of a part is its outline
    return inner


def require_ground(observable_m2: float, name: str) -> None:
    """Raise unless there is ground to see."""
    if not observable_m2 > 0.0:
        raise InfeasibleError(
            f"{name}: no observable ground is left in the study area: buildings, water and private zones cover it"
        )
