"""Covering: which candidates to choose, given who sees whom. Knows no geography, only sparse 0/1 matrices."""

from sightgrid.coverage.covering.lscp import solve_lscp
from sightgrid.coverage.covering.mclp import solve_mclp
from sightgrid.coverage.covering.problem import Problem, UnseenError
from sightgrid.coverage.covering.solution import Solution, rank_candidates
from sightgrid.coverage.covering.stopping import Gap, NoImprovement, Rounds, Seconds, Stop

__all__ = [
    "Gap",
    "NoImprovement",
    "Problem",
    "Rounds",
    "Seconds",
    "Solution",
    "Stop",
    "UnseenError",
    "rank_candidates",
    "solve_lscp",
    "solve_mclp",
]
