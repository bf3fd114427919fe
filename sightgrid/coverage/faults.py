"""Faults: what the cameras' health does to what they see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sightgrid.errors import FIRST_IDS, InputError, UnitRangeError

if TYPE_CHECKING:
    import geopandas as gpd

# what a fault means for the view -> the share of its pixels that is left
CONSEQUENCES = ("none", "shorter", "void", "nothing")
BLIND = ("void", "nothing")
SHORTER_SHARE = 0.5
DOWN, SHARE = "down", "sight_share"  # columns of the cameras of a site whose health is known


def apply_health(
    cameras: gpd.GeoDataFrame, health: pd.DataFrame, *, shorter_share: float = SHORTER_SHARE
) -> gpd.GeoDataFrame:
    """Tell cameras apart that see nothing at present, or less far.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        The cameras of a site.
    health : pandas.DataFrame
        Index ``(camera_id, checked_at)``, of which the latest row of a camera counts, or ``camera_id``. Column
        ``consequence``: ``nothing`` is seen (offline, black, frozen, covered), the view is ``void`` (turned away: what
        it sees now is not known), it reaches ``shorter`` (blurred, low contrast), or ``none``. Column ``condition``,
        optional: its name. Cameras without a row are taken to work.
    shorter_share : float
        Share of its pixels that a blurred picture is worth: a setting, no measurement.

    Returns
    -------
    geopandas.GeoDataFrame
        The cameras with ``down`` (why nothing is seen, or empty) and ``sight_share``.

    Raises
    ------
    InputError
        No column ``consequence`` or other words in it, or no row is about a camera of the site.
    UnitRangeError
        The share is not above 0 and at most 1.
    """
    if not 0.0 < shorter_share <= 1.0:
        raise UnitRangeError(f"shorter_share: {shorter_share} must be above 0 and at most 1")
    if "consequence" not in health:
        raise InputError("health: consequence: missing column")
    latest = health
    if isinstance(health.index, pd.MultiIndex):
        latest = health.sort_index(level="checked_at").groupby(level="camera_id").tail(1).droplevel("checked_at")
    strange = latest.index[~latest["consequence"].isin(CONSEQUENCES)]
    if len(strange):
        first = ", ".join(map(str, strange[:FIRST_IDS]))
        rule = f"must be one of {', '.join(CONSEQUENCES)}"
        raise InputError(f"health: consequence: {rule} ({len(strange)} rows: {first})")
    if len(latest) and not latest.index.isin(cameras.index).any():
        raise InputError(f"health: camera_id: none of {len(latest)} cameras is a camera of the site")
    consequence = latest["consequence"].reindex(cameras.index, fill_value="none")
    names = latest["condition"].reindex(cameras.index).fillna("") if "condition" in latest else ""
    told = pd.Series(names, index=cameras.index, dtype=object).replace("", "down")
    shares = np.where(consequence == "shorter", shorter_share, 1.0)
    return cameras.assign(**{DOWN: told.where(consequence.isin(BLIND), ""), SHARE: shares})
