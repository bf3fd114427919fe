"""Beats: the streets of a city shared out among patrols, contiguous, compact, balanced in work, along streets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.optimize import linear_sum_assignment

from sightgrid import schemas
from sightgrid.errors import FIRST_IDS, CRSError, InputError
from sightgrid.gis.crs import require_metric
from sightgrid.patrol.beats.balance import check_weights, compactness, gini, list_cut_streets
from sightgrid.patrol.beats.nesting import choose_level, draw_nest, read_levels
from sightgrid.patrol.beats.pieces import count_gaps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from sightgrid.patrol.beats.nesting import Nest

    Progress = Callable[[str, int, int], None]

MAIN_ROADS = (
    "trunk", "trunk_link", "primary", "primary_link", "secondary", "secondary_link", "tertiary", "tertiary_link",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Beats:
    """Who looks after which street.

    Attributes
    ----------
    beats : GeoDataFrame
        Index ``beat_id``; MultiLineString of the beat's streets, ``level``, ``parent`` (the beat it is part of,
        ``""`` at the top), ``work_s``, ``length_m``, ``attention`` (NaN if not given) and ``unit_id`` (``""`` if none).
    membership : DataFrame
        Indexed as the streets, a column for each level from the top down: the ``beat_id``.
    level : str
        The level that units patrol: the one with as many beats as units, else the lowest.
    figures : dict
        Of that level: ``beats``; ``balance`` (most work over mean work), ``gini``; ``compactness_mean`` and
        ``compactness_min`` (Polsby-Popper score of the concave hull, see `balance.compactness`); ``cut_streets``
        (named streets in more than one beat), ``cut_m`` (their length outside the beat that has most of each) and
        ``cut_share`` (of the length of all named streets); ``gaps`` (how often a beat is interrupted within a piece of
        the street graph: 0 unless a zone is drawn apart).
    level_figures : DataFrame
        The same for every level (index ``level``).
    cut_streets : DataFrame
        Index ``name``: ``beats``, ``length_m``, ``outside_m`` at the units' level.
    pieces : DataFrame
        Pieces of the street graph beside the main one (index ``piece``): ``streets``, ``length_m``, ``work_s``,
        ``distance_m`` to where they were tied to, ``beat_id`` (several joined by a comma).
    """

    beats: gpd.GeoDataFrame
    membership: pd.DataFrame
    level: str
    figures: dict[str, float]
    level_figures: pd.DataFrame
    cut_streets: pd.DataFrame
    pieces: pd.DataFrame

    @property
    def members(self) -> pd.Series[str]:
        """The beat of each street at the level that units patrol."""
        return self.membership[self.level].rename("beat_id")


def draw_beats(
    streets: gpd.GeoDataFrame,
    work: pd.DataFrame | pd.Series[float],
    *,
    units: int | gpd.GeoDataFrame | None = None,
    zones: gpd.GeoDataFrame | None = None,
    hierarchy: Mapping[str, int] | None = None,
    main_roads: tuple[str, ...] = MAIN_ROADS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Beats:
    """Share the streets out among patrols.

    Parameters
    ----------
    streets : GeoDataFrame
        The streets to patrol (such as those of one mode); each comes into one beat as a whole.
    work : Series or DataFrame
        Seconds of work of each street, indexed as `streets`; or what `measure_work` gives (``work_s``, ``attention``).
    units : int or GeoDataFrame, optional
        How many beats; or the units (depots as points), one beat each, so that all depots together are nearest.
    zones : GeoDataFrame, optional
        Polygons with a column or index ``beat_id``: streets whose middle lies inside are in that beat whatever
        happens; beats of the top level. The other streets join them or the beats drawn beside them.
    hierarchy : mapping, optional
        Number of beats at each level, such as ``{"district": 2, "street": 6, "community": 18}``; lower ones nest.
    main_roads : tuple of str
        Values of ``highway`` whose named roads are kept whole where that costs little.
    seed : int
        The same seed draws the same beats.
    progress : callable, optional
        Called as ``progress("beats", done, total)``.

    Returns
    -------
    Beats

    Raises
    ------
    InputError
        No streets; work that is negative, all zero or indexed otherwise; zones that overlap or hold no street; units
        that fit no level.
    UnitRangeError
        A number of beats below 1, above the number of streets or below that of the zones.
    CRSError
        A layer is in another coordinate system than the streets, or that one is not metric.

    Examples
    --------
    >>> import sightgrid as sg
    >>> streets = sg.open_site("helsinki").streets
    >>> drawn = draw_beats(streets, streets["length_m"], units=3)
    >>> len(drawn.beats), bool(drawn.figures["balance"] < 1.05)
    (3, True)
    """
    streets, work_s, attention = _check_streets(streets, work)
    fixed, zone_ids = _read_zones(streets, zones)
    wanted = len(units) if isinstance(units, gpd.GeoDataFrame) else units
    levels = read_levels(wanted, hierarchy, zones=len(zone_ids), streets=len(streets), free=int((fixed < 0).sum()))
    level = choose_level(levels, wanted)
    tell = (lambda done, total: progress("beats", done, total)) if progress else None
    nest = draw_nest(
        streets, work_s, levels=levels, fixed=fixed, zone_ids=zone_ids, main_roads=main_roads, seed=seed, tell=tell
    )
    beats = _draw_frame(streets, nest, work_s, attention)
    measured = {name: _measure(streets, beats[beats["level"] == name], nest.membership[name]) for name in levels}
    if isinstance(units, gpd.GeoDataFrame):
        own = beats["level"] == level
        beats.loc[own, "unit_id"] = _assign(units, beats[own])
    return Beats(
        beats=beats,
        membership=nest.membership,
        level=level,
        figures=measured[level],
        level_figures=pd.DataFrame(measured).T.rename_axis("level"),
        cut_streets=list_cut_streets(streets, nest.membership[level]),
        pieces=_list_pieces(streets, nest, work_s, nest.membership[level]),
    )


def _check_streets(
    streets: gpd.GeoDataFrame, work: pd.DataFrame | pd.Series[float]
) -> tuple[gpd.GeoDataFrame, NDArray[np.float64], NDArray[np.float64]]:
    """The streets with all columns, their work in seconds, and their attention (NaN if not given)."""
    require_metric(streets, "streets")
    if streets.empty:
        raise InputError("streets: there are none to share out")
    streets = schemas.complete(streets, "streets")
    schemas.validate(streets, "streets")
    attention = np.full(len(streets), np.nan)
    if isinstance(work, pd.DataFrame):
        if "work_s" not in work.columns:
            raise InputError("work: missing column work_s")
        if "attention" in work.columns and work["attention"].notna().any():
            attention = check_weights(work["attention"], streets, "work: attention")
        work = work["work_s"]
    seconds = check_weights(work, streets, "work")
    if not seconds.sum() > 0.0:
        raise InputError("work: no street has any")
    return streets, seconds, attention


def _read_zones(streets: gpd.GeoDataFrame, zones: gpd.GeoDataFrame | None) -> tuple[NDArray[np.int64], list[str]]:
    """Number of the zone that holds the middle of each street, -1 for none; the zones' names."""
    fixed = np.full(len(streets), -1, np.int64)
    if zones is None or zones.empty:
        return fixed, []
    if zones.crs != streets.crs:
        raise CRSError("zones: not in the coordinate system of the streets")
    if "beat_id" not in zones.columns and zones.index.name != "beat_id":
        raise InputError("zones: missing column beat_id")
    named = pd.Series(zones["beat_id"].to_numpy() if "beat_id" in zones.columns else zones.index.to_numpy())
    if named.isna().any() or (named.astype(str) == "").any():
        raise InputError(f"zones: beat_id: {int((named.isna() | (named.astype(str) == '')).sum())} rows have none")
    number, names = pd.factorize(named.astype(str))
    middle = shapely.line_interpolate_point(streets.geometry.to_numpy(), 0.5, normalized=True)
    street, zone = shapely.STRtree(zones.geometry.to_numpy()).query(middle, predicate="within")
    pairs = np.unique(np.column_stack([street, number[zone]]), axis=0)
    twice = np.unique(pairs[1:, 0][pairs[1:, 0] == pairs[:-1, 0]])
    if len(twice):
        first = ", ".join(map(str, streets.index[twice][:FIRST_IDS]))
        raise InputError(f"zones: {len(twice)} streets lie in several beats: {first}")
    fixed[pairs[:, 0]] = pairs[:, 1]
    blank = [str(name) for i, name in enumerate(names) if not (fixed == i).any()]
    if blank:
        raise InputError(f"zones: {len(blank)} hold the middle of no street: {', '.join(blank[:FIRST_IDS])}")
    return fixed, [str(name) for name in names]


