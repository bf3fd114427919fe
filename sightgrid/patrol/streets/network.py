"""Street network of one kind of unit: who may pass where, how fast, and how much of each street cameras see.

networkx is the graph and the router of record; tables of many travel times go through scipy's Dijkstra on the same
numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import KDTree

from sightgrid import schemas
from sightgrid.errors import CRSError, InfeasibleError, InputError, UnitRangeError
from sightgrid.gis.crs import require_metric
from sightgrid.gis.streets import MODES, to_graph
from sightgrid.patrol.streets.segments import drive_speed, observed_share, tell_apart

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from pyproj import CRS

USABLE = {"foot": "walkable", "bicycle": "cyclable", "car": "drivable"}
MPS_PER_KPH = 1.0 / 3.6
FARTHER_M = 50.0  # a node of the main component is taken if it is at most this much farther than the nearest node
BLOCK = 1 << 24  # travel times held at once while a table is computed

Edge = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Network:
    """Streets that one kind of unit may use, as a directed graph; turns are free at every node.

    Attributes
    ----------
    mode : str
        ``foot``, ``bicycle`` or ``car``.
    speed_kph : float
        Speed on foot or by bicycle; the most a car drives.
    graph : networkx.MultiDiGraph
        Edges carry ``street`` (the row of the street layer), ``reversed`` (driven against the drawn direction),
        ``length_m``, ``seconds``, ``observed_m``, ``name``, ``highway`` and ``geometry`` in the direction of travel.
    nodes : ndarray of int64
        Node numbers, ascending: the order of `xy`, `components` and `matrix`.
    xy : ndarray, shape (n, 2)
        Where the nodes are, in metres.
    crs : pyproj.CRS
        Coordinate system of `xy`.
    """

    mode: str
    speed_kph: float
    graph: nx.MultiDiGraph
    nodes: NDArray[np.int64]
    xy: NDArray[np.float64]
    crs: CRS

    @cached_property
    def matrix(self) -> sparse.csr_array:
        """Seconds from node to neighbour, by the fastest of parallel edges; rows and columns as `nodes`."""
        ends = [(u, v, seconds) for u, v, seconds in self.graph.edges(data="seconds") if u != v]
        table = pd.DataFrame(ends, columns=["u", "v", "seconds"]).groupby(["u", "v"], sort=True)["seconds"].min()
        u, v = (np.searchsorted(self.nodes, table.index.get_level_values(name)) for name in ("u", "v"))
        n = len(self.nodes)
        return sparse.csr_array((table.to_numpy(float), (u, v)), shape=(n, n))

    @cached_property
    def components(self) -> NDArray[np.int64]:
        """Number of the strongly connected component of each node; 0 is the main one, with the most nodes."""
        _, label = csgraph.connected_components(self.matrix, directed=True, connection="strong")
        size = np.bincount(label)
        rank = np.empty(len(size), np.int64)
        rank[np.argsort(-size, kind="stable")] = np.arange(len(size))
        return rank[label]

    def positions(self, nodes: ArrayLike) -> NDArray[np.intp]:
        """Where node numbers stand in `nodes`; raises InputError for a number that is none of them."""
        wanted = np.asarray(nodes, np.int64).ravel()
        at = np.minimum(np.searchsorted(self.nodes, wanted), len(self.nodes) - 1)
        strange = wanted[self.nodes[at] != wanted]
        if len(strange):
            first = ", ".join(map(str, strange[:5]))
            raise InputError(f"network: {len(strange)} nodes are not in the {self.mode} network: {first}")
        return at

    def travel_matrix(self, sources: ArrayLike, targets: ArrayLike) -> NDArray[np.float64]:
        """Shortest travel times between nodes.

        Parameters
        ----------
        sources, targets : array-like of int
            Node numbers; repetitions are allowed.

        Returns
        -------
        ndarray, shape (sources, targets)
            Seconds; inf where no way leads.

        Raises
        ------
        InputError
            A number is not a node of this network.
        """
        start, end = self.positions(sources), self.positions(targets)
        if not len(start) or not len(end):
            return np.empty((len(start), len(end)))
        if len(np.unique(end)) < len(np.unique(start)):
            return _search(self.matrix.T.tocsr(), end, start).T
        return _search(self.matrix, start, end)

    def route(self, source: int, target: int) -> list[Edge]:
        """Fastest way between two nodes.

        Parameters
        ----------
        source, target : int
            Node numbers.

        Returns
        -------
        list of (u, v, key)
            Edges of `graph` in the order of travel; empty if source and target are the same.

        Raises
        ------
        InputError
            A number is not a node of this network.
        InfeasibleError
            No way leads from source to target.
        """
        source, target = self.nodes[self.positions([source, target])].tolist()
        try:
            nodes = nx.dijkstra_path(self.graph, source, target, weight="seconds")
        except nx.NetworkXNoPath as error:
            raise InfeasibleError(f"network: by {self.mode} no way leads from {source} to {target}") from error
        return [self.fastest(u, v) for u, v in pairwise(nodes)]

    def fastest(self, u: int, v: int) -> Edge:
        """Fastest of the parallel edges from node u to its neighbour v."""
        parallel = self.graph[u][v]
        return u, v, min(parallel, key=lambda key: (parallel[key]["seconds"], key))

    def snap(self, points: gpd.GeoSeries) -> pd.DataFrame:
        """Give each point the node where a unit would serve it.

        It is the nearest node; or the nearest of the main component where that is at most 50 m farther, so that
        scraps of path with no way out hold nobody.

        Parameters
        ----------
        points : GeoSeries
            Points or other shapes (their centroid counts) in the network's coordinate system.

        Returns
        -------
        DataFrame
            Indexed as `points`: ``node``, ``distance_m`` (straight line), ``main`` (True if the node lies in the
            main component, so that all of it can be reached and left).

        Raises
        ------
        CRSError
            The points are in another coordinate system.
        InputError
            A point is missing or empty.
        """
        if points.crs != self.crs:
            raise CRSError("network: the points to snap are not in the coordinate system of the streets")
        blank = points.isna() | points.is_empty
        if blank.any():
            first = ", ".join(map(str, points.index[blank][:5]))
            raise InputError(f"network: {blank.sum()} points to snap have no place: {first}")
        centre = points.centroid
        xy = np.column_stack([centre.x, centre.y]).astype(float)
        main = np.flatnonzero(self.components == 0)
        distance, node = KDTree(self.xy).query(xy)
        main_distance, main_node = KDTree(self.xy[main]).query(xy)
        take = main_distance <= distance + FARTHER_M
        node = np.where(take, main[main_node], node)
        columns = {
            "node": self.nodes[node],
            "distance_m": np.where(take, main_distance, distance),
            "main": self.components[node] == 0,
        }
        return pd.DataFrame(columns, index=points.index)


def build_network(
    streets: gpd.GeoDataFrame, *, mode: str, speed_kph: float, observed: pd.DataFrame | None = None
) -> Network:
    """Build the network of the streets that a kind of unit may use.

    Walkers and cyclists move at `speed_kph`, walkers also against one-way streets. A car drives as fast as the street
    allows, at most `speed_kph`; a street that states no speed is taken to allow the mean of those of its class that
    do (the rule of OSMnx's ``add_edge_speeds``), or else the mean of all.

    Parameters
    ----------
    streets : GeoDataFrame
        The street layer of a site.
    mode : {"foot", "bicycle", "car"}
        Who moves.
    speed_kph : float
        Above 0.
    observed : DataFrame, optional
        What cameras see of each street: ``observed_m``, indexed as `streets`; nothing if not given.

    Returns
    -------
    Network

    Raises
    ------
    UnitRangeError
        The mode is unknown, or the speed not above 0.
    CRSError
        The streets are not in a metric coordinate system.
    InputError
        Nobody may pass any street in this mode, or `observed` is not indexed as the streets.

    Examples
    --------
    >>> import sightgrid as sg
    >>> site = sg.open_site("helsinki")
    >>> walk = build_network(site.streets, mode="foot", speed_kph=5)
    >>> bool((walk.snap(site.places.geometry)["distance_m"] < 100).all())
    True
    """
    if mode not in USABLE:
        raise UnitRangeError(f"mode: {mode!r} is not known; choose one of {', '.join(MODES)}")
    if not (np.isfinite(speed_kph) and speed_kph > 0.0):
        raise UnitRangeError(f"speed_kph: {speed_kph} must be above 0")
    require_metric(streets, "streets")
    share = observed_share(streets, observed)
    streets = schemas.complete(streets, "streets")
    usable = streets[USABLE[mode]].to_numpy(bool)
    if not usable.any():
        raise InputError(f"streets: nobody may pass any street by {mode}")
    length = streets["length_m"].to_numpy(float)
    speed = drive_speed(streets, speed_kph) if mode == "car" else np.full(len(streets), float(speed_kph))
    columns: dict[str, Any] = {
        "street": list(streets.index),
        "oneway": streets["oneway"].to_numpy(bool) & (mode != "foot"),
        "reversed": False,
        "name": streets["name"].to_numpy(object),
        "highway": streets["highway"].to_numpy(object),
        "length_m": length,
        "seconds": length / (speed * MPS_PER_KPH),
        "observed_m": share.to_numpy() * length,
    }
    frame = gpd.GeoDataFrame(columns, index=streets.index, geometry=streets.geometry.to_numpy(), crs=streets.crs)
    graph = to_graph(tell_apart(frame)[usable])
    nodes = np.array(sorted(graph), np.int64)
    xy = np.array([(graph.nodes[node]["x"], graph.nodes[node]["y"]) for node in nodes.tolist()], float)
    return Network(mode, float(speed_kph), graph, nodes, xy, streets.crs)


def _search(matrix: sparse.csr_array, start: NDArray[np.intp], end: NDArray[np.intp]) -> NDArray[np.float64]:
    """Seconds from each start to each end, a block of starts at a time."""
    first, again = np.unique(start, return_inverse=True)
    step = max(1, BLOCK // matrix.shape[0])
    rows = [
        csgraph.dijkstra(matrix, directed=True, indices=first[i : i + step])[:, end] for i in range(0, len(first), step)
    ]
    return np.concatenate(rows)[again]
