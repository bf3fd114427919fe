"""A thread for each worker process: it starts it, hands it one job at a time, and says what came of it."""

from __future__ import annotations

import base64
import contextlib
import json
import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from sightgrid.errors import SourceError
from sightgrid.health.prober import LENGTH, Order, Setup
from sightgrid.health.probes import STAGES, Probe
from sightgrid.health.secrets import PASSWORD_VARIABLE, USER_VARIABLE

if TYPE_CHECKING:
    import queue

    from sightgrid.health.probes import Job

GRACE_S = 0.5  # a worker keeps its deadlines itself; only what overruns them by so much is killed
START_S = 60.0
END_S = 5.0
MAX_MESSAGE = 1 << 22
TRIES = 2  # to start a process
# passwords go through the pipe only, and to no proxy either: FFmpeg would take one from the environment
WITHHELD = {USER_VARIABLE, PASSWORD_VARIABLE, "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}


class Keeper:
    """Keeps one worker process.

    Parameters
    ----------
    setup : Setup
        How it works.
    jobs, results : queue
        Where jobs come from (None: end) and where probes go, or the error if no process can do the job.
    recycle : int
        The process is replaced after so many probes.
    """

    def __init__(
        self,
        setup: Setup,
        jobs: queue.SimpleQueue[Job | None],
        results: queue.SimpleQueue[Probe | Exception],
        *,
        recycle: int,
    ) -> None:
        self.setup, self.jobs, self.results, self.recycle = setup, jobs, results, recycle
        self.thread = threading.Thread(target=self._work, daemon=True, name="worker")
        self._lock = threading.Lock()  # over all below, which the clock looks at
        self._process: subprocess.Popen[bytes] | None = None
        self._ends: float | None = None  # when the running step must be over; None: nothing runs
        self._killed = ""  # why, if we did
        self._stage = ""
        self._probes = 0

    def check_clock(self, now: float) -> None:
        """Kill the process if it has overrun its deadline."""
        with self._lock:
            if self._ends is not None and now > self._ends:
                self._kill("late")

    def give_up(self) -> None:
        """Kill the process if it is at work."""
        with self._lock:
            if self._ends is not None:
                self._kill("given up")

    def _kill(self, why: str) -> None:
        if self._process is not None and not self._killed:
            self._killed = why
            self._process.kill()

    def _work(self) -> None:
        while (job := self.jobs.get()) is not None:
            try:
                result: Probe | Exception = self._probe(job)
            except Exception as error:  # noqa: BLE001 - raised again where the results are asked for
                self._end()
                result = error
            self.results.put(result)
        self._end()

    def _probe(self, job: Job) -> Probe:
        process = self._ready()
        checked_at, began = datetime.now(UTC), time.monotonic()
        total = began + self.setup.deadlines.probe_s
        order = Order(job.address.reveal(), job.kind, job.frames, job.seconds, job.transport, dict(job.options))
        self._set_clock("", total)
        answer: dict[str, Any] | None = None
        if _send(process, order):
            while (message := _receive(process)) is not None and answer is None:
                if "stage" in message:
                    stage = str(message["stage"])
                    allowed = time.monotonic() + self._allow(stage, job) + GRACE_S
                    self._set_clock(stage, min(total, allowed))
                else:
                    answer = message.get("result")
                    break
        seconds = time.monotonic() - began
        with self._lock:
            self._ends = None
        self._probes += 1
        if answer is None:
            answer = self._explain(process)
        elif self._killed or answer.get("spent") or self._probes >= self.recycle:
            self._end()
        return _read_probe(answer, job.camera_id, checked_at, seconds)

    def _allow(self, stage: str, job: Job) -> float:
        """Tell how long a stage may take."""
        limits = self.setup.deadlines
        times = {
            "name": limits.name_s,
            "connect": limits.connect_s,
            "stream": max(limits.reply_s, limits.open_s),
            "first_frame": limits.read_s,
            "read": job.seconds + limits.read_s,
        }
        return times.get(stage, limits.probe_s)

    def _set_clock(self, stage: str, ends: float) -> None:
        with self._lock:
            self._stage, self._ends = stage, ends

    def _explain(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        """Say why a process is gone, and clear it away."""
        with self._lock:
            stage, why = self._stage, self._killed
        self._end()
        if why == "late" and stage not in {"", "measure"}:
            return {"stage": stage, "fault": "the stream held its worker up beyond the deadline"}
        if why == "late":
            return {"checkable": False, "fault": "the pictures were not measured within the deadline"}
        if why:
            return {"checkable": False, "fault": "the probe was given up"}
        return {"checkable": False, "fault": f"the worker crashed ({_word_exit(process.returncode)})"}

    def _ready(self) -> subprocess.Popen[bytes]:
        """Return a process that waits for an order, a new one if need be."""
        if self._process is not None and self._process.poll() is None and not self._killed:
            return self._process
        reason = ""
        for _ in range(TRIES):
            self._end()
            try:
                process = _start()
            except OSError as error:
                reason = f"{error.strerror}"
                continue
            with self._lock:
                self._process, self._stage, self._ends = process, "", time.monotonic() + START_S
            message = _receive(process) if _send(process, self.setup) else None
            if message is not None and message.get("ready"):
                return process
            if message is not None:  # it will say the same the next time
                self._end()
                raise SourceError(f"a worker cannot work: {message.get('broken')}")
            with self._lock:
                killed = self._killed
            reason = f"it was not ready within {START_S:g} s" if killed else "it ended at once"
            if killed:
                break
        self._end()
        raise SourceError(f"a worker cannot be started: {reason}")

    def _end(self) -> None:
        """End the process, and let go of all that belongs to it."""
        with self._lock:
            process, self._process = self._process, None
            killed, self._killed, self._ends, self._probes = self._killed, "", None, 0
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if not killed:
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()


def _start() -> subprocess.Popen[bytes]:
    code = f"import sys; sys.path[:] = {sys.path!r}; from sightgrid.health.prober import serve; serve()"
    return subprocess.Popen(  # noqa: S603 - this interpreter, our own module
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if name.upper() not in WITHHELD},
        start_new_session=True,  # Ctrl-C goes to us alone
    )


def _send(process: subprocess.Popen[bytes], message: Setup | Order) -> bool:
    """Tell a process something; False if it is gone."""
    data = pickle.dumps(message)
    try:
        pipe: IO[bytes] = process.stdin  # type: ignore[assignment]
        pipe.write(LENGTH.pack(len(data)) + data)
        pipe.flush()
    except OSError:
        return False
    return True


def _receive(process: subprocess.Popen[bytes]) -> dict[str, Any] | None:
    """Wait for what a process says; None if it is gone or talks nonsense."""
    pipe: IO[bytes] = process.stdout  # type: ignore[assignment]
    head = pipe.read(LENGTH.size)
    if len(head) < LENGTH.size or (length := LENGTH.unpack(head)[0]) > MAX_MESSAGE:
        return None
    data = pipe.read(length)
    try:
        message = json.loads(data) if len(data) == length else None
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def _read_probe(answer: dict[str, Any], camera_id: str, checked_at: datetime, seconds: float) -> Probe:
    """Take nothing on trust: the worker has looked at data of anybody."""
    thumbnail = answer.get("thumbnail")
    try:
        return Probe(
            camera_id=camera_id,
            checked_at=checked_at,
            stage=_check_stage(answer.get("stage", "")),
            fault=str(answer.get("fault", "")),
            checkable=bool(answer.get("checkable", True)),
            seconds=seconds,
            fps=float(answer.get("fps", math.nan)),
            width_px=int(answer.get("width_px", 0)),
            height_px=int(answer.get("height_px", 0)),
            measures={str(name): float(value) for name, value in answer.get("measures", {}).items()},
            data={str(name): _unpack(value) for name, value in answer.get("data", {}).items()},
            thumbnail=None if thumbnail is None else _unpack(thumbnail),
        )
    except (TypeError, ValueError, AttributeError, OverflowError):
        fault = "the worker gave an answer that makes no sense"
        return Probe(camera_id=camera_id, checked_at=checked_at, fault=fault, checkable=False, seconds=seconds)


def _unpack(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _check_stage(stage: Any) -> str:
    if stage and stage not in STAGES:
        raise ValueError(stage)
    return str(stage)


def _word_exit(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit status {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
