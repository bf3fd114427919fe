"""From the layers of files to those of a site: rows named, rings repaired, gaps filled, all in one metric system."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from sightgrid import schemas
from sightgrid.errors import CRSError, Fault, SchemaError, hide
from sightgrid.gis.crs import choose_metric_crs, project_layer
from sightgrid.gis.files import NO_ROWS, as_study, read_layer
from sightgrid.gis.layers import assume_kind, name_rows, repair_polygons
from sightgrid.gis.obstacles import assume_heights
from sightgrid.gis.streets import join_ends

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas as gpd
    from pyproj import CRS

    from sightgrid.gis.files import Raw


def prepare_layers(raw: Raw) -> tuple[dict[str, gpd.GeoDataFrame], list[str]]:
    """Bring all layers but the cameras into one metric system: name rows, repair rings, assume what is missing.

    Parameters
    ----------
    raw : Raw
        Layers as they were read, obstacles among them.

    Returns
    -------
    layers : dict of GeoDataFrame
        Every layer but the cameras; empty where there was none.
    notes : list of str
        What was repaired or assumed, counted.

    Raises
    ------
    CRSError
        No metric system fits the obstacles, or a layer cannot be brought into theirs.
    SchemaError
        No obstacle has an area, or a street is no line.
    """
    frames, sources = raw.frames, raw.sources
    try:
        crs = choose_metric_crs(frames["obstacles"])
    except CRSError as error:
        raise CRSError(f"{sources['obstacles']}: obstacles: {error}") from error
    obstacles, assumed = assume_heights(name_rows(frames["obstacles"], "obstacles"))
    obstacles, repairs = repair_polygons(project_layer(obstacles, crs, layer="obstacles"), "obstacles")
    if obstacles.empty:
        raise SchemaError("obstacles", (NO_ROWS,), source=sources["obstacles"])
    layers = {"obstacles": obstacles}
    notes = [*assumed, *repairs]
    for kind in ("water", "places"):
        layers[kind] = schemas.empty(kind, crs)
        if kind in frames:
            layers[kind], repairs = repair_polygons(
                project_layer(name_rows(frames[kind], kind), crs, layer=f"{sources[kind]}: {kind}"), kind
            )
            notes += repairs
    layers["posts"] = schemas.empty("posts", crs)
    if "posts" in frames:
        layers["posts"] = project_layer(name_rows(frames["posts"], "posts"), crs, layer=f"{sources['posts']}: posts")
    layers["streets"] = schemas.empty("streets", crs)
    if "streets" in frames and frames["streets"].empty:
        notes.append("streets: the layer holds no rows")
    elif "streets" in frames:
        layers["streets"] = prepare_streets(frames["streets"], sources["streets"], crs)
    layers["zones"] = schemas.empty("zones", crs)
    if "zones" in frames:
        zones, repairs = repair_polygons(name_rows(frames["zones"], "zones"), "zones")
        layers["zones"] = project_layer(zones, crs, layer=f"{sources['zones']}: zones")
        notes += repairs
    return layers, notes


def prepare_cameras(frame: gpd.GeoDataFrame, crs: CRS) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Name cameras, assume their kind where it is unknown, and bring them into the site's system."""
    notes = [f"cameras: column {hide(name)} is not used" for name in frame.attrs.get("ignored_columns", ())]
    if "encoding" in frame.attrs:
        notes.append(f"cameras: the table is read as {frame.attrs['encoding']}, as it is not UTF-8")
    cameras = project_layer(assume_kind(name_rows(frame, "cameras")), crs, layer="cameras")
    cameras.attrs = {}
    return cameras, notes


def prepare_streets(frame: gpd.GeoDataFrame, source: str, crs: CRS) -> gpd.GeoDataFrame:
    """Name streets by the nodes they join, and measure them where nobody did."""
    no_line = ~frame.geometry.geom_type.isin(["LineString", "MultiLineString"]) | frame.geometry.is_empty
    if no_line.any():
        ids = tuple(str(row) for row in frame.index[no_line])
        raise SchemaError("streets", (Fault("geometry", "must be LineString", ids, len(ids)),), source=source)
    frame = project_layer(frame, crs, layer=f"{source}: streets")
    frame = frame.set_index(["u", "v", "key"]) if {"u", "v", "key"} <= set(frame.columns) else join_ends(frame)
    if "length_m" not in frame.columns:
        frame["length_m"] = frame.length
    return frame


def replace_study(zones: gpd.GeoDataFrame, file: Path) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Put the polygons of a file in the place of the zones with the rule ``study``."""
    frame = as_study(name_rows(read_layer(file, None), "zones"))
    study, repairs = repair_polygons(frame, "zones")
    if study.empty:
        raise SchemaError("zones", (Fault("layer", "holds no area"),), source=str(file))
    study = project_layer(study, zones.crs, layer=f"{file}: study")
    kept = zones[zones["rule"] != "study"] if "rule" in zones.columns else zones
    return study if kept.empty else pd.concat([study, kept]), repairs
