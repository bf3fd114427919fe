"""The monitor: probes cameras once or again and again, and says of each what stands."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sightgrid.errors import UnitRangeError
from sightgrid.health.conditions import LIGHTINGS, tell_lighting
from sightgrid.health.probes import Job, skip_probe
from sightgrid.health.records import Memory, Record
from sightgrid.health.rules import Verdict, judge
from sightgrid.health.schedule import Schedule, Task, next_slot, patience, spread
from sightgrid.health.workers import Pool

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import pandas as pd

    from sightgrid.health.addresses import Address
    from sightgrid.health.probes import Probe
    from sightgrid.health.records import Keeper
    from sightgrid.health.view import View

MEASURE = "sightgrid.health.measuring:measure_views"
PER_HOST = 4  # recorders serve few streams at a time
SWEEP_S = 60.0
CONFIRM_S = 2.0
MOST_CONFIRMATIONS = 4  # the longest window of any condition
DEEP_FRAMES, DEEP_SECONDS = 50, 4.0  # for a look that has to confirm something
LEDGER = ("width_px", "height_px")
UNREACHABLE = ("name", "connect", "stream")  # stages at which there may be nobody there


@dataclass(frozen=True, kw_only=True)
class Timing:
    """When cameras are looked at.

    Attributes
    ----------
    every_s : float or None
        Pictures of each camera are looked at in every interval of so many seconds; None: once.
    sweep_s : float
        In between, its server is asked every so many seconds whether it is there; infinity: never. Not when once.
    confirm_s : float
        What was seen for the first time is looked at again after so many seconds.
    per_host : int
        How many streams of one host are opened at a time.

    Raises
    ------
    UnitRangeError
        A value is not positive, or the confirmation negative.
    """

    every_s: float | None = None
    sweep_s: float = SWEEP_S
    confirm_s: float = CONFIRM_S
    per_host: int = PER_HOST

    def __post_init__(self) -> None:
        if self.every_s is not None and not 0.0 < self.every_s < math.inf:
            raise UnitRangeError(f"every_s must be a positive number of seconds, not {self.every_s:g}")
        if not self.sweep_s > 0.0:
            raise UnitRangeError(f"sweep_s must be a positive number of seconds, not {self.sweep_s:g}")
        if not 0.0 <= self.confirm_s < math.inf:
            raise UnitRangeError(f"confirm_s must be a number of seconds from 0 on, not {self.confirm_s:g}")
        if self.per_host < 1:
            raise UnitRangeError(f"per_host must be at least 1, not {self.per_host}")


def monitor(
    sources: pd.DataFrame, keeper: Keeper, *, timing: Timing | None = None, workers: int = 2, **pool: Any
) -> Generator[Record, None, None]:
    """Probe cameras, judge what was measured, and keep it.

    Parameters
    ----------
    sources : DataFrame
        See `sightgrid.health.sources.read_sources`.
    keeper : Keeper
        Keeps what is found, and knows what was found before: a monitor that was stopped goes on where it was.
    timing : Timing, optional
        When cameras are looked at; once, if not given.
    workers : int
        How many streams are looked at at the same time.
    **pool
        Deadlines and more, see `sightgrid.health.workers.Pool`.

    Yields
    ------
    Record
        Every look that says something, after it was kept. A camera may come several times: what was seen for the first
        time is looked at again. Without an interval the iterator ends when every camera is settled; with one it goes
        on until it is closed, which ends all workers.

    Raises
    ------
    UnitRangeError, InputError
        An argument lies outside its range, or a backend is missing.
    SourceError
        No worker can be started.

    Examples
    --------
    >>> import pandas as pd
    >>> from sightgrid.health.records import Notebook
    >>> from sightgrid.health.sources import read_sources
    >>> table = pd.DataFrame({"stream_url": ["/no/such/clip.mp4"]}, index=pd.Index(["a"], name="camera_id"))
    >>> records = list(monitor(read_sources(table), Notebook(), timing=Timing(confirm_s=0.0), workers=1))
    >>> records[-1].status, records[-1].reason
    ('offline', 'offline: the probe failed at the stage connect: there is no such file')
    """
    with Pool(workers=workers, **{"measure": MEASURE, **pool}) as opened:
        yield from _Round(sources, keeper, timing or Timing()).run(opened)


class _Round:
    """The cameras of one monitor, and what is under way."""

    def __init__(self, sources: pd.DataFrame, keeper: Keeper, timing: Timing) -> None:
        self.keeper, self.timing = keeper, timing
        self.addresses: dict[str, Address | None] = {}
        self.skipped: dict[str, str] = {}
        self.ledger: dict[str, dict[str, float]] = {}
        row: Any
        for row in sources.itertuples():
            name = str(row.Index)
            self.addresses[name] = row.address
            if row.reason:
                self.skipped[name] = row.reason
            known = {column: float(getattr(row, column)) for column in LEDGER}
            self.ledger[name] = {column: value for column, value in known.items() if not math.isnan(value)}
        self.schedule = Schedule(dict(zip(self.addresses, sources["host"], strict=True)), per_host=timing.per_host)
        self.under_way: dict[str, tuple[Task, Memory]] = {}
        self.confirmations: dict[str, int] = {}
        self.images_at: dict[str, float] = {}  # the slots in which pictures are due, for cameras being swept till then

    def run(self, pool: Pool) -> Iterator[Record]:
        """Work until nothing is left to do."""
        yield from self._skip()
        self._begin()
        for probe in pool.run(self._jobs()):
            record = self._take_in(probe)
            if record is not None:
                yield record

    def _skip(self) -> Iterator[Record]:
        """Tell of the cameras that cannot be checked at all."""
        for name, reason in self.skipped.items():
            probe = skip_probe(name, reason)
            record = Record(camera_id=name, checked_at=probe.checked_at, status="not_checkable", reason=reason)
            self.keeper.record(record, self.keeper.load_memory(name) or Memory())
            yield record

    def _begin(self) -> None:
        """Plan the first look at each camera: at once, unless its present slot has been used already."""
        ends, now, every = self.keeper.load_ends(), time.time(), self.timing.every_s
        for name in self.addresses:
            if name in self.skipped:
                continue
            if every is not None and name in ends:
                slot = next_slot(name, now, every_s=every)
                checked_at, failures = ends[name]
                if checked_at.timestamp() >= slot - every:
                    self._plan(name, now, failures)
                    continue
            # among those that are due at once the hash gives the order, so that no host comes first with all it has
            self.schedule.add(Task(name, "image"), now - 1.0 + spread(name))

    def _jobs(self) -> Iterator[Job | None]:
        while self.schedule or self.under_way:
            task = self.schedule.take(time.time())
            yield None if task is None else self._job(task)

    def _job(self, task: Task) -> Job:
        name = task.camera_id
        memory = self.keeper.load_memory(name) or Memory()
        self.under_way[name] = (task, memory)
        address = self.addresses[name]
        assert address is not None  # noqa: S101 - those without are never planned
        if task.kind == "reach":
            return Job(camera_id=name, address=address, kind="reach")
        wanted = [lighting for lighting in LIGHTINGS if memory.baseline.needs_view(lighting)]
        options = {"reference": memory.baseline.reference().to_dict(), "keep_view": bool(wanted)}
        if self.confirmations.get(name):
            return Job(camera_id=name, address=address, frames=DEEP_FRAMES, seconds=DEEP_SECONDS, options=options)
        return Job(camera_id=name, address=address, options=options)

    def _take_in(self, probe: Probe) -> Record | None:
        """Judge a probe, keep what came of it, and plan the next look."""
        name, now = probe.camera_id, time.time()
        task, memory = self.under_way.pop(name)
        self.schedule.release(name)
        if task.kind == "reach" and (not probe.stage or not probe.checkable):
            # it answers: a camera taken for dead is worth a look
            self._plan(name, now, memory.failures, at_once=memory.failures > 0 and probe.checkable)
            return None
        measures = _read_measures(probe)
        lighting = tell_lighting(measures.get("saturation", math.nan), measures.get("mean_level", math.nan))
        view = _read_view(probe) if memory.baseline.needs_view(lighting) else None
        seen = self._judge(probe, measures, memory, lighting)
        stands = memory.hysteresis.settle(seen)
        if measures and probe.checkable and not probe.stage:
            # nothing is learned while anything is suspected, or stands from before
            healthy = not seen.findings and not stands.findings
            memory.baseline.update(measures, lighting=lighting, healthy=healthy, view=view)
        if probe.checkable:
            memory.failures = memory.failures + 1 if probe.stage in UNREACHABLE else 0
        record = Record(
            camera_id=name,
            checked_at=probe.checked_at,
            status=stands.status,
            reason=stands.reason,
            stage=probe.stage,
            condition=stands.condition,
            consequence=stands.consequence,
            seconds=probe.seconds,
            measures=measures,
            thumbnail=probe.thumbnail,
        )
        self.keeper.record(record, memory)
        self._plan(name, now, memory.failures, unsettled=_is_unsettled(seen, memory))
        return record

    def _judge(self, probe: Probe, measures: dict[str, float], memory: Memory, lighting: str) -> Verdict:
        """Judge one probe by itself."""
        if not probe.checkable:
            return Verdict("not_checkable", probe.fault)
        if probe.stage:
            seen = judge({}, stage=probe.stage)
            finding = replace(seen.findings[0], reason=f"{seen.reason}: {probe.fault}")
            return replace(seen, reason=finding.reason, findings=(finding,))
        return judge(
            measures,
            baseline=memory.baseline.medians(lighting),
            last=memory.baseline.last,
            expected=self.ledger[probe.camera_id],
            lighting=lighting,
        )

    def _plan(self, name: str, now: float, failures: int, *, unsettled: bool = False, at_once: bool = False) -> None:
        """Plan the next look at a camera."""
        tries = self.confirmations.pop(name, 0)
        every = self.timing.every_s
        if at_once or (unsettled and tries < MOST_CONFIRMATIONS):
            self.confirmations[name] = tries + 1
            self.schedule.add(Task(name, "image"), now if at_once else now + self.timing.confirm_s)
            return
        if every is None:
            return
        due_at = self.images_at.get(name, 0.0)
        if due_at <= now:
            due_at = self.images_at[name] = next_slot(name, now, every_s=every)
        if failures:
            self.schedule.add(Task(name, "reach" if failures % patience(failures) else "image"), due_at)
        elif now + self.timing.sweep_s < due_at:
            self.schedule.add(Task(name, "reach"), now + self.timing.sweep_s)
        else:
            self.schedule.add(Task(name, "image"), due_at)


def _is_unsettled(seen: Verdict, memory: Memory) -> bool:
    """Tell whether what was seen now differs from what stands, so that another look decides."""
    held = {finding.condition for finding in seen.findings}
    if seen.status == "not_checkable":
        return False
    if seen.status == "offline":
        return not held <= set(memory.hysteresis.standing)
    return held != set(memory.hysteresis.standing)


def _read_measures(probe: Probe) -> dict[str, float]:
    """Return the measures; the size of the pictures and their rate are the stream's, not those of the scaled copies."""
    if not probe.measures:
        return {}
    size = {"width_px": float(probe.width_px), "height_px": float(probe.height_px)}
    return {**probe.measures, **size, "fps": probe.fps}


def _read_view(probe: Probe) -> View | None:
    from sightgrid.health.view import View  # noqa: PLC0415 - needs OpenCV

    return View.from_bytes(probe.data["view"]) if "view" in probe.data else None
