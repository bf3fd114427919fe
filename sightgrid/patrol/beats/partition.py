"""Streets cut into balanced, contiguous, compact parts along the street graph.

The parts grow from seeds as cells of an additively weighted Voronoi diagram on the street graph: a street goes to the
part whose seed is nearest along the streets after a handicap is added; handicaps rise for parts with too much work
until all are alike, and seeds move to the middle of their part. Such cells are contiguous by construction. A local
search (`sightgrid.patrol.beats.exchange`) then moves single streets across the borders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from sightgrid.patrol.beats.exchange import hang_together, refine

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sightgrid.patrol.beats.exchange import Aims, Parts

ROUNDS = 12  # seeds settle within about ten moves
HANDICAPS = 30
EVEN = 0.005  # a part this near to the mean needs no other handicap


@dataclass(frozen=True)
class Starts:
    """How often the search starts anew, and which of the starts are worth refining."""

    grown: int = 4
    refined: int = 2


def split(
    parts: Parts,
    count: int,
    *,
    aims: Aims,
    seed: int,
    starts: Starts | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> NDArray[np.int64]:
    """Give every street the number of its part.

    Parameters
    ----------
    parts : Parts
        The streets; those with ``fixed >= 0`` stay in the part of that number.
    count : int
        Number of parts; those below ``fixed.max() + 1`` start from their fixed streets.
    aims : Aims
        What balance and whole roads are worth beside compactness.
    seed : int
        Draws the first seeds.
    starts : Starts, optional
        How many first seeds are tried.
    tell : callable, optional
        Called as ``tell(done, total)``.

    Returns
    -------
    ndarray of int
        The part of each street; no part is empty.
    """
    if count == 1:
        return np.zeros(len(parts.work), np.int64)
    starts = starts or Starts()
    rng = np.random.default_rng(seed)
    tries = []
    for done in range(starts.grown):
        label = _grow(parts, count, aims, rng)
        tries.append((parts.judge(label, count, aims), done, label))
        if tell:
            tell(done + 1, starts.grown + starts.refined)
    tries.sort(key=lambda one: one[:2])
    best, lowest = tries[0][2], np.inf
    for done, (_, _, label) in enumerate(tries[: starts.refined]):
        refined = refine(parts, label, count, aims=aims, rng=rng)
        worth = parts.judge(refined, count, aims)
        if worth < lowest:
            best, lowest = refined, worth
        if tell:
            tell(starts.grown + done + 1, starts.grown + starts.refined)
    return best


def _sow(parts: Parts, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw a seed for each part without fixed streets, far from the others (k-means++, Arthur & Vassilvitskii 2007)."""
    free = np.flatnonzero(parts.fixed < 0)
    zones = count - parts.open_count(count)
    middles = [parts.xy[parts.fixed == zone].mean(axis=0) for zone in range(zones)]
    seeds: list[int] = []
    nearest = np.full(len(free), np.inf)
    for middle in middles:
        nearest = np.minimum(nearest, ((parts.xy[free] - middle) ** 2).sum(axis=1))
    for _ in range(count - zones):
        chance = parts.work[free] * np.where(np.isfinite(nearest), nearest, 1.0)
        chance[np.isin(free, seeds)] = 0.0
        if not chance.sum() > 0.0:  # only streets without work are left, or they lie on one spot
            chance = (~np.isin(free, seeds)).astype(float)
        pick = int(rng.choice(len(free), p=chance / chance.sum()))
        seeds.append(int(free[pick]))
        nearest = np.minimum(nearest, ((parts.xy[free] - parts.xy[free[pick]]) ** 2).sum(axis=1))
    return np.array(seeds, np.int64)


def _grow(parts: Parts, count: int, aims: Aims, rng: np.random.Generator) -> NDArray[np.int64]:
    """Grow parts from drawn seeds, even out their work, move the seeds to the middle, again; the best of all rounds."""
    seeds = _sow(parts, count, rng)
    graph = _free_graph(parts)
    zones = count - len(seeds)
    best, lowest = np.zeros(len(parts.work), np.int64), np.inf
    handicap = np.zeros(count)
    for _ in range(ROUNDS):
        away_m = _measure_away(parts, graph, seeds, zones)
        label, handicap = _even_out(parts, away_m, handicap)
        label = _mend(parts, label, seeds, zones)
        worth = parts.judge(label, count, aims)
        if worth < lowest:
            best, lowest = label, worth
        moved = _move_seeds(parts, label, seeds, zones)
        if (moved == seeds).all():
            break
        seeds = moved
    return best


