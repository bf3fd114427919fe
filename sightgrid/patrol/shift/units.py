"""Units: who patrols, how they move, from where, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from sightgrid.errors import InputError
from sightgrid.gis.streets import MODES
from sightgrid.patrol.shift.tables import Table
from sightgrid.patrol.streets.network import Network, build_network

if TYPE_CHECKING:
    from pyproj import CRS

_MOST_KPH = 300.0


def check_units(units: gpd.GeoDataFrame, *, crs: CRS) -> gpd.GeoDataFrame:
    """Check the units and fill what may be left out.

    Parameters
    ----------
    units : GeoDataFrame
        Index ``unit_id``; Points (depots); ``mode`` (foot, bicycle, car), ``speed_kph``, ``start_at``, ``end_at``
        (with a time zone); optional ``kind`` (else the mode), ``crew``, ``overtime_s``, ``break_s`` with
        ``break_after_s`` and ``break_before_s`` (the break starts between these seconds after ``start_at``; anywhere
        in the shift if not given), ``places`` (tuple of place categories the unit serves; all if empty).
    crs : pyproj.CRS
        The coordinate system of the streets.

    Returns
    -------
    GeoDataFrame
        All columns filled, times in UTC.

    Raises
    ------
    InputError
        There are no units, or they are not in the streets' coordinate system.
    SchemaError
        A unit has no speed, a shift ends before it starts, a break lies outside its shift, a time has no zone, …
    """
    if not isinstance(units, gpd.GeoDataFrame) or not len(units):
        raise InputError("units: no unit is given" if len(units) == 0 else "units: a GeoDataFrame is needed")
    table = Table(units, "units", index="unit_id")
    if units.crs != crs:
        raise InputError(f"units: {units.crs.name} is not the coordinate system of the streets, {crs.name}")
    table.text("mode", choices=MODES)
    if "kind" not in table.frame.columns and "mode" in table.frame.columns:
        table.frame["kind"] = table.frame["mode"]
    table.text("kind", default="")
    table.text("crew", default="")
    table.number("speed_kph", f"must lie in (0, {_MOST_KPH:.0f}]", lambda kph: (kph > 0.0) & (kph <= _MOST_KPH))
    table.moment("start_at", required=True)
    table.moment("end_at", required=True)
    shift_s = (table.frame["end_at"] - table.frame["start_at"]).dt.total_seconds().to_numpy(float)
    table.blame("end_at", "the shift must end after it starts", shift_s <= 0.0)
    table.number("overtime_s", "must be at least 0", lambda s: s >= 0.0, default=0.0)
    pause = table.number("break_s", "must be at least 0", lambda s: s >= 0.0, default=0.0)
    after = table.number("break_after_s", "must be at least 0", lambda s: s >= 0.0, default=0.0)
    if "break_before_s" not in table.frame.columns:
        table.frame["break_before_s"] = np.nan
    latest = np.where(np.isnan(shift_s - pause), 0.0, shift_s - pause)
    table.frame["break_before_s"] = table.frame["break_before_s"].fillna(pd.Series(latest, index=table.frame.index))
    before = table.number("break_before_s", "must be at least 0", lambda s: s >= 0.0)
    breaks = pause > 0.0
    table.blame("break_before_s", "must not lie before break_after_s", breaks & (before < after))
    table.blame("break_s", "the break must fit into the shift", breaks & (after + pause > shift_s))
    if "places" not in table.frame.columns:
        table.frame["places"] = pd.Series([()] * len(units), index=units.index, dtype=object)
    strange = [not isinstance(value, (tuple, list, set, frozenset)) for value in table.frame["places"]]
    table.blame("places", "must be a tuple of categories", strange)
    kept = [() if bad else tuple(value) for value, bad in zip(table.frame["places"], strange, strict=True)]
    table.frame["places"] = pd.Series(kept, index=units.index, dtype=object)
    return table.conclude()


def unit_networks(
    streets: gpd.GeoDataFrame, units: gpd.GeoDataFrame, *, observed: pd.DataFrame | None = None
) -> dict[str, Network]:
    """The streets each unit may use; units of the same mode and speed share one network.

    Parameters
    ----------
    streets : GeoDataFrame
        The street layer of a site.
    units : GeoDataFrame
        ``mode`` and ``speed_kph``, indexed by ``unit_id``.
    observed : DataFrame, optional
        What cameras see of each street.
    """
    built: dict[tuple[str, float], Network] = {}
    networks = {}
    for unit_id, mode, speed in zip(units.index, units["mode"], units["speed_kph"], strict=True):
        profile = (mode, float(speed))
        if profile not in built:
            built[profile] = build_network(streets, mode=mode, speed_kph=float(speed), observed=observed)
        networks[unit_id] = built[profile]
    return networks
