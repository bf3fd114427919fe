"""Killed at any moment: nothing that was committed is lost, and nothing half-done is seen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
import store_databases

from sightgrid.store.database import open_database
from sightgrid.store.jobs import list_jobs, recover_jobs
from sightgrid.store.layer_tables import LAYERS, boxes, features
from sightgrid.store.results import find_result
from sightgrid.store.sites import list_sites
from sightgrid.store.work_tables import results

KILLS = int(os.environ.get("SIGHTGRID_KILLS", "4"))
LONGEST_S = 0.4  # a round of import and job takes about half of it
VICTIM = Path(__file__).with_name("store_victim.py")


def kill_once(victim, pause_s):
    """Let a child work for a while and kill it; return what it told of."""
    victim.stdin.write("\n")
    victim.stdin.flush()
    word, number = victim.stdout.readline().split()
    assert word == "ready"
    time.sleep(pause_s)
    os.kill(int(number), signal.SIGKILL)  # our own grandchild, by its number
    lines = []
    while (line := victim.stdout.readline().strip()) != "gone":
        assert line, "the victim ended by itself"
        lines.append(line.split())
    return lines


def count_rows(connection, table):
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def check_layers(database, sites, site):
    with database.read() as connection:
        if database.path:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        for layer in LAYERS:
            wanted = len(getattr(site, layer, ())) * sites
            assert count_rows(connection, features[layer]) == wanted
            if database.path:
                assert count_rows(connection, boxes[layer]) == wanted


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_killed_program_loses_and_leaves_nothing(kind, tmp_path, helsinki):
    address, turns = store_databases.make_address(kind, tmp_path), tmp_path / "turn"
    dice = np.random.default_rng(20260601)
    known_sites, known_jobs, done, begun = set(), set(), set(), 0
    with subprocess.Popen(
        [sys.executable, VICTIM, address, turns], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as victim:
        assert victim.stdout.readline() == "started\n"
        for turn in range(KILLS):
            turns.write_text(str(turn), encoding="utf-8")
            for word, name in kill_once(victim, dice.uniform(0.0, LONGEST_S)):
                {"site": known_sites, "asked": known_jobs, "done": done}[word].add(name)
            begun += 1
            with open_database(address) as database:
                recover_jobs(database)
                sites = {site.name: site.site_id for site in list_sites(database)}
                jobs = {job.kind: job for job in list_jobs(database, limit=10_000)}
                # at most one commit of each kill may have been made and not told of yet
                assert known_sites <= set(sites)
                assert known_jobs <= set(jobs)
                assert len(set(sites) - known_sites) + len(set(jobs) - known_jobs) <= begun
                assert {job.state for job in jobs.values()} <= {"done", "retryable", "queued"}
                assert done <= {kind for kind, job in jobs.items() if job.state == "done"}
                for name, job in jobs.items():
                    found = find_result(database, job.site_id, kind="coverage", fingerprint=name)
                    assert (found is not None) == (job.state == "done")
                    assert job.result_id == found
                with database.write() as connection:
                    # the next round takes its own job
                    connection.execute(sa.text("DELETE FROM jobs WHERE state = 'queued'"))
                    known_jobs &= set(jobs) - {kind for kind, job in jobs.items() if job.state == "queued"}
                    assert count_rows(connection, results) == sum(job.state == "done" for job in jobs.values())
        victim.stdin.close()
    with open_database(address) as database:
        check_layers(database, len(sites), helsinki)
    assert sites
