"""The arc routing problem: required edges with a cost each way, a depot, and the distances between their ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import dijkstra

from sightgrid.errors import FIRST_IDS, InfeasibleError, InputError, UnitRangeError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    import networkx as nx
    from numpy.typing import NDArray

Edge = tuple[int, int, int]
_SLACK = 1e-9


@dataclass(frozen=True)
class ArcProblem:
    """Required edges to be served by routes that start and end at one depot.

    Without ``routes`` the sum of all costs is to be least, with as many routes as the capacity asks for (capacitated
    arc routing, CARP). With ``routes`` that many routes serve everything, the costliest of them is to be as cheap as
    possible, and then the sum (min-max k windy rural postman, MM-kWRPP); the capacity does not count then.

    Attributes
    ----------
    nodes : tuple of int
        Nodes of the graph at which required edges or the depot lie; the problem counts nodes in this order.
    streets : tuple of (u, v, key)
        The required edges as they are drawn.
    ends : ndarray of int64, shape (edges, 2)
        Number of the node where each edge starts, and where it ends.
    cost : ndarray of float64, shape (edges, 2)
        Cost of serving it as drawn, and the other way round; infinite where that way is forbidden.
    demand : ndarray of float64, shape (edges,)
        What serving it takes from the capacity.
    distance : ndarray of float64, shape (nodes, nodes)
        Least cost of driving between nodes without serving.
    depot : int
        Number of the depot's node.
    capacity : float
        Most demand that one route serves.
    routes : int or None
        Number of routes of the min-max problem.
    """

    nodes: tuple[int, ...]
    streets: tuple[Edge, ...]
    ends: NDArray[np.int64]
    cost: NDArray[np.float64]
    demand: NDArray[np.float64]
    distance: NDArray[np.float64]
    depot: int
    capacity: float = np.inf
    routes: int | None = None


def build_problem(
    graph: nx.MultiDiGraph[int],
    required: Iterable[Edge],
    *,
    depot: int,
    weight: str = "seconds",
    demand: str | None = None,
    capacity: float = np.inf,
    routes: int | None = None,
) -> ArcProblem:
    """Read an arc routing problem off a street graph.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        Edges ``(u, v, key)`` with ``street`` (the row's ``(u, v, key)``) and ``reversed``; two-way streets have an
        edge each way, one-way streets one.
    required : iterable of (u, v, key)
        Streets to be served, in one direction or the other.
    depot : int
        Node where every route starts and ends.
    weight, demand : str
        Edge attributes: cost of driving along, and what serving takes from the capacity (nothing if not given).
    capacity : float
        Most demand that one route serves.
    routes : int, optional
        Number of routes of the min-max problem.

    Returns
    -------
    ArcProblem

    Raises
    ------
    InputError
        For a depot or streets that are not in the graph, and costs that are negative or not finite.
    UnitRangeError
        For a capacity or a number of routes below 1.
    InfeasibleError
        For streets that cannot be reached from the depot and left to it again, and demands beyond the capacity.

    Examples
    --------
    >>> import networkx as nx
    >>> graph = nx.MultiDiGraph()
    >>> _ = graph.add_edge(1, 2, 0, street=(1, 2, 0), reversed=False, seconds=30.0)
    >>> _ = graph.add_edge(2, 1, 0, street=(1, 2, 0), reversed=True, seconds=40.0)
    >>> build_problem(graph, [(1, 2, 0)], depot=1).cost.tolist()
    [[30.0, 40.0]]
    """
    if routes is not None and routes < 1:
        raise UnitRangeError(f"routes: must be at least 1, got {routes}")
    if not capacity > 0:
        raise UnitRangeError(f"capacity: must be above 0, got {capacity}")
    if depot not in graph:
        raise InputError(f"depot: node {depot} is not in the street graph")
    streets = tuple(dict.fromkeys((int(u), int(v), int(key)) for u, v, key in required))
    _refuse(InputError, "required: not in the street graph", [one for one in streets if not graph.has_edge(*one)])
    matrix, row = _cost_matrix(graph, weight)
    terminals = dict.fromkeys([depot, *(node for u, v, _ in streets for node in (u, v))])
    rows = np.array([row[node] for node in terminals], np.int64)
    distance = dijkstra(matrix, indices=rows)[:, rows]
    number = {node: i for i, node in enumerate(terminals)}
    ends = np.array([(number[u], number[v]) for u, v, _ in streets], np.int64).reshape(-1, 2)
    cost = np.array([_both_ways(graph, one, weight) for one in streets], np.float64).reshape(-1, 2)
    forth = distance[0, ends[:, 0]] + cost[:, 0] + distance[ends[:, 1], 0]
    back = distance[0, ends[:, 1]] + cost[:, 1] + distance[ends[:, 0], 0]
    lost = ~np.isfinite(np.minimum(forth, back))
    _refuse(
        InfeasibleError,
        "required: cannot be reached from the depot and left to it again",
        [one for one, is_lost in zip(streets, lost, strict=True) if is_lost],
    )
    wants = np.array([graph.edges[one][demand] if demand else 0.0 for one in streets], np.float64)
    heavy = [one for one, want in zip(streets, wants, strict=True) if not 0 <= want <= capacity]
    _refuse(InfeasibleError, f"demand: not from 0 to the capacity of {capacity:g}", heavy)
    return ArcProblem(tuple(terminals), streets, ends, cost, wants, distance, 0, float(capacity), routes)


def bound_longest(problem: ArcProblem) -> float:
    """Least cost that the longest route has at least: that of the one edge farthest away, and of a fair share."""
    if not len(problem.ends):
        return 0.0
    home, ends, cost = problem.depot, problem.ends, problem.cost
    there, back = problem.distance[home], problem.distance[:, home]
    alone = np.minimum(
        there[ends[:, 0]] + cost[:, 0] + back[ends[:, 1]], there[ends[:, 1]] + cost[:, 1] + back[ends[:, 0]]
    )
    share = cost.min(axis=1).sum() / (problem.routes or len(ends))
    return float(max(alone.max(), share))


def measure_gaps(problem: ArcProblem, edge: int) -> NDArray[np.float64]:
    """How far every edge is from one: the shortest way between their ends and, where that is equal, all such ways."""
    near = problem.ends[edge]
    ways = np.concatenate([problem.distance[near][:, problem.ends], problem.distance.T[near][:, problem.ends]])
    ways = ways.transpose(0, 2, 1).reshape(8, -1)
    return ways.min(axis=0) + 0.01 * ways.mean(axis=0)


def _cost_matrix(graph: nx.MultiDiGraph[int], weight: str) -> tuple[sparse.csr_array, dict[int, int]]:
    """The cheapest edge from node to node, and each node's row."""
    row = {node: i for i, node in enumerate(graph)}
    edges = list(graph.edges(keys=True, data=weight))
    bad = [(u, v, key) for u, v, key, cost in edges if cost is None or not 0 <= cost < np.inf]
    _refuse(InputError, f"{weight}: must be a finite number of at least 0", bad)
    table = np.array([(row[u], row[v], cost) for u, v, _, cost in edges], np.float64).reshape(-1, 3)
    table = table[np.lexsort(table.T[::-1])]
    first = np.ones(len(table), np.bool_)
    first[1:] = (table[1:, :2] != table[:-1, :2]).any(axis=1)
    table = table[first]
    # an explicit zero is an edge to scipy's sparse graphs, but only in this format
    shape = (len(row), len(row))
    return sparse.csr_array((table[:, 2], (table[:, 0].astype(np.int32), table[:, 1].astype(np.int32))), shape), row


def _both_ways(graph: nx.MultiDiGraph[int], street: Edge, weight: str) -> tuple[float, float]:
    u, v, key = street
    forth = float(graph.edges[street][weight])
    if u == v or not graph.has_edge(v, u, key):
        return forth, np.inf
    back = graph.edges[v, u, key]
    return forth, float(back[weight]) if back.get("street", street) == street else np.inf


def _refuse(error: type[Exception], rule: str, ids: list[Any]) -> None:
    if ids:
        more = ", …" if len(ids) > FIRST_IDS else ""
        rows = "street" if len(ids) == 1 else "streets"
        first = ", ".join(str(tuple(int(part) for part in one)) for one in ids[:FIRST_IDS])
        raise error(f"{rule} ({len(ids)} {rows}: {first}{more})")
