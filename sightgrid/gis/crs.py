"""Coordinate systems: the metric one of a site, and bearings from true north to grid north."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pyproj import CRS, Proj
from pyproj.exceptions import ProjError

from sightgrid.errors import CRSError
from sightgrid.schemas import metric_fault

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import ArrayLike, NDArray

WGS84 = CRS.from_epsg(4326)
FULL_CIRCLE = 360.0


def choose_metric_crs(frame: gpd.GeoDataFrame | gpd.GeoSeries) -> CRS:
    """Choose the coordinate system to measure in: the frame's own if it is metric, else its UTM zone.

    Parameters
    ----------
    frame : GeoDataFrame or GeoSeries
        Any layer with a coordinate system and at least one geometry.

    Returns
    -------
    pyproj.CRS
        A projected coordinate system in metres.

    Raises
    ------
    CRSError
        The frame has no coordinate system, or lies where no UTM zone is.
    """
    if frame.crs is None:
        raise CRSError(str(metric_fault(None)))
    crs = CRS.from_user_input(frame.crs)
    if metric_fault(crs) is None:
        return crs
    try:
        return CRS.from_user_input(frame.estimate_utm_crs())
    except (RuntimeError, ValueError) as error:
        west, south, east, north = frame.total_bounds
        text = f"no UTM zone fits the bounds {west:g}, {south:g}, {east:g}, {north:g} in {crs.name}"
        raise CRSError(text) from error


def project_layer(frame: gpd.GeoDataFrame, crs: CRS, *, layer: str) -> gpd.GeoDataFrame:
    """Bring a layer into another coordinate system.

    Parameters
    ----------
    frame : GeoDataFrame
        The layer, with a coordinate system.
    crs : pyproj.CRS
        The one of the site.
    layer : str
        What to call it.

    Raises
    ------
    CRSError
        The layer's system has no known place on earth, such as that of a building site.
    """
    if frame.crs == crs:
        return frame
    try:
        return frame.to_crs(crs)
    except ProjError as error:
        name = CRS.from_user_input(frame.crs).name
        raise CRSError(f"{layer}: coordinates in {name} cannot be turned into {crs.name}") from error


def require_metric(frame: gpd.GeoDataFrame | gpd.GeoSeries, layer: str) -> None:
    """Raise a CRSError that names the layer unless its coordinate system is projected and in metres."""
    reason = metric_fault(frame.crs)
    if reason:
        raise CRSError(f"{layer}: {reason}")


def to_grid_azimuth(points: gpd.GeoSeries, azimuth_true_deg: ArrayLike) -> NDArray[Any]:
    """Turn bearings from true north into bearings from grid north (the y axis).

    Grid north turns away from true north by the meridian convergence, which differs from place to place.

    Parameters
    ----------
    points : GeoSeries
        Where the bearings are taken, in a projected metric coordinate system.
    azimuth_true_deg : array-like
        Degrees clockwise from true north, one per point; NaN stays NaN.

    Returns
    -------
    ndarray of float
        Degrees clockwise from the y axis, in [0, 360).

    Raises
    ------
    CRSError
        The points' coordinate system is missing or not metric.
    """
    require_metric(points, "points")
    azimuth = np.asarray(azimuth_true_deg, float)
    if not len(points):
        return azimuth.copy()
    lonlat = points.to_crs(WGS84)
    factors = Proj(points.crs).get_factors(lonlat.x.to_numpy(), lonlat.y.to_numpy())
    turned: NDArray[Any] = np.mod(azimuth - factors.meridian_convergence, FULL_CIRCLE)
    turned[turned == FULL_CIRCLE] = 0.0  # the remainder of a tiny negative number rounds up to 360
    return turned
