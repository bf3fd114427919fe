"""Jobs: long work that is asked for now and done by a worker, who may die over it.

A running job belongs to one worker until its lease ends, and every report renews the lease. The job of a worker that is
gone becomes ``retryable``; should that worker come back, its next report or its result is refused.
"""

from __future__ import annotations

import json
import os
import platform
import uuid
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import sqlalchemy as sa

from sightgrid.store.clock import now_us
from sightgrid.store.conflicts import JobLostError, NotFoundError
from sightgrid.store.results import Result, insert_result
from sightgrid.store.work_tables import jobs

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sightgrid.store.database import Database

    State = Literal["queued", "running", "done", "failed", "retryable", "cancelled"]

LEASE_S = 30.0
SECOND_US = 1_000_000


class Job(NamedTuple):
    """One job; times are in microseconds since 1970, `progress` is from 0 to 1, `cancel` waits for its worker."""

    job_id: str
    site_id: int | None
    kind: str
    options: dict[str, Any]
    state: State
    progress: float
    stage: str
    message: str
    attempts: int
    actor: str
    result_id: int | None
    asked_at_us: int
    started_at_us: int | None
    ended_at_us: int | None
    cancel: bool = False


def name_worker() -> str:
    """Name this process: the machine and the number of the process."""
    return f"{platform.node()}:{os.getpid()}"


def queue_job(
    database: Database, *, kind: str, options: Mapping[str, Any], site_id: int | None = None, actor: str = ""
) -> Job:
    """Ask for a job, as somebody; return it as queued."""
    job_id = uuid.uuid4().hex
    values = {
        "job_id": job_id, "site_id": site_id, "kind": kind, "options": json.dumps(dict(options)), "state": "queued",
        "progress": 0.0, "stage": "", "message": "", "cancel": False, "attempts": 0, "actor": actor,
        "asked_at_us": now_us(),
    }  # fmt: skip
    with database.write() as connection:
        connection.execute(sa.insert(jobs).values(values))
        return _find(connection, job_id)


def add_done_job(
    database: Database, *, kind: str, options: Mapping[str, Any], site_id: int, actor: str, result_id: int
) -> Job:
    """Add a job that has nothing to do, since what it asks for is kept already; return it as done."""
    job_id, now = uuid.uuid4().hex, now_us()
    values = {
        "job_id": job_id, "site_id": site_id, "kind": kind, "options": json.dumps(dict(options)), "state": "done",
        "progress": 1.0, "stage": "", "message": "", "cancel": False, "attempts": 0, "actor": actor,
        "result_id": result_id, "asked_at_us": now, "started_at_us": now, "ended_at_us": now,
    }  # fmt: skip
    with database.write() as connection:
        connection.execute(sa.insert(jobs).values(values))
        return _find(connection, job_id)


def take_job(database: Database, *, worker: str, lease_s: float = LEASE_S) -> Job | None:
    """Take the job that has been queued longest, for one worker alone; None if there is none."""
    first = sa.select(jobs.c.job_id).where(jobs.c.state == "queued").order_by(jobs.c.asked_at_us, jobs.c.job_id)
    with database.write() as connection:
        job_id = connection.execute(first.limit(1).with_for_update(skip_locked=True)).scalar_one_or_none()
        if job_id is None:
            return None
        now = now_us()
        taken = sa.update(jobs).where(jobs.c.job_id == job_id)
        values = {
            "state": "running", "worker": worker, "lease_us": now + int(lease_s * SECOND_US), "started_at_us": now,
            "ended_at_us": None, "attempts": jobs.c.attempts + 1, "progress": 0.0, "stage": "", "message": "",
        }  # fmt: skip
        connection.execute(taken.values(values))
        return _find(connection, job_id)


def report_job(
    database: Database, job_id: str, *, worker: str, progress: float, stage: str = "", lease_s: float = LEASE_S
) -> None:
    """Say how far a job is, and keep it.

    Raises
    ------
    JobLostError
        It was cancelled, or was given up for dead: stop working on it.
    """
    lease_us = now_us() + int(lease_s * SECOND_US)
    values = {"progress": min(max(progress, 0.0), 1.0), "stage": stage, "lease_us": lease_us}
    with database.write() as connection:
        kept = sa.update(jobs).where(_held(job_id, worker), jobs.c.cancel.is_(False)).values(values)
        if not connection.execute(kept).rowcount:
            raise JobLostError(f"job {job_id}: was cancelled or given up")


def finish_job(database: Database, job_id: str, *, worker: str, result: Result | int | None = None) -> int | None:
    """End a job well and keep its result, both or neither; or give the number of a result that is kept already.

    Returns
    -------
    int or None
        The number of the result.

    Raises
    ------
    JobLostError
        It was cancelled, or was given up for dead; the result is not kept.
    """
    with database.write() as connection:
        held = sa.select(jobs.c.site_id).where(_held(job_id, worker), jobs.c.cancel.is_(False)).with_for_update()
        row = connection.execute(held).one_or_none()
        if row is None:
            raise JobLostError(f"job {job_id}: was cancelled or given up")
        number = insert_result(connection, row.site_id, result) if isinstance(result, Result) else result
        _end(connection, jobs.c.job_id == job_id, state="done", progress=1.0, result_id=number)
    return number


def fail_job(database: Database, job_id: str, *, worker: str, message: str, retryable: bool = False) -> None:
    """End a job badly; ``retryable``: it may go well another time. A job that was lost meanwhile stays as it is."""
    with database.write() as connection:
        _end(connection, _held(job_id, worker), state="retryable" if retryable else "failed", message=message)


