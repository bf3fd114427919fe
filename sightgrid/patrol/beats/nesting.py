"""Beats within beats: the streets are shared out from the top level down, each beat's streets among its own beats."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count as count_up
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from sightgrid.errors import InputError, UnitRangeError
from sightgrid.patrol.beats.exchange import Aims
from sightgrid.patrol.beats.partition import split
from sightgrid.patrol.beats.pieces import lay_out

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

LEVEL = "beat"  # what the only level is called


@dataclass(frozen=True, eq=False)
class Nest:
    """Beats of all levels.

    Attributes
    ----------
    membership : DataFrame
        Indexed as the streets, a column for each level from the top down: the beat.
    levels : dict
        The level of each beat, in the order of the levels.
    parents : dict
        The beat each one is part of; ``""`` at the top.
    piece : ndarray of int
        For each street the number of its piece of the street graph; 0 has the most work.
    distance_m : ndarray of float
        For each piece how far away the street is that it was tied to.
    """

    membership: pd.DataFrame
    levels: dict[str, str]
    parents: dict[str, str]
    piece: NDArray[np.int64]
    distance_m: NDArray[np.float64]


def read_levels(
    units: int | None, hierarchy: Mapping[str, int] | None, *, zones: int, streets: int, free: int
) -> dict[str, int]:
    """Number of beats per level, from the top down.

    Parameters
    ----------
    units : int, optional
        Number of units.
    hierarchy : mapping, optional
        Number of beats per level; one level with a beat for each unit (or else zone) if not given.
    zones, streets, free : int
        Beats already drawn at the top level, streets in all, and those outside the zones.

    Raises
    ------
    InputError
        The hierarchy has no level.
    UnitRangeError
        A number of beats is below 1, above the number of streets or below that of the zones.
    """
    wanted = {LEVEL: zones or units if units is None else units} if hierarchy is None else hierarchy
    if not wanted:
        raise InputError("hierarchy: it has no level")
    levels: dict[str, int] = {}
    for name, count in wanted.items():
        if not isinstance(count, int | np.integer) or isinstance(count, bool) or count < 1:
            what = "units" if hierarchy is None else f"hierarchy: {name}"
            raise UnitRangeError(f"{what}: a whole number of beats of at least 1 is needed, not {count!r}")
        levels[name] = int(count)
    levels = dict(sorted(levels.items(), key=lambda item: item[1]))
    top, lowest = min(levels.values()), max(levels.values())
    if lowest > streets:
        raise UnitRangeError(f"units: {lowest} beats are more than the {streets} streets")
    if top < zones:
        raise UnitRangeError(f"units: {top} beats are fewer than the {zones} zones given")
    if top - zones > free:
        raise UnitRangeError(f"units: {top - zones} beats beside the zones are more than the {free} streets they leave")
    return levels


def choose_level(levels: dict[str, int], units: int | None) -> str:
    """The level that units patrol: the one with as many beats as units; the lowest if no number of units is given."""
    fitting = [name for name, count in levels.items() if units in (None, count)]
    if not fitting:
        known = ", ".join(f"{name} {count}" for name, count in levels.items())
        raise InputError(f"units: {units} fit no level of the hierarchy ({known})")
    return fitting[-1]


def draw_nest(
    streets: gpd.GeoDataFrame,
    work_s: NDArray[np.float64],
    *,
    levels: dict[str, int],
    fixed: NDArray[np.int64],
    zone_ids: list[str],
    main_roads: tuple[str, ...],
    seed: int,
    tell: Callable[[int, int], None] | None = None,
) -> Nest:
    """Share the streets out level by level.

    Parameters
    ----------
    streets : GeoDataFrame
    work_s : ndarray of float
        Seconds of work of each street.
    levels : dict
        Number of beats per level, never falling.
    fixed : ndarray of int
        For each street the number of the zone it must stay in at the top level, -1 for any.
    zone_ids : list of str
        Names of the zones.
    main_roads : tuple of str
        Values of ``highway`` whose named roads should stay whole.
    seed : int
    tell : callable, optional
        Called as ``tell(done, total)`` after each beat that was divided.

    Returns
    -------
    Nest
    """
    total = 1 + sum(list(levels.values())[:-1])
    label, ids = np.zeros(len(streets), np.int64), [""]
    columns: dict[str, NDArray[np.object_]] = {}
    level_of: dict[str, str] = {}
    parents: dict[str, str] = {}
    piece, distance_m = np.zeros(len(streets), np.int64), np.zeros(1)
    done = 0
    for level, count in levels.items():
        work = np.bincount(label, work_s, minlength=len(ids)).astype(float)
        shares = share_children(work, np.bincount(label, minlength=len(ids)), count)
        lower = np.empty(len(streets), np.int64)
        lower_ids: list[str] = []
        for upper, share in enumerate(shares.tolist()):
            rows = np.flatnonzero(label == upper)
            own, names = streets.iloc[rows], zone_ids if not columns else []
            kept = fixed[rows] if names else np.full(len(rows), -1)
            layout = lay_out(own, work_s[rows], count=share, fixed=kept, main_roads=main_roads)
            if not columns:
                piece, distance_m = layout.piece, layout.distance_m
            drawn = split(layout.parts, share, aims=Aims(), seed=seed)[layout.carrier]
            drawn = _sort_southward(own, drawn, share, kept=len(names))
            fresh = _name_beats(level, share - len(names), width=len(str(count)), taken={*zone_ids, *level_of})
            lower[rows] = len(lower_ids) + drawn
            lower_ids += [*names, *fresh]
            level_of |= dict.fromkeys([*names, *fresh], level)
            parents |= dict.fromkeys([*names, *fresh], ids[upper])
            done += 1
            if tell:
                tell(done, total)
        label, ids = lower, lower_ids
        columns[level] = np.array(ids, object)[label]
    return Nest(pd.DataFrame(columns, index=streets.index), level_of, parents, piece, distance_m)


def share_children(work: NDArray[np.float64], size: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """How many lower beats each beat is divided into, so that the largest mean work of a lower beat is least.

    Each gets one, none more than it has streets; the next one always goes to the beat with the most work per lower one.

    Parameters
    ----------
    work : ndarray of float
        Work of each beat.
    size : ndarray of int
        Streets of each beat.
    count : int
        Lower beats in all; at least one a beat, at most one a street.

    Returns
    -------
    ndarray of int

    Examples
    --------
    >>> share_children(np.array([100.0, 50.0]), np.array([9, 9]), 6)
    array([4, 2])
    """
    shares = np.ones(len(work), np.int64)
    for _ in range(count - len(work)):
        shares[np.argmax(np.where(shares < size, work / shares, -1.0))] += 1
    return shares


def _sort_southward(own: gpd.GeoDataFrame, drawn: NDArray[np.int64], count: int, *, kept: int) -> NDArray[np.int64]:
    """Number the beats from north to south, after the first ``kept``, which have their number."""
    north = shapely.get_y(shapely.centroid(own.geometry.to_numpy()))
    middle = np.bincount(drawn, north, minlength=count) / np.bincount(drawn, minlength=count)
    order = np.concatenate([np.arange(kept), kept + np.argsort(-middle[kept:], kind="stable")])
    rank = np.empty(count, np.int64)
    rank[order] = np.arange(count)
    return rank[drawn]


def _name_beats(level: str, count: int, *, width: int, taken: set[str]) -> list[str]:
    """Names such as ``beat-1`` that no other beat has."""
    free = (name for number in count_up(1) if (name := f"{level}-{number:0{width}d}") not in taken)
    return [next(free) for _ in range(count)]
