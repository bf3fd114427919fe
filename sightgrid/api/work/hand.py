"""The job that a worker has in hand: its progress is told, its lease renewed, and its end seen while a kernel runs."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from sightgrid.api.work.progress import Gauge
from sightgrid.errors import StoreError
from sightgrid.store.conflicts import JobLostError, NotFoundError
from sightgrid.store.jobs import drop_job, find_job, release_job, report_job

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sightgrid.store.database import Database
    from sightgrid.store.jobs import Job

BEAT_S = 0.3  # progress is written, and a cancellation seen, so often
RENEW_S = 5.0
# Longer than the import of a large city keeps others from writing; who dies on this machine is missed at once anyway.
LEASE_S = 300.0
GRACE_S = 2.0  # for a kernel to come back, before the process ends
STUCK = 3  # the code with which it then ends

log = logging.getLogger("sightgrid.work")


class Hand:
    """Holds a job while the main thread works on it; a context manager.

    A thread of its own writes the progress a few times a second and looks whether the job was cancelled, or the worker
    is to stop. It then interrupts the main thread; if a kernel does not come back in time, it lets go of the job and
    ends the process.

    Parameters
    ----------
    database, job, worker
        The store, the job, and the name of the worker that holds it.
    stages : mapping of str to float
        See `sightgrid.api.work.progress.Gauge`.
    is_stopping : callable
        Tells whether the worker is to stop.
    """

    def __init__(
        self, database: Database, job: Job, *, worker: str, stages: Mapping[str, float], is_stopping: Callable[[], bool]
    ) -> None:
        self.interruptible = False
        self._database, self._job_id, self._worker, self._is_stopping = database, job.job_id, worker, is_stopping
        self._gauge, self._news = Gauge(stages), (0.0, "")
        self._lost, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._beat, name="beat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.interruptible = True
        return self

    def __exit__(self, *error: object) -> None:
        self.interruptible = False
        self._over.set()
        self._thread.join()

    @property
    def lost(self) -> bool:
        """Whether the job was cancelled or given up, or the worker is to stop."""
        return self._lost.is_set()

    def report(self, stage: str, done: int, total: int) -> None:
        """Say how far the job is; see `sightgrid.api.work.process.Task`."""
        if self.lost:
            raise JobLostError(f"job {self._job_id}: was cancelled or given up")
        self._news = self._gauge.move(stage, done, total), stage

    def let_go(self) -> None:
        """Say that nobody works on the job any more: it is queued again, or ends if it was cancelled."""
        if self._is_stopping():
            release_job(self._database, self._job_id, worker=self._worker)
        else:
            drop_job(self._database, self._job_id, worker=self._worker)

    def _beat(self) -> None:
        written, renewed = self._news, time.monotonic()
        while not self._over.wait(BEAT_S):
            news, now = self._news, time.monotonic()
            try:
                if self._is_stopping() or find_job(self._database, self._job_id).cancel:
                    break
                if news != written or now - renewed > RENEW_S:
                    told: dict[str, Any] = {"progress": news[0], "stage": news[1], "lease_s": LEASE_S}
                    report_job(self._database, self._job_id, worker=self._worker, **told)
                    written, renewed = news, now
            except (JobLostError, NotFoundError):
                break
            except StoreError as error:  # the lease lasts longer than most troubles
                log.warning("progress of job %s: %s", self._job_id, error)
        else:
            return
        self._interrupt()

    def _interrupt(self) -> None:
        self._lost.set()
        main = threading.main_thread().ident
        if main is not None:
            signal.pthread_kill(main, signal.SIGINT)
        if self._over.wait(GRACE_S):
            return
        try:
            self.let_go()
        finally:
            os._exit(STUCK)
