"""How far the driven streets and times agree with the planned ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from sightgrid.patrol.tracks.visit_match import to_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

    from sightgrid.patrol.streets.network import Network

STREET = ["unit_id", "u", "v", "key"]
STREET_COLUMNS = [*STREET, "name", "length_m", "covered_m"]


def name_streets(legs: gpd.GeoDataFrame, networks: Mapping[str, Network]) -> pd.DataFrame:
    """Turn legs on edges of a network into parts of rows of the street layer.

    Returns
    -------
    DataFrame
        Indexed as `legs`: ``unit_id``; ``u``, ``v``, ``key`` of the street; ``name``, ``street_m`` (length of the whole
        street), ``low_m``, ``high_m`` (the part, in drawn direction).
    """
    rows = []
    whole = "from_m" not in legs
    parts = zip(
        *(legs[name] for name in ("unit_id", "u", "v", "key", "name", "length_m")),
        *((legs["length_m"] * 0.0, legs["length_m"]) if whole else (legs["from_m"], legs["to_m"])),
        strict=True,
    )
    for unit, u, v, key, name, _, begin, end in parts:
        edge = networks[unit].graph.edges[u, v, key]
        length = edge["length_m"]
        low, high = (length - end, length - begin) if edge["reversed"] else (begin, end)
        rows.append((unit, *edge["street"], name, length, low, high))
    columns = [*STREET, "name", "street_m", "low_m", "high_m"]
    numbers = {"street_m": float, "low_m": float, "high_m": float}
    return pd.DataFrame(rows, columns=columns, index=legs.index).astype(numbers)


def cover_streets(planned: pd.DataFrame, driven: pd.DataFrame) -> pd.DataFrame:
    """Measure how much of each street in a unit's plan that unit drove, either way, counted once.

    Parameters
    ----------
    planned, driven : DataFrame
        As `name_streets` makes them.

    Returns
    -------
    DataFrame
        One row per unit and planned street: ``unit_id``, ``u``, ``v``, ``key``, ``name``, ``length_m``, ``covered_m``.
    """
    streets = planned.drop_duplicates(STREET)[[*STREET, "name", "street_m"]].rename(columns={"street_m": "length_m"})
    parts = driven.sort_values([*STREET, "low_m"], kind="stable")
    parts = parts.assign(high_m=np.minimum(parts["high_m"], parts["street_m"]))
    before = parts.groupby(STREET)["high_m"].cummax().groupby([parts[name] for name in STREET]).shift(fill_value=0.0)
    parts["covered_m"] = np.maximum(parts["high_m"] - np.maximum(parts["low_m"], before), 0.0)
    covered = parts.groupby(STREET)["covered_m"].sum().reset_index()
    streets = streets.merge(covered, on=STREET, how="left") if len(covered) else streets.assign(covered_m=0.0)
    return streets.fillna({"covered_m": 0.0}).reset_index(drop=True)[STREET_COLUMNS]


def on_planned_streets(planned: pd.DataFrame, driven: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which driven parts lie on streets of the unit's own plan."""
    plan = pd.MultiIndex.from_frame(planned[STREET])
    return pd.MultiIndex.from_frame(driven[STREET]).isin(plan)


def on_schedule(
    points: NDArray[np.object_],
    at_s: NDArray[np.float64],
    lines: NDArray[np.object_],
    start_s: NDArray[np.float64],
    end_s: NDArray[np.float64],
    *,
    tolerance_m: float,
    early_s: float,
    late_s: float,
) -> NDArray[np.bool_]:
    """Tell which fixes are near something that is planned for about that time.

    Parameters
    ----------
    points, at_s : ndarray
        Fixes of a unit: where, and when in seconds.
    lines, start_s, end_s : ndarray
        What the plan says: streets and places, and from when to when.
    tolerance_m, early_s, late_s : float
        How near, how much before and how much after.
    """
    fix, part = shapely.STRtree(lines).query(points, predicate="dwithin", distance=tolerance_m)
    in_time = (at_s[fix] >= start_s[part] - early_s) & (at_s[fix] <= end_s[part] + late_s)
    kept = np.zeros(len(points), bool)
    kept[fix[in_time]] = True
    return kept


def plan_parts(
    legs: gpd.GeoDataFrame, visits: pd.DataFrame, network: Network
) -> tuple[NDArray[np.object_], NDArray[np.float64], NDArray[np.float64]]:
    """What one unit's plan says: legs, and the nodes where it stays; their shapes, starts and ends in seconds."""
    nodes = visits[visits["node"].isin(network.nodes)]
    places = shapely.points(network.xy[network.positions(nodes["node"].to_numpy(np.int64))])
    shapes = np.concatenate([legs.geometry.to_numpy(), np.atleast_1d(places)])
    start = np.concatenate([to_seconds(legs["start_at"]), to_seconds(nodes["arrive_at"])])
    end = np.concatenate([to_seconds(legs["end_at"]), to_seconds(nodes["leave_at"])])
    return shapes, start, end
