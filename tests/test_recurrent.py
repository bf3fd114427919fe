"""Recurrent patrols: promises against listed visits, plans against counting out, bounds that hold."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import shortest_path

from benchmarks import patrol_tours
from sightgrid.errors import InfeasibleError, InputError, UnitRangeError
from sightgrid.patrol.tours.idleness import measure_idleness
from sightgrid.patrol.tours.recurrent import plan_recurrent
from sightgrid.patrol.tours.staffing import bound_units, count_units
from sightgrid.patrol.tours.tours import measure_tour, plan_tour

FEW = 400  # rounds of balancing: enough for a few stops


def draw(nodes, seed, *, one_way=False):
    rng = np.random.default_rng(seed)
    xy = rng.random((nodes, 2)) * 600
    seconds = np.hypot(*(xy[:, None] - xy).transpose(2, 0, 1))
    if one_way:
        seconds = shortest_path(seconds * rng.uniform(1.0, 1.5, (nodes, nodes)) + np.eye(nodes))
        np.fill_diagonal(seconds, 0.0)
    return seconds


def measure_listed(plan, stops, *, rounds=30):
    """Figures of the listed visits over a long time after the start."""
    longest = max([cycle.period_s for cycle in plan.cycles] + [60.0])
    visits = plan.list_visits(until_s=rounds * longest)
    return measure_idleness(visits, stops=stops, start_at=0.0, end_at=rounds * longest)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 14), st.integers(1, 4), st.integers(0, 10_000), st.booleans(), st.sampled_from([0.0, 30.0]))
def test_promised_idleness_is_what_the_listed_visits_give(nodes, units, seed, one_way, dwell_s):
    plan = plan_recurrent(draw(nodes, seed, one_way=one_way), units=units, dwell_s=dwell_s, seed=seed, rounds=FEW)
    assert sorted(set(np.concatenate([cycle.stops for cycle in plan.cycles]))) == list(range(nodes))
    assert sum(cycle.units for cycle in plan.cycles) + plan.spare_units == units
    found = measure_listed(plan, range(nodes))
    moving = plan.stops["worst_s"].to_numpy() > 0.0  # a stop where a unit stays is listed once a minute
    assert found.stops["worst_s"].to_numpy()[moving] == pytest.approx(plan.stops["worst_s"].to_numpy()[moving])
    assert found.stops["mean_s"].to_numpy()[moving] == pytest.approx(
        plan.stops["mean_s"].to_numpy()[moving], rel=0.05
    )  # the start and the end of the span are not whole periods
    assert plan.mean_s <= plan.quadratic_mean_s <= plan.worst_s
    assert plan.mean_s <= plan.worst_s / 2 + 1e-9


def split(items, parts):
    """All ways to deal items out to so many groups, none empty."""
    if parts == 1:
        yield [items]
        return
    first, rest = items[0], items[1:]
    for size in range(len(rest) - parts + 2):
        for others in itertools.combinations(rest, size):
            left = [item for item in rest if item not in others]
            for groups in split(left, parts - 1):
                yield [[first, *others], *groups]


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 7), st.integers(2, 3), st.integers(0, 10_000), st.booleans())
def test_both_strategies_equal_counting_out(nodes, units, seed, one_way):
    seconds = draw(nodes, seed, one_way=one_way)

    def shortest(group):
        return measure_tour(plan_tour(seconds[np.ix_(group, group)]), seconds[np.ix_(group, group)])

    plan = plan_recurrent(seconds, units=units, seed=seed, rounds=1200)
    regions = min(max(map(shortest, groups)) for groups in split(list(range(nodes)), units))
    assert plan.strategies[1] == pytest.approx(shortest(list(range(nodes))) / units)
    assert plan.strategies[units] == pytest.approx(regions)
    assert plan.worst_s == pytest.approx(min(plan.strategies.values()))


def test_one_unit_drives_the_shortest_tour():
    seconds = draw(30, 4)
    plan = plan_recurrent(seconds, units=1)
    assert plan.worst_s == pytest.approx(measure_tour(plan_tour(seconds), seconds))
    assert len(plan.cycles) == 1


def test_two_far_groups_get_a_unit_each_and_one_ring_gets_a_common_cycle():
    place = np.array([0.0, 10.0, 1000.0, 1010.0])
    assert len(plan_recurrent(abs(place[:, None] - place), units=2, rounds=FEW).cycles) == 2
    ring = (np.arange(12)[None, :] - np.arange(12)[:, None]) % 12 * 10.0  # one-way: nobody can turn round
    plan = plan_recurrent(ring, units=3, rounds=FEW)
    assert len(plan.cycles) == 1
    assert plan.worst_s == 40.0


def test_heavy_stops_are_visited_more_often():
    seconds = draw(12, 7)
    weights = np.ones(12)
    weights[3] = 8.0
    plan = plan_recurrent(seconds, units=1, weights=weights)
    alike = plan_recurrent(seconds, units=1)
    assert plan.weighted_worst_s < 8.0 * alike.worst_s
    assert plan.stops.loc[3, "period_s"] < 0.5 * plan.stops.loc[weights == 1.0, "period_s"].max()
    idle = measure_listed(plan, range(12))
    assert idle.stops["worst_s"].to_numpy() == pytest.approx(plan.stops["worst_s"].to_numpy())


def test_stops_on_the_way_count_as_visited_unless_time_is_spent_there():
    place = np.array([0.0, 10.0, 20.0])
    seconds = abs(place[:, None] - place)
    plan = plan_recurrent(seconds, units=1)
    assert plan.stops["worst_s"].tolist() == [40.0, 20.0, 40.0]
    waiting = plan_recurrent(seconds, units=1, dwell_s=5.0)
    assert waiting.stops["worst_s"].tolist() == [55.0, 55.0, 55.0]


def test_more_units_than_stops_are_told():
    plan = plan_recurrent(draw(3, 1), units=5)
    assert (plan.spare_units, plan.worst_s, plan.mean_s) == (2, 0.0, 0.0)
    assert plan.list_visits(until_s=120.0)["stop_id"].value_counts().tolist() == [3, 3, 3]


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.integers(1, 4), st.integers(0, 10_000), st.booleans(), st.sampled_from([0.0, 60.0]))
def test_no_plan_ever_beats_the_bound(nodes, units, seed, weighted, dwell_s):
    """Whatever gaps a plan keeps, the bound for these gaps asks for no more units than it has."""
    seconds = draw(nodes, seed, one_way=True)
    weights = np.random.default_rng(seed).choice([1.0, 2.0, 5.0], nodes) if weighted else np.ones(nodes)
    plan = plan_recurrent(seconds, units=units, weights=weights, dwell_s=dwell_s, seed=seed, rounds=FEW)
    if plan.weighted_worst_s > 0.0:
        gaps_s = plan.weighted_worst_s / weights
        assert max(bound_units(seconds, gaps_s, np.full(nodes, dwell_s)).values()) <= units
        exact = np.maximum(plan.stops["worst_s"].to_numpy(), 1e-6)
        assert max(bound_units(seconds, exact, np.full(nodes, dwell_s)).values()) <= units


def test_units_for_a_wanted_gap():
    place = np.arange(10) * 100.0
    seconds = abs(place[:, None] - place)
    found = count_units(seconds, max_gap_s=600.0, rounds=FEW)
    assert found.units == 3  # 1800 s there and back
    assert found.plan.worst_s <= 600.0
    assert found.lower_bound == 2  # 900 s of line, and a unit need not come back within the gap
    assert found.basis == "forest"
    assert count_units(seconds, max_gap_s=5000.0).units == 1
    apart = count_units(1000.0 * (1 - np.eye(4)), max_gap_s=10.0)
    assert (apart.units, apart.lower_bound) == (4, 4)
    assert count_units([[0.0]], max_gap_s=10.0).units == 1
    assert count_units(np.zeros((3, 3)), max_gap_s=10.0, weights=0.0).units == 1


def test_bad_plans_are_told():
    with pytest.raises(UnitRangeError, match="units: 0 is below 1"):
        plan_recurrent(np.ones((2, 2)), units=0)
    with pytest.raises(InfeasibleError, match="every node must be reached"):
        plan_recurrent([[0, 1], [np.inf, 0]], units=1)
    with pytest.raises(InputError, match="weights"):
        plan_recurrent(np.ones((2, 2)), units=1, weights=[1, -1])
    with pytest.raises(UnitRangeError, match="max_gap_s"):
        count_units(np.ones((2, 2)), max_gap_s=0.0)


@pytest.mark.parametrize(("name", "units"), [("grid", 1), ("grid", 2), ("grid", 4), ("cumberland", 2)])
def test_no_worse_than_a_conscientious_reactive_policy(name, units):
    if not (patrol_tours.DATA / "graphs").is_dir():
        pytest.skip("the benchmark's graphs are not on this machine")
    row = dict(patrol_tours.solve_idleness(60.0))[f"{name} k={units}"]()
    assert row["gap"] <= 0.0
    assert row["gap_mean"] <= 0.0
    assert row["ours"] == pytest.approx(row["promised"])


def test_one_unit_equals_the_optimal_tour():
    if not (patrol_tours.DATA / "tsp").is_dir():
        pytest.skip("the benchmark's instances are not on this machine")
    assert plan_recurrent(patrol_tours.read_tsp("berlin52"), units=1).worst_s == 7542.0


def test_policy_walks_only_edges_and_goes_to_the_oldest():
    graph = patrol_tours.nx.DiGraph()
    for u, v in ((0, 1), (1, 2), (2, 3), (3, 0)):
        graph.add_edge(u, v, seconds=10.0)
        graph.add_edge(v, u, seconds=10.0)
    visits = patrol_tours.react(graph, 1, 400.0, shared=True, seed=0)
    assert [time for time, _ in visits] == [10.0 * n for n in range(41)]
    assert all((a - b) % 4 in {1, 3} for (_, a), (_, b) in itertools.pairwise(visits))
    assert patrol_tours.score_visits(visits, 4, 100.0, 400.0)[0] == 40.0  # round and round
