"""Placement: where the next cameras go, what they buy, and how far from the best possible the plan can be at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.sparse import csc_array, hstack

from sightgrid import datasets
from sightgrid.coverage.candidates import propose_mounts
from sightgrid.coverage.covering import NoImprovement, Problem, Seconds, Solution, UnseenError, solve_lscp, solve_mclp
from sightgrid.coverage.demand import sample_demand
from sightgrid.coverage.matrix import match_views
from sightgrid.coverage.optics import density_classes
from sightgrid.coverage.poses import pose_cameras, read_catalogue
from sightgrid.coverage.scene import Scene
from sightgrid.errors import InfeasibleError, InputError, UnitRangeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sightgrid.coverage.covering import Stop
    from sightgrid.coverage.visibility import Progress
    from sightgrid.site import Site

MOUNT_SPACING_M = 50.0
MOST_PRIVATE_M2 = 25.0
SEARCH_SECONDS = 30.0


@dataclass(frozen=True)
class Placement:
    """New cameras for a site.

    Attributes
    ----------
    site : Site
        The site as it was.
    chosen : geopandas.GeoDataFrame
        The new cameras, most useful first: the columns of a cameras frame, and ``mount_id``, ``model``, ``price``,
        ``rank``, ``gain`` (weighted square metres), ``cumulative_share`` (of all demand) and ``cumulative_price``.
    demand : geopandas.GeoDataFrame
        What was to be seen, with ``seen_before`` and ``seen_after`` (views of the density asked for).
    solution : Solution
        Objective, bound, gap, seconds, rounds.
    before_rate, after_rate : float
        Share of the observable ground seen without and with the new cameras, as the plan promises it.
    dropped : dict of str to int
        Poses that were left out, by reason.
    """

    site: Site
    chosen: gpd.GeoDataFrame
    demand: gpd.GeoDataFrame
    solution: Solution
    before_rate: float
    after_rate: float
    dropped: dict[str, int]

    @property
    def planned_site(self) -> Site:
        """The site with the new cameras, for `measure` to confirm what the plan promises."""
        columns = self.site.cameras.columns
        new = self.chosen.reindex(columns=columns)
        new["assumed"] = new["assumed"].fillna("")
        if "indoor" in columns:
            new["indoor"] = False
        frame = pd.concat([self.site.cameras, new.astype(self.site.cameras.dtypes.to_dict())])
        return self.site.with_cameras(gpd.GeoDataFrame(frame, crs=self.site.crs))

    def phases(self, n: int) -> pd.DataFrame:
        """Cut the plan into at most n phases of about equal price, the most useful cameras first.

        Returns
        -------
        pandas.DataFrame
            Index ``phase``: ``cameras``, ``price``, ``cumulative_price``, ``cumulative_share`` (of all demand).

        Raises
        ------
        UnitRangeError
            Fewer than one phase, or more phases than cameras.
        """
        if not 1 <= n <= len(self.chosen):
            raise UnitRangeError(f"phases: {n} must be from 1 to the number of new cameras, {len(self.chosen)}")
        before = self.chosen["cumulative_price"] - self.chosen["price"]
        share = np.minimum((before * n / self.chosen["price"].sum()).astype(int), n - 1)
        phase = pd.factorize(share)[0] + 1  # one dear camera may be more than a phase: no number is left out
        table = self.chosen.groupby(phase).agg(
            cameras=("price", "size"),
            price=("price", "sum"),
            cumulative_price=("cumulative_price", "last"),
            cumulative_share=("cumulative_share", "last"),
        )
        return table.rename_axis("phase")

    def summary(self) -> dict[str, Any]:
        """The figures of the plan."""
        return {
            "site": self.site.name,
            "before_rate": self.before_rate,
            "after_rate": self.after_rate,
            "cameras": len(self.chosen),
            "price": float(self.chosen["price"].sum()),
            "objective": self.solution.objective,
            "bound": self.solution.bound,
            "gap": self.solution.gap,
            "status": self.solution.status,
            "rounds": self.solution.rounds,
            "seconds": self.solution.seconds,
            "dropped": self.dropped,
        }


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
    backup: float = 0.0,
    most_private_m2: float = MOST_PRIVATE_M2,
    stop: Stop | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Placement:
    """Choose where new cameras go.

    With a number of cameras (``budget``) or an amount of money it maximises the weighted demand that is seen (MCLP, or
    BCLP with ``backup``); with a goal (``cover``) it minimises the price of reaching it (LSCP). Existing cameras stay.

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
        No budget or goal, several kinds of them, or one out of range.
    InputError
        A place of ``must_see`` is not in the site.
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
    if (cover is None) == (budget is None and money is None):
        raise UnitRangeError("budget, money, cover: give a budget and/or an amount of money, or else a share to cover")
    least_px_m = min(density_classes("iec2014").values()) if required_density_px_m is None else required_density_px_m
    if not 0.0 < least_px_m < np.inf:
        raise UnitRangeError(f"required_density_px_m: {required_density_px_m} must be above 0")
    mounts = propose_mounts(site, spacing_m=MOUNT_SPACING_M) if mounts is None else mounts
    catalogue = read_catalogue(datasets.find_catalogue()) if catalogue is None else catalogue
    demand = sample_demand(site) if demand is None else demand
    must = _points_of(site, demand, must_see)
    poses = pose_cameras(mounts, catalogue)
    scene = Scene(site.obstacles)
    standing, _ = match_views(site.cameras, demand, scene, least_px_m=least_px_m, streets=site.streets)
    sees, private_m2 = match_views(poses, demand, scene, least_px_m=least_px_m, private=site.private, progress=progress)
    useful = np.asarray(sees.sum(axis=0)).ravel() > 0
    open_ = private_m2 <= most_private_m2
    dropped = {"look into closed zones": int((~open_).sum()), "see no demand": int((open_ & ~useful).sum())}
    keep = np.flatnonzero(open_ & useful)
    if not len(keep):
        reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
        raise InfeasibleError(f"{site.name}: none of {len(poses)} poses can be used: {reasons}")
    poses, sees = poses.iloc[keep], sees[:, keep]
    problem = _pose_problem(demand, standing, sees, poses)
    stop = (Seconds(SEARCH_SECONDS) | NoImprovement(200_000)) if stop is None else stop
    options: dict[str, Any] = {"must": must, "stop": stop, "seed": seed, "progress": progress}
    try:
        if cover is None:
            solution = solve_mclp(problem, count=budget, budget=money, backup=backup, **options)
        else:
            solution = solve_lscp(problem, share=cover, **options)
    except UnseenError as error:
        raise InfeasibleError(_name_unseen(error, demand, must_see)) from error
    return _dress(site, poses, demand, standing, sees, solution, least_px_m, dropped)


