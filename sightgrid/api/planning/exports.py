"""Layers of a site as files: GeoPackage with QGIS styles, GeoJSON, CSV, KML; never an address of a stream."""

from __future__ import annotations

import errno
import os
import re
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import pandas as pd
import pyogrio
import shapely
from fastapi.responses import StreamingResponse
from pyogrio.errors import DataLayerError, DataSourceError

from sightgrid.api.planning.layer_styles import draw_style
from sightgrid.api.planning.lonlat import DECIMALS
from sightgrid.errors import StoreError
from sightgrid.gis.crs import WGS84
from sightgrid.report.geopackage import write_layers
from sightgrid.store.conflicts import NotFoundError
from sightgrid.store.layer_tables import CONTRACTS, SECRET, TIMES
from sightgrid.store.layers import read_layer
from sightgrid.store.rows import JOINT
from sightgrid.store.scenarios import find_scenario, read_cameras

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import BinaryIO

    import geopandas as gpd

    from sightgrid.store.database import Database

Format = Literal["gpkg", "geojson", "csv", "kml"]
MEDIA_TYPES: dict[str, str] = {
    "gpkg": "application/geopackage+sqlite3",
    "geojson": "application/geo+json",
    "csv": "text/csv; charset=utf-8",
    "kml": "application/vnd.google-earth.kml+xml",
    "zip": "application/zip",
}
KINDS = {
    "cameras": "Point", "obstacles": "Polygon", "streets": "LineString", "water": "Polygon", "places": "Unknown",
    "posts": "Point", "zones": "Polygon", "grid": "Unknown", "incidents": "Unknown",
}  # fmt: skip
# text that begins so is computed by spreadsheets, behind any number of apostrophes that we or others wrote
FORMULA = re.compile("'*[=+\\-@\t\r\uff1d\uff0b\uff0d\uff20]")
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
CHUNK_BYTES = 1 << 20
ENDS = {".geojson": b"}", ".kml": b"</kml>"}


def read_layers(
    database: Database, site_id: int, layers: Iterable[str], *, scenario_id: int | None = None
) -> dict[str, gpd.GeoDataFrame]:
    """Read layers of a site with the columns of their contracts, but for the addresses of streams.

    Parameters
    ----------
    database : Database
        The store.
    site_id : int
        The site.
    layers : iterable of str
        Which.
    scenario_id : int, optional
        The scenario whose cameras are taken.

    Raises
    ------
    NotFoundError
        There is no such site, or it has no such scenario.
    """
    if scenario_id is not None and find_scenario(database, scenario_id).site_id != site_id:
        raise NotFoundError(f"the site has no scenario {scenario_id}")
    frames = {}
    for layer in layers:
        if layer == "cameras" and scenario_id is not None:
            frame = read_cameras(database, scenario_id)
        else:
            frame = read_layer(database, site_id, layer)
        times = TIMES.get(layer, {})
        kept = [column.name for column in CONTRACTS[layer] if column.name not in {SECRET, *times.values()}]
        frames[layer] = frame[[*times, *kept, frame.geometry.name]]
    return frames


def write_export(folder: Path, frames: Mapping[str, gpd.GeoDataFrame], *, form: Format, name: str) -> Path:
    """Write layers into one file: several become one GeoPackage, or an archive of one file for each.

    Raises
    ------
    StoreError
        A file cannot be written.
    """
    try:
        if form == "gpkg":
            path = folder / f"{name}.gpkg"
            write_layers(path, {layer: (frame, KINDS[layer], draw_style(layer)) for layer, frame in frames.items()})
            return path
        files = [_write(folder / f"{name}-{layer}.{form}", frame, layer) for layer, frame in frames.items()]
    except (DataSourceError, DataLayerError) as error:
        raise StoreError("the file cannot be written") from error
    if len(files) == 1:
        return files[0]
    archive = folder / f"{name}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in files:
            packed.write(file, file.name)
    return archive


