"""A first plan for several units: compact parts of about equal work, each walked around for itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sightgrid.patrol.arcs.euler import find_circuit
from sightgrid.patrol.arcs.problem import ArcProblem, measure_gaps

_ROUNDS, _PULL, _TINY = 40, 0.3, 1e-9


def share_out(problem: ArcProblem) -> list[list[int]]:
    """Split the required edges among the routes of a min-max problem, in the order of one walk each.

    Centres take the edges nearest to them; where that makes a part too much work its centre takes less in the next
    round, and every centre moves to the middle of its part (a weighted k-medoids on the street graph).

    Parameters
    ----------
    problem : ArcProblem
        With a number of routes.

    Returns
    -------
    list of lists of int
        Edges of each route in order, some maybe empty.
    """
    edges, routes = len(problem.ends), problem.routes or 1
    if routes == 1 or edges <= routes:
        whole = [e for e, _ in find_circuit(problem).order]
        return [whole[r::routes] for r in range(routes)] if edges <= routes else [whole]
    apart = np.array([measure_gaps(problem, e) for e in range(edges)])
    work = np.nanmin(np.where(np.isfinite(problem.cost), problem.cost, np.nan), axis=1)
    home = problem.distance[problem.depot] + problem.distance[:, problem.depot]
    trip = home[problem.ends].min(axis=1)
    centres = [int(trip.argmax())]
    while len(centres) < routes:  # each as far as may be from the others
        centres.append(int(apart[centres].min(axis=0).argmax()))
    factor = np.ones(routes)
    best, least = np.zeros(edges, np.int64), np.inf
    for _ in range(_ROUNDS):
        part = (apart[centres] * factor[:, None]).argmin(axis=0)
        held = [np.flatnonzero(part == r) for r in range(routes)]
        load = np.array([work[own].sum() + trip[own].min(initial=np.inf) if len(own) else 0.0 for own in held])
        if load.max() < least:
            best, least = part, load.max()
        factor *= np.maximum(load / max(load.mean(), _TINY), _TINY) ** _PULL
        factor = np.clip(factor / factor.mean(), 0.05, 20.0)
        centres = [
            int(own[apart[np.ix_(own, own)].sum(axis=1).argmin()]) if len(own) else centre
            for own, centre in zip(held, centres, strict=True)
        ]
    return [_walk_part(problem, np.flatnonzero(best == r)) for r in range(routes)]


def _walk_part(problem: ArcProblem, own: np.ndarray) -> list[int]:
    part = replace(
        problem,
        streets=tuple(problem.streets[e] for e in own),
        ends=problem.ends[own],
        cost=problem.cost[own],
        demand=problem.demand[own],
    )
    return [int(own[e]) for e, _ in find_circuit(part).order]
