"""Work of a patrol on each street, and how evenly and compactly it is shared out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from sightgrid import schemas
from sightgrid.errors import CRSError, InputError, UnitRangeError
from sightgrid.gis.crs import require_metric
from sightgrid.gis.streets import MODES
from sightgrid.patrol.beats.pieces import name_roads
from sightgrid.patrol.streets.network import MPS_PER_KPH, USABLE
from sightgrid.patrol.streets.segments import drive_speed

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

HULL = 0.3  # 0 follows every street end, 1 is the convex hull


def measure_work(
    streets: gpd.GeoDataFrame,
    attention: pd.DataFrame | pd.Series[float] | None = None,
    *,
    stops: gpd.GeoDataFrame | None = None,
    calls: pd.Series[float] | float | None = None,
    presence_s: float = 0.0,
    mode: str = "car",
    speed_kph: float = 30.0,
) -> pd.DataFrame:
    """Seconds of work each street gives to a patrol in one shift.

    Parameters
    ----------
    streets : GeoDataFrame
        The street layer of a site.
    attention : DataFrame or Series, optional
        How much each street deserves to be looked at, indexed as `streets`: a series, or a frame with ``attention``
        and ``risk`` (``risk`` counts for both where there is no ``attention``).
    stops : GeoDataFrame, optional
        Points with ``visits`` (per shift) and ``dwell_s``; each is work on the nearest street.
    calls : Series or float, optional
        Expected seconds of calls per street, indexed as `streets`; or a total, shared out by ``risk``, because a camera
        does not keep a call from coming.
    presence_s : float
        Seconds of presence beyond driving every street once, shared out by ``attention``.
    mode : {"foot", "bicycle", "car"}
        Who moves; streets closed to them cost no driving.
    speed_kph : float
        Speed on foot or by bicycle; the most a car drives.

    Returns
    -------
    DataFrame
        Indexed as `streets`: ``driving_s`` (every street once), ``stops_s``, ``calls_s``, ``presence_s``, their sum
        ``work_s``, and ``attention`` (NaN if not given).

    Raises
    ------
    InputError
        An index is not that of the streets, a column is missing, a value is negative or no number.
    UnitRangeError
        Speed, mode or presence lies outside its range.
    CRSError
        The streets are not in a metric coordinate system, or the stops in another one.

    Examples
    --------
    >>> import sightgrid as sg
    >>> streets = sg.open_site("helsinki").streets
    >>> work = measure_work(streets, mode="foot", speed_kph=3.6)
    >>> bool(np.isclose(work["work_s"].sum(), streets["length_m"][streets["walkable"]].sum()))
    True
    """
    if mode not in USABLE:
        raise UnitRangeError(f"mode: {mode!r} is not known; choose one of {', '.join(MODES)}")
    if not 0.0 < speed_kph < np.inf:
        raise UnitRangeError(f"speed_kph: {speed_kph} must be above 0")
    if not 0.0 <= presence_s < np.inf:
        raise UnitRangeError(f"presence_s: {presence_s} must not be below 0")
    require_metric(streets, "streets")
    streets = schemas.complete(streets, "streets")
    attend, risk = _read_attention(streets, attention)
    usable = streets[USABLE[mode]].to_numpy(bool)
    speed = drive_speed(streets, speed_kph) if mode == "car" else np.full(len(streets), float(speed_kph))
    driving = np.where(usable, streets["length_m"].to_numpy(float) / (speed * MPS_PER_KPH), 0.0)
    parts: dict[str, Any] = {"driving_s": driving, "stops_s": _stop_work(streets, usable, stops)}
    if calls is None:
        parts["calls_s"] = np.zeros(len(streets))
    elif isinstance(calls, pd.Series):
        parts["calls_s"] = check_weights(calls, streets, "calls")
    else:
        if not 0.0 <= float(calls) < np.inf:
            raise UnitRangeError(f"calls: {calls} seconds must not be below 0")
        parts["calls_s"] = _share_out(float(calls), risk, "calls", "risk")
    parts["presence_s"] = _share_out(presence_s, attend, "presence_s", "attention")
    frame = pd.DataFrame(parts, index=streets.index)
    frame["work_s"] = frame.sum(axis=1)
    frame["attention"] = np.nan if attend is None else attend
    return frame


def check_weights(values: pd.Series[float], streets: gpd.GeoDataFrame, name: str) -> NDArray[np.float64]:
    """Numbers of at least 0, one per street; raises InputError for anything else."""
    if not values.index.equals(streets.index):
        raise InputError(f"{name}: its index is not that of the streets")
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(float)
    wrong = ~((numbers >= 0.0) & np.isfinite(numbers))
    if wrong.any():
        first = ", ".join(map(str, streets.index[wrong][:5]))
        raise InputError(f"{name}: finite numbers of at least 0 are needed ({wrong.sum()} rows: {first})")
    return numbers


def gini(work: NDArray[np.float64]) -> float:
    """Gini coefficient: mean difference between two parts over twice their mean; 0 if all have the same.

    For sorted x_1 … x_n it is sum((2 i - n - 1) x_i) / (n sum(x)) (Gini 1912).
    """
    ordered = np.sort(np.asarray(work, float))
    n, total = len(ordered), float(ordered.sum())
    return float(((2.0 * np.arange(1, n + 1) - n - 1.0) * ordered).sum() / (n * total)) if total > 0.0 else 0.0


def compactness(lines: NDArray[np.object_]) -> NDArray[np.float64]:
    """Polsby-Popper score of the concave hull of each set of streets.

    4 pi area / perimeter² (Polsby & Popper 1991): 1 for a disc, 0.79 for a square, 0 for a line. The hull is that of
    `shapely.concave_hull` with ratio 0.3.
    """
    hulls = shapely.concave_hull(lines, ratio=HULL)
    return 4.0 * np.pi * shapely.area(hulls) / np.maximum(shapely.length(hulls), 1e-9) ** 2


def list_cut_streets(streets: gpd.GeoDataFrame, members: pd.Series[str]) -> pd.DataFrame:
    """Named streets that run through more than one beat.

    Parameters
    ----------
    streets : GeoDataFrame
        With ``name`` and ``length_m``.
    members : Series
        Beat of each street.

    Returns
    -------
    DataFrame
        Index ``name``: ``beats`` (how many), ``length_m`` of the whole street, ``outside_m`` of it outside the beat
        that has most of it; the largest ``outside_m`` first.
    """
    named = name_roads(streets) >= 0
    table = pd.DataFrame(
        {"name": streets["name"].to_numpy(object), "beat": members.to_numpy(), "m": streets["length_m"].to_numpy(float)}
    )[named]
    lengths = table.groupby(["name", "beat"], sort=True)["m"].sum().groupby("name")
    cut = pd.DataFrame({"beats": lengths.size(), "length_m": lengths.sum(), "outside_m": lengths.sum() - lengths.max()})
    return cut[cut["beats"] > 1].sort_values("outside_m", ascending=False, kind="stable")


def _read_attention(
    streets: gpd.GeoDataFrame, attention: pd.DataFrame | pd.Series[float] | None
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Attention and risk of each street, as far as they are known."""
    if attention is None:
        return None, None
    if isinstance(attention, pd.Series):
        numbers = check_weights(attention, streets, "attention")
        return numbers, numbers
    known = [name for name in ("attention", "risk") if name in attention.columns]
    if not known:
        raise InputError("attention: missing column attention or risk")
    return (
        check_weights(attention[known[0]], streets, f"attention: {known[0]}"),
        check_weights(attention[known[-1]], streets, f"attention: {known[-1]}"),
    )


