"""Losses: the blind ground that opened because cameras are down, camera by camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from sightgrid.coverage.faults import DOWN

if TYPE_CHECKING:
    from sightgrid.coverage.rates import Coverage


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
