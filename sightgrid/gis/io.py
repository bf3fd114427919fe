"""Opening a site: the bundled one, a folder or GeoPackage of layers, or an OpenStreetMap extract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import shapely

from sightgrid import datasets, schemas
from sightgrid.columns import KINDS
from sightgrid.errors import CRSError, Fault, SchemaError, SourceError
from sightgrid.gis.crs import choose_metric_crs
from sightgrid.gis.files import Raw, read_folder, read_layer, read_package
from sightgrid.gis.layers import assume_kind, name_rows, repair_polygons, settle
from sightgrid.gis.obstacles import assume_heights
from sightgrid.gis.streets import join_ends
from sightgrid.gis.tables import write_rejected
from sightgrid.site import Site

if TYPE_CHECKING:
    import os

    import geopandas as gpd
    from numpy.typing import NDArray
    from pyproj import CRS

OSM_SUFFIXES = (".pbf", ".osm")
MAX_AWAY_M = 1000.0
AWAY_RULE = f"camera more than {MAX_AWAY_M:g} m outside the study area"


def open_site(
    source: str | os.PathLike[str],
    *,
    study: str | os.PathLike[str] | None = None,
    bad_rows: Literal["raise", "set_aside"] = "raise",
) -> Site:
    """Open a site.

    Parameters
    ----------
    source : str or path-like
        ``"helsinki"`` (bundled); a folder of files ``cameras.csv|gpkg|geojson``, ``obstacles`` or ``buildings``,
        ``streets``, ``water``, ``places``, ``zones`` or ``study``; a GeoPackage with layers of these names; or an
        OpenStreetMap extract ``.osm.pbf``. Cameras and obstacles are needed, every other layer may be missing.
    study : path-like, optional
        A file of polygons that replaces the study area.
    bad_rows : {"raise", "set_aside"}
        Raise on cameras that break a rule, or go on with the good ones and write the others with their reasons to
        ``<stem>.rejected.csv`` beside the file they came from.

    Returns
    -------
    Site
        All layers in one metric coordinate system; ``notes`` says what was repaired, assumed or left out.

    Raises
    ------
    SourceError
        A file is missing, broken, of an unknown kind, or lacks a layer.
    CRSError
        A layer has no coordinate system.
    SchemaError
        Rows break their contract, or cameras lie at (0, 0) or more than 1 km outside the study area.

    Examples
    --------
    >>> site = open_site("helsinki")
    >>> len(site.cameras)
    221
    """
    name, path = _find(source)
    fault: SchemaError | None = None
    if path.name.endswith(OSM_SUFFIXES):
        from sightgrid.gis.osm import read_osm  # noqa: PLC0415  (osmium is needed for extracts only)

        layers, notes = read_osm(path)
        sources = dict.fromkeys(layers, str(path))
        zero = np.zeros(len(layers["cameras"]), bool)
        name = path.name.split(".")[0]
    else:
        raw = read_folder(path) if path.is_dir() else read_package(path)
        sources, fault, zero = raw.sources, raw.fault, _find_zero(raw.frames["cameras"])
        layers, notes = _prepare(raw)
    if study is not None:
        sources["zones"] = str(study)
        layers["zones"], repairs = _replace_study(layers["zones"], Path(study))
        notes = [note for note in notes if "the study area is" not in note] + repairs
    extra = (
        schemas.Finding("geometry", "camera at (0, 0)", zero),
        schemas.Finding("geometry", AWAY_RULE, _find_away(layers["cameras"], layers["zones"]) & ~zero),
    )
    for kind in KINDS[1:]:
        layers[kind] = settle(layers[kind], kind, source=sources.get(kind, str(path)))
    try:
        layers["cameras"] = settle(layers["cameras"], "cameras", source=sources["cameras"], extra=extra)
    except SchemaError as error:
        fault = _join(fault, error)
    else:
        if fault is not None:
            fault.good = layers["cameras"]
    if fault is not None:
        if bad_rows == "raise" or fault.good is None or fault.bad is None:
            raise fault
        rejected = write_rejected(fault.bad, Path(sources["cameras"]))
        layers["cameras"] = fault.good
        layers["cameras"].attrs["rejected"] = rejected
        faults = "; ".join(str(each) for each in fault.faults)
        notes.insert(0, f"cameras: rows set aside in {rejected['file']}: {rejected['count']} ({faults})")
    return Site(name, **layers, notes=tuple(notes))


def _join(first: SchemaError | None, second: SchemaError) -> SchemaError:
    """Make one error of what the table's reader and the site's check found; the second knows the rows that are left."""
    if first is None:
        return second
    bad = first.bad if second.bad is None else pd.concat([first.bad, second.bad])
    faults = first.faults + second.faults
    return SchemaError("cameras", faults, source=first.source, good=second.good, bad=bad)


def _find(source: str | os.PathLike[str]) -> tuple[str, Path]:
    if isinstance(source, str) and source in datasets.NAMES:
        return source, datasets.find(source)
    path = Path(source)
    if not path.exists():
        bundled = ", ".join(datasets.NAMES)
        raise SourceError(f"{path}: there is no such file or folder, nor a bundled site of that name ({bundled})")
    known = (".gpkg", *OSM_SUFFIXES)
    if path.is_file() and not path.name.lower().endswith(known):
        raise SourceError(f"{path}: a site is a folder, a .gpkg or an .osm.pbf, not a {path.suffix or 'plain'} file")
    return path.stem if path.is_file() else path.resolve().name, path


def _prepare(raw: Raw) -> tuple[dict[str, gpd.GeoDataFrame], list[str]]:
    """Name rows, repair rings, assume what is missing, and bring all layers into one metric system."""
    frames, sources = raw.frames, raw.sources
    try:
        crs = choose_metric_crs(frames["obstacles"])
    except CRSError as error:
        raise CRSError(f"{sources['obstacles']}: obstacles: {error}") from error
    notes: list[str] = []
    layers = {"cameras": _prepare_cameras(frames["cameras"], sources["cameras"], crs)}
    notes += [f"cameras: column {name} is not used" for name in frames["cameras"].attrs.get("ignored_columns", ())]
    obstacles, assumed = assume_heights(name_rows(frames["obstacles"], "obstacles"))
    obstacles, repairs = repair_polygons(_to_crs(obstacles, crs), "obstacles")
    layers["obstacles"] = obstacles
    notes += [*assumed, *repairs]
    for kind in ("water", "places"):
        layers[kind] = schemas.empty(kind, crs)
        if kind in frames:
            layers[kind], repairs = repair_polygons(_to_crs(name_rows(frames[kind], kind), crs), kind)
            notes += repairs
    layers["streets"] = (
        _prepare_streets(frames["streets"], sources["streets"], crs)
        if "streets" in frames
        else schemas.empty("streets", crs)
    )
    layers["zones"] = schemas.empty("zones", crs)
    if "zones" in frames:
        stem = Path(sources["zones"]).stem.lower()
        zones, repairs = _prepare_zones(frames["zones"], sources["zones"], only_study=stem == "study")
        layers["zones"] = _to_crs(zones, crs)
        notes += repairs
    return layers, notes


def _to_crs(frame: gpd.GeoDataFrame, crs: CRS) -> gpd.GeoDataFrame:
    return frame if frame.crs == crs else frame.to_crs(crs)


def _prepare_cameras(frame: gpd.GeoDataFrame, source: str, crs: CRS) -> gpd.GeoDataFrame:
    if "camera_id" not in frame.columns and frame.index.name != "camera_id":
        raise SchemaError("cameras", (Fault("camera_id", "missing column"),), source=source)
    return _to_crs(assume_kind(name_rows(frame, "cameras")), crs)


def _prepare_streets(frame: gpd.GeoDataFrame, source: str, crs: CRS) -> gpd.GeoDataFrame:
    no_line = ~frame.geometry.geom_type.isin(["LineString", "MultiLineString"]) | frame.geometry.is_empty
    if no_line.any():
        ids = tuple(str(row) for row in frame.index[no_line])
        raise SchemaError("streets", (Fault("geometry", "must be LineString", ids, len(ids)),), source=source)
    frame = _to_crs(frame, crs)
    frame = frame.set_index(["u", "v", "key"]) if {"u", "v", "key"} <= set(frame.columns) else join_ends(frame)
    if "length_m" not in frame.columns:
        frame["length_m"] = frame.length
    return frame


def _prepare_zones(frame: gpd.GeoDataFrame, source: str, *, only_study: bool) -> tuple[gpd.GeoDataFrame, list[str]]:
    frame = name_rows(frame, "zones")
    if only_study:
        frame = frame[[frame.geometry.name]].assign(rule="study")
    frame, repairs = repair_polygons(frame, "zones")
    if frame.empty and only_study:
        raise SchemaError("zones", (Fault("layer", "holds no area"),), source=source)
    return frame, repairs


def _replace_study(zones: gpd.GeoDataFrame, file: Path) -> tuple[gpd.GeoDataFrame, list[str]]:
    study, repairs = _prepare_zones(read_layer(file, None), str(file), only_study=True)
    study = _to_crs(study, zones.crs)
    kept = zones[zones["rule"] != "study"]
    return study if kept.empty else pd.concat([study, kept]), repairs


def _find_zero(cameras: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Find cameras at the origin of their coordinates, where devices without a position end up."""
    shapes = cameras.geometry.to_numpy()
    return np.asarray((shapely.get_x(shapes) == 0) & (shapely.get_y(shapes) == 0))


def _find_away(cameras: gpd.GeoDataFrame, zones: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Find cameras that no study area explains; rows without a position are left to the schema."""
    shapes = cameras.geometry.to_numpy()
    if "rule" not in zones.columns or not (zones["rule"] == "study").any():
        return np.zeros(len(cameras), bool)
    study = shapely.union_all(zones.geometry[zones["rule"] == "study"].to_numpy())
    placed = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    return np.asarray(placed & ~(shapely.distance(shapes, study) <= MAX_AWAY_M))
