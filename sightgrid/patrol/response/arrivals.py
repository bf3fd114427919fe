"""How long units take to where they are wanted: demand on streets or at points, units of one network or of several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from sightgrid.errors import FIRST_IDS, CRSError, InfeasibleError, InputError, UnitRangeError
from sightgrid.patrol.streets.network import MPS_PER_KPH, Network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

WITHIN_MIN = (1.0, 3.0, 5.0, 15.0)
HALF = 0.5
SLACK_S = 1e-6  # sums of the same times in another order are the same
WALK_KPH = 5.0  # from the last node to a place off the network
Fleet = Network | Mapping[str, Network]


@dataclass(frozen=True)
class Start:
    """A node where a unit can begin, and the seconds until it is there."""

    unit_id: str
    node: int
    offset_s: float


@dataclass(frozen=True, eq=False)
class Demand:
    """Where units are wanted and how much: ``weight`` per place, ``shapes`` None for streets known by number alone."""

    weight: pd.Series[float]
    shapes: gpd.GeoSeries | None

    @property
    def shares(self) -> NDArray[np.float64]:
        """Weights that add up to 1."""
        return np.asarray(self.weight / self.weight.sum(), np.float64)


@dataclass(frozen=True, eq=False)
class Entries:
    """Last nodes on the way to each place: number of the place, node, and the seconds from there."""

    place: NDArray[np.int64]
    node: NDArray[np.int64]
    seconds: NDArray[np.float64]


def read_demand(demand: pd.Series[float] | gpd.GeoDataFrame, weight: str) -> Demand:
    """Check what is wanted: a series over streets, or a frame of points or streets with a column of weights."""
    if isinstance(demand, gpd.GeoDataFrame):
        if weight not in demand.columns:
            raise InputError(f"demand: missing column {weight}")
        values, shapes = demand[weight], demand.geometry
        blank = shapes.isna() | shapes.is_empty
        if blank.any():
            raise InputError(f"demand: {blank.sum()} places have no geometry: {_first(demand.index[blank])}")
    else:
        values, shapes = demand, None
    if values.empty:
        raise InputError("demand: there is none")
    if values.index.has_duplicates:
        raise InputError(f"demand: ids repeat: {_first(values.index[values.index.duplicated()])}")
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    wrong = ~((numbers >= 0.0) & np.isfinite(numbers))
    if wrong.any():
        first = _first(numbers.index[wrong])
        raise InputError(f"demand: {weight}: finite numbers of at least 0 are needed ({wrong.sum()} rows: {first})")
    if not numbers.sum() > 0.0:
        raise InputError(f"demand: {weight}: no place has any")
    return Demand(numbers.rename("weight"), shapes)


def read_limits(within_min: Sequence[float]) -> tuple[float, ...]:
    """Minutes in ascending order; raises UnitRangeError unless all are above 0."""
    limits = tuple(sorted({float(limit) for limit in within_min}))
    if not limits or not all(0.0 < limit < np.inf for limit in limits):
        raise UnitRangeError(f"within_min: {within_min} must be minutes above 0")
    return limits


def choose_network(fleet: Fleet, unit_id: str) -> Network:
    """The network a unit moves on."""
    if isinstance(fleet, Network):
        return fleet
    if unit_id not in fleet:
        raise InputError(f"networks: none is given for unit {unit_id}")
    return fleet[unit_id]


def free_units(units: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Units whose ``busy`` column, if there is one, is not set."""
    if units.index.has_duplicates:
        raise InputError(f"units: ids repeat: {_first(units.index[units.index.duplicated()])}")
    if "busy" not in units.columns:
        return units
    if units["busy"].isna().any() or not units["busy"].isin([True, False]).all():
        raise InputError("units: busy: must be true or false")
    return units[~units["busy"].astype(bool)]


def start_units(fleet: Fleet, units: gpd.GeoDataFrame | pd.Series[int]) -> tuple[list[Start], pd.Series[float]]:
    """Where free units begin: points are brought to the nearest node at the unit's speed, nodes are taken as they are.

    Returns the starts, and for each unit the metres to its node.
    """
    if isinstance(units, gpd.GeoDataFrame):
        units = free_units(units)
    if units.empty:
        raise InfeasibleError("units: none is free")
    if units.index.has_duplicates:
        raise InputError(f"units: ids repeat: {_first(units.index[units.index.duplicated()])}")
    starts, away_m = [], pd.Series(0.0, index=units.index, name="snap_m")
    if isinstance(units, gpd.GeoDataFrame):
        for network, ids in group_units(fleet, list(units.index)):
            snapped = network.snap(units.geometry.loc[ids])
            away_m.loc[ids] = snapped["distance_m"]
            pace = network.speed_kph * MPS_PER_KPH
            starts += [Start(unit, int(node), away / pace) for unit, node, away in
                       zip(ids, snapped["node"], snapped["distance_m"], strict=True)]  # fmt: skip
    else:
        starts = [Start(str(unit), int(node), 0.0) for unit, node in units.items()]
    return starts, away_m


