"""Streets made ready for the partition: nodes numbered, pieces of the graph tied together, main roads named.

A small piece that hangs on no other street rides with the nearest street; a large one is joined to the rest where the
two are nearest to each other. Joined in this way the pieces form a tree, so that a part that hangs together in the
joined graph hangs together inside every piece, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from scipy.spatial import KDTree

from sightgrid.patrol.beats.exchange import Parts, hang_together

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

SMALL = 0.5  # a piece with less than this share of a mean part's work is not worth a border of its own


@dataclass(frozen=True)
class Layout:
    """Streets as `Parts`, and how to get back to the rows.

    Attributes
    ----------
    parts : Parts
        One row per street that does not ride with another.
    carrier : ndarray of int
        For each street its row in `parts`.
    piece : ndarray of int
        For each street the number of its piece of the street graph; 0 has the most work.
    distance_m : ndarray of float
        For each piece how far away the street or node is that it was tied to; 0 for the first.
    """

    parts: Parts
    carrier: NDArray[np.int64]
    piece: NDArray[np.int64]
    distance_m: NDArray[np.float64]


def lay_out(
    streets: gpd.GeoDataFrame,
    work_s: NDArray[np.float64],
    *,
    count: int,
    fixed: NDArray[np.int64],
    main_roads: tuple[str, ...],
) -> Layout:
    """Number nodes and pieces, tie pieces together, and gather what rides along.

    Parameters
    ----------
    streets : GeoDataFrame
        The streets to share out, at least `count`.
    work_s : ndarray of float
        Seconds of work of each.
    count : int
        Number of parts.
    fixed : ndarray of int
        Part each street must stay in, -1 for any.
    main_roads : tuple of str
        Values of ``highway`` whose named roads should stay whole.

    Returns
    -------
    Layout
    """
    work_s = work_s if work_s.sum() > 0.0 else streets["length_m"].to_numpy(float) + 1e-3
    ends = _number_nodes(streets)
    piece = _number_pieces(ends, work_s)
    pieces = int(piece.max()) + 1
    piece_work = np.bincount(piece, work_s)
    rides = piece_work < SMALL * work_s.sum() / count
    rides[0] = False
    rides[piece[fixed >= 0]] = False
    if (~rides[piece]).sum() < count:
        rides[:] = False
    distance_m = np.zeros(pieces)
    carrier = np.arange(len(streets))
    shapes = streets.geometry.to_numpy()
    stay = np.flatnonzero(~rides[piece])
    tree = shapely.STRtree(shapes[stay])
    for one in np.flatnonzero(rides):
        own = np.flatnonzero(piece == one)
        whole = shapely.multilinestrings(shapes[own])
        rows, away = tree.query_nearest(whole, return_distance=True, all_matches=False)
        carrier[own], distance_m[one] = stay[rows[0]], away[0]
    ends = _tie(ends, shapes, piece, np.flatnonzero(~rides), distance_m)
    middle = shapely.get_coordinates(shapely.line_interpolate_point(shapes, 0.5, normalized=True))
    new = np.full(len(streets), -1)
    new[stay] = np.arange(len(stay))
    carrier = new[carrier]
    length = streets["length_m"].to_numpy(float)
    nodes = np.unique(ends[stay], return_inverse=True)[1].reshape(-1, 2)
    parts = Parts(
        ends=nodes,
        xy=middle[stay] - middle.mean(axis=0),
        length=length[stay],
        work=np.bincount(carrier, work_s, minlength=len(stay)).astype(float),
        road=name_roads(streets, main_roads)[stay],
        fixed=fixed[stay],
    )
    return Layout(parts, carrier, piece, distance_m)


def name_roads(streets: gpd.GeoDataFrame, classes: tuple[str, ...] | None = None) -> NDArray[np.int64]:
    """Number the streets by name, -1 for those without one (or of none of the classes)."""
    name = streets["name"].astype(object)
    if classes is not None:
        name = name.where(streets["highway"].isin(classes), None)
    return pd.factorize(name.where(name.notna() & (name != ""), None))[0].astype(np.int64)


def count_gaps(streets: gpd.GeoDataFrame, members: pd.Series[str]) -> int:
    """How often beats are interrupted within the pieces of the street graph; 0 if they hang together as streets do."""
    ends = _number_nodes(streets)
    piece = hang_together(ends, np.zeros(len(ends), np.int64))
    label = pd.factorize(members)[0].astype(np.int64)
    wanted = len(np.unique(np.column_stack([piece, label]), axis=0))
    return len(np.unique(hang_together(ends, label))) - wanted


def _number_nodes(streets: gpd.GeoDataFrame) -> NDArray[np.int64]:
    u, v = (streets.index.get_level_values(name).to_numpy() for name in ("u", "v"))
    return pd.factorize(np.concatenate([u, v]))[0].reshape(2, -1).T.astype(np.int64)


def _number_pieces(ends: NDArray[np.int64], work_s: NDArray[np.float64]) -> NDArray[np.int64]:
    piece = hang_together(ends, np.zeros(len(ends), np.int64))
    rank = np.argsort(np.argsort(-np.bincount(piece, work_s), kind="stable"), kind="stable")
    return rank[piece].astype(np.int64)


def _tie(
    ends: NDArray[np.int64],
    shapes: NDArray[np.object_],
    piece: NDArray[np.int64],
    pieces: NDArray[np.int64],
    distance_m: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Join the pieces one after the other, the nearest first, by making the two nearest nodes one."""
    ends = ends.copy()
    if len(pieces) == 1:
        return ends
    node_xy = np.empty((int(ends.max()) + 1, 2))
    for side, position in ((0, 0), (1, -1)):
        node_xy[ends[:, side]] = shapely.get_coordinates(shapely.get_point(shapes, position))
    nodes = {one: np.unique(ends[piece == one]) for one in pieces.tolist()}
    joined = nodes.pop(0)
    nearest: dict[int, tuple[float, int, int]] = {}
    fresh = joined
    while nodes:
        tree = KDTree(node_xy[fresh])
        for one, own in nodes.items():
            away, at = tree.query(node_xy[own])
            k = int(np.argmin(away))
            found = (float(away[k]), int(fresh[at[k]]), int(own[k]))
            nearest[one] = min(nearest.get(one, found), found)
        one = min(nodes, key=lambda piece: (nearest[piece], piece))
        distance_m[one], kept, gone = nearest.pop(one)
        fresh = nodes.pop(one)
        ends[ends == gone] = kept
        fresh = np.where(fresh == gone, kept, fresh)
    return ends
