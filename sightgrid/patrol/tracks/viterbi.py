"""The most likely sequence of streets behind a sequence of fixes, and the way that joins them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sightgrid.patrol.tracks.match_graph import Candidates, MatchGraph

# A way is looked for up to three times the straight line, 300 m, and what twice the unit's speed allows in the time.
DETOUR = 3.0
LIMIT_M = 300.0
BACK_M = 15.0  # a fix that much behind the last one on its street stands still rather than drives round the block
CELLS = 4_000_000  # lengths between nodes held at once


@dataclass(frozen=True, eq=False)
class Observations:
    """Fixes of one unit, each with a street in reach; ``breaks`` tells after which of them the track is cut."""

    xy: NDArray[np.float64]
    at_s: NDArray[np.float64]
    sigma_m: NDArray[np.float64]
    candidates: Candidates
    breaks: NDArray[np.bool_]


class Window(NamedTuple):
    """Fixes ``start`` to ``stop`` (inclusive), the nodes around them, and how long a way may be."""

    start: int
    stop: int
    sources: NDArray[np.intp]
    nodes: NDArray[np.intp]
    limit_m: float


class Traversal(NamedTuple):
    """Part of an edge that was driven, and how far along the piece it begins."""

    edge: int
    from_m: float
    to_m: float
    begin_m: float


@dataclass(frozen=True, eq=False)
class Sequence:
    """Where each fix most likely was.

    Attributes
    ----------
    row : ndarray of int
        The chosen row of the candidates.
    breaks : ndarray of bool
        After which fixes the track is cut: where it was told, and where no way leads on.
    windows : tuple of Window
        The regions that were searched.
    """

    row: NDArray[np.intp]
    breaks: NDArray[np.bool_]
    windows: tuple[Window, ...]


def find_sequence(graph: MatchGraph, seen: Observations, beta_m: float) -> Sequence:
    """Viterbi's algorithm over the edges in reach of each fix, in log likelihoods."""
    places = seen.candidates
    fix = np.repeat(np.arange(len(seen.xy)), np.diff(places.first))
    emission = -0.5 * (places.distance_m / seen.sigma_m[fix]) ** 2
    rest = graph.length_m[places.edge] - places.offset_m
    straight, limit = _steps(graph, seen)
    score = emission[: places.first[1]]
    best: list[int] = [int(score.argmax())]
    back: list[NDArray[np.intp] | None] = [None]
    windows = tuple(_cut_windows(graph, seen, limit, 0, len(seen.xy) - 1))
    for window in windows:
        lengths = graph.measure(window.sources, window.nodes, window.limit_m)
        rows = slice(places.first[window.start], places.first[window.stop + 1])
        head = np.searchsorted(window.sources, graph.head[places.edge[rows]])
        tail = np.searchsorted(window.nodes, graph.tail[places.edge[rows]])
        for i in range(window.start, window.stop):
            a, b = slice(places.first[i], places.first[i + 1]), slice(places.first[i + 1], places.first[i + 2])
            came = None
            if not seen.breaks[i]:
                between = lengths[head[_shift(a, rows)][:, None], tail[_shift(b, rows)]]
                way = rest[a][:, None] + between + places.offset_m[b]
                ahead = places.offset_m[b] - places.offset_m[a][:, None]
                along = (places.edge[a][:, None] == places.edge[b]) & (ahead >= -BACK_M)
                way = np.where(along, np.maximum(ahead, 0.0), way)
                total = np.where(way <= limit[i], score[:, None] - np.abs(way - straight[i]) / beta_m, -np.inf)
                came = total.argmax(axis=0)
                after = total[came, np.arange(total.shape[1])]
                if np.isneginf(after).all():
                    came = None
            score = emission[b] if came is None else after + emission[b]
            back.append(came)
            best.append(int(score.argmax()))
    return _trace_back(places, back, best, windows)


def _trace_back(
    places: Candidates, back: list[NDArray[np.intp] | None], best: list[int], windows: tuple[Window, ...]
) -> Sequence:
    chosen = np.empty(len(back), np.intp)
    breaks = np.zeros(len(back), bool)
    state = best[-1]
    for i in range(len(back) - 1, -1, -1):
        chosen[i] = places.first[i] + state
        came = back[i]
        if i:
            breaks[i - 1] = came is None
            state = best[i - 1] if came is None else int(came[state])
    return Sequence(chosen, breaks, windows)


