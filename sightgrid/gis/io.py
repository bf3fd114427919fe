"""Opening a site: the bundled one, a folder or GeoPackage of layers, or an OpenStreetMap extract."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import shapely

from sightgrid import datasets, schemas
from sightgrid.columns import KINDS
from sightgrid.errors import Fault, SchemaError, SourceError
from sightgrid.gis.files import Raw, holds_layer, read_camera_file, read_folder, read_package
from sightgrid.gis.layers import settle
from sightgrid.gis.prepare import prepare_cameras, prepare_layers, replace_study
from sightgrid.gis.rejected import check_choice, write_rejected
from sightgrid.gis.tables import Cameras
from sightgrid.site import Site

if TYPE_CHECKING:
    import os

    import geopandas as gpd
    from numpy.typing import NDArray

OSM_SUFFIXES = (".osm.pbf", ".pbf", ".osm")
MAX_AWAY_M = 1000.0
AWAY_RULE = f"camera more than {MAX_AWAY_M:g} m outside the study area"
NO_STUDY = Fault("study area", "is missing; add a layer 'study' of polygons, or a zone with the rule 'study'")


def open_site(
    source: str | os.PathLike[str],
    *,
    study: str | os.PathLike[str] | None = None,
    cameras: str | os.PathLike[str] | None = None,
    bad_rows: Literal["raise", "set_aside"] = "raise",
) -> Site:
    """Open a site.

    Parameters
    ----------
    source : str or path-like
        ``"helsinki"`` (bundled); a folder of files ``cameras.csv|gpkg|geojson``, ``obstacles`` or ``buildings``,
        ``streets``, ``water``, ``places``, ``posts`` (lamps and poles that could carry a camera), and ``zones`` or
        ``study``; a GeoPackage with layers of these names; or an OpenStreetMap extract ``.osm.pbf``. Cameras,
        obstacles and a study area (``study``, or zones with that rule) are needed, every other layer may be missing.
    study : path-like, optional
        A file of polygons that replaces the study area.
    cameras : path-like, optional
        A camera table, or a file with a camera layer, that replaces the site's cameras, which are then not looked at.
        ``x``, ``y`` of a table are in the site's coordinate system.
    bad_rows : {"raise", "set_aside"}
        Raise on cameras that break a rule, or go on with the good ones and write the others with their reasons to
        ``<stem>.rejected.csv`` beside the file they came from, once all else is read.

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
        Rows break their contract, cameras lie at (0, 0) or more than 1 km outside the study area, or there is no study
        area.
    UnitRangeError
        `bad_rows` is neither of the two.

    Examples
    --------
    >>> site = open_site("helsinki")
    >>> len(site.cameras)
    221
    """
    check_choice(bad_rows)
    name, path, notes = _find(source)
    raw, layers, told = _read(path, cameras=cameras is None)
    crs = layers["obstacles"].crs
    if cameras is not None:
        raw.cameras, raw.sources["cameras"] = read_camera_file(Path(cameras), crs), str(cameras)
    if study is not None:
        raw.sources["zones"] = str(study)
        layers["zones"], repairs = replace_study(layers["zones"], Path(study))
        told = [note for note in told if "the study area is" not in note] + repairs
    for kind in KINDS[1:]:
        layers[kind] = settle(layers[kind], kind, source=raw.sources.get(kind, str(path)))
    if not (layers["zones"]["rule"] == "study").any():
        raise SchemaError("zones", (NO_STUDY,), source=raw.sources.get("zones", str(path)))
    layers["cameras"], fault, camera_notes = _settle_cameras(raw.cameras, layers["zones"], raw.sources["cameras"])
    notes += [*camera_notes, *told]
    if fault is not None and (bad_rows == "raise" or fault.good is None):
        raise fault
    site = Site(name, **layers, notes=tuple(notes))
    if fault is None or fault.bad is None:
        return site
    # the last step: a site that cannot be opened leaves no file
    rejected = write_rejected(fault.bad, Path(raw.sources["cameras"]), fault.faults)
    site.cameras.attrs["rejected"] = rejected
    faults = "; ".join(str(each) for each in fault.faults)
    note = f"cameras: rows set aside in {rejected['file']}: {rejected['count']} ({faults})"
    return replace(site, notes=(note, *notes))


def _read(path: Path, *, cameras: bool) -> tuple[Raw, dict[str, gpd.GeoDataFrame], list[str]]:
    """Read the cameras as they are stored, and the other layers in the site's metric system."""
    if not path.name.lower().endswith(OSM_SUFFIXES):
        raw = read_folder(path, cameras=cameras) if path.is_dir() else read_package(path, cameras=cameras)
        layers, notes = prepare_layers(raw)
        return raw, layers, notes
    from sightgrid.gis.osm import read_osm  # noqa: PLC0415  (osmium is needed for extracts only)

    layers, notes = read_osm(path)
    raw = Raw({}, dict.fromkeys(KINDS, str(path)), Cameras(layers.pop("cameras")))
    return raw, layers, notes if cameras else [note for note in notes if not note.startswith("cameras:")]


