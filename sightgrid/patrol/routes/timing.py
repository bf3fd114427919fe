"""Timing of one unit's visits: when it can be where, with time windows, a break and the end of the shift.

Each place of a route has two clocks: the earliest time the unit is free with its break still to come, and with its
break behind it. A later start never gives an earlier end, so the earliest times decide what is feasible.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sightgrid.patrol.routes.checkpoints import Case

# Times are kept to the millisecond, so what fits may look a little too long.
SLACK_S = 1e-3
# marks among the visits of a route
_BREAK, _END = -1, -2


@njit(cache=True, nogil=True)
def begin(case, k):
    """Both clocks of unit k where it starts."""
    if case.units[k].break_s > 0.0:
        return case.units[k].start_s, np.inf
    return np.inf, case.units[k].start_s


@njit(cache=True, nogil=True)
def take_break(case, k, before, after):
    """Earliest time with the break behind, where it may be taken here."""
    if before < np.inf and case.units[k].break_s > 0.0:
        start = max(before, case.units[k].break_from_s)
        if start <= case.units[k].break_to_s + SLACK_S:
            return min(after, start + case.units[k].break_s)
    return after


@njit(cache=True, nogil=True)
def go(case, k, here, v, before, after):
    """Both clocks after visit v, coming from a place with these clocks; inf where it cannot be made."""
    after = take_break(case, k, before, after)
    drive = case.travel_s[case.units[k].profile, here, case.visits[v].place]
    left = np.inf
    if before + drive <= case.visits[v].close_s + SLACK_S:
        left = max(before + drive, case.visits[v].open_s) + case.visits[v].dwell_s
    freed = np.inf
    if after + drive <= case.visits[v].close_s + SLACK_S:
        freed = max(after + drive, case.visits[v].open_s) + case.visits[v].dwell_s
    return left, freed


@njit(cache=True, nogil=True)
def finish(case, k, here, before, after):
    """Earliest end of the shift at the last place, break taken; inf beyond all overtime."""
    after = take_break(case, k, before, after)
    drive = case.travel_s[case.units[k].profile, here, case.units[k].last]
    end = take_break(case, k, before + drive, after + drive)
    return end if end <= case.units[k].limit_s + SLACK_S else np.inf


@njit(cache=True, nogil=True)
def run(case, k, route, size, before, after):
    """Fill both clocks of a route (index 0: the start) and return its earliest end; inf if it cannot be driven."""
    before[0], after[0] = begin(case, k)
    here = case.units[k].first
    for i in range(size):
        before[i + 1], after[i + 1] = go(case, k, here, route[i], before[i], after[i])
        if before[i + 1] == np.inf and after[i + 1] == np.inf:
            return np.inf
        here = case.visits[route[i]].place
    return finish(case, k, here, before[size], after[size])


def is_feasible(case: Case, k: int, visits: list[int]) -> bool:
    """Whether unit k can make these visits in this order."""
    clocks = np.empty((2, len(visits) + 1))
    end = run(case, k, np.array(visits, np.int64), len(visits), clocks[0], clocks[1])
    return bool(end < np.inf)


def set_times(
    case: Case, k: int, visits: list[int], *, spread: NDArray[np.float64]
) -> tuple[NDArray[np.float64], int, float, float]:
    """Arrival times of a feasible route, spread over what the windows leave free.

    With the break at its best place, each arrival lies between an earliest time E and a latest F. For a share s that
    never falls along the route, E + s (F - E) keeps all driving times and windows.

    Parameters
    ----------
    case : Case
    k : int
        Unit.
    visits : list of int
        Its visits, in order.
    spread : ndarray, shape (visits + 3,)
        Ascending shares in [0, 1]; one for each visit, the break and the end, in the order of travel.

    Returns
    -------
    arrive_s : ndarray
        Of each visit.
    pause : int
        The break comes after this many visits; -1 if there is none.
    break_s : float
        When it starts.
    end_s : float
        Arrival at the last place (before a break taken there).
    """
    n = len(visits)
    pause = _place_break(case, k, visits) if case.units[k].break_s > 0.0 else -1
    at_last = pause == n + 1
    # what happens, in order: visits, with the break among them (taken at the last place: behind the end)
    order = [*range(n)]
    if 0 <= pause <= n:
        order.insert(pause, _BREAK)
    order.append(_END)
    if at_last:
        order.append(_BREAK)
    travel = case.travel_s[case.units[k].profile]
    here, drives = int(case.units[k].first), []
    opens, closes, dwells = [], [], []
    for item in order:
        if item == _BREAK:
            drives.append(0.0)
            opens.append(case.units[k].break_from_s)
            closes.append(case.units[k].break_to_s)
            dwells.append(case.units[k].break_s)
            continue
        place = int(case.units[k].last) if item == _END else int(case.visits[visits[item]].place)
        drives.append(travel[here, place])
        opens.append(-np.inf if item < 0 else case.visits[visits[item]].open_s)
        closes.append(np.inf if item < 0 else case.visits[visits[item]].close_s)
        dwells.append(0.0 if item < 0 else case.visits[visits[item]].dwell_s)
        here = place
    earliest = np.empty(len(order))
    free = float(case.units[k].start_s)
    for i in range(len(order)):
        earliest[i] = max(free + drives[i], opens[i])
        free = earliest[i] + dwells[i]
    latest = np.empty(len(order))
    must = max(free, float(case.units[k].end_s))
    for i in range(len(order) - 1, -1, -1):
        latest[i] = max(min(must - dwells[i], closes[i]), earliest[i])
        must = latest[i] - drives[i]
    share = np.append(spread[: len(order) - 1], 1.0)
    times = earliest + share * (latest - earliest)
    at = {item: float(times[i]) for i, item in enumerate(order)}
    return np.array([at[i] for i in range(n)], float), pause, at.get(_BREAK, np.nan), at[_END]


def _place_break(case: Case, k: int, visits: list[int]) -> int:
    """After how many visits the break leads to the earliest end; visits + 1: at the last place."""
    travel = case.travel_s[case.units[k].profile]
    best, best_end = 0, np.inf
    for pause in range(len(visits) + 2):
        free, here = float(case.units[k].start_s), int(case.units[k].first)
        for i, place in enumerate([*(int(case.visits[v].place) for v in visits), int(case.units[k].last), -1]):
            if i == pause:
                start = max(free, case.units[k].break_from_s)
                free = start + case.units[k].break_s if start <= case.units[k].break_to_s + SLACK_S else np.inf
            if place < 0:
                break
            free += travel[here, place]
            if i < len(visits):
                v = visits[i]
                free = (
                    max(free, case.visits[v].open_s) + case.visits[v].dwell_s
                    if free <= case.visits[v].close_s + SLACK_S
                    else np.inf
                )
            here = place
        if free < best_end - SLACK_S:
            best, best_end = pause, free
    return best
