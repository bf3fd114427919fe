"""Placement: where the next cameras go, what they buy, and how far from the best possible the plan can be at most."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.sparse import csc_array, hstack

from sightgrid import datasets
from sightgrid.coverage.candidates import propose_mounts
from sightgrid.coverage.covering import (
    NoImprovement,
    Problem,
    Seconds,
    Solution,
    UnseenError,
    rank_candidates,
    solve_lscp,
    solve_mclp,
)
from sightgrid.coverage.demand import sample_demand
from sightgrid.coverage.matrix import match_views
from sightgrid.coverage.optics import density_classes
from sightgrid.coverage.plan import Placement
from sightgrid.coverage.poses import pose_cameras, read_catalogue
from sightgrid.coverage.scene import Scene
from sightgrid.coverage.standing import Standing, change_cameras, name_changes, split_standing
from sightgrid.errors import InfeasibleError, InputError, UnitRangeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    from numpy.typing import NDArray

    from sightgrid.coverage.covering import Stop
    from sightgrid.coverage.visibility import Progress
    from sightgrid.site import Site

MOUNT_SPACING_M = 50.0
MOST_PRIVATE_M2 = 25.0
SEARCH_SECONDS = 30.0


def place(
    site: Site,
    *,
    budget: int | None = None,
    money: float | None = None,
    cover: float | None = None,
    required_density_px_m: float | None = None,
    mounts: gpd.GeoDataFrame | None = None,
    catalogue: pd.DataFrame | None = None,
    demand: gpd.GeoDataFrame | None = None,
    must_see: Sequence[str] = (),
    reaim: Sequence[str] = (),
    removable: Sequence[str] = (),
    backup: float = 0.0,
    most_private_m2: float = MOST_PRIVATE_M2,
    stop: Stop | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Placement:
    """Choose where new cameras go.

    With a number of cameras (``budget``) or an amount of money it maximises the weighted demand that is seen (MCLP, or
    BCLP with ``backup``); with a goal (``cover``) it minimises the price of reaching it (LSCP). Existing cameras stay
    as they are unless they may be turned or taken down.

    Parameters
    ----------
    site : Site
    budget : int, optional
        Number of new cameras.
    money : float, optional
        What they may cost together, in the currency of the catalogue.
    cover : float, optional
        Share of the demand to be seen, above 0 and up to 1; instead of a budget.
    required_density_px_m : float, optional
        Density that counts as seen; the lowest class of IEC 62676-4:2014 if not given. Places may ask for more.
    mounts, catalogue, demand : frames, optional
        See `propose_mounts` (proposed 50 m apart if not given), `read_catalogue` (the bundled one) and `sample_demand`.
    must_see : sequence of str
        Ids of places whose every demand point has to be seen.
    reaim : sequence of str
        Ids of existing cameras that may be turned, at no price; ``["all"]`` for all that look one way.
    removable : sequence of str
        Ids of existing cameras that may be taken down; ``["all"]`` for all. With ``budget`` each one frees a camera
        for another mount; with ``cover`` those that the goal does not need go.
    backup : float
        What a second view of a point is worth, as a share of the first, 0 to 1.
    most_private_m2 : float
        A pose that sees more of private, forbidden or consent zones than this is dropped and counted.
    stop : Stop, optional
        When to stop searching; half a minute, or a long time without improvement, if not given.
    seed : int
        Seed of the search.
    progress : callable, optional
        Called as ``progress(stage, done, total)``.

    Returns
    -------
    Placement

    Raises
    ------
    UnitRangeError
        No budget or goal, several kinds of them, or one out of range; ``money`` with ``removable``, or with both
        ``budget`` and ``reaim``.
    InputError
        A place of ``must_see`` or a camera of ``reaim`` or ``removable`` is not in the site.
    InfeasibleError
        No pose is left, or a place that must be seen cannot be; its message names it.

    Examples
    --------
    >>> import sightgrid as sg
    >>> site = sg.open_site("helsinki")
    >>> demand = sample_demand(site, spacing_m=20.0)
    >>> mounts = propose_mounts(site, spacing_m=100.0, kinds=["crossing"])
    >>> plan = place(site, budget=2, mounts=mounts, demand=demand, stop=Seconds(2.0))
    >>> len(plan.chosen), plan.after_rate > plan.before_rate
    (2, True)
    """
    _check_goal(budget, money, cover, reaim, removable)
    least_px_m = min(density_classes("iec2014").values()) if required_density_px_m is None else required_density_px_m
    if not 0.0 < least_px_m < np.inf:
        raise UnitRangeError(f"required_density_px_m: {required_density_px_m} must be above 0")
    mounts = propose_mounts(site, spacing_m=MOUNT_SPACING_M) if mounts is None else mounts
    catalogue = read_catalogue(datasets.find_catalogue()) if catalogue is None else catalogue
    demand = sample_demand(site) if demand is None else demand
    must = _points_of(site, demand, must_see)
    standing = split_standing(site.cameras, reaim=reaim, removable=removable)
    poses = pose_cameras(mounts, catalogue)
    scene = Scene(site.obstacles)
    options: dict[str, Any] = {"least_px_m": least_px_m, "streets": site.streets}
    kept_see, _ = match_views(standing.kept, demand, scene, **options)
    free_see, free_m2 = match_views(standing.poses, demand, scene, **options, private=site.private)
    standing = standing.take((free_m2 <= most_private_m2) | standing.is_first)
    free_see = free_see[:, standing.taken]
    sees, private_m2 = match_views(poses, demand, scene, least_px_m=least_px_m, private=site.private, progress=progress)
    useful = np.asarray(sees.sum(axis=0)).ravel() > 0
    open_ = private_m2 <= most_private_m2
    dropped = {"look into closed zones": int((~open_).sum()), "see no demand": int((open_ & ~useful).sum())}
    keep = np.flatnonzero(open_ & useful)
    if not len(keep):
        reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
        raise InfeasibleError(f"{site.name}: none of {len(poses)} poses can be used: {reasons}")
    poses = poses.iloc[keep]
    problem = _pose_problem(demand, standing, csc_array(hstack([kept_see, free_see, sees[:, keep]])), poses)
    search: dict[str, Any] = {
        "must": must,
        "stop": (Seconds(SEARCH_SECONDS) | NoImprovement(200_000)) if stop is None else stop,
        "seed": seed,
        "progress": progress,
    }
    try:
        if cover is not None:
            solution = solve_lscp(problem, share=cover, **search)
        elif len(standing.poses) and budget is not None:  # turning is free, so cameras are counted as costs
            ones = np.concatenate([np.zeros(len(standing.kept)), standing.worth, np.ones(len(poses))])
            counted = replace(problem, cost=ones)
            limit = float(budget + standing.removable_count)
            solution = solve_mclp(counted, budget=limit, backup=backup, **search)
        else:
            solution = solve_mclp(problem, count=budget, budget=money, backup=backup, **search)
    except UnseenError as error:
        raise InfeasibleError(_name_unseen(error, demand, must_see)) from error
    taken = np.empty(0, np.int64)
    if len(standing.poses):
        spare = 0 if budget is None else budget + standing.removable_count - _count_cameras(standing, solution)
        goal = None if cover is None else cover * float(problem.weight.sum())
        everywhere = np.zeros(len(demand), np.bool_) if must is None else must
        taken = standing.settle(problem, solution.chosen, spare=spare, goal=goal, must=everywhere)
        solution = _leave_new(problem, standing, taken, solution, backup)
    return _dress(site, poses, demand, standing, taken, problem, solution, least_px_m, dropped)


def _check_goal(
    budget: int | None, money: float | None, cover: float | None, reaim: Sequence[str], removable: Sequence[str]
) -> None:
    if (cover is None) == (budget is None and money is None):
        raise UnitRangeError("budget, money, cover: give a budget and/or an amount of money, or else a share to cover")
    if money is not None and len(removable):
        raise UnitRangeError("removable: a camera that is taken down gives no money back; give a budget or a goal")
    if money is not None and budget is not None and len(reaim):
        raise UnitRangeError("reaim: goes with a budget or with an amount of money, not with both")
    if budget is not None and (budget < 1 or budget != int(budget)):
        raise UnitRangeError(f"budget: must be a whole number of at least 1, got {budget}")


def _points_of(site: Site, demand: gpd.GeoDataFrame, must_see: Sequence[str]) -> Any:
    strangers = [place for place in must_see if place not in site.places.index]
    if strangers:
        raise InputError(f"must_see: {', '.join(strangers)}: no place of {site.name} has this id")
    if not len(must_see):
        return None
    return demand["place_id"].isin(list(must_see)).to_numpy()


def _pose_problem(demand: gpd.GeoDataFrame, standing: Standing, sees: csc_array, poses: gpd.GeoDataFrame) -> Problem:
    """Candidates: the cameras that are kept, the poses of those that may be changed, the poses of new ones."""
    kept, free = len(standing.kept), len(standing.poses)
    mount, _ = pd.factorize(poses["mount_id"])
    return Problem(
        sees,
        weight=demand["weight"].to_numpy(float),
        cost=np.concatenate([np.zeros(kept + free), poses["price"].to_numpy(float)]),
        group=np.concatenate([np.full(kept, -1), standing.group, len(poses) + free + mount]),
        needed=demand["needed"].to_numpy(np.int64),
        fixed=np.arange(kept),
    )


def _count_cameras(standing: Standing, solution: Solution) -> int:
    """How many new and removable cameras a plan has."""
    poses = solution.chosen - len(standing.kept)
    old = poses[poses < len(standing.poses)]
    return int(len(poses) - len(old) + standing.worth[old].sum())


def _leave_new(
    problem: Problem, standing: Standing, taken: NDArray[np.int64], solution: Solution, backup: float
) -> Solution:
    """Rank the new cameras alone, after what is done with the old ones."""
    first = len(standing.kept)
    done = replace(problem, fixed=np.concatenate([problem.fixed, first + taken]))
    ranking = rank_candidates(done, solution.chosen[solution.chosen >= first + len(standing.poses)], backup=backup)
    return replace(solution, chosen=ranking["candidate"].to_numpy(), ranking=ranking)


def _name_unseen(error: UnseenError, demand: gpd.GeoDataFrame, must_see: Sequence[str]) -> str:
    """Which places stay unseen, in the words of the site."""
    unseen = demand.iloc[error.points]
    places = unseen["place_id"][unseen["place_id"].isin(list(must_see))].value_counts()
    if len(places):
        named = ", ".join(f"{place} ({count} points)" for place, count in places.sort_index().items())
        return f"places that must be seen cannot be seen everywhere, whatever is chosen: {named}"
    first = ", ".join(unseen.index[:5])
    return (
        f"the goal cannot be reached: at most {error.reachable_share:.1%} of the demand can be seen; "
        f"{len(unseen)} points stay unseen ({first}, …)"
    )


def _dress(
    site: Site,
    poses: gpd.GeoDataFrame,
    demand: gpd.GeoDataFrame,
    standing: Standing,
    taken: NDArray[np.int64],
    problem: Problem,
    solution: Solution,
    least_px_m: float,
    dropped: dict[str, int],
) -> Placement:
    """Turn candidate numbers back into cameras and points."""
    kept, free = len(standing.kept), len(standing.poses)
    chosen = poses.iloc[solution.chosen - kept - free].copy()
    names = set(site.cameras.index)  # a plan that was carried out may have used the same mount before
    chosen.index = pd.Index([_free_id(name, names) for name in chosen.index], name="camera_id")
    ranking = solution.ranking
    chosen["rank"] = np.arange(1, len(chosen) + 1)
    chosen["gain"] = ranking["gain"].to_numpy()
    chosen["cumulative_share"] = ranking["cumulative_share"].to_numpy()
    chosen["cumulative_price"] = np.cumsum(chosen["price"].to_numpy(float))
    before = problem.count_views(np.concatenate([problem.fixed, kept + np.flatnonzero(standing.is_first)]))
    after = problem.count_views(np.concatenate([problem.fixed, kept + taken, solution.chosen]))
    seen = demand.assign(seen_before=before, seen_after=after)
    changed = name_changes(site.cameras, standing, taken)
    # the rate asks for no more than the least density, whatever the places want
    plain = demand.assign(density_px_m=np.nan)
    scene = Scene(site.obstacles)

    def count(cameras: gpd.GeoDataFrame) -> NDArray[np.int64]:
        seen_by, _ = match_views(cameras, plain, scene, least_px_m=least_px_m, streets=site.streets)
        return np.asarray(seen_by.sum(axis=1, dtype=np.int64)).ravel()

    was = count(site.cameras)
    now = (count(change_cameras(site.cameras, changed)) if len(changed) else was) + count(chosen)
    before_rate, after_rate = float((was > 0).mean()), float((now > 0).mean())
    return Placement(site, chosen, changed, seen, solution, before_rate, after_rate, dropped)


def _free_id(name: str, taken: set[str]) -> str:
    number = 2
    free = name
    while free in taken:
        free, number = f"{name}#{number}", number + 1
    return free
