"""Small street graphs, and the best walks on them by looking at all."""

from __future__ import annotations

import math

import networkx as nx
from hypothesis import strategies as st


def street_graph(streets):
    """A graph of streets (u, v, cost there, cost back or None), as the patrol network has them."""
    graph = nx.MultiDiGraph()
    for u, v, there, back in streets:
        key = graph.number_of_edges(u, v) + (graph.number_of_edges(v, u) if u != v else 0)
        graph.add_edge(u, v, key, street=(u, v, key), reversed=False, seconds=there)
        if back is not None and u != v:
            graph.add_edge(v, u, key, street=(u, v, key), reversed=True, seconds=back)
    return graph


def rows(graph):
    return list(dict.fromkeys(graph.edges[edge]["street"] for edge in graph.edges(keys=True)))


@st.composite
def strongly_connected(draw, *, kind, nodes=5, more=3):
    """A graph that can be driven everywhere and back: a ring, and some more streets, loops and parallels among them."""
    count = draw(st.integers(2, nodes))
    pairs = [(i, (i + 1) % count) for i in range(count)]
    node = st.integers(0, count - 1)
    pairs += draw(st.lists(st.tuples(node, node), max_size=more))
    streets = []
    for at, (u, v) in enumerate(pairs):
        cost = draw(st.integers(0, 9))
        both = kind == "undirected" or (kind == "mixed" and draw(st.booleans()))
        back = draw(st.integers(0, 9)) if kind == "mixed" and at >= count else cost
        streets.append((u, v, float(cost), float(back) if both else None))
    return street_graph(streets)


def closed_walks(graph, required, depot):
    """Least cost of a closed walk from the depot along each subset of the required streets, by dynamic programming."""
    away = dict(nx.all_pairs_dijkstra_path_length(graph, weight="seconds"))
    ways = []  # (street number, start, stop, cost)
    for i, (u, v, key) in enumerate(required):
        ways += [(i, a, b, graph.edges[a, b, key]["seconds"]) for a, b in {(u, v), (v, u)} if graph.has_edge(a, b, key)]
    best = {}
    for subset in range(1, 1 << len(required)):
        for at, (i, start, stop, cost) in enumerate(ways):
            if not subset >> i & 1:
                continue
            rest = subset ^ (1 << i)
            before = [(best[rest, other], ways[other][2]) for other in range(len(ways)) if (rest, other) in best]
            if not rest:
                before = [(0.0, depot)]
            best[subset, at] = min((so_far + away[here][start] for so_far, here in before), default=math.inf) + cost
            del stop
    return [0.0] + [
        min(best[subset, at] + away[way[2]][depot] for at, way in enumerate(ways) if (subset, at) in best)
        for subset in range(1, 1 << len(required))
    ]


def share_best(costs, units):
    """Least cost of the costliest of so many walks that serve everything together."""
    full = len(costs) - 1
    least = list(costs)
    for _ in range(units - 1):
        least = [
            min(max(least[subset ^ part], costs[part]) for part in range(full + 1) if part & subset == part)
            for subset in range(full + 1)
        ]
    return least[full]
