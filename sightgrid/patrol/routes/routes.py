"""Routes: who visits which stop when, and which streets are patrolled in between."""

from __future__ import annotations

import time
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from sightgrid.errors import InfeasibleError, InputError, UnitRangeError
from sightgrid.gis.crs import require_metric
from sightgrid.patrol.routes.checkpoints import Problem, build_problem
from sightgrid.patrol.routes.improvement import Routes, Search, lock_routes
from sightgrid.patrol.routes.inputs import check_done, check_locked, check_observed, spare_length, street_attention
from sightgrid.patrol.routes.schedule import write_diary
from sightgrid.patrol.routes.shortfalls import count_missing, find_shortfalls, rank_plan
from sightgrid.patrol.routes.timing import is_feasible
from sightgrid.patrol.routes.walks import Terrain, number_streets
from sightgrid.patrol.shift.plan import Plan, build_legs
from sightgrid.patrol.shift.stops import check_stops
from sightgrid.patrol.shift.units import check_units, unit_networks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import geopandas as gpd
    import pandas as pd

    from sightgrid.patrol.streets.network import Network

    Progress = Callable[[str, int, int], None]

Engine = Literal["auto", "ortools", "own"]
ENGINES = ("auto", "ortools", "own")
_ROUNDS = 4000


def plan_routes(
    streets: gpd.GeoDataFrame,
    units: gpd.GeoDataFrame,
    stops: gpd.GeoDataFrame,
    *,
    attention: pd.DataFrame | pd.Series[float] | None = None,
    observed: pd.DataFrame | None = None,
    locked: pd.DataFrame | None = None,
    done: pd.DataFrame | None = None,
    engine: Engine = "auto",
    seconds: float = 20.0,
    seed: int = 0,
    snap_m: float = 200.0,
    progress: Progress | None = None,
) -> Plan:
    """Plan a shift: required visits by priority, then the others by weight, then even work; streets in between.

    Parameters
    ----------
    streets : GeoDataFrame
        The street layer of a site.
    units, stops : GeoDataFrame
        See `check_units` and `check_stops`.
    attention : DataFrame or Series, optional
        What a pass of each street is worth, indexed as `streets` (a frame's column ``attention``); its length where
        cameras do not see it if not given.
    observed : DataFrame, optional
        What cameras see of each street: ``observable_m``, ``observed_m``, indexed as `streets`.
    locked : DataFrame, optional
        ``unit_id``, ``stop_id``, ``arrive_at``: visits that must be part of the plan as they are.
    done : DataFrame, optional
        ``stop_id``, ``arrive_at``, ``leave_at``: visits made before; they count towards the visits wanted and the gaps.
    engine : {"auto", "ortools", "own"}
        ``own`` is ruin and recreate; ``ortools`` is OR-Tools' guided local search, starting from a first own answer;
        ``auto`` is the own engine, and OR-Tools with the time left if required visits are left out and it is installed.
    seconds : float
        Time limit of the search for routes.
    seed : int
        The same seed gives the same plan, unless the time limit stops the search or OR-Tools takes part in it.
    snap_m : float
        Farthest a stop or depot may lie from a street.
    progress : callable, optional
        Called with stage, done, total.

    Returns
    -------
    Plan

    Raises
    ------
    SchemaError
        A table breaks its rules; all faults are listed.
    InputError
        Tables do not fit together: another coordinate system or index, unknown ids or crews, a depot far from any
        street its unit may use.
    InfeasibleError
        The locked visits of a unit, or its break and the way home, do not fit into its shift.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd, sightgrid as sg
    >>> from sightgrid.patrol.shift.stops import propose_stops
    >>> site = sg.open_site("helsinki")
    >>> start = pd.Timestamp("2026-11-23T08:00", tz="Europe/Helsinki")
    >>> units = gpd.GeoDataFrame(
    ...     {"mode": "foot", "speed_kph": 5.0, "start_at": start, "end_at": start + pd.Timedelta("4h")},
    ...     index=pd.Index(["foot-1"], name="unit_id"), geometry=[site.study.centroid], crs=site.crs,
    ... )
    >>> plan = plan_routes(site.streets, units, propose_stops(site, most=3), seconds=1)
    >>> plan.figures["stops_required"], plan.figures["stops_planned"]
    (9, 9)
    """
    if engine not in ENGINES:
        raise UnitRangeError(f"engine: {engine!r} is not known; choose one of {', '.join(ENGINES)}")
    if engine == "ortools" and find_spec("ortools") is None:
        hint = 'pip install -e ".[ortools]" in the checkout'
        raise InputError(f"engine: ortools is not installed; use engine='own', or {hint}")
    if not seconds > 0.0:
        raise UnitRangeError(f"seconds: {seconds} must be above 0")
    task = prepare(
        streets,
        units,
        stops,
        attention=attention,
        observed=observed,
        locked=locked,
        done=done,
        seed=seed,
        snap_m=snap_m,
    )
    problem, routes = search_routes(task.build, engine=engine, seconds=seconds, seed=seed, progress=progress)
    return write_plan(problem, routes, worth=task.worth, observed=task.observed, done=task.done, seed=seed)


class Task(NamedTuple):
    """A checked question: how to put it into numbers, and what the plan needs besides."""

    build: Callable[..., Problem]
    worth: pd.Series[float]
    observed: pd.DataFrame | None
    done: pd.DataFrame


