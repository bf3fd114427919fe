"""Arc routing solved: a first plan, then ruin and recreate until the rounds or the seconds are used up."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sightgrid.errors import UnitRangeError
from sightgrid.patrol.arcs.annealing import anneal, recreate
from sightgrid.patrol.arcs.kernel import directions, renew
from sightgrid.patrol.arcs.problem import bound_longest, measure_gaps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sightgrid.patrol.arcs.problem import ArcProblem

# Edges beside which another is tried; with fewer edges than this all places are tried.
_NEAR, _FEW = 40, 250
# Heat at the beginning and in the end, as a share of the first plan's cost per edge.
_HOT, _COLD = 0.3, 0.003
_LEAST_HEAT = 1e-9  # where all costs are 0
# Times hotter where routes share out the work: what lies beyond the limit counts several times.
_SHARING = 30.0
# Rounds for each edge from hot to cold, if there are so many: then it is heated again.
_CYCLE = 1000
# Rounds between looks at the clock, and seconds where the clock cools the search down.
_CHUNK, _CHUNK_SECONDS = 200, 0.05
# How far below the longest route the limit lies beyond which routes cost more, by turns: near it the longest route
# counts most, far below it a shorter one is worth a larger sum.
_SQUEEZES = (0.02, 0.1, 0.02, 0.3)


@dataclass(frozen=True)
class ArcSolution:
    """Routes that serve every required edge once.

    Attributes
    ----------
    routes : tuple of tuples of (edge, against)
        For each route, the numbers of its edges in order, and whether each is served against its drawing.
    costs : tuple of float
        Cost of each route, with the ways between its edges and from and to the depot.
    rounds : int
        Rounds of ruin and recreate.
    seconds : float
        Time taken.
    """

    routes: tuple[tuple[tuple[int, bool], ...], ...]
    costs: tuple[float, ...]
    rounds: int
    seconds: float

    @property
    def total(self) -> float:
        """Sum of the routes' costs."""
        return math.fsum(self.costs)

    @property
    def longest(self) -> float:
        """Cost of the costliest route."""
        return max(self.costs, default=0.0)


