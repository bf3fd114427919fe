"""How large the store is, and how many jobs it has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from sightgrid.store.work_tables import jobs

if TYPE_CHECKING:
    from sightgrid.store.database import Database


def measure_size(database: Database) -> int:
    """Return the bytes that the store takes on its disk."""
    if database.path is not None:
        files = (database.path, Path(f"{database.path}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())
    with database.read() as connection:
        size = sa.select(sa.func.pg_database_size(sa.func.current_database()))
        return int(connection.execute(size).scalar_one())


def count_jobs(database: Database) -> dict[str, int]:
    """Return the numbers of jobs by their state."""
    statement = sa.select(jobs.c.state, sa.func.count().label("jobs")).group_by(jobs.c.state)
    with database.read() as connection:
        return {row.state: row.jobs for row in connection.execute(statement)}
