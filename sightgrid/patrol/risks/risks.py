"""Risk of streets: from incidents, by several methods, or given by hand.

Only places count, never persons. What patrols found themselves is left out unless asked for: otherwise patrols would
be sent where they were before (Ensign et al. 2018, "Runaway feedback loops in predictive policing").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from sightgrid.errors import FIRST_IDS, CRSError, InputError, UnitRangeError
from sightgrid.gis.crs import require_metric
from sightgrid.gis.layers import tell
from sightgrid.patrol.risks.hotspots import measure_paths, score_getis_ord, spread_kernel
from sightgrid.patrol.risks.incidents import FARTHEST_M, attach

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

METHODS = ("count", "kde", "gi", "manual", "length")
SHORTEST_M, LONGEST_M = 20.0, 5000.0  # bandwidths


def risk(
    incidents: gpd.GeoDataFrame | None,
    streets: gpd.GeoDataFrame,
    *,
    method: str = "count",
    bandwidth_m: float = 200.0,
    weights: pd.Series[Any] | ArrayLike | None = None,
    include_discovered: bool = False,
) -> gpd.GeoDataFrame:
    """Tell how the risk of a site is spread over its streets.

    Parameters
    ----------
    incidents : GeoDataFrame or None
        Points with ``severity`` (1 if there is none) and ``origin``, as `read_incidents` gives them; each counts on the
        nearest street, at most 50 m away.
    streets : GeoDataFrame
        The street layer of a site.
    method : {"count", "kde", "gi", "manual", "length"}
        ``count``: sum of the severities on the street. ``kde``: the same, spread along the network by a quartic kernel.
        ``gi``: length times the Getis-Ord Gi* of the severities where that is above 0. ``manual``: `weights`.
        ``length``: the same risk on every metre, for a site without incidents.
    bandwidth_m : float
        Reach along the network of ``kde`` and ``gi``, from 20 to 5000 m.
    weights : Series or array-like, optional
        Manual risk of each street, at least 0; a Series may be in any order.
    include_discovered : bool
        Count incidents that patrols found themselves, too.

    Returns
    -------
    GeoDataFrame
        Indexed as `streets`: geometry, ``length_m``, ``count`` and ``weight`` (incidents and sum of their severities),
        ``risk`` (at least 0, sums up to 1), ``method``; for ``gi`` also ``z``. ``attrs["notes"]`` tells which incidents
        were left out.

    Raises
    ------
    UnitRangeError
        The method is unknown, or the bandwidth out of range.
    CRSError
        The streets are not in metres, or the incidents in another coordinate system.
    InputError
        There are no streets, no incidents to count, no hot spot, or the weights are below 0 or do not fit.

    Examples
    --------
    >>> import sightgrid as sg
    >>> streets = sg.open_site("helsinki").streets
    >>> even = risk(None, streets, method="length")
    >>> float(round(even["risk"].sum(), 9))
    1.0
    """
    if method not in METHODS:
        raise UnitRangeError(f"method: {method!r} is not known; choose one of {', '.join(METHODS)}")
    if not SHORTEST_M <= bandwidth_m <= LONGEST_M:
        raise UnitRangeError(f"bandwidth_m: {bandwidth_m} must lie in [{SHORTEST_M:g}, {LONGEST_M:g}]")
    if (weights is None) == (method == "manual"):
        raise InputError("weights: they go with method 'manual', and only with it")
    require_metric(streets, "streets")
    length = streets["length_m"].to_numpy(float)
    if not len(streets) or not length.sum() > 0.0:
        raise InputError("streets: there is no street to spread risk over")
    kept, row, along, notes = select_incidents(incidents, streets, include_discovered=include_discovered)
    if method not in {"manual", "length"} and not len(kept):
        text = f" ({'; '.join(notes)})" if notes else ""
        raise InputError(f"incidents: there is none to count{text}; use method 'length' or 'manual' instead")
    severity = kept["severity"].to_numpy(float)
    weight = np.bincount(row, severity, len(streets)).astype(float)
    columns: dict[str, Any] = {"length_m": length, "count": np.bincount(row, minlength=len(streets)), "weight": weight}
    if method == "kde":
        amount = spread_kernel(measure_paths(streets), row, along, severity, bandwidth_m=bandwidth_m)
    elif method == "gi":
        columns["z"] = score_getis_ord(measure_paths(streets), weight, bandwidth_m=bandwidth_m)
        amount = np.maximum(columns["z"], 0.0) * length
        if not amount.any():
            raise InputError("incidents: they form no hot spot; use another bandwidth_m or method")
    elif method == "manual":
        amount = _check_weights(weights, streets)
    else:
        amount = {"count": weight, "length": length}[method]
    columns |= {"risk": amount / amount.sum(), "method": method}
    frame = gpd.GeoDataFrame(columns, index=streets.index, geometry=streets.geometry.to_numpy(), crs=streets.crs)
    frame.attrs["notes"] = tuple(notes)
    return frame


def select_incidents(
    incidents: gpd.GeoDataFrame | None, streets: gpd.GeoDataFrame, *, include_discovered: bool = False
) -> tuple[gpd.GeoDataFrame, NDArray[np.intp], NDArray[np.float64], list[str]]:
    """Choose the incidents that count, and find their streets.

    Returns
    -------
    kept : GeoDataFrame
        Incidents near a street, with ``severity``.
    row : ndarray of int
        Row of `streets` for each of them.
    along_m : ndarray of float
        How far along that street.
    notes : list of str
        Which were left out.

    Raises
    ------
    CRSError
        The incidents are in another coordinate system than the streets.
    InputError
        A severity is not above 0.
    """
    notes: list[str] = []
    if incidents is None:
        incidents = gpd.GeoDataFrame({"severity": []}, geometry=[], crs=streets.crs)
    if incidents.crs != streets.crs:
        raise CRSError("incidents: they are not in the coordinate system of the streets")
    if "severity" not in incidents.columns:
        incidents = incidents.assign(severity=1.0)
    severity = pd.to_numeric(incidents["severity"], errors="coerce").to_numpy(float)
    _blame("incidents: severity: must be a number above 0", incidents.index, ~((severity > 0) & np.isfinite(severity)))
    if "origin" in incidents.columns and not include_discovered:
        found = (incidents["origin"] == "discovered").to_numpy(bool)
        if found.any():
            notes.append(tell("incidents", "discovered by patrols, left out", _names(incidents.index[found])))
            incidents = incidents[~found]
    row, along = attach(incidents, streets)
    far = row < 0
    if far.any():
        what = f"more than {FARTHEST_M:g} m from any street, left out"
        notes.append(tell("incidents", what, _names(incidents.index[far])))
    return incidents[~far], row[~far], along[~far], notes


def _check_weights(weights: Any, streets: gpd.GeoDataFrame) -> NDArray[np.float64]:
    if isinstance(weights, pd.Series):
        if len(weights) != len(streets) or set(weights.index) != set(streets.index):
            raise InputError("weights: their index is not that of the streets")
        weights = weights.reindex(streets.index)
    try:
        numbers = np.asarray(weights, float)
    except (TypeError, ValueError) as error:
        raise InputError("weights: numbers are needed") from error
    if numbers.shape != (len(streets),):
        raise InputError(f"weights: {len(streets)} are needed, one for each street")
    _blame("weights: must be finite and at least 0", streets.index, ~((numbers >= 0.0) & np.isfinite(numbers)))
    if not numbers.any():
        raise InputError("weights: all are 0")
    return numbers


def _blame(rule: str, index: pd.Index[Any], wrong: NDArray[np.bool_]) -> None:
    if wrong.any():
        more = ", …" if wrong.sum() > FIRST_IDS else ""
        names = ", ".join(_names(index[wrong][:FIRST_IDS]))
        raise InputError(f"{rule} ({wrong.sum()} {'row' if wrong.sum() == 1 else 'rows'}: {names}{more})")


def _names(index: pd.Index[Any]) -> list[str]:
    return [str(name) for name in index]
