"""Small public instances to their best known values, every cover checked apart from the solver."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import SHARED

from benchmarks import placement
from sightgrid.coverage.covering import Problem, Rounds, Seconds, solve_lscp, solve_mclp

ROUNDS = 600_000


def cover(name):
    if not placement.SET_COVER.is_dir() or not placement.GENERATOR.is_file():
        pytest.skip(f"the benchmark's instances are not on this machine ({SHARED.name} beside the project)")
    matrix = placement.read_gecco(name) if name.startswith("AC_") else placement.read_set_cover(name)
    # rounds, not seconds: the answer is then the same on every machine, however busy it is
    answer = solve_lscp(Problem(matrix), stop=Rounds(ROUNDS))
    assert placement.is_cover(matrix, answer.chosen)
    assert answer.bound <= answer.objective == len(answer.chosen)
    return answer


@pytest.mark.parametrize("name", ["AC_01", "AC_02", "AC_10", "sts27", "sts45", "sts81", "scpcyc06", "scpclr10"])
def test_best_known_is_reached(name):
    answer = cover(name)
    assert len(answer.chosen) == placement.read_best_known()[name]


@pytest.mark.parametrize("name", ["AC_11", "AC_12", "rail507", "scpcyc07", "scpcyc08", "scpclr11", "sts135"])
def test_best_known_is_near(name):
    answer = cover(name)
    best = placement.read_best_known()[name]
    assert len(answer.chosen) <= 1.08 * best
    assert answer.bound <= best


def test_the_peer_is_matched_where_both_prove_it():
    distance, weight = placement.draw_town(150, 60, radius=0.15)
    answer = solve_mclp(Problem(placement.sparse.csc_array(distance <= 0.15), weight=weight), count=6, stop=Seconds(10))
    assert answer.status == "optimal"
    covers = solve_lscp(Problem(placement.sparse.csc_array(distance <= 0.15)), stop=Seconds(10))
    assert covers.status == "optimal"
    for model, ours in (("MCLP", answer), ("LSCP", covers)):
        theirs, proven = placement.solve_peer(model, distance, weight, 0.15, 6, 30.0)
        assert proven
        assert ours.objective == theirs


def test_the_checker_sees_a_hole():
    matrix = placement.sparse.csc_array(np.eye(3))
    assert placement.is_cover(matrix, np.array([0, 1, 2]))
    assert not placement.is_cover(matrix, np.array([0, 1]))
    assert not placement.is_cover(matrix, np.array([0, 1, 2, 2]))
