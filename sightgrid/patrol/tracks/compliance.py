"""Compliance: how much of a plan was driven, as far as the tracks of its units tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from sightgrid.errors import FIRST_IDS, CRSError, InputError, UnitRangeError
from sightgrid.patrol.tracks.compliance_figures import count_visits, measure_clock, measure_dosage, share_out, summarise
from sightgrid.patrol.tracks.matching import Matched, match_tracks
from sightgrid.patrol.tracks.presence import find_presences
from sightgrid.patrol.tracks.route_match import cover_streets, name_streets, on_planned_streets, on_schedule, plan_parts
from sightgrid.patrol.tracks.tracks import FAULT_COLUMNS
from sightgrid.patrol.tracks.visit_match import match_visits, to_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

    from sightgrid.patrol.shift.plan import Plan
    from sightgrid.patrol.streets.network import Network
    from sightgrid.patrol.tracks.tracks import Tracks

    Stays = dict[tuple[str, str], NDArray[np.float64]]

UNKNOWN, OUTSIDE, NO_TRACK = "the unit is not in the plan", "outside the shift", "no fixes in the shift"


@dataclass(frozen=True, eq=False)
class Compliance:
    """What was driven of a plan.

    Attributes
    ----------
    visits : DataFrame
        Every planned visit, indexed as the plan's: ``unit_id``, ``stop_id``, ``status`` (done, early, late, missed),
        ``planned_at``, ``arrive_at``, ``leave_at``, ``delay_s``, ``planned_s``, ``dwell_s``.
    stops : DataFrame
        Dosage, by ``stop_id``: ``name``, ``visits_planned``, ``visits_made`` (any status but missed), ``planned_min``,
        ``dosage_min`` (minutes that units of the plan spent there, passing included).
    streets : DataFrame
        Every street of each unit's plan: ``unit_id``, ``u``, ``v``, ``key``, ``name``, ``length_m``, ``covered_m``.
    units : DataFrame
        By ``unit_id``: counts of fixes and visits, dwell, shares of streets, route and schedule, clock of the track.
    matched : Matched
        The streets that were driven, from map matching.
    faults : DataFrame
        Fixes that were not used, as in `Tracks.faults`.
    summary : dict
        The figures of all units together, and what they assume.
    """

    visits: pd.DataFrame
    stops: pd.DataFrame
    streets: pd.DataFrame
    units: pd.DataFrame
    matched: Matched
    faults: pd.DataFrame
    summary: dict[str, Any]


def compare(
    plan: Plan,
    tracks: Tracks,
    *,
    networks: Mapping[str, Network] | None = None,
    tolerance_m: float = 30.0,
    early_s: float = 600.0,
    late_s: float = 600.0,
    max_gap_s: float = 120.0,
) -> Compliance:
    """Compare what units drove with what was planned.

    Parameters
    ----------
    plan : Plan
        The plan.
    tracks : Tracks
        What `read_tracks` made of the units' files.
    networks : mapping of unit_id to Network, optional
        The streets each unit may use; those of the plan if not given.
    tolerance_m : float
        A unit within this distance of a stop, or of the node where it is served, is at the stop.
    early_s, late_s : float
        How much before or after its planned time a visit still counts as done.
    max_gap_s : float
        Longest time between two fixes over which the unit is taken to move straight and evenly.

    Returns
    -------
    Compliance

    Raises
    ------
    InputError
        A unit has no network.
    CRSError
        Tracks and plan are in different coordinate systems.
    UnitRangeError
        A setting is out of its range.

    Examples
    --------
    A fix at the end of every street of the plan: no visit is missed.

    >>> import geopandas as gpd, pandas as pd, sightgrid as sg
    >>> from sightgrid.patrol.routes.routes import plan_routes
    >>> from sightgrid.patrol.shift.stops import propose_stops
    >>> from sightgrid.patrol.tracks.tracks import clean_tracks
    >>> site = sg.open_site("helsinki")
    >>> start = pd.Timestamp("2026-11-23T08:00", tz="Europe/Helsinki")
    >>> units = gpd.GeoDataFrame(
    ...     {"mode": "foot", "speed_kph": 5.0, "start_at": start, "end_at": start + pd.Timedelta("2h")},
    ...     index=pd.Index(["anna-1"], name="unit_id"), geometry=[site.study.centroid], crs=site.crs,
    ... )
    >>> plan = plan_routes(site.streets, units, propose_stops(site, most=2), engine="own", seconds=1)
    >>> ends = plan.legs.set_geometry(plan.legs.interpolate(1.0, normalized=True))
    >>> tracks = clean_tracks(ends.rename(columns={"end_at": "at"}))
    >>> compare(plan, tracks, max_gap_s=900).summary["visits_missed"]
    0
    """
    for name, value, least in (("tolerance_m", tolerance_m, 1e-3), ("max_gap_s", max_gap_s, 1e-3),
                               ("early_s", early_s, 0.0), ("late_s", late_s, 0.0)):  # fmt: skip
        if not value >= least:
            raise UnitRangeError(f"{name}: {value} must be {'at least' if least == 0 else 'above'} 0")
    networks = plan.networks if networks is None else networks
    bare = [str(unit) for unit in plan.units.index if unit not in networks]
    if bare:
        raise InputError(f"units: no network is given for {', '.join(bare[:FIRST_IDS])}")
    if tracks.fixes.crs != plan.units.crs:
        raise CRSError("tracks: the fixes are not in the coordinate system of the plan")
    fixes, unused = _choose_fixes(plan.units, tracks.fixes, early_s, late_s)
    matched = match_tracks(fixes, networks=networks, max_gap_s=max_gap_s)
    planned = plan.visits[plan.visits["what"] == "visit"]
    stays = _find_stays(plan, planned, fixes, networks, tolerance_m, max_gap_s)
    visits = match_visits(planned, stays, early_s=early_s, late_s=late_s)
    to_drive, driven = name_streets(plan.legs, networks), name_streets(matched.legs, networks)
    streets = cover_streets(to_drive, driven)
    on_plan = on_planned_streets(to_drive, driven)
    limits = {"tolerance_m": float(tolerance_m), "early_s": float(early_s), "late_s": float(late_s)}
    rows = {}
    for unit in plan.units.index:
        own = (matched.legs["unit_id"] == unit).to_numpy(bool)
        driven_m = matched.legs["length_m"].to_numpy(float)
        asked = streets[streets["unit_id"] == unit]
        rows[unit] = {
            **count_visits(visits[visits["unit_id"] == unit]),
            "streets_m": float(asked["length_m"].sum()),
            "covered_m": float(asked["covered_m"].sum()),
            "driven_m": float(driven_m[own].sum()),
            "on_plan_m": float(driven_m[own & on_plan].sum()),
            **_follow_clock(plan, unit, fixes[fixes["unit_id"] == unit], networks[unit], limits, max_gap_s),
        }
    units = share_out(pd.DataFrame.from_dict(rows, orient="index").rename_axis("unit_id"))
    found = fixes["unit_id"][matched.fixes["piece"].to_numpy() >= 0]
    units["fixes_matched"] = found.value_counts().reindex(units.index, fill_value=0)
    faults = pd.concat([part for part in (tracks.faults, unused) if len(part)] or [unused], ignore_index=True)
    summary = summarise(units, fixes, faults) | {**limits, "max_gap_s": float(max_gap_s)}
    return Compliance(visits, measure_dosage(plan.stops, visits, stays), streets, units, matched, faults, summary)


def _choose_fixes(
    units: gpd.GeoDataFrame, fixes: gpd.GeoDataFrame, early_s: float, late_s: float
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Keep the fixes of planned units in their shifts, overtime and tolerance included; count the others."""
    names = fixes["unit_id"]
    known = names.isin(units.index).to_numpy(bool)
    start, end = (to_seconds(units[name]) for name in ("start_at", "end_at"))
    at_s, place = to_seconds(fixes["at"]), units.index.get_indexer(names)
    overtime = units["overtime_s"].to_numpy(float)
    in_shift = (at_s >= (start - early_s)[place]) & (at_s <= (end + overtime + late_s)[place])
    rows = []
    for rule, mask in ((UNKNOWN, ~known), (OUTSIDE, known & ~in_shift)):
        for unit, group in fixes[mask].groupby("unit_id"):
            first = ", ".join(time.isoformat() for time in group["at"].iloc[:FIRST_IDS].dt.floor("s"))
            rows.append(("", unit, rule, len(group), first))
    kept = fixes[known & in_shift].reset_index(drop=True)
    rows += [("", unit, NO_TRACK, 0, "") for unit in units.index if unit not in set(kept["unit_id"])]
    return kept, pd.DataFrame(rows, columns=FAULT_COLUMNS)


