"""Who follows jobs: the store is asked for all of them at once, a few times a second, however many follow."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from fastapi.concurrency import run_in_threadpool

from sightgrid.errors import StoreError
from sightgrid.store.jobs import Job, find_jobs

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sightgrid.store.database import Database

LOOK_S = 0.3
ENDED = frozenset({"done", "failed", "retryable", "cancelled"})

log = logging.getLogger("sightgrid.work")


class Followers:
    """Tells those who follow a job of its changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._seen: dict[str, Job | None] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def count(self) -> int:
        """How many follow a job at the moment."""
        return sum(map(len, self._waiting.values()))

    async def follow(self, job: Job) -> AsyncGenerator[Job]:
        """Give a job as it is, then at each change until it has ended or is not there any more."""
        news = asyncio.Event()
        self._waiting.setdefault(job.job_id, set()).add(news)
        self._seen.pop(job.job_id, None)  # what was told before this one came is told again
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        try:
            yield job
            while job.state not in ENDED:
                await news.wait()
                news.clear()
                found = self._seen.get(job.job_id, job)
                if found is None:
                    return
                if found != job:
                    job = found
                    yield job
        finally:
            self._leave(job.job_id, news)

    def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()

    def _leave(self, job_id: str, news: asyncio.Event) -> None:
        self._waiting[job_id].discard(news)
        if not self._waiting[job_id]:
            del self._waiting[job_id]
            self._seen.pop(job_id, None)

    async def _look(self) -> None:
        while self._waiting:
            asked = list(self._waiting)
            try:
                found = await run_in_threadpool(find_jobs, self._database, asked)
            except StoreError as error:
                log.warning("following jobs: %s", error)
            else:
                for job_id in asked:
                    self._tell(job_id, found.get(job_id))
            await asyncio.sleep(LOOK_S)

    def _tell(self, job_id: str, found: Job | None) -> None:
        if job_id in self._waiting and (job_id not in self._seen or self._seen[job_id] != found):
            self._seen[job_id] = found
            for news in self._waiting[job_id]:
                news.set()