def _shift(part: slice, whole: slice) -> slice:
    return slice(part.start - whole.start, part.stop - whole.start)


def _steps(graph: MatchGraph, seen: Observations) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    straight = np.hypot(*np.diff(seen.xy, axis=0).T)
    return straight, DETOUR * straight + LIMIT_M + 2.0 * graph.speed_mps * np.diff(seen.at_s)


def _cut_windows(
    graph: MatchGraph, seen: Observations, limit: NDArray[np.float64], start: int, stop: int
) -> Iterator[Window]:
    """Cut a track so that the lengths between the nodes around each part fit into memory."""
    if start == stop:
        return
    live = ~seen.breaks[start:stop]
    reach = float(limit[start:stop][live].max()) if live.any() else 0.0
    first = seen.candidates.first
    edges = np.unique(seen.candidates.edge[first[start] : first[stop + 1]])
    sources = np.unique(graph.head[edges])
    ends = np.concatenate([seen.xy[start : stop + 1], graph.xy[sources], graph.xy[graph.tail[edges]]])
    nodes = graph.find_nodes(ends, reach)
    if len(sources) * len(nodes) > CELLS and stop - start > 1:
        middle = (start + stop) // 2
        yield from _cut_windows(graph, seen, limit, start, middle)
        yield from _cut_windows(graph, seen, limit, middle, stop)
    else:
        yield Window(start, stop, sources, nodes, reach)


def join_sequence(
    graph: MatchGraph, seen: Observations, sequence: Sequence
) -> list[tuple[int, list[Traversal], NDArray[np.float64]]]:
    """Join the chosen places by shortest ways.

    Returns
    -------
    list
        One entry per piece: its first fix, its traversals, and how far along the piece each of its fixes is.
    """
    places = seen.candidates
    edge, offset = places.edge[sequence.row], places.offset_m[sequence.row]
    between = _find_ways(graph, sequence, edge, offset)
    pieces = []
    starts = np.r_[0, np.flatnonzero(sequence.breaks[:-1]) + 1]
    for first, stop in zip(starts, np.r_[starts[1:], len(edge)], strict=True):
        driven: list[Traversal] = []
        here, begin, at = int(edge[first]), float(offset[first]), float(offset[first])
        way_m, along = 0.0, [0.0]
        for i in range(first + 1, stop):
            if _goes_on(edge, offset, i - 1):
                ahead = max(0.0, float(offset[i]) - at)
                at, way_m = at + ahead, way_m + ahead
            else:
                length = float(graph.length_m[here])
                driven.append(Traversal(here, begin, length, way_m - (at - begin)))
                way_m += length - at
                for passed in between.get(i - 1, []):
                    driven.append(Traversal(passed, 0.0, float(graph.length_m[passed]), way_m))
                    way_m += float(graph.length_m[passed])
                here, begin, at = int(edge[i]), 0.0, float(offset[i])
                way_m += at
            along.append(way_m)
        driven.append(Traversal(here, begin, at, way_m - (at - begin)))
        pieces.append((int(first), driven, np.array(along)))
    return pieces


def _goes_on(edge: NDArray[np.intp], offset: NDArray[np.float64], i: int) -> bool:
    """Whether fix i + 1 is further along the same edge as fix i, but for noise."""
    return bool(edge[i] == edge[i + 1] and offset[i + 1] - offset[i] >= -BACK_M)


def _find_ways(
    graph: MatchGraph, sequence: Sequence, edge: NDArray[np.intp], offset: NDArray[np.float64]
) -> dict[int, list[int]]:
    """Edges driven in full between fix i and the next, where the end of one edge is not the start of the other."""
    ways: dict[int, list[int]] = {}
    for window in sequence.windows:
        steps = [
            i
            for i in range(window.start, window.stop)
            if not sequence.breaks[i]
            and not _goes_on(edge, offset, i)
            and graph.head[edge[i]] != graph.tail[edge[i + 1]]
        ]
        if steps:
            pairs = [(int(graph.head[edge[i]]), int(graph.tail[edge[i + 1]])) for i in steps]
            ways.update(zip(steps, graph.find_paths(pairs, window.nodes, window.limit_m), strict=True))
    return ways
