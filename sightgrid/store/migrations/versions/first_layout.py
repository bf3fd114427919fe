"""The first layout: sites and their layers, scenarios, results, plans, jobs, people and the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sightgrid.store.migrations.building import KEY, SHAPE, add_table, index_space, refer

revision = "0001"
down_revision = None


_CAMERA = """kind:text! name:text mount:text mount_height_m:number azimuth_deg:number tilt_deg:number hfov_deg:number
    vfov_deg:number sensor_width_mm:number focal_mm:number width_px:whole height_px:whole ir_range_m:number
    max_range_m:number owner_class:text purpose:text assumed:text! indoor:flag!"""
_LAYERS = {
    "cameras": _CAMERA,
    "obstacles": "height_m:number! kind:text! height_source:text!",
    "streets": """osmid:whole! name:text highway:text oneway:flag! reversed:flag! length_m:number! speed_kph:number
        walkable:flag! cyclable:flag! drivable:flag! covered:flag!""",
    "water": "kind:text",
    "places": "name:text category:text! priority:whole! required_density_px_m:number required_views:whole!",
    "posts": "kind:text! height_m:number",
    "zones": "name:text rule:text!",
    "grid": "observable_m2:number demand:number",
    "incidents": "occurred_at_us:whole! category:text severity:number! origin:text!",
}


def upgrade() -> None:
    """Make every table, the spatial indexes, and the triggers."""
    postgres = op.get_bind().dialect.name == "postgresql"
    if postgres:
        op.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    add_table(
        "sites", "uid:text! name:text! crs:text! notes:text! made_at_us:whole!",
        sa.Column("site_id", KEY, primary_key=True), unique=("name",),
    )  # fmt: skip
    add_table(
        "layer_revisions", "revision:whole!", refer("site_id", "sites", primary_key=True),
        sa.Column("layer", sa.Text, primary_key=True),
    )  # fmt: skip
    for layer, words in _LAYERS.items():
        add_table(
            f"site_{layer}", f"feature_id:text! version:whole! position:whole {words} extra:text",
            sa.Column("feature_key", KEY, primary_key=True), refer("site_id", "sites", nullable=False),
            sa.Column("geometry", SHAPE, nullable=False), unique=("site_id", "feature_id"),
        )  # fmt: skip
        op.create_index(f"ix_site_{layer}_pages", f"site_{layer}", ["site_id", "feature_key"])
        index_space(f"site_{layer}", postgres=postgres)
    add_table("camera_streams", "stream_url:text!", refer("feature_key", "site_cameras", primary_key=True))
    _make_work()
    _make_people()
    _close_log(postgres=postgres)


def _make_work() -> None:
    add_table(
        "scenarios", "name:text! note:text! version:whole! made_at_us:whole! changed_at_us:whole!",
        sa.Column("scenario_id", KEY, primary_key=True), refer("site_id", "sites", nullable=False),
        unique=("site_id", "name"),
    )  # fmt: skip
    add_table(
        "scenario_cameras", f"version:whole! removed:flag! {_CAMERA.replace('!', '')} extra:text",
        refer("scenario_id", "scenarios", primary_key=True, autoincrement=False),
        sa.Column("feature_id", sa.Text, primary_key=True), sa.Column("geometry", SHAPE),
    )  # fmt: skip
    add_table(
        "results", "kind:text! fingerprint:text! options:text! figures:text! media_type:text! made_at_us:whole!",
        sa.Column("result_id", KEY, primary_key=True), refer("site_id", "sites", nullable=False),
        refer("scenario_id", "scenarios"), sa.Column("body", sa.LargeBinary, nullable=False),
        unique=("site_id", "kind", "fingerprint"),
    )  # fmt: skip
    add_table(
        "patrol_plans", "name:text! version:whole! document:text! made_at_us:whole! changed_at_us:whole!",
        sa.Column("plan_id", KEY, primary_key=True), refer("site_id", "sites", nullable=False),
        unique=("site_id", "name"),
    )  # fmt: skip
    add_table(
        "jobs",
        """kind:text! options:text! state:text! progress:number! stage:text! message:text! cancel:flag! worker:text
        lease_us:whole asked_at_us:whole! started_at_us:whole ended_at_us:whole""",
        sa.Column("job_id", sa.Text, primary_key=True), refer("site_id", "sites"),
        sa.Column("attempts", sa.Integer, nullable=False), refer("result_id", "results", ondelete="SET NULL"),
    )  # fmt: skip
    op.create_index("ix_jobs_state", "jobs", ["state", "asked_at_us"])


def _make_people() -> None:
    add_table(
        "users", "name:text! role:text! password_hash:text! active:flag! made_at_us:whole!",
        sa.Column("user_id", KEY, primary_key=True), unique=("name",),
    )  # fmt: skip
    add_table(
        "api_keys", "label:text! digest:text! made_at_us:whole! ends_at_us:whole",
        sa.Column("key_id", KEY, primary_key=True), refer("user_id", "users", nullable=False), unique=("digest",),
    )  # fmt: skip
    add_table(
        "audit_log", "at_us:whole! actor:text! action:text! target:text! detail:text! digest:text!",
        sa.Column("entry", KEY, primary_key=True, autoincrement=False),
    )  # fmt: skip


def _close_log(*, postgres: bool) -> None:
    if not postgres:
        for what in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_log_no_{what.lower()} BEFORE {what} ON audit_log BEGIN"
                " SELECT RAISE(ABORT, 'the audit log is only added to'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'the audit log is only added to'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_log_closed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()"
    )