def _share_out(total_s: float, weight: NDArray[np.float64] | None, name: str, by: str) -> NDArray[np.float64] | float:
    if total_s == 0.0:
        return 0.0
    if weight is None or not weight.sum() > 0.0:
        raise InputError(f"{name}: {total_s:g} s cannot be shared out: no street has {by}")
    return total_s * weight / weight.sum()


def _stop_work(
    streets: gpd.GeoDataFrame, usable: NDArray[np.bool_], stops: gpd.GeoDataFrame | None
) -> NDArray[np.float64]:
    """Seconds of standing at stops, on the nearest street that is open to the unit."""
    seconds = np.zeros(len(streets))
    if stops is None or stops.empty:
        return seconds
    if stops.crs != streets.crs:
        raise CRSError("stops: not in the coordinate system of the streets")
    for name in ("visits", "dwell_s"):
        if name not in stops.columns:
            raise InputError(f"stops: missing column {name}")
        numbers = pd.to_numeric(stops[name], errors="coerce").to_numpy(float)
        wrong = ~((numbers >= 0.0) & np.isfinite(numbers))
        if wrong.any():
            first = ", ".join(map(str, stops.index[wrong][:5]))
            raise InputError(f"stops: {name}: must be at least 0 ({wrong.sum()} rows: {first})")
    blank = stops.geometry.isna() | stops.geometry.is_empty
    if blank.any():
        first = ", ".join(map(str, stops.index[blank][:5]))
        raise InputError(f"stops: {blank.sum()} have no place: {first}")
    if not usable.any():
        raise InputError("stops: no street is open to the unit")
    rows = np.flatnonzero(usable)
    tree = shapely.STRtree(streets.geometry.to_numpy()[rows])
    nearest = tree.query_nearest(stops.geometry.to_numpy(), all_matches=False)[1]
    np.add.at(seconds, rows[nearest], (stops["visits"] * stops["dwell_s"]).to_numpy(float))
    return seconds
