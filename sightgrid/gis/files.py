"""The files a site is read from: a folder of layers or a GeoPackage, each layer as it is stored."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import geopandas as gpd
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

from sightgrid import schemas
from sightgrid.errors import CRSError, Fault, SchemaError, SourceError
from sightgrid.gis.headers import name_columns
from sightgrid.gis.layers import parse_columns, take_single_parts
from sightgrid.gis.tables import Cameras, read_table

if TYPE_CHECKING:
    from pathlib import Path

    from pyproj import CRS

VECTOR_SUFFIXES = (".gpkg", ".geojson", ".json", ".fgb", ".shp")
# layer of the site -> names a file or a layer of a GeoPackage may have
LAYER_NAMES = {
    "cameras": ("cameras",),
    "obstacles": ("obstacles", "buildings"),
    "streets": ("streets",),
    "water": ("water",),
    "places": ("places",),
    "posts": ("posts", "street_lamps"),
    "zones": ("zones", "study"),
}
NEEDED = ("cameras", "obstacles")
NO_ROWS = Fault("layer", "holds no rows")
SQLITE_HEADER_BYTES = 100


@dataclass
class Raw:
    """Layers as they were read, and the file each came from; cameras apart."""

    frames: dict[str, gpd.GeoDataFrame]
    sources: dict[str, str]
    cameras: Cameras


def holds_layer(path: Path) -> bool:
    """Tell whether a path is a file, or a folder with a file that is called like a layer."""
    if not path.is_dir():
        return path.exists()
    stems = {name for names in LAYER_NAMES.values() for name in names}
    return any(file.stem.lower() in stems for file in path.iterdir())


def read_folder(folder: Path, *, cameras: bool = True) -> Raw:
    """Read the files of a folder that are called like layers; raises SourceError where one is missing or doubled.

    Without `cameras` the folder's own cameras are not looked at.
    """
    found: dict[str, Path] = {}
    for kind, stems in LAYER_NAMES.items():
        if kind == "cameras" and not cameras:
            continue
        files = sorted(file for file in folder.iterdir() if file.is_file() and file.stem.lower() in stems)
        suffixes = (*VECTOR_SUFFIXES, ".csv") if kind == "cameras" else VECTOR_SUFFIXES
        usable = [file for file in files if file.suffix.lower() in suffixes]
        if len(usable) > 1:
            names = ", ".join(file.name for file in usable)
            raise SourceError(f"{folder}: {kind}: several files hold this layer: {names}")
        if files and not usable:
            if files[0].suffix.lower() in {".dbf", ".shx", ".prj", ".cpg", ".qmd"}:
                continue  # parts of a shapefile whose .shp is missing are reported below as a missing layer
            raise SourceError(f"{files[0]}: cannot read a {files[0].suffix} file; use {', '.join(suffixes)}")
        if usable:
            found[kind] = usable[0]
    _require(folder, list(found), "file", cameras=cameras)
    frames = {kind: read_layer(file, kind) for kind, file in found.items() if kind != "cameras"}
    crs = frames["obstacles"].crs
    stored = read_camera_file(found["cameras"], crs) if cameras else Cameras(schemas.empty("cameras", crs))
    return Raw(frames, {kind: str(file) for kind, file in found.items()}, stored)


def read_camera_file(path: Path, crs: CRS) -> Cameras:
    """Read cameras from a table, whose ``x``, ``y`` are in `crs`, or from a layer."""
    return Cameras(read_layer(path, "cameras")) if path.suffix.lower() in VECTOR_SUFFIXES else read_table(path, crs)


def read_package(path: Path, *, cameras: bool = True) -> Raw:
    """Read the layers of a GeoPackage that are called like those of a site, maybe without its cameras."""
    names = _list_layers(path)
    found: dict[str, str] = {}
    for kind, allowed in LAYER_NAMES.items():
        if kind == "cameras" and not cameras:
            continue
        usable = [name for name in names if name.lower() in allowed]
        if len(usable) > 1:
            raise SourceError(f"{path}: {kind}: several layers hold it: {', '.join(usable)}")
        if usable:
            found[kind] = usable[0]
    _require(path, list(found), "layer", cameras=cameras)
    frames = {kind: read_layer(path, kind, name) for kind, name in found.items()}
    stored = frames.pop("cameras") if cameras else schemas.empty("cameras", frames["obstacles"].crs)
    return Raw(frames, dict.fromkeys(found, str(path)), Cameras(stored))


def _require(path: Path, found: list[str], what: str, *, cameras: bool) -> None:
    missing = [kind for kind in NEEDED if kind not in found and (cameras or kind != "cameras")]
    if missing:
        raise SourceError(f"{path}: missing {what} {' and '.join(' or '.join(LAYER_NAMES[kind]) for kind in missing)}")


def _list_layers(path: Path) -> list[str]:
    if not path.is_file():
        raise SourceError(f"{path}: there is no such file")
    _check_whole(path)
    try:
        return [str(name) for name in pyogrio.list_layers(path)[:, 0]]
    except (DataSourceError, DataLayerError) as error:
        raise SourceError(f"{path}: cannot be opened, the file is damaged or of another kind") from error


def _check_whole(path: Path) -> None:
    """SQLite notes its size in pages in its header: a shorter GeoPackage has been cut off."""
    if path.suffix.lower() != ".gpkg":
        return
    try:
        with path.open("rb") as file:
            header = file.read(SQLITE_HEADER_BYTES)
    except OSError as error:
        raise SourceError(f"{path}: cannot be opened ({error.strerror})") from error
    if len(header) < SQLITE_HEADER_BYTES or not header.startswith(b"SQLite format 3\0"):
        raise SourceError(f"{path}: is not a GeoPackage, or has been cut off")
    page, changes, pages, counted_at = struct.unpack(">H6xII60xI", header[16:96])
    # the count holds only if it was made at the last change; a page size of 1 stands for 65536
    size = (65536 if page == 1 else page) * pages if changes == counted_at else 0
    if path.stat().st_size < size:
        raise SourceError(f"{path}: the GeoPackage is truncated, {path.stat().st_size} of {size} bytes are there")


def read_layer(path: Path, kind: str | None, layer: str | None = None) -> gpd.GeoDataFrame:
    """Read one layer; of a file with several, the one that is called like its kind."""
    names = _list_layers(path)
    called = layer or path.stem
    if layer is None:
        named = [name for name in names if kind and name.lower() in LAYER_NAMES[kind]]
        if len(names) != 1 and len(named) != 1:
            raise SourceError(f"{path}: which layer to read is not clear: {', '.join(names) or 'there is none'}")
        layer = (named or names)[0]
    try:
        frame = pyogrio.read_dataframe(path, layer=layer, use_arrow=find_spec("pyarrow") is not None)
    except (DataSourceError, DataLayerError, FeatureError, FieldError, GeometryError, RuntimeError) as error:
        raise SourceError(f"{path}: layer {layer} cannot be read, the file is damaged") from error
    what = kind or layer
    if not isinstance(frame, gpd.GeoDataFrame):
        raise SchemaError(what, (Fault("geometry", "missing column"),), source=str(path))
    if frame.crs is None:
        raise CRSError(f"{path}: {what}: no coordinate system is given")
    if (kind == "cameras" and frame.empty) or (kind == "obstacles" and not _has_shape(frame)):
        raise SchemaError(what, (NO_ROWS,), source=str(path))
    if kind is None:
        return frame
    frame = take_single_parts(parse_columns(name_columns(frame, kind, source=path), kind))
    return as_study(frame) if kind == "zones" and called.lower() == "study" else frame


def as_study(zones: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Take all polygons of a layer as the study area, whatever else it says about them."""
    return zones[[*zones.columns.intersection(["zone_id"]), zones.geometry.name]].assign(rule="study")


def _has_shape(frame: gpd.GeoDataFrame) -> bool:
    return bool((~(frame.geometry.isna() | frame.geometry.is_empty)).any())
