"""One closed walk of little cost along all required edges: make the graph Eulerian, then walk around it.

Where every street costs the same both ways, nodes with an odd number of required edges are matched at least cost and
the ways between them driven once more (Edmonds and Johnson 1973, "Matching, Euler tours and the Chinese postman",
Mathematical Programming 5). With one-way streets or costs that differ by direction, streets are first given
directions by a minimum-cost flow and what is then missing between nodes is a minimum-cost flow as well (the even
mixed graph of the same paper; Frederickson 1979, "Approximation algorithms for some postman problems", Journal of the
ACM 26, for the matching before it). Required edges in several pieces are first joined by a minimum spanning tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import networkx as nx
import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment, linprog

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sightgrid.patrol.arcs.problem import ArcProblem

# Odd nodes up to which each may be matched with each; above, each with this many nearest, and more if that fails.
_ALL_PAIRS, _PARTNERS = 120, 12
_MORE_THAN_HALF = 1.5
# Shares of the longest way: ways that are shorter count as this long, and lengths that differ by less are the same.
_TINY, _EPSILON = 1e-6, 1e-9


class Circuit(NamedTuple):
    """Required edges in the order of one closed walk, and whether each is driven against its drawing.

    ``exact`` tells that no closed walk is can cost less.
    """

    order: tuple[tuple[int, bool], ...]
    cost: float
    exact: bool


def find_circuit(problem: ArcProblem) -> Circuit:
    """Order all required edges along one closed walk from the depot.

    Parameters
    ----------
    problem : ArcProblem
        Its capacity and number of routes are not looked at.

    Returns
    -------
    Circuit
        Of least cost if the required edges and the depot hang together and either all streets cost the same both ways
        and the odd nodes are few enough to match each with each, or all streets are one-way. Else a good one.
    """
    links = _join_pieces(problem)
    both = np.isfinite(problem.cost).all(axis=1) & (problem.ends[:, 0] != problem.ends[:, 1])
    if _is_undirected(problem):
        pairs, complete = _match_odd(problem, links)
        order = _walk_around(problem, links + pairs)
        return Circuit(order, cost_order(problem, order), exact=complete and not links)
    choices = [_orient(problem, links, [])]
    if both.any():
        choices.append(_orient(problem, links, _match_odd(problem, links)[0]))
    walks = [_walk_around(problem, links, against) for against in choices]
    cost, order = min((cost_order(problem, order), order) for order in walks)
    return Circuit(order, cost, exact=not both.any() and not links)


def cost_order(problem: ArcProblem, order: tuple[tuple[int, bool], ...]) -> float:
    """Cost of driving required edges in this order and direction, from the depot and back to it."""
    here, cost = problem.depot, 0.0
    for e, against in order:
        start, stop = problem.ends[e][::-1] if against else problem.ends[e]
        cost += problem.distance[here, start] + problem.cost[e, int(against)]
        here = stop
    return float(cost + problem.distance[here, problem.depot])


def _join_pieces(problem: ArcProblem) -> list[tuple[int, int]]:
    """Pairs of nodes that join all pieces of the required edges and the depot at least cost."""
    graph = nx.Graph(problem.ends.tolist())
    graph.add_node(problem.depot)
    pieces = [np.array(sorted(piece), np.int64) for piece in nx.connected_components(graph)]
    between = nx.Graph()
    apart = np.minimum(problem.distance, problem.distance.T)
    for i, one in enumerate(pieces):
        for j in range(i):
            block = apart[np.ix_(one, pieces[j])]
            a, b = np.unravel_index(block.argmin(), block.shape)
            between.add_edge(i, j, weight=block[a, b], link=(int(one[a]), int(pieces[j][b])))
    return [link for _, _, link in nx.minimum_spanning_tree(between).edges(data="link")]


def _match_odd(problem: ArcProblem, links: list[tuple[int, int]]) -> tuple[list[tuple[int, int]], bool]:
    """Pairs of the nodes with an odd number of edges, matched at least cost; and whether all pairs were looked at."""
    ends = np.concatenate([problem.ends, np.array(links, np.int64).reshape(-1, 2)])
    odd = np.flatnonzero(np.bincount(ends.ravel(), minlength=len(problem.nodes)) % 2)
    apart = np.minimum(problem.distance, problem.distance.T)[np.ix_(odd, odd)]
    partners = len(odd) - 1 if len(odd) <= _ALL_PAIRS else _PARTNERS
    while True:
        graph = nx.Graph()
        nearest = np.argsort(apart + np.diag(np.full(len(odd), np.inf)), axis=1, kind="stable")[:, :partners]
        graph.add_weighted_edges_from(
            (i, int(j), float(apart[i, j])) for i, row in enumerate(nearest) for j in row
        )  # fmt: skip
        pairs = nx.min_weight_matching(graph)
        if 2 * len(pairs) == len(odd):
            return [(int(odd[i]), int(odd[j])) for i, j in sorted(pairs)], partners >= len(odd) - 1
        partners = min(2 * partners, len(odd) - 1)


def _orient(problem: ArcProblem, links: list[tuple[int, int]], pairs: list[tuple[int, int]]) -> NDArray[np.bool_]:
    """Directions of required edges and links (true: against) that leave little to be balanced: a minimum-cost flow.

    Each first takes its cheaper direction; turning it moves two units of balance, half for each unit of a flow from 0
    to 2. With the pairs every node has an even number of edges; then the flow is even and none is left half turned.
    """
    nodes, distance = len(problem.nodes), problem.distance
    more = np.array(links + pairs, np.int64).reshape(-1, 2)
    ends = np.concatenate([problem.ends, more])
    cost = np.concatenate([problem.cost, np.column_stack([distance[tuple(more.T)], distance[tuple(more.T[::-1])]])])
    against = cost[:, 1] < cost[:, 0]
    start, stop = np.where(against, ends[:, ::-1].T, ends.T)
    turnable = np.flatnonzero(np.isfinite(cost).all(axis=1) & (start != stop))
    rise = np.abs(cost[turnable, 0] - cost[turnable, 1]) / 2.0
    tails, heads, prices = _short_ways(distance)
    most = np.concatenate([np.full(len(prices), np.inf), np.full(len(turnable), 2.0)])
    tails, heads = np.concatenate([tails, stop[turnable]]), np.concatenate([heads, start[turnable]])
    columns = np.tile(np.arange(len(tails)), 2)
    signs = np.repeat([1.0, -1.0], len(tails))
    flow = linprog(
        np.concatenate([prices, rise]),
        A_eq=sparse.csr_array((signs, (np.concatenate([tails, heads]), columns)), shape=(nodes, len(tails))),
        b_eq=_surplus(start, stop, nodes),
        bounds=np.column_stack([np.zeros(len(most)), most]),
        method="highs-ds",  # simplex: an integral vertex
    ).x
    turned = turnable[flow[len(prices) :] > _MORE_THAN_HALF]
    against[turned] = ~against[turned]
    return against[: len(ends) - len(pairs)]


def _short_ways(distance: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Ways between nodes that are not made of two others: all other ways are made of these."""
    nodes, scale = len(distance), float(distance.max()) or 1.0
    # nodes on one spot: a way of next to nothing, so that of two ways of one length the direct one stays
    distance = np.maximum(distance, _TINY * scale)
    keep = np.zeros((nodes, nodes), np.bool_)
    for i in range(nodes):
        left = np.arange(nodes) != i
        while left.any():
            j = int(np.where(left, distance[i], np.inf).argmin())
            keep[i, j] = True
            left &= distance[i, j] + distance[j] > distance[i] + _EPSILON * scale
            left[j] = False
    tails, heads = np.nonzero(keep)
    return tails, heads, distance[tails, heads]


