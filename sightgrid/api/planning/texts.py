"""Layers out of text that people send: GeoJSON, KML and tables, read without a library that might follow links."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.parsers import expat

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjError

from sightgrid.errors import CRSError, SourceError
from sightgrid.gis.crs import WGS84

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MOST_PROPERTIES = 500  # different names of one file
NAMED_CRS = re.compile(r"(?:urn:ogc:def:crs:(?P<authority>EPSG|OGC):[^:]*:|EPSG:)(?P<code>\w+)", re.IGNORECASE)
GEOMETRY = "geometry"
RECORD, SHAPES = "Placemark", ("Point", "LineString", "Polygon")


class Rows(NamedTuple):
    """Features as they are written: shapes (None where there is none that is valid), and properties by name."""

    shapes: list[Any]
    properties: list[dict[str, Any]]
    crs: CRS

    def make_frame(self) -> gpd.GeoDataFrame:
        """Make a frame with a column for each name that comes up."""
        names = dict.fromkeys(name for row in self.properties for name in row)
        names.pop(GEOMETRY, None)
        columns = {name: pd.Series([row.get(name) for row in self.properties], dtype=object) for name in names}
        shapes = gpd.GeoSeries(np.array(self.shapes, dtype=object), crs=self.crs)
        return gpd.GeoDataFrame(columns, geometry=shapes, crs=self.crs)


def read_geojson(path: Path, id_column: str) -> Rows:
    """Read GeoJSON in UTF-8: a collection of features, or one.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    id_column : str
        What to call a feature's ``id`` where no property is called so.

    Raises
    ------
    SourceError
        It is no JSON or no GeoJSON, or holds NaN or infinite numbers.
    CRSError
        Its coordinate system is unknown, or a link.
    """
    try:
        document = json.loads(path.read_bytes(), parse_constant=_refuse_constant)
    except RecursionError as error:
        raise SourceError(f"{path}: is nested too deeply") from error
    except ValueError as error:
        raise SourceError(f"{path}: is no GeoJSON in UTF-8 ({_describe(error)})") from error
    kind = document.get("type") if isinstance(document, dict) else None
    features = document.get("features") if kind == "FeatureCollection" else [document] if kind == "Feature" else None
    if not isinstance(features, list):
        raise SourceError(f"{path}: is no GeoJSON FeatureCollection")
    texts, properties = [], []
    names: set[str] = set()
    for number, feature in enumerate(features, start=1):
        told = feature.get("properties") if isinstance(feature, dict) else 0
        if not isinstance(told, dict | None) or feature.get("type") != "Feature":
            raise SourceError(f"{path}: feature {number} is no GeoJSON Feature")
        row = dict(told or {})
        if feature.get("id") is not None:
            row.setdefault(id_column, feature["id"])
        names.update(row)
        _check_names(path, names)
        texts.append(json.dumps(feature.get("geometry")))
        properties.append(row)
    shapes = shapely.from_geojson(np.array(texts, dtype=object), on_invalid="ignore")
    return Rows(list(shapes), properties, _read_crs(path, document.get("crs")))


def read_kml(path: Path) -> Rows:
    """Read the placemarks of a KML file: their name, extended data and shapes.

    Raises
    ------
    SourceError
        It is no KML, declares a document type, or links to another file.
    """
    reader = _KmlReader(path)
    try:
        reader.parse(path.read_bytes())
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise SourceError(f"{path}: is no XML ({_describe(error)})") from error
    return Rows(reader.shapes, reader.properties, WGS84)


class _KmlReader:
    """What has been read of a KML file so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.shapes: list[Any] = []
        self.properties: list[dict[str, Any]] = []
        self._names: set[str] = set()
        self._tags: list[str] = []
        self._text: list[str] = []
        self._data = ""  # the name of the datum that is open
        self._parts: list[Any] = []
        self._rings: list[Any] = []
        self._row: dict[str, Any] | None = None

    def parse(self, content: bytes) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.Parse(content, True)

    def _refuse_doctype(self, *_: Any) -> None:
        raise SourceError(f"{self.path}: declares a document type (DOCTYPE), which no KML needs; refused")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if not self._tags and name != "kml":
            raise SourceError(f"{self.path}: is no KML")
        self._tags.append(name)
        self._text.clear()
        if name == "NetworkLink":
            raise SourceError(f"{self.path}: links to another file, which is not followed; refused")
        if name == RECORD:
            self._row, self._parts = {}, []
        elif name in {"SimpleData", "Data"}:
            self._data = attributes.get("name", "")
        elif name in SHAPES:
            self._rings = []

    def _end(self, _: str) -> None:
        name, text = self._tags.pop(), "".join(self._text).strip()
        self._text.clear()
        parent = self._tags[-1] if self._tags else ""
        if self._row is None:
            return
        if name == RECORD:
            self._finish()
        elif name == "name" and parent == RECORD:
            self._row.setdefault("name", text or None)
        elif name == "SimpleData" or (name == "value" and parent == "Data"):
            self._row[self._data] = text or None
        elif name == "coordinates":
            self._rings.append(_read_coordinates(text))
        elif name in SHAPES:
            self._parts.append(_make_shape(name, self._rings))

    def _finish(self) -> None:
        assert self._row is not None  # noqa: S101  (a placemark is open)
        self._names.update(self._row)
        _check_names(self.path, self._names)
        self.properties.append(self._row)
        known = [part for part in self._parts if part is not None]
        whole = len(known) == len(self._parts) and bool(known)
        self.shapes.append(None if not whole else known[0] if len(known) == 1 else shapely.GeometryCollection(known))
        self._row = None


