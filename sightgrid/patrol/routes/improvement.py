"""Own engine, second half: ruin and recreate (Schrimpf et al. 2000; Christiaens and Vanden Berghe 2020).

A few visits are taken out (at random, around one visit, or a piece of one route) and inserted again where they cost
least, which relocates, swaps and re-orders visits within and between routes; worse answers are kept now and then, less
often with time. The same seed gives the same routes unless the clock stops the search.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from sightgrid.patrol.routes.insertion import best_place, insert_by_regret, put, refresh, total_cost
from sightgrid.patrol.routes.timing import is_feasible

if TYPE_CHECKING:
    from collections.abc import Callable

    from sightgrid.patrol.routes.checkpoints import Case

    Progress = Callable[[str, int, int], None]

Routes = list[list[int]]
_ROUNDS = 20_000
_BATCH = 500
_HOT_S, _COLD_S = 300.0, 3.0
_BLINK = 0.02
_MOST_OUT = 10


@njit(cache=True, nogil=True)
def _take_out(case, out, routes, size, unit_of, before, after, drive, work, end):
    """Remove the visits marked in `out`."""
    for k in range(len(size)):
        kept = 0
        for i in range(size[k]):
            v = routes[k, i]
            if out[v]:
                unit_of[v] = -1
            else:
                routes[k, kept] = v
                kept += 1
        if kept < size[k]:
            size[k] = kept
            refresh(case, k, routes, size, before, after, drive, work, end)


@njit(cache=True, nogil=True)
def _mark(case, out, routes, size, unit_of):
    """Choose visits to take out."""
    n = len(unit_of)
    out[:] = False
    seed = np.random.randint(n)
    if unit_of[seed] < 0 or case.visits[seed].locked:
        return
    most = 1 + np.random.randint(min(_MOST_OUT, n))
    kind = np.random.random()
    if kind < 0.3:
        for _ in range(most):
            out[np.random.randint(n)] = True
    elif kind < 0.65:
        profile = case.units[unit_of[seed]].profile
        near = case.travel_s[profile, case.visits[seed].place]
        key = np.empty(n)
        for v in range(n):
            apart = (
                abs(
                    case.visits[v].open_s
                    + case.visits[v].close_s
                    - case.visits[seed].open_s
                    - case.visits[seed].close_s
                )
                / 2.0
            )
            key[v] = (near[case.visits[v].place] + 0.2 * apart) * (0.5 + np.random.random())
        key[seed] = -1.0
        for _ in range(most):
            closest = np.argmin(key)
            out[closest], key[closest] = True, np.inf
    else:
        k = unit_of[seed]
        at = 0
        while routes[k, at] != seed:
            at += 1
        start = max(0, at - np.random.randint(most))
        for i in range(start, min(size[k], start + most)):
            out[routes[k, i]] = True
    for v in range(n):
        if case.visits[v].locked or unit_of[v] < 0:
            out[v] = False


@njit(cache=True, nogil=True)
def _search(case, routes, size, unit_of, best_routes, best_size, best_cost, rounds, seed, hot, cold):
    """Some rounds of ruin and recreate; returns the best cost, with its routes in `best_routes`."""
    np.random.seed(seed)
    units, n = len(size), len(unit_of)
    before, after = np.full((units, n + 1), np.inf), np.full((units, n + 1), np.inf)
    drive, work, end = np.zeros(units), np.zeros(units), np.zeros(units)
    for k in range(units):
        refresh(case, k, routes, size, before, after, drive, work, end)
    cost = total_cost(case, unit_of, drive, work, end)
    out, key = np.zeros(n, np.bool_), np.empty(n)
    old_routes, old_size, old_unit = routes.copy(), size.copy(), unit_of.copy()
    for turn in range(rounds):
        old_routes[:], old_size[:], old_unit[:] = routes, size, unit_of
        _mark(case, out, routes, size, unit_of)
        _take_out(case, out, routes, size, unit_of, before, after, drive, work, end)
        order = np.random.randint(3)
        open_visits = 0
        for v in range(n):
            key[v] = np.inf
            if unit_of[v] < 0:
                open_visits += 1
                key[v] = np.random.random()
                if order == 0:
                    key[v] = -case.visits[v].penalty * (1.0 + 0.01 * key[v])
                elif order == 1:
                    key[v] = (case.visits[v].close_s - case.visits[v].open_s) * (0.5 + key[v])
        for _ in range(open_visits):
            chosen = np.argmin(key)
            key[chosen] = np.inf
            span = work.max()
            cheapest, unit, where = case.visits[chosen].penalty, -1, -1
            for k in range(units):
                price, at = best_place(case, k, chosen, routes, size, before, after, work, end, span, _BLINK)
                if price < cheapest:
                    cheapest, unit, where = price, k, at
            if unit >= 0:
                put(case, unit, where, chosen, routes, size, unit_of, before, after, drive, work, end)
        new = total_cost(case, unit_of, drive, work, end)
        heat = hot * (cold / hot) ** (turn / rounds)
        if new < cost - heat * np.log(np.random.random()):
            cost = new
            if new < best_cost - 1e-6:
                best_cost = new
                best_routes[:], best_size[:] = routes, size
        else:
            routes[:], size[:], unit_of[:] = old_routes, old_size, old_unit
            for k in range(units):
                refresh(case, k, routes, size, before, after, drive, work, end)
    return best_cost


class Search:
    """Routes under improvement.

    Parameters
    ----------
    case : Case
    routes : list of list of int
        Visits of each unit, in order; what a unit cannot make in this order is taken out first. The locked visits
        alone must be feasible.
    """

    def __init__(self, case: Case, routes: Routes) -> None:
        self._case = case
        n, units = len(case.visits.place), len(case.units.profile)
        self._routes, self._size = np.full((units, max(n, 1)), -1, np.int64), np.zeros(units, np.int64)
        self._unit_of = np.full(n, -1, np.int64)
        for k, visits in enumerate(routes):
            kept = _drop_worst(case, k, list(visits))
            self._routes[k, : len(kept)] = kept
            self._size[k] = len(kept)
            self._unit_of[kept] = k
        arrays = (np.full((units, n + 1), np.inf), np.full((units, n + 1), np.inf), *np.zeros((3, units)))
        for k in range(units):
            refresh(case, k, self._routes, self._size, *arrays)
        insert_by_regret(case, self._routes, self._size, self._unit_of, *arrays)
        self.cost = float(total_cost(case, self._unit_of, *arrays[2:]))
        self._best, self._best_size = self._routes.copy(), self._size.copy()
        self._run(0, 0, (_HOT_S, _COLD_S))  # compiles, where that is still to do, before anyone looks at the clock

    @property
    def routes(self) -> Routes:
        """The best routes so far."""
        return [route[:size].tolist() for route, size in zip(self._best, self._best_size, strict=True)]

    def improve(self, *, seconds: float, seed: int, rounds: int = _ROUNDS, progress: Progress | None = None) -> None:
        """Ruin and recreate for some rounds, or until the time is up."""
        begin, batches = time.monotonic(), max(1, rounds // _BATCH)
        for batch in range(batches):
            if time.monotonic() - begin >= seconds:
                break
            heat = (
                _HOT_S * (_COLD_S / _HOT_S) ** (batch / batches),
                _HOT_S * (_COLD_S / _HOT_S) ** ((batch + 1) / batches),
            )
            self._run(min(rounds, _BATCH), (seed * 100_003 + batch) % 2**32, heat)
            if progress is not None:
                progress("routes", batch + 1, batches)

    def _run(self, rounds: int, seed: int, heat: tuple[float, float]) -> None:
        """One batch of rounds."""
        if len(self._unit_of):
            self.cost = _search(
                self._case, self._routes, self._size, self._unit_of, self._best, self._best_size, self.cost,
                rounds, seed, *heat,
            )  # fmt: skip


def lock_routes(case: Case) -> Routes:
    """Routes that hold the locked visits only, in the order of their times."""
    routes: Routes = []
    for k in range(len(case.units.profile)):
        held = np.flatnonzero(case.visits.locked & case.allowed[k])
        routes.append(held[np.argsort(case.visits.open_s[held], kind="stable")].tolist())
    return routes


def _drop_worst(case: Case, k: int, visits: list[int]) -> list[int]:
    """Take visits out, the least missed first, until the rest can be made."""
    while not is_feasible(case, k, visits):
        loose = [v for v in visits if not case.visits[v].locked]
        freeing = [v for v in loose if is_feasible(case, k, [w for w in visits if w != v])] or loose
        visits.remove(min(freeing, key=lambda v: (float(case.visits.penalty[v]), v)))
    return visits
