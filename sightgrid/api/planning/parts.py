"""Parts of a site: what decides what some cameras see of a few cells, read from the store and measured."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import shapely

from sightgrid import schemas
from sightgrid.api.planning.lonlat import write_shapes
from sightgrid.api.planning.roster import MOVED_M
from sightgrid.columns import COLUMNS
from sightgrid.coverage import Coverage
from sightgrid.coverage.figures import count_figures
from sightgrid.coverage.survey import Settings, survey_site
from sightgrid.gis.grid import Grid, draw_cells
from sightgrid.site import Site
from sightgrid.store.layer_tables import features
from sightgrid.store.layers import select_layer

if TYPE_CHECKING:
    import sqlalchemy as sa

    from sightgrid.store.layers import Box
    from sightgrid.store.variants import State

GROUND_LAYERS = ("obstacles", "streets", "water", "zones")
COURTYARD_M = 150.0  # obstacles are read so much farther: a courtyard's houses lie around it
POLYGON = 2  # dimensions

Block = tuple[int, int, int, int]  # cells: first column and row, and one behind the last of each


def find_block(area: Box, cell_m: float) -> Block:
    """Return the cells that hold an area: first column and row, and one behind the last of each."""
    left, bottom, right, top = (side / cell_m for side in area)
    return math.floor(left), math.floor(bottom), math.floor(right) + 1, math.floor(top) + 1


def read_site_part(
    connection: sa.Connection, site_id: int, area: Box, *, cameras: gpd.GeoDataFrame, state: State
) -> Site:
    """Read the part of a site that decides what some cameras see of an area.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        Of a transaction that is open.
    site_id : int
        The site.
    area : tuple of float
        ``minx, miny, maxx, maxy``.
    cameras : geopandas.GeoDataFrame
        The cameras, which may stand outside the area.
    state : State
        Of the site.

    Returns
    -------
    Site
        Without places and posts; its study area is cut off around the area, if it reaches there.
    """
    crs = cameras.crs
    left, bottom, right, top = area
    around_m = (left - COURTYARD_M, bottom - COURTYARD_M, right + COURTYARD_M, top + COURTYARD_M)
    whole = shapely.union_all([shapely.box(*around_m), *cameras.geometry.buffer(MOVED_M).to_numpy()]).bounds
    layers = {
        layer: select_layer(connection, site_id, layer, crs=crs, box=whole)
        for layer in ("obstacles", "streets", "water")
    }
    rule = features["zones"].c.rule
    study = select_layer(connection, site_id, "zones", crs=crs, where=rule == "study")
    others = select_layer(connection, site_id, "zones", crs=crs, box=whole, where=rule != "study")
    parts = shapely.get_parts(shapely.intersection(study.geometry.to_numpy(), shapely.box(*around_m)))
    cut = parts[(shapely.get_dimensions(parts) == POLYGON) & ~shapely.is_empty(parts)]
    if len(cut):
        study = study.iloc[[0] * len(cut)].set_geometry(gpd.GeoSeries(cut, index=study.index[[0] * len(cut)], crs=crs))
    zones = pd.concat([study, others]) if len(others) else study
    empty = {layer: schemas.empty(layer, crs) for layer in ("places", "posts")}
    return Site(state.name, cameras, **layers, **empty, zones=zones)


def measure_block(site: Site, block: Block, *, cell_m: float, settings: Settings) -> Coverage:
    """Measure some cells as `sightgrid.coverage.measure` measures a whole site; there may be none in the study area."""
    left, bottom, right, top = block
    grid = Grid(cell_m, left, bottom, right - left, top - bottom)
    layout = draw_cells(grid, site.study, site.crs)
    survey = survey_site(site, settings)
    figures = count_figures(survey, grid, layout, whole=True)
    return Coverage(survey, grid, exact=False, layout=layout, figures=figures, seconds=0.0)


def keep_contract(cameras: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Leave only the columns of the contract."""
    return cameras[[*(column.name for column in COLUMNS["cameras"]), cameras.geometry.name]]


def hide_camera(camera: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a camera that sees nothing, as if it were not there."""
    return camera.assign(indoor=True)


def split_rows(frame: gpd.GeoDataFrame) -> list[gpd.GeoDataFrame]:
    """Return each row as a frame of its own."""
    return [frame.iloc[[row]] for row in range(len(frame))]


def draw_outlines(layout: gpd.GeoDataFrame) -> list[str]:
    """Write cells as GeoJSON polygons in longitude and latitude."""
    return [] if layout.empty else write_shapes(layout.geometry.to_numpy(), layout.crs.to_string())
