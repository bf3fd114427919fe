"""Who is probed when: slots spread by a hash, a cap for each host, and patience with the dead."""

from __future__ import annotations

import heapq
import math
from collections import deque
from hashlib import blake2b
from itertools import count
from typing import TYPE_CHECKING, Literal, NamedTuple

from sightgrid.errors import UnitRangeError

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["image", "reach"]
RANK: dict[Kind, int] = {"image": 0, "reach": 1}  # where both wait for a host, pictures come first
MOST_DOUBLINGS = 4  # a camera long dead is looked at in every 16th of its slots


class Task(NamedTuple):
    """What is to be done for a camera."""

    camera_id: str
    kind: Kind


def spread(camera_id: str) -> float:
    """Return a camera's place in [0, 1): the same in every run, and as good as random.

    Examples
    --------
    >>> 0.0 <= spread("K-017") < 1.0, spread("K-017") == spread("K-017")
    (True, True)
    """
    return int.from_bytes(blake2b(camera_id.encode(), digest_size=8).digest(), "big") / 2.0**64


def next_slot(camera_id: str, after: float, *, every_s: float) -> float:
    """Return the start of a camera's first slot after a moment.

    Parameters
    ----------
    camera_id : str
        Its hash says where in each interval its slot begins.
    after : float
        Seconds since 1970.
    every_s : float
        Length of the interval, seconds.

    Returns
    -------
    float
        Seconds since 1970; the same grid in every run, so that a restart shifts nobody.
    """
    first = spread(camera_id) * every_s
    return first + (math.floor((after - first) / every_s) + 1.0) * every_s


def patience(failures: int) -> int:
    """Return in every how manieth slot a camera is looked at that was offline so many times in a row.

    Examples
    --------
    >>> [patience(failures) for failures in (0, 2, 3, 4, 5, 6, 100)]
    [1, 1, 2, 4, 8, 16, 16]
    """
    return 1 << min(max(failures - 2, 0), MOST_DOUBLINGS)


class Schedule:
    """Tasks by their time, of which those of a host begin one after the other once `per_host` of them are under way.

    Parameters
    ----------
    hosts : mapping of str to str
        The host of each camera; ``""`` (a file) has no cap.
    per_host : int
        How many tasks of one host may be under way.

    Raises
    ------
    UnitRangeError
        The cap is below 1.

    Examples
    --------
    >>> schedule = Schedule({"a": "recorder", "b": "recorder", "c": "other"}, per_host=1)
    >>> for name in "abc":
    ...     schedule.add(Task(name, "image"), 0.0)
    >>> [schedule.take(1.0) for _ in range(3)]
    [Task(camera_id='a', kind='image'), Task(camera_id='c', kind='image'), None]
    >>> schedule.release("a")
    >>> schedule.take(1.0)
    Task(camera_id='b', kind='image')
    """

    def __init__(self, hosts: Mapping[str, str], *, per_host: int) -> None:
        if per_host < 1:
            raise UnitRangeError(f"per_host must be at least 1, not {per_host}")
        self.per_host = per_host
        self._hosts = hosts
        self._number = count()
        self._later: list[tuple[float, int, Task]] = []
        self._ready: dict[str, list[tuple[int, float, int, Task]]] = {}  # by host
        self._open: deque[str] = deque()  # hosts with something ready and room for it, each once
        self._busy: dict[str, int] = {}
        self._waiting = 0

    def __len__(self) -> int:
        """Tasks that have not begun."""
        return len(self._later) + self._waiting

    def add(self, task: Task, due_at: float) -> None:
        """Plan a task; a camera has one task at a time, which is up to the caller."""
        heapq.heappush(self._later, (due_at, next(self._number), task))

    def take(self, now: float) -> Task | None:
        """Begin a task that is due, or return None if there is none for a host with room."""
        while self._later and self._later[0][0] <= now:
            due_at, number, task = heapq.heappop(self._later)
            host = self._hosts[task.camera_id]
            ready = self._ready.setdefault(host, [])
            heapq.heappush(ready, (RANK[task.kind], due_at, number, task))
            self._waiting += 1
            if len(ready) == 1 and self._has_room(host):
                self._open.append(host)
        if not self._open:
            return None
        host = self._open.popleft()
        task = heapq.heappop(self._ready[host])[-1]
        self._waiting -= 1
        self._busy[host] = self._busy.get(host, 0) + 1
        if not self._ready[host]:
            del self._ready[host]
        elif self._has_room(host):
            self._open.append(host)
        return task

    def release(self, camera_id: str) -> None:
        """Tell that the task of a camera has ended."""
        host = self._hosts[camera_id]
        had_room = self._has_room(host)
        self._busy[host] -= 1
        if not self._busy[host]:
            del self._busy[host]
        if not had_room and host in self._ready:
            self._open.append(host)

    def count_busy(self, host: str) -> int:
        """Return how many tasks of a host are under way."""
        return self._busy.get(host, 0)

    def _has_room(self, host: str) -> bool:
        return not host or self._busy.get(host, 0) < self.per_host
