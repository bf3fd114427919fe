"""Orienteering: as good as counting out all routes, limits kept, and the scores of public instances."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import patrol_tours
from sightgrid.errors import InfeasibleError, InputError, UnitRangeError
from sightgrid.patrol.tours.orienteering import plan_orienteering

INSTANCE = {
    "seed": st.integers(0, 100_000),
    "nodes": st.integers(1, 7),
    "share": st.floats(0.0, 1.2),
    "dwell_s": st.sampled_from([0.0, 40.0]),
    "one_way": st.booleans(),
    "closed": st.booleans(),
}


def draw(seed, nodes, *, one_way):
    rng = np.random.default_rng(seed)
    xy = rng.random((nodes, 2)) * 300
    seconds = np.round(np.hypot(*(xy[:, None] - xy).transpose(2, 0, 1)))
    if one_way:
        seconds = np.round(seconds * rng.uniform(1.0, 2.0, (nodes, nodes)))
    return rng.integers(0, 20, nodes).astype(float), seconds


def time_route(route, seconds, dwell_s):
    """Seconds of a route, written apart from the program: dwell at what lies between its ends."""
    travel = sum(seconds[a, b] for a, b in itertools.pairwise(route) if a != b)
    return travel + dwell_s * (len(route) - 2)


def count_out(prizes, seconds, limit_s, start, end, dwell_s):
    others = [v for v in range(len(prizes)) if v not in {start, end}]
    sure = sum(prizes[v] for v in {start, end})
    return sure + max(
        sum(prizes[v] for v in inner)
        for size in range(len(others) + 1)
        for inner in itertools.permutations(others, size)
        if time_route((start, *inner, end), seconds, dwell_s) <= limit_s
    )


@settings(max_examples=60, deadline=None)
@given(**INSTANCE)
def test_one_unit_collects_as_much_as_counting_out_all_routes(seed, nodes, share, dwell_s, one_way, closed):
    prizes, seconds = draw(seed, nodes, one_way=one_way)
    start, end = 0, 0 if closed else nodes - 1
    limit_s = float(seconds[start, end] * (start != end) + share * seconds.sum() / max(1, nodes))
    found = plan_orienteering(
        prizes, seconds, limit_s=limit_s, start=start, end=end, dwell_s=dwell_s, rounds=300, seed=seed
    )
    assert found.prize == count_out(prizes, seconds, limit_s, start, end, dwell_s)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 100_000), nodes=st.integers(3, 40), units=st.integers(1, 3), share=st.floats(0.0, 0.5))
def test_routes_keep_their_limits_and_visit_nothing_twice(seed, nodes, units, share):
    prizes, seconds = draw(seed, nodes, one_way=bool(seed % 2))
    rng = np.random.default_rng(seed)
    starts, ends = rng.integers(nodes, size=(2, units))
    limits = np.where(starts == ends, 0.0, seconds[starts, ends]) + share * seconds.max() * rng.integers(1, 8, units)
    options = {"limit_s": limits, "start": starts, "end": ends, "dwell_s": 5.0, "seed": seed, "rounds": 20}
    found = plan_orienteering(prizes, seconds, **options)
    inner = [v for route in found.routes for v in route[1:-1].tolist()]
    assert len(set(inner)) == len(inner)
    assert not set(inner) & {*starts.tolist(), *ends.tolist()}
    for route, start, end, limit, time_s in zip(found.routes, starts, ends, limits, found.seconds, strict=True):
        assert (route[0], route[-1]) == (start, end)
        assert time_s == pytest.approx(time_route(route.tolist(), seconds, 5.0))
        assert time_s <= limit + 1e-6
    visited = {*inner, *starts.tolist(), *ends.tolist()}
    assert found.prize == sum(prizes[list(visited)])
    assert sorted({*range(nodes)} - visited) == found.left_out.tolist()
    again = plan_orienteering(prizes, seconds, **options)
    assert [route.tolist() for route in again.routes] == [route.tolist() for route in found.routes]


def test_two_units_share_what_one_cannot_reach():
    place = np.array([0.0, 100.0, 110.0, -100.0, -110.0])
    seconds = abs(place[:, None] - place)
    one = plan_orienteering([0, 1, 1, 1, 1], seconds, limit_s=220.0)
    two = plan_orienteering([0, 1, 1, 1, 1], seconds, limit_s=[220.0, 220.0])
    assert (one.prize, two.prize) == (2.0, 4.0)
    assert {frozenset(route.tolist()) for route in two.routes} == {frozenset({0, 1, 2}), frozenset({0, 3, 4})}


def test_more_rounds_never_collect_less():
    """The same choices, carried on; a longer limit promises no such thing, because the search takes another way."""
    prizes, seconds = draw(5, 60, one_way=True)
    values = [plan_orienteering(prizes, seconds, limit_s=900.0, rounds=rounds).prize for rounds in (0, 10, 100, 1000)]
    assert values == sorted(values)


def test_time_enough_collects_everything():
    prizes, seconds = draw(9, 40, one_way=False)
    found = plan_orienteering(prizes + 1, seconds, limit_s=3.0 * 300.0 * np.sqrt(40.0), rounds=50)
    assert found.prize == prizes.sum() + 40
    assert not len(found.left_out)


def test_places_without_a_way_are_left_out_not_fatal():
    seconds = np.array([[0.0, 10.0, np.inf, 10.0], [10.0, 0.0, np.inf, 10.0], [5.0, 5.0, 0.0, 5.0], [np.inf] * 4])
    found = plan_orienteering([0, 1, 9, 9], seconds, limit_s=100.0)
    assert found.routes[0].tolist() == [0, 1, 0]
    assert found.left_out.tolist() == [2, 3]
    assert plan_orienteering([0, 1, 9, 9], seconds, limit_s=100.0, end=3).prize == 10.0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"limit_s": 5.0, "end": 1}, InfeasibleError, r"1 of 1 units cannot get .* in time \(unit 0: 10 s of 5 s\)"),
        ({"limit_s": -1.0}, UnitRangeError, "limit_s"),
        ({"limit_s": np.inf}, UnitRangeError, "limit_s"),
        ({"limit_s": 50.0, "start": 2}, UnitRangeError, "start: nodes are numbered 0 to 1"),
        ({"limit_s": 50.0, "end": 0.5}, UnitRangeError, "end: nodes"),
        ({"limit_s": [50.0, 50.0], "start": [0, 0, 0]}, InputError, "as many numbers as units"),
        ({"limit_s": []}, InputError, "as many numbers as units"),
        ({"limit_s": 50.0, "dwell_s": [1.0, -1.0]}, InputError, "dwell_s: .*1 are not: 1"),
        ({"limit_s": 50.0, "dwell_s": [1.0]}, InputError, "dwell_s: one value or 2"),
        ({"limit_s": 50.0, "rounds": -1}, UnitRangeError, "rounds"),
    ],
)
def test_bad_options_are_told(options, error, message):
    with pytest.raises(error, match=message):
        plan_orienteering([1, 1], [[0, 10], [10, 0]], **options)


@pytest.mark.parametrize("prizes", [[1, -1], [1, np.nan], [1], ["a", "b"]])
def test_bad_prizes_are_told(prizes):
    with pytest.raises(InputError, match="prizes"):
        plan_orienteering(prizes, [[0, 10], [10, 0]], limit_s=50.0)


def test_reference_solutions_are_what_their_files_claim():
    folder = patrol_tours.DATA / "orienteering"
    if not folder.is_dir():
        pytest.skip("the benchmark's instances are not on this machine")
    for path in folder.glob("*.oplib"):
        distance, scores, limit, depot = patrol_tours.read_orienteering(path.stem)
        nodes, score, cost = patrol_tours.read_solution(path.stem)
        assert nodes[0] == depot
        assert scores[nodes].sum() == score
        assert distance[nodes, np.roll(nodes, -1)].sum() == cost <= limit


@pytest.mark.parametrize("name", ["berlin52", "eil76", "kroA100", "kroB100", "pr107", "pr124"])
def test_public_instances_reach_99_percent(name):
    if not (patrol_tours.DATA / "orienteering").is_dir():
        pytest.skip("the benchmark's instances are not on this machine")
    distance, scores, limit, depot = patrol_tours.read_orienteering(f"{name}-gen2-50")
    found = plan_orienteering(scores, distance, limit_s=limit, start=depot, rounds=1500)
    assert found.seconds[0] <= limit
    assert found.prize >= 0.99 * patrol_tours.read_solution(f"{name}-gen2-50")[1]
