"""Closed tours: optimal where that can be counted out, never broken, near the known optima of public instances."""

from __future__ import annotations

import csv
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmarks import patrol_tours
from sightgrid.errors import InfeasibleError, InputError, UnitRangeError
from sightgrid.patrol.tours import tour_search
from sightgrid.patrol.tours.tours import measure_tour, plan_tour

MATRICES = st.integers(1, 7).flatmap(lambda n: arrays(np.int64, (n, n), elements=st.integers(0, 50)))


def draw(nodes, seed, *, symmetric):
    rng = np.random.default_rng(seed)
    xy = rng.random((nodes, 2)) * 1000
    seconds = np.hypot(*(xy[:, None] - xy).transpose(2, 0, 1))
    return seconds if symmetric else seconds * rng.uniform(1.0, 1.8, (nodes, nodes))


def count_out(seconds):
    n = len(seconds)
    return min(measure_tour((0, *rest), seconds) for rest in itertools.permutations(range(1, n)))


@settings(max_examples=60, deadline=None)
@given(MATRICES)
def test_few_nodes_are_solved_as_by_counting_out_all_tours(seconds):
    order = plan_tour(seconds)
    assert order[0] == 0
    assert sorted(order) == list(range(len(seconds)))
    assert measure_tour(order, seconds) == count_out(seconds)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_search_finds_what_dynamic_programming_proves(seed, symmetric):
    seconds = draw(14, seed, symmetric=symmetric)
    proven = measure_tour(tour_search.solve_exactly(seconds), seconds)
    assert measure_tour(plan_tour(seconds), seconds) == pytest.approx(proven, rel=1e-12)


@pytest.mark.parametrize("symmetric", [True, False])
@settings(max_examples=25, deadline=None)
@given(nodes=st.integers(13, 40), seed=st.integers(0, 10_000), tie=st.booleans())
def test_tours_visit_every_node_once_and_repeat_by_seed(symmetric, nodes, seed, tie):
    seconds = draw(nodes, seed, symmetric=symmetric)
    if tie:
        seconds = np.round(seconds, -2)
    order = plan_tour(seconds, seed=seed, rounds=30)
    assert order[0] == 0
    assert sorted(order) == list(range(nodes))
    assert (order == plan_tour(seconds, seed=seed, rounds=30)).all()
    longer = plan_tour(seconds, seed=seed, rounds=90)  # goes on from the same choices: the best is only replaced
    assert measure_tour(longer, seconds) <= measure_tour(order, seconds) + 1e-6


@pytest.mark.parametrize("symmetric", [True, False])
def test_changes_of_length_add_up_to_the_length(symmetric):
    """The search counts the length by what each move changes; a wrong change would show in the sum."""
    for seed in range(5):
        seconds = draw(40, seed, symmetric=symmetric)
        away = seconds + np.diag(np.full(40, np.inf))
        near, near_in = (np.ascontiguousarray(np.argsort(side, axis=1)[:, :8]) for side in (away, away.T))
        order = np.random.default_rng(seed).permutation(40)
        best, amounts = order.copy(), np.array([np.inf, np.inf, 1e-6])
        np.fill_diagonal(seconds, 0.0)
        tour_search.search(order, best, seconds, near, near_in, symmetric, np.array([seed, 0, 0]), amounts, 400)
        assert sorted(best) == list(range(40))
        assert amounts[0] == pytest.approx(measure_tour(best, seconds), rel=1e-9)
        assert amounts[0] <= amounts[1] + 1e-6


def test_one_way_ring_is_driven_the_legal_way():
    n = 30
    steps = (np.arange(n)[None, :] - np.arange(n)[:, None]) % n
    order = plan_tour(60.0 * steps)
    assert order.tolist() == list(range(n))


def test_tour_crosses_nothing_it_need_not():
    angle = np.random.default_rng(3).permutation(50) * 2.0 * np.pi / 50
    xy = np.column_stack([np.cos(angle), np.sin(angle)])
    seconds = np.hypot(*(xy[:, None] - xy).transpose(2, 0, 1))
    assert measure_tour(plan_tour(seconds), seconds) == pytest.approx(100 * np.sin(np.pi / 50))


@pytest.mark.parametrize(
    ("seconds", "error", "message"),
    [
        (np.ones((2, 3)), InputError, "a square matrix"),
        (np.empty((0, 0)), InputError, "at least one node"),
        ([["a"]], InputError, "numbers are needed"),
        ([[0, -1], [1, 0]], InputError, "must be >= 0 .1 are not: 0 to 1"),
        ([[0, np.nan], [1, 0]], InputError, "must be >= 0"),
        ([[0, np.inf], [1, 0]], InfeasibleError, "every node must be reached .1 are not: 0 to 1"),
    ],
)
def test_bad_matrices_are_told(seconds, error, message):
    with pytest.raises(error, match=message):
        plan_tour(seconds)


def test_bad_limits_are_told():
    with pytest.raises(UnitRangeError, match="rounds: -1"):
        plan_tour(np.ones((3, 3)), rounds=-1)
    with pytest.raises(UnitRangeError, match="stop_s"):
        plan_tour(np.ones((3, 3)), stop_s=float("nan"))


def test_time_limit_still_gives_a_tour():
    seconds = draw(60, 1, symmetric=False)
    assert sorted(plan_tour(seconds, stop_s=0.0)) == list(range(60))


def test_public_instances_are_within_a_percent():
    if not (patrol_tours.DATA / "tsp").is_dir():
        pytest.skip("the benchmark's instances are not on this machine")
    gaps = []
    with (patrol_tours.DATA / "tsp" / "optima.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            seconds = patrol_tours.read_tsp(row["instance"])
            gaps.append(measure_tour(plan_tour(seconds, rounds=1000), seconds) / float(row["optimum"]) - 1.0)
    assert len(gaps) == 8
    assert min(gaps) >= 0.0  # nothing is shorter than the optimum: the distances are read as TSPLIB rounds them
    assert max(gaps) <= 0.01