def _free_graph(parts: Parts) -> coo_array:
    """Join the nodes along the streets that no part holds already, the shortest where several join two nodes."""
    free = parts.fixed < 0
    low, high = parts.ends[free].min(axis=1), parts.ends[free].max(axis=1)
    length = np.maximum(parts.length[free], 1e-3)
    order = np.lexsort((length, high, low))
    low, high, length = low[order], high[order], length[order]
    first = np.ones(len(low), bool)
    first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    nodes = int(parts.ends.max()) + 1
    return coo_array((length[first], (low[first], high[first])), shape=(nodes, nodes)).tocsr()


def _measure_away(parts: Parts, graph: coo_array, seeds: NDArray[np.int64], zones: int) -> NDArray[np.float64]:
    """Metres along the streets from the seed of each part to the middle of each street."""
    away = np.empty((zones + len(seeds), len(parts.work)))
    for part in range(len(away)):
        own = parts.ends[parts.fixed == part] if part < zones else parts.ends[seeds[part - zones]]
        at_node = dijkstra(graph, directed=False, indices=np.unique(own), min_only=True)
        away[part] = at_node[parts.ends].min(axis=1) + parts.length / 2.0
    away[:, parts.fixed >= 0] = np.inf
    held = np.flatnonzero(parts.fixed >= 0)
    away[parts.fixed[held], held] = 0.0
    return away


def _even_out(
    parts: Parts, away_m: NDArray[np.float64], handicap: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Raise the handicap of parts with too much work and lower that of the others; the most even parts found."""
    count = len(away_m)
    mean = parts.work.sum() / count
    nearest = away_m.min(axis=0)
    scale = float(nearest[np.isfinite(nearest)].mean())
    best, best_handicap, lowest = np.zeros(len(parts.work), np.int64), handicap, np.inf
    for turn in range(HANDICAPS):
        label = np.argmin(away_m + handicap[:, None], axis=0)
        excess = np.bincount(label, parts.work, minlength=count) / mean - 1.0
        unevenness = float((excess**2).sum())
        if unevenness < lowest:
            best, best_handicap, lowest = label, handicap, unevenness
        if np.abs(excess).max() < EVEN:
            break
        handicap = handicap + 0.7 * 0.96**turn * scale * np.clip(excess, -1.0, 1.0)
    return best, best_handicap


def _mend(parts: Parts, label: NDArray[np.int64], seeds: NDArray[np.int64], zones: int) -> NDArray[np.int64]:
    """Make every part hold its seed and hang together: what is cut off goes to a part beside it."""
    label = label.copy()
    label[seeds] = zones + np.arange(len(seeds))
    anchored = parts.fixed >= 0
    anchored[seeds] = True
    group = hang_together(parts.ends, label)
    label[~np.isin(group, group[anchored])] = -1
    while (label < 0).any():
        at_node = np.full(int(parts.ends.max()) + 1, -1)
        known = label >= 0
        np.maximum.at(at_node, parts.ends[known].ravel(), np.repeat(label[known], 2))
        beside = at_node[parts.ends[~known]].max(axis=1)
        label[~known] = beside
    return label


def _move_seeds(parts: Parts, label: NDArray[np.int64], seeds: NDArray[np.int64], zones: int) -> NDArray[np.int64]:
    """Move each seed to the street nearest to the middle of its part's work."""
    moved = seeds.copy()
    for i in range(len(seeds)):
        own = np.flatnonzero(label == zones + i)
        weight = parts.work[own] if parts.work[own].sum() > 0.0 else np.ones(len(own))
        middle = np.average(parts.xy[own], axis=0, weights=weight)
        moved[i] = own[np.argmin(((parts.xy[own] - middle) ** 2).sum(axis=1))]
    return moved