def _settle_cameras(
    cameras: Cameras, zones: gpd.GeoDataFrame, source: str
) -> tuple[gpd.GeoDataFrame, SchemaError | None, list[str]]:
    """Check the cameras; return the good ones, what is wrong with the others, and notes."""
    stored, fault, rows = cameras
    zero = _find_zero(stored)
    frame, notes = prepare_cameras(stored, zones.crs)
    extra = (
        schemas.Finding("geometry", "camera at (0, 0)", zero),
        schemas.Finding("geometry", AWAY_RULE, _find_away(frame, zones) & ~zero),
    )
    try:
        frame = settle(frame, "cameras", source=source, extra=extra)
    except SchemaError as error:
        if rows is not None and error.bad is not None:
            error.bad = rows.loc[error.bad["camera_id"]].assign(reason=error.bad["reason"].to_numpy())
        fault = _join(fault, error)
        return frame if fault.good is None else fault.good, fault, notes
    if fault is not None:
        fault.good = frame
    return frame, fault, notes


def _join(first: SchemaError | None, second: SchemaError) -> SchemaError:
    """Make one error of what the table's reader and the site's check found; the second knows the rows that are left."""
    if first is None:
        return second
    bad = first.bad if second.bad is None else pd.concat([first.bad, second.bad])
    faults = first.faults + second.faults
    return SchemaError("cameras", faults, source=first.source, good=second.good, bad=bad)


def _find(source: str | os.PathLike[str]) -> tuple[str, Path, list[str]]:
    """Return the name and the path of a site, and a note where its name may mean two things."""
    path, notes = Path(source), list[str]()
    if isinstance(source, str) and source in datasets.NAMES:
        if not holds_layer(path):
            return source, datasets.find(source), notes
        notes = [f"site: {path.resolve()} is read, not the bundled site {source!r}"]
    if not path.exists():
        bundled = ", ".join(datasets.NAMES)
        raise SourceError(f"{path}: there is no such file or folder, nor a bundled site of that name ({bundled})")
    if path.is_dir():
        return path.resolve().name, path, notes
    ending = next((suffix for suffix in (".gpkg", *OSM_SUFFIXES) if path.name.lower().endswith(suffix)), None)
    if ending is None:
        raise SourceError(f"{path}: a site is a folder, a .gpkg or an .osm.pbf, not a {path.suffix or 'plain'} file")
    return path.name[: -len(ending)], path, notes


def _find_zero(cameras: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Find cameras at the origin of their coordinates, where devices without a position end up."""
    bounds = shapely.bounds(cameras.geometry.to_numpy())  # NaN where there is no position
    return np.asarray((bounds == 0).all(axis=1))


def _find_away(cameras: gpd.GeoDataFrame, zones: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Find cameras that no study area explains; rows without a position are left to the schema."""
    shapes = cameras.geometry.to_numpy()
    study = shapely.union_all(zones.geometry[zones["rule"] == "study"].to_numpy())
    placed = ~np.isnan(shapely.bounds(shapes)).any(axis=1)
    return np.asarray(placed & ~(shapely.distance(shapes, study) <= MAX_AWAY_M))
