"""From the order of visits to the minutes of a shift: times, drives, breaks, and patrolling in between."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sightgrid.patrol.routes.timing import set_times
from sightgrid.patrol.shift.plan import VISIT_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from sightgrid.patrol.routes.checkpoints import Head, Problem
    from sightgrid.patrol.routes.improvement import Routes
    from sightgrid.patrol.routes.walks import Passage, Terrain

# A shorter wait is no patrol.
SHORTEST_S = 60.0


@dataclass(frozen=True)
class Gap:
    """Time of a unit between two appointments."""

    unit: int
    here: int
    free_s: float
    target: int
    due_s: float
    pause_s: float = np.nan  # when a break is due in between


@dataclass
class Diary:
    """What the units do, in seconds since the origin."""

    passages: list[tuple[str, Passage]] = field(default_factory=list)
    rows: list[tuple[str, str, str, float, float, float, int, int, bool]] = field(default_factory=list)

    def note(
        self, unit_id: str, what: str, arrive_s: float, leave_s: float, node: int, *, stop_id: str = "",
        priority: int = 0, locked: bool = False,
    ) -> None:  # fmt: skip
        """Add a row of a plan's visits."""
        dwell = leave_s - arrive_s
        self.rows.append((unit_id, stop_id, what, arrive_s, leave_s, dwell, node, priority, locked))

    def legs(self, origin: pd.Timestamp) -> pd.DataFrame:
        """The drives, for `plan.build_legs`."""
        table = pd.DataFrame(
            [(unit, *passage.edge, passage.start_s, passage.end_s) for unit, passage in self.passages],
            columns=["unit_id", "u", "v", "key", "start_at", "end_at"],
        )
        for name in ("start_at", "end_at"):
            table[name] = to_moments(table[name].to_numpy(float), origin)
        return table

    def visits(self, origin: pd.Timestamp) -> pd.DataFrame:
        """The rows, for a plan's ``visits``."""
        table = pd.DataFrame(self.rows, columns=list(VISIT_COLUMNS))
        for name in ("arrive_at", "leave_at"):
            table[name] = to_moments(table[name].to_numpy(float), origin)
        table["dwell_s"] = (table["leave_at"] - table["arrive_at"]).dt.total_seconds()
        return table.astype({"node": np.int64, "priority": np.int64, "locked": bool})


def to_moments(seconds: NDArray[np.float64], origin: pd.Timestamp) -> pd.DatetimeIndex:
    """Times to the millisecond."""
    return origin + pd.to_timedelta(np.round(seconds * 1000.0).astype(np.int64), unit="ms")


def write_diary(
    problem: Problem,
    routes: Routes,
    *,
    terrains: Mapping[str, Terrain],
    worth: NDArray[np.float64],
    last_s: NDArray[np.float64],
    seed: int,
    heads: Mapping[str, Head] = MappingProxyType({}),
) -> Diary:
    """Set the times of all visits and fill what is free between them with patrolling.

    Parameters
    ----------
    problem : Problem
    routes : list of list of int
        Visits of each unit, in order; feasible.
    terrains : mapping from unit_id to Terrain
    worth : ndarray
        Attention of each street.
    last_s : ndarray
        When each street was last passed, -inf if never; brought up to date.
    seed : int
        For where in its free time a visit lies.
    heads : mapping from unit_id to Head
        Units whose shift has begun before: they get no row ``start``; those that are gone do nothing.

    Returns
    -------
    Diary
    """
    case, stops = problem.case, problem.stops
    rng = np.random.default_rng([seed, 1])
    diary, gaps = Diary(), list[Gap]()
    for k, unit_id in enumerate(problem.units.index):
        if unit_id in heads and heads[unit_id].gone:
            continue
        visits = routes[k]
        steps = len(visits) + 3
        spread = (np.arange(steps) + rng.uniform(0.25, 0.75, steps)) / steps
        arrive, pause, break_s, end_s = set_times(case, k, visits, spread=spread)
        here, free = int(problem.nodes[k, case.units[k].first]), float(case.units[k].start_s)
        if unit_id not in heads:
            diary.note(unit_id, "start", free, free, here)
        last = int(problem.nodes[k, case.units[k].last])
        for i, v in enumerate([*visits, -1]):
            due = end_s if v < 0 else float(arrive[i])
            node = last if v < 0 else int(problem.nodes[k, case.visits[v].place])
            gaps.append(Gap(k, here, free, node, due, break_s if pause == i else np.nan))
            if v >= 0:
                row = int(problem.stop[v])
                free = due + float(case.visits[v].dwell_s)
                diary.note(
                    unit_id, "visit", due, free, node, stop_id=str(stops.index[row]),
                    priority=int(stops["priority"].iloc[row]), locked=bool(case.visits[v].locked),
                )  # fmt: skip
            here = node
        over = end_s
        if pause == len(visits) + 1:
            over = break_s + float(case.units[k].break_s)
            diary.note(unit_id, "break", break_s, over, last)
        diary.note(unit_id, "end", over, over, last)
    for gap in sorted(gaps, key=lambda gap: (gap.free_s, gap.unit)):
        unit_id = str(problem.units.index[gap.unit])
        _fill(diary, gap, unit_id, terrains[unit_id], float(case.units[gap.unit].break_s),
              float(case.units[gap.unit].break_from_s), worth, last_s)  # fmt: skip
    order = {name: at for at, name in enumerate(problem.units.index)}
    rank = {"start": 0, "street": 1, "break": 2, "visit": 2, "end": 3}
    diary.rows.sort(key=lambda row: (order[row[0]], row[3], row[4], rank[row[2]]))
    diary.passages.sort(key=lambda item: (order[item[0]], item[1].start_s, item[1].end_s))
    return diary


def _fill(
    diary: Diary,
    gap: Gap,
    unit_id: str,
    terrain: Terrain,
    break_s: float,
    break_from_s: float,
    worth: NDArray[np.float64],
    last_s: NDArray[np.float64],
) -> None:
    """Drive to the next appointment, through the streets that need it most if there is time, with the break."""
    here, target = (int(at) for at in terrain.network.positions([gap.here, gap.target]))
    now = gap.free_s
    if not np.isnan(gap.pause_s):
        rest = gap.due_s - break_s - gap.pause_s
        passed: list[Passage] = []
        if gap.pause_s - now > SHORTEST_S:
            passed, here = terrain.patrol(
                here, target, now, until_s=gap.pause_s, rest_s=rest, worth=worth, last_s=last_s
            )
        now = _note_patrol(diary, unit_id, passed, gap.here, now)
        begin = max(now, break_from_s)
        diary.note(unit_id, "break", begin, begin + break_s, int(terrain.network.nodes[here]))
        now = begin + break_s
    spare = gap.due_s - now - float(terrain.ways_to(target)[0][here])
    begun, passed = here, []
    if spare > SHORTEST_S:
        passed, here = terrain.patrol(here, target, now, until_s=gap.due_s, rest_s=np.inf, worth=worth, last_s=last_s)
    leave = _note_patrol(diary, unit_id, passed, int(terrain.network.nodes[begun]), now)
    direct = terrain.drive(here, target, leave)
    last_s[terrain.streets(direct)] = [passage.end_s for passage in direct]
    diary.passages += [(unit_id, passage) for passage in direct]


def _note_patrol(diary: Diary, unit_id: str, passed: list[Passage], node: int, now: float) -> float:
    """Write down a patrol; returns when it ends."""
    if not passed:
        return now
    diary.passages += [(unit_id, passage) for passage in passed]
    diary.note(unit_id, "street", passed[0].start_s, passed[-1].end_s, node)
    return passed[-1].end_s
