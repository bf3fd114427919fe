"""Street coverage: drive every street of a beat, with one unit (the Chinese postman) or several (min-max)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sightgrid.errors import UnitRangeError
from sightgrid.patrol.arcs.euler import find_circuit
from sightgrid.patrol.arcs.problem import build_problem
from sightgrid.patrol.arcs.solver import ArcSolution, solve_arcs
from sightgrid.patrol.arcs.territories import share_out
from sightgrid.patrol.arcs.walks import lay_walks

if TYPE_CHECKING:
    from collections.abc import Iterable

    import networkx as nx

    from sightgrid.patrol.arcs.problem import ArcProblem, Edge

# Rounds of the search: at least, and for each street; then no more than this however many streets there are.
_ROUNDS, _ROUNDS_PER_STREET, _MOST_ROUNDS = 2_000, 100, 30_000
_SECONDS = 20.0


def cover_streets(
    graph: nx.MultiDiGraph[int],
    required: Iterable[Edge],
    *,
    depot: int,
    units: int = 1,
    weight: str = "seconds",
    seed: int = 0,
    rounds: int | None = None,
    seconds: float = _SECONDS,
) -> list[list[Edge]]:
    """Drive every required street at least once and come back, each unit in about the same time.

    Two-way streets are driven in one direction or the other, one-way streets in theirs; other streets serve as ways
    between them. One unit: the closed walk of least cost (rural postman on a mixed graph). Several units: the costliest
    walk is as cheap as possible, then the sum of all.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        Edges ``(u, v, key)`` with ``street`` (the row's ``(u, v, key)``), ``reversed``, and the weight; two-way
        streets have an edge each way, one-way streets one.
    required : iterable of (u, v, key)
        Streets to be driven, as rows of the street layer.
    depot : int
        Node where all units start and end.
    units : int
        Number of units.
    weight : str
        Edge attribute to be added up: ``"seconds"``, ``"length_m"``, or another that is at least 0.
    seed : int
        Of the random choices. The same seed gives the same walks unless the seconds run out before the rounds.
    rounds : int, optional
        Rounds of the search that follows the first plan; 100 for each street, from 2 000 to 30 000, if not given.
    seconds : float
        The search ends after so many seconds at the latest; the first plan of some hundred streets takes about a
        second before it.

    Returns
    -------
    list of lists of (u, v, key)
        For each unit the edges of the graph that it drives, in order, from the depot back to it; empty for a unit
        that is not needed.

    Raises
    ------
    InputError
        For a depot or streets that are not in the graph, and weights that are negative or not finite.
    UnitRangeError
        For a number of units below 1, and rounds or seconds that are not above 0.
    InfeasibleError
        For streets that cannot be reached from the depot and left to it again.

    See Also
    --------
    sightgrid.patrol.arcs.euler.find_circuit : the first plan, and when it is known to be the best.
    sightgrid.patrol.arcs.solver.solve_arcs : the search after it.

    Examples
    --------
    >>> import networkx as nx
    >>> graph = nx.MultiDiGraph()
    >>> for u, v in [(1, 2), (2, 3), (3, 1), (3, 4)]:
    ...     _ = graph.add_edge(u, v, 0, street=(u, v, 0), reversed=False, seconds=60.0)
    ...     _ = graph.add_edge(v, u, 0, street=(u, v, 0), reversed=True, seconds=60.0)
    >>> [walk] = cover_streets(graph, [(1, 2, 0), (2, 3, 0), (3, 1, 0), (3, 4, 0)], depot=1)
    >>> len(walk)
    5
    """
    if units < 1:
        raise UnitRangeError(f"units: must be at least 1, got {units}")
    for name, value in (("rounds", rounds), ("seconds", seconds)):
        if value is not None and not value > 0:
            raise UnitRangeError(f"{name}: must be above 0, got {value}")
    problem = build_problem(graph, required, depot=depot, weight=weight, routes=units)
    solution = _plan(problem, seed=seed, rounds=rounds, seconds=seconds)
    return [
        [(step.u, step.v, step.key) for step in walk] for walk in lay_walks(graph, problem, solution, weight=weight)
    ]


def _plan(problem: ArcProblem, *, seed: int, rounds: int | None, seconds: float) -> ArcSolution:
    streets = len(problem.streets)
    if problem.routes == 1:
        circuit = find_circuit(problem)
        first = ArcSolution((circuit.order,), (circuit.cost,), 0, 0.0)
        if circuit.exact:
            return first
        start = [[e for e, _ in circuit.order]]
    else:
        start = share_out(problem)
    if rounds is None:
        rounds = min(_ROUNDS + _ROUNDS_PER_STREET * streets, _MOST_ROUNDS)
    # few rounds for many streets: stay near the first plan, which is good already
    heat = min(1.0, rounds / (_ROUNDS_PER_STREET * max(streets, 1)))
    return solve_arcs(problem, rounds=rounds, seconds=seconds, start=start, heat=heat, seed=seed)