def _draw_frame(
    streets: gpd.GeoDataFrame, nest: Nest, work_s: NDArray[np.float64], attention: NDArray[np.float64]
) -> gpd.GeoDataFrame:
    """One row per beat of every level."""
    shapes = streets.geometry.to_numpy()
    rows = []
    for level in nest.membership.columns:
        members = nest.membership[level].to_numpy(object)
        for beat_id in (one for one, of in nest.levels.items() if of == level):
            own = members == beat_id
            lines = shapely.multilinestrings(shapes[own])
            length_m = float(streets["length_m"].to_numpy(float)[own].sum())
            rows.append((beat_id, level, nest.parents[beat_id], float(work_s[own].sum()), length_m,
                         float(attention[own].sum()), "", lines))  # fmt: skip
    names = ["beat_id", "level", "parent", "work_s", "length_m", "attention", "unit_id", "geometry"]
    return gpd.GeoDataFrame(
        pd.DataFrame(rows, columns=names).set_index("beat_id"), geometry="geometry", crs=streets.crs
    )


def _measure(streets: gpd.GeoDataFrame, beats: gpd.GeoDataFrame, members: pd.Series[str]) -> dict[str, float]:
    """How good the beats of one level are."""
    work = beats["work_s"].to_numpy(float)
    shape = compactness(beats.geometry.to_numpy())
    cut = list_cut_streets(streets, members)
    named_m = float(streets["length_m"][streets["name"].notna()].sum())
    return {
        "beats": float(len(beats)),
        "balance": float(work.max() / work.mean()),
        "gini": gini(work),
        "compactness_mean": float(shape.mean()),
        "compactness_min": float(shape.min()),
        "cut_streets": float(len(cut)),
        "cut_m": float(cut["outside_m"].sum()),
        "cut_share": float(cut["outside_m"].sum()) / named_m if named_m > 0.0 else 0.0,
        "gaps": float(count_gaps(streets, members)),
    }


