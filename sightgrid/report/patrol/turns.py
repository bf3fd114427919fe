"""Turn lists: what a unit drives, street by street, in words."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from sightgrid.patrol.shift.plan import join_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sightgrid.patrol.shift.plan import Plan
    from sightgrid.patrol.streets.network import Network

LOOK_M = 12.0  # a direction is that of the last or first metres, not of the last bend
STRAIGHT_DEG, BACK_DEG = 35.0, 150.0
ALONG_M, ALONG_DEG = 20.0, 25.0  # a path this near to a street, in its direction, is told by its name
LINK_M = 30.0  # a nameless piece below it, such as a crossing, is no step of its own
POINTS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")
COLUMNS = ("unit_id", "row", "turn", "street", "length_m", "start_at", "end_at")

_HALF_TURN = 180.0
_KINDS = {
    "footway": "footpath",
    "path": "path",
    "pedestrian": "pedestrian street",
    "steps": "steps",
    "cycleway": "cycle path",
    "service": "service road",
    "living_street": "living street",
    "track": "track",
}


@dataclass
class _Step:
    """Legs from `first` to `last`; those after `kept` only lead to the next step."""

    first: int
    last: int
    street: str
    length_m: float

    def __post_init__(self) -> None:
        self.kept = self.last


def list_turns(plan: Plan, unit_id: str) -> gpd.GeoDataFrame:
    """Tell a unit's way street by street.

    Legs on streets of one name are one step. A path without a name that runs along a named street counts as that
    street; other nameless legs are one step until they bend, and pieces of less than 30 m between two steps, such as
    crossings, belong to the step before. A stay or turning round begins a new step. Turns are measured between the last
    and the first 12 metres: up to 35 degrees is straight on, from 150 on is turning round.

    Parameters
    ----------
    plan : Plan
        The plan.
    unit_id : str
        One of its units.

    Returns
    -------
    GeoDataFrame
        In order: ``unit_id``, ``row`` (label of the row of the plan's visits that the step follows), ``turn`` (``head
        north``, ``straight on``, ``left``, ``right``, ``turn round``), ``street``, ``length_m``, ``start_at``,
        ``end_at``; LineString in the direction of travel. The lengths sum up to those of the legs.
    """
    legs = plan.legs[plan.legs["unit_id"] == unit_id]
    stays = plan.visits[plan.visits["unit_id"] == unit_id]
    lines = legs.geometry.to_numpy()
    begun = stays["arrive_at"].searchsorted(legs["start_at"].to_numpy(), side="right") - 1
    into, out = _bearings(lines)
    named, streets = _name_legs(plan.networks[unit_id], legs)
    own = (legs["name"] != "").to_numpy(bool)
    length = legs["length_m"].to_numpy(float)
    steps, turns = list[_Step](), list[str]()
    edges = [*np.flatnonzero(np.diff(begun, prepend=-1)).tolist(), len(legs)]
    for start, stop in pairwise(edges):
        stretch = _join_steps(_cut_steps(start, stop, streets, named, length, into, out), named, own, into, out)
        for at, step in enumerate(stretch):
            before = stretch[at - 1].kept if at else None
            turns.append(_word(out[step.first], None if before is None else into[before]))
        steps += stretch
    first, last = (np.array([getattr(step, name) for step in steps], np.intp) for name in ("first", "last"))
    columns: dict[str, Any] = {
        "unit_id": unit_id,
        "row": stays.index.to_numpy()[begun[first]],
        "turn": turns,
        "street": [step.street for step in steps],
        "length_m": [step.length_m for step in steps],
        "start_at": legs["start_at"].array[first],
        "end_at": legs["end_at"].array[last],
    }
    shapes = [join_lines(lines[step.first : step.last + 1]) for step in steps]
    return gpd.GeoDataFrame(pd.DataFrame(columns, columns=list(COLUMNS)), geometry=shapes, crs=plan.legs.crs)


def _cut_steps(
    start: int, stop: int, streets: list[str], named: NDArray[np.bool_], length: NDArray[np.float64],
    into: NDArray[np.float64], out: NDArray[np.float64],
) -> list[_Step]:  # fmt: skip
    """Cut a stretch between two stays where the street changes, nameless legs also where they bend."""
    steps = [_Step(start, start, streets[start], float(length[start]))]
    for at in range(start + 1, stop):
        step, turned = steps[-1], abs(_turn(into[at - 1], out[at]))
        same = streets[at] == step.street if named[at] else not named[at - 1]
        bend = not named[at] and turned >= STRAIGHT_DEG and step.length_m >= LINK_M
        if same and not bend and turned < BACK_DEG:
            step.last = step.kept = at
            step.length_m += float(length[at])
        else:
            steps.append(_Step(at, at, streets[at], float(length[at])))
    return steps


def _join_steps(
    steps: list[_Step], named: NDArray[np.bool_], own: NDArray[np.bool_], into: NDArray[np.float64],
    out: NDArray[np.float64],
) -> list[_Step]:  # fmt: skip
    """Give short steps without a name of their own to the one before; then join what goes on along one street."""
    joined = steps[:1]
    for step in steps[1:]:
        before = joined[-1]
        turned = abs(_turn(into[before.kept], out[step.first]))
        link = step.length_m < LINK_M and not own[step.first : step.last + 1].any()
        if turned < BACK_DEG and (link or (step.street == before.street and named[step.first])):
            before.kept = before.kept if link else step.kept
            before.last = step.last
            before.length_m += step.length_m
        else:
            joined.append(step)
    return joined


def _name_legs(network: Network, legs: gpd.GeoDataFrame) -> tuple[NDArray[np.bool_], list[str]]:
    """Whether each leg has a name, its own or that of the street along it; the name, or else the kind of street."""
    edges = list(zip(legs["u"], legs["v"], legs["key"], strict=True))
    known: dict[Any, tuple[bool, str]] = {}
    for edge, name in zip(edges, legs["name"], strict=True):
        kind = str(network.graph.edges[edge]["highway"]).removesuffix("_link")
        known[edge] = (True, name) if name else (False, _KINDS.get(kind, "street without a name"))
    nameless = [edge for edge, (has, _) in known.items() if not has]
    for edge, street in zip(nameless, _find_alongside(network, nameless), strict=True):
        if street:
            known[edge] = (True, street)
    return np.array([known[edge][0] for edge in edges], bool), [known[edge][1] for edge in edges]


def _find_alongside(network: Network, edges: list[Any]) -> list[str]:
    """The name of the nearest street that runs along each edge; empty where there is none."""
    graph = network.graph
    others = [(name, edge["geometry"]) for *_, edge in graph.edges(data=True) if isinstance(name := edge["name"], str)]
    found = [""] * len(edges)
    if not others or not edges:
        return found
    lines = np.array([line for _, line in others], object)
    own = np.array([graph.edges[edge]["geometry"] for edge in edges], object)
    middle = shapely.line_interpolate_point(own, 0.5, normalized=True)
    at, street = shapely.STRtree(lines).query(middle, predicate="dwithin", distance=ALONG_M)
    place = shapely.line_locate_point(lines[street], middle[at])
    reach = shapely.length(lines[street])
    around = [
        shapely.line_interpolate_point(lines[street], np.clip(place + shift, 0.0, reach)) for shift in (-5.0, 5.0)
    ]
    along = _bearing(*around) - _bearing(shapely.get_point(own, 0), shapely.get_point(own, -1))[at]
    off = np.abs((along + _HALF_TURN / 2.0) % _HALF_TURN - _HALF_TURN / 2.0)  # either way along the street
    away = np.where(off <= ALONG_DEG, shapely.distance(lines[street], middle[at]), np.inf)
    for k in np.lexsort([street, away])[::-1]:  # the nearest is written last
        if np.isfinite(away[k]):
            found[at[k]] = others[street[k]][0]
    return found


def _bearings(lines: NDArray[np.object_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bearing of the last metres of each line, and of the first."""
    if not len(lines):
        return np.empty(0), np.empty(0)
    long = shapely.length(lines)
    look = np.minimum(LOOK_M, long)
    begin, ahead = shapely.get_point(lines, 0), shapely.line_interpolate_point(lines, look)
    behind, end = shapely.line_interpolate_point(lines, long - look), shapely.get_point(lines, -1)
    return _bearing(behind, end), _bearing(begin, ahead)


def _bearing(start: NDArray[np.object_], end: NDArray[np.object_]) -> NDArray[np.float64]:
    """Degrees clockwise from grid north."""
    dx, dy = shapely.get_x(end) - shapely.get_x(start), shapely.get_y(end) - shapely.get_y(start)
    return np.degrees(np.arctan2(dx, dy))


def _turn(before: float, after: float) -> float:
    """Degrees from one bearing to another, clockwise, from -180 to 180."""
    return float((after - before + _HALF_TURN) % 360.0 - _HALF_TURN)


def _word(out: float, into: float | None) -> str:
    if into is None:
        return f"head {POINTS[round(out / 45.0) % 8]}"
    turned = _turn(into, out)
    if abs(turned) >= BACK_DEG:
        return "turn round"
    if abs(turned) < STRAIGHT_DEG:
        return "straight on"
    return "right" if turned > 0.0 else "left"