def name_file(*parts: str) -> str:
    """Make a file name of texts: letters of any script, digits, and hyphens between."""
    return "-".join(re.sub(r"[^\w.]+", "-", part).strip("-.") for part in parts)[:100] or "export"


def send_export(frames: Mapping[str, gpd.GeoDataFrame], *, form: Format, name: str) -> StreamingResponse:
    """Answer with layers as a file; nothing of it stays on the disk, however the sending ends."""
    with TemporaryDirectory(prefix="sightgrid-", ignore_cleanup_errors=True) as folder:
        path = write_export(Path(folder), frames, form=form, name=name)
        size, file = path.stat().st_size, path.open("rb")  # can be read when its name is gone
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(path.name)}",
        "Content-Length": str(size),
        "Cache-Control": "no-store",
    }
    return StreamingResponse(_read(file), media_type=MEDIA_TYPES[path.suffix[1:]], headers=headers)


def _read(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _write(path: Path, frame: gpd.GeoDataFrame, layer: str) -> Path:
    flat = frame.reset_index().to_crs(WGS84)
    if path.suffix == ".csv":
        _write_table(path, flat, points=KINDS[layer] == "Point")
    elif path.suffix == ".kml":
        ids = flat[list(frame.index.names)].astype(str).agg(JOINT.join, axis=1)
        told = flat.get("name", ids)
        options = {"NameField": "Name"}
        pyogrio.write_dataframe(
            _without_times(flat.assign(Name=told.where(told.notna(), ids))), path, layer=layer, driver="KML",
            geometry_type="Unknown", dataset_options=options,
        )  # fmt: skip
    else:
        pyogrio.write_dataframe(
            _without_times(flat), path, layer=layer, driver="GeoJSON", geometry_type=KINDS[layer], RFC7946="YES",
            COORDINATE_PRECISION=DECIMALS, WRITE_NAME="NO",
        )  # fmt: skip
    if path.suffix in ENDS:
        _check_end(path, ENDS[path.suffix])
    return path


def _check_end(path: Path, end: bytes) -> None:
    """Refuse half a file: on a full disk GDAL writes what it can of a text, and tells nobody."""
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, 100), os.SEEK_END)
        if not file.read().rstrip().endswith(end):
            raise OSError(errno.ENOSPC, "the file is not complete")


def _write_table(path: Path, frame: gpd.GeoDataFrame, *, points: bool) -> None:
    """Write a table with longitude and latitude, and the whole shape where it is no point."""
    shapes = frame.geometry.to_numpy()
    places = shapes if points else shapely.point_on_surface(shapes)
    table = frame.drop(columns=frame.geometry.name)
    for column in table.columns:
        if pd.api.types.is_object_dtype(table[column].dtype):
            table[column] = table[column].map(mask_formula)
    ids = table.columns[0]
    table[ids] = table[ids].map(mask_formula)
    table["lon"], table["lat"] = shapely.get_x(places).round(DECIMALS), shapely.get_y(places).round(DECIMALS)
    if not points:
        table["wkt"] = shapely.to_wkt(shapes, rounding_precision=DECIMALS)
    _without_times(table).to_csv(path, index=False, encoding="utf-8-sig")  # spreadsheets ask for the mark


def mask_formula(value: Any) -> Any:
    """Put an apostrophe before text that a spreadsheet would compute; numbers stay numbers.

    Examples
    --------
    >>> mask_formula("=1+1"), mask_formula("-12.5"), mask_formula("Kamppi")
    ("'=1+1", '-12.5', 'Kamppi')
    """
    if not isinstance(value, str) or NUMBER.fullmatch(value) or not FORMULA.match(value):
        return value
    return f"'{value}"


def _without_times(frame: Any) -> Any:
    """Write times as text: ISO 8601, UTC."""
    times = [column for column in frame.columns if str(frame[column].dtype).startswith("datetime")]
    return frame.assign(**{column: frame[column].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for column in times})
