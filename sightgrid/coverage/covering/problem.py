"""A covering problem: which candidate sees which point, what points are worth and what candidates cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from sightgrid.errors import FIRST_IDS, InfeasibleError, InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class UnseenError(InfeasibleError):
    """Points that have to be seen cannot be seen.

    Attributes
    ----------
    points : ndarray of int
        The points that stay unseen, ascending.
    reachable_share : float
        The largest share of the weight that can be seen (or was, where candidates exclude each other).
    """

    def __init__(self, message: str, points: NDArray[np.int64], *, reachable_share: float) -> None:
        self.points, self.reachable_share = points, reachable_share
        first = ", ".join(str(point) for point in points[:FIRST_IDS])
        more = ", …" if len(points) > FIRST_IDS else ""
        super().__init__(f"{message} ({len(points)} points: {first}{more})" if len(points) else message)


@dataclass(frozen=True, eq=False)
class Problem:
    """Points, candidates, and who sees whom.

    Parameters
    ----------
    sees : sparse array or matrix, shape (points, candidates)
        1 (or True) where the candidate sees the point.
    weight : array_like of float, one per point, optional
        What seeing the point is worth, >= 0, not all zero; 1 if not given.
    cost : array_like of float, one per candidate, optional
        >= 0, in any unit; 1 if not given.
    group : array_like of int, one per candidate, optional
        Candidates of the same number exclude each other (the poses of one mount); -1 for none. -1 if not given.
    needed : array_like of int, one per point, optional
        How many views make the point seen, >= 1; 1 if not given.
    fixed : array_like of int, optional
        Candidates that stand already. They are always part of the answer, and use up neither count nor budget.

    Raises
    ------
    InputError
        For an empty matrix, values other than 0 and 1, lengths that do not fit, numbers out of range, and fixed
        candidates of the same group.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from sightgrid.coverage.covering import Problem, solve_mclp
    >>> sees = sparse.csc_array(np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]]))
    >>> plan = solve_mclp(Problem(sees), count=2)
    >>> plan.chosen.tolist(), plan.objective, plan.status
    ([0, 2], 4.0, 'optimal')
    """

    sees: sparse.csc_array
    weight: NDArray[np.float64] = None  # type: ignore[assignment]
    cost: NDArray[np.float64] = None  # type: ignore[assignment]
    group: NDArray[np.int64] = None  # type: ignore[assignment]
    needed: NDArray[np.int64] = None  # type: ignore[assignment]
    fixed: NDArray[np.int64] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        sees = _read_matrix(self.sees)
        points, candidates = sees.shape
        weight = _read_vector("weight", self.weight, points, 1.0, least=0.0)
        cost = _read_vector("cost", self.cost, candidates, 1.0, least=0.0)
        group = _read_vector("group", self.group, candidates, -1, least=-1).astype(np.int64)
        needed = _read_vector("needed", self.needed, points, 1, least=1).astype(np.int64)
        fixed = np.unique(np.asarray([] if self.fixed is None else self.fixed, dtype=np.int64))
        if not weight.any():
            raise InputError("weight: all points weigh 0, so there is nothing to see")
        if len(fixed) and (fixed[0] < 0 or fixed[-1] >= candidates):
            raise InputError(f"fixed: candidates are numbered 0 to {candidates - 1}, got {fixed[0]} to {fixed[-1]}")
        taken = group[fixed][group[fixed] >= 0]
        if len(np.unique(taken)) < len(taken):
            raise InputError("fixed: two fixed candidates are of the same group")
        for name, value in (("sees", sees), ("weight", weight), ("cost", cost), ("group", group),
                            ("needed", needed), ("fixed", fixed)):  # fmt: skip
            object.__setattr__(self, name, value)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of points and of candidates."""
        return self.sees.shape

    def count_views(self, candidates: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many of some candidates see each point."""
        return np.asarray(self.sees[:, candidates].sum(axis=1, dtype=np.int64)).ravel()

    def measure(self, candidates: NDArray[np.int64], *, backup: float = 0.0) -> float:
        """What some candidates see, weighted; each point's next view beyond those needed is worth a share of it."""
        views = self.count_views(candidates)
        seen = self.weight[views >= self.needed].sum()
        return float(seen + backup * self.weight[views > self.needed].sum())


def _read_matrix(sees: Any) -> sparse.csc_array:
    if not sparse.issparse(sees):
        raise InputError(f"sees: a sparse matrix is needed (points x candidates), got {type(sees).__name__}")
    if 0 in sees.shape:
        raise InputError(f"sees: {sees.shape[0]} points and {sees.shape[1]} candidates: there must be some of both")
    matrix = sparse.csc_array(sees)
    if matrix.data.dtype == np.bool_:
        matrix = sparse.csc_array((matrix.data.view(np.int8), matrix.indices, matrix.indptr), shape=matrix.shape)
    if not matrix.has_canonical_format:
        matrix = matrix.copy() if matrix is sees else matrix
        matrix.sum_duplicates()
    if len(matrix.data) and not np.isin((matrix.data.min(), matrix.data.max()), (0, 1)).all():
        raise InputError(f"sees: entries must be 0 or 1, found {matrix.data.min()} to {matrix.data.max()}")
    if not matrix.data.all():
        if not np.isin(matrix.data, (0, 1)).all():
            raise InputError("sees: entries must be 0 or 1, found fractions")
        matrix = matrix.copy()
        matrix.eliminate_zeros()
    return matrix.astype(np.int8)


def _read_vector(name: str, values: ArrayLike | None, size: int, default: float, *, least: float) -> NDArray[Any]:
    """One finite number for each point or candidate, whole where the default is."""
    if values is None:
        return np.full(size, default)
    vector = np.asarray(values)
    if vector.shape != (size,):
        raise InputError(f"{name}: {size} values are needed, got shape {vector.shape}")
    if vector.dtype.kind not in "biuf":
        raise InputError(f"{name}: numbers are needed, got {vector.dtype}")
    bad = ~np.isfinite(vector) | (vector < least)
    if isinstance(default, int):
        bad |= vector != np.floor(vector)
    if bad.any():
        kind = "whole numbers" if isinstance(default, int) else "finite numbers"
        ids = ", ".join(str(k) for k in np.flatnonzero(bad)[:FIRST_IDS])
        raise InputError(f"{name}: {kind} of at least {least:g} are needed ({bad.sum()} are not: {ids})")
    return vector.astype(np.float64)


def read_must(must: ArrayLike | None, problem: Problem) -> NDArray[np.bool_]:
    """Points that have to be seen, checked."""
    points = problem.shape[0]
    if must is None:
        return np.zeros(points, np.bool_)
    vector = np.asarray(must)
    if vector.shape != (points,) or vector.dtype != np.bool_:
        raise InputError(f"must: {points} booleans are needed, got {vector.dtype} of shape {vector.shape}")
    return vector