def _assign(units: gpd.GeoDataFrame, beats: gpd.GeoDataFrame) -> list[str]:
    """The unit of each beat: the sum of the distances from depot to the middle of the beat is least."""
    if units.crs != beats.crs:
        raise CRSError("units: not in the coordinate system of the streets")
    blank = units.geometry.isna() | units.geometry.is_empty
    if blank.any():
        raise InputError(f"units: {blank.sum()} have no depot: {', '.join(map(str, units.index[blank][:FIRST_IDS]))}")
    middle = shapely.centroid(beats.geometry.to_numpy())
    away_m = shapely.distance(middle[:, None], units.geometry.to_numpy()[None, :])
    return [str(units.index[unit]) for unit in linear_sum_assignment(away_m)[1]]


def _list_pieces(
    streets: gpd.GeoDataFrame, nest: Nest, work_s: NDArray[np.float64], members: pd.Series[str]
) -> pd.DataFrame:
    """What hangs on no other street, and who got it."""
    table = pd.DataFrame(
        {
            "piece": nest.piece,
            "length_m": streets["length_m"].to_numpy(float),
            "work_s": work_s,
            "beat_id": members.to_numpy(object),
        }
    )
    groups = table[table["piece"] > 0].groupby("piece")
    pieces = groups[["length_m", "work_s"]].sum()
    pieces.insert(0, "streets", groups.size())
    pieces["distance_m"] = nest.distance_m[pieces.index]
    pieces["beat_id"] = groups["beat_id"].agg(lambda ids: ", ".join(sorted(set(ids))))
    return pieces
