"""A small town for the patrol tests: streets on a square grid, units and stops from a few numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from sightgrid import schemas

if TYPE_CHECKING:
    from collections.abc import Sequence

CRS = 32635
EAST_M, NORTH_M = 500_000.0, 6_670_000.0
BLOCK_M = 100.0
START = pd.Timestamp("2026-11-23T08:00", tz="UTC")


def point(x: float, y: float) -> shapely.Point:
    """A point counted in blocks from the south-west corner."""
    return shapely.Point(EAST_M + x * BLOCK_M, NORTH_M + y * BLOCK_M)


def grid_streets(
    side: int, *, oneway: Sequence[int] = (), closed: Sequence[int] = (), origin: float = 0.0, first: int = 0
) -> gpd.GeoDataFrame:
    """Streets of a town of ``side`` x ``side`` crossings, all for everyone; some one-way or left out, by number."""
    rows, lines = [], []
    for y in range(side):
        for x in range(side):
            for dx, dy in ((1, 0), (0, 1)):
                if x + dx < side and y + dy < side:
                    rows.append((first + y * side + x, first + (y + dy) * side + x + dx, 0))
                    lines.append(shapely.LineString([point(origin + x, y), point(origin + x + dx, y + dy)]))
    kept = [n for n in range(len(rows)) if n not in set(closed)]
    frame = gpd.GeoDataFrame(
        {"length_m": BLOCK_M, "oneway": [n in set(oneway) for n in kept], "name": [f"street {n}" for n in kept]},
        index=pd.MultiIndex.from_tuples([rows[n] for n in kept], names=["u", "v", "key"]),
        geometry=[lines[n] for n in kept],
        crs=CRS,
    )
    frame["length_m"] = frame["length_m"].astype(float)
    return schemas.complete(frame, "streets")


def units_frame(points: Sequence[tuple[float, float]], *, hours: float = 2.0, **columns: Any) -> gpd.GeoDataFrame:
    """Units ``u0, u1, …`` that walk 6 km/h from eight o'clock on; a column may be one value for all."""
    index = pd.Index([f"u{n}" for n in range(len(points))], name="unit_id", dtype="str")
    data = {"mode": "foot", "speed_kph": 6.0, "start_at": START, "end_at": START + pd.Timedelta(hours=hours)}
    frame = pd.DataFrame(data | columns, index=index)
    return gpd.GeoDataFrame(frame, geometry=[point(*p) for p in points], crs=CRS)


def stops_frame(points: Sequence[tuple[float, float]], **columns: Any) -> gpd.GeoDataFrame:
    """Stops ``s0, s1, …`` of 5 minutes."""
    index = pd.Index([f"s{n}" for n in range(len(points))], name="stop_id", dtype="str")
    frame = pd.DataFrame({"dwell_s": 300.0} | columns, index=index)
    return gpd.GeoDataFrame(frame, geometry=[point(*p) for p in points], crs=CRS)


def after(minutes: float) -> pd.Timestamp:
    """So many minutes after eight o'clock."""
    return START + pd.Timedelta(minutes=minutes)


def made(plan: Any, stop_id: str | None = None) -> pd.DataFrame:
    """The visits of a plan, of one stop or all."""
    rows = plan.visits[plan.visits["what"] == "visit"]
    return rows if stop_id is None else rows[rows["stop_id"] == stop_id]


def flat(streets: gpd.GeoDataFrame, value: float = 1.0) -> pd.Series[float]:
    """The same attention everywhere."""
    return pd.Series(value / len(streets), index=streets.index, dtype=np.float64)
