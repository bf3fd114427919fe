"""Suggestions of a placement, taken over into a scenario one by one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import geopandas as gpd
import pandas as pd
import sqlalchemy as sa

from sightgrid.api.planning.cameras import KEPT, CameraFeature, write_camera
from sightgrid.api.planning.lonlat import find_crs
from sightgrid.api.planning.parts import keep_contract
from sightgrid.gis.layers import settle
from sightgrid.store import scenarios
from sightgrid.store.conflicts import ExistsError, NotFoundError
from sightgrid.store.variants import select_cameras, select_edits, select_state
from sightgrid.store.work_tables import result_features, results

if TYPE_CHECKING:
    from sightgrid.store.database import Database
    from sightgrid.store.scenarios import Scenario

    Change = Literal["new", "turned", "removed"]

LAYER = "suggestions"


class Suggestion(NamedTuple):
    """What a placement suggests for one camera: `wkb` is where it stands."""

    change: Change
    properties: dict[str, Any]
    wkb: bytes


def accept_suggestion(
    database: Database, scenario: Scenario, result_id: int, feature_id: str
) -> tuple[Change, CameraFeature]:
    """Do in a scenario what a placement suggests.

    Parameters
    ----------
    database : Database
        The store.
    scenario : Scenario
        Where.
    result_id : int
        A placement of the same site.
    feature_id : str
        One of its suggestions.

    Returns
    -------
    change : {"new", "turned", "removed"}
    camera : CameraFeature
        As the scenario has it now; one that was removed as it was.

    Raises
    ------
    NotFoundError
        The site has no such suggestion, or the camera that it is about is gone.
    ExistsError
        It was taken before.
    """
    site_id, scenario_id = scenario.site_id, scenario.scenario_id
    with database.read() as connection:
        found = _find(connection, site_id, result_id, feature_id)
        camera_id = f"{feature_id}-r{result_id}" if found.change == "new" else feature_id
        state = select_state(connection, site_id, scenario_id)
        crs = find_crs(state.crs)
        standing = keep_contract(select_cameras(connection, site_id, [camera_id], crs=crs, scenario_id=scenario_id))
        edits = {row.feature_id: row.version for row in select_edits(connection, scenario_id, ids=[camera_id])}
    versions = {camera_id: edits.get(camera_id, scenarios.BASE)}
    if found.change == "new":
        if len(standing):
            raise ExistsError(f"suggestion {feature_id} of result {result_id}: was taken already")
        shape = gpd.GeoSeries.from_wkb([found.wkb], index=[camera_id], crs=crs)
        told = {column.name: [found.properties.get(column.name)] for column in KEPT}
        index = pd.Index([camera_id], name="camera_id", dtype="str")
        frame = gpd.GeoDataFrame(told, index=index, geometry=shape, crs=crs)
        camera = settle(frame, "cameras", source="suggestion")
    elif standing.empty:
        if found.change == "removed" and camera_id in edits:
            raise ExistsError(f"suggestion {feature_id} of result {result_id}: was taken already")
        raise NotFoundError(f"cameras {camera_id}: is not there any more")
    else:
        camera = standing
    if found.change == "removed":
        changed = scenarios.remove_cameras(database, scenario_id, versions=versions)
        return found.change, write_camera(camera, version=changed.version)
    if found.change == "turned":
        azimuth_deg = float(found.properties["azimuth_deg"])
        if camera["azimuth_deg"].iloc[0] == azimuth_deg:
            raise ExistsError(f"suggestion {feature_id} of result {result_id}: was taken already")
        given = [name for name in str(camera["assumed"].iloc[0]).split(",") if name not in {"azimuth_deg", ""}]
        camera = camera.assign(azimuth_deg=azimuth_deg, assumed=",".join(given))
    changed = scenarios.put_cameras(database, scenario_id, camera, versions=versions)
    return found.change, write_camera(camera, version=changed.version)


def _find(connection: sa.Connection, site_id: int, result_id: int, feature_id: str) -> Suggestion:
    table = result_features.c
    statement = sa.select(table.properties, table.geometry).join_from(
        result_features, results, table.result_id == results.c.result_id
    )
    statement = statement.where(
        results.c.site_id == site_id, table.result_id == result_id, table.layer == LAYER, table.feature_id == feature_id
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFoundError(f"result {result_id} of the site has no suggestion {feature_id}")
    properties = json.loads(row.properties)
    return Suggestion(properties.get("change") or "new", properties, row.geometry)
