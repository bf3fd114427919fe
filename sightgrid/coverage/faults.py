"""Faults: what the cameras' health does to what they see, and what was lost through which camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from sightgrid.errors import FIRST_IDS, InputError, UnitRangeError

if TYPE_CHECKING:
    from sightgrid.coverage.rates import Coverage

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


def find_losses(seen: Coverage, spots: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Find the blind ground that opened because cameras are down or see less far.

    Parameters
    ----------
    seen : Coverage
        What `measure` found with the health of the cameras.
    spots : geopandas.GeoDataFrame
        Its blind spots.

    Returns
    -------
    geopandas.GeoDataFrame
        Index ``camera_id``, one row for each camera with a fault, the largest loss first: ``fault``, ``lost_m2`` (blind
        ground that the camera would see; two that are down may both name the same ground), ``blind_spots`` (their ids,
        comma-separated), and the ground itself as geometry, maybe empty.

    Examples
    --------
    >>> import pandas as pd, sightgrid as sg
    >>> from sightgrid.coverage import blind_spots, measure
    >>> site = sg.open_site("helsinki")
    >>> dead = pd.DataFrame({"consequence": ["nothing"], "condition": ["offline"]}, index=site.cameras.index[[5]])
    >>> seen = measure(site, health=dead)
    >>> find_losses(seen, blind_spots(seen.site, seen))["fault"].tolist()
    ['offline']
    """
    survey = seen.survey
    rows = survey.faulty
    cameras = seen.site.cameras
    shapes = spots.geometry.to_numpy()
    tree = shapely.STRtree(shapes)
    lost, ids, faults = [], [], []
    for row, view in zip(rows, survey.sound_views(rows), strict=True):
        near = np.sort(tree.query(view, predicate="intersects"))
        parts = shapely.intersection(shapes[near], view)
        real = shapely.area(parts) > 0.0
        lost.append(shapely.union_all(parts[real]))
        ids.append(", ".join(spots.index[near[real]]))
        faults.append(cameras[DOWN].iloc[row] or "sees less far")
    frame = gpd.GeoDataFrame(
        {"fault": faults, "lost_m2": shapely.area(lost), "blind_spots": ids},
        geometry=lost,
        index=cameras.index[rows],
        crs=cameras.crs,
    )
    return frame.sort_values("lost_m2", ascending=False, kind="stable")
