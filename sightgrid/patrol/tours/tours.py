"""Closed tours: the shortest round through all stops, on travel times that may differ by direction."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from sightgrid.errors import InfeasibleError, InputError, UnitRangeError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_EXACT = 12  # nodes up to which the shortest tour is computed, not searched
_NEAR = 10  # neighbours that a node is joined to by the search
_SLICE = 200  # rounds between two looks at the clock
_ROUNDS = 5000  # least rounds unless told otherwise
_ROUNDS_PER_NODE = 60


def plan_tour(
    seconds_matrix: ArrayLike, *, seed: int = 0, rounds: int | None = None, stop_s: float = np.inf
) -> NDArray[np.int64]:
    """Order all nodes into a short closed tour.

    Up to 12 nodes the tour is the shortest one (Held and Karp 1962); above that it is the best one found by iterated
    local search with 2-opt and or-opt moves.

    Parameters
    ----------
    seconds_matrix : array_like of float, shape (n, n)
        Travel time from row to column in s, >= 0; need not be symmetric. The diagonal is not read.
    seed : int
        Of the random choices; the same seed and rounds give the same tour.
    rounds : int, optional
        Rounds of the search, by default 60 a node and at least 5000.
    stop_s : float
        The search ends after so many seconds even if rounds are left; the tour then depends on the machine.

    Returns
    -------
    ndarray of int, shape (n,)
        Node numbers in the order of the tour, from node 0 on.

    Raises
    ------
    InputError
        If the matrix is not square, or holds negative times or none.
    InfeasibleError
        If a node cannot be reached from another.
    UnitRangeError
        If ``rounds`` or ``stop_s`` is negative.

    Examples
    --------
    >>> import numpy as np
    >>> xy = np.array([[0, 0], [10, 10], [10, 0], [0, 10]])
    >>> seconds = np.abs(xy[:, None] - xy).sum(axis=2)
    >>> order = plan_tour(seconds)
    >>> measure_tour(order, seconds)
    40.0
    """
    from sightgrid.patrol.tours import tour_search  # noqa: PLC0415  (numba loads with the first tour, not with the package)

    cost = check_matrix(seconds_matrix)
    check_reach(cost)
    check_stopping(rounds, stop_s)
    n = len(cost)
    if n <= _EXACT:
        return np.arange(n) if n < 3 else tour_search.solve_exactly(cost)  # noqa: PLR2004
    symmetric = bool((cost == cost.T).all())
    near = _nearest(cost)
    near_in = near if symmetric else _nearest(cost.T)
    order = tour_search.start_tour(cost, seed % n)
    best = order.copy()
    mean_s = float(cost.sum()) / (n * (n - 1))
    counters, amounts = np.array([seed + 1, 0, 0]), np.array([np.inf, np.inf, 1e-9 * mean_s])
    left = 1 + (max(_ROUNDS, _ROUNDS_PER_NODE * n) if rounds is None else rounds)
    end = time.monotonic() + stop_s
    while left > 0:
        tour_search.search(order, best, cost, near, near_in, symmetric, counters, amounts, min(left, _SLICE))
        left -= _SLICE
        if time.monotonic() >= end:
            break
    return np.roll(best, -int(np.flatnonzero(best == 0)[0]))


def measure_tour(order: ArrayLike, seconds_matrix: ArrayLike) -> float:
    """Travel time of a closed tour in s.

    Parameters
    ----------
    order : array_like of int
        Node numbers.
    seconds_matrix : array_like of float, shape (n, n)
        Travel time from row to column in s.
    """
    order, seconds = np.asarray(order, np.int64), np.asarray(seconds_matrix, float)
    return float(seconds[order, np.roll(order, -1)].sum()) if len(order) > 1 else 0.0


def check_matrix(seconds_matrix: ArrayLike) -> NDArray[np.float64]:
    """A copy of a matrix of travel times with a diagonal of zeros; unreachable pairs may be infinite."""
    try:
        cost = np.array(seconds_matrix, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise InputError("seconds_matrix: numbers are needed") from error
    if cost.ndim != 2 or cost.shape[0] != cost.shape[1] or not len(cost):  # noqa: PLR2004
        raise InputError(f"seconds_matrix: a square matrix of at least one node is needed, not {cost.shape}")
    np.fill_diagonal(cost, 0.0)
    bad = ~(cost >= 0.0)
    if bad.any():
        raise InputError(f"seconds_matrix: times must be >= 0 ({_name_pairs(bad)})")
    return cost


def check_reach(cost: NDArray[np.float64]) -> None:
    """Every node must be reached from every other."""
    lost = ~np.isfinite(cost)
    if lost.any():
        raise InfeasibleError(f"seconds_matrix: every node must be reached ({_name_pairs(lost)})")


def check_amounts(values: ArrayLike, name: str, n: int) -> NDArray[np.float64]:
    """One finite number of at least 0 for each node; a single number stands for all."""
    try:
        amounts = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: numbers are needed") from error
    if amounts.shape not in {(), (n,)}:
        raise InputError(f"{name}: one value or {n} are needed, not {amounts.shape}")
    amounts = np.full(n, float(amounts)) if amounts.ndim == 0 else amounts.copy()
    bad = np.flatnonzero(~(np.isfinite(amounts) & (amounts >= 0.0)))
    if len(bad):
        raise InputError(f"{name}: finite numbers >= 0 are needed ({len(bad)} are not: {_name_first(bad)})")
    return amounts


def check_stopping(rounds: int | None, stop_s: float) -> None:
    """Limits of a search are not negative."""
    if rounds is not None and rounds < 0:
        raise UnitRangeError(f"rounds: {rounds} is below 0")
    if not stop_s >= 0.0:
        raise UnitRangeError(f"stop_s: {stop_s} is below 0")


def _nearest(cost: NDArray[np.float64]) -> NDArray[np.int64]:
    """Columns of the least values of every row, apart from itself."""
    away = cost.copy()
    np.fill_diagonal(away, np.inf)
    return np.ascontiguousarray(np.argsort(away, axis=1, kind="stable")[:, : min(_NEAR, len(cost) - 1)])


def _name_first(items: Any) -> str:
    return ", ".join(str(item) for item in items[:5]) + (", …" if len(items) > 5 else "")  # noqa: PLR2004


def _name_pairs(bad: NDArray[np.bool_]) -> str:
    pairs = np.argwhere(bad)
    return f"{len(pairs)} are not: " + _name_first([f"{i} to {j}" for i, j in pairs])
