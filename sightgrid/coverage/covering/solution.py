"""What a solver answers: the chosen candidates in rank order, what they are worth, and how good that is at least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from sightgrid.coverage.covering.greedy import choose_greedily
from sightgrid.coverage.covering.instance import Instance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sightgrid.coverage.covering.problem import Problem
    from sightgrid.coverage.covering.stopping import Run

_TIGHT = 1e-9


@dataclass(frozen=True, eq=False)
class Solution:
    """A plan, and what is known about it.

    Attributes
    ----------
    model : {'mclp', 'lscp'}
        Whether weight was maximised under a limit, or cost minimised under a goal.
    chosen : ndarray of int
        New candidates, the most useful first; those that stand already are not among them.
    objective : float
        Weight seen, including by what stands already (mclp), or cost of the new candidates (lscp).
    bound : float
        No plan can do better than this.
    gap : float
        Distance of the two as a share of the larger one, 0 to 1.
    status : {'optimal', 'feasible'}
        Optimal only where the bound proves it.
    seconds : float
    rounds : int
        Rounds of local search.
    ranking : pandas.DataFrame
        By rank: candidate, gain (weight), cumulative_share (of all weight), cost, cumulative_cost. Gains never rise,
        unless points need several views.
    unseen : ndarray of int
        Points with weight that stay without the views they need.
    interrupted : bool
        Whether the user ended the run early.
    """

    model: Literal["mclp", "lscp"]
    chosen: NDArray[np.int64]
    objective: float
    bound: float
    gap: float
    status: Literal["optimal", "feasible"]
    seconds: float
    rounds: int
    ranking: pd.DataFrame
    unseen: NDArray[np.int64]
    interrupted: bool

    @property
    def share(self) -> float:
        """Share of all weight that is seen as often as needed."""
        return float(self.ranking.attrs["share"])

    def summary(self) -> str:
        """One line for people."""
        what = "weight seen" if self.model == "mclp" else "cost"
        how = "proven optimal" if self.status == "optimal" else f"at most {self.gap:.1%} from the best possible"
        return (
            f"{len(self.chosen)} candidates, {what} {self.objective:g} (bound {self.bound:g}, {how}), "
            f"{self.share:.1%} seen, {self.seconds:.1f} s, {self.rounds} rounds"
        )


def make_solution(
    problem: Problem,
    chosen: NDArray[np.int64],
    *,
    model: Literal["mclp", "lscp"],
    bound: float,
    run: Run,
    backup: float = 0.0,
) -> Solution:
    """Rank the chosen candidates and measure, on the problem itself, what they are worth."""
    ranking = rank_candidates(problem, chosen, backup=backup)
    ranked = ranking["candidate"].to_numpy()
    everything = np.concatenate([problem.fixed, ranked])
    if model == "mclp":
        objective = problem.measure(everything, backup=backup)
        bound = max(bound, objective)
    else:
        objective = float(problem.cost[ranked].sum())
        bound = min(bound, objective)
    gap = abs(bound - objective) / max(abs(bound), abs(objective), 1e-300)
    optimal = gap <= _TIGHT
    views = problem.count_views(everything)
    return Solution(
        model=model, chosen=ranked, objective=objective, bound=objective if optimal else bound,
        gap=0.0 if optimal else gap, status="optimal" if optimal else "feasible", seconds=run.seconds,
        rounds=run.state.rounds, ranking=ranking,
        unseen=np.flatnonzero((views < problem.needed) & (problem.weight > 0)), interrupted=run.interrupted,
    )  # fmt: skip


def rank_candidates(problem: Problem, chosen: NDArray[np.int64], *, backup: float = 0.0) -> pd.DataFrame:
    """Put candidates in greedy order, after what stands already, and tell what each adds; see `Solution.ranking`."""
    return _tabulate(problem, _rank(problem, chosen, backup), backup)


def _rank(problem: Problem, chosen: NDArray[np.int64], backup: float) -> NDArray[np.int64]:
    """The chosen candidates in greedy order; those that add nothing come last."""
    views = problem.count_views(problem.fixed)
    need, first, second = problem.needed - views, problem.weight.copy(), backup * problem.weight
    next_only = need == 0
    first[next_only], second[next_only] = second[next_only], 0.0
    rows = (need >= 0) & (first > 0)
    chosen = np.sort(chosen)
    instance = Instance(
        problem.sees[:, chosen], np.maximum(need, 1), first, second, rows, problem.cost[chosen],
        np.full(len(chosen), -1), chosen, 0.0,
    ).take(rows, np.ones(len(chosen), np.bool_))  # fmt: skip
    order = choose_greedily(instance)
    return np.concatenate([chosen[order], np.delete(chosen, order)])


def _tabulate(problem: Problem, ranked: NDArray[np.int64], backup: float) -> pd.DataFrame:
    views = problem.count_views(problem.fixed)
    weight, total = problem.weight, problem.weight.sum()
    share = weight[views >= problem.needed].sum()
    gains, shares = np.zeros(len(ranked)), np.zeros(len(ranked))
    indptr, indices = problem.sees.indptr, problem.sees.indices
    for rank, candidate in enumerate(ranked):
        rows = indices[indptr[candidate] : indptr[candidate + 1]]
        views[rows] += 1
        seen = weight[rows[views[rows] == problem.needed[rows]]].sum()
        again = weight[rows[views[rows] == problem.needed[rows] + 1]].sum()
        share += seen
        gains[rank], shares[rank] = seen + backup * again, share / total
    frame = pd.DataFrame(
        {
            "candidate": ranked,
            "gain": gains,
            "cumulative_share": shares,
            "cost": problem.cost[ranked],
            "cumulative_cost": np.cumsum(problem.cost[ranked]),
        },
        index=pd.RangeIndex(1, len(ranked) + 1, name="rank"),
    )
    frame.attrs["share"] = float(share / total)
    return frame
