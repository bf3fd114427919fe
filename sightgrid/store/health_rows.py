"""Rows of the health tables: made of records and memories, and read back."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from sightgrid.errors import FIRST_IDS, Fault, SchemaError, hide
from sightgrid.health.records import COLUMNS, Memory, Record
from sightgrid.store.clock import to_time, to_us
from sightgrid.store.health_tables import health_views

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

WINDOW = ("camera_id", "start_at", "end_at", "reason")


def put_row(connection: sa.Connection, table: sa.Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Write a row; one of the same key gets the new values."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).values(**key, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=dict(values)))


def put_views(connection: sa.Connection, key: Mapping[str, str], seen: Mapping[str, bytes]) -> None:
    """Write the views of a camera that have changed."""
    table = health_views
    statement = sa.select(table.c.lighting, table.c.digest).filter_by(**key)
    known = {row.lighting: row.digest for row in connection.execute(statement)}
    for lighting, view in seen.items():
        digest = blake2b(view, digest_size=16).hexdigest()
        if known.get(lighting) != digest:
            put_row(connection, table, {**key, "lighting": lighting}, {"digest": digest, "view": view})


def make_probe(record: Record) -> dict[str, Any]:
    """Make the row of a probe, without its site; a reason that holds an address is hidden."""
    return {name: getattr(record, name) for name in COLUMNS} | {
        "camera_id": record.camera_id,
        "checked_at_us": to_us(record.checked_at),
        "reason": hide(record.reason),
        "measures": json.dumps(record.measures),
    }


def read_probes(rows: Iterable[Any]) -> Iterator[Record]:
    """Read rows of probes, with what was measured if they hold it."""
    for row in rows:
        yield Record(
            camera_id=row.camera_id,
            checked_at=to_time(row.checked_at_us),
            measures=json.loads(row.measures) if "measures" in row._fields else {},
            **{name: getattr(row, name) for name in COLUMNS},
        )


def pack_memory(memory: Memory) -> tuple[str, dict[str, bytes]]:
    """Take the views out of a memory, and write the rest as JSON."""
    kept = memory.to_dict()
    seen = {}
    for lighting, usual in kept["baseline"]["usual"].items():
        view = usual.pop("view")
        if view:
            seen[lighting] = view
    return json.dumps(kept), seen


def unpack_memory(text: str, seen: Mapping[str, bytes]) -> Memory:
    """Read what `pack_memory` made."""
    kept = json.loads(text)
    for lighting, usual in kept["baseline"]["usual"].items():
        usual["view"] = seen.get(lighting, b"")
    return Memory.from_dict(kept)


def make_windows(windows: pd.DataFrame) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Make key and values of each time of planned work; raises SchemaError, see `History.add_maintenance`."""
    missing = [name for name in WINDOW if name not in windows.columns]
    if missing:
        raise SchemaError("maintenance", (Fault(", ".join(missing), "missing column"),))
    wrong = windows[~(windows["end_at"] > windows["start_at"])]
    if len(wrong):
        ids = tuple(wrong["camera_id"].astype(str)[:FIRST_IDS])
        raise SchemaError("maintenance", (Fault("end_at", "must lie after start_at", ids, len(wrong)),))
    for camera_id, start_at, end_at, reason in windows[list(WINDOW)].itertuples(index=False):
        yield {"camera_id": camera_id, "start_us": to_us(start_at), "end_us": to_us(end_at)}, {"reason": reason}


def frame_windows(rows: Sequence[Any]) -> pd.DataFrame:
    """Make the frame of times of planned work of their rows, in the order of `WINDOW`."""
    frame = pd.DataFrame(rows, columns=list(WINDOW))
    for name in ("start_at", "end_at"):
        frame[name] = pd.to_datetime(frame[name], unit="us", utc=True)
    return frame
