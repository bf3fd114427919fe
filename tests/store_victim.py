"""A program that works on a store until it is killed; see test_store_crash.

For each line on its input it forks a child that brings in sites and works on jobs without end, and tells of everything
that is committed. The children share the imports, which take far longer than what they do.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import sightgrid as sg
from sightgrid.store.database import open_database
from sightgrid.store.jobs import finish_job, name_worker, queue_job, report_job, take_job
from sightgrid.store.results import Result
from sightgrid.store.sites import import_site


def tell(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def work(address: str, turn: str, site: sg.Site) -> None:
    """Import and work; sites are called ``turn/0``, ``turn/1``, … and so are the kinds of the jobs."""
    number = 0
    with open_database(address) as database:
        tell("ready", os.getpid())
        while True:
            name = f"{turn}/{number}"
            site_id = import_site(database, site, name=name)
            tell("site", name)
            queue_job(database, kind=name, options={}, site_id=site_id)
            tell("asked", name)
            job = take_job(database, worker=name_worker())
            if job is None:
                raise RuntimeError
            for step in range(5):
                report_job(database, job.job_id, worker=name_worker(), progress=step / 5)
            result = Result("coverage", name, {}, {}, os.urandom(100_000), "application/octet-stream")
            finish_job(database, job.job_id, worker=name_worker(), result=result)
            tell("done", name)
            number += 1


def main() -> None:
    """Fork a child for each line, and wait for its end."""
    address, turns = sys.argv[1], Path(sys.argv[2])
    site = sg.open_site("helsinki")
    tell("started")
    while sys.stdin.readline():
        turn = turns.read_text(encoding="utf-8")
        child = os.fork()
        if not child:
            work(address, turn, site)
        os.waitpid(child, 0)
        tell("gone")


if __name__ == "__main__":
    main()
