"""The tables of the store."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, Text

VERSION = 1

metadata = MetaData()

# One row for each camera: what is remembered of it (JSON, see health.records.Memory; views apart), its last probe, and
# its last picture; older pictures are not kept.
cameras = Table(
    "cameras",
    metadata,
    Column("camera_id", Text, primary_key=True),
    Column("memory", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("probe_id", Integer, nullable=False),
    Column("thumbnail", LargeBinary),
    Column("thumbnail_at_us", BigInteger),
)

# The views a camera should have, by lighting.
views = Table(
    "views",
    metadata,
    Column("camera_id", Text, ForeignKey("cameras.camera_id"), primary_key=True),
    Column("lighting", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("view", LargeBinary, nullable=False),
)

# Times are microseconds since 1970, UTC; measures are a JSON object of numbers.
probes = Table(
    "probes",
    metadata,
    Column("probe_id", Integer, primary_key=True),
    Column("camera_id", Text, nullable=False),
    Column("checked_at_us", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("consequence", Text, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("measures", Text, nullable=False),
    Index("probes_by_camera", "camera_id", "checked_at_us"),
    Index("probes_by_time", "checked_at_us"),
)

# Planned work: the camera is not expected to run. An empty camera_id means all cameras.
maintenance = Table(
    "maintenance",
    metadata,
    Column("window_id", Integer, primary_key=True),
    Column("camera_id", Text, nullable=False),
    Column("start_us", BigInteger, nullable=False),
    Column("end_us", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Index("maintenance_once", "camera_id", "start_us", "end_us", unique=True),
)
