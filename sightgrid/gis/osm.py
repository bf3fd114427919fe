"""OpenStreetMap extracts (``.osm.pbf``) as the layers of a site."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import shapely

from sightgrid import schemas
from sightgrid.errors import SourceError
from sightgrid.gis.crs import WGS84, choose_metric_crs
from sightgrid.gis.layers import repair_polygons
from sightgrid.gis.obstacles import build_obstacles
from sightgrid.gis.osm_cameras import build_cameras
from sightgrid.gis.osm_extract import Extract, read_extract
from sightgrid.gis.places import build_places
from sightgrid.gis.posts import build_posts
from sightgrid.gis.streets import build_streets
from sightgrid.gis.water import build_water, close_coast, close_shore, read_kind

if TYPE_CHECKING:
    from pathlib import Path

    from pyproj import CRS


def read_osm(path: Path) -> tuple[dict[str, gpd.GeoDataFrame], list[str]]:
    """Read the layers of a site from an OpenStreetMap extract.

    Parameters
    ----------
    path : Path
        An ``.osm.pbf`` (or any other file osmium reads).

    Returns
    -------
    layers : dict of GeoDataFrame
        The layers in one metric coordinate system, the study area (the box in the file's header, else the hull of the
        streets) among the zones; the cameras in longitude and latitude, as they are mapped.
    notes : list of str
        What was repaired, assumed or left out, counted.

    Raises
    ------
    SourceError
        The file cannot be read, or holds nothing to build a site from.
    """
    try:
        extract = read_extract(path)
    except (RuntimeError, OSError) as error:
        raise SourceError(f"{path}: cannot be read as OpenStreetMap data ({error})") from error
    area, study_note = _choose_study(path, extract)
    crs = choose_metric_crs(gpd.GeoSeries([area], crs=WGS84))
    cameras, camera_notes = build_cameras(extract.cameras)
    obstacles, height_notes = build_obstacles(extract.buildings)
    obstacles, obstacle_repairs = repair_polygons(obstacles.to_crs(crs), "obstacles")
    streets, street_notes = schemas.empty("streets", crs), list[str]()
    if extract.ways:
        streets, street_notes = build_streets(extract.ways, crs)
    water, water_notes = _build_water(extract, crs)
    places, place_repairs = repair_polygons(build_places(extract.places).to_crs(crs), "places")
    zones = gpd.GeoDataFrame(
        {"name": ["study area"], "rule": ["study"]},
        index=pd.Index(["study"], name="zone_id", dtype="str"),
        geometry=gpd.GeoSeries([area], crs=WGS84, index=["study"]),
    )
    layers = {
        "cameras": cameras,
        "obstacles": obstacles,
        "streets": streets,
        "water": water,
        "places": places,
        "posts": build_posts(extract.posts).to_crs(crs),
        "zones": zones.to_crs(crs),
    }
    return layers, [
        "all layers: data © OpenStreetMap contributors, ODbL 1.0",
        study_note,
        *(f"{kind}: the extract holds none" for kind in ("obstacles", "streets") if layers[kind].empty),
        *camera_notes,
        *extract.notes(),
        *height_notes,
        *obstacle_repairs,
        *street_notes,
        *water_notes,
        *place_repairs,
    ]


def _choose_study(path: Path, extract: Extract) -> tuple[shapely.Geometry, str]:
    if extract.box is not None:
        return extract.box, "zones: the study area is the box in the file's header"
    hull = shapely.convex_hull(shapely.MultiLineString([way.lonlat for way in extract.ways]))
    if hull.geom_type != "Polygon":
        streets = "its streets lie on one line" if extract.ways else "no streets"
        raise SourceError(f"{path}: has no box in its header and {streets}, so it gives no study area")
    return hull, "zones: the file's header has no box, so the study area is the hull of the streets"


def _build_water(extract: Extract, crs: CRS) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Build the water layer; water that leaves the extract is closed along the box of the header."""
    water, notes = repair_polygons(build_water(extract.water).to_crs(crs), "water")
    if extract.box is None:
        lost = len(extract.shores) + bool(extract.coast)
        return water, [*notes, f"water: areas left out, cut by an edge nobody states: {lost}"] if lost else notes
    box = _to_metric([extract.box], crs).iloc[0]
    found: dict[str, tuple[str, shapely.Geometry]] = {}
    if extract.coast:
        found["sea"] = "sea", close_coast(_to_metric(extract.coast, crs), box)
    if extract.shores:
        lines = [shapely.LineString(way.lonlat) for way in extract.ways if way.tags.get("bridge", "no") == "no"]
        dry = _to_metric([*(shape for _, _, shape in extract.buildings), *lines], crs)
        for shore in extract.shores:
            outer, islands = _to_metric(shore.outer, crs), _to_metric(shore.inner, crs)
            found[shore.name] = read_kind(shore.tags), close_shore(outer, box, islands=islands, dry=dry)
    closed = {name: kind_area for name, kind_area in found.items() if not kind_area[1].is_empty}
    notes += [f"water: {name} leaves the extract and is closed along its edge" for name in closed]
    notes += [f"water: {name} left out, too little of its shore is in the extract" for name in found.keys() - closed]
    if not closed:
        return water, notes
    rows = gpd.GeoDataFrame(
        {"kind": [kind for kind, _ in closed.values()]},
        index=pd.Index(list(closed), name="water_id", dtype="str"),
        geometry=[area for _, area in closed.values()],
        crs=crs,
    )
    rows, repairs = repair_polygons(rows, "water")
    return rows if water.empty else pd.concat([water, rows]), notes + repairs


def _to_metric(shapes: list[shapely.Geometry], crs: CRS) -> gpd.GeoSeries:
    return gpd.GeoSeries(shapes, crs=WGS84).to_crs(crs)
