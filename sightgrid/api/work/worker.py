"""A worker: a process of its own that does one job after the other, so that a job that kills it kills nothing else.

``python -m sightgrid.api.work.worker`` with the address of the store in ``SIGHTGRID_STORE``. If its standard input is a
pipe, the server holds the other end: a byte is an order to stop, an end without one means that the server is gone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import stat
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sightgrid.api.work.hand import LEASE_S, Hand
from sightgrid.api.work.outcomes import Failure, make_result, tell_failure
from sightgrid.api.work.process import Task
from sightgrid.api.work.processes import PROCESSES
from sightgrid.errors import SightgridError, StoreError
from sightgrid.store.conflicts import ExistsError, JobLostError
from sightgrid.store.database import open_database
from sightgrid.store.jobs import fail_job, finish_job, list_jobs, name_worker, report_job, take_job
from sightgrid.store.results import Result, find_result
from sightgrid.store.scenarios import find_scenario
from sightgrid.store.sites import find_site

if TYPE_CHECKING:
    from types import FrameType

    from sightgrid.api.work.process import Inputs, Process
    from sightgrid.store.database import Database
    from sightgrid.store.jobs import Job

STORE = "SIGHTGRID_STORE"
LOOK_S = 0.3  # for a job that is queued
TROUBLE_S = 5.0  # after which a store that does not answer is asked again
TRIES = 10
KEEP_LEASE_S = 600.0  # keeping a large result takes its time
NICENESS = 10
OOM_SCORE = 500  # if memory runs out, it is a worker that goes

log = logging.getLogger("sightgrid.work")


class Worker:
    """Does one job after the other until it is told to stop."""

    def __init__(self, database: Database) -> None:
        self.database, self.name = database, name_worker()
        self.stopping = False  # no event: a signal handler must not wait for locks
        self._hand: Hand | None = None

    def run(self) -> None:
        """Look for jobs, and do them."""
        while not self.stopping:
            try:
                # reading first: who only looks does not keep others from writing
                queued = list_jobs(self.database, state="queued", limit=1)
                job = take_job(self.database, worker=self.name, lease_s=LEASE_S) if queued else None
            except StoreError as error:
                log.warning("looking for a job: %s", error)
                time.sleep(TROUBLE_S)
                continue
            if job is None:
                time.sleep(LOOK_S)
            else:
                self._do(job)

    def interrupt(self, _: int, __: FrameType | None) -> None:
        """End what the main thread is at, if it works on a job."""
        if self._hand is not None and self._hand.interruptible:
            raise KeyboardInterrupt

    def stop(self, _: int = 0, __: FrameType | None = None) -> None:
        """Stop as soon as may be."""
        self.stopping = True

    def _do(self, job: Job) -> None:
        process = PROCESSES.get(job.kind)
        hand = Hand(
            self.database,
            job,
            worker=self.name,
            stages=process.stages if process else {},
            is_stopping=lambda: self.stopping,
        )
        self._hand = hand
        end: Result | int | Failure
        try:
            with hand:
                end = self._work(job, process, hand)
        except (KeyboardInterrupt, JobLostError):
            if not hand.lost:
                raise
            end = Failure("stopped")
        except Exception as error:  # noqa: BLE001  (a job that fails does not end the worker)
            end = tell_failure(error)
        finally:
            self._hand = None
        self._settle(job, hand, end)

    def _work(self, job: Job, process: Process[Any] | None, hand: Hand) -> Result | int:
        if process is None or job.site_id is None:
            raise SightgridError(f"nobody here knows how to do {job.kind}")
        options: Inputs = process.inputs.model_validate(job.options)
        # told before anything is read: what changes meanwhile makes the result old, never a new one wrong
        fingerprint = process.fingerprint(self.database, options)
        version = None if options.scenario_id is None else find_scenario(self.database, options.scenario_id).version
        known = find_result(self.database, job.site_id, kind=job.kind, fingerprint=fingerprint)
        if known is not None and process.lasting:  # somebody else asked for the same just before
            return known
        site = find_site(self.database, job.site_id)
        outcome = process.run(Task(self.database, site, options, hand.report, job.actor))
        return make_result(process.name, options, outcome, fingerprint=fingerprint, scenario_version=version)

    def _settle(self, job: Job, hand: Hand, end: Result | int | Failure) -> None:
        """Write down how a job ended; a store that does not answer, or is being written to, is asked again."""
        for _ in range(TRIES):
            try:
                self._write_end(job, hand, end)
            except StoreError as error:
                log.warning("end of job %s: %s", job.job_id, error)
                time.sleep(TROUBLE_S)
            else:
                return
        with contextlib.suppress(StoreError):  # it is given up when its lease ends
            fail_job(self.database, job.job_id, worker=self.name, message="the store could not keep it", retryable=True)

    def _write_end(self, job: Job, hand: Hand, end: Result | int | Failure) -> None:
        worker = self.name
        if hand.lost:
            hand.let_go()
            return
        if isinstance(end, Failure):
            fail_job(self.database, job.job_id, worker=worker, message=end.message, retryable=end.retryable)
            return
        told: dict[str, Any] = {"progress": 1.0, "stage": "keeping the result", "lease_s": KEEP_LEASE_S}
        try:
            report_job(self.database, job.job_id, worker=worker, **told)
            finish_job(self.database, job.job_id, worker=worker, result=end)
        except JobLostError:  # cancelled in the last moment
            hand.let_go()
        except ExistsError:
            fail_job(self.database, job.job_id, worker=worker, message="there is something of this name already")


def main() -> None:
    """Run a worker until the server stops it or is gone."""
    logging.basicConfig(format="%(asctime)s worker %(process)d: %(message)s", level=logging.WARNING)
    address = os.environ.pop(STORE, "")
    os.nice(NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE), encoding="ascii")
    try:
        with open_database(address) as database:
            worker = Worker(database)
            signal.signal(signal.SIGINT, worker.interrupt)
            signal.signal(signal.SIGTERM, worker.stop)
            if stat.S_ISFIFO(os.fstat(0).st_mode):
                threading.Thread(target=_watch_server, args=(worker,), name="server", daemon=True).start()
            worker.run()
    except SightgridError as error:
        sys.exit(f"worker: {error}")


def _watch_server(worker: Worker) -> None:
    if os.read(0, 1):  # not sys.stdin: its lock would be held when the program ends
        worker.stop()
    else:
        os._exit(1)


if __name__ == "__main__":
    main()
