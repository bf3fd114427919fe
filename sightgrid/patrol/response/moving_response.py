"""Response while units move: where each one is along its plan, and how soon the nearest is where it is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sightgrid.errors import FIRST_IDS, InputError
from sightgrid.patrol.response.arrivals import (
    WITHIN_MIN,
    Start,
    Travel,
    choose_network,
    median_minutes,
    name_column,
    read_demand,
    read_limits,
    share_within,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd

    from sightgrid.patrol.response.arrivals import Fleet

COLUMNS = ("unit_id", "u", "v", "key", "start_at", "end_at")


@dataclass(frozen=True, eq=False)
class ResponseOverTime:
    """Response while units move.

    Attributes
    ----------
    within : dict
        Minutes -> share of the demand reached in that time, mean over the samples.
    samples : DataFrame
        Index ``at``: ``units`` on duty, ``within_<minutes>_min``, ``median_min``, ``unreached``.
    """

    within: dict[float, float]
    samples: pd.DataFrame


def reach_over_time(
    legs: pd.DataFrame,
    networks: Fleet,
    demand: pd.Series[float] | gpd.GeoDataFrame,
    *,
    times: Sequence[pd.Timestamp] | pd.DatetimeIndex,
    within_min: Sequence[float] = WITHIN_MIN,
    weight: str = "weight",
) -> ResponseOverTime:
    """Measure the response while units drive their plan.

    A unit is on duty from its first leg to the end of its last. On a leg it may go on to the end of the street or,
    where the street is open both ways, turn round; between two legs it stands where the first ended, ready to leave.

    Parameters
    ----------
    legs : DataFrame
        What units drive: ``unit_id``, ``u``, ``v``, ``key`` (edge of the unit's network, in the direction of travel),
        ``start_at``, ``end_at`` (with a time zone), such as the legs of a plan.
    networks : Network or mapping from unit_id to Network
    demand : Series or GeoDataFrame
        As for `reach`.
    times : sequence of Timestamp
        When to look (with a time zone).
    within_min : sequence of float
        Minutes.
    weight : str
        The column of weights.

    Returns
    -------
    ResponseOverTime

    Raises
    ------
    InputError
        Times have no zone, a column is missing, a leg ends before it starts or is no edge of its unit's network.
    UnitRangeError
        The minutes are not above 0.

    Examples
    --------
    >>> import sightgrid as sg
    >>> from sightgrid.patrol.streets.network import build_network
    >>> streets = sg.open_site("helsinki").streets
    >>> walk = build_network(streets, mode="foot", speed_kph=5)
    >>> u, v, key = next(iter(walk.graph.edges))
    >>> start = pd.Timestamp("2026-11-23T08:00", tz="UTC")
    >>> legs = pd.DataFrame({"unit_id": ["P1"], "u": [u], "v": [v], "key": [key], "start_at": [start],
    ...                      "end_at": [start + pd.Timedelta(minutes=1)]})
    >>> demand = streets.loc[streets["walkable"], "length_m"]
    >>> found = reach_over_time(legs, walk, demand, times=pd.date_range(start, periods=3, freq="30s"), within_min=(5,))
    >>> found.samples["units"].tolist()
    [1, 1, 1]
    """
    limits = read_limits(within_min)
    wanted = read_demand(demand, weight)
    moments = _read_times(times)
    tracks = _read_legs(networks, legs)
    travel = Travel(networks, wanted)
    heavy = wanted.shares
    rows = []
    for moment in moments:
        starts = [start for unit, own in tracks.items() for start in _locate(networks, unit, own, moment)]
        first = travel.measure(starts)[1].min(axis=0) if starts else np.full(len(heavy), np.inf)
        shares = {name_column("within", limit): share for limit, share in share_within(first, heavy, limits).items()}
        on_duty = len({start.unit_id for start in starts})
        rows.append({"units": on_duty, **shares, "median_min": median_minutes(first, heavy),
                     "unreached": float(heavy[~np.isfinite(first)].sum())})  # fmt: skip
    samples = pd.DataFrame(rows, index=pd.DatetimeIndex(moments, name="at"))
    return ResponseOverTime({limit: float(samples[name_column("within", limit)].mean()) for limit in limits}, samples)


def _read_times(times: Sequence[pd.Timestamp] | pd.DatetimeIndex) -> list[pd.Timestamp]:
    moments = [pd.Timestamp(time) for time in times]
    if not moments:
        raise InputError("times: there are none")
    naive = [str(moment) for moment in moments if pd.isna(moment) or moment.tzinfo is None]
    if naive:
        raise InputError(f"times: {len(naive)} have no time zone: {', '.join(naive[:FIRST_IDS])}")
    return moments


def _read_legs(networks: Fleet, legs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The legs of each unit in the order of time."""
    missing = [name for name in COLUMNS if name not in legs.columns]
    if missing:
        raise InputError(f"legs: missing columns {', '.join(missing)}")
    if legs.empty:
        raise InputError("legs: there are none")
    for name in ("start_at", "end_at"):
        if not isinstance(legs[name].dtype, pd.DatetimeTZDtype) or legs[name].isna().any():
            raise InputError(f"legs: {name}: times with a time zone are needed")
    back = legs.index[(legs["end_at"] < legs["start_at"]).to_numpy()]
    if len(back):
        raise InputError(f"legs: {len(back)} end before they start: {', '.join(map(str, back[:FIRST_IDS]))}")
    strange = [
        row
        for row, unit, u, v, key in zip(legs.index, legs["unit_id"], legs["u"], legs["v"], legs["key"], strict=True)
        if not choose_network(networks, unit).graph.has_edge(u, v, key)
    ]
    if strange:
        first = ", ".join(map(str, strange[:FIRST_IDS]))
        raise InputError(f"legs: {len(strange)} are no edge of their unit's network: {first}")
    columns = list(COLUMNS)
    return {str(unit): own.sort_values(["start_at", "end_at"], kind="stable")
            for unit, own in legs[columns].groupby("unit_id", sort=True)}  # fmt: skip


def _locate(networks: Fleet, unit: str, own: pd.DataFrame, moment: pd.Timestamp) -> list[Start]:
    """Nodes a unit can make for at a moment; none if it is not on duty."""
    if moment < own["start_at"].iloc[0] or moment > own["end_at"].max():
        return []
    leg: Any = own.iloc[int(own["start_at"].searchsorted(moment, side="right")) - 1]
    u, v, key = int(leg["u"]), int(leg["v"]), int(leg["key"])
    if moment >= leg["end_at"]:
        return [Start(unit, v, 0.0)]
    done = (moment - leg["start_at"]) / (leg["end_at"] - leg["start_at"])
    graph = choose_network(networks, unit).graph
    starts = [Start(unit, v, (1.0 - done) * graph.edges[u, v, key]["seconds"])]
    if graph.has_edge(v, u, key):  # the same street back: keys tell parallel streets apart
        starts.append(Start(unit, u, done * graph.edges[v, u, key]["seconds"]))
    return starts
