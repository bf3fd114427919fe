"""What is known of cameras, as the routes tell it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from sightgrid.api.health.models import CameraDetail, CameraRow, Outage, ProbeRow, Rates
from sightgrid.api.planning.lonlat import DECIMALS, find_transformer
from sightgrid.health.conditions import CONDITIONS
from sightgrid.health.outages import find_outages
from sightgrid.health.rates import rate_periods
from sightgrid.report.health.findings import name_fault
from sightgrid.store.health_pages import find_health, read_camera_frame
from sightgrid.store.history import History

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sightgrid.store.database import Database
    from sightgrid.store.health_pages import CameraHealth
    from sightgrid.store.sites import StoredSite

MOST_PROBES = 200
LOOK_BACK = timedelta(days=7)
HOLD_S = 3600.0  # how long one finding is believed


def list_rows(site: StoredSite, cameras: Sequence[CameraHealth]) -> list[CameraRow]:
    """Tell of cameras in longitude and latitude."""
    transformer = find_transformer(site.crs.to_string())
    lon, lat = transformer.transform([each.x for each in cameras], [each.y for each in cameras])
    rows = []
    for camera, x, y in zip(cameras, lon, lat, strict=True):
        told = {name: value for name, value in camera._asdict().items() if name not in {"x", "y"}}
        place = {"lon": round(x, DECIMALS), "lat": round(y, DECIMALS)}
        rows.append(CameraRow(**told, **place, fault=_name_fault(camera)))
    return rows


def describe_camera(database: Database, site: StoredSite, camera_id: str) -> CameraDetail:
    """Tell all that is known of one camera.

    Raises
    ------
    NotFoundError
        The site has no such camera.
    """
    camera = find_health(database, site, camera_id)
    row = list_rows(site, [camera])[0]
    now = datetime.now(UTC)
    newest = read_camera_frame(database, site, camera_id, limit=1)
    last = read_camera_frame(database, site, camera_id, limit=MOST_PROBES, measures=False)
    week = read_camera_frame(database, site, camera_id, since=now - LOOK_BACK, measures=False)
    planned = History(database, site.uid).maintenance()
    outages = find_outages(max(last, week, key=len), end=now, maintenance=planned)
    return CameraDetail(
        **row.model_dump(),
        rates=_rate(week, now, planned),
        outages=[Outage(**_plain(each)) for each in outages.drop(columns="camera_id").to_dict("records")],
        measures=_list_measures(newest),
        probes=[ProbeRow.model_validate(each) for each in last.reset_index().iloc[::-1].to_dict("records")],
    )


def _name_fault(camera: CameraHealth) -> str:
    if camera.status == "not_probed" or (
        camera.status in {"offline", "fault", "warning"} and camera.condition not in CONDITIONS
    ):
        return ""
    return name_fault(camera.status, camera.condition, camera.stage, camera.reason)


def _rate(week: pd.DataFrame, now: datetime, planned: pd.DataFrame) -> Rates:
    if week.empty:
        whole = LOOK_BACK.total_seconds()
        return Rates(online_rate=None, intact_rate=None, checked_s=0.0, unknown_s=whole, maintenance_s=0.0, probes=0)
    found = rate_periods(week, start=now - LOOK_BACK, end=now, hold_s=HOLD_S, maintenance=planned)
    return Rates(**_plain({name: found[name].iloc[0] for name in Rates.model_fields}))


def _list_measures(newest: pd.DataFrame) -> dict[str, float]:
    if newest.empty:
        return {}
    numbers = newest.iloc[0].drop(["status", "reason", "stage", "condition", "consequence", "seconds"])
    return {str(name): float(value) for name, value in numbers.items() if math.isfinite(value)}


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    return {str(name): None if pd.isna(value) else value for name, value in row.items()}
