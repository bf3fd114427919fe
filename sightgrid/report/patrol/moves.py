"""Where a unit is at each moment, in few points: for a map that moves it along the day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from sightgrid.gis.crs import WGS84
from sightgrid.report.patrol.gpx import trace_unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sightgrid.patrol.shift.plan import Plan

DECIMALS = 6  # of a degree: a decimetre
TOLERANCE_M = 1.0


def list_moves(plan: Plan, unit_id: str, *, tolerance_m: float = TOLERANCE_M) -> dict[str, Any]:
    """List where a unit is when.

    Parameters
    ----------
    plan : Plan
        The plan.
    unit_id : str
        One of its units.
    tolerance_m : float
        How far from its place a point drawn at any moment may lie; rounding adds some decimetres.

    Returns
    -------
    dict
        ``start_at`` (ISO 8601, UTC), ``coordinates`` (longitude and latitude) and ``seconds`` (since ``start_at``):
        between two points the unit moves evenly.
    """
    xy, times = trace_unit(plan, unit_id)
    if not times:
        return {"start_at": plan.units["start_at"][unit_id].isoformat(), "coordinates": [], "seconds": []}
    moments = pd.DatetimeIndex(times)
    seconds = (moments - moments[0]).total_seconds().to_numpy(float)
    kept = thin_track(xy, seconds, tolerance_m=tolerance_m)
    places = gpd.GeoSeries(gpd.points_from_xy(*xy[kept].T), crs=plan.units.crs).to_crs(WGS84)
    return {
        "start_at": moments[0].isoformat(),
        "coordinates": np.round(np.column_stack([places.x, places.y]), DECIMALS).tolist(),
        "seconds": np.round(seconds[kept], 1).tolist(),
    }


def thin_track(xy: NDArray[np.float64], seconds: NDArray[np.float64], *, tolerance_m: float) -> NDArray[np.intp]:
    """Choose the points of a track that tell where it is at every moment.

    Top-down time ratio (Meratnia and de By 2004): as Douglas and Peucker, but a point is compared with where the unit
    would be at its time.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        Places.
    seconds : ndarray, shape (n,)
        Their times, increasing.
    tolerance_m : float
        At no moment the track of the chosen points is farther from the whole track than this.

    Returns
    -------
    ndarray of int
        Rows of the chosen points, the first and the last among them.

    Examples
    --------
    >>> line = np.column_stack([np.arange(5.0), np.zeros(5)])
    >>> thin_track(line, np.arange(5.0), tolerance_m=0.1).tolist()
    [0, 4]
    >>> thin_track(line, np.array([0.0, 1.0, 2.0, 30.0, 31.0]), tolerance_m=0.1).tolist()
    [0, 2, 3, 4]
    """
    kept = np.zeros(len(xy), bool)
    kept[[0, -1]] = True
    parts = [(0, len(xy) - 1)]
    while parts:
        first, last = parts.pop()
        if last - first < 2:  # noqa: PLR2004  (no point in between)
            continue
        inner = slice(first + 1, last)
        share = (seconds[inner] - seconds[first]) / (seconds[last] - seconds[first])
        away = np.hypot(*(xy[inner] - xy[first] - share[:, None] * (xy[last] - xy[first])).T)
        at = int(away.argmax())
        if away[at] > tolerance_m:
            middle = first + 1 + at
            kept[middle] = True
            parts += [(first, middle), (middle, last)]
    return np.flatnonzero(kept)
