"""Exact answers by mixed-integer programming (HiGHS through scipy), for what is small enough."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sightgrid.coverage.covering.instance import Instance

# Entries of the matrix beyond which the solver would not get anywhere in the time a planner waits, and in a second.
MOST_ENTRIES = 600_000
ENTRIES_PER_SECOND = 10_000
# Longer than this it seldom gets anywhere, and a user who interrupts it would wait for the process to end.
LONGEST_SECONDS = 30.0
# What is solved without a look at the clock, where the caller sets no time limit.
FEW_ENTRIES = 500


@dataclass(frozen=True)
class Answer:
    """What the exact solver found: candidates (or None), a bound (or None), and whether there is no answer at all."""

    chosen: NDArray[np.int64] | None
    bound: float | None
    infeasible: bool


def fits(instance: Instance, seconds: float) -> bool:
    """Whether it is worth trying."""
    most = min(MOST_ENTRIES, ENTRIES_PER_SECOND * seconds) if np.isfinite(seconds) else FEW_ENTRIES
    return instance.sees.nnz <= most


def plan_exactly(instance: Instance, *, count: int, budget: float, seconds: float) -> Answer:
    """The plan of most worth within the limits that sees all points that must be seen."""
    points, n = instance.shape
    must = instance.must.astype(np.float64)
    second = np.flatnonzero(instance.second > 0)
    value = np.concatenate([np.zeros(n), instance.first, instance.second[second]])
    sees = instance.sees.astype(np.float64)
    to_second = sparse.csc_array((np.ones(len(second)), (second, np.arange(len(second)))), shape=(points, len(second)))
    rules = [
        LinearConstraint(
            sparse.hstack([sees, -sparse.diags_array(instance.need.astype(np.float64)), -to_second], format="csc"), 0.0
        ),
        *_limits(instance, len(value), count, budget),
    ]
    if len(second):  # the next view counts only where the needed ones are there
        rules.append(
            LinearConstraint(
                sparse.hstack(
                    [sparse.csc_array((len(second), n)), to_second.T, -sparse.eye_array(len(second))], format="csc"
                ),
                0.0,
            )
        )
    whole = np.concatenate([np.ones(n), instance.need > 1, np.zeros(len(second))])
    lower = np.concatenate([np.zeros(n), must, np.zeros(len(second))])
    return _solve(-value, whole, lower, rules, n, seconds, sign=-1)


def cover_exactly(instance: Instance, *, goal_weight: float | None, below: float, seconds: float) -> Answer:
    """The least costly cover of all points (or of those that must be seen and a weight), cheaper than a known one."""
    points, n = instance.shape
    sees = instance.sees.astype(np.float64)
    need = instance.need.astype(np.float64)
    if goal_weight is None:
        size, whole, lower = n, np.ones(n), np.zeros(n)
        rules = [LinearConstraint(sees, need)]
    else:
        size = n + points
        whole = np.concatenate([np.ones(n), instance.need > 1])
        lower = np.concatenate([np.zeros(n), instance.must.astype(np.float64)])
        weight = np.concatenate([np.zeros(n), instance.first])
        rules = [
            LinearConstraint(sparse.hstack([sees, -sparse.diags_array(need)], format="csc"), 0.0),
            LinearConstraint(sparse.csc_array(weight[None, :]), goal_weight),
        ]
    cost = np.concatenate([instance.cost, np.zeros(size - n)])
    rules += _limits(instance, size, n, below)
    return _solve(cost, whole, lower, rules, n, seconds, sign=1)


def _limits(instance: Instance, size: int, count: int, budget: float) -> list[LinearConstraint]:
    """Number of cameras, money, and one candidate of each group."""
    n = instance.shape[1]
    rest = sparse.csc_array((1, size - n))
    rules = []
    if count < n:
        rules.append(LinearConstraint(sparse.hstack([np.ones((1, n)), rest], format="csc"), 0.0, count))
    if np.isfinite(budget):
        rules.append(LinearConstraint(sparse.hstack([instance.cost[None, :], rest], format="csc"), 0.0, budget))
    grouped = np.flatnonzero(instance.group >= 0)
    if len(grouped):
        names, number = np.unique(instance.group[grouped], return_inverse=True)
        member = sparse.csc_array((np.ones(len(grouped)), (number, grouped)), shape=(len(names), size))
        rules.append(LinearConstraint(member, 0.0, 1.0))
    return rules


def _solve(
    cost: NDArray[np.float64],
    whole: NDArray[np.float64],
    lower: NDArray[np.float64],
    rules: list[LinearConstraint],
    n: int,
    seconds: float,
    *,
    sign: int,
) -> Answer:
    options: dict[str, float] = {"mip_rel_gap": 0.0}
    if np.isfinite(seconds):
        seconds = min(max(seconds, 0.1), LONGEST_SECONDS)
        options["time_limit"] = seconds
    found: list[Any] = []

    def work() -> None:
        found.append(milp(cost, integrality=whole, bounds=Bounds(lower, 1.0), constraints=rules, options=options))

    # The solver does not hear Ctrl-C and looks at the clock now and then only; waiting for it in another thread does.
    # No daemon: a process that ends first waits for the solver's time limit, since one cut off in mid-air aborts it.
    thread = threading.Thread(target=work)
    thread.start()
    deadline = time.monotonic() + 1.05 * seconds
    while thread.is_alive() and time.monotonic() < deadline:
        thread.join(0.05)
    if not found:
        return Answer(None, None, infeasible=False)
    result = found[0]
    chosen = None if result.x is None else np.flatnonzero(result.x[:n] > 0.5)  # noqa: PLR2004
    bound = getattr(result, "mip_dual_bound", None)
    bound = None if bound is None or not np.isfinite(bound) else sign * float(bound)
    return Answer(chosen, bound, infeasible=result.status == 2)  # noqa: PLR2004
