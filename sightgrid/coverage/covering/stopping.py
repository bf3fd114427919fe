"""When to stop: small rules that combine with ``|``, and the clock of one run."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sightgrid.errors import UnitRangeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Progress = Callable[[str, int, int], None]


@dataclass
class State:
    """Where a run stands: what stopping rules look at."""

    seconds: float = 0.0
    rounds: int = 0
    idle_rounds: int = 0
    gap: float = math.inf


class Stop:
    """A stopping rule; ``a | b`` stops as soon as one of the two does."""

    def seconds_left(self, state: State) -> float:  # noqa: ARG002
        """Seconds until the rule stops the run; infinite if it does not look at the clock."""
        return math.inf

    def rounds_left(self, state: State) -> float:  # noqa: ARG002
        """Rounds of local search until the rule stops the run; infinite if it does not count them."""
        return math.inf

    def __call__(self, state: State) -> bool:
        """Whether to stop."""
        return self.seconds_left(state) <= 0 or self.rounds_left(state) <= 0

    def __or__(self, other: Stop) -> Stop:
        return Either(self, other)


@dataclass(frozen=True)
class Either(Stop):
    """Stops as soon as one of two rules does."""

    first: Stop
    second: Stop

    def seconds_left(self, state: State) -> float:  # noqa: D102
        return min(self.first.seconds_left(state), self.second.seconds_left(state))

    def rounds_left(self, state: State) -> float:  # noqa: D102
        return min(self.first.rounds_left(state), self.second.rounds_left(state))

    def __call__(self, state: State) -> bool:  # noqa: D102
        return self.first(state) or self.second(state)


@dataclass(frozen=True)
class Seconds(Stop):
    """Stops after some seconds. Where a run ends then depends on the machine."""

    limit: float

    def __post_init__(self) -> None:
        _check("seconds", self.limit)

    def seconds_left(self, state: State) -> float:  # noqa: D102
        return self.limit - state.seconds


@dataclass(frozen=True)
class Rounds(Stop):
    """Stops after some rounds of local search: the same answer on every machine."""

    limit: int

    def __post_init__(self) -> None:
        _check("rounds", self.limit)

    def rounds_left(self, state: State) -> float:  # noqa: D102
        return self.limit - state.rounds


@dataclass(frozen=True)
class NoImprovement(Stop):
    """Stops after some rounds of local search that found nothing better."""

    limit: int

    def __post_init__(self) -> None:
        _check("rounds without improvement", self.limit)

    def rounds_left(self, state: State) -> float:  # noqa: D102
        return self.limit - state.idle_rounds


@dataclass(frozen=True)
class Gap(Stop):
    """Stops when the answer is known to be within a share of the best possible."""

    limit: float

    def __post_init__(self) -> None:
        if not 0 <= self.limit < 1:
            raise UnitRangeError(f"gap: must be at least 0 and below 1, got {self.limit}")

    def __call__(self, state: State) -> bool:  # noqa: D102
        return state.gap <= self.limit


def _check(name: str, limit: float) -> None:
    if not limit > 0:
        raise UnitRangeError(f"{name}: must be above 0, got {limit}")


class Run:
    """The clock of one run: how long, how far, and whether to go on.

    Parameters
    ----------
    stop : Stop
        Rule of the caller.
    progress : callable or None
        Called as ``progress(stage, done, total)``; 0 as total means that it is not known.
    """

    def __init__(self, stop: Stop, progress: Progress | None) -> None:
        self._stop, self._progress = stop, progress
        self._begin = time.perf_counter()
        self.state = State()
        self.interrupted = False
        self.proven = False

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return time.perf_counter() - self._begin

    @property
    def seconds_left(self) -> float:
        """Seconds until the rule stops the run, never below 0."""
        self.state.seconds = self.seconds
        return max(self._stop.seconds_left(self.state), 0.0)

    @property
    def rounds_left(self) -> float:
        """Rounds until the rule stops the run."""
        return max(self._stop.rounds_left(self.state), 0)

    @property
    def stopped(self) -> bool:
        """Whether the run is over: proven, interrupted, or stopped by the rule."""
        self.state.seconds = self.seconds
        return self.interrupted or self.proven or self._stop(self.state)

    @property
    def may_prove(self) -> bool:
        """Whether bounds and exact answers are still wanted: rules that count rounds only end the local search."""
        state = State(seconds=self.seconds, gap=self.state.gap)
        return not (self.interrupted or self.proven or self._stop(state))

    def report(self, stage: str, done: int, total: int = 0) -> None:
        """Tell the caller how far a stage is."""
        if self._progress is not None:
            self._progress(stage, done, total)

    def note_rounds(self, rounds: int, *, improved: bool) -> None:
        """Count rounds of local search."""
        self.state.rounds += rounds
        self.state.idle_rounds = 0 if improved else self.state.idle_rounds + rounds

    @contextmanager
    def stage(self) -> Iterator[None]:
        """A stage that the user may interrupt: the run then ends with the best it has."""
        try:
            yield
        except KeyboardInterrupt:
            self.interrupted = True
