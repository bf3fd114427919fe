"""Poses: a camera of the catalogue on a mount, looking one way; at most one pose of a mount can be chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from sightgrid.coverage.optics import DEFAULTS, field_of_view_deg
from sightgrid.errors import Fault, InfeasibleError, SchemaError, SourceError, UnitRangeError
from sightgrid.gis.crs import to_grid_azimuth

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

CATALOGUE_COLUMNS = ("model", "kind", "sensor_width_mm", "focal_mm", "width_px", "height_px", "tilt_deg", "price")
MOST_AZIMUTHS = 360
BESIDE_DEG = 90.0  # a wall mount looks along its wall, or away from it


def pose_cameras(mounts: gpd.GeoDataFrame, catalogue: pd.DataFrame, *, azimuths: int = 8) -> gpd.GeoDataFrame:
    """Put every camera of a catalogue on every mount, looking every way that is open there.

    Parameters
    ----------
    mounts : geopandas.GeoDataFrame
        See `propose_mounts`.
    catalogue : pandas.DataFrame
        See `read_catalogue`.
    azimuths : int
        How many directions a camera that looks one way may take.

    Returns
    -------
    geopandas.GeoDataFrame
        A cameras frame, index ``camera_id`` (``<mount>/<model>/<azimuth>``), and ``mount_id``, ``model``, ``price``.

    Raises
    ------
    UnitRangeError
        The number of directions is not between 1 and 360.
    InfeasibleError
        There are no mounts, or none can carry a pose.
    """
    if not 1 <= azimuths <= MOST_AZIMUTHS:
        raise UnitRangeError(f"azimuths: {azimuths} must be from 1 to 360")
    if not len(mounts) or not len(catalogue):
        raise InfeasibleError("mounts: there are none, or the catalogue is empty, so there is no pose to choose from")
    turns = np.arange(azimuths) * 360.0 / azimuths
    north = to_grid_azimuth(mounts.geometry, np.zeros(len(mounts)))  # azimuths are true bearings
    frames = []
    for camera in catalogue.to_dict("records"):
        directions = np.array([np.nan]) if camera["kind"] == "panorama" else turns
        mount = np.repeat(np.arange(len(mounts)), len(directions))
        azimuth = np.tile(directions, len(mounts))
        facing = mounts["facing_deg"].to_numpy()[mount]
        away = np.abs((azimuth + north[mount] - facing + 180.0) % 360.0 - 180.0)
        open_ = np.isnan(facing) | np.isnan(azimuth) | (away <= BESIDE_DEG)
        mount, azimuth = mount[open_], azimuth[open_]
        of = mounts.iloc[mount]
        frames.append(
            gpd.GeoDataFrame(
                {
                    "mount_id": of.index.to_numpy(),
                    "model": camera["model"],
                    "kind": camera["kind"],
                    "mount": of["mount"].to_numpy(),
                    "mount_height_m": of["mount_height_m"].to_numpy(float),
                    "azimuth_deg": azimuth,
                    "tilt_deg": camera["tilt_deg"],
                    "hfov_deg": _hfov(camera),
                    "vfov_deg": np.nan,
                    "width_px": float(camera["width_px"]),
                    "height_px": float(camera["height_px"]),
                    "max_range_m": np.nan,
                    "price": float(camera["price"]),
                    "assumed": "",
                },
                geometry=of.geometry.to_numpy(),
                crs=mounts.crs,
            )
        )
    poses = gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=mounts.crs)
    turn = poses["azimuth_deg"].map(lambda deg: "all" if np.isnan(deg) else f"{deg:g}")
    poses.index = pd.Index(poses["mount_id"] + "/" + poses["model"] + "/" + turn, name="camera_id")
    return poses


def read_catalogue(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a camera catalogue: a CSV with model, kind, sensor, lens, pixels, tilt and price.

    Raises
    ------
    SourceError
        The file cannot be read.
    SchemaError
        A column is missing, a model is doubled, or rows have no price, pixels or lens.
    """
    try:
        table = pd.read_csv(path)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise SourceError(f"{path}: cannot be read as a camera catalogue ({error})") from error
    missing = [column for column in CATALOGUE_COLUMNS if column not in table]
    if missing:
        raise SchemaError("catalogue", tuple(Fault(column, "missing column") for column in missing), source=str(path))
    fixed = table["kind"] == "fixed"
    rules = {
        "model": ("model is not unique", table["model"].duplicated() | table["model"].isna()),
        "kind": ("must be fixed or panorama", ~table["kind"].isin(["fixed", "panorama"])),
        "price": ("must be a number above 0", ~(pd.to_numeric(table["price"], errors="coerce") > 0.0)),
        "width_px": ("must be a number above 0", ~(pd.to_numeric(table["width_px"], errors="coerce") > 0.0)),
        "focal_mm": ("must be given for a fixed camera", fixed & ~(table["focal_mm"] > 0.0)),
        "sensor_width_mm": ("must be given for a fixed camera", fixed & ~(table["sensor_width_mm"] > 0.0)),
    }
    faults = tuple(
        Fault(column, rule, tuple(table["model"].astype(str)[bad]), int(bad.sum()))
        for column, (rule, bad) in rules.items()
        if bad.any()
    )
    if faults:
        raise SchemaError("catalogue", faults, source=str(path))
    return table


def _hfov(camera: Mapping[Any, Any]) -> float:
    if camera["kind"] == "panorama":
        return DEFAULTS["panorama"]["hfov_deg"]
    return float(field_of_view_deg(camera["sensor_width_mm"], camera["focal_mm"]))
