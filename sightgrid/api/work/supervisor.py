"""The server's side of the workers: starts them, starts them again when they die, and ends them with itself."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from types import MappingProxyType
from typing import TYPE_CHECKING

from sightgrid.api.work.hand import GRACE_S, STUCK
from sightgrid.api.work.worker import STORE
from sightgrid.errors import StoreError
from sightgrid.store.jobs import list_jobs, recover_jobs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sightgrid.store.database import Database

WATCH_S = 0.2
RECOVER_S = 10.0
STOP_S = GRACE_S + 3.0  # for a worker to let go of its job
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 30.0
HEALTHY_S = 60.0  # a worker that lived so long did not die of its start

log = logging.getLogger("sightgrid.work")


class Supervisor:
    """Keeps some workers running.

    Parameters
    ----------
    database : Database
        The store that the workers open for themselves.
    workers : int
        How many; 0: only the jobs of workers that are gone are given up.
    environment : mapping of str to str, optional
        Variables of the workers' environment beside those of the server.
    """

    def __init__(self, database: Database, workers: int, environment: Mapping[str, str] = MappingProxyType({})) -> None:
        self._database = database
        self._seats = [_Seat(database.address, environment) for _ in range(workers)]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="workers", daemon=True)

    def start(self) -> None:
        """Give up the jobs of workers that are gone, and start new ones."""
        recover_jobs(self._database)
        self._thread.start()

    def stop(self) -> None:
        """End the workers; they put their jobs back into the queue."""
        self._over.set()
        self._thread.join()
        for seat in self._seats:
            seat.tell_stop()
        until = time.monotonic() + STOP_S
        for seat in self._seats:
            seat.end(until)
        with contextlib.suppress(StoreError):  # it is looked at again at the next start
            self._recover()

    def _watch(self) -> None:
        look = time.monotonic() + RECOVER_S
        while True:
            died = [seat.watch() for seat in self._seats]
            if any(died) or time.monotonic() >= look:
                look = time.monotonic() + RECOVER_S
                try:
                    self._recover()
                except StoreError as error:
                    log.warning("looking for workers that are gone: %s", error)
            if self._over.wait(WATCH_S):
                return

    def _recover(self) -> None:
        if list_jobs(self._database, state="running", limit=1):  # who only looks keeps nobody from writing
            recover_jobs(self._database)


class _Seat:
    """The place of one worker: a process, or a pause before the next one."""

    def __init__(self, address: str, environment: Mapping[str, str]) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self._address, self._environment = address, environment
        self._started, self._start, self._pause = 0.0, 0.0, FIRST_PAUSE_S

    def watch(self) -> bool:
        """Start the worker if it does not run and its pause is over; tell whether it has died."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._start:
                self._begin(now)
            return False
        code = self.process.poll()
        if code is None:
            return False
        self._close()
        if code == STUCK or now - self._started > HEALTHY_S:
            self._pause = FIRST_PAUSE_S
        log.error("a worker ended (code %d); the next one starts in %g s", code, self._pause)
        self._start = now + self._pause
        self._pause = min(2.0 * self._pause, LONGEST_PAUSE_S)
        return True

    def tell_stop(self) -> None:
        """Tell the worker to stop: by its pipe, which it reads while a kernel runs, and by a signal while it starts."""
        if self.process is not None and self.process.stdin is not None:
            with contextlib.suppress(OSError):  # it is gone
                self.process.stdin.write(b"\n")
                self.process.stdin.flush()
            self.process.terminate()

    def end(self, until: float) -> None:
        """Wait for the worker, not for ever."""
        if self.process is None:
            return
        try:
            self.process.wait(max(until - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)  # with all that it started
            self.process.wait()
        self._close()

    def _begin(self, now: float) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sightgrid.api.work.worker"],
            stdin=subprocess.PIPE,
            env={
                **os.environ,
                **self._environment,
                STORE: self._address,
            },  # not as an argument: everybody may read those
            start_new_session=True,  # Ctrl-C at the terminal is for the server alone
        )
        self._started = now

    def _close(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        self.process = None