def read_places(path: Path, raw: pd.DataFrame) -> Rows:
    """Make shapes of a table's columns ``lon`` and ``lat``, or ``wkt`` (longitude and latitude too).

    Raises
    ------
    SourceError
        It has none of them.
    """
    headers = {str(name).lower(): name for name in raw.columns}
    if "wkt" in headers:
        texts = raw[headers["wkt"]].to_numpy(dtype=object)
        shapes = list(shapely.from_wkt(texts, on_invalid="ignore"))
    elif {"lon", "lat"} <= set(headers):
        lon, lat = (pd.to_numeric(raw[headers[name]], errors="coerce").to_numpy(float) for name in ("lon", "lat"))
        known = np.isfinite(lon) & np.isfinite(lat)
        points = shapely.points(np.where(known, lon, 0.0), np.where(known, lat, 0.0))
        shapes = list(np.where(known, points, np.array(None)))
    else:
        raise SourceError(f"{path}: lon, lat (or wkt): missing columns")
    rest = raw.drop(columns=[headers[name] for name in ("lon", "lat", "wkt") if name in headers])
    properties = [{str(name): value for name, value in row.items()} for row in rest.to_dict("records")]
    return Rows(shapes, properties, WGS84)


def _read_coordinates(text: str) -> list[tuple[float, float]] | None:
    try:
        return [(float(x), float(y)) for x, y, *_ in (each.split(",") for each in text.split())]
    except ValueError:
        return None


def _make_shape(name: str, rings: Sequence[list[tuple[float, float]] | None]) -> Any:
    if not rings or any(not ring for ring in rings):
        return None
    try:
        if name == "Point":
            return shapely.Point(rings[0][0])  # type: ignore[index]
        return shapely.LineString(rings[0]) if name == "LineString" else shapely.Polygon(rings[0], rings[1:])
    except (shapely.errors.ShapelyError, ValueError):
        return None


def _read_crs(path: Path, told: Any) -> CRS:
    """Read the member ``crs`` of older GeoJSON: a name, but never a link."""
    if told is None:
        return WGS84
    properties = told.get("properties") if isinstance(told, dict) else None
    name = properties.get("name") if isinstance(properties, dict) and told.get("type") == "name" else None
    found = NAMED_CRS.fullmatch(name) if isinstance(name, str) else None
    if found is None:
        raise CRSError(f"{path}: crs: must be a name such as EPSG:4326, or be left out")
    if (found["authority"] or "").upper() == "OGC":
        return WGS84
    try:
        return CRS.from_authority("EPSG", found["code"])
    except ProjError as error:
        raise CRSError(f"{path}: crs: EPSG:{found['code']} is not known") from error


def _check_names(path: Path, names: set[str]) -> None:
    if len(names) > MOST_PROPERTIES:
        raise SourceError(f"{path}: has more than {MOST_PROPERTIES} different properties")


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _describe(error: Exception) -> str:
    return str(error).splitlines()[0][:100] if str(error) else type(error).__name__
