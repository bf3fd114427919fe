"""Cameras that stand already: those that stay as they are, and those a plan may turn or take down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from sightgrid.coverage.optics import aimed_rows
from sightgrid.errors import FIRST_IDS, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sightgrid.coverage.covering import Problem

ALL = "all"
AZIMUTHS = 8
SAME_DEG = 1.0
_TIGHT = 1e-9


@dataclass(frozen=True)
class Standing:
    """The cameras of a site as a plan may treat them.

    Attributes
    ----------
    kept : geopandas.GeoDataFrame
        Cameras that stay as they are.
    poses : geopandas.GeoDataFrame
        The poses the others may take: a cameras frame; `camera_id` says whose each pose is.
    camera_id, is_first, removable, taken : ndarray
        For each pose its camera, whether the camera has it today, whether the camera may be taken down, and (of the
        poses there were before `take`) whether it is left to choose.
    """

    kept: gpd.GeoDataFrame
    poses: gpd.GeoDataFrame
    camera_id: NDArray[np.object_]
    is_first: NDArray[np.bool_]
    removable: NDArray[np.bool_]
    taken: NDArray[np.bool_]

    def take(self, rows: NDArray[np.bool_]) -> Standing:
        """Leave only some of the poses to choose from."""
        return replace(
            self, poses=self.poses[rows], camera_id=self.camera_id[rows], is_first=self.is_first[rows],
            removable=self.removable[rows], taken=rows,
        )  # fmt: skip

    @property
    def group(self) -> NDArray[np.int64]:
        """Number of the camera of each pose: it takes one of them at most."""
        return pd.factorize(self.camera_id)[0].astype(np.int64)

    @property
    def worth(self) -> NDArray[np.float64]:
        """Cameras that are free for another mount where the pose is not taken."""
        return self.removable.astype(np.float64)

    @property
    def removable_count(self) -> int:
        """How many cameras may be taken down."""
        return int((self.removable & self.is_first).sum())

    def settle(
        self, problem: Problem, chosen: NDArray[np.int64], *, spare: int, goal: float | None, must: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Decide what a plan left open: change nothing that need not be changed.

        Parameters
        ----------
        problem : Problem
            Its candidates are the kept cameras, then the poses, then those of new cameras.
        chosen : ndarray of int
            What the solver chose.
        spare : int
            How many cameras the plan could still have.
        goal : float or None
            Weight that has to be seen, for a plan that may take down what it does not need.
        must : ndarray of bool
            Points that have to be seen.

        Returns
        -------
        ndarray of int
            The poses that are taken, as numbers among `poses`; a camera with none is taken down.
        """
        first = len(self.kept)
        poses = {self.camera_id[k - first]: k - first for k in chosen if first <= k < first + len(self.poses)}
        new = chosen[chosen >= first + len(self.poses)]
        today = {name: k for k, name in enumerate(self.camera_id) if self.is_first[k]}
        for name, k in today.items():
            if name not in poses and (not self.removable[k] or (goal is None and spare > 0)):
                poses[name] = k
                spare -= int(self.removable[k])

        def worth(taken: dict[str, int]) -> float:
            everything = np.concatenate([problem.fixed, first + np.array(list(taken.values()), np.int64), new])
            views = problem.count_views(everything)
            return -np.inf if (views < problem.needed)[must].any() else problem.measure(everything)

        least = worth(poses) if goal is None else goal
        for name, k in list(poses.items()):
            if k != today[name] and worth({**poses, name: today[name]}) >= max(least, worth(poses)) - _TIGHT:
                poses[name] = today[name]
            without = {other: pose for other, pose in poses.items() if other != name}
            if goal is not None and self.removable[k] and worth(without) >= goal - _TIGHT:
                poses = without
        return np.array(sorted(poses.values()), np.int64)


