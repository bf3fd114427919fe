"""Files of stops: what is to be visited, drawn as a layer of points."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from sightgrid.errors import Fault, SchemaError
from sightgrid.gis.files import read_layer
from sightgrid.gis.layers import tell
from sightgrid.patrol.shift.stops import check_stops

if TYPE_CHECKING:
    import os

    from sightgrid.site import Site

COLUMNS = (
    "name", "category", "priority", "weight", "visits", "min_gap_s", "max_gap_s", "dwell_s", "dwell_max_s", "open_at",
    "close_at", "required", "crew",
)  # fmt: skip
NEAR = 0.75  # share of letters in common that makes an unknown column a misspelt one


def read_stops(path: str | os.PathLike[str], *, site: Site) -> gpd.GeoDataFrame:
    """Read stops from a layer of points, such as a GeoPackage or GeoJSON.

    Parameters
    ----------
    path : path-like
        The file: ``stop_id``, and the columns of `check_stops`, all of which may be left out.
    site : Site
        Its coordinate system is that of the result.

    Returns
    -------
    GeoDataFrame
        As `check_stops` gives it. ``attrs["notes"]`` tells which columns were not used.

    Raises
    ------
    SourceError
        The file is missing or damaged.
    SchemaError
        There is no stop, a column is misspelt, or rows break a rule; every fault is listed.
    """
    path = Path(path)
    frame = read_layer(path, None)
    shape = frame.geometry.name
    unused = [str(name) for name in frame.columns if name not in {"stop_id", shape, *COLUMNS}]
    faults = [
        Fault(name, f"unknown column, perhaps {near[0]}")
        for name in unused
        if (near := get_close_matches(name, ("stop_id", *COLUMNS), n=1, cutoff=NEAR))
    ]
    if "stop_id" not in frame.columns:
        faults.append(Fault("stop_id", "missing column"))
    elif not len(frame):
        faults.append(Fault("stop_id", "there is no stop"))
    if faults:
        raise SchemaError("stops", tuple(faults), source=str(path))
    ids = pd.Index([str(name) if pd.notna(name) else "" for name in frame["stop_id"]], name="stop_id", dtype="str")
    kept = frame[[name for name in COLUMNS if name in frame.columns]]
    stops = gpd.GeoDataFrame(kept.set_axis(ids), geometry=frame.geometry.set_axis(ids)).to_crs(site.crs)
    stops.geometry = stops.geometry.centroid
    try:
        checked = check_stops(stops, crs=site.crs)
    except SchemaError as error:
        raise SchemaError("stops", error.faults, source=str(path)) from error
    checked.attrs["notes"] = (tell("stops", "columns not used", unused),) if unused else ()
    return checked
