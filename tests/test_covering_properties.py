"""What must hold for every covering problem, tried on small ones of Hypothesis against all plans there are."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from sightgrid.coverage.covering import Problem, Rounds, UnseenError, solve_lscp, solve_mclp
from sightgrid.coverage.covering.greedy import choose_greedily
from sightgrid.coverage.covering.instance import make_instance
from sightgrid.errors import InfeasibleError

ROUNDS = Rounds(200)
SLACK = 1e-7


@st.composite
def problems(draw, *, plain=False, grouped=True):
    """A few points and candidates; costs, groups, needs and standing candidates unless it is plain."""
    points, n = draw(st.integers(1, 8)), draw(st.integers(1, 7))
    sees = np.array(draw(st.lists(st.lists(st.booleans(), min_size=n, max_size=n), min_size=points, max_size=points)))
    weight = draw(st.lists(st.integers(0, 9), min_size=points, max_size=points).filter(any))
    if plain:
        return Problem(sparse.csc_array(sees), weight=np.array(weight))
    group = draw(st.lists(st.integers(-1, 2), min_size=n, max_size=n)) if grouped else [-1] * n
    fixed = [0] if draw(st.booleans()) else []
    return Problem(
        sparse.csc_array(sees),
        weight=np.array(weight),
        cost=np.array(draw(st.lists(st.integers(0, 6), min_size=n, max_size=n))),
        group=np.array(group),
        needed=np.array(draw(st.lists(st.integers(1, 3), min_size=points, max_size=points))),
        fixed=np.array(fixed, dtype=int),
    )


def all_plans(problem):
    """Every set of new candidates that keeps the groups."""
    n = problem.shape[1]
    free = [j for j in range(n) if j not in problem.fixed]
    for size in range(len(free) + 1):
        for plan in combinations(free, size):
            if keeps_groups(problem, plan):
                yield list(plan)


def keeps_groups(problem, plan):
    groups = [problem.group[j] for j in [*plan, *problem.fixed] if problem.group[j] >= 0]
    return len(groups) == len(set(groups))


def seen_by(problem, plan):
    """By plain counting, apart from the solvers' arithmetic."""
    dense = problem.sees.toarray()
    return np.array([sum(dense[i, j] for j in [*plan, *problem.fixed]) for i in range(problem.shape[0])])


def worth(problem, plan, backup=0.0):
    views = seen_by(problem, plan)
    return problem.weight[views >= problem.needed].sum() + backup * problem.weight[views > problem.needed].sum()


@given(problems(), st.integers(1, 4), st.none() | st.integers(1, 12), st.sampled_from([0.0, 0.5, 1.0]))
def test_mclp_is_the_best_of_all_plans(problem, count, budget, backup):
    best = max(
        worth(problem, plan, backup)
        for plan in all_plans(problem)
        if len(plan) <= count and (budget is None or problem.cost[plan].sum() <= budget)
    )
    answer = solve_mclp(problem, count=count, budget=budget, backup=backup, stop=ROUNDS)
    plan = answer.chosen.tolist()
    assert answer.objective == pytest.approx(worth(problem, plan, backup))
    assert len(plan) <= count
    assert budget is None or problem.cost[plan].sum() <= budget
    assert keeps_groups(problem, plan)
    assert not set(plan) & set(problem.fixed.tolist())
    assert answer.bound >= best - SLACK
    assert answer.objective == pytest.approx(best)
    assert answer.status == "optimal"


@given(problems(), st.integers(1, 4), st.data())
def test_mclp_keeps_what_must_be_seen(problem, count, data):
    points = problem.shape[0]
    must = np.array(data.draw(st.lists(st.booleans(), min_size=points, max_size=points)))
    values = [
        worth(problem, plan)
        for plan in all_plans(problem)
        if len(plan) <= count and (seen_by(problem, plan) >= problem.needed)[must].all()
    ]
    if not values:
        with pytest.raises(InfeasibleError):
            solve_mclp(problem, count=count, must=must, stop=ROUNDS)
        return
    answer = solve_mclp(problem, count=count, must=must, stop=ROUNDS)
    assert (seen_by(problem, answer.chosen) >= problem.needed)[must].all()
    assert answer.objective == pytest.approx(max(values))
    assert answer.bound >= max(values) - SLACK


