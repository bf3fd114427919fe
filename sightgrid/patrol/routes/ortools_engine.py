"""OR-Tools as an engine of the checkpoint patrol; loaded only when it is used."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from ortools.constraint_solver import pywrapcp, routing_enums_pb2

from sightgrid.patrol.routes.insertion import OVERTIME

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sightgrid.patrol.routes.checkpoints import Case
    from sightgrid.patrol.routes.improvement import Routes

# Stands for "no way leads there": longer than any shift with its overtime.
_NEVER_S = 10_000_000


def improve_routes(case: Case, routes: Routes, *, seconds: float) -> Routes:
    """Improve routes by guided local search on OR-Tools' routing model.

    Seconds are rounded so that what holds in whole seconds holds exactly: driving and dwelling up, windows inwards.

    Parameters
    ----------
    case : Case
        The problem.
    routes : list of list of int
        Where the search starts; rounding or breaks may make them unusable, it starts anew then.
    seconds : float
        How long it searches.

    Returns
    -------
    list of list of int
        Visits of each unit, in order; those given if nothing was found.
    """
    n, units = len(case.visits.place), len(case.units.profile)
    if not n:
        return routes
    # nodes: the visits, then each unit's start, then each unit's end
    starts, ends = ([n + turn * units + k for k in range(units)] for turn in (0, 1))
    manager = pywrapcp.RoutingIndexManager(n + 2 * units, units, starts, ends)
    model = pywrapcp.RoutingModel(manager)
    place = np.concatenate([case.visits.place, case.units.first, case.units.last])
    dwell = np.concatenate([np.ceil(case.visits.dwell_s), np.zeros(2 * units)]).astype(int)
    drives = [_whole(case.travel_s[profile][np.ix_(place, place)]) for profile in range(len(case.travel_s))]
    drive = [model.RegisterTransitMatrix(table.tolist()) for table in drives]
    work = [model.RegisterTransitMatrix((table + dwell[:, None]).tolist()) for table in drives]
    profile = case.units.profile.tolist()
    for k in range(units):
        model.SetArcCostEvaluatorOfVehicle(drive[profile[k]], k)
    latest = math.floor(float(case.units.limit_s.max()))
    model.AddDimensionWithVehicleTransits([work[p] for p in profile], latest, latest, False, "time")
    model.AddDimensionWithVehicleTransits([work[p] for p in profile], 0, latest, True, "work")
    model.GetDimensionOrDie("work").SetGlobalSpanCostCoefficient(units)
    clock = model.GetDimensionOrDie("time")
    _set_shifts(case, model, clock, dwell)
    solver = model.solver()
    for v in range(n):
        at = manager.NodeToIndex(v)
        opens, closes = math.ceil(case.visits[v].open_s), math.floor(case.visits[v].close_s)
        clock.CumulVar(at).SetRange(max(0, min(opens, closes)), max(0, closes, min(opens, closes)))
        able = np.flatnonzero(case.allowed[:, v]).tolist()
        if case.visits[v].locked:
            solver.Add(model.VehicleVar(at) == able[0])
        else:
            model.AddDisjunction([at], int(case.visits[v].penalty))
            model.VehicleVar(at).SetValues([-1, *able])
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    parameters.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    parameters.time_limit.FromMilliseconds(max(1, round(1000 * seconds)))
    model.CloseModelWithParameters(parameters)
    begun = model.ReadAssignmentFromRoutes(routes, True)
    found = None if begun is None else model.SolveFromAssignmentWithParameters(begun, parameters)
    if found is None:
        found = model.SolveWithParameters(parameters)
    return routes if found is None else [_read_route(model, manager, found, k) for k in range(units)]


def _set_shifts(case: Case, model: Any, clock: Any, dwell: NDArray[np.int64]) -> None:
    """Start, end, overtime and break of each unit."""
    solver = model.solver()
    stay = dwell.tolist()
    for k in range(len(case.units.profile)):
        start, limit = math.ceil(case.units[k].start_s), math.floor(case.units[k].limit_s)
        clock.CumulVar(model.Start(k)).SetRange(start, limit)
        clock.CumulVar(model.End(k)).SetRange(start, limit)
        clock.SetCumulVarSoftUpperBound(model.End(k), math.floor(case.units[k].end_s), int(OVERTIME))
        model.AddVariableMinimizedByFinalizer(clock.CumulVar(model.End(k)))
        if case.units[k].break_s > 0.0:
            opens, closes = math.ceil(case.units[k].break_from_s), math.floor(case.units[k].break_to_s)
            opens = max(opens, start)
            pause = solver.FixedDurationIntervalVar(
                min(opens, closes),
                closes,
                math.ceil(case.units[k].break_s),
                False,
                f"break {k}",
            )
            clock.SetBreakIntervalsOfVehicle([pause], k, [int(s) for s in stay])


def _read_route(model: Any, manager: Any, found: Any, k: int) -> list[int]:
    """Visits of one unit."""
    visits: list[int] = []
    at = model.Start(k)
    while True:
        at = found.Value(model.NextVar(at))
        if model.IsEnd(at):
            return visits
        visits.append(int(manager.IndexToNode(at)))


def _whole(table: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole seconds, rounded up."""
    return np.where(np.isfinite(table), np.ceil(table), _NEVER_S).astype(np.int64)
