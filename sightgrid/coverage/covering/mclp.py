"""Maximal covering: the most weight that a number of cameras or a budget can see."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sightgrid.coverage.covering.bounds import PlanBound
from sightgrid.coverage.covering.exact import fits, plan_exactly
from sightgrid.coverage.covering.exchange import PlanSearch
from sightgrid.coverage.covering.greedy import choose_greedily
from sightgrid.coverage.covering.instance import find_reachable, make_instance, reduce_instance
from sightgrid.coverage.covering.problem import UnseenError, read_must
from sightgrid.coverage.covering.setcover import CoverSearch
from sightgrid.coverage.covering.solution import make_solution
from sightgrid.coverage.covering.stopping import Run, Seconds, Stop
from sightgrid.errors import InfeasibleError, UnitRangeError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sightgrid.coverage.covering.instance import Instance
    from sightgrid.coverage.covering.problem import Problem
    from sightgrid.coverage.covering.solution import Solution
    from sightgrid.coverage.covering.stopping import Progress

_PASS_SECONDS = 10.0
_FIRST_ROUNDS = 1000
_CHUNK = 100
_COVER_ROUNDS = 2000
_STEPS = 25
# Shares of the time: left after the bound, and given to the exact solver of what is left.
_BOUND_SHARE, _EXACT_SHARE = 0.7, 0.7
# Small instances go to the exact solver at once: it needs less time than a good bound.
_SMALL_ENTRIES, _SMALL_SECONDS = 20_000, 5.0
_TIGHT = 1e-9


def solve_mclp(
    problem: Problem,
    *,
    count: int | None = None,
    budget: float | None = None,
    backup: float = 0.0,
    must: ArrayLike | None = None,
    stop: Stop | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Solution:
    """See as much weight as possible with a number of candidates, a budget, or both.

    Parameters
    ----------
    problem : Problem
    count : int, optional
        Largest number of new candidates.
    budget : float, optional
        Largest cost of the new candidates, in the unit of ``problem.cost``.
    backup : float
        Share of a point's weight that one more view than needed is worth, 0 to 1 (backup coverage, BCLP).
    must : array_like of bool, one per point, optional
        Points that have to be seen as often as they need.
    stop : Stop, optional
        When to stop without proof; 30 seconds if not given.
    seed : int
        Of the random choices. The same seed gives the same answer if ``stop`` counts rounds only.
    progress : callable, optional
        Called as ``progress(stage, done, total)``; 0 as total means that it is not known.

    Returns
    -------
    Solution
        The best found when the rule stopped it, or the user did (Ctrl-C).

    Raises
    ------
    UnitRangeError
        For a count or a budget that is not above 0, neither of them, or a backup share outside 0 to 1.
    UnseenError
        For points that must be seen and that not enough candidates see.
    InfeasibleError
        Where no plan within the limits was found that sees all points that must be seen.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from sightgrid.coverage.covering import Problem, solve_mclp
    >>> sees = sparse.csc_array(np.array([[1, 1, 0], [1, 0, 1], [0, 1, 0]]))
    >>> plan = solve_mclp(Problem(sees, cost=[3, 2, 2]), budget=4)
    >>> sorted(plan.chosen.tolist()), plan.objective, plan.status
    ([1, 2], 3.0, 'optimal')
    """
    _check_limits(count, budget, backup)
    must_see = read_must(must, problem)
    run = Run(stop or Seconds(30.0), progress)
    reachable = find_reachable(problem)
    if (must_see & ~reachable).any():
        share = float(problem.weight[reachable].sum() / problem.weight.sum())
        hidden = np.flatnonzero(must_see & ~reachable)
        raise UnseenError("points that must be seen are seen by too few candidates", hidden, reachable_share=share)
    limit = np.inf if budget is None else float(budget)
    instance = make_instance(problem, backup=backup, must=must_see)
    affordable = instance.cost <= limit
    if not affordable.all():
        instance = _drop_unaffordable(instance, affordable)
    with run.stage():
        run.report("reduce", 0)
        instance = reduce_instance(
            instance, all_points=False, seconds=min(_PASS_SECONDS, run.seconds_left / 4), stopped=lambda: run.stopped
        )
    most = instance.shape[1] if count is None else min(int(count), instance.shape[1])
    chosen, bound = np.empty(0, np.int64), 0.0
    if most and instance.shape[0]:
        chosen, bound = _Planning(instance, most, limit, run, seed).solve()
    return make_solution(
        problem, instance.candidates[chosen], model="mclp", bound=bound + instance.given, run=run, backup=backup
    )


def _check_limits(count: int | None, budget: float | None, backup: float) -> None:
    if count is None and budget is None:
        raise UnitRangeError("count, budget: at least one of them is needed")
    if count is not None and (count < 1 or count != int(count)):
        raise UnitRangeError(f"count: must be a whole number of at least 1, got {count}")
    if budget is not None and not (budget > 0 and np.isfinite(budget)):
        raise UnitRangeError(f"budget: must be a finite number above 0, got {budget}")
    if not 0 <= backup <= 1:
        raise UnitRangeError(f"backup: must be from 0 to 1, got {backup}")


def _drop_unaffordable(instance: Instance, affordable: NDArray[np.bool_]) -> Instance:
    """The instance without candidates beyond the budget, and without the points that only they see."""
    instance = instance.take(np.ones(instance.shape[0], np.bool_), affordable)
    left = np.asarray(instance.sees.sum(axis=1, dtype=np.int64)) >= instance.need
    if (instance.must & ~left).any():
        raise InfeasibleError("points that must be seen are seen only by candidates beyond the budget")
    return instance.take(left, np.ones(instance.shape[1], np.bool_))


class _Planning:
    """One run on one instance: greedy, swaps, bound, search, exact, and search again for the rest of the time."""

    def __init__(self, instance: Instance, count: int, budget: float, run: Run, seed: int) -> None:
        self._instance, self._count, self._budget, self._run = instance, count, budget, run
        self._bound = everything = float(instance.first.sum() + instance.second.sum())
        # A point that must be seen outweighs all that may be seen, so that the search wants it first.
        first = instance.first + np.where(instance.must, 2.0 * everything + 1.0, 0.0)
        self._search = PlanSearch(instance, count=count, budget=budget, first=first, seed=seed)
        self._search.start(_start(instance, count, budget, first, run, seed))
        self._best = self._search.best
        self._settle()

    def solve(self) -> tuple[NDArray[np.int64], float]:
        """Numbers in the instance of the best plan, and a bound of what the instance has to give."""
        run = self._run
        with run.stage():
            while not run.stopped and self._search.improve():
                run.report("swap", 0)
            self._offer(self._search.best)
            if run.may_prove and self._instance.sees.nnz <= _SMALL_ENTRIES and np.isfinite(run.seconds_left):
                self._solve_exactly(min(_SMALL_SECONDS, _EXACT_SHARE * run.seconds_left))
            self._tighten_bound()
            while not run.stopped and self._search.rounds < _FIRST_ROUNDS:
                self._wander()
            if run.may_prove and fits(self._instance, _EXACT_SHARE * run.seconds_left):
                self._solve_exactly(_EXACT_SHARE * run.seconds_left)
            while not run.stopped:
                self._wander()
        if not _sees_must(self._instance, self._best):
            raise InfeasibleError("no plan within the limits was found that sees all points that must be seen")
        return self._best, self._bound

    def _offer(self, chosen: NDArray[np.int64]) -> None:
        """Keep a plan if it is the best so far."""
        instance = self._instance
        keeps = not _sees_must(instance, self._best)
        better = _worth(instance, chosen) > _worth(instance, self._best)
        if (keeps or better) and _sees_must(instance, chosen) >= _sees_must(instance, self._best):
            self._best = chosen
        self._settle()

    def _settle(self) -> None:
        """Compare the best plan with the bound."""
        value = _worth(self._instance, self._best)
        gap = (self._bound - value) / max(self._bound + self._instance.given, 1e-300)
        self._run.state.gap = gap
        self._run.proven = gap <= _TIGHT and _sees_must(self._instance, self._best)

    def _tighten_bound(self) -> None:
        run, prices = self._run, PlanBound(self._instance, count=self._count, budget=self._budget)
        value, at_first = _worth(self._instance, self._best), run.seconds_left
        while run.may_prove and not prices.is_tight and run.seconds_left >= _BOUND_SHARE * at_first:
            self._bound = min(self._bound, prices.run(_STEPS, goal=value))
            run.report("bound", 0)
            self._settle()

    def _wander(self) -> None:
        search, run = self._search, self._run
        before = search.rounds
        improved = search.run(int(min(_CHUNK, run.rounds_left)))
        run.note_rounds(max(search.rounds - before, 1), improved=improved)
        run.report("search", run.state.rounds)
        if improved:
            self._offer(search.best)

    def _solve_exactly(self, seconds: float) -> None:
        self._run.report("exact", 0)
        answer = plan_exactly(self._instance, count=self._count, budget=self._budget, seconds=seconds)
        if answer.infeasible:
            raise InfeasibleError("no plan within the limits sees all points that must be seen")
        if answer.bound is not None:
            self._bound = min(self._bound, answer.bound)
        if answer.chosen is not None and self._keeps_limits(answer.chosen):
            self._offer(answer.chosen)
        self._settle()

    def _keeps_limits(self, chosen: NDArray[np.int64]) -> bool:
        """An independent look: solvers have tolerances."""
        cost, group = self._instance.cost[chosen].sum(), self._instance.group[chosen]
        group = group[group >= 0]
        within = len(chosen) <= self._count and cost <= self._budget * (1 + 1e-12)
        return bool(within and len(np.unique(group)) == len(group))


def _start(
    instance: Instance, count: int, budget: float, first: NDArray[np.float64], run: Run, seed: int
) -> NDArray[np.int64]:
    """The better one of the greedy plans by gain and by gain per cost, or a cover of what must be seen."""
    with run.stage():
        run.report("greedy", 0)
    plans = [choose_greedily(instance, count=count, budget=budget, first=first)]
    if np.isfinite(budget):
        plans.append(choose_greedily(instance, count=count, budget=budget, by_price=True, first=first))
    plan = max(plans, key=lambda chosen: _worth(instance, chosen, first))
    if _sees_must(instance, plan):
        return plan
    part = instance.take(instance.must, np.ones(instance.shape[1], np.bool_))
    if count < instance.shape[1]:
        part = replace(part, cost=np.ones(instance.shape[1]))
    cover = CoverSearch(part, seed=seed)
    cover.start(choose_greedily(part, first=np.ones(part.shape[0])))
    cover.run(_COVER_ROUNDS, goal=count if count < instance.shape[1] else budget)
    fits_in = 0 < len(cover.best) <= count and instance.cost[cover.best].sum() <= budget
    return cover.best if fits_in else plan


def _worth(instance: Instance, chosen: NDArray[np.int64], first: NDArray[np.float64] | None = None) -> float:
    views = np.asarray(instance.sees[:, chosen].sum(axis=1, dtype=np.int64))
    first = instance.first if first is None else first
    return float(first[views >= instance.need].sum() + instance.second[views > instance.need].sum())


def _sees_must(instance: Instance, chosen: NDArray[np.int64]) -> bool:
    views = np.asarray(instance.sees[:, chosen].sum(axis=1, dtype=np.int64))
    return bool((views >= instance.need)[instance.must].all())
