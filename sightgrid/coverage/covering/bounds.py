"""Bounds by Lagrange multipliers: how good any answer can be at most, without solving the problem.

Seeing and choosing are decoupled: each point gets a price for a view, points buy views and candidates sell them, each
side at its own best. Whatever the prices, the result is a bound; the subgradient method moves the prices so that it
gets tight. In the limit it equals the bound of the linear relaxation, at the memory of one matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sightgrid.coverage.covering.instance import Instance

_PATIENCE = 25
_SHORTEST = 1e-3


class _Bound:
    """The subgradient method; ``value`` is the best bound so far."""

    value: float

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._by_row = instance.sees.tocsr().astype(np.float64)
        self._by_column = self._by_row.T
        self._prices = self._best = np.zeros(instance.shape[0])
        self._step, self._idle = 1.0, 0
        group = instance.group
        self._grouped = np.flatnonzero(group >= 0)
        self._grouped = self._grouped[np.argsort(group[self._grouped], kind="stable")]
        self._heads = np.flatnonzero(np.diff(group[self._grouped], prepend=-1)) if len(self._grouped) else None

    @property
    def is_tight(self) -> bool:
        """Whether further steps would hardly change anything."""
        return self._step < _SHORTEST

    def _incomes(self) -> NDArray[np.float64]:
        """What each candidate would sell its views for."""
        return np.asarray(self._by_column @ self._prices)

    def _best_of_groups(self, worth: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same, but nothing for candidates beside a better one of their group."""
        if self._heads is None:
            return worth
        worth = worth.copy()
        values = worth[self._grouped]
        best = np.repeat(np.maximum.reduceat(values, self._heads), np.diff(self._heads, append=len(values)))
        winner = np.flatnonzero(values == best)
        groups = self._instance.group[self._grouped]
        first = winner[np.unique(groups[winner], return_index=True)[1]]
        kept = values[first]
        worth[self._grouped] = 0.0
        worth[self._grouped[first]] = kept
        return worth

    def _advance(self, bound: float, slope: NDArray[np.float64], goal: float, *, sign: int) -> None:
        """Keep the bound if it is better (sign 1: higher), and raise the prices of views that are short."""
        if sign * (bound - self.value) > 1e-6 * max(1.0, abs(self.value)) * (self._step > _SHORTEST):
            self._idle = 0
        else:
            self._idle += 1
        if sign * bound > sign * self.value:
            self.value, self._best = bound, self._prices
        if self._idle >= _PATIENCE:
            self._idle, self._step, self._prices = 0, self._step / 2, self._best
        length = float(slope @ slope)
        if length == 0.0:
            self._step = 0.0
            return
        distance = max(abs(goal - bound), 1e-6 * max(1.0, abs(goal)))
        self._prices = np.maximum(self._prices + self._step * distance / length * slope, 0.0)


class PlanBound(_Bound):
    """Upper bound of what a number of cameras or a budget can see."""

    def __init__(self, instance: Instance, *, count: int, budget: float) -> None:
        super().__init__(instance)
        self._count, self._budget = count, budget
        self.value = float(instance.first.sum() + instance.second.sum())
        self._prices = self._best = 0.5 * instance.first / instance.need

    def run(self, steps: int, *, goal: float) -> float:
        """Some steps of the subgradient method; ``goal`` is the value of a known plan. Returns the best bound."""
        need, first, second = self._instance.need, self._instance.first, self._instance.second
        for _ in range(steps):
            if self.is_tight:
                break
            seen = first - need * self._prices
            again = second - self._prices
            buys_second = again > 0
            profit = seen + np.where(buys_second, again, 0.0)
            buys = profit > 0
            sold, chosen = self._sell(self._incomes())
            demand = np.where(buys, need + buys_second, 0)
            self._advance(float(profit[buys].sum()) + sold, demand - self._by_row @ chosen, goal, sign=-1)
        return self.value

    def _sell(self, incomes: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """The most that candidates within the limits earn, and how much of each is sold."""
        incomes = self._best_of_groups(incomes) if not np.isfinite(self._budget) else incomes
        chosen = np.zeros(len(incomes))
        count = min(self._count, len(incomes))
        top = np.argpartition(-incomes, count - 1)[:count] if count < len(incomes) else np.arange(len(incomes))
        by_count = float(incomes[top].sum())
        if not np.isfinite(self._budget):
            chosen[top] = 1.0
            return by_count, chosen
        cost = self._instance.cost
        order = np.argsort(-incomes / np.maximum(cost, 1e-12), kind="stable")
        before = np.cumsum(cost[order]) - cost[order]
        part = np.clip((self._budget - before) / np.maximum(cost[order], 1e-12), 0.0, 1.0)
        by_cost = float(part @ incomes[order])
        if by_count < by_cost:
            chosen[top] = 1.0
            return by_count, chosen
        chosen[order] = part
        return by_cost, chosen


class CoverBound(_Bound):
    """Lower bound of what it costs to see all points, or those that must be seen and enough of the others.

    Parameters
    ----------
    instance : Instance
    goal_weight : float or None
        Weight that has to be seen; None for all points.
    """

    def __init__(self, instance: Instance, *, goal_weight: float | None = None) -> None:
        super().__init__(instance)
        self.value, self._goal_weight = 0.0, goal_weight
        if goal_weight is None:  # a first answer of the dual: each candidate shares its cost among its points
            share = instance.price / np.maximum(np.diff(instance.sees.indptr), 1)
            row_start, row_cols = instance.matrix[:2]
            self._prices = np.minimum.reduceat(share[row_cols], row_start[:-1])
        else:
            self._prices = np.full(instance.shape[0], float(instance.price.min()) / max(instance.shape[0], 1))
        self._best = self._prices

    def run(self, steps: int, *, goal: float) -> float:
        """Some steps of the subgradient method; ``goal`` is the cost of a known cover. Returns the best bound."""
        need, cost = self._instance.need, self._instance.cost
        for _ in range(steps):
            if self.is_tight or self.shows_infeasible:
                break
            wanted = self._want()
            profit = np.maximum(self._incomes() - cost, 0.0)
            profit = self._best_of_groups(profit)
            chosen = (profit > 0).astype(np.float64)
            bound = float((wanted * need) @ self._prices - profit.sum())
            self._advance(bound, wanted * need - self._by_row @ chosen, goal, sign=1)
        return self.value

    @property
    def shows_infeasible(self) -> bool:
        """Whether the bound exceeds the cost of all candidates together, so that there is no cover."""
        total = float(self._instance.cost.sum())
        return self.value > total + 1e-6 * max(1.0, total)

    def _want(self) -> NDArray[np.float64]:
        """How much of each point has to be seen, at the least expense."""
        instance = self._instance
        if self._goal_weight is None:
            return np.ones(instance.shape[0])
        wanted = instance.must.astype(np.float64)
        missing = self._goal_weight - float(instance.first @ wanted)
        expense = np.where(instance.must, np.inf, instance.need * self._prices) / np.maximum(instance.first, 1e-300)
        order = np.argsort(expense, kind="stable")[: int((~instance.must).sum())]
        weight = instance.first[order]
        before = np.cumsum(weight) - weight
        wanted[order] = np.clip((missing - before) / np.maximum(weight, 1e-300), 0.0, 1.0)
        return wanted