def _surplus(start: NDArray[np.int64], stop: NDArray[np.int64], nodes: int) -> NDArray[np.int64]:
    """By how many more edges end than begin at each node."""
    return np.bincount(stop, minlength=nodes) - np.bincount(start, minlength=nodes)


def _walk_around(
    problem: ArcProblem, links: list[tuple[int, int]], against: NDArray[np.bool_] | None = None
) -> tuple[tuple[int, bool], ...]:
    """Walk once along all required edges and links; with directions, along the ways that balance them as well."""
    ends = np.concatenate([problem.ends, np.array(links, np.int64).reshape(-1, 2)])
    graph = nx.MultiGraph() if against is None else nx.MultiDiGraph()
    graph.add_node(problem.depot)
    if against is not None:
        ends = np.where(against[:, None], ends[:, ::-1], ends)
        surplus = _surplus(ends[:, 0], ends[:, 1], len(problem.nodes))
        sources = np.repeat(np.arange(len(surplus)), np.maximum(surplus, 0))
        targets = np.repeat(np.arange(len(surplus)), np.maximum(-surplus, 0))
        rows, columns = linear_sum_assignment(problem.distance[np.ix_(sources, targets)])
        ends = np.concatenate([ends, np.column_stack([sources[rows], targets[columns]])])
    graph.add_edges_from((u, v, key) for key, (u, v) in enumerate(ends.tolist()))
    circuit = nx.eulerian_circuit(graph, problem.depot, keys=True)
    return tuple((key, u != problem.ends[key, 0]) for u, _, key in circuit if key < len(problem.ends))


def _is_undirected(problem: ArcProblem) -> bool:
    """Whether every street and every way between nodes costs the same both ways."""
    loop = problem.ends[:, 0] == problem.ends[:, 1]
    same = np.isclose(problem.cost[:, 0], problem.cost[:, 1])
    return bool((loop | same).all() and np.allclose(problem.distance, problem.distance.T))
