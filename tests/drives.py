"""Made-up drives along real streets, and the tracks a receiver would have kept of them."""

from __future__ import annotations

from collections import Counter

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from sightgrid.patrol.shift.plan import Plan

START = pd.Timestamp("2026-11-23T08:00Z")


def draw_drive(network, *, length_m, seed):
    """Edges of a drive from one random node to the next by the fastest ways."""
    rng = np.random.default_rng(seed)
    nodes = network.nodes[network.components == 0]
    edges, total = [], 0.0
    here = int(rng.choice(nodes))
    while total < length_m:
        there = int(rng.choice(nodes))
        way = network.route(here, there)
        edges += way
        total += sum(network.graph.edges[edge]["length_m"] for edge in way)
        here = there
    return edges


def time_drive(network, edges, start=START):
    """Legs of a drive without stops, as a plan has them."""
    data = [network.graph.edges[edge] for edge in edges]
    ends = np.cumsum([edge["seconds"] for edge in data])
    starts = np.r_[0.0, ends[:-1]]
    u, v, key = zip(*edges, strict=True)
    columns = {
        "unit_id": "u1", "u": u, "v": v, "key": key, "reversed": [bool(edge["reversed"]) for edge in data],
        "name": "", "start_at": start + pd.to_timedelta(starts, unit="s"),
        "end_at": start + pd.to_timedelta(ends, unit="s"), "length_m": [edge["length_m"] for edge in data],
    }  # fmt: skip
    return gpd.GeoDataFrame(columns, geometry=[edge["geometry"] for edge in data], crs=network.crs)


def locate(legs, times):
    """Where the unit of timed legs is at given times; where the last leg ended while it stands."""
    first = legs["start_at"].iloc[0]
    clock = (pd.DatetimeIndex(times) - first).total_seconds().to_numpy()
    starts, ends = ((legs[name] - first).dt.total_seconds().to_numpy() for name in ("start_at", "end_at"))
    leg = np.clip(np.searchsorted(starts, clock, side="right") - 1, 0, len(legs) - 1)
    share = np.clip((clock - starts[leg]) / np.maximum(ends[leg] - starts[leg], 1e-9), 0.0, 1.0)
    return shapely.get_coordinates(
        shapely.line_interpolate_point(legs.geometry.to_numpy()[leg], share, normalized=True)
    )


def record(legs, *, interval_s, noise_m=0.0, seed=0, until=None, unit_id="u1"):
    """Fixes every so many seconds with a normal error in x and in y; the last one at the very end."""
    end = legs["end_at"].iloc[-1] if until is None else until
    begin = legs["start_at"].iloc[0]
    times = pd.date_range(begin, end, freq=pd.Timedelta(seconds=interval_s))
    times = times if times[-1] == end else times.append(pd.DatetimeIndex([end]))
    xy = locate(legs, times) + np.random.default_rng(seed).normal(0.0, noise_m, (len(times), 2))
    return gpd.GeoDataFrame({"unit_id": unit_id, "at": times}, geometry=gpd.points_from_xy(*xy.T, crs=legs.crs))


def share_found(edges, legs, network):
    """Shares of the driven length that was found (recall) and of the found length that was driven (precision)."""
    true = Counter(edges)
    found = Counter(legs[["u", "v", "key"]].itertuples(index=False, name=None))
    length = {edge: network.graph.edges[edge]["length_m"] for edge in {*true, *found}}
    both = sum(count * length[edge] for edge, count in (true & found).items())
    return (
        both / sum(count * length[edge] for edge, count in true.items()),
        both / sum(count * length[edge] for edge, count in found.items()),
    )


def make_plan(network, tours, *, hours=2.0):
    """Plan by hand: ``{unit: (depot node, [(stop_id, node, dwell_s), ...])}``, there and back, all from 8 o'clock."""
    legs, visits, ends = [], [], {}
    places = dict(zip(network.nodes.tolist(), network.xy, strict=True))
    for unit, (depot, tour) in tours.items():
        now, here = START, depot
        rows = [(unit, "", "start", now, now, 0.0, depot)]
        for stop, node, dwell_s in [*tour, ("", depot, 0.0)]:
            way = network.route(here, node)
            if way:
                legs.append(time_drive(network, way, now).assign(unit_id=unit))
                now = legs[-1]["end_at"].iloc[-1]
            leave = now + pd.Timedelta(seconds=dwell_s)
            rows.append((unit, stop, "visit" if stop else "end", now, leave, dwell_s, node))
            now, here = leave, node
        visits += rows
        ends[unit] = now
    names = ["unit_id", "stop_id", "what", "arrive_at", "leave_at", "dwell_s", "node"]
    stops = {stop: places[node] for _, tour in tours.values() for stop, node, _ in tour}
    units = gpd.GeoDataFrame(
        {"mode": network.mode, "start_at": START, "end_at": START + pd.Timedelta(hours=hours), "overtime_s": 0.0},
        index=pd.Index(list(tours), name="unit_id"),
        geometry=gpd.points_from_xy(*np.array([places[depot] for depot, _ in tours.values()]).T, crs=network.crs),
    )
    stop_frame = gpd.GeoDataFrame(
        {"name": [f"Stop {stop}" for stop in stops]},
        index=pd.Index(list(stops), name="stop_id"),
        geometry=gpd.points_from_xy(*np.array(list(stops.values())).T, crs=network.crs),
    )
    return Plan(
        units, stop_frame, pd.concat(legs, ignore_index=True), pd.DataFrame(visits, columns=names).assign(priority=1),
        pd.DataFrame(), dict.fromkeys(tours, network),
    )  # fmt: skip


def replay(plan, *, interval_s=5.0, noise_m=0.0, seed=0, late_s=0.0):
    """Tracks of units that do exactly what the plan says, or all of it some seconds later."""
    parts = []
    for unit, visits in plan.visits.groupby("unit_id"):
        own = plan.legs[plan.legs["unit_id"] == unit]
        fixes = record(
            own, interval_s=interval_s, noise_m=noise_m, seed=seed, until=visits["leave_at"].max(), unit_id=unit
        )
        parts.append(fixes)
    fixes = pd.concat(parts, ignore_index=True)
    return fixes.assign(at=fixes["at"] + pd.Timedelta(seconds=late_s))
