"""The tables of the cameras' health: what was found out, what is remembered, planned work.

``site`` is the uid of a site of the store, or empty in a history that is a file of its own.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, LargeBinary, Table, Text

from sightgrid.store.layer_tables import KEY, metadata

# by code points on every server, so that pages follow each other as Python sorts
NAME = Text().with_variant(Text(collation="C"), "postgresql")

# One row for each camera: status and number of its last probe, what is remembered of it (JSON, see
# health.records.Memory; views apart), and its last picture; older pictures are not kept. What is long stands last.
health_cameras = Table(
    "health_cameras",
    metadata,
    Column("site", Text, primary_key=True),
    Column("camera_id", NAME, primary_key=True),
    Column("status", Text, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("probe_id", BigInteger, nullable=False),
    Column("thumbnail_at_us", BigInteger),
    Column("memory", Text, nullable=False),
    Column("thumbnail", LargeBinary),
    Index("ix_health_cameras_status", "site", "status", "camera_id"),
)

# The views a camera should have, by lighting; see health.view.View.
health_views = Table(
    "health_views",
    metadata,
    Column("site", Text, primary_key=True),
    Column("camera_id", NAME, primary_key=True),
    Column("lighting", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("view", LargeBinary, nullable=False),
)

# Times are microseconds since 1970, UTC; measures are a JSON object of numbers.
health_probes = Table(
    "health_probes",
    metadata,
    Column("probe_id", KEY, primary_key=True),
    Column("site", Text, nullable=False),
    Column("camera_id", NAME, nullable=False),
    Column("checked_at_us", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("consequence", Text, nullable=False),
    Column("seconds", Float(53), nullable=False),
    Column("measures", Text, nullable=False),
    Index("ix_health_probes_camera", "site", "camera_id", "checked_at_us"),
    Index("ix_health_probes_time", "site", "checked_at_us"),
)

# Planned work: the camera is not expected to run. An empty camera_id means all cameras of the site.
health_maintenance = Table(
    "health_maintenance",
    metadata,
    Column("site", Text, primary_key=True),
    Column("camera_id", NAME, primary_key=True),
    Column("start_us", BigInteger, primary_key=True),
    Column("end_us", BigInteger, primary_key=True),
    Column("reason", Text, nullable=False),
)

TABLES = (health_cameras, health_views, health_probes, health_maintenance)
