"""What a solver works on: the problem without what stands already, merged, and stripped of what is dominated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from sightgrid.coverage.covering.dominance import strike_dominated

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sightgrid.coverage.covering.problem import Problem

# Rows and columns strike each other; three turns find almost all of it.
_TURNS = 3


@dataclass(frozen=True, eq=False)
class Instance:
    """Points and candidates that are left to decide on.

    Attributes
    ----------
    sees : scipy.sparse.csc_array, shape (points, candidates)
    need : ndarray of int
        Views that the point still needs, >= 1.
    first, second : ndarray of float
        What the last needed view of a point is worth, and the next one beyond.
    must : ndarray of bool
        Points that have to be seen.
    cost : ndarray of float
    group : ndarray of int
    candidates : ndarray of int
        Numbers of the candidates in the problem.
    given : float
        What stands already is worth.
    """

    sees: sparse.csc_array
    need: NDArray[np.int64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    must: NDArray[np.bool_]
    cost: NDArray[np.float64]
    group: NDArray[np.int64]
    candidates: NDArray[np.int64]
    given: float

    @cached_property
    def matrix(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
        """Both directions of the matrix, for kernels: row_start, row_cols, col_start, col_rows."""
        by_row = self.sees.tocsr()
        return (
            by_row.indptr.astype(np.int64),
            by_row.indices.astype(np.int32),
            self.sees.indptr.astype(np.int64),
            self.sees.indices.astype(np.int32),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Number of points and of candidates."""
        return self.sees.shape

    @property
    def price(self) -> NDArray[np.float64]:
        """Costs to divide by: never 0."""
        most = float(self.cost.max(initial=0.0))
        return np.maximum(self.cost, 1e-6 * most) if most > 0 else np.ones(len(self.cost))

    @property
    def is_plain(self) -> bool:
        """Whether one view of a point is all that counts."""
        return bool((self.need == 1).all() and not self.second.any())

    def take(self, rows: NDArray[np.bool_], columns: NDArray[np.bool_]) -> Instance:
        """Some of the points and candidates."""
        sees = self.sees if rows.all() else self.sees.tocsr()[rows].tocsc()
        sees = sees if columns.all() else sees[:, columns]
        sees.sort_indices()
        return replace(
            self, sees=sees, need=self.need[rows], first=self.first[rows], second=self.second[rows],
            must=self.must[rows], cost=self.cost[columns], group=self.group[columns],
            candidates=self.candidates[columns],
        )  # fmt: skip


def find_reachable(problem: Problem) -> NDArray[np.bool_]:
    """Points that enough candidates see; candidates of one group count once."""
    usable = _find_usable(problem)
    usable[problem.fixed] = True
    candidates = np.flatnonzero(usable)
    group = problem.group[candidates]
    lone = candidates[group < 0]
    views = problem.count_views(lone)
    grouped = candidates[group >= 0]
    if len(grouped):
        _, number = np.unique(problem.group[grouped], return_inverse=True)
        mount = sparse.csc_array((np.ones(len(grouped), np.int32), (np.arange(len(grouped)), number)))
        views += np.diff((problem.sees[:, grouped].astype(np.int32) @ mount).tocsr().indptr)
    return views >= problem.needed


def make_instance(
    problem: Problem, *, backup: float = 0.0, must: NDArray[np.bool_] | None = None, only_must: bool = False
) -> Instance:
    """Take away what stands already and what nobody sees, and merge points that the same candidates see."""
    must = np.zeros(problem.shape[0], np.bool_) if must is None else must
    views = problem.count_views(problem.fixed)
    need = problem.needed - views
    first, second = problem.weight.copy(), backup * problem.weight
    given = first[need <= 0].sum() + second[need < 0].sum()
    seen_once = need == 0  # only the next view is left to gain
    first[seen_once], second[seen_once], need[seen_once] = second[seen_once], 0.0, 1
    wanted = must & ~seen_once if only_must else (first > 0) | (must & ~seen_once)
    rows = wanted & (need > 0) & find_reachable(problem)
    usable = _find_usable(problem)
    instance = Instance(
        problem.sees, need, first, second, must & ~seen_once, problem.cost, problem.group,
        np.arange(problem.shape[1]), float(given),
    ).take(rows, usable)  # fmt: skip
    instance = instance.take(np.ones(instance.shape[0], np.bool_), np.diff(instance.sees.indptr) > 0)
    return _merge(instance)


def _find_usable(problem: Problem) -> NDArray[np.bool_]:
    """Candidates that neither stand already nor share a group with one that does."""
    taken = problem.group[problem.fixed]
    usable = ~np.isin(problem.group, taken[taken >= 0])
    usable[problem.fixed] = False
    return usable


def _merge(instance: Instance) -> Instance:
    """One point for all points that need the same number of views from the same candidates."""
    points, candidates = instance.shape
    if not points:
        return instance
    names = np.random.default_rng(0).integers(np.iinfo(np.int64).max, size=(candidates, 2))
    row_start, row_cols = instance.matrix[:2]
    keys = np.stack([np.add.reduceat(names[row_cols, k], row_start[:-1]) for k in (0, 1)], axis=1)
    _, rows, number = np.unique(np.column_stack([keys, instance.need]), axis=0, return_index=True, return_inverse=True)
    if len(rows) == points:
        return instance
    order = np.argsort(rows)  # keep the order in which points were given
    number = np.argsort(order)[number.ravel()]
    keep = np.zeros(points, np.bool_)
    keep[rows] = True
    merged = instance.take(keep, np.ones(candidates, np.bool_))
    return replace(
        merged,
        first=np.bincount(number, instance.first, len(rows)).astype(np.float64),
        second=np.bincount(number, instance.second, len(rows)).astype(np.float64),
        must=np.bincount(number, instance.must, len(rows)) > 0,
    )


def reduce_instance(instance: Instance, *, all_points: bool, seconds: float, stopped: Callable[[], bool]) -> Instance:
    """Strike candidates that see no more than a cheaper one and, if all points must be seen, points seen for free.

    Parameters
    ----------
    instance : Instance
    all_points : bool
        Whether every point has to be seen: points that are seen whenever another one is are then struck.
    seconds : float
        Time limit of each pass.
    stopped : callable
        Asked often whether to stop early; what is struck by then is struck.
    """
    for _ in range(_TURNS):
        points, candidates = instance.shape
        family = instance.group
        if not instance.is_plain:  # a second candidate of the same view helps too, unless the two exclude each other
            family = np.where(family < 0, family.max(initial=-1) + 1 + np.arange(candidates), family)
        row_start, row_cols, col_start, col_rows = instance.matrix
        columns = strike_dominated(
            col_start, col_rows, row_start, row_cols, rank=instance.cost, family=family, drop_subset=True,
            seconds=seconds, stopped=stopped,
        )  # fmt: skip
        instance = instance.take(np.ones(points, np.bool_), columns)
        if not all_points:
            return _merge(instance)
        row_start, row_cols, col_start, col_rows = instance.matrix
        rows = strike_dominated(
            row_start, row_cols, col_start, col_rows, rank=-instance.need.astype(np.float64),
            family=np.full(points, -1), drop_subset=False, seconds=seconds, stopped=stopped,
        )  # fmt: skip
        instance = instance.take(rows, np.ones(instance.shape[1], np.bool_))
        if rows.all() and columns.all():
            break
    return instance
