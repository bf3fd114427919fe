"""Demand: points on observable ground that cameras should see, and what each is worth.

The weight of a point is the ground it stands for, more where a street or a place makes it matter or a raster (people,
risk) says so. Points around a place may ask for a density and for more than one view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from pyproj import CRS
from rasterio.errors import RasterioError

from sightgrid.errors import CRSError, InfeasibleError, InputError, SourceError, UnitRangeError
from sightgrid.gis.ground import Ground, survey_ground

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from sightgrid.site import Site

STREET_M = 5.0  # a point nearer to a street's axis than this lies on it


def sample_demand(
    site: Site,
    *,
    spacing_m: float = 5.0,
    street_weight: float = 2.0,
    place_weight: float = 2.0,
    raster: str | os.PathLike[str] | None = None,
) -> gpd.GeoDataFrame:
    """Sample the observable ground as points with weights.

    Parameters
    ----------
    site : Site
    spacing_m : float
        Distance of points.
    street_weight : float
        How many times as much a point on a street counts.
    place_weight : float
        How many times as much a point within 20 m of a place of priority 1 counts; at priority p, ``place_weight / p``
        (but never less than 1).
    raster : path, optional
        A raster of people or risk, in any coordinate system: its values multiply the weights. Ground off the raster
        and nodata count 0.

    Returns
    -------
    geopandas.GeoDataFrame
        Index ``demand_id``; points with ``weight`` (square metres, weighted), ``needed`` (views), ``density_px_m``
        (NaN: the lowest class will do) and ``place_id`` (of the most important place around, or None).

    Raises
    ------
    UnitRangeError
        The spacing is not at least half a metre, or a weight is below 0.
    SourceError, CRSError, InputError
        The raster cannot be read, has no coordinate system, or does not reach the site.
    InfeasibleError
        There is no ground, or every weight is 0.

    Examples
    --------
    >>> import sightgrid as sg
    >>> demand = sample_demand(sg.open_site("helsinki"), spacing_m=25.0)
    >>> bool((demand["weight"] > 0.0).all())
    True
    """
    if not 0.5 <= spacing_m < np.inf:  # noqa: PLR2004  (half a metre: below, there are millions of points)
        raise UnitRangeError(f"spacing_m: {spacing_m} must be at least 0.5")
    for name, value in (("street_weight", street_weight), ("place_weight", place_weight)):
        if not 0.0 <= value < np.inf:
            raise UnitRangeError(f"{name}: {value} must not be below 0")
    ground = survey_ground(site)
    points = _scatter(ground, spacing_m)
    if not len(points):
        raise InfeasibleError(f"{site.name}: no observable ground is left in the study area, so there is no demand")
    weight = np.full(len(points), float(spacing_m) ** 2)
    lines = ground.streets[~shapely.is_empty(ground.streets)]
    if len(lines):
        near = shapely.STRtree(lines).query(points, predicate="dwithin", distance=STREET_M)[0]
        weight[np.unique(near)] *= street_weight
    place = _most_important_place(points, ground, site)
    around = place >= 0
    priority = site.places["priority"].to_numpy(float)[place[around]]
    weight[around] *= np.maximum(place_weight / priority, 1.0)
    needed, density = np.ones(len(points), np.int64), np.full(len(points), np.nan)
    needed[around] = site.places["required_views"].to_numpy(np.int64)[place[around]]
    density[around] = site.places["required_density_px_m"].to_numpy(float)[place[around]]
    if raster is not None:
        weight *= _read_raster(raster, points, site)
    if not weight.sum() > 0.0:
        raise InfeasibleError(f"{site.name}: the demand is zero everywhere: no point has a weight above 0")
    ids = np.array([*site.places.index, None], dtype=object)[place]
    frame = gpd.GeoDataFrame(
        {"weight": weight, "needed": needed, "density_px_m": density, "place_id": ids}, geometry=points, crs=site.crs
    )
    frame.index = pd.Index([f"d{n}" for n in range(1, len(frame) + 1)], name="demand_id")
    return frame


def _scatter(ground: Ground, spacing_m: float) -> NDArray[np.object_]:
    """Points of an aligned square lattice that lie on observable ground."""
    x0, y0, x1, y1 = ground.study.bounds
    x = (np.arange(np.floor(x0 / spacing_m), np.ceil(x1 / spacing_m)) + 0.5) * spacing_m
    y = (np.arange(np.floor(y0 / spacing_m), np.ceil(y1 / spacing_m)) + 0.5) * spacing_m
    points = shapely.points(*(axis.ravel() for axis in np.meshgrid(x, y)))
    shapely.prepare(ground.study)
    points = points[shapely.covers(ground.study, points)]
    for shapes in (ground.solid, ground.water, ground.closed):
        if len(shapes):
            points = np.delete(points, np.unique(shapely.STRtree(shapes).query(points, predicate="intersects")[0]))
    return points


def _most_important_place(points: NDArray[np.object_], ground: Ground, site: Site) -> NDArray[np.int64]:
    """Position of the place of lowest priority number around each point, or -1."""
    place = np.full(len(points), -1)
    if len(site.places):
        point, of = shapely.STRtree(ground.surroundings).query(points, predicate="intersects")
        order = np.argsort(-site.places["priority"].to_numpy()[of], kind="stable")  # the most important is written last
        place[point[order]] = of[order]
    return place


def _read_raster(file: str | os.PathLike[str], points: NDArray[np.object_], site: Site) -> NDArray[np.float64]:
    try:
        with rasterio.open(file) as raster:
            if raster.crs is None:
                raise CRSError(f"{file}: the raster has no coordinate system")
            moved = gpd.GeoSeries(points, crs=site.crs).to_crs(CRS.from_user_input(raster.crs.to_wkt()))
            left, bottom, right, top = raster.bounds
            if not (moved.x.between(left, right) & moved.y.between(bottom, top)).any():
                raise InputError(f"{file}: the raster does not reach {site.name}: no demand point lies on it")
            rows = raster.sample(zip(moved.x, moved.y, strict=True), indexes=1, masked=True)
            values = np.array([float(row[0]) if not np.ma.is_masked(row[0]) else 0.0 for row in rows])
    except RasterioError as error:
        raise SourceError(f"{file}: cannot be read as a raster ({error})") from error
    if (values < 0.0).any():
        raise InputError(f"{file}: {int((values < 0.0).sum())} demand points would have a weight below 0")
    return np.nan_to_num(values)
