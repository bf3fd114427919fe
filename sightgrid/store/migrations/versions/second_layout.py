"""The second layout: sign-ins, what results show on a map, who asked for a job, the cameras' health."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from sightgrid.store.migrations.building import KEY, SHAPE, add_table, index_space, refer
from sightgrid.store.migrations.former_history import take_over

revision = "0002"
down_revision = "0001"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")  # sorts by code points on every server


def upgrade() -> None:
    """Make the new tables, and the new column of jobs; a history of health in a file of its own is taken over."""
    postgres = op.get_bind().dialect.name == "postgresql"
    add_table(
        "sign_ins", "digest:text! made_at_us:whole! used_at_us:whole! ends_at_us:whole!",
        sa.Column("sign_in_id", KEY, primary_key=True), refer("user_id", "users", nullable=False), unique=("digest",),
    )  # fmt: skip
    add_table(
        "result_features", "layer:text! feature_id:text! properties:text!",
        sa.Column("feature_key", KEY, primary_key=True), refer("result_id", "results", nullable=False),
        sa.Column("geometry", SHAPE, nullable=False), unique=("result_id", "layer", "feature_id"),
    )  # fmt: skip
    op.create_index("ix_result_features_pages", "result_features", ["result_id", "layer", "feature_key"])
    index_space("result_features", postgres=postgres)
    op.add_column("jobs", sa.Column("actor", sa.Text, nullable=False, server_default=""))
    _make_health()
    if not postgres:
        take_over(op.get_bind())
        # an older sightgrid would begin a history in tables of its own beside these
        op.execute("PRAGMA user_version = 2")


def _make_health() -> None:
    add_table(
        "health_cameras", "status:text! failures:whole! probe_id:whole! thumbnail_at_us:whole memory:text!", *_keys()
    )
    op.add_column("health_cameras", sa.Column("thumbnail", sa.LargeBinary))  # last: SQLite reads up to what it wants
    add_table(
        "health_views", "digest:text!", *_keys(sa.Column("lighting", sa.Text, primary_key=True)),
        sa.Column("view", sa.LargeBinary, nullable=False),
    )  # fmt: skip
    add_table(
        "health_probes",
        """checked_at_us:whole! status:text! reason:text! stage:text! condition:text! consequence:text! seconds:number!
        measures:text!""",
        sa.Column("probe_id", KEY, primary_key=True), sa.Column("site", sa.Text, nullable=False),
        sa.Column("camera_id", _NAME, nullable=False),
    )  # fmt: skip
    times = [sa.Column(name, sa.BigInteger, primary_key=True) for name in ("start_us", "end_us")]
    add_table("health_maintenance", "reason:text!", *_keys(*times))
    op.create_index("ix_health_cameras_status", "health_cameras", ["site", "status", "camera_id"])
    op.create_index("ix_health_probes_camera", "health_probes", ["site", "camera_id", "checked_at_us"])
    op.create_index("ix_health_probes_time", "health_probes", ["site", "checked_at_us"])


def _keys(*more: sa.Column[Any]) -> list[sa.Column[Any]]:
    site, camera = sa.Column("site", sa.Text, primary_key=True), sa.Column("camera_id", _NAME, primary_key=True)
    return [site, camera, *more]
