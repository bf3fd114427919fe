"""Attention: where patrols should look, because there is risk and no camera sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from sightgrid.errors import CRSError, InputError, UnitRangeError
from sightgrid.patrol.streets.segments import observed_share

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

SLACK = 1e-12


def attention(
    risk: gpd.GeoDataFrame,
    observed: pd.DataFrame | None,
    *,
    cap: float | None = None,
    floor: float = 0.1,
    groups: pd.Series[Any] | None = None,
) -> pd.DataFrame:
    """Spread attention over the streets: the risk that cameras do not see, never all on few places, never none on any.

    ``risk (1 - observed share)`` summed up is the attention there is. Of it the share `floor` goes to all streets by
    their length, so that patrols also learn of places without known incidents, the rest by unseen risk: without that,
    attention would follow what earlier attention found (Ensign et al. 2018). Then no street (or group of streets) keeps
    more than `cap` of the whole; the surplus goes to the others in proportion.

    Parameters
    ----------
    risk : GeoDataFrame
        As `risk` gives it: ``risk`` and ``length_m``.
    observed : DataFrame or None
        What cameras see: ``observed_m`` of each street, indexed as `risk`; None if there are no cameras.
    cap : float, optional
        Largest share of the attention for one street or group.
    floor : float
        Share spread by length, in [0, 1].
    groups : Series, optional
        Group of each street, such as its grid cell, indexed as `risk`: the cap then holds for groups.

    Returns
    -------
    DataFrame
        Indexed as `risk`: ``risk``, ``observed_share``, ``unseen_risk``, ``attention`` (same sum as ``unseen_risk``),
        ``explored`` (what the floor gave), ``capped`` (True where the cap took some).

    Raises
    ------
    UnitRangeError
        `floor` or `cap` is out of range, or the cap too small for the number of streets or groups.
    InputError
        `observed` or `groups` is not indexed as `risk`.

    Examples
    --------
    >>> import sightgrid as sg
    >>> from sightgrid.patrol.risks.risks import risk
    >>> streets = sg.open_site("helsinki").streets
    >>> wanted = attention(risk(None, streets, method="length"), None, cap=0.003)
    >>> float(round(wanted["attention"].sum(), 9)), bool(wanted["attention"].max() <= 0.003)
    (1.0, True)
    """
    if not 0.0 <= floor <= 1.0:
        raise UnitRangeError(f"floor: {floor} must lie in [0, 1]")
    if cap is not None and not 0.0 < cap <= 1.0:
        raise UnitRangeError(f"cap: {cap} must lie in (0, 1]")
    if groups is not None and not groups.index.equals(risk.index):
        raise InputError("groups: their index is not that of the risk")
    share, length = observed_share(risk, observed), risk["length_m"].to_numpy(float)
    unseen = risk["risk"].to_numpy(float) * (1.0 - share.to_numpy())
    explored = floor * unseen.sum() * length / length.sum()
    wanted = (1.0 - floor) * unseen + explored
    capped = np.zeros(len(wanted), bool)
    if cap is not None and unseen.sum() > 0.0:
        group = np.arange(len(wanted)) if groups is None else pd.factorize(groups, use_na_sentinel=False)[0]
        held = np.bincount(group, wanted).astype(float)
        kept, full = limit_shares(held, cap=cap)
        wanted = wanted * np.divide(kept, held, out=np.zeros(len(held)), where=held > 0.0)[group]
        capped = full[group]
    columns = {
        "risk": risk["risk"].to_numpy(float),
        "observed_share": share.to_numpy(),
        "unseen_risk": unseen,
        "attention": wanted,
        "explored": explored,
        "capped": capped,
    }
    return pd.DataFrame(columns, index=risk.index)


def limit_shares(amount: NDArray[np.float64], *, cap: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Cut amounts at a share of their sum, and pour the surplus over the others in proportion.

    Returns
    -------
    amount : ndarray of float
        Same sum, none above ``cap * sum``.
    cut : ndarray of bool
        Which were above it.

    Raises
    ------
    UnitRangeError
        There are too few amounts above 0 to hold the sum.
    """
    total, some = amount.sum(), int((amount > 0.0).sum())
    if some * cap < 1.0 - SLACK:
        raise UnitRangeError(f"cap: {cap:g} is too small for {some} streets or groups; use at least {1.0 / some:.4g}")
    most = cap * total
    cut = np.zeros(len(amount), bool)
    poured = amount
    # each round cuts at least one more, or ends; those cut before stay cut, as the level only rises
    while True:
        above = ~cut & (poured > most * (1.0 + SLACK))
        if not above.any():
            return poured, cut
        cut |= above
        free = np.where(cut, 0.0, amount)
        scale = max(total - most * cut.sum(), 0.0) / free.sum() if free.any() else 0.0
        poured = np.where(cut, most, free * scale)


