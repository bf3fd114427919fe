"""The tables of what people and jobs make of a site: scenarios, results, patrol plans, jobs; and of the people."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    column,
    table,
)

from sightgrid.store.geometry import GEOMETRY
from sightgrid.store.layer_tables import KEY, metadata, typed_columns


def _site(*, nullable: bool = False) -> Column[int]:
    return Column("site_id", KEY, ForeignKey("sites.site_id", ondelete="CASCADE"), nullable=nullable)


# A named variant of a site's cameras. Its version counts every change on, and is the version of the changed rows.
scenarios = Table(
    "scenarios",
    metadata,
    Column("scenario_id", KEY, primary_key=True),
    _site(),
    Column("name", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("made_at_us", BigInteger, nullable=False),
    Column("changed_at_us", BigInteger, nullable=False),
    UniqueConstraint("site_id", "name"),
)

# What a scenario changes over the site's cameras: a camera as it is to be, or that it is to go.
scenario_cameras = Table(
    "scenario_cameras",
    metadata,
    Column(
        "scenario_id", KEY, ForeignKey("scenarios.scenario_id", ondelete="CASCADE"), primary_key=True,
        autoincrement=False,
    ),
    Column("feature_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("removed", Boolean, nullable=False),
    Column("geometry", GEOMETRY),
    *typed_columns("cameras", strict=False),
    Column("extra", Text),
)  # fmt: skip

results = Table(
    "results",
    metadata,
    Column("result_id", KEY, primary_key=True),
    _site(),
    Column("scenario_id", KEY, ForeignKey("scenarios.scenario_id", ondelete="CASCADE")),
    Column("kind", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("figures", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("made_at_us", BigInteger, nullable=False),
    UniqueConstraint("site_id", "kind", "fingerprint"),
)

# What a result shows on a map, by the names of its layers; in the coordinate system of its site.
result_features = Table(
    "result_features",
    metadata,
    Column("feature_key", KEY, primary_key=True),
    Column("result_id", KEY, ForeignKey("results.result_id", ondelete="CASCADE"), nullable=False),
    Column("layer", Text, nullable=False),
    Column("feature_id", Text, nullable=False),
    Column("geometry", GEOMETRY, nullable=False),
    Column("properties", Text, nullable=False),  # a JSON object
    UniqueConstraint("result_id", "layer", "feature_id"),
    Index("ix_result_features_pages", "result_id", "layer", "feature_key"),
)
result_boxes = table("result_features_box", *map(column, ("feature_key", "minx", "maxx", "miny", "maxy")))

patrol_plans = Table(
    "patrol_plans",
    metadata,
    Column("plan_id", KEY, primary_key=True),
    _site(),
    Column("name", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Column("made_at_us", BigInteger, nullable=False),
    Column("changed_at_us", BigInteger, nullable=False),
    UniqueConstraint("site_id", "name"),
)

# A running job belongs to its worker until the lease ends; the worker renews it with every report.
jobs = Table(
    "jobs",
    metadata,
    Column("job_id", Text, primary_key=True),
    _site(nullable=True),
    Column("kind", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("progress", Float(53), nullable=False),
    Column("stage", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("cancel", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("actor", Text, nullable=False, server_default=""),  # who asked for it
    Column("worker", Text),
    Column("lease_us", BigInteger),
    Column("result_id", KEY, ForeignKey("results.result_id", ondelete="SET NULL")),
    Column("asked_at_us", BigInteger, nullable=False),
    Column("started_at_us", BigInteger),
    Column("ended_at_us", BigInteger),
    Index("ix_jobs_state", "state", "asked_at_us"),
)

users = Table(
    "users",
    metadata,
    Column("user_id", KEY, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("made_at_us", BigInteger, nullable=False),
    UniqueConstraint("name"),
)

# Who is signed in at a browser: only the digest of the token is kept.
sign_ins = Table(
    "sign_ins",
    metadata,
    Column("sign_in_id", KEY, primary_key=True),
    Column("user_id", KEY, ForeignKey("users.user_id", ondelete="CASCADE"), nullable=False),
    Column("digest", Text, nullable=False),
    Column("made_at_us", BigInteger, nullable=False),
    Column("used_at_us", BigInteger, nullable=False),
    Column("ends_at_us", BigInteger, nullable=False),
    UniqueConstraint("digest"),
)

# Keys of machines: only their digest is kept.
api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", KEY, primary_key=True),
    Column("user_id", KEY, ForeignKey("users.user_id", ondelete="CASCADE"), nullable=False),
    Column("label", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("made_at_us", BigInteger, nullable=False),
    Column("ends_at_us", BigInteger),
    UniqueConstraint("digest"),
)

# Only added to: triggers refuse every change and deletion, and each entry holds the hash of the one before.
audit_log = Table(
    "audit_log",
    metadata,
    Column("entry", KEY, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("digest", Text, nullable=False),
)
