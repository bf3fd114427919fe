"""Plan: what every unit does in a shift, minute by minute, and the figures that describe it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from sightgrid.patrol.streets.network import Network

LEG_COLUMNS = ("unit_id", "u", "v", "key", "reversed", "name", "start_at", "end_at", "length_m")
VISIT_COLUMNS = (
    "unit_id", "stop_id", "what", "arrive_at", "leave_at", "dwell_s", "node", "priority", "locked",
)  # fmt: skip
SHORTFALL_COLUMNS = ("stop_id", "missing", "priority", "required", "reason")
DONE_COLUMNS = ("stop_id", "arrive_at", "leave_at")


@dataclass(frozen=True, eq=False)
class Plan:
    """What every unit does in a shift.

    Attributes
    ----------
    units, stops : GeoDataFrame
        The units and stops that were planned for, all columns filled; ``snap_m`` is how far a depot lies from the
        crossing where its unit starts, and a stop from the nearest crossing where a unit would serve it.
    legs : GeoDataFrame
        Every street driven, in order: ``unit_id``; ``u``, ``v``, ``key`` (the edge of the unit's network, in the
        direction of travel), ``reversed`` (against the drawn direction of the street), ``name``, ``start_at``,
        ``end_at``, ``length_m``; LineString in the direction of travel.
    visits : DataFrame
        What happens when: ``unit_id``, ``stop_id`` (empty where no stop is meant), ``what`` (``start``, ``visit``,
        ``street``: patrolling streets until ``leave_at``, ``break``, ``end``), ``arrive_at``, ``leave_at``,
        ``dwell_s``, ``node``, ``priority``, ``locked``.
    shortfalls : DataFrame
        Visits that were wanted and are not in the plan: ``stop_id``, ``missing``, ``priority``, ``required``,
        ``reason``.
    networks : mapping from unit_id to Network
        The streets each unit may use.
    attention : Series or None
        What a pass of each street is worth, indexed as the street layer.
    observed : DataFrame or None
        What cameras see of each street (``observable_m``, ``observed_m``), indexed as the street layer.
    done : DataFrame
        Visits made before the plan that count towards it: ``stop_id``, ``arrive_at``, ``leave_at``.
    """

    units: gpd.GeoDataFrame
    stops: gpd.GeoDataFrame
    legs: gpd.GeoDataFrame
    visits: pd.DataFrame
    shortfalls: pd.DataFrame
    networks: Mapping[str, Network] = field(default_factory=dict, repr=False)
    attention: pd.Series[float] | None = field(default=None, repr=False)
    observed: pd.DataFrame | None = field(default=None, repr=False)
    done: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(DONE_COLUMNS)), repr=False)

    @cached_property
    def routes(self) -> gpd.GeoDataFrame:
        """One line per unit: ``unit_id``, ``start_at``, ``duration_s``, ``distance_m``, ``stops`` (visits made)."""
        rows, shapes, names = [], [], []
        legs, visits = dict(list(self.legs.groupby("unit_id"))), dict(list(self.visits.groupby("unit_id")))
        for unit_id, start_at in self.units["start_at"].items():
            own, made = legs.get(unit_id), visits.get(unit_id)
            begin = start_at if made is None else made["arrive_at"].min()
            end = begin if made is None else made["leave_at"].max()
            rows.append(
                {
                    "unit_id": unit_id,
                    "start_at": begin,
                    "duration_s": (end - begin).total_seconds(),
                    "distance_m": 0.0 if own is None else float(own["length_m"].sum()),
                    "stops": 0 if made is None else int((made["what"] == "visit").sum()),
                }
            )
            shapes.append(shapely.LineString() if own is None else join_lines(own.geometry.to_numpy()))
            names.append(f"{unit_id} {start_at:%Y-%m-%dT%H:%M}")
        index = pd.Index(names, name="route_id", dtype="str")
        return gpd.GeoDataFrame(pd.DataFrame(rows, index=index), geometry=shapes, crs=self.legs.crs)

    @cached_property
    def streets_driven(self) -> pd.MultiIndex:
        """Rows of the street layer that at least one unit drives, ``(u, v, key)``."""
        edges = self.legs[["unit_id", "u", "v", "key"]].drop_duplicates().itertuples(index=False)
        streets = {self.networks[unit].graph.edges[u, v, key]["street"] for unit, u, v, key in edges}
        names = ["u", "v", "key"]
        if not streets:
            return pd.MultiIndex.from_arrays([np.empty(0, np.int64)] * 3, names=names)
        return pd.MultiIndex.from_tuples(sorted(streets), names=names)

    @cached_property
    def figures(self) -> dict[str, Any]:
        """The plan in numbers; None where a number has no meaning.

        ``stops_required`` visits wanted at required stops and ``stops_planned`` of them planned; the same for stops
        served as time allows (``stops_optional``, ``stops_optional_planned``); ``visits``; ``attention_share`` of all
        attention lies on streets driven at least once; ``worst_gap_min`` and ``mean_gap_min``: the time nobody is at
        a stop, from the start of the first shift to the end of the last, over the stops with visits; ``balance``:
        most seconds at work (moving or at a stop) of a unit, over the mean; ``driven_m``; ``camera_rate`` and
        ``joint_rate``: metres of street seen by cameras, and seen by cameras or driven, over the observable metres.
        """
        made = self.visits[self.visits["what"] == "visit"]
        required = self.stops.index[self.stops["required"].to_numpy(bool)]
        wanted = self.stops["visits"]
        missing = self.shortfalls.groupby("stop_id")["missing"].sum()
        planned = wanted - missing.reindex(wanted.index, fill_value=0)
        gaps = np.concatenate([np.empty(0), *(part for part in self._gaps().values())])
        work = self.work_s
        return {
            "stops_required": int(wanted[required].sum()),
            "stops_planned": int(planned[required].sum()),
            "stops_optional": int(wanted.drop(required).sum()),
            "stops_optional_planned": int(planned.drop(required).sum()),
            "visits": len(made),
            "attention_share": self._attention_share(),
            "worst_gap_min": float(gaps.max()) / 60.0 if len(gaps) else None,
            "mean_gap_min": float(gaps.mean()) / 60.0 if len(gaps) else None,
            "balance": float(work.max() / work.mean()) if len(work) and work.mean() > 0.0 else None,
            "driven_m": float(self.legs["length_m"].sum()),
            **self._rates(),
        }

    @cached_property
    def work_s(self) -> pd.Series[float]:
        """Seconds each unit spends moving or at a stop."""
        moving = (self.legs["end_at"] - self.legs["start_at"]).dt.total_seconds().groupby(self.legs["unit_id"]).sum()
        made = self.visits[self.visits["what"] == "visit"]
        dwell = made.groupby("unit_id")["dwell_s"].sum()
        work = moving.reindex(self.units.index, fill_value=0.0) + dwell.reindex(self.units.index, fill_value=0.0)
        return work.astype(float).rename("work_s")

    @cached_property
    def stop_gaps(self) -> pd.DataFrame:
        """By stop with visits: ``visits``, ``worst_gap_s``, ``mean_gap_s``; the shift's start and end count."""
        gaps = self._gaps()
        columns = {
            "visits": [len(part) - 1 for part in gaps.values()],
            "worst_gap_s": [float(part.max()) for part in gaps.values()],
            "mean_gap_s": [float(part.mean()) for part in gaps.values()],
        }
        return pd.DataFrame(columns, index=pd.Index(list(gaps), name="stop_id", dtype="str"))

    def _gaps(self) -> dict[str, NDArray[np.float64]]:
        """Seconds between the visits of each stop that has one."""
        made = self.visits.loc[self.visits["what"] == "visit", list(DONE_COLUMNS)]
        made = pd.concat([self.done, made]) if len(self.done) else made
        first, last = self.units["start_at"].min(), self.units["end_at"].max()
        gaps = {}
        for stop_id, part in made.sort_values("arrive_at").groupby("stop_id", sort=False):
            leave, arrive = part["leave_at"].to_list(), part["arrive_at"].to_list()
            pairs = zip([first, *leave], [*arrive, last], strict=True)
            gaps[stop_id] = np.array([max((b - a).total_seconds(), 0.0) for a, b in pairs])
        return {stop_id: gaps[stop_id] for stop_id in self.stops.index if stop_id in gaps}

    def _attention_share(self) -> float | None:
        if self.attention is None or not float(self.attention.sum()) > 0.0:
            return None
        share = self.attention[self.attention.index.isin(self.streets_driven)].sum() / self.attention.sum()
        return min(float(share), 1.0)

    def _rates(self) -> dict[str, float | None]:
        if self.observed is None or not float(self.observed["observable_m"].sum()) > 0.0:
            return {"camera_rate": None, "joint_rate": None}
        observable, seen = (self.observed[name].to_numpy(float) for name in ("observable_m", "observed_m"))
        joint = np.where(self.observed.index.isin(self.streets_driven), observable, seen)
        total = float(observable.sum())
        return {"camera_rate": float(seen.sum()) / total, "joint_rate": float(joint.sum()) / total}


