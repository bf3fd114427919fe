"""Stops: what is to be visited, how often, for how long and when; and stops proposed from a site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from sightgrid.errors import InputError
from sightgrid.gis.crs import require_metric
from sightgrid.patrol.routes.inputs import street_attention
from sightgrid.patrol.shift.dosage import dose
from sightgrid.patrol.shift.tables import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pyproj import CRS

    from sightgrid.site import Site


def check_stops(stops: gpd.GeoDataFrame, *, crs: CRS) -> gpd.GeoDataFrame:
    """Check the stops and fill what may be left out.

    Parameters
    ----------
    stops : GeoDataFrame
        Index ``stop_id``; Points; all columns optional: ``name``, ``category``, ``priority`` (1 first), ``weight``
        (attention worth of one visit), ``visits`` wanted per shift, ``min_gap_s`` and ``max_gap_s`` (from leaving to
        the next arrival, by whichever unit; 0 for none), ``dwell_s`` (drawn between ``dwell_s`` and ``dwell_max_s``
        where that is given), ``open_at`` and ``close_at`` (the whole visit lies between them), ``required``,
        ``crew`` (only units of this crew; any if empty).
    crs : pyproj.CRS
        The coordinate system of the streets.

    Returns
    -------
    GeoDataFrame
        All columns filled, times in UTC.

    Raises
    ------
    InputError
        The stops are not in the streets' coordinate system.
    SchemaError
        A weight is negative, a time has no zone, a window closes before it opens, …
    """
    if not isinstance(stops, gpd.GeoDataFrame):
        raise InputError("stops: a GeoDataFrame is needed")
    table = Table(stops, "stops", index="stop_id")
    if stops.crs != crs:
        raise InputError(f"stops: {stops.crs.name} is not the coordinate system of the streets, {crs.name}")
    for column in ("name", "category", "crew"):
        table.text(column, default="")
    table.number("priority", "must be a whole number of at least 1", lambda n: (n >= 1) & (n % 1 == 0), default=1)
    table.number("weight", "must be at least 0", lambda w: w >= 0.0, default=1.0)
    table.number("visits", "must be a whole number of at least 1", lambda n: (n >= 1) & (n % 1 == 0), default=1)
    shortest = table.number("min_gap_s", "must be at least 0", lambda s: s >= 0.0, default=0.0)
    longest = table.number("max_gap_s", "must be at least 0", lambda s: s >= 0.0, default=0.0)
    table.blame("max_gap_s", "must not be below min_gap_s", (longest > 0.0) & (longest < shortest))
    dwell = table.number("dwell_s", "must be at least 0", lambda s: s >= 0.0, default=0.0)
    if "dwell_max_s" not in table.frame.columns:
        table.frame["dwell_max_s"] = np.nan
    table.frame["dwell_max_s"] = table.frame["dwell_max_s"].fillna(table.frame["dwell_s"])
    most = table.number("dwell_max_s", "must be at least 0", lambda s: s >= 0.0)
    table.blame("dwell_max_s", "must not be below dwell_s", most < dwell)
    table.moment("open_at", required=False)
    table.moment("close_at", required=False)
    table.blame("close_at", "must lie after open_at", (table.frame["close_at"] <= table.frame["open_at"]).to_numpy())
    table.flag("required", default=True)
    checked = table.conclude()
    return checked.astype({"priority": np.int64, "visits": np.int64})


def propose_stops(
    site: Site,
    attention: pd.DataFrame | pd.Series[float] | None = None,
    *,
    most: int = 25,
    hot: int = 5,
    shift_s: float = 8 * 3600.0,
    visits: tuple[int, ...] = (3, 2, 1),
    dwell_s: float = 300.0,
    apart_m: float = 60.0,
) -> gpd.GeoDataFrame:
    """Propose what to visit: the places of a site, and the street segments that need most attention.

    Places come first by priority, then by the attention on streets within `apart_m`; a place nearer than `apart_m` to
    one already taken is left to it. Hot segments get a dosage (see `dose`) and are served as time allows.

    Parameters
    ----------
    site : Site
        Its places and streets.
    attention : DataFrame or Series, optional
        Attention of each street, indexed as the site's streets (a frame's column ``attention``).
    most : int
        Largest number of places.
    hot : int
        Largest number of hot segments.
    shift_s : float
        Length of the shift the dosage is for.
    visits : tuple of int
        Visits wanted per shift for places of priority 1, 2, …; the last holds for all below.
    dwell_s : float
        Seconds at a place.
    apart_m : float
        Least distance between two proposed stops.

    Returns
    -------
    GeoDataFrame
        Stops, as `check_stops` describes them.

    Examples
    --------
    >>> import sightgrid as sg
    >>> stops = propose_stops(sg.open_site("helsinki"), most=3, hot=0)
    >>> stops["visits"].tolist(), stops["priority"].tolist()
    ([3, 3, 3], [1, 1, 1])
    """
    require_metric(site.streets, "streets")
    worth = street_attention(attention, site.streets)
    middle = gpd.GeoSeries(site.streets.geometry.interpolate(0.5, normalized=True), crs=site.crs)
    places = site.places
    points = places.geometry.representative_point()
    value = np.zeros(len(places), dtype=float)
    if worth is not None:
        place, street = middle.sindex.query(points.to_numpy(), predicate="dwithin", distance=apart_m)
        np.add.at(value, place, worth.to_numpy()[street])
    order = np.lexsort([np.arange(len(places)), -value, places["priority"].to_numpy(float)])
    chosen = _spread(points.to_numpy(), order, most=most, apart_m=apart_m)
    priority = places["priority"].to_numpy(int)[chosen]
    frame = gpd.GeoDataFrame(
        {
            "name": [text if isinstance(text, str) else "" for text in places["name"].iloc[chosen]],
            "category": places["category"].to_numpy(object)[chosen],
            "priority": priority,
            "weight": value[chosen] if worth is not None else 1.0,
            "visits": [visits[min(rank, len(visits)) - 1] for rank in priority],
            "dwell_s": dwell_s,
            "required": True,
        },
        geometry=points.to_numpy()[chosen],
        crs=site.crs,
        index=pd.Index(places.index[chosen], name="stop_id", dtype="str"),
    )
    if worth is None or not hot:
        return check_stops(frame, crs=site.crs)
    order = np.argsort(-worth.to_numpy(), kind="stable")[: int((worth > 0.0).sum())]
    spots = _spread(middle.to_numpy(), order, most=hot, apart_m=apart_m, taken=list(frame.geometry))
    names = [text if isinstance(text, str) else "" for text in site.streets["name"].iloc[spots]]
    segments = gpd.GeoDataFrame(
        {"name": names, "category": "hot_spot", "weight": worth.to_numpy()[spots]},
        geometry=middle.to_numpy()[spots],
        crs=site.crs,
        index=pd.Index(["-".join(map(str, site.streets.index[at])) for at in spots], name="stop_id", dtype="str"),
    )
    hottest = dose(segments, shift_s=shift_s, priority=int(priority.max(initial=0)) + 1)
    return check_stops(gpd.GeoDataFrame(pd.concat([frame, hottest]), crs=site.crs), crs=site.crs)


def _spread(
    points: NDArray[np.object_], order: NDArray[np.intp], *, most: int, apart_m: float, taken: Sequence[Any] = ()
) -> list[int]:
    """The first points in order that keep their distance from each other."""
    kept: list[int] = []
    xy = [(p.x, p.y) for p in taken]
    for at in order:
        if len(kept) == most:
            break
        here = (points[at].x, points[at].y)
        if all(np.hypot(here[0] - x, here[1] - y) >= apart_m for x, y in xy):
            kept.append(int(at))
            xy.append(here)
    return kept
