"""Street coverage against all possible walks on small graphs, and on the real streets of the bundled site."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from street_graphs import closed_walks, rows, share_best, street_graph, strongly_connected

from sightgrid.errors import InfeasibleError, InputError, UnitRangeError
from sightgrid.gis.streets import to_graph
from sightgrid.patrol.arcs import build_problem, cost_walk, find_circuit
from sightgrid.patrol.arcs.postman import cover_streets

FEW = 300


def check(graph, required, walks, depot):
    """Every walk is closed and drives edges of the graph; every required street is driven, whichever way is allowed."""
    for walk in walks:
        assert not walk or walk[0][0] == walk[-1][1] == depot
        assert all(one[1] == two[0] for one, two in pairwise(walk))
        assert all(graph.has_edge(*edge) for edge in walk)
    driven = {graph.edges[edge]["street"] for walk in walks for edge in walk}
    assert set(required) <= driven


@pytest.mark.parametrize("kind", ["undirected", "directed"])
@given(data=st.data())
def test_the_postman_equals_brute_force_without_any_search(kind, data):
    graph = data.draw(strongly_connected(kind=kind))
    required = rows(graph)
    problem = build_problem(graph, required, depot=0)
    circuit = find_circuit(problem)
    assert circuit.exact
    assert circuit.cost == pytest.approx(closed_walks(graph, required, 0)[-1])
    [walk] = cover_streets(graph, required, depot=0)
    check(graph, required, [walk], 0)
    assert cost_walk(graph, walk) == pytest.approx(circuit.cost)


@pytest.mark.parametrize("kind", ["undirected", "directed", "mixed"])
@given(data=st.data())
def test_rural_and_mixed_postmen_equal_brute_force_on_small_graphs(kind, data):
    graph = data.draw(strongly_connected(kind=kind))
    required = data.draw(st.lists(st.sampled_from(rows(graph)), unique=True, min_size=1, max_size=6))
    best = closed_walks(graph, required, 0)[-1]
    problem = build_problem(graph, required, depot=0)
    circuit = find_circuit(problem)
    assert circuit.cost >= best - 1e-9
    if circuit.exact:
        assert circuit.cost == pytest.approx(best)
    [walk] = cover_streets(graph, required, depot=0, rounds=FEW)
    check(graph, required, [walk], 0)
    assert cost_walk(graph, walk) == pytest.approx(best)


@given(
    graph=strongly_connected(kind="mixed", more=2),
    units=st.integers(2, 4),
    seed=st.integers(0, 9),
)
def test_several_units_share_as_well_as_brute_force(graph, units, seed):
    required = rows(graph)
    walks = cover_streets(graph, required, depot=0, units=units, rounds=10 * FEW, seed=seed)
    check(graph, required, walks, 0)
    assert len(walks) == units
    best = share_best(closed_walks(graph, required, 0), units)
    assert max(cost_walk(graph, walk) for walk in walks) == pytest.approx(best)


def test_weights_decide_which_way_is_doubled():
    # two odd nodes, joined by a short street and a long one: nx.eulerize would not look at the lengths
    graph = street_graph([(1, 2, 1.0, 1.0), (1, 2, 50.0, 50.0), (1, 2, 9.0, 9.0)])
    [walk] = cover_streets(graph, rows(graph), depot=1)
    assert cost_walk(graph, walk) == 61.0


def test_a_one_way_street_is_driven_in_its_direction_only():
    graph = street_graph([(1, 2, 10.0, None), (2, 3, 10.0, 10.0), (3, 1, 10.0, 10.0)])
    [walk] = cover_streets(graph, [(1, 2, 0)], depot=1)
    assert walk == [(1, 2, 0), (2, 3, 0), (3, 1, 0)]


def test_nothing_to_drive_and_units_that_are_not_needed():
    graph = street_graph([(1, 2, 10.0, 10.0)])
    assert cover_streets(graph, [], depot=1, units=2) == [[], []]
    walks = cover_streets(graph, [(1, 2, 0)], depot=1, units=3)
    assert sorted(map(len, walks)) == [0, 0, 2]


def test_streets_out_of_reach_are_named():
    graph = street_graph([(1, 2, 10.0, 10.0), (2, 3, 10.0, None), (7, 8, 1.0, 1.0)])
    with pytest.raises(InfeasibleError, match=r"left to it again \(2 streets: \(2, 3, 0\), \(7, 8, 0\)\)"):
        cover_streets(graph, rows(graph), depot=1)
    with pytest.raises(InputError, match=r"not in the street graph \(1 street: \(4, 5, 0\)\)"):
        cover_streets(graph, [(4, 5, 0)], depot=1)
    with pytest.raises(InputError, match="node 99 is not in the street graph"):
        cover_streets(graph, [(1, 2, 0)], depot=99)
    with pytest.raises(UnitRangeError, match="units"):
        cover_streets(graph, [(1, 2, 0)], depot=1, units=0)
    with pytest.raises(UnitRangeError, match="seconds"):
        cover_streets(graph, [(1, 2, 0)], depot=1, seconds=0)


@pytest.mark.parametrize("cost", [-1.0, float("nan"), float("inf")])
def test_a_weight_that_is_no_cost_is_refused(cost):
    graph = street_graph([(1, 2, 10.0, 10.0), (2, 3, cost, 10.0)])
    with pytest.raises(InputError, match=r"finite number of at least 0 \(1 street: \(2, 3, 0\)\)"):
        cover_streets(graph, [(1, 2, 0)], depot=1)


@pytest.fixture(scope="module")
def town(helsinki):
    """Streets that cars may use, as the patrol network has them, where one can drive everywhere and back."""
    streets = helsinki.streets
    graph = to_graph(streets[streets["drivable"]])
    for u, v, key, edge in graph.edges(keys=True, data=True):
        edge |= {"street": (v, u, key) if edge["reversed"] else (u, v, key), "seconds": edge["length_m"] / 8.0}
    return graph.subgraph(max(nx.strongly_connected_components(graph), key=len)).copy()


def beat(graph, count):
    """A depot and the streets nearest to it."""
    depot = min(graph)
    x, y = graph.nodes[depot]["x"], graph.nodes[depot]["y"]
    away = {
        edge["street"]: np.hypot(graph.nodes[u]["x"] - x, graph.nodes[u]["y"] - y)
        for u, v, edge in graph.edges(data=True)
    }
    return depot, sorted(away, key=away.get)[:count]


@pytest.mark.parametrize("units", [1, 4])
def test_a_real_beat_is_driven_in_full_and_the_same_each_time(town, units):
    depot, required = beat(town, 120)
    walks, again = (
        cover_streets(town, required, depot=depot, units=units, rounds=1000, seed=5, seconds=600.0) for _ in range(2)
    )
    assert walks == again
    check(town, required, walks, depot)
    assert len(walks) == units


def test_more_units_never_make_the_longest_walk_longer(town):
    depot, required = beat(town, 60)
    longest = [
        max(cost_walk(town, walk) for walk in cover_streets(town, required, depot=depot, units=units, rounds=3000))
        for units in (1, 2, 4)
    ]
    assert longest == sorted(longest, reverse=True)
