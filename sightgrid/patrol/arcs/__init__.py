"""Arc routing: streets, not places, are what has to be served."""

from sightgrid.patrol.arcs.euler import Circuit, find_circuit
from sightgrid.patrol.arcs.problem import ArcProblem, bound_longest, build_problem
from sightgrid.patrol.arcs.solver import ArcSolution, solve_arcs
from sightgrid.patrol.arcs.walks import Step, check_walks, cost_walk, lay_walks

__all__ = [
    "ArcProblem",
    "ArcSolution",
    "Circuit",
    "Step",
    "bound_longest",
    "build_problem",
    "check_walks",
    "cost_walk",
    "find_circuit",
    "lay_walks",
    "solve_arcs",
]
