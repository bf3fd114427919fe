"""Patrolling in spare time: which streets a unit takes between two appointments.

A pass of a street collects its attention, once an hour: a street passed t < 1 h ago is worth attention x t / 1 h. From
where it is, a unit takes the way that collects most per second among the fastest ways to all streets around it from
which the next appointment can still be kept (a greedy answer to the orienteering problem), and so on until there is
no such street; then it takes the fastest way to the appointment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit
from scipy.sparse import csgraph

from sightgrid.patrol.routes.timing import SLACK_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from sightgrid.patrol.streets.network import Edge, Network

FRESH_S = 3600.0
# How far ahead a unit looks, in seconds of its travel; farther if there is nothing.
_NEAR_S = 400.0


class Passage(NamedTuple):
    """An edge driven, and when."""

    edge: Edge
    start_s: float
    end_s: float


@njit(cache=True, nogil=True)
def _choose(seconds, order, before, arc_to, tail, head, arc_s, street, worth, last, now, back, until, rest, fresh):
    """Arc at the end of the way with most attention per second, -1 if there is none that keeps the appointment."""
    found = np.zeros(len(seconds))
    for node in order:
        if seconds[node] == np.inf:
            break
        arc = arc_to[node]
        if before[node] >= 0 and arc >= 0:
            s = street[arc]
            found[node] = found[before[node]] + worth[s] * min(1.0, abs(now + seconds[node] - last[s]) / fresh)
    best, chosen = 0.0, -1
    for arc in range(len(tail)):
        reach = seconds[tail[arc]]
        if reach == np.inf:
            continue
        total = reach + arc_s[arc]
        done, left = now + total, back[head[arc]]
        if done > until or left > rest or (rest == np.inf and done + left > until):
            continue
        s = street[arc]
        into = arc_to[tail[arc]]
        gain = found[tail[arc]]
        if into < 0 or street[into] != s:
            gain += worth[s] * min(1.0, abs(done - last[s]) / fresh)
        rate = gain / max(total, 1e-3)
        if rate > best:
            best, chosen = rate, arc
    return chosen


@njit(cache=True, nogil=True)
def _arcs_to(before, first, to, arcs):
    """Fastest arc into each node of a tree of fastest ways, -1 for its root and what it does not reach."""
    into = np.full(len(before), -1)
    for node in range(len(before)):
        if before[node] >= 0:
            for i in range(first[before[node]], first[before[node] + 1]):
                if to[i] == node:
                    into[node] = arcs[i]
                    break
    return into


class Terrain:
    """A network as arrays, with the attention on it.

    Parameters
    ----------
    network : Network
    rows : mapping
        Number of each street in `worth`, by its index.
    """

    def __init__(self, network: Network, rows: Mapping[tuple[int, int, int], int]) -> None:
        self.network = network
        edges = list(network.graph.edges(keys=True, data=True))
        self.edges: list[Edge] = [(u, v, key) for u, v, key, _ in edges]
        self._tail = network.positions([u for u, *_ in edges]).astype(np.int64)
        self._head = network.positions([v for _, v, *_ in edges]).astype(np.int64)
        self._seconds = np.array([data["seconds"] for *_, data in edges], float)
        self._street = np.array([rows[data["street"]] for *_, data in edges], np.int64)
        self._row = dict(zip(self.edges, self._street.tolist(), strict=True))
        # the fastest arc of each pair of neighbours, as compressed rows; ties as Network.fastest breaks them
        key = np.array([k for *_, k in self.edges], np.int64)
        order = np.lexsort([key, self._seconds, self._head, self._tail])
        pairs = np.column_stack([self._tail[order], self._head[order]])
        fastest = order[np.append(True, (np.diff(pairs, axis=0) != 0).any(axis=1))]
        self._to, self._arcs = self._head[fastest], fastest.astype(np.int64)
        self._first = np.searchsorted(self._tail[fastest], np.arange(len(network.nodes) + 1)).astype(np.int64)
        self._reverse = network.matrix.T.tocsr()
        self._trees: dict[int, tuple[NDArray[np.float64], NDArray[np.int32]]] = {}

    def ways_to(self, node: int) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Seconds from every position to this one, and the next position on the way (negative: none)."""
        if node not in self._trees:
            self._trees[node] = csgraph.dijkstra(self._reverse, indices=node, return_predecessors=True)
        return self._trees[node]

    def drive(self, here: int, target: int, now_s: float) -> list[Passage]:
        """The fastest way between two positions."""
        _, onward = self.ways_to(target)
        passed: list[Passage] = []
        while here != target:
            after = int(onward[here])
            now_s = self._pass(passed, self._fastest(here, after), now_s)
            here = after
        return passed

    def patrol(
        self,
        here: int,
        target: int,
        now_s: float,
        *,
        until_s: float,
        rest_s: float,
        worth: NDArray[np.float64],
        last_s: NDArray[np.float64],
    ) -> tuple[list[Passage], int]:
        """Collect attention until only the appointment is left; returns what was driven and the position reached.

        Parameters
        ----------
        here, target : int
            Positions in the network's nodes.
        now_s : float
            Time at `here`.
        until_s : float
            When the unit has to be at `target`; with a `rest_s`, when it may be anywhere from which it gets to
            `target` within that time.
        rest_s : float
            See there; inf for none.
        worth : ndarray
            Attention of each street.
        last_s : ndarray
            When each street was last passed; brought up to date.
        """
        back, _ = self.ways_to(target)
        passed: list[Passage] = []
        while True:
            arc = -1
            for limit in (_NEAR_S, np.inf):
                seconds, before = csgraph.dijkstra(
                    self.network.matrix, indices=here, return_predecessors=True, limit=min(limit, until_s - now_s)
                )
                into = _arcs_to(before, self._first, self._to, self._arcs)
                arc = _choose(
                    seconds, np.argsort(seconds), before, into, self._tail, self._head, self._seconds, self._street,
                    worth, last_s, now_s, back, until_s + SLACK_S, rest_s + SLACK_S, FRESH_S,
                )  # fmt: skip
                if arc >= 0 or limit >= until_s - now_s:
                    break
            if arc < 0:
                return passed, here
            way = [arc]
            while into[self._tail[way[-1]]] >= 0:
                way.append(int(into[self._tail[way[-1]]]))
            for step in reversed(way):
                now_s = self._pass(passed, step, now_s)
                last_s[self._street[step]] = now_s
            here = int(self._head[arc])

    def streets(self, passages: list[Passage]) -> NDArray[np.int64]:
        """Numbers of the streets passed."""
        return np.array([self._row[passage.edge] for passage in passages], np.int64)

    def _pass(self, passed: list[Passage], arc: int, now_s: float) -> float:
        end = now_s + float(self._seconds[arc])
        passed.append(Passage(self.edges[arc], now_s, end))
        return end

    def _fastest(self, here: int, after: int) -> int:
        low, high = self._first[here], self._first[here + 1]
        return int(self._arcs[low:high][self._to[low:high] == after][0])


def number_streets(streets: pd.Index) -> dict[tuple[int, int, int], int]:
    """Number of each street."""
    return {street: at for at, street in enumerate(streets)}
