"""What map matching asks of a street network: which streets are near a fix, and how far it is from one to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy import sparse
from scipy.sparse import csgraph
from shapely import ops

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sightgrid.patrol.streets.network import Edge, Network

NEAREST = 12  # streets looked at for one fix
LEAST_M = 1e-6  # a street of no length is still a way


@dataclass(frozen=True, eq=False)
class Candidates:
    """Where each fix may have been: one row per fix and edge in reach, by fix.

    Attributes
    ----------
    first : ndarray of int, shape (fixes + 1,)
        The rows of fix i are ``first[i]:first[i + 1]``.
    edge : ndarray of int
        Number of the edge.
    offset_m : ndarray
        From the start of the edge, in the direction of travel.
    distance_m : ndarray
        From the fix to the edge.
    """

    first: NDArray[np.intp]
    edge: NDArray[np.intp]
    offset_m: NDArray[np.float64]
    distance_m: NDArray[np.float64]

    def take(self, fixes: NDArray[np.intp]) -> Candidates:
        """Keep those of some fixes, in that order."""
        count = self.first[fixes + 1] - self.first[fixes]
        first = np.r_[0, np.cumsum(count)]
        rows = np.arange(first[-1]) + np.repeat(self.first[fixes] - first[:-1], count)
        return Candidates(first, self.edge[rows], self.offset_m[rows], self.distance_m[rows])


class MatchGraph:
    """Edges of a network by number: their ends, a search tree over them, and the shortest lengths between nodes."""

    def __init__(self, network: Network) -> None:
        edges = list(network.graph.edges(keys=True, data=True))
        self.edges: list[Edge] = [(u, v, key) for u, v, key, _ in edges]
        self.xy = network.xy
        self.speed_mps = network.speed_kph / 3.6
        self.tail = np.searchsorted(network.nodes, [u for u, _, _, _ in edges])
        self.head = np.searchsorted(network.nodes, [v for _, v, _, _ in edges])
        self.length_m = np.array([data["length_m"] for *_, data in edges], float)
        self.shapes = np.array([data["geometry"] for *_, data in edges], object)
        # one line per street in the tree; its edges, one or two, are looked up
        number: dict[Edge, int] = {}
        street = np.array([number.setdefault(data["street"], len(number)) for *_, data in edges])
        backward = np.array([bool(data["reversed"]) for *_, data in edges])
        _, drawn = np.unique(street, return_index=True)
        self._lines = self.shapes[drawn]
        self._tree = shapely.STRtree(self._lines)
        self._against = backward != backward[drawn][street]
        self._by_street = np.argsort(street, kind="stable")
        self._first = np.searchsorted(street[self._by_street], np.arange(len(drawn) + 1))
        order = np.lexsort((self.length_m, self.head, self.tail))
        ends = np.column_stack([self.tail, self.head])[order]
        shortest = order[np.r_[True, (np.diff(ends, axis=0) != 0).any(axis=1)]]
        tail, head = self.tail[shortest], self.head[shortest]
        self.shortest = {(u, v): i for u, v, i in zip(tail.tolist(), head.tolist(), shortest.tolist(), strict=True)}
        weight = np.maximum(self.length_m[shortest], LEAST_M)
        self._matrix = sparse.csr_array((weight, (tail, head)), shape=(len(self.xy), len(self.xy)))

    def find_candidates(self, points: NDArray[np.object_], radius_m: float) -> Candidates:
        """Find the nearest edges of each fix within a radius, both ways of a two-way street."""
        fix, street = self._tree.query(points, predicate="dwithin", distance=radius_m)
        distance = shapely.distance(points[fix], self._lines[street])
        order = np.lexsort((distance, fix))
        fix, street, distance = fix[order], street[order], distance[order]
        near = np.arange(len(fix)) - np.searchsorted(fix, fix) < NEAREST
        fix, street, distance = fix[near], street[near], distance[near]
        along = shapely.line_locate_point(self._lines[street], points[fix], normalized=True)
        ways = self._first[street + 1] - self._first[street]
        row = np.repeat(np.arange(len(fix)), ways)
        nth = np.arange(len(row)) - np.repeat(np.cumsum(ways) - ways, ways)
        edge = self._by_street[self._first[street[row]] + nth]
        along = np.where(self._against[edge], 1.0 - along[row], along[row])
        first = np.searchsorted(fix[row], np.arange(len(points) + 1))
        return Candidates(first, edge, along * self.length_m[edge], distance[row])

    def find_nodes(self, xy: NDArray[np.float64], margin_m: float) -> NDArray[np.intp]:
        """Nodes in the box around places, widened by a margin."""
        low, high = xy.min(axis=0) - margin_m, xy.max(axis=0) + margin_m
        return np.flatnonzero(((self.xy >= low) & (self.xy <= high)).all(axis=1))

    def measure(self, sources: NDArray[np.intp], nodes: NDArray[np.intp], limit_m: float) -> NDArray[np.float64]:
        """Shortest lengths from some nodes of a region to all of it, inf above a limit."""
        local = self._matrix[nodes][:, nodes]
        return csgraph.dijkstra(local, indices=np.searchsorted(nodes, sources), limit=limit_m)

    def find_paths(self, pairs: list[tuple[int, int]], nodes: NDArray[np.intp], limit_m: float) -> list[list[int]]:
        """Edges of the shortest ways between pairs of nodes of a region, each within a limit."""
        sources = np.unique([source for source, _ in pairs])
        local = self._matrix[nodes][:, nodes]
        start = np.searchsorted(nodes, sources)
        _, before = csgraph.dijkstra(local, indices=start, limit=limit_m, return_predecessors=True)
        paths = []
        for source, target in pairs:
            row, node = before[np.searchsorted(sources, source)], int(np.searchsorted(nodes, target))
            path: list[int] = []
            while nodes[node] != source:
                previous = int(row[node])
                path.append(self.shortest[int(nodes[previous]), int(nodes[node])])
                node = previous
            paths.append(path[::-1])
        return paths

    def cut(self, edge: int, from_m: float, to_m: float) -> shapely.LineString:
        """Return the part of an edge between two offsets."""
        length = self.length_m[edge]
        if from_m <= 0.0 and to_m >= length:
            return self.shapes[edge]
        return ops.substring(self.shapes[edge], from_m / length, to_m / length, normalized=True)
