"""From a file that was sent to rows of a layer, checked before anything is written."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio

from sightgrid import schemas
from sightgrid.api.planning.exports import FORMULA
from sightgrid.api.planning.faults import check_places, check_shapes, check_values
from sightgrid.api.planning.texts import Rows, read_geojson, read_kml, read_places
from sightgrid.api.planning.uploads import unpack_shapefile
from sightgrid.columns import INDEX, KINDS
from sightgrid.errors import FIRST_IDS, Fault, SchemaError
from sightgrid.gis.crs import project_layer
from sightgrid.gis.files import NEEDED, NO_ROWS, as_study, read_layer
from sightgrid.gis.headers import name_columns
from sightgrid.gis.io import NO_STUDY
from sightgrid.gis.layers import name_rows, parse_columns, repair_polygons, settle, take_single_parts
from sightgrid.gis.obstacles import assume_heights
from sightgrid.gis.prepare import prepare_cameras, prepare_streets
from sightgrid.gis.tables import read_rows, read_table
from sightgrid.patrol.risks.incidents import read_incidents
from sightgrid.site import Site
from sightgrid.store.layer_tables import CONTRACTS, SECRET
from sightgrid.store.layer_tables import INDEX as INDEXES
from sightgrid.store.rows import JOINT

if TYPE_CHECKING:
    from pathlib import Path

    import shapely
    from pyproj import CRS

    from sightgrid.api.planning.uploads import Upload

STUDY = "study"  # a layer of this name is the study area, whatever else it says
MASKED = re.compile(rf"'(?={FORMULA.pattern})")  # what an export writes before text that a spreadsheet would compute


def read_upload(
    upload: Upload,
    layer: str,
    *,
    crs: CRS,
    study: shapely.Geometry,
    most_bytes: int,
    zone: str | None = None,
    adding: bool = False,
) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Read a layer from a file that was sent.

    Parameters
    ----------
    upload : Upload
        The file.
    layer : str
        One of ``layer_tables.LAYERS``.
    crs : pyproj.CRS
        The coordinate system of the site.
    study : shapely.Geometry
        Its study area, maybe empty.
    most_bytes : int
        What an archive may grow to.
    zone : str, optional
        Time zone of incidents whose times tell no offset.
    adding : bool
        The rows are to stand beside others, so that streets need names of their own.

    Returns
    -------
    frame : GeoDataFrame
        The layer as its contract wants it, in the coordinate system of the site.
    notes : list of str
        What was repaired, assumed or left out.

    Raises
    ------
    SchemaError, CRSError, SourceError, InputError
        With every fault that was found.
    """
    if layer == "incidents":
        return _read_incidents(upload, crs=crs, study=study, most_bytes=most_bytes, zone=zone)
    raw = _open(upload, layer, crs=crs, most_bytes=most_bytes)
    if layer == "grid":
        raw = _name_cells(raw)
    elif layer != "streets":
        raw = _number_rows(raw, layer)
    elif adding and not set(INDEX["streets"]) <= set(raw.columns):
        raise SchemaError(layer, (Fault("u, v, key", "missing columns; without them streets can be replaced only"),))
    check_values(raw, layer)
    frame, notes = _prepare(raw, layer, crs=crs, source=upload.name)
    if frame.empty and not raw.empty:  # else a layer would be replaced with nothing
        raise SchemaError(layer, (Fault("geometry", "no row has a shape that can be used", count=len(raw)),))
    check_places(frame, layer, study)
    if layer == "zones" and not adding and not (frame["rule"] == "study").any():
        raise SchemaError("zones", (NO_STUDY,))
    return frame, notes


def _open(upload: Upload, layer: str, *, crs: CRS, most_bytes: int) -> gpd.GeoDataFrame:
    """Read a file with the names of the contract, in the coordinate system it is written in."""
    path, suffix = upload.path, upload.path.suffix
    if suffix == ".csv" and layer == "cameras":
        frame, fault, _ = read_table(path, crs)
        if fault is not None:
            raise fault
        return _show_formulas(frame)
    if suffix in {".geojson", ".json"}:
        frame = read_geojson(path, INDEXES[layer][0]).make_frame()
    elif suffix == ".kml":
        frame = _forget_names(read_kml(path).make_frame(), layer)
    elif suffix == ".csv":
        frame = _show_formulas(_read_places(path).make_frame())
    else:
        return _read_file(path, layer, most_bytes=most_bytes)
    if frame.empty and layer in {*NEEDED, "zones"}:
        raise SchemaError(layer, (NO_STUDY if layer == "zones" else NO_ROWS,))
    if layer not in KINDS:
        return frame
    frame = take_single_parts(parse_columns(name_columns(frame, layer, source=path), layer))
    return as_study(frame) if layer == "zones" and upload.stem.lower() == STUDY else frame


def _forget_names(frame: gpd.GeoDataFrame, layer: str) -> gpd.GeoDataFrame:
    """Forget names that are only the id: a placemark must have one, and an export gives it that."""
    names = list(INDEXES[layer])
    if not {"name", *names} <= set(frame.columns):
        return frame
    ids = frame[names].astype(str).agg(JOINT.join, axis=1)
    return frame.assign(name=frame["name"].where(frame["name"] != ids, None))