def group_units(fleet: Fleet, ids: list[str]) -> list[tuple[Network, list[str]]]:
    """Units that share a network, together."""
    groups: dict[int, tuple[Network, list[str]]] = {}
    for unit in ids:
        network = choose_network(fleet, unit)
        groups.setdefault(id(network), (network, []))[1].append(unit)
    return list(groups.values())


def enter(network: Network, demand: Demand) -> Entries:
    """How a network's units come to each place.

    A street of the network is reached in its middle, from either end that the direction of travel allows. Any other
    place is reached on foot from the nearest node.
    """
    streets = isinstance(demand.weight.index, pd.MultiIndex)
    place_of = {street: number for number, street in enumerate(demand.weight.index)} if streets else {}
    found = [
        (place_of[edge["street"]], tail, edge["seconds"] / 2.0)
        for tail, _, edge in network.graph.edges(data=True)
        if edge["street"] in place_of
    ]
    place, node, seconds = (np.array(column) for column in zip(*found, strict=True)) if found else (np.empty(0),) * 3
    elsewhere = np.setdiff1d(np.arange(len(demand.weight)), place)
    if len(elsewhere):
        if demand.shapes is None:
            first = _first(demand.weight.index[elsewhere])
            raise InputError(
                f"demand: {len(elsewhere)} streets are not in the {network.mode} network, and a series has no shape "
                f"to walk to (give a GeoDataFrame): {first}"
            )
        if demand.shapes.crs != network.crs:
            raise CRSError("demand: not in the coordinate system of the streets")
        shapes = demand.shapes.iloc[elsewhere]
        lines = shapes.geom_type.to_numpy() == "LineString"
        middle = shapes.to_numpy().copy()
        middle[lines] = shapely.line_interpolate_point(middle[lines], 0.5, normalized=True)
        snapped = network.snap(gpd.GeoSeries(middle, index=shapes.index, crs=shapes.crs))
        place = np.concatenate([place, elsewhere])
        node = np.concatenate([node, snapped["node"]])
        seconds = np.concatenate([seconds, snapped["distance_m"] / (WALK_KPH * MPS_PER_KPH)])
    return Entries(place.astype(np.int64), node.astype(np.int64), seconds.astype(float))


class Travel:
    """Travel times of a fleet to one demand; what depends on the networks alone is found once."""

    def __init__(self, fleet: Fleet, demand: Demand) -> None:
        self.fleet, self.demand = fleet, demand
        self.entries: dict[int, Entries] = {}

    def measure(self, starts: list[Start]) -> tuple[list[str], NDArray[np.float64]]:
        """Units in the order of their first start, and their seconds to every place (inf where no way leads)."""
        ids = list(dict.fromkeys(start.unit_id for start in starts))
        seconds = np.full((len(ids), len(self.demand.weight)), np.inf)
        for network, members in group_units(self.fleet, ids):
            entries = self.entries.get(id(network))
            if entries is None:
                entries = self.entries[id(network)] = enter(network, self.demand)
            own = [start for start in starts if start.unit_id in set(members)]
            nodes, column = np.unique(entries.node, return_inverse=True)
            to_node = network.travel_matrix([start.node for start in own], nodes)
            for start, row in zip(own, to_node, strict=True):
                arrive = np.full(seconds.shape[1], np.inf)
                np.minimum.at(arrive, entries.place, row[column] + entries.seconds)
                line = seconds[ids.index(start.unit_id)]
                np.minimum(line, arrive + start.offset_s, out=line)
        return ids, seconds


def share_within(
    seconds: NDArray[np.float64], heavy: NDArray[np.float64], limits: tuple[float, ...]
) -> dict[float, float]:
    """Share of the weight within each number of minutes."""
    return {limit: float(heavy[seconds <= limit * 60.0 + SLACK_S].sum()) for limit in limits}


def median_minutes(seconds: NDArray[np.float64], heavy: NDArray[np.float64]) -> float:
    """Minutes after which at least half of the weight is reached."""
    order = np.argsort(seconds, kind="stable")
    total = np.cumsum(heavy[order])
    return float(seconds[order][np.searchsorted(total, HALF * total[-1] - 1e-12)]) / 60.0


def name_column(what: str, limit: float) -> str:
    """Name of the column of a time limit."""
    return f"{what}_{limit:g}_min"


def _first(ids: pd.Index) -> str:
    return ", ".join(map(str, ids[:FIRST_IDS]))
