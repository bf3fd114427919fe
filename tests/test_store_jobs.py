"""Jobs and the audit log, on SQLite and on PostGIS."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
import store_databases

from sightgrid.errors import StoreError
from sightgrid.store.audit_entries import Head, insert_entry
from sightgrid.store.audit_log import add_entry, find_head, verify_log
from sightgrid.store.conflicts import JobLostError, NotFoundError
from sightgrid.store.database import open_database
from sightgrid.store.jobs import (
    add_done_job,
    cancel_job,
    drop_job,
    fail_job,
    find_job,
    find_jobs,
    finish_job,
    list_jobs,
    name_worker,
    queue_job,
    recover_jobs,
    release_job,
    report_job,
    retry_job,
    take_job,
)
from sightgrid.store.results import Result, describe_result, find_result, keep_result, list_results
from sightgrid.store.sites import import_site

address, database, few = store_databases.address, store_databases.database, store_databases.few
ME = name_worker()
RESULT = Result("coverage", "f", {}, {}, b"x", "text/plain")


def test_a_job_runs_from_its_question_to_its_result(database, few):
    site_id = import_site(database, few)
    asked = queue_job(database, kind="coverage", options={"cell_m": 25}, site_id=site_id)
    assert (asked.state, asked.options, asked.attempts) == ("queued", {"cell_m": 25}, 0)
    taken = take_job(database, worker=ME)
    assert (taken.job_id, taken.state, taken.attempts) == (asked.job_id, "running", 1)
    assert take_job(database, worker=ME) is None
    report_job(database, asked.job_id, worker=ME, progress=0.25, stage="cells")
    assert find_job(database, asked.job_id)[5:7] == (0.25, "cells")
    number = finish_job(database, asked.job_id, worker=ME, result=RESULT)
    done = find_job(database, asked.job_id)
    assert (done.state, done.progress, done.result_id) == ("done", 1.0, number)
    assert find_result(database, site_id, kind="coverage", fingerprint="f") == number
    assert list_jobs(database, state="done") == [done]
    assert list_jobs(database, state="queued") == []
    with pytest.raises(NotFoundError):
        retry_job(database, asked.job_id)


def test_a_worker_that_has_to_stop_gives_its_job_back(database, few):
    site_id = import_site(database, few)
    first, second = (queue_job(database, kind="coverage", options={}, site_id=site_id) for _ in range(2))
    take_job(database, worker=ME)
    report_job(database, first.job_id, worker=ME, progress=0.5, stage="cells")
    release_job(database, first.job_id, worker="another")
    assert find_job(database, first.job_id).state == "running"
    release_job(database, first.job_id, worker=ME)
    assert find_job(database, first.job_id) == first._replace(attempts=1)
    assert take_job(database, worker=ME).job_id == first.job_id  # it keeps its turn
    assert cancel_job(database, first.job_id).cancel
    release_job(database, first.job_id, worker=ME)
    assert find_job(database, first.job_id).state == "cancelled"
    assert find_jobs(database, [second.job_id, "none"]) == {second.job_id: second}
    assert list_jobs(database, state=["queued", "done"], kinds=["coverage"]) == [second]
    assert list_jobs(database, kinds=["patrol"]) == []


def test_a_result_that_is_kept_ends_jobs_without_work(database, few):
    site_id = import_site(database, few)
    number = keep_result(database, site_id, RESULT)
    queue_job(database, kind="coverage", options={}, site_id=site_id)
    taken = take_job(database, worker=ME)
    assert finish_job(database, taken.job_id, worker=ME, result=number) == number
    made = add_done_job(database, kind="coverage", options={}, site_id=site_id, actor="ann", result_id=number)
    assert (made.state, made.progress, made.attempts, made.result_id) == ("done", 1.0, 0, number)
    told = describe_result(database, number)
    assert (told.site_id, told.kind, told.media_type) == (site_id, "coverage", "text/plain")
    later = keep_result(database, site_id, RESULT._replace(kind="blindspots"))
    assert [each.result_id for each in list_results(database, site_id)] == [later, number]
    assert list_results(database, site_id, kinds=["coverage"]) == [told]
    assert list_results(database, site_id, kinds=[]) == list_results(database, site_id, scenario_id=7) == []
    with pytest.raises(NotFoundError):
        describe_result(database, 99)


def test_many_workers_share_the_jobs_without_taking_one_twice(database):
    for number in range(12):
        queue_job(database, kind="k", options={"number": number})

    def work(worker):
        taken = []
        while job := take_job(database, worker=worker):
            taken.append(job.options["number"])
            finish_job(database, job.job_id, worker=worker)
        return taken

    with ThreadPoolExecutor(4) as pool:
        counts = Counter(number for taken in pool.map(work, "abcd") for number in taken)
    assert counts == dict.fromkeys(range(12), 1)


def test_jobs_are_taken_in_the_order_they_were_asked(database):
    asked = [queue_job(database, kind="k", options={}).job_id for _ in range(4)]
    assert [take_job(database, worker=ME).job_id for _ in asked] == asked


def test_a_job_is_cancelled_before_and_while_it_runs(database):
    waiting = queue_job(database, kind="k", options={})
    assert cancel_job(database, waiting.job_id).state == "cancelled"
    running = queue_job(database, kind="k", options={})
    assert take_job(database, worker=ME).job_id == running.job_id
    assert cancel_job(database, running.job_id).state == "running"
    with pytest.raises(JobLostError):
        report_job(database, running.job_id, worker=ME, progress=0.5)
    with pytest.raises(JobLostError):
        finish_job(database, running.job_id, worker=ME)
    drop_job(database, running.job_id, worker=ME)
    assert cancel_job(database, running.job_id).state == "cancelled"
    with pytest.raises(NotFoundError):
        cancel_job(database, "nothing")


def test_a_failed_job_tells_why_and_may_be_tried_again(database):
    job = queue_job(database, kind="k", options={})
    take_job(database, worker=ME)
    fail_job(database, job.job_id, worker=ME, message="no study area")
    assert find_job(database, job.job_id)[4:8] == ("failed", 0.0, "", "no study area")
    retry_job(database, job.job_id)
    assert take_job(database, worker=ME).attempts == 2
    fail_job(database, job.job_id, worker=ME, message="busy", retryable=True)
    assert find_job(database, job.job_id).state == "retryable"


def test_the_jobs_of_the_dead_come_back(database, few):
    site_id = import_site(database, few)
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    machine = ME.rpartition(":")[0]
    workers = {
        ME: 30.0,  # lives
        f"{machine}:{int(gone.stdout)}": 30.0,  # a process of this machine that has ended
        "another machine:1": 30.0,  # cannot be looked at; its lease runs
        "a third machine:1": -1.0,  # its lease has ended
        "a fourth machine:1": -1.0,  # as above, and the job was to be cancelled
    }
    held = {}
    for worker, lease_s in workers.items():
        queue_job(database, kind="k", options={}, site_id=site_id)
        held[worker] = take_job(database, worker=worker, lease_s=lease_s).job_id
    cancel_job(database, held["a fourth machine:1"])
    given_up = recover_jobs(database)
    assert [find_job(database, job_id).state for job_id in held.values()] == [
        "running", "retryable", "running", "retryable", "cancelled",
    ]  # fmt: skip
    assert set(given_up) == {held[worker] for worker in list(workers)[1:2] + list(workers)[3:]}
    late = held["a third machine:1"]
    with pytest.raises(JobLostError):
        report_job(database, late, worker="a third machine:1", progress=0.9)
    with pytest.raises(JobLostError):
        finish_job(database, late, worker="a third machine:1", result=RESULT)
    fail_job(database, late, worker="a third machine:1", message="late")
    assert find_job(database, late).state == "retryable"
    assert find_result(database, site_id, kind="coverage", fingerprint="f") is None
    retry_job(database, late)
    assert take_job(database, worker=ME).job_id == late


def test_the_audit_log_verifies(database):
    assert verify_log(database) == Head(0, "0" * 64)
    first = add_entry(database, actor="local", action="camera.move", target="camera 7", detail={"到": [1.5, None]})
    second = add_entry(database, actor="local", action="login")
    assert verify_log(database, known=first) == second == find_head(database)
    with pytest.raises(StoreError, match="ends at entry 2, 3 is known"):
        verify_log(database, known=Head(3, "x"))
    with pytest.raises(StoreError, match="entry 1 of the audit log is not the one"):
        verify_log(database, known=Head(1, "x"))


def test_entries_of_many_at_once_make_one_chain(database):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: add_entry(database, actor="a", action=str(number)), range(20)))
    assert verify_log(database).entry == 20


def test_an_entry_is_kept_with_its_deed_or_not_at_all(database):
    def fall():
        with database.write() as connection:
            insert_entry(connection, actor="a", action="b")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fall()
    assert find_head(database).entry == 0


@pytest.mark.parametrize("statement", ["UPDATE audit_log SET actor = 'b'", "DELETE FROM audit_log"])
def test_the_audit_log_is_only_added_to(database, statement):
    add_entry(database, actor="a", action="b")
    with pytest.raises(StoreError, match="only added to"), database.write() as connection:
        connection.execute(sa.text(statement))
    assert verify_log(database).entry == 1


@pytest.mark.parametrize(
    ("statement", "entry"),
    [
        ("UPDATE audit_log SET actor = 'b' WHERE entry = 2", 2),
        ("UPDATE audit_log SET at_us = at_us + 1 WHERE entry = 3", 3),
        ("DELETE FROM audit_log WHERE entry = 2", 3),
        ("DELETE FROM audit_log WHERE entry = 1", 2),
    ],
)
def test_whoever_gets_round_the_triggers_breaks_the_chain(tmp_path, statement, entry):
    with open_database(store_databases.make_address("sqlite", tmp_path)) as database:
        for _ in range(3):
            add_entry(database, actor="a", action="b")
        with database.write() as connection:
            for what in ("update", "delete"):
                connection.execute(sa.text(f"DROP TRIGGER audit_log_no_{what}"))
            connection.execute(sa.text(statement))
        with pytest.raises(StoreError, match=f"the audit log is broken at entry {entry}"):
            verify_log(database)
