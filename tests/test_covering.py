"""The covering solvers: input, limits, stopping, interruption, what a solution tells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sightgrid.coverage.covering import (
    Gap,
    NoImprovement,
    Problem,
    Rounds,
    Seconds,
    UnseenError,
    solve_lscp,
    solve_mclp,
)
from sightgrid.coverage.covering.stopping import State
from sightgrid.errors import InfeasibleError, InputError, UnitRangeError

FEW = Rounds(2000)


def matrix(*rows):
    return sparse.csc_array(np.array(rows))


def draw(points, candidates, density, seed):
    rng = np.random.default_rng(seed)
    return sparse.csc_array(rng.random((points, candidates)) < density)


SQUARE = matrix([1, 0, 0, 1], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": [1, -1, 1, 1]}, "weight: finite numbers of at least 0"),
        ({"weight": [1, 1, 1]}, "weight: 4 values are needed"),
        ({"weight": [0, 0, 0, 0]}, "weight: all points weigh 0"),
        ({"weight": [1, np.nan, 1, 1]}, "1 are not: 1"),
        ({"weight": list("abcd")}, "weight: numbers are needed"),
        ({"cost": [1, 1, 1, -2]}, "cost: finite numbers"),
        ({"group": [0, 0, 0.5, 1]}, "group: whole numbers"),
        ({"needed": [0, 1, 1, 1]}, "needed: whole numbers of at least 1"),
        ({"fixed": [4]}, "fixed: candidates are numbered 0 to 3"),
        ({"fixed": [0, 1], "group": [5, 5, -1, -1]}, "fixed: two fixed candidates are of the same group"),
    ],
)
def test_problem_tells_what_is_wrong(options, message):
    with pytest.raises(InputError, match=message):
        Problem(SQUARE, **options)


@pytest.mark.parametrize(
    ("sees", "message"),
    [
        (np.eye(3), "a sparse matrix is needed"),
        (sparse.csc_array((0, 3)), "0 points and 3 candidates"),
        (matrix([1, 2], [0, 1]), "entries must be 0 or 1"),
        (matrix([1, 0.5], [0, 1]), "entries must be 0 or 1"),
    ],
)
def test_matrix_is_checked(sees, message):
    with pytest.raises(InputError, match=message):
        Problem(sees)


def test_any_sparse_format_is_read():
    dense = np.array([[1, 0], [1, 1]])
    for make in (sparse.csr_matrix, sparse.coo_array, sparse.lil_array):
        problem = Problem(make(dense.astype(bool)))
        assert (problem.sees.toarray() == dense).all()
    stored_zero = sparse.csc_array((np.array([1, 0]), (np.array([0, 1]), np.array([0, 1]))))
    assert Problem(stored_zero).sees.nnz == 1


@pytest.mark.parametrize(
    "options",
    [{}, {"count": 0}, {"count": 1.5}, {"budget": 0}, {"budget": np.inf}, {"budget": -3}, {"count": 1, "backup": 2}],
)
def test_mclp_limits_are_checked(options):
    with pytest.raises(UnitRangeError):
        solve_mclp(Problem(SQUARE), **options)


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_lscp_share_is_checked(share):
    with pytest.raises(UnitRangeError, match="share"):
        solve_lscp(Problem(SQUARE), share=share)


def test_must_is_checked():
    with pytest.raises(InputError, match="must: 4 booleans"):
        solve_mclp(Problem(SQUARE), count=1, must=[1, 0, 0, 0])


def test_stopping_rules_look_at_the_state_they_are_given():
    assert Seconds(1.0).seconds_left(State(seconds=0.4)) == pytest.approx(0.6)
    assert not Seconds(1.0)(State(seconds=0.99))
    assert Seconds(1.0)(State(seconds=1.0))
    assert Rounds(10).rounds_left(State(rounds=7)) == 3
    either = Seconds(1.0) | Rounds(10)
    assert either(State(seconds=2.0))
    assert either(State(rounds=10))
    assert not either(State(seconds=0.5, rounds=9))


def test_stopping_rules():
    for rule, wrong in ((Seconds, 0), (Rounds, -1), (NoImprovement, 0), (Gap, 1.0)):
        with pytest.raises(UnitRangeError):
            rule(wrong)
    problem = Problem(draw(300, 200, 0.02, 1))
    assert 50 <= solve_lscp(problem, stop=Rounds(50)).rounds <= 51
    assert solve_lscp(problem, stop=Rounds(100_000) | Gap(0.99)).rounds <= 1000
    # both end long before the search would by itself; how long exactly is the machine's affair
    assert solve_lscp(problem, stop=NoImprovement(500) | Seconds(600)).seconds < 300
    assert solve_mclp(problem, count=9, stop=Seconds(1)).seconds < 60


@pytest.mark.parametrize("options", [{}, {"share": 0.8}])
def test_same_seed_same_plan(options):
    problem = Problem(draw(200, 150, 0.04, 3))
    plans = [solve_lscp(problem, stop=Rounds(3000), seed=5, **options) for _ in range(2)]
    assert (plans[0].chosen == plans[1].chosen).all()
    plans = [solve_mclp(problem, count=12, stop=Rounds(300), seed=5) for _ in range(2)]
    assert (plans[0].chosen == plans[1].chosen).all()
    assert plans[0].objective == plans[1].objective


def test_must_see_points_nobody_sees_are_named():
    problem = Problem(matrix([1, 0], [0, 0], [0, 1], [1, 0]), needed=[1, 1, 1, 2])
    must = np.array([True, True, False, True])
    for solve in (lambda: solve_mclp(problem, count=1, must=must), lambda: solve_lscp(problem, must=must)):
        with pytest.raises(UnseenError, match=r"\(2 points: 1, 3\)") as caught:
            solve()
        assert caught.value.points.tolist() == [1, 3]
        assert caught.value.reachable_share == 0.5


def test_unreachable_share_tells_the_largest():
    problem = Problem(matrix([1, 0], [0, 0], [0, 1]), weight=[5, 1, 4])
    with pytest.raises(UnseenError, match=r"95.0% cannot be seen: candidates reach 90.0%") as caught:
        solve_lscp(problem, share=0.95)
    assert caught.value.points.tolist() == [1]
    everything = solve_lscp(problem)
    assert everything.objective == 2
    assert everything.unseen.tolist() == [1]
    assert solve_lscp(problem, share=0.5).chosen.tolist() == [0]
    assert solve_lscp(problem, share=0.9).objective == 2


def test_must_see_beyond_the_limits_has_no_plan():
    with pytest.raises(InfeasibleError):
        solve_mclp(Problem(matrix([1, 0], [0, 1])), count=1, must=np.array([True, True]))
    with pytest.raises(InfeasibleError):
        solve_mclp(Problem(matrix([1, 0], [0, 1]), cost=[9, 1]), budget=5, must=np.array([True, False]))


def test_groups_that_forbid_a_cover():
    problem = Problem(matrix([1, 0], [0, 1], [0, 1]), group=[7, 7])
    with pytest.raises(UnseenError) as caught:
        solve_lscp(problem, stop=FEW)
    assert caught.value.points.tolist() == [0]
    assert caught.value.reachable_share == pytest.approx(2 / 3)


def test_what_stands_is_kept_and_free():
    problem = Problem(SQUARE, cost=[10, 1, 1, 1], fixed=[0])
    plan = solve_lscp(problem, stop=FEW)
    assert plan.chosen.tolist() == [2]
    assert plan.objective == 1
    plan = solve_mclp(problem, count=1, stop=FEW)
    assert (plan.chosen.tolist(), plan.objective, plan.share) == ([2], 4, 1.0)
    nothing_left = solve_lscp(Problem(SQUARE, fixed=[0, 2]))
    assert (nothing_left.chosen.tolist(), nothing_left.status) == ([], "optimal")
    assert solve_mclp(Problem(SQUARE, fixed=[0, 2]), count=3).objective == 4


def test_zero_costs_are_allowed():
    plan = solve_lscp(Problem(SQUARE, cost=[0, 5, 0, 5]), stop=FEW)
    assert (plan.objective, plan.status) == (0, "optimal")
    assert solve_lscp(Problem(SQUARE, cost=[0, 0, 0, 0]), stop=FEW).objective == 0
    assert solve_mclp(Problem(SQUARE, cost=[0, 5, 0, 5]), budget=1, stop=FEW).objective == 4


def test_budget_looks_at_gains_and_at_prices():
    # By gain the dear one is first and eats the budget; by price the trifle is first and shuts it out.
    many = Problem(matrix(*np.hstack([np.ones((8, 1)), np.eye(8)]).tolist()), cost=[8] + [1] * 8)
    assert solve_mclp(many, budget=8, stop=FEW).objective == 8
    trifle = Problem(matrix([1, 0], [0, 1], [0, 1], [0, 1]), cost=[0.1, 8.0])
    assert solve_mclp(trifle, budget=8, stop=FEW).chosen.tolist() == [1]


def test_ranking_and_summary():
    problem = Problem(draw(120, 60, 0.08, 4), weight=np.arange(120), cost=np.arange(1, 61))
    plan = solve_mclp(problem, budget=150, stop=FEW)
    frame = plan.ranking
    assert list(frame.columns) == ["candidate", "gain", "cumulative_share", "cost", "cumulative_cost"]
    assert frame.index.equals(pd.RangeIndex(1, len(plan.chosen) + 1))
    assert (frame["candidate"] == plan.chosen).all()
    assert (frame["gain"].diff().dropna() <= 1e-9).all()
    assert frame["gain"].sum() == pytest.approx(plan.objective)
    assert frame["cumulative_share"].iloc[-1] == pytest.approx(plan.objective / problem.weight.sum())
    assert frame["cumulative_cost"].iloc[-1] <= 150
    text = plan.summary()
    assert f"{len(plan.chosen)} candidates" in text
    assert ("proven optimal" in text) == (plan.status == "optimal")


def test_points_with_one_candidate_do_not_stall_the_search():
    alone = draw(200, 150, 0.04, 7)
    beside = sparse.block_diag([alone, np.eye(6)], format="csc")
    costs = [solve_lscp(Problem(sees), stop=Rounds(20_000)).objective for sees in (alone, beside)]
    assert costs[1] == costs[0] + 6


def test_large_problem_is_bounded_and_better_than_greedy():
    problem = Problem(draw(2000, 1500, 0.01, 5), weight=np.random.default_rng(5).random(2000))
    plan = solve_mclp(problem, count=40, stop=Rounds(400) | Seconds(8))
    assert plan.objective <= plan.bound
    assert plan.gap < 0.1
    seen = np.zeros(2000, bool)
    for _ in range(40):
        gain = problem.sees.T @ np.where(seen, 0.0, problem.weight)
        seen |= problem.sees[:, [gain.argmax()]].toarray().ravel() > 0
    assert plan.objective > problem.weight[seen].sum()


@pytest.mark.parametrize("stage", ["swap", "bound", "search", "exact", "greedy", "reduce"])
@pytest.mark.parametrize("model", ["mclp", "lscp", "share"])
def test_interruption_returns_the_best_so_far(model, stage):
    problem = Problem(draw(400, 300, 0.03, 6))
    told = []

    def progress(name, done, total):
        assert done >= 0
        assert total >= 0
        told.append(name)
        if name == stage:
            raise KeyboardInterrupt

    stop = Seconds(3)
    if model == "mclp":
        plan = solve_mclp(problem, count=20, stop=stop, progress=progress)
        assert len(plan.chosen) == 20
    else:
        share = 0.9 if model == "share" else None
        plan = solve_lscp(problem, share=share, stop=stop, progress=progress)
        assert plan.share >= (share or 1.0)
    assert plan.interrupted == (stage in told)
    assert plan.interrupted or plan.status == "optimal" or plan.seconds >= 3
    assert plan.status == "feasible" or plan.bound == plan.objective