@given(problems(), st.none() | st.sampled_from([0.3, 0.6, 0.9, 1.0]), st.booleans(), st.data())
def test_lscp_is_the_cheapest_of_all_plans(problem, share, wants, data):
    points = problem.shape[0]
    must = np.array(data.draw(st.lists(st.booleans(), min_size=points, max_size=points))) & wants
    dense, reachable = problem.sees.toarray(), []
    taken = set(problem.group[problem.fixed].tolist()) - {-1}
    for i in range(points):
        usable = [j for j in np.flatnonzero(dense[i]) if j in problem.fixed or problem.group[j] not in taken]
        mounts = {("mount", problem.group[j]) if problem.group[j] >= 0 else ("lone", j) for j in usable}
        reachable.append(len(mounts) >= problem.needed[i])
    target = problem.weight[reachable].sum() if share is None else share * problem.weight.sum()
    costs = [
        problem.cost[plan].sum()
        for plan in all_plans(problem)
        if worth(problem, plan) >= target - SLACK and (seen_by(problem, plan) >= problem.needed)[must].all()
    ]
    if not costs:
        with pytest.raises(UnseenError) as caught:
            solve_lscp(problem, share=share, must=must, stop=ROUNDS)
        assert 0 <= caught.value.reachable_share <= 1
        return
    answer = solve_lscp(problem, share=share, must=must, stop=ROUNDS)
    plan = answer.chosen.tolist()
    assert worth(problem, plan) >= target - SLACK
    assert (seen_by(problem, plan) >= problem.needed)[must].all()
    assert keeps_groups(problem, plan)
    assert answer.bound <= min(costs) + SLACK
    assert answer.objective == problem.cost[plan].sum() == min(costs)
    assert answer.status == "optimal"


@given(problems(plain=True), st.integers(1, 5))
def test_gains_never_rise(problem, count):
    gains = solve_mclp(problem, count=count, stop=ROUNDS).ranking["gain"].to_numpy()
    assert (np.diff(gains) <= SLACK).all()
    instance = make_instance(problem)
    order = instance.candidates[choose_greedily(instance, count=count)]
    values = [worth(problem, order[:k]) for k in range(len(order) + 1)]
    assert (np.diff(values, n=2) <= SLACK).all()
    for k in range(len(order)):  # and each step was the best one
        assert values[k + 1] == max(worth(problem, [*order[:k], j]) for j in range(problem.shape[1]))


@given(problems(), st.integers(1, 10))
def test_a_larger_budget_never_covers_less(problem, budget):
    less, more = (solve_mclp(problem, budget=b, stop=ROUNDS).objective for b in (budget, budget + 3))
    assert more >= less - SLACK


@given(problems(), st.integers(1, 4), st.data())
def test_a_removed_candidate_never_helps(problem, count, data):
    free = [j for j in range(problem.shape[1]) if j not in problem.fixed]
    if not free:
        return
    gone = data.draw(st.sampled_from(free))
    dense = problem.sees.toarray()
    dense[:, gone] = 0
    without = Problem(
        sparse.csc_array(dense), weight=problem.weight, cost=problem.cost, group=problem.group,
        needed=problem.needed, fixed=problem.fixed,
    )  # fmt: skip
    whole = solve_mclp(problem, count=count, stop=ROUNDS)
    assert solve_mclp(without, count=count, stop=ROUNDS).objective <= whole.objective + SLACK


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.5]), st.integers(1, 3), st.booleans())
def test_bounds_hold_where_nothing_is_proven(seed, backup, needed, grouped):
    rng = np.random.default_rng(seed)
    sees = sparse.csc_array(rng.random((240, 80)) < 0.15)  # too many entries to be solved without a time limit
    problem = Problem(
        sees, weight=rng.integers(1, 50, 240), cost=rng.integers(1, 9, 80),
        group=rng.integers(0, 30, 80) if grouped else None, needed=np.full(240, needed),
    )  # fmt: skip
    loose = solve_mclp(problem, budget=25.0, backup=backup, stop=Rounds(20))
    tight = solve_mclp(problem, budget=25.0, backup=backup, stop=Rounds(2000))
    assert loose.objective <= tight.objective + SLACK <= loose.bound + 2 * SLACK
    assert keeps_groups(problem, tight.chosen)
    assert tight.ranking["gain"].sum() == pytest.approx(tight.objective)
    if grouped:
        return
    loose, tight = (solve_lscp(problem, stop=Rounds(rounds)) for rounds in (20, 5000))
    assert (seen_by(problem, tight.chosen) >= np.minimum(needed, seen_by(problem, range(80)))).all()
    assert max(loose.bound, tight.bound) <= tight.objective <= loose.objective
