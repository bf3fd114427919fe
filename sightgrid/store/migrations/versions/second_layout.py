"""The second layout: sign-ins, what results show on a map, who asked for a job."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sightgrid.store.migrations.building import KEY, SHAPE, add_table, index_space, refer

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the new tables, and the new column of jobs."""
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