def solve_arcs(
    problem: ArcProblem,
    *,
    seconds: float | None = None,
    rounds: int | None = None,
    idle_rounds: int | None = None,
    start: Sequence[Sequence[int]] | None = None,
    heat: float = 1.0,
    seed: int = 0,
) -> ArcSolution:
    """Find routes of least cost, or routes the longest of which is as short as possible.

    Parameters
    ----------
    problem : ArcProblem
    seconds, rounds, idle_rounds : optional
        The search ends after so many seconds, rounds, or rounds that found nothing better, whichever comes first. It
        cools down until the rounds are over, or the seconds if no rounds are given. Without both it runs for 20 000
        rounds and 500 more for each edge.
    start : sequence of sequences of int, optional
        Routes to begin with, as numbers of edges in order; they serve every edge once.
    heat : float
        Of the beginning, as a share of the usual one: less stays nearer to what the search begins with.
    seed : int
        Of the random choices. The same seed gives the same routes where the rounds end the search, not the seconds.

    Returns
    -------
    ArcSolution

    Raises
    ------
    UnitRangeError
        For seconds or rounds that are not above 0.

    Examples
    --------
    >>> import networkx as nx
    >>> from sightgrid.patrol.arcs import build_problem, solve_arcs
    >>> graph = nx.MultiDiGraph()
    >>> for u, v in [(1, 2), (2, 3), (3, 1)]:
    ...     _ = graph.add_edge(u, v, 0, street=(u, v, 0), reversed=False, seconds=60.0)
    ...     _ = graph.add_edge(v, u, 0, street=(u, v, 0), reversed=True, seconds=60.0)
    >>> solve_arcs(build_problem(graph, [(1, 2, 0), (2, 3, 0)], depot=1), rounds=100).total
    180.0
    """
    for name, value in (("seconds", seconds), ("rounds", rounds), ("idle rounds", idle_rounds)):
        if value is not None and not value > 0:
            raise UnitRangeError(f"{name}: must be above 0, got {value}")
    begin = time.perf_counter()
    if not len(problem.ends):
        return ArcSolution(((),) * (problem.routes or 0), (0.0,) * (problem.routes or 0), 0, 0.0)
    if seconds is None and rounds is None:
        rounds = 20_000 + 500 * len(problem.ends)
    search = _Search(problem, start, heat, seed)
    done, chunk, cycles = 0, _CHUNK, max(1, rounds // (_CYCLE * len(problem.ends))) if rounds else 0
    while len(problem.ends) > 1:
        now = time.perf_counter()
        spent = (now - begin) / seconds if seconds else 0.0
        # only the rounds cool it down if they are given, however slow the machine: the answer stays the same
        progress = done / rounds if rounds else spent
        if max(progress, spent) >= 1.0 or (idle_rounds and search.idle >= idle_rounds):
            break
        chunk = min(chunk, rounds - done) if rounds else chunk
        step = chunk / rounds if rounds else _CHUNK_SECONDS / seconds if seconds else 0.0
        share = progress * max(cycles, 1) % 1.0
        search.run(chunk, share, min(share + step * max(cycles, 1), 1.0))
        done += chunk
        if not rounds and seconds:
            rate = chunk / (time.perf_counter() - now)
            if not cycles and done > chunk:  # the first chunk may have waited for the compiler
                cycles = max(1, int(rate * seconds / (_CYCLE * len(problem.ends))))
            chunk = int(np.clip(rate * _CHUNK_SECONDS, 10, 2 * chunk))
    routes, costs = search.best_routes()
    return ArcSolution(routes, costs, done, time.perf_counter() - begin)


class _Search:
    """One search: the arrays of the compiled code, and the best plan so far."""

    def __init__(self, problem: ArcProblem, start: Sequence[Sequence[int]] | None, heat: float, seed: int) -> None:
        self._shares = problem.routes is not None and problem.routes > 1
        edges = len(problem.ends)
        load = float(problem.demand.sum())
        capacity = np.inf if problem.routes else problem.capacity
        fitting = 2 * math.ceil(load / capacity) + 1 if np.isfinite(capacity) else 1
        routes = problem.routes or min(edges, max(fitting, len(start or ())))
        self._problem = (
            problem.ends, problem.cost, problem.demand, problem.distance, problem.depot, capacity
        )  # fmt: skip
        shape = (routes, edges)
        self._plan = (
            np.zeros(shape, np.int32), np.zeros(routes, np.int64), np.zeros(routes), np.zeros(routes),
            np.zeros((*shape, 2)), np.zeros((*shape, 2)), np.full(edges, -1, np.int64), np.zeros(edges, np.int64),
        )  # fmt: skip
        self._saved = (
            np.zeros(shape, np.int32), np.zeros(routes, np.int64), np.zeros(routes), np.zeros(routes),
            np.zeros(routes, np.bool_), np.zeros(1, np.int64),
        )  # fmt: skip
        self._near = (_neighbours(problem), edges <= _FEW)
        self._taken = np.zeros(edges, np.int64)
        self._ints = np.array([seed * 7919 + 12345], np.int64)
        self._goal = bound_longest(problem)
        self._turn = 0
        self._begin(start)
        order, length, _, cost = self._plan[:4]
        self._best_plan = (order.copy(), length.copy())
        self._best = np.array([cost.sum(), cost.max(), np.inf])
        self._heat = float(cost.sum()) / edges * _HOT * (_SHARING if self._shares else 1.0) * heat
        self._heat = max(self._heat, _LEAST_HEAT)

    @property
    def idle(self) -> int:
        """Rounds since the best plan was found."""
        return int(self._saved[5][0])

    def run(self, rounds: int, progress: float, after: float) -> None:
        """Run some rounds, cooling down from one share of the whole search to the next."""
        hot, cold = (self._heat * (_COLD / _HOT) ** share for share in (progress, after))
        squeeze = _SQUEEZES[self._turn % len(_SQUEEZES)]
        self._turn += 1
        if self._shares:
            self._best[2] = max(self._best[1] * (1.0 - squeeze), self._goal)
        anneal(
            self._problem, self._plan, self._near, self._saved, self._taken, self._best_plan, self._best, self._ints,
            rounds, hot, cold, self._shares, squeeze, self._goal,
        )  # fmt: skip

    def best_routes(self) -> tuple[tuple[tuple[tuple[int, bool], ...], ...], tuple[float, ...]]:
        """The best plan with directions, without empty routes if their number is free."""
        order, length, _, cost = self._plan[:4]
        order[:], length[:] = self._best_plan
        ways = np.zeros(len(self._taken), np.int64)
        routes, costs = [], []
        for r in range(len(length)):
            renew(r, 0, length[r], self._problem, self._plan)
            directions(r, self._problem, self._plan, ways)
            if length[r] or self._shares:
                routes.append(tuple((int(e), bool(ways[e])) for e in order[r, : length[r]]))
                costs.append(float(cost[r]))
        return tuple(routes), tuple(costs)

    def _begin(self, start: Sequence[Sequence[int]] | None) -> None:
        order, length, load, _, _, _, route, place = self._plan
        if start is None:  # by demand: first fit in falling order always finds room in twice the routes needed
            taken = np.argsort(-self._problem[2], kind="stable")
            recreate(self._problem, self._plan, self._near, self._saved, taken, len(taken), np.inf, 0.0, self._ints)
        else:
            for r, edges in enumerate(start):
                order[r, : len(edges)], length[r] = edges, len(edges)
                load[r] = self._problem[2][list(edges)].sum()
                route[list(edges)], place[list(edges)] = r, np.arange(len(edges))
                renew(r, 0, len(edges), self._problem, self._plan)


def _neighbours(problem: ArcProblem) -> NDArray[np.int64]:
    """For each edge the nearest others."""
    edges = len(problem.ends)
    count = min(_NEAR, edges - 1)
    near = np.empty((edges, count), np.int64)
    for e in range(edges):
        apart = measure_gaps(problem, e)
        apart[e] = np.inf
        near[e] = np.argsort(apart, kind="stable")[:count]
    return near
