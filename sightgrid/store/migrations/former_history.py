"""The history of the cameras' health as it was before it was part of the store: four tables in a SQLite file."""

from __future__ import annotations

import sqlalchemy as sa

TABLES = ("views", "cameras", "probes", "maintenance")  # the first refers to the second
MOVES = (
    """INSERT INTO health_probes (probe_id, site, camera_id, checked_at_us, status, reason, stage, condition,
    consequence, seconds, measures) SELECT probe_id, '', camera_id, checked_at_us, status, reason, stage, condition,
    consequence, seconds, measures FROM probes ORDER BY probe_id""",
    """INSERT INTO health_cameras (site, camera_id, status, failures, probe_id, thumbnail_at_us, memory, thumbnail)
    SELECT '', cameras.camera_id, coalesce(probes.status, 'not_checkable'), failures, cameras.probe_id, thumbnail_at_us,
    memory, thumbnail FROM cameras LEFT JOIN probes ON probes.probe_id = cameras.probe_id""",
    """INSERT INTO health_views (site, camera_id, lighting, digest, view)
    SELECT '', camera_id, lighting, digest, view FROM views""",
    """INSERT INTO health_maintenance (site, camera_id, start_us, end_us, reason)
    SELECT '', camera_id, start_us, end_us, reason FROM maintenance""",
)


def take_over(connection: sa.Connection) -> None:
    """Bring all rows into the tables of the store, and take the former tables away; nothing happens without them."""
    if not set(TABLES) <= set(sa.inspect(connection).get_table_names()):
        return
    for statement in MOVES:
        connection.exec_driver_sql(statement)
    for name in TABLES:
        connection.exec_driver_sql(f"DROP TABLE {name}")
