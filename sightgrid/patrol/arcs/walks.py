"""From routes to walks: every edge driven in order, which of them serve; and an independent check of walks."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import networkx as nx

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sightgrid.patrol.arcs.problem import ArcProblem, Edge
    from sightgrid.patrol.arcs.solver import ArcSolution


class Step(NamedTuple):
    """One edge of the graph driven by a unit, and whether it serves the street."""

    u: int
    v: int
    key: int
    serves: bool


def lay_walks(
    graph: nx.MultiDiGraph[int], problem: ArcProblem, solution: ArcSolution, *, weight: str = "seconds"
) -> list[list[Step]]:
    """Write the routes of a solution as closed walks on the street graph; ways between served streets by Dijkstra.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        The graph that the problem was read from.
    problem : ArcProblem
    solution : ArcSolution
    weight : str
        Edge attribute: cost of driving along.

    Returns
    -------
    list of lists of Step
        One walk for each route, from the depot back to it; empty for a route that serves nothing.
    """
    depot = problem.nodes[problem.depot]
    walks = []
    for route in solution.routes:
        walk: list[Step] = []
        here = depot
        for e, against in route:
            u, v, key = problem.streets[e]
            start, stop = (v, u) if against else (u, v)
            walk += [*_drive(graph, here, start, weight), Step(start, stop, key, serves=True)]
            here = stop
        walks.append([*walk, *_drive(graph, here, depot, weight)])
    return walks


def cost_walk(graph: nx.MultiDiGraph[int], walk: Iterable[Sequence[int]], *, weight: str = "seconds") -> float:
    """Sum of the costs of all edges of a walk."""
    return math.fsum(graph.edges[step[0], step[1], step[2]][weight] for step in walk)


def check_walks(
    graph: nx.MultiDiGraph[int],
    required: Iterable[Edge],
    walks: Sequence[Sequence[Step]],
    *,
    depot: int,
    demand: str | None = None,
    capacity: float = math.inf,
) -> list[str]:
    """List the rules that walks break, looking at the graph only and at nothing that the solver computed.

    Rules: every step is an edge of the graph (so one-way streets are driven in their direction), each begins where
    the one before ended, walks begin and end at the depot, every required street is served once by one walk, no other
    is served, and no walk serves more demand than the capacity.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
    required : iterable of (u, v, key)
        Streets to be served.
    walks : sequence of sequences of Step
    depot : int
    demand : str, optional
        Edge attribute: what serving takes from the capacity.
    capacity : float
        Most demand that one walk serves.

    Returns
    -------
    list of str
        One line for each fault; empty if there is none.
    """
    faults = []
    times = dict.fromkeys(required, 0)
    for number, walk in enumerate(walks):
        load = 0.0
        if walk and (walk[0].u != depot or walk[-1].v != depot):
            faults.append(f"walk {number}: begins at {walk[0].u} and ends at {walk[-1].v}, not at the depot {depot}")
        breaks = [(one.v, two.u) for one, two in pairwise(walk) if one.v != two.u]
        faults += [f"walk {number}: drives to {stop} and goes on from {start}" for stop, start in breaks]
        for step in walk:
            if not graph.has_edge(step.u, step.v, step.key):
                faults.append(f"walk {number}: {step[:3]} is no edge of the graph")
            elif step.serves:
                edge = graph.edges[step.u, step.v, step.key]
                street = edge["street"]
                load += edge[demand] if demand else 0.0
                if street not in times:
                    faults.append(f"walk {number}: serves {street}, which is not required")
                times[street] = times.get(street, 0) + 1
        if load > capacity * (1 + 1e-9):
            faults.append(f"walk {number}: serves a demand of {load:g}, the capacity is {capacity:g}")
    return faults + [f"street {street} is served {count} times" for street, count in times.items() if count != 1]


def _drive(graph: nx.MultiDiGraph[int], source: int, target: int, weight: str) -> list[Step]:
    """The cheapest edges from node to node."""
    if source == target:
        return []
    _, nodes = nx.bidirectional_dijkstra(graph, source, target, weight=weight)
    return [
        Step(u, v, min(graph[u][v], key=lambda key: (graph[u][v][key][weight], key)), serves=False)
        for u, v in pairwise(nodes)
    ]