def split_standing(cameras: gpd.GeoDataFrame, *, reaim: Sequence[str], removable: Sequence[str]) -> Standing:
    """Divide the cameras of a site into those that stay and those that may be changed.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        The cameras of a site.
    reaim : sequence of str
        Ids of those that may be turned; ``["all"]`` for all that look one way.
    removable : sequence of str
        Ids of those that may be taken down; ``["all"]`` for all.

    Returns
    -------
    Standing

    Raises
    ------
    InputError
        There is no camera of such an id, or one to be turned sees all round.
    """
    outdoors = ~cameras["indoor"].to_numpy(bool) if "indoor" in cameras else np.ones(len(cameras), bool)
    aimed = aimed_rows(cameras) if len(cameras) else outdoors
    turns = _find(cameras, reaim, "reaim", outdoors & aimed)
    goes = _find(cameras, removable, "removable", outdoors)
    round_ = cameras.index[turns & ~aimed]
    if len(round_):
        raise InputError(f"reaim: {', '.join(round_[:FIRST_IDS])}: sees all round, so turning it changes nothing")
    free = np.flatnonzero(turns | goes)
    frames, owner, first = [cameras.iloc[free]], [free], [np.ones(len(free), bool)]
    rows = np.flatnonzero(turns)
    before = cameras["azimuth_deg"].to_numpy(float)[rows]
    for azimuth in np.arange(AZIMUTHS) * 360.0 / AZIMUTHS:
        away = np.abs((before - azimuth + 180.0) % 360.0 - 180.0)
        other = rows[~(away < SAME_DEG)]  # also where it is not known
        frames.append(cameras.iloc[other].assign(azimuth_deg=azimuth))
        owner.append(other)
        first.append(np.zeros(len(other), bool))
    of = np.concatenate(owner)
    poses = gpd.GeoDataFrame(pd.concat([each for each in frames if len(each)] or frames[:1]), crs=cameras.crs)
    names = cameras.index.to_numpy(object)[of]
    poses.index = pd.Index([f"{name}/{n}" for n, name in enumerate(names)], name="camera_id", dtype="str")
    return Standing(cameras[~(turns | goes)], poses, names, np.concatenate(first), goes[of], np.ones(len(poses), bool))


def name_changes(cameras: gpd.GeoDataFrame, standing: Standing, taken: NDArray[np.int64]) -> gpd.GeoDataFrame:
    """Return the cameras that a plan turns or takes down; see `Placement.changed`."""
    turned = taken[~standing.is_first[taken]]
    gone = set(standing.camera_id) - set(standing.camera_id[taken])
    to_deg = pd.Series(standing.poses["azimuth_deg"].to_numpy(float)[turned], index=standing.camera_id[turned])
    rows = cameras[cameras.index.isin([*to_deg.index, *gone])]
    return gpd.GeoDataFrame(
        {
            "change": np.where(rows.index.isin(list(gone)), "removed", "turned"),
            "azimuth_before_deg": rows["azimuth_deg"].to_numpy(float),
            "azimuth_deg": to_deg.reindex(rows.index).to_numpy(float),
        },
        index=rows.index,
        geometry=rows.geometry,
        crs=cameras.crs,
    )


def change_cameras(cameras: gpd.GeoDataFrame, changed: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the cameras with those turned or taken down that a plan turns or takes down."""
    turned = changed[changed["change"] == "turned"]
    cameras = cameras.drop(index=changed.index[changed["change"] == "removed"])
    if len(turned):
        cameras = cameras.copy()
        cameras.loc[turned.index, "azimuth_deg"] = turned["azimuth_deg"]
        told = cameras.loc[turned.index, "assumed"].str.split(",")
        cameras.loc[turned.index, "assumed"] = told.map(
            lambda names: ",".join(name for name in names if name != "azimuth_deg")
        )
    return cameras


def _find(cameras: gpd.GeoDataFrame, ids: Sequence[str], option: str, every: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if list(ids) == [ALL]:
        return every
    strangers = [name for name in ids if name not in cameras.index]
    if strangers:
        raise InputError(f"{option}: {', '.join(strangers[:FIRST_IDS])}: no camera of the site has this id")
    return np.asarray(cameras.index.isin(list(ids)))