def join_lines(lines: NDArray[np.object_]) -> shapely.LineString:
    """Join lines driven one after the other into one."""
    points = shapely.get_coordinates(lines)
    keep = np.append(True, (np.diff(points, axis=0) != 0.0).any(axis=1))
    points = points[keep]
    return shapely.LineString(points if len(points) > 1 else np.repeat(points, 2, axis=0))


def build_legs(table: pd.DataFrame, networks: Mapping[str, Network], *, crs: Any) -> gpd.GeoDataFrame:
    """Dress driven edges as the legs of a plan.

    Parameters
    ----------
    table : DataFrame
        In the order of travel: ``unit_id``, ``u``, ``v``, ``key`` (edges of the unit's network), ``start_at``,
        ``end_at``.
    networks : mapping from unit_id to Network
        The streets each unit may use.
    crs : pyproj.CRS
        Coordinate system of the networks.
    """
    rows = table[["unit_id", "u", "v", "key"]].itertuples(index=False)
    edges = [networks[unit].graph.edges[u, v, key] for unit, u, v, key in rows]
    columns: dict[str, Any] = {
        **{name: table[name].to_numpy() for name in ("unit_id", "u", "v", "key")},
        "reversed": np.array([bool(edge["reversed"]) for edge in edges], bool),
        "name": np.array([edge["name"] if isinstance(edge["name"], str) else "" for edge in edges], object),
        "start_at": table["start_at"].array,
        "end_at": table["end_at"].array,
        "length_m": np.array([float(edge["length_m"]) for edge in edges], float),
    }
    shapes = np.array([edge["geometry"] for edge in edges], object)
    return gpd.GeoDataFrame(pd.DataFrame(columns), geometry=shapes, crs=crs)