def release_job(database: Database, job_id: str, *, worker: str) -> None:
    """Queue a job again whose worker has to stop; one that was to be cancelled ends. It keeps its turn."""
    values = {"state": "queued", "worker": None, "lease_us": None, "started_at_us": None, "progress": 0.0, "stage": ""}
    with database.write() as connection:
        _end(connection, sa.and_(_held(job_id, worker), jobs.c.cancel.is_(True)), state="cancelled")
        connection.execute(sa.update(jobs).where(_held(job_id, worker)).values(values))


def cancel_job(database: Database, job_id: str) -> Job:
    """Cancel a job: at once if nobody works on it, else its worker is told at its next report.

    Returns
    -------
    Job
        As it is now; one that has ended stays as it ended.

    Raises
    ------
    NotFoundError
        There is none.
    """
    with database.write() as connection:
        waiting = sa.and_(jobs.c.job_id == job_id, jobs.c.state.in_(("queued", "retryable")))
        _end(connection, waiting, state="cancelled")
        running = sa.and_(jobs.c.job_id == job_id, jobs.c.state == "running")
        connection.execute(sa.update(jobs).where(running).values(cancel=True))
        return _find(connection, job_id)


def drop_job(database: Database, job_id: str, *, worker: str) -> None:
    """Say that the worker has stopped working on a job that was cancelled."""
    with database.write() as connection:
        _end(connection, sa.and_(_held(job_id, worker), jobs.c.cancel.is_(True)), state="cancelled")


def retry_job(database: Database, job_id: str) -> Job:
    """Queue a job again that failed or whose worker died.

    Raises
    ------
    NotFoundError
        There is none that could be tried again.
    """
    with database.write() as connection:
        again = sa.and_(jobs.c.job_id == job_id, jobs.c.state.in_(("retryable", "failed")))
        values = {"state": "queued", "asked_at_us": now_us(), "ended_at_us": None, "message": "", "progress": 0.0}
        if not connection.execute(sa.update(jobs).where(again).values(values)).rowcount:
            raise NotFoundError(f"there is no job {job_id} to be tried again")
        return _find(connection, job_id)


def recover_jobs(database: Database) -> list[str]:
    """Give up the running jobs whose worker is gone; to be called when a server starts, and now and then.

    Gone is a worker whose lease has ended, or a process of this machine that does not run any more. A job that was to
    be cancelled becomes ``cancelled``, any other ``retryable``.

    Returns
    -------
    list of str
        The jobs that were given up.
    """
    given_up = []
    with database.write() as connection:
        statement = sa.select(jobs.c.job_id, jobs.c.worker, jobs.c.lease_us, jobs.c.cancel)
        for row in connection.execute(statement.where(jobs.c.state == "running").with_for_update()).all():
            if row.lease_us >= now_us() and not _is_gone(row.worker):
                continue
            state: State = "cancelled" if row.cancel else "retryable"
            _end(connection, jobs.c.job_id == row.job_id, state=state, message="the worker is gone")
            given_up.append(row.job_id)
    return given_up


def find_job(database: Database, job_id: str) -> Job:
    """Return one job.

    Raises
    ------
    NotFoundError
        There is none.
    """
    with database.read() as connection:
        return _find(connection, job_id)


def find_jobs(database: Database, job_ids: Collection[str]) -> dict[str, Job]:
    """Return some jobs by their numbers; those that are not there are left out."""
    with database.read() as connection:
        rows = connection.execute(sa.select(*_COLUMNS).where(jobs.c.job_id.in_(job_ids)))
        return {row.job_id: _read(row) for row in rows}


def list_jobs(
    database: Database,
    *,
    state: State | Collection[State] | None = None,
    kinds: Collection[str] | None = None,
    site_id: int | None = None,
    limit: int = 100,
) -> list[Job]:
    """Return jobs, the newest first; of one state or several, of some kinds, of a site."""
    statement = sa.select(*_COLUMNS).order_by(jobs.c.asked_at_us.desc(), jobs.c.job_id).limit(limit)
    if state is not None:
        statement = statement.where(jobs.c.state.in_([state] if isinstance(state, str) else state))
    if kinds is not None:
        statement = statement.where(jobs.c.kind.in_(kinds))
    if site_id is not None:
        statement = statement.where(jobs.c.site_id == site_id)
    with database.read() as connection:
        return [_read(row) for row in connection.execute(statement)]


_COLUMNS = tuple(jobs.c[name] for name in Job._fields)


def _read(row: Any) -> Job:
    return Job(*row)._replace(options=json.loads(row.options))


def _find(connection: sa.Connection, job_id: str) -> Job:
    row = connection.execute(sa.select(*_COLUMNS).where(jobs.c.job_id == job_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no job {job_id}")
    return _read(row)


def _held(job_id: str, worker: str) -> sa.ColumnElement[bool]:
    return sa.and_(jobs.c.job_id == job_id, jobs.c.state == "running", jobs.c.worker == worker)


def _end(connection: sa.Connection, which: sa.ColumnElement[bool], **values: Any) -> None:
    ended = {"ended_at_us": now_us(), "worker": None, "lease_us": None, "cancel": False}
    connection.execute(sa.update(jobs).where(which).values(**ended, **values))


def _is_gone(worker: str) -> bool:
    machine, _, number = worker.rpartition(":")
    if machine != platform.node() or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it runs, as somebody else
        return False
    return False
