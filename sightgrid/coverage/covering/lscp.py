"""Set cover: the least costly plan that sees everything that can be seen, or a share of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from sightgrid.coverage.covering.bounds import CoverBound
from sightgrid.coverage.covering.exact import cover_exactly, fits
from sightgrid.coverage.covering.exchange import PlanSearch
from sightgrid.coverage.covering.greedy import choose_greedily
from sightgrid.coverage.covering.instance import find_reachable, make_instance, reduce_instance
from sightgrid.coverage.covering.problem import UnseenError, read_must
from sightgrid.coverage.covering.setcover import CoverSearch
from sightgrid.coverage.covering.solution import make_solution
from sightgrid.coverage.covering.stopping import Run, Seconds, Stop
from sightgrid.errors import UnitRangeError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sightgrid.coverage.covering.instance import Instance
    from sightgrid.coverage.covering.problem import Problem
    from sightgrid.coverage.covering.solution import Solution
    from sightgrid.coverage.covering.stopping import Progress

_PASS_SECONDS = 10.0
_STEPS = 25
# Searches side by side, from different greedy covers; a fixed number, so that the answer is the same anywhere.
_SEARCHES = 2
# Work of one call of a kernel, as entries touched: some tenths of a second.
_CHUNK_ENTRIES = 100_000_000
# Rounds of search before the bound, and chunks of it before the exact solver take their turn.
_FIRST_ROUNDS, _FIRST_CHUNKS = 1000, 4
# Shares of the time: left after the bound, and given to the exact solver of what is left.
_BOUND_SHARE, _EXACT_SHARE = 0.8, 0.4
# Small instances go to the exact solver at once: it needs less time than a good bound.
_SMALL_ENTRIES, _SMALL_SECONDS = 20_000, 5.0
_TIGHT = 1e-9


def solve_lscp(
    problem: Problem,
    *,
    share: float | None = None,
    must: ArrayLike | None = None,
    stop: Stop | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Solution:
    """See all weight that can be seen, or a share of all weight, at the least cost.

    Parameters
    ----------
    problem : Problem
    share : float, optional
        Share of the total weight that has to be seen, above 0 and up to 1 (partial cover); if not given, everything
        that enough candidates see, while the rest stays unseen without complaint.
    must, stop, seed, progress
        See `sightgrid.coverage.covering.solve_mclp`.

    Returns
    -------
    Solution
        The best found when the rule stopped it, or the user did (Ctrl-C).

    Raises
    ------
    UnitRangeError
        For a share outside 0 to 1.
    UnseenError
        Where the share cannot be reached, a point that must be seen is seen by too few candidates, or no plan was
        found that keeps the groups; carries the points and the largest share that can be (or was) reached.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from sightgrid.coverage.covering import Problem, solve_lscp
    >>> sees = sparse.csc_array(np.array([[1, 0, 0], [1, 0, 1], [0, 1, 0], [0, 1, 1]]))
    >>> plan = solve_lscp(Problem(sees))
    >>> sorted(plan.chosen.tolist()), plan.objective, plan.bound
    ([0, 1], 2.0, 2.0)
    """
    if share is not None and not 0 < share <= 1:
        raise UnitRangeError(f"share: must be above 0 and at most 1, got {share}")
    must_see = read_must(must, problem)
    run = Run(stop or Seconds(30.0), progress)
    goal = _read_goal(problem, share, must_see)
    instance = make_instance(problem, must=must_see)
    if goal is not None:
        goal -= instance.given
        # Points that must be seen come first in the count of the weight, so a goal of 0 or less leaves only them.
        goal = max(goal, 0.0)
    with run.stage():
        run.report("reduce", 0)
        instance = reduce_instance(
            instance, all_points=goal is None, seconds=min(_PASS_SECONDS, run.seconds_left / 4),
            stopped=lambda: run.stopped,
        )  # fmt: skip
    if not instance.shape[0] or (goal == 0.0 and not instance.must.any()):
        return make_solution(problem, np.empty(0, np.int64), model="lscp", bound=0.0, run=run)
    chosen, bound = _Covering(instance, goal, run, seed).solve()
    if chosen is None:
        most = choose_greedily(instance)
        views = problem.count_views(np.concatenate([problem.fixed, instance.candidates[most]]))
        hidden = views < problem.needed
        raise UnseenError(
            "no plan with one candidate of each group was found that sees enough; the best one leaves points unseen",
            np.flatnonzero(hidden & (problem.weight > 0)),
            reachable_share=float(problem.weight[~hidden].sum() / problem.weight.sum()),
        )
    return make_solution(problem, instance.candidates[chosen], model="lscp", bound=bound, run=run)


def _read_goal(problem: Problem, share: float | None, must: NDArray[np.bool_]) -> float | None:
    """Weight to be seen (None: all that can be), once it is clear that it can be."""
    reachable = find_reachable(problem)
    total = float(problem.weight.sum())
    most = float(problem.weight[reachable].sum())
    hidden = np.flatnonzero(~reachable & (problem.weight > 0))
    if (must & ~reachable).any():
        raise UnseenError(
            "points that must be seen are seen by too few candidates", np.flatnonzero(must & ~reachable),
            reachable_share=most / total,
        )  # fmt: skip
    if share is None:
        return None
    if share * total > most * (1 + _TIGHT):
        raise UnseenError(
            f"a share of {share:.1%} cannot be seen: candidates reach {most / total:.1%} of the weight", hidden,
            reachable_share=most / total,
        )  # fmt: skip
    return None if share * total >= most * (1 - _TIGHT) else share * total


class _Covering:
    """One run on one instance: greedy, search, bound, exact, and search again for the rest of the time."""

    def __init__(self, instance: Instance, goal: float | None, run: Run, seed: int) -> None:
        self._instance, self._goal, self._run, self._seed = instance, goal, run, seed
        self._whole = bool((instance.cost == np.floor(instance.cost)).all())
        self._best: NDArray[np.int64] | None = None
        self._cost, self._bound = np.inf, 0.0

    def solve(self) -> tuple[NDArray[np.int64] | None, float]:
        """The best cover, or None where none was found, and a lower bound of the cost."""
        run, instance = self._run, self._instance
        with run.stage():
            run.report("greedy", 0)
        self._begin()
        search = self._search_all if self._goal is None else self._search_share
        with run.stage():
            if not run.stopped:
                search(_FIRST_ROUNDS)
            if run.may_prove and instance.sees.nnz <= _SMALL_ENTRIES and np.isfinite(run.seconds_left):
                self._solve_exactly(min(_SMALL_SECONDS, _EXACT_SHARE * run.seconds_left))
            prices, at_first = CoverBound(instance, goal_weight=self._goal), run.seconds_left
            while run.may_prove and not prices.is_tight and run.seconds_left >= _BOUND_SHARE * at_first:
                known = self._cost if np.isfinite(self._cost) else float(instance.cost.sum())
                self._raise_bound(prices.run(_STEPS, goal=known))
                run.proven |= prices.shows_infeasible
                run.report("bound", 0)
            for _ in range(_FIRST_CHUNKS):
                if run.stopped:
                    break
                search()
            if run.may_prove and fits(instance, _EXACT_SHARE * run.seconds_left):
                self._solve_exactly(_EXACT_SHARE * run.seconds_left)
            while not run.stopped:
                search()
        return self._best, self._bound

    def _begin(self) -> None:
        instance = self._instance
        if self._goal is None:
            equal = np.ones(instance.shape[0]) * instance.need
            self._searches = [CoverSearch(instance, seed=self._seed + k) for k in range(_SEARCHES)]
            for k, one in enumerate(self._searches):
                one.start(choose_greedily(instance, by_price=True, seed=self._seed + k, first=equal))
                one.run(1)
                self._offer(one.best, one.cost)
            return
        # Points that must be seen outweigh all others, and the goal counts them so.
        extra = np.where(instance.must, 2.0 * float(instance.first.sum()) + 1.0, 0.0)
        self._first = instance.first + extra
        self._target = self._goal + float(extra.sum())
        for by_price in (True, False):
            order = choose_greedily(instance, by_price=by_price, seed=self._seed, first=self._first)
            self._offer(*self._shorten(order))
        self._plan: PlanSearch | None = None

    def _offer(self, chosen: NDArray[np.int64], cost: float) -> bool:
        """Keep a cover if it is the cheapest so far."""
        if not len(chosen) or not cost < self._cost - _TIGHT:
            return False
        self._best, self._cost = chosen, cost
        self._settle()
        return True

    def _settle(self) -> None:
        if self._best is None:
            return
        self._run.state.gap = (self._cost - self._bound) / max(self._cost, 1e-300)
        self._run.proven = self._run.state.gap <= _TIGHT

    def _raise_bound(self, bound: float) -> None:
        if self._whole:
            bound = np.ceil(bound - 1e-6 * max(1.0, bound))
        self._bound = max(self._bound, min(bound, self._cost))
        self._settle()

    def _search_all(self, most: int = 50_000) -> None:
        """A chunk of every search, side by side."""
        points, candidates = self._instance.shape
        entries = self._instance.sees.nnz
        work = entries / candidates * entries / points + 100
        rounds = int(min(max(_CHUNK_ENTRIES // work, 20), most, self._run.rounds_left))
        with ThreadPoolExecutor(_SEARCHES) as pool:
            list(pool.map(lambda one: one.run(rounds, goal=self._bound), self._searches))
        improved = False
        for one in self._searches:
            improved |= self._offer(one.best, one.cost)
        self._run.note_rounds(rounds, improved=improved)
        self._run.report("search", self._run.state.rounds)

    def _search_share(self, most: int = 100) -> None:
        """A chunk of search for a plan that sees enough and costs less than the best."""
        instance, run = self._instance, self._run
        step = 1.0 if self._whole else 1e-6 * max(self._cost, 1e-300)
        if self._plan is None:
            less = self._cost - step if np.isfinite(self._cost) else float(instance.cost.sum())
            start, spent = [], 0.0
            for j in np.empty(0, np.int64) if self._best is None else self._best:
                if spent + instance.cost[j] <= less:
                    start.append(j)
                    spent += instance.cost[j]
            self._plan = PlanSearch(
                instance, count=instance.shape[1], budget=less, first=self._first, seed=self._seed + run.state.rounds
            )
            self._plan.start(np.array(start, np.int64))
        before = self._plan.rounds
        self._plan.run(int(min(most, 100, run.rounds_left)), goal=self._target)
        improved = self._plan.value >= self._target * (1 - 1e-12) and self._offer(*self._shorten(self._plan.best))
        done = self._plan.rounds - before
        if improved or not done:
            self._plan = None
        run.note_rounds(max(done, 1), improved=improved)
        run.report("search", run.state.rounds)

    def _shorten(self, order: NDArray[np.int64]) -> tuple[NDArray[np.int64], float]:
        """Leave out, dearest first, what is not needed for the goal; infinitely dear if the goal is not reached."""
        instance = self._instance
        views = np.asarray(instance.sees[:, order].sum(axis=1, dtype=np.int64))
        seen = float(self._first[views >= instance.need].sum())
        if seen < self._target * (1 - 1e-12):
            return order, np.inf
        kept = []
        for j in order[np.argsort(-instance.cost[order], kind="stable")]:
            rows = instance.sees.indices[instance.sees.indptr[j] : instance.sees.indptr[j + 1]]
            loss = float(self._first[rows[views[rows] == instance.need[rows]]].sum())
            if seen - loss >= self._target * (1 - 1e-12):
                views[rows] -= 1
                seen -= loss
            else:
                kept.append(j)
        chosen = np.array(kept, np.int64)
        return chosen, float(instance.cost[chosen].sum())

    def _solve_exactly(self, seconds: float) -> None:
        self._run.report("exact", 0)
        step = 1.0 if self._whole else 0.0
        answer = cover_exactly(self._instance, goal_weight=self._goal, below=self._cost - step, seconds=seconds)
        if answer.infeasible:  # nothing is cheaper, or nothing keeps the groups
            self._raise_bound(self._cost)
            self._run.proven = True
            return
        if answer.chosen is not None and self._reaches(answer.chosen):
            self._offer(answer.chosen, float(self._instance.cost[answer.chosen].sum()))
        if answer.bound is not None:
            self._raise_bound(answer.bound)

    def _reaches(self, chosen: NDArray[np.int64]) -> bool:
        """An independent look: solvers have tolerances."""
        instance = self._instance
        seen = np.asarray(instance.sees[:, chosen].sum(axis=1, dtype=np.int64)) >= instance.need
        if self._goal is None:
            return bool(seen.all())
        return bool(seen[instance.must].all() and instance.first[seen].sum() >= self._goal * (1 - 1e-12))