def _find_stays(
    plan: Plan,
    planned: pd.DataFrame,
    fixes: gpd.GeoDataFrame,
    networks: Mapping[str, Network],
    tolerance_m: float,
    max_gap_s: float,
) -> Stays:
    """Stays of each unit at each stop; at the stop itself or where it is served."""
    served = planned.groupby(["unit_id", "stop_id"])["node"].unique()
    stays: Stays = {}
    for unit, rows in fixes.groupby("unit_id").indices.items():
        own, network = fixes.iloc[rows], networks[str(unit)]
        xy, at_s = shapely.get_coordinates(own.geometry.to_numpy()), to_seconds(own["at"])
        for stop, point in plan.stops.geometry.items():
            nodes = served.get((unit, stop), np.empty(0, np.int64))
            places = [(point.x, point.y), *map(tuple, network.xy[network.positions(nodes)].tolist())]
            found = find_presences(xy, at_s, places, tolerance_m=tolerance_m, max_gap_s=max_gap_s)
            if len(found):
                stays[str(unit), str(stop)] = found
    return stays


def _follow_clock(
    plan: Plan, unit: str, fixes: gpd.GeoDataFrame, network: Network, limits: dict[str, float], max_gap_s: float
) -> dict[str, Any]:
    """Clock of one unit's track, and how long the unit was where and when it should be."""
    start, end = (float(to_seconds(plan.units.loc[[unit], name])[0]) for name in ("start_at", "end_at"))
    figures, weight = measure_clock(fixes["at"], (start, end), max_gap_s)
    legs, visits = (frame[frame["unit_id"] == unit] for frame in (plan.legs, plan.visits))
    lines, starts, ends = plan_parts(legs, visits, network)
    kept = on_schedule(fixes.geometry.to_numpy(), to_seconds(fixes["at"]), lines, starts, ends, **limits)
    note = "" if len(fixes) else NO_TRACK
    return {"fixes": len(fixes), **figures, "on_schedule_s": float(weight[kept].sum()), "note": note}
