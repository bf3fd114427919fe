"""Response: how soon the nearest free unit is where it is wanted, and what is lost when one leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from sightgrid.errors import CRSError, InputError
from sightgrid.patrol.response.arrivals import (
    SLACK_S,
    WALK_KPH,
    WITHIN_MIN,
    Travel,
    choose_network,
    median_minutes,
    name_column,
    read_demand,
    read_limits,
    share_within,
    start_units,
)
from sightgrid.patrol.shift.plan import join_lines
from sightgrid.patrol.streets.network import MPS_PER_KPH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sightgrid.patrol.response.arrivals import Fleet


@dataclass(frozen=True, eq=False)
class Response:
    """How soon demand is reached.

    Attributes
    ----------
    within : dict
        Minutes -> share of the demand that the nearest free unit reaches in that time.
    mean_min : float
        Mean minutes over the demand that can be reached.
    median_min : float
        Minutes in which half of all demand is reached; inf if less than half can be.
    unreached : float
        Share of the demand no unit can reach.
    demand : DataFrame
        Indexed as the demand: ``weight``, ``seconds`` and ``unit_id`` of the nearest unit, ``second_s`` and
        ``second_unit_id`` of the next (inf and ``""`` where there is none).
    units : DataFrame
        Index ``unit_id``: ``share`` of the demand it is nearest to, ``mean_min`` to that, ``snap_m`` from its place
        to the nearest node.
    """

    within: dict[float, float]
    mean_min: float
    median_min: float
    unreached: float
    demand: pd.DataFrame
    units: pd.DataFrame


def reach(
    networks: Fleet,
    units: gpd.GeoDataFrame | pd.Series[int],
    demand: pd.Series[float] | gpd.GeoDataFrame,
    *,
    within_min: Sequence[float] = WITHIN_MIN,
    weight: str = "weight",
) -> Response:
    """Measure how much of the demand the nearest free unit reaches in time.

    Parameters
    ----------
    networks : Network or mapping from unit_id to Network
        The streets of all units, or of each.
    units : GeoDataFrame or Series
        Where units are (points; those with ``busy`` set are left out), or their nodes, indexed by ``unit_id``.
    demand : Series or GeoDataFrame
        Weight of each street (index ``u, v, key``), or points or streets with a column of weights. A street counts as
        reached in its middle; a place that the unit's network does not hold is reached from the nearest node on foot
        (5 km/h).
    within_min : sequence of float
        Minutes.
    weight : str
        The column of weights.

    Returns
    -------
    Response

    Raises
    ------
    InputError
        Weights are negative, all zero or no numbers, ids repeat, or a unit has no network.
    UnitRangeError
        The minutes are not above 0.
    InfeasibleError
        No unit is free.

    Examples
    --------
    >>> import sightgrid as sg
    >>> from sightgrid.patrol.streets.network import build_network
    >>> site = sg.open_site("helsinki")
    >>> streets = site.streets[site.streets["walkable"]]
    >>> walk = build_network(streets, mode="foot", speed_kph=5)
    >>> found = reach(walk, pd.Series({"P1": walk.nodes[0]}), streets["length_m"], within_min=(5, 15))
    >>> found.within[5.0] < found.within[15.0]
    True
    """
    limits = read_limits(within_min)
    wanted = read_demand(demand, weight)
    starts, snap_m = start_units(networks, units)
    ids, seconds = Travel(networks, wanted).measure(starts)
    order = np.argsort(seconds, axis=0, kind="stable")
    table = pd.DataFrame({"weight": wanted.weight})
    for rank, (time, name) in enumerate((("seconds", "unit_id"), ("second_s", "second_unit_id"))):
        if rank < len(ids):
            arrive = np.take_along_axis(seconds, order[rank : rank + 1], axis=0)[0]
            table[time] = arrive
            table[name] = np.where(np.isfinite(arrive), np.array(ids, object)[order[rank]], "")
        else:
            table[time], table[name] = np.inf, ""
    first = table["seconds"].to_numpy(float)
    heavy = wanted.shares
    reached = np.isfinite(first)
    own = pd.DataFrame(
        {"unit_id": table["unit_id"], "share": heavy, "minutes": heavy * np.where(reached, first, 0.0) / 60}
    )
    per_unit = own.groupby("unit_id")[["share", "minutes"]].sum().reindex(ids, fill_value=0.0)
    return Response(
        within=share_within(first, heavy, limits),
        mean_min=_mean_min(first, heavy),
        median_min=median_minutes(first, heavy),
        unreached=float(heavy[~reached].sum()),
        demand=table,
        units=pd.DataFrame(
            {
                "share": per_unit["share"],
                "mean_min": (per_unit["minutes"] / per_unit["share"]).where(per_unit["share"] > 0.0),
                "snap_m": snap_m.reindex(ids),
            }
        ).rename_axis("unit_id"),
    )


def lose_unit(response: Response) -> pd.DataFrame:
    """Tell what is lost when a unit leaves and the next nearest has to come instead.

    Parameters
    ----------
    response : Response
        What `reach` found.

    Returns
    -------
    DataFrame
        Index ``unit_id``, the unit missed most first (largest sum of lost shares, then longest delay):
        ``share`` of the demand it is nearest to; ``lost_<minutes>_min``: the share of all demand no longer reached in
        that time; ``lost``: share nobody else can reach; ``delay_min``: mean minutes more for its demand that others
        can reach; ``reserve_min``: minutes in which the next nearest units reach half of its demand.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"weight": [1.0], "seconds": [50.0], "unit_id": ["P1"], "second_s": [90.0],
    ...                       "second_unit_id": ["P2"]})
    >>> units = pd.DataFrame({"share": [1.0, 0.0]}, index=["P1", "P2"])
    >>> lose_unit(Response({1.0: 1.0}, 0.83, 0.83, 0.0, table, units))["lost_1_min"].to_dict()
    {'P1': 1.0, 'P2': 0.0}
    """
    table = response.demand
    heavy = (table["weight"] / table["weight"].sum()).to_numpy(float)
    first, second = table["seconds"].to_numpy(float), table["second_s"].to_numpy(float)
    rows = {}
    for unit in response.units.index:
        own = (table["unit_id"] == unit).to_numpy()
        row = {"share": float(heavy[own].sum())}
        for limit in response.within:
            late = own & (first <= limit * 60.0 + SLACK_S) & (second > limit * 60.0 + SLACK_S)
            row[name_column("lost", limit)] = float(heavy[late].sum())
        row["lost"] = float(heavy[own & ~np.isfinite(second)].sum())
        other = own & np.isfinite(second)
        weight = float(heavy[other].sum())
        row["delay_min"] = (
            float((heavy[other] * (second[other] - first[other])).sum()) / weight / 60.0 if weight else np.nan
        )
        row["reserve_min"] = median_minutes(second[own], heavy[own]) if row["share"] > 0.0 else np.nan
        rows[unit] = row
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("unit_id")
    lost = frame[[name_column("lost", limit) for limit in response.within]].sum(axis=1) + frame["lost"]
    rank = pd.DataFrame({"lost": -lost.round(12), "delay": -(frame["delay_min"] * frame["share"]).fillna(0.0)})
    return frame.loc[rank.sort_values(["lost", "delay"], kind="stable").index]


def nearest_units(networks: Fleet, units: gpd.GeoDataFrame, alarm: shapely.Point) -> gpd.GeoDataFrame:
    """Sort the free units by their arrival at an alarm.

    Parameters
    ----------
    networks : Network or mapping from unit_id to Network
    units : GeoDataFrame
        Points, indexed by ``unit_id``; those with ``busy`` set are left out.
    alarm : shapely.Point
        In the coordinate system of the streets.

    Returns
    -------
    GeoDataFrame
        Index ``unit_id``, the first to arrive first: ``seconds`` (to the node where the unit begins, along the
        streets, and on foot from the last node), ``distance_m`` (straight line), ``route_m`` (along the streets), and
        the route as a line. A unit that cannot come stands at the end with inf seconds, NaN metres and no line.

    Raises
    ------
    InputError
        The alarm has no place, or a unit has no network.
    InfeasibleError
        No unit is free.

    Examples
    --------
    >>> import sightgrid as sg
    >>> from sightgrid.patrol.streets.network import build_network
    >>> site = sg.open_site("helsinki")
    >>> drive = build_network(site.streets, mode="car", speed_kph=40)
    >>> parked = site.places.geometry.centroid[:3].to_frame("geometry").rename_axis("unit_id")
    >>> found = nearest_units(drive, parked, site.places.geometry.centroid.iloc[0])
    >>> found.index[0] == parked.index[0]
    True
    """
    if not isinstance(alarm, shapely.Point) or alarm.is_empty:
        raise InputError("alarm: a point is needed")
    starts, _ = start_units(networks, units)
    rows, lines = [], []
    for start in starts:
        network = choose_network(networks, start.unit_id)
        if units.crs != network.crs:
            raise CRSError("units: not in the coordinate system of the streets")
        end = network.snap(gpd.GeoSeries([alarm], crs=network.crs)).iloc[0]
        seconds = float(network.travel_matrix([start.node], [int(end["node"])])[0, 0])
        route_m, line = np.nan, shapely.LineString()
        if np.isfinite(seconds):
            edges = [network.graph.edges[edge] for edge in network.route(start.node, int(end["node"]))]
            route_m = sum(edge["length_m"] for edge in edges)
            line = join_lines(np.array([edge["geometry"] for edge in edges], object)) if edges else line
        seconds += start.offset_s + float(end["distance_m"]) / (WALK_KPH * MPS_PER_KPH)
        rows.append((start.unit_id, seconds, float(units.geometry.loc[start.unit_id].distance(alarm)), route_m))
        lines.append(line)
    table = pd.DataFrame(rows, columns=["unit_id", "seconds", "distance_m", "route_m"]).set_index("unit_id")
    return gpd.GeoDataFrame(table, geometry=lines, crs=units.crs).sort_values(["seconds", "distance_m"], kind="stable")


def _mean_min(seconds: NDArray[np.float64], heavy: NDArray[np.float64]) -> float:
    reached = np.isfinite(seconds) & (heavy > 0.0)
    return float(np.average(seconds[reached], weights=heavy[reached])) / 60.0 if reached.any() else np.inf
