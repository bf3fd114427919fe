"""Worker processes that probe streams: as many at a time as there are workers, every one under the clock.

A stream can hang or crash the library that decodes it. So each worker is a process of its own that looks at one stream
at a time; the clock runs here, and a worker that overruns a deadline is killed.
"""

from __future__ import annotations

import importlib.util
import queue
import re
import threading
import time
from typing import TYPE_CHECKING, Literal, Self

from sightgrid.errors import InputError, UnitRangeError
from sightgrid.health.keepers import Keeper
from sightgrid.health.prober import Setup
from sightgrid.health.probes import Deadlines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sightgrid.health.probes import Job, Probe

MEASURE = "sightgrid.health.checks:measure_frames"
BACKENDS = ("cv2", "av")
THUMBNAILS = ("clear", "blurred", "none")
MAX_WORKERS = 256
RECYCLE = 500  # probes of one process, before what its libraries leak is given back
WATCH_S = 0.05  # how often the clock is looked at
ASK_S = 0.1  # how soon a source of jobs that has none now is asked again
HINT = 'pip install -e ".[health]" in the checkout'


class Pool:
    """Worker processes that probe streams.

    Parameters
    ----------
    workers : int
        How many streams are looked at at the same time, from 1 to 256.
    probe_s, name_s, connect_s, reply_s, open_s, read_s : float
        Deadlines, see `sightgrid.health.probes.Deadlines`.
    measure : str
        ``"module:function"`` that turns pictures into numbers: ``function(frames, times_s, **job.options)``. What it
        gives as bytes goes into ``Probe.data``.
    backend : {"cv2", "av"}
        What reads the streams.
    thumbnail : {"clear", "blurred", "none"}
        What is kept of the pictures.
    recycle : int
        A process is replaced after so many probes.

    Raises
    ------
    UnitRangeError
        An argument lies outside its range.
    InputError
        The backend is unknown or not installed.

    Examples
    --------
    >>> from sightgrid.health.addresses import parse_address
    >>> from sightgrid.health.probes import Job
    >>> with Pool(workers=1) as pool:
    ...     for probe in pool.run([Job(camera_id="a", address=parse_address("/no/such/clip.mp4"))]):
    ...         print(probe.camera_id, probe.stage, probe.fault)
    a connect there is no such file
    """

    def __init__(
        self,
        *,
        workers: int = 2,
        probe_s: float = 20.0,
        name_s: float = 3.0,
        connect_s: float = 3.0,
        reply_s: float = 3.0,
        open_s: float = 5.0,
        read_s: float = 5.0,
        measure: str = MEASURE,
        backend: Literal["cv2", "av"] = "cv2",
        thumbnail: Literal["clear", "blurred", "none"] = "clear",
        recycle: int = RECYCLE,
    ) -> None:
        if not 1 <= workers <= MAX_WORKERS:
            raise UnitRangeError(f"workers must lie in [1, {MAX_WORKERS}], not {workers}")
        if recycle < 1:
            raise UnitRangeError(f"recycle must be at least 1, not {recycle}")
        _check_choice("backend", backend, BACKENDS)
        _check_choice("thumbnail", thumbnail, THUMBNAILS)
        if not re.fullmatch(r"[\w.]+:\w+", measure):
            raise InputError(f"measure: {measure!r} must be written module:function")
        for module in sorted({"cv2", backend}):
            if importlib.util.find_spec(module) is None:
                raise InputError(f"streams are read by {module}, which is not installed: {HINT}")
        deadlines = Deadlines(
            probe_s=probe_s, name_s=name_s, connect_s=connect_s, reply_s=reply_s, open_s=open_s, read_s=read_s
        )
        setup = Setup(deadlines, measure, backend, thumbnail)
        self.workers = workers
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[Probe | Exception] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._running = threading.Lock()
        self._keepers = [Keeper(setup, self._jobs, self._results, recycle=recycle) for _ in range(workers)]
        for keeper in self._keepers:
            keeper.thread.start()
        self._watch = threading.Thread(target=self._watch_clock, daemon=True, name="deadlines")
        self._watch.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def run(self, jobs: Iterable[Job | None]) -> Iterator[Probe]:
        """Probe streams.

        Parameters
        ----------
        jobs : iterable of Job
            Asked for the next job only when a worker is free, so it may be endless. It may give None for "nothing now":
            it is asked again after a tenth of a second, and results come meanwhile.

        Yields
        ------
        Probe
            In the order in which they end. Closing the iterator early kills the probes under way.

        Raises
        ------
        SourceError
            No worker can be started.
        """
        if self._closed.is_set():
            raise InputError("the pool is closed")
        if not self._running.acquire(blocking=False):
            raise InputError("the pool runs already; use another pool")
        source, more, waiting = iter(jobs), True, 0
        try:
            while more or waiting:
                idle = False
                while more and waiting < self.workers:
                    try:
                        job = next(source)
                    except StopIteration:
                        more = False
                        break
                    if job is None:
                        idle = True
                        break
                    self._jobs.put(job)
                    waiting += 1
                try:
                    # never without end, so that Ctrl-C gets through everywhere
                    result = self._results.get(timeout=ASK_S if idle else 1.0) if more or waiting else None
                except queue.Empty:
                    continue
                if result is None:
                    break
                waiting -= 1
                if isinstance(result, Exception):
                    raise result
                yield result
        finally:
            self._abandon(waiting)
            self._running.release()

    def close(self) -> None:
        """End all workers; probes under way are given up."""
        if self._closed.is_set():
            return
        self._closed.set()
        for _ in self._keepers:
            self._jobs.put(None)
        for keeper in self._keepers:
            while keeper.thread.is_alive():
                keeper.give_up()
                keeper.thread.join(WATCH_S)
        self._watch.join()

    def _abandon(self, waiting: int) -> None:
        """Give up what is under way, and take its results off the queue."""
        while waiting:
            try:
                self._jobs.get_nowait()
                waiting -= 1
            except queue.Empty:
                break
        while waiting:
            for keeper in self._keepers:
                keeper.give_up()
            try:
                self._results.get(timeout=WATCH_S)
                waiting -= 1
            except queue.Empty:
                continue

    def _watch_clock(self) -> None:
        """Kill every worker that overruns its deadline."""
        while not self._closed.wait(WATCH_S):
            now = time.monotonic()
            for keeper in self._keepers:
                keeper.check_clock(now)


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"{name}: {value!r} is not known; choose {' or '.join(choices)}")
