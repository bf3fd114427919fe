"""Isochrones: the ground a unit reaches in so many minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.ops import substring

from sightgrid.errors import InputError, UnitRangeError
from sightgrid.patrol.response.arrivals import WITHIN_MIN, read_limits
from sightgrid.patrol.streets.network import MPS_PER_KPH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sightgrid.patrol.streets.network import Network

WIDTH_M = 25.0  # from the middle of a street to the doors along it
BLOCK_M2 = 40_000.0  # ground enclosed by reached streets is reached, too, up to the size of a large city block
WHOLE = 1.0 - 1e-9


def isochrones(
    network: Network, source: int | shapely.Point, *, within_min: Sequence[float] = WITHIN_MIN, width_m: float = WIDTH_M
) -> gpd.GeoDataFrame:
    """Draw the ground that is reached from a place in so many minutes.

    Every piece of street that is reached in time, the last one as far as the time goes, is widened to both sides, and
    enclosed blocks up to 4 ha are filled. Unlike a concave hull this does not jump over a river without a bridge, and
    more time never loses ground: more street, widened alike, with the same holes or smaller ones.

    Parameters
    ----------
    network : Network
    source : int or shapely.Point
        A node, or a place that is brought to the nearest node at the network's speed.
    within_min : sequence of float
        Minutes.
    width_m : float
        Metres to either side of a street.

    Returns
    -------
    GeoDataFrame
        A row for each time, the shortest first: ``minutes``, ``reached_m`` (length of street reached, each street
        counted once), ``area_m2``, Polygon or MultiPolygon (empty if not even the first node is reached).

    Raises
    ------
    InputError
        The source is no node or has no place.
    UnitRangeError
        Minutes or width are not above 0.

    Examples
    --------
    >>> import sightgrid as sg
    >>> from sightgrid.patrol.streets.network import build_network
    >>> walk = build_network(sg.open_site("helsinki").streets, mode="foot", speed_kph=5)
    >>> rings = isochrones(walk, int(walk.nodes[0]), within_min=(1, 3))
    >>> bool(rings["area_m2"].is_monotonic_increasing)
    True
    """
    limits = read_limits(within_min)
    if not 0.0 < width_m < np.inf:
        raise UnitRangeError(f"width_m: {width_m} must be above 0")
    if isinstance(source, shapely.Point):
        if source.is_empty:
            raise InputError("source: the point has no place")
        snapped = network.snap(gpd.GeoSeries([source], crs=network.crs)).iloc[0]
        node, offset_s = int(snapped["node"]), float(snapped["distance_m"]) / (network.speed_kph * MPS_PER_KPH)
    else:
        node, offset_s = int(source), 0.0
    at_node = offset_s + network.travel_matrix([node], network.nodes)[0]
    edges = list(network.graph.edges(data=True))
    tail_s = at_node[np.searchsorted(network.nodes, [tail for tail, _, _ in edges])]
    needed_s = np.array([edge["seconds"] for _, _, edge in edges], float)
    length_m = np.array([edge["length_m"] for _, _, edge in edges], float)
    shapes = np.array([edge["geometry"] for _, _, edge in edges], object)
    street = pd.factorize(pd.Series([edge["street"] for _, _, edge in edges], dtype=object))[0]
    begin = shapely.Point(network.xy[network.positions([node])[0]])
    rows, ground, grounds = [], shapely.Polygon(), []
    for limit in limits:
        share = _share_driven(limit * 60.0 - tail_s, needed_s)
        pieces = _cut(shapes, share)
        if offset_s <= limit * 60.0:
            wide = shapely.buffer(np.append(pieces, begin), width_m, quad_segs=4)
            ground = _fill(shapely.union_all(np.append(wide, ground)))
        both = np.minimum(np.bincount(street, share, minlength=1), 1.0)  # from either end of a two-way street
        whole = np.zeros(len(both))
        np.maximum.at(whole, street, length_m)
        rows.append((limit, float((both * whole).sum()), float(ground.area)))
        grounds.append(ground)
    return gpd.GeoDataFrame(
        pd.DataFrame(rows, columns=["minutes", "reached_m", "area_m2"]), geometry=grounds, crs=network.crs
    )


def _share_driven(left_s: NDArray[np.float64], needed_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each edge that is driven in the time left at its tail."""
    share = np.divide(left_s, needed_s, out=np.ones_like(left_s), where=needed_s > 0.0)
    return np.where(left_s >= 0.0, np.clip(share, 0.0, 1.0), 0.0)


def _cut(shapes: NDArray[np.object_], share: NDArray[np.float64]) -> NDArray[np.object_]:
    """The driven part of each edge, from its tail."""
    partly = np.flatnonzero((share > 0.0) & (share < WHOLE))
    parts = [substring(shapes[edge], 0.0, share[edge], normalized=True) for edge in partly.tolist()]
    cut = np.empty(len(parts), object)
    cut[:] = parts
    return np.concatenate([shapes[share >= WHOLE], cut])


def _fill(ground: shapely.Geometry) -> shapely.Geometry:
    """Ground without holes the size of a block."""
    parts = shapely.get_parts(ground)
    return shapely.union_all(
        [
            shapely.Polygon(part.exterior, [hole for hole in part.interiors if shapely.Polygon(hole).area > BLOCK_M2])
            for part in parts
        ]
    )