def prepare(
    streets: gpd.GeoDataFrame,
    units: gpd.GeoDataFrame,
    stops: gpd.GeoDataFrame,
    *,
    attention: pd.DataFrame | pd.Series[float] | None = None,
    observed: pd.DataFrame | None = None,
    locked: pd.DataFrame | None = None,
    done: pd.DataFrame | None = None,
    seed: int = 0,
    snap_m: float = 200.0,
) -> Task:
    """Check what a planner brings; parameters and errors as `plan_routes`."""
    require_metric(streets, "streets")
    units, stops = check_units(units, crs=streets.crs), check_stops(stops, crs=streets.crs)
    unknown = stops.index[~stops["crew"].isin(["", *units["crew"]])]
    if len(unknown):
        first = ", ".join(f"{name} ({stops['crew'][name]})" for name in unknown[:5])
        raise InputError(f"stops: crew: no unit has this crew ({len(unknown)} stops: {first})")
    observed = check_observed(observed, streets)
    worth = street_attention(attention, streets)
    networks = unit_networks(streets, units, observed=observed)
    made = check_done(done, stops)
    kept = check_locked(locked, units, stops, done=made)
    build = partial(
        build_problem, units, stops, networks, locked=kept, done=made, heads={},
        snap_m=snap_m, seed=seed,
    )  # fmt: skip
    return Task(build, spare_length(streets, observed) if worth is None else worth, observed, made)


def search_routes(
    build: Callable[..., Problem],
    *,
    engine: Engine,
    seconds: float,
    seed: int,
    progress: Progress | None = None,
    rounds: int = _ROUNDS,
) -> tuple[Problem, Routes]:
    """Find routes with even gaps between the visits of a stop; with looser ones where visits are left out.

    First all stops have narrow slots; then those with visits left out get wide ones; then all of them, if required
    visits are still left out.

    Parameters
    ----------
    build : callable
        Gives the problem for the stops that are ``loose``.
    engine, seconds, seed, progress
        See `plan_routes`.
    rounds : int
        Of the own engine, each time.

    Returns
    -------
    problem : Problem
        The one that was solved.
    routes : list of list of int
        Visits of each unit, in order.
    """
    own_s = {"auto": seconds / 2.0, "own": seconds, "ortools": 0.0}[engine]

    def improve(search: Search) -> None:
        left = own_s - (time.monotonic() - begin)
        if left > 0.0:
            search.improve(seconds=left, seed=seed, rounds=rounds, progress=progress)

    problem = build()
    search = begin_search(problem)
    begin = time.monotonic()
    improve(search)
    for last in (False, True):
        short = count_missing(problem, search.routes)
        if not (short[problem.stops["required"].to_numpy(bool)].any() if last else short.any()):
            break
        wider = build(loose=np.ones(len(short), bool) if last else short > 0)
        other = Search(wider.case, search.routes)
        improve(other)
        if rank_plan(wider, other.routes) < rank_plan(problem, search.routes):
            problem, search = wider, other
    short = count_missing(problem, search.routes)[problem.stops["required"].to_numpy(bool)]
    ask = engine == "ortools" or (engine == "auto" and bool(short.any()) and find_spec("ortools") is not None)
    left = seconds - (time.monotonic() - begin)
    if ask and left > 0.0:
        from sightgrid.patrol.routes.ortools_engine import improve_routes  # noqa: PLC0415 - loaded only when used

        other = Search(problem.case, improve_routes(problem.case, search.routes, seconds=left))
        search = other if other.cost < search.cost else search
    return problem, search.routes


def begin_search(problem: Problem) -> Search:
    """First routes: the locked visits, and what fits around them.

    Raises
    ------
    InfeasibleError
        The locked visits of a unit, or its break and the way home, do not fit into its shift.
    """
    held = lock_routes(problem.case)
    for k, visits in enumerate(held):
        if not is_feasible(problem.case, k, visits):
            what = f"its {len(visits)} locked visits" if visits else "its break and the way to its depot"
            raise InfeasibleError(f"unit {problem.units.index[k]}: {what} do not fit into its shift")
    return Search(problem.case, held)


def write_plan(
    problem: Problem,
    routes: Routes,
    *,
    worth: pd.Series[float],
    observed: pd.DataFrame | None,
    done: pd.DataFrame,
    seed: int,
) -> Plan:
    """Turn routes into a plan that starts with the shift."""
    units, networks = problem.units, problem.networks
    terrains = survey(networks, worth.index)
    last_s = np.full(len(worth), -np.inf)
    diary = write_diary(
        problem, routes, terrains=terrains, worth=np.asarray(worth, np.float64), last_s=last_s, seed=seed
    )
    visits = diary.visits(problem.origin)
    return Plan(
        units=units,
        stops=problem.stops,
        legs=build_legs(diary.legs(problem.origin), networks, crs=units.crs),
        visits=visits,
        shortfalls=find_shortfalls(problem, routes, visits, done),
        networks=networks,
        attention=worth,
        observed=observed,
        done=done,
    )


def survey(networks: Mapping[str, Network], streets: pd.Index) -> dict[str, Terrain]:
    """The terrain of each unit; units of one network share it."""
    rows = number_streets(streets)
    distinct = {id(network): network for network in networks.values()}
    built = {key: Terrain(network, rows) for key, network in distinct.items()}
    return {unit_id: built[id(network)] for unit_id, network in networks.items()}
