"""Arc routing: optima of public instances, brute force on small graphs, and a checker that sees every fault."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenes import SHARED
from street_graphs import closed_walks, rows, share_best, street_graph, strongly_connected

from benchmarks import patrol_arcs
from sightgrid.errors import InfeasibleError, UnitRangeError
from sightgrid.patrol.arcs import Step, bound_longest, build_problem, check_walks, cost_walk, lay_walks, solve_arcs

ROUNDS = 3000
MORE_ROUNDS = {"gdb8": 10_000, "gdb9": 20_000, "gdb12": 10_000, "gdb13": 40_000, "gdb20": 10_000, "gdb23": 10_000}
FEW = 400


def instance(name):
    if not patrol_arcs.REFERENCE.is_file():
        pytest.skip(f"the benchmark's instances are not on this machine ({SHARED.name} beside the project)")
    return next(one for one in patrol_arcs.list_instances() if one[1] == name)


def solve(name, *, rounds):
    _, _, path, routes, reference = instance(name)
    return patrol_arcs.solve_instance(path, routes, seconds=600.0, rounds=rounds), reference


@pytest.mark.parametrize("name", [f"gdb{number}" for number in range(1, 24)])
def test_optimum_is_reached(name):
    ours, optimum = solve(name, rounds=MORE_ROUNDS.get(name, ROUNDS))
    assert ours == optimum


@pytest.mark.parametrize(
    "name", ["val1A", "val9B", "val10A", "egl-e1-A", "P0318-k3", "P022100-k4", "P202100-k2", "P202100-k5"]
)
def test_reference_is_near(name):
    ours, reference = solve(name, rounds=10_000)
    assert ours <= 1.03 * reference


def test_every_file_of_the_collections_is_read():
    instance("gdb1")
    families = [family for family, *_ in patrol_arcs.list_instances()]
    assert [families.count(one) for one in patrol_arcs.FAMILIES] == [23, 34, 24, 16]
    for _, _, path, _, _ in patrol_arcs.list_instances():
        read = patrol_arcs.read_instance(path)
        assert read.required
        assert read.depot in read.graph


def total_best(costs, loads, capacity):
    """Least sum of closed walks that serve everything within the capacity."""
    full = len(costs) - 1
    least = [0.0] + [np.inf] * full
    for subset in range(1, full + 1):
        least[subset] = min(
            least[subset ^ part] + costs[part]
            for part in range(1, full + 1)
            if part & subset == part and loads[part] <= capacity
        )
    return least[full]


@given(
    graph=strongly_connected(kind="mixed", more=2),
    demands=st.lists(st.integers(0, 5), min_size=7, max_size=7),
    capacity=st.integers(5, 12),
)
def test_capacitated_routes_equal_brute_force(graph, demands, capacity):
    required = rows(graph)
    for u, v, key, edge in graph.edges(keys=True, data=True):
        edge["demand"] = float(demands[required.index(edge["street"])])
        assert graph.has_edge(u, v, key)
    problem = build_problem(graph, required, depot=0, demand="demand", capacity=capacity)
    solution = solve_arcs(problem, rounds=FEW)
    walks = lay_walks(graph, problem, solution)
    assert not check_walks(graph, required, walks, depot=0, demand="demand", capacity=capacity)
    assert [cost_walk(graph, walk) for walk in walks] == pytest.approx(list(solution.costs))
    wants = [demands[i] for i in range(len(required))]
    loads = [sum(w for i, w in enumerate(wants) if part >> i & 1) for part in range(1 << len(required))]
    assert solution.total == pytest.approx(total_best(closed_walks(graph, required, 0), loads, capacity))


@given(graph=strongly_connected(kind="mixed"), routes=st.integers(1, 3))
def test_the_bound_of_the_longest_route_holds(graph, routes):
    required = rows(graph)
    problem = build_problem(graph, required, depot=0, routes=routes)
    assert bound_longest(problem) <= share_best(closed_walks(graph, required, 0), routes) + 1e-9


@given(graph=strongly_connected(kind="mixed"), seed=st.integers(0, 99), routes=st.sampled_from([None, 1, 2]))
def test_one_seed_one_answer_and_any_start_will_do(graph, seed, routes):
    problem = build_problem(graph, rows(graph), depot=0, routes=routes)
    first, second = (solve_arcs(problem, rounds=50, seed=seed) for _ in range(2))
    assert first.routes == second.routes
    edges = np.random.default_rng(seed).permutation(len(problem.streets)).tolist()
    parts = [edges] if routes != 2 else [edges[1:], edges[:1]]
    begun = solve_arcs(problem, rounds=50, seed=seed, start=parts)
    assert not check_walks(graph, rows(graph), lay_walks(graph, problem, begun), depot=0)


def test_rules_that_end_a_search():
    graph = street_graph([(i, i + 1, 1.0, 1.0) for i in range(6)])
    problem = build_problem(graph, rows(graph), depot=0)
    assert solve_arcs(problem, idle_rounds=300, rounds=10**9).rounds < 10**4
    assert solve_arcs(problem, rounds=250).rounds == 250
    assert solve_arcs(problem, seconds=0.05).rounds > 0
    for rule in ({"seconds": 0}, {"rounds": -1}, {"idle_rounds": 0}):
        with pytest.raises(UnitRangeError):
            solve_arcs(problem, **rule)


def test_what_cannot_be_served_is_named():
    graph = street_graph([(1, 2, 1.0, 1.0), (2, 3, 1.0, None)])
    for edge in graph.edges.values():
        edge["demand"] = 7.0
    with pytest.raises(InfeasibleError, match=r"left to it again \(1 street: \(2, 3, 0\)\)"):
        build_problem(graph, rows(graph), depot=1)
    with pytest.raises(InfeasibleError, match=r"capacity of 5 \(1 street: \(1, 2, 0\)\)"):
        build_problem(graph, [(1, 2, 0)], depot=1, demand="demand", capacity=5.0)
    for wrong in ({"routes": 0}, {"capacity": 0.0}, {"capacity": float("nan")}):
        with pytest.raises(UnitRangeError):
            build_problem(graph, [(1, 2, 0)], depot=1, **wrong)


def test_an_end_that_leads_nowhere_else_is_not_lost():
    graph = street_graph([(1, 2, 1.0, 1.0)])
    assert solve_arcs(build_problem(graph, [(1, 2, 0)], depot=1)).total == 2.0
    assert solve_arcs(build_problem(graph, [], depot=1)).total == 0.0


def test_loops_and_streets_that_cost_nothing():
    graph = street_graph([(1, 1, 5.0, None), (1, 2, 0.0, 0.0), (2, 2, 3.0, None)])
    problem = build_problem(graph, rows(graph), depot=1, routes=2)
    solution = solve_arcs(problem, rounds=FEW)
    assert sorted(solution.costs) == [3.0, 5.0]


def test_the_checker_sees_every_fault():
    graph = street_graph([(1, 2, 1.0, 1.0), (2, 3, 1.0, None), (3, 1, 1.0, 1.0)])
    for edge in graph.edges.values():
        edge["demand"] = 2.0
    required = [(1, 2, 0), (2, 3, 0)]
    good = [Step(1, 2, 0, serves=True), Step(2, 3, 0, serves=True), Step(3, 1, 0, serves=False)]

    def faults(walk, **options):
        return check_walks(graph, required, [walk], depot=1, **options)

    assert faults(good) == []
    assert faults(good, demand="demand", capacity=4.0) == []
    assert "capacity is 3" in faults(good, demand="demand", capacity=3.0)[0]
    assert "not at the depot" in faults(good[:2])[0]
    assert "goes on from" in faults([good[0], good[2]])[0]
    assert "served 0 times" in faults([good[0], good[1]._replace(serves=False), good[2]])[0]
    assert "served 2 times" in faults([*good, good[0], good[0]._replace(u=2, v=1, serves=False)])[0]
    assert "not required" in faults([*good[:2], good[2]._replace(serves=True)])[0]
    assert "no edge" in faults([good[0], Step(2, 1, 1, serves=False)])[0]
    against = [Step(1, 3, 0, serves=False), Step(3, 2, 0, serves=True), Step(2, 1, 0, serves=True)]
    assert "no edge" in faults(against)[0]


def test_directions_are_chosen_for_the_whole_route():
    # windy: there over the cheap side of each street, and back over the other's
    graph = street_graph([(1, 2, 1.0, 9.0), (1, 2, 9.0, 1.0), (2, 3, 1.0, 9.0), (2, 3, 9.0, 1.0)])
    problem = build_problem(graph, rows(graph), depot=1)
    order = list(range(4))
    for start in (order, order[::-1]):
        assert solve_arcs(problem, start=[start], rounds=FEW).total == 4.0


def test_distances_equal_networkx():
    graph = street_graph([(1, 2, 3.0, 4.0), (2, 3, 0.0, 2.0), (1, 3, 9.0, 1.0), (1, 3, 2.0, None), (3, 3, 5.0, None)])
    problem = build_problem(graph, rows(graph), depot=2)
    away = dict(nx.all_pairs_dijkstra_path_length(graph, weight="seconds"))
    expected = [[away[u][v] for v in problem.nodes] for u in problem.nodes]
    assert problem.distance.tolist() == expected


def test_a_problem_may_change_its_number_of_routes():
    graph = street_graph([(0, i, float(i), float(i)) for i in range(1, 6)])
    problem = build_problem(graph, rows(graph), depot=0)
    longest = [solve_arcs(replace(problem, routes=routes), rounds=FEW).longest for routes in (1, 2, 5)]
    assert longest == [30.0, 16.0, 10.0]