def _read_file(path: Path, layer: str, *, most_bytes: int) -> gpd.GeoDataFrame:
    file = unpack_shapefile(path, most_bytes=most_bytes) if path.suffix == ".zip" else path
    names = [str(name) for name in pyogrio.list_layers(file)[:, 0]]
    if layer in KINDS:
        return read_layer(file, layer, STUDY if layer == "zones" and STUDY in names and layer not in names else None)
    return read_layer(file, None, layer if layer in names else None)


def _read_places(path: Path) -> Rows:
    raw, ragged, _ = read_rows(path)
    if ragged.any():
        rows = tuple(f"row {row + 1}" for row in np.flatnonzero(ragged)[:FIRST_IDS])
        raise SchemaError("table", (Fault("row", "has more or fewer fields than the header", rows, int(ragged.sum())),))
    return read_places(path, raw)


def _read_incidents(
    upload: Upload, *, crs: CRS, study: shapely.Geometry, most_bytes: int, zone: str | None
) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Read incidents as a patrol plan does; what is no table and no file of layers is made a table before."""
    path = upload.path
    if path.suffix == ".zip":
        path = unpack_shapefile(path, most_bytes=most_bytes)
    elif path.suffix in {".geojson", ".json", ".kml"}:
        frame = (read_kml(path) if path.suffix == ".kml" else read_geojson(path, "incident_id")).make_frame()
        check_shapes(frame, "incidents", "incident_id")
        points = frame.geometry.to_crs(4326)
        if (points.geom_type != "Point").any():
            raise SchemaError("incidents", (Fault("geometry", "must be a Point"),))
        path = path.with_suffix(".csv")
        table = pd.DataFrame(frame.drop(columns=frame.geometry.name)).assign(lon=points.x, lat=points.y)
        table.to_csv(path, index=False)
    bare = Site("bare", **{kind: schemas.empty(kind, crs) for kind in KINDS})
    incidents = read_incidents(path, site=bare, zone=zone)
    check_places(incidents, "incidents", study)
    notes = [note for note in incidents.attrs["notes"] if "from any street" not in note]
    return incidents.drop(columns="street"), notes


def _prepare(raw: gpd.GeoDataFrame, layer: str, *, crs: CRS, source: str) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Repair, assume and complete as when a site is opened."""
    notes: list[str] = []
    if layer == "streets":
        check_shapes(raw, layer, "row")
        raw = prepare_streets(raw.reset_index(drop=True), source, crs)
    else:
        check_shapes(raw, layer, str(raw.index.name))
    if layer == "cameras":
        told = raw[SECRET].notna().any() if SECRET in raw else False
        frame, notes = prepare_cameras(raw, crs)
        if told:
            frame = frame.drop(columns=SECRET)
            notes.append("cameras: stream_url is not taken over; addresses of streams are set on their own")
        return settle(frame, layer, source=source), notes
    if layer == "obstacles":
        raw, notes = assume_heights(raw)
    frame = project_layer(raw, crs, layer=layer)
    if layer in {"obstacles", "water", "places", "zones"}:
        frame, repairs = repair_polygons(frame, layer)
        notes += repairs
    return (frame if layer == "grid" else settle(frame, layer, source=source)), notes


def _number_rows(frame: gpd.GeoDataFrame, layer: str) -> gpd.GeoDataFrame:
    """Take ids from their column; where there is none, number the rows with a word of their own before."""
    name = INDEX[layer][0]
    if frame.index.name != name and name not in frame.columns:
        word = uuid.uuid4().hex[:6]  # so that rows of two files do not have the same ids
        ids = [f"{name.removesuffix('_id')}-{word}-{row}" for row in range(1, len(frame) + 1)]
        frame = frame.assign(**{name: ids})
    return name_rows(frame, layer)


def _name_cells(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    lower = {column: str(column).lower() for column in frame.columns}
    known = {"cell_id", *(column.name for column in CONTRACTS["grid"])}
    kept = [column for column, name in lower.items() if name in known]
    frame = frame[[*kept, frame.geometry.name]].rename(columns=lower)
    if "cell_id" not in frame.columns:
        raise SchemaError("grid", (Fault("cell_id", "missing column"),))
    for column in CONTRACTS["grid"]:
        if column.name in frame.columns:
            frame[column.name] = pd.to_numeric(frame[column.name], errors="coerce")
    ids = pd.Index(frame["cell_id"].astype("str"), name="cell_id", dtype="str")
    return frame.drop(columns="cell_id").set_index(ids)


def _show_formulas(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Take off what an export writes before text that a spreadsheet would compute."""
    frame = frame.copy(deep=False)
    for column in frame.columns.drop(frame.geometry.name):
        if frame[column].dtype == object or isinstance(frame[column].dtype, pd.StringDtype):
            frame[column] = frame[column].map(_unmask)
    if frame.index.name is not None:
        frame.index = pd.Index([_unmask(name) for name in frame.index], name=frame.index.name, dtype="str")
    return frame


def _unmask(value: Any) -> Any:
    return value[1:] if isinstance(value, str) and MASKED.match(value) else value