def _points_of(site: Site, demand: gpd.GeoDataFrame, must_see: Sequence[str]) -> Any:
    strangers = [place for place in must_see if place not in site.places.index]
    if strangers:
        raise InputError(f"must_see: {', '.join(strangers)}: no place of {site.name} has this id")
    if not len(must_see):
        return None
    return demand["place_id"].isin(list(must_see)).to_numpy()


def _pose_problem(demand: gpd.GeoDataFrame, standing: csc_array, sees: csc_array, poses: gpd.GeoDataFrame) -> Problem:
    existing = standing.shape[1]
    mount, _ = pd.factorize(poses["mount_id"])
    return Problem(
        csc_array(hstack([standing, sees], format="csc")),
        weight=demand["weight"].to_numpy(float),
        cost=np.concatenate([np.zeros(existing), poses["price"].to_numpy(float)]),
        group=np.concatenate([np.full(existing, -1), mount]),
        needed=demand["needed"].to_numpy(np.int64),
        fixed=np.arange(existing),
    )


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
    standing: csc_array,
    sees: csc_array,
    solution: Solution,
    least_px_m: float,
    dropped: dict[str, int],
) -> Placement:
    """Turn candidate numbers back into cameras and points."""
    new = solution.chosen - standing.shape[1]
    chosen = poses.iloc[new].copy()
    taken = set(site.cameras.index)  # a plan that was carried out may have used the same mount before
    chosen.index = pd.Index([_free_id(name, taken) for name in chosen.index], name="camera_id")
    ranking = solution.ranking
    chosen["rank"] = np.arange(1, len(chosen) + 1)
    chosen["gain"] = ranking["gain"].to_numpy()
    chosen["cumulative_share"] = ranking["cumulative_share"].to_numpy()
    chosen["cumulative_price"] = ranking["cumulative_cost"].to_numpy()
    before = np.asarray(standing.sum(axis=1)).ravel()
    seen = demand.assign(seen_before=before, seen_after=before + np.asarray(sees[:, new].sum(axis=1)).ravel())
    # the rate asks for no more than the least density, whatever the places want
    plain = demand.assign(density_px_m=np.nan)
    scene = Scene(site.obstacles)
    old, _ = match_views(site.cameras, plain, scene, least_px_m=least_px_m, streets=site.streets)
    views = np.asarray(old.sum(axis=1)).ravel()
    before_rate = float((views > 0).mean())
    if len(chosen):
        added, _ = match_views(chosen, plain, scene, least_px_m=least_px_m)
        views = views + np.asarray(added.sum(axis=1)).ravel()
    return Placement(site, chosen, seen, solution, before_rate, float((views > 0).mean()), dropped)


def _free_id(name: str, taken: set[str]) -> str:
    number = 2
    free = name
    while free in taken:
        free, number = f"{name}#{number}", number + 1
    return free
