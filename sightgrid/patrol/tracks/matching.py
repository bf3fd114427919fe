"""Map matching: which streets a unit drove, from fixes that are off by some metres and some seconds apart.

Newson & Krumm 2009, Hidden Markov map matching through noise and sparseness (doi:10.1145/1653771.1653818): the states
are the streets near a fix, the distance to a street is normally distributed, the difference between route and straight
line is exponentially distributed, and Viterbi's algorithm finds the most likely sequence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from sightgrid.errors import CRSError, InputError, UnitRangeError
from sightgrid.patrol.tracks.match_graph import MatchGraph
from sightgrid.patrol.tracks.viterbi import Observations, Traversal, find_sequence, join_sequence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from sightgrid.patrol.streets.network import Network

SIGMA_M = 8.0
BETA_M = 15.0
RADIUS_M = 50.0
MAX_GAP_S = 180.0  # Newson & Krumm cut a track there
STANDING = 2.0  # noise within which a fix tells nothing new (Newson & Krumm, section 4.1)
GATHER = 8.0  # noise within which fixes that follow each other are averaged,
GATHER_MOST = 5.0  # at most so many sigmas,
GATHER_S = 30.0  # and for so long
LEAST_NOISE = 0.25  # of sigma: what is left of the noise where the fixes show none
MEDIAN_OF_NORMAL = 0.6745  # median of the absolute value of a standard normal variable
SHORT_M = 0.01  # a shorter part of an edge is none
END, GAP, NO_WAY = "end of the track", "gap between fixes", "no way leads on"
FAR = "no street in reach"
LEG_COLUMNS = (
    "unit_id", "piece", "u", "v", "key", "reversed", "name", "start_at", "end_at", "length_m", "from_m", "to_m",
)  # fmt: skip
PIECE_COLUMNS = ("unit_id", "piece", "start_at", "end_at", "fixes", "length_m", "ended_by")


@dataclass(frozen=True, eq=False)
class Matched:
    """Streets driven, as far as the fixes tell.

    Attributes
    ----------
    legs : GeoDataFrame
        In order of travel: ``unit_id``, ``piece``; ``u``, ``v``, ``key`` (edge of the unit's network), ``reversed``,
        ``name``, ``start_at``, ``end_at``, ``length_m``, ``from_m``, ``to_m`` (part of the edge that was driven, in the
        direction of travel), LineString.
    fixes : DataFrame
        Indexed as the fixes given: ``unit_id``, ``at``, ``piece`` (-1: not matched), ``distance_m`` to the street it
        was matched to (NaN: not matched), ``reason`` why not.
    pieces : DataFrame
        Stretches without a break: ``unit_id``, ``piece``, ``start_at``, ``end_at``, ``fixes``, ``length_m``,
        ``ended_by`` (end of the track, gap between fixes, no way leads on).
    """

    legs: gpd.GeoDataFrame
    fixes: pd.DataFrame
    pieces: pd.DataFrame


class _Found(NamedTuple):
    """What one unit's fixes tell; times in seconds."""

    piece: NDArray[np.intp]
    distance_m: NDArray[np.float64]
    legs: list[tuple[int, Traversal, float, float]]
    pieces: list[tuple[int, float, float, int, float, str]]


def match_tracks(
    fixes: gpd.GeoDataFrame,
    *,
    networks: Mapping[str, Network],
    sigma_m: float = SIGMA_M,
    beta_m: float = BETA_M,
    radius_m: float = RADIUS_M,
    max_gap_s: float = MAX_GAP_S,
) -> Matched:
    """Find the streets that units drove.

    Parameters
    ----------
    fixes : GeoDataFrame
        `Tracks.fixes`: ``unit_id``, ``at`` in order of time, maybe ``accuracy_m``; points in the networks' system.
    networks : mapping of unit_id to Network
        The streets each unit may use; one-way streets are driven in their direction only.
    sigma_m : float
        Standard deviation of the position error; a fix whose ``accuracy_m`` is worse has that one.
    beta_m : float
        Mean difference between the way along streets and the straight line from fix to fix.
    radius_m : float
        How far from a fix streets are looked for.
    max_gap_s : float
        A longer time between two fixes breaks the track into pieces.

    Returns
    -------
    Matched

    Raises
    ------
    InputError
        A unit has no network.
    CRSError
        Fixes and networks are in different coordinate systems.
    UnitRangeError
        A setting is not above 0.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd
    >>> from shapely import LineString
    >>> from sightgrid.patrol.streets.network import build_network
    >>> index = pd.MultiIndex.from_tuples([(1, 2, 0), (2, 3, 0)], names=["u", "v", "key"])
    >>> lines = [LineString([(0, 0), (100, 0)]), LineString([(100, 0), (100, 80)])]
    >>> columns = {"oneway": False, "length_m": [100.0, 80.0], "name": ["High Street", "Mill Lane"]}
    >>> streets = gpd.GeoDataFrame(columns, index=index, geometry=lines, crs=32635)
    >>> times = pd.date_range("2026-11-23T08:00Z", periods=3, freq="30s")
    >>> points = gpd.points_from_xy([10, 70, 104], [4, -3, 60], crs=32635)
    >>> fixes = gpd.GeoDataFrame({"unit_id": "u1", "at": times}, geometry=points)
    >>> found = match_tracks(fixes, networks={"u1": build_network(streets, mode="foot", speed_kph=5)})
    >>> found.legs[["name", "length_m"]].to_numpy().tolist()
    [['High Street', 90.0], ['Mill Lane', 60.0]]
    """
    settings = {"sigma_m": sigma_m, "beta_m": beta_m, "radius_m": radius_m, "max_gap_s": max_gap_s}
    for name, value in settings.items():
        if not value > 0.0:
            raise UnitRangeError(f"{name}: {value} must be above 0")
    units = list(fixes["unit_id"].unique())
    strange = [str(unit) for unit in units if unit not in networks]
    if strange:
        raise InputError(f"tracks: unit_id: no network is given for {', '.join(strange[:5])}")
    if any(networks[unit].crs != fixes.crs for unit in units):
        raise CRSError("tracks: the fixes are not in the coordinate system of the streets")
    graphs: dict[int, MatchGraph] = {}
    piece, distance = np.full(len(fixes), -1), np.full(len(fixes), np.nan)
    legs: list[tuple[Any, ...]] = []
    pieces: list[tuple[Any, ...]] = []
    shapes: list[shapely.LineString] = []
    for unit, rows in fixes.groupby("unit_id", sort=False).indices.items():
        network = networks[str(unit)]
        if id(network) not in graphs:
            graphs[id(network)] = MatchGraph(network)
        graph = graphs[id(network)]
        found = _match_unit(graph, fixes.iloc[rows], sigma_m, beta_m, radius_m, max_gap_s)
        piece[rows], distance[rows] = found.piece, found.distance_m
        pieces += [(unit, *row) for row in found.pieces]
        for number, part, start, end in found.legs:
            u, v, key = graph.edges[part.edge]
            street = network.graph.edges[u, v, key]
            name = street["name"] if isinstance(street["name"], str) else ""
            driven = part.to_m - part.from_m
            legs.append((unit, number, u, v, key, street["reversed"], name, start, end, driven, part.from_m, part.to_m))
            shapes.append(graph.cut(part.edge, part.from_m, part.to_m))
    told = {"unit_id": fixes["unit_id"], "at": fixes["at"], "piece": piece, "distance_m": distance}
    reason = np.where(piece < 0, FAR, "")
    driven_legs = gpd.GeoDataFrame(_frame(legs, LEG_COLUMNS), geometry=shapes, crs=fixes.crs)
    return Matched(
        driven_legs, pd.DataFrame(told, index=fixes.index).assign(reason=reason), _frame(pieces, PIECE_COLUMNS)
    )


def _frame(rows: list[tuple[Any, ...]], columns: tuple[str, ...]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(columns))
    for name in ("start_at", "end_at"):
        micros = np.round(frame[name].to_numpy(float) * 1e6).astype("int64")
        frame[name] = pd.Series(micros.astype("datetime64[us]"), frame.index).dt.tz_localize("UTC")
    return frame


def _match_unit(
    graph: MatchGraph, fixes: gpd.GeoDataFrame, sigma_m: float, beta_m: float, radius_m: float, max_gap_s: float
) -> _Found:
    points = fixes.geometry.to_numpy()
    xy, at_s = shapely.get_coordinates(points), fixes["at"].to_numpy("datetime64[us]").astype(float) / 1e6
    sigma = np.full(len(points), sigma_m)
    if "accuracy_m" in fixes:
        sigma = np.fmax(sigma, np.minimum(fixes["accuracy_m"].to_numpy(float), radius_m))
    noise = np.minimum(sigma, max(_estimate_noise(xy), LEAST_NOISE * sigma_m))
    group = _gather(xy, at_s, np.minimum(GATHER * noise, GATHER_MOST * sigma), np.diff(at_s) > max_gap_s)
    head = np.searchsorted(group, np.arange(group[-1] + 1))
    tail = np.r_[head[1:], len(group)] - 1
    mean_xy, mean_s = (np.add.reduceat(part, head) for part in (xy, at_s - at_s[0]))
    size = tail - head + 1
    mean_xy, mean_s = mean_xy / size[:, None], at_s[0] + mean_s / size
    places = graph.find_candidates(shapely.points(mean_xy), radius_m)
    near = np.flatnonzero(np.diff(places.first))
    piece, distance = np.full(len(points), -1), np.full(len(points), np.nan)
    if not len(near):
        return _Found(piece, distance, [], [])
    gaps = at_s[head[near[1:]]] - at_s[tail[near[:-1]]] > max_gap_s
    kept = _thin(mean_xy[near], STANDING * noise[head[near]], gaps)
    last = near[np.r_[kept[1:], len(near)] - 1]  # the last group that each kept one stands for
    breaks = np.append(gaps, False)[np.r_[kept[1:], len(near)] - 1]
    kept = near[kept]
    seen = Observations(mean_xy[kept], mean_s[kept], sigma[head[kept]], places.take(kept), breaks)
    sequence = find_sequence(graph, seen, beta_m)
    stands = np.where(np.isin(group, near), np.searchsorted(kept, group, side="right") - 1, -1)
    found = stands >= 0
    street = graph.shapes[seen.candidates.edge[sequence.row]]
    distance[found] = shapely.distance(points[found], street[stands[found]])
    legs, rows = [], []
    joined = join_sequence(graph, seen, sequence)
    for number, (first, driven, along) in enumerate(joined):
        stop = first + len(along)
        members = (stands >= first) & (stands < stop)
        piece[members] = number
        # a unit that stands leaves with the last fix of the place
        times = np.column_stack([mean_s[kept[first:stop]], mean_s[last[first:stop]]]).ravel()
        borders = [part.begin_m for part in driven] + [along[-1]]
        border_s = np.interp(borders, np.repeat(along, 2), times)
        border_s[0], border_s[-1] = times[0], times[-1]
        legs += [
            (number, part, border_s[i], border_s[i + 1])
            for i, part in enumerate(driven)
            if part.to_m - part.from_m > SHORT_M
        ]
        ended = END if stop == len(kept) else GAP if breaks[stop - 1] else NO_WAY
        rows.append((number, times[0], times[-1], int(members.sum()), float(along[-1]), ended))
    return _Found(piece, distance, legs, rows)


def _thin(xy: NDArray[np.float64], standing_m: NDArray[np.float64], gaps: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Keep a fix where it is farther from the last one kept than noise explains, and beside every gap."""
    must = np.r_[True, gaps] | np.r_[gaps, True]
    kept = [0]
    x, y = xy[0]
    for i, (east, north) in enumerate(xy.tolist()):
        if i and (must[i] or (east - x) ** 2 + (north - y) ** 2 > standing_m[i] ** 2):
            kept.append(i)
            x, y = east, north
    return np.array(kept)


def _estimate_noise(xy: NDArray[np.float64]) -> float:
    """Standard deviation of the noise in x and y, from second differences: even movement has none, noise sqrt(6)."""
    if len(xy) < 3:  # noqa: PLR2004
        return 0.0
    return float(np.median(np.abs(np.diff(xy, n=2, axis=0)))) / (MEDIAN_OF_NORMAL * 6**0.5)


def _gather(
    xy: NDArray[np.float64], at_s: NDArray[np.float64], close_m: NDArray[np.float64], gaps: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Number the groups of fixes that are averaged: close in place and time; fixes beside a gap stay alone."""
    alone = np.r_[True, gaps] | np.r_[gaps, True]
    group = np.zeros(len(xy), np.intp)
    x, y, since, number, shut = xy[0, 0], xy[0, 1], at_s[0], 0, True
    for i, (east, north) in enumerate(xy.tolist()):
        far = (east - x) ** 2 + (north - y) ** 2 > close_m[i] ** 2
        if i and (shut or alone[i] or far or at_s[i] - since >= GATHER_S):
            number += 1
            x, y, since, shut = east, north, at_s[i], bool(alone[i])
        group[i] = number
    return group