def spread_by_cell(attention: pd.DataFrame, streets: gpd.GeoDataFrame, cells: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Tell how attention spreads over areas, each street's by the part of it that lies in them.

    Parameters
    ----------
    attention : DataFrame
        ``risk`` and ``attention``, indexed as `streets`.
    streets : GeoDataFrame
        The street layer of a site.
    cells : GeoDataFrame
        Areas that do not overlap, such as the cells of a coverage result or neighbourhoods.

    Returns
    -------
    GeoDataFrame
        Indexed as `cells`: geometry, ``length_m`` of streets, ``risk``, ``attention``, ``share`` (of all attention) and
        ``attention_per_km`` (NaN without streets). ``attrs["gini"]`` is the Gini coefficient of attention over street
        length (0: the same on every metre), ``attrs["outside"]`` the share of attention outside all areas.

    Raises
    ------
    CRSError
        The areas are in another coordinate system than the streets.
    InputError
        `attention` is not indexed as `streets`.
    """
    if cells.crs != streets.crs:
        raise CRSError("cells: they are not in the coordinate system of the streets")
    if not attention.index.equals(streets.index):
        raise InputError("attention: its index is not that of the streets")
    lines, length = streets.geometry.to_numpy(), streets["length_m"].to_numpy(float)
    cell, line = shapely.STRtree(cells.geometry.to_numpy()).query(lines, predicate="intersects")[::-1]
    inside = shapely.length(shapely.intersection(lines[line], cells.geometry.to_numpy()[cell]))
    drawn = shapely.length(lines)
    # a street along the border of two cells lies in both: half in each
    drawn = np.maximum(drawn, np.bincount(line, inside, len(lines)))
    part = np.divide(inside, drawn[line], out=np.zeros(len(inside)), where=drawn[line] > 0.0)
    wanted = attention["attention"].to_numpy(float)
    here = [
        np.bincount(cell, part * values[line], len(cells))
        for values in (length, attention["risk"].to_numpy(float), wanted)
    ]
    total = wanted.sum()
    columns = {
        "length_m": here[0],
        "risk": here[1],
        "attention": here[2],
        "share": here[2] / total if total else np.zeros(len(cells)),
        "attention_per_km": np.divide(here[2], here[0] / 1000.0, out=np.full(len(cells), np.nan), where=here[0] > 0.0),
    }
    frame = gpd.GeoDataFrame(columns, index=cells.index, geometry=cells.geometry.to_numpy(), crs=cells.crs)
    frame.attrs["gini"] = measure_gini(here[2], here[0])
    frame.attrs["outside"] = float(max(1.0 - here[2].sum() / total, 0.0)) if total else 0.0
    return frame


def measure_gini(amount: ArrayLike, size: ArrayLike) -> float:
    """Gini coefficient of amounts over sizes, from the Lorenz curve of amount against size, least dense first.

    Parameters
    ----------
    amount, size : array-like of float
        At least 0; what has no size is left out.

    Returns
    -------
    float
        0 if every unit of size has the same, near 1 if one small part has all; 0 without any amount.
    """
    amounts, sizes = np.asarray(amount, float), np.asarray(size, float)
    amounts, sizes = amounts[sizes > 0.0], sizes[sizes > 0.0]
    if not amounts.sum() > 0.0:
        return 0.0
    order = np.argsort(amounts / sizes, kind="stable")
    below = np.concatenate([[0.0], np.cumsum(amounts[order]) / amounts.sum()])
    return float(1.0 - (sizes[order] / sizes.sum() * (below[1:] + below[:-1])).sum())
