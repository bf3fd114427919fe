"""Camera optics: pixel density, fields of view, and what is assumed where a camera does not say.

The pinhole model: an object at depth d along the optical axis is drawn with ``width_px / (2 d tan(hfov / 2))`` pixels
per metre. Depth is measured along the axis, not along the ray: on level ground the line of equal density is straight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sightgrid.errors import UnitRangeError

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

DENSITY_CLASSES: dict[str, dict[str, float]] = {
    # IEC 62676-4:2014, table of operational requirements, pixels per metre
    "iec2014": {
        "monitor": 12.5,
        "detect": 25.0,
        "observe": 62.5,
        "recognise": 125.0,
        "identify": 250.0,
        "inspect": 1000.0,
    },
    # IEC 62676-4:2025
    "iec2025": {
        "overview": 20.0,
        "outline": 40.0,
        "discern": 80.0,
        "perceive": 125.0,
        "characterise": 250.0,
        "validate": 500.0,
        "scrutinise": 1500.0,
    },
}

# What a camera that does not say is taken to be: one row per kind. The fixed camera has a 1/2.8-inch sensor
# (5.4 mm wide) behind a 4 mm lens; domes and PTZ units are 1080p with a 60-degree lens that can be turned all
# round; a panorama camera lays 3840 pixels around the full circle.
DEFAULTS: dict[str, dict[str, float]] = {
    "fixed": {"mount_height_m": 4.0, "hfov_deg": 68.0, "width_px": 1920.0, "height_px": 1080.0},
    "dome": {"mount_height_m": 4.0, "hfov_deg": 60.0, "width_px": 1920.0, "height_px": 1080.0},
    "ptz": {"mount_height_m": 6.0, "hfov_deg": 60.0, "width_px": 1920.0, "height_px": 1080.0},
    "panorama": {"mount_height_m": 4.0, "hfov_deg": 360.0, "width_px": 3840.0, "height_px": 1080.0},
}
NUMBERS = (
    "mount_height_m",
    "azimuth_deg",
    "hfov_deg",
    "width_px",
    "height_px",
    "tilt_deg",
    "vfov_deg",
    "max_range_m",
)
ROOF_CLEARANCE_M = 1.0  # a roof camera of unknown height stands this far above its roof

_HALF_TURN, _FULL_TURN = 180.0, 360.0


def density_classes(standard: str) -> dict[str, float]:
    """Density classes of a standard and their least density in px/m, lowest first.

    Parameters
    ----------
    standard : {'iec2014', 'iec2025'}
        IEC 62676-4:2014 or IEC 62676-4:2025.

    Raises
    ------
    UnitRangeError
        There is no such standard.

    Examples
    --------
    >>> density_classes("iec2014")["recognise"]
    125.0
    """
    if standard not in DENSITY_CLASSES:
        raise UnitRangeError(f"standard: {standard!r} is not one of {', '.join(DENSITY_CLASSES)}")
    return dict(DENSITY_CLASSES[standard])


def field_of_view_deg(sensor_width_mm: ArrayLike, focal_mm: ArrayLike) -> NDArray[np.float64]:
    """Field of view behind a lens, ``2 atan(sensor / (2 focal))``, in degrees.

    Examples
    --------
    >>> round(float(field_of_view_deg(5.4, 4.0)), 1)
    68.0
    """
    return np.degrees(2.0 * np.arctan(np.asarray(sensor_width_mm, float) / (2.0 * np.asarray(focal_mm, float))))


def pixel_density_px_m(width_px: ArrayLike, hfov_deg: ArrayLike, depth_m: ArrayLike) -> NDArray[np.float64]:
    """Pixels per metre at a depth along the optical axis.

    Examples
    --------
    >>> round(float(pixel_density_px_m(1920, 65.0, 10.0)), 1)
    150.7
    """
    return focal_px(width_px, hfov_deg) / np.asarray(depth_m, float)


def focal_px(width_px: ArrayLike, hfov_deg: ArrayLike) -> NDArray[np.float64]:
    """Focal length in pixels, ``width_px / (2 tan(hfov / 2))``: density times depth."""
    return np.asarray(width_px, float) / (2.0 * np.tan(np.radians(np.asarray(hfov_deg, float)) / 2.0))


def vertical_view_deg(hfov_deg: ArrayLike, width_px: ArrayLike, height_px: ArrayLike) -> NDArray[np.float64]:
    """Vertical field of view of a sensor with square pixels.

    Examples
    --------
    >>> round(float(vertical_view_deg(65.0, 1920, 1080)), 1)
    39.4
    """
    half = np.tan(np.radians(np.asarray(hfov_deg, float)) / 2.0)
    return np.degrees(2.0 * np.arctan(half * np.asarray(height_px, float) / np.asarray(width_px, float)))


def ground_edges_m(
    mount_height_m: float, tilt_deg: float, vfov_deg: float, *, target_height_m: float = 1.5
) -> tuple[float, float]:
    """Nearest and farthest distance at which a target stands inside the picture.

    Parameters
    ----------
    mount_height_m, target_height_m : float
        Heights of the camera and of what is looked at, metres above the ground.
    tilt_deg : float
        Tilt of the optical axis, degrees below the horizon.
    vfov_deg : float
        Vertical field of view.

    Returns
    -------
    near_m, far_m : float
        Metres along the ground; ``far_m`` is infinite where the picture reaches the horizon.

    Examples
    --------
    >>> near, far = ground_edges_m(4.0, 20.0, 30.0)
    >>> round(near, 2), round(far, 2)
    (3.57, 28.58)
    """
    drop_m = mount_height_m - target_height_m
    lower, upper = np.radians(tilt_deg + vfov_deg / 2.0), np.radians(tilt_deg - vfov_deg / 2.0)
    near_m = drop_m / np.tan(lower) if 0.0 < lower < np.pi / 2.0 else 0.0
    return float(near_m), float(drop_m / np.tan(upper)) if upper > 0.0 else float("inf")


def complete(cameras: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Fill in what the cameras do not say, and record it in ``assumed``.

    A field of view that is not given follows from ``sensor_width_mm`` and ``focal_mm`` where both are; the other
    numbers come from `DEFAULTS`. A vertical field of view follows from the horizontal one where the tilt is known;
    where tilt is not known it stays open, and the footprint is a circular sector. Directions are never invented here.

    Parameters
    ----------
    cameras : geopandas.GeoDataFrame
        The cameras frame; NaN means not given.

    Returns
    -------
    geopandas.GeoDataFrame
        The same cameras with no NaN in height, field of view and pixels; ``assumed`` names what was filled in.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import Point
    >>> one = gpd.GeoDataFrame({"kind": ["fixed"]}, geometry=[Point(0, 0)], crs=32635)
    >>> complete(one)["assumed"].iloc[0]
    'mount_height_m,azimuth_deg,hfov_deg,width_px,height_px,tilt_deg,vfov_deg'
    """
    n = len(cameras)
    given = {column: cameras[column].to_numpy(float) if column in cameras else np.full(n, np.nan) for column in NUMBERS}
    missing = {column: np.isnan(values) for column, values in given.items()}
    if {"sensor_width_mm", "focal_mm"} <= set(cameras.columns):
        from_lens = field_of_view_deg(cameras["sensor_width_mm"], cameras["focal_mm"])
        given["hfov_deg"] = np.where(missing["hfov_deg"], from_lens, given["hfov_deg"])
        missing["hfov_deg"] = np.isnan(given["hfov_deg"])
    kind = cameras["kind"].to_numpy(str)
    for column in ("mount_height_m", "hfov_deg", "width_px", "height_px"):
        default = np.array([DEFAULTS[of][column] for of in kind], dtype=float)
        given[column] = np.where(missing[column], default, given[column])
    aimed = _aimed(kind, ~missing["azimuth_deg"], given["hfov_deg"])
    tilted = aimed & ~missing["tilt_deg"]
    derived = vertical_view_deg(given["hfov_deg"], given["width_px"], given["height_px"])
    given["vfov_deg"] = np.where(tilted & missing["vfov_deg"], derived, given["vfov_deg"])
    always = np.ones(n, bool)
    used = {
        "mount_height_m": always,
        "azimuth_deg": _directed(kind, aimed, given["hfov_deg"]),
        "hfov_deg": always,
        "width_px": always,
        "height_px": tilted & missing["vfov_deg"] | aimed & missing["tilt_deg"],
        "tilt_deg": aimed,
        "vfov_deg": aimed,
    }
    before = cameras["assumed"] if "assumed" in cameras else np.full(n, "", dtype=object)
    assumed = join_names(before, {name: used[name] & missing[name] for name in used})
    return cameras.assign(**given, mount=cameras.get("mount", ""), assumed=assumed)


def aimed_rows(cameras: pd.DataFrame) -> NDArray[np.bool_]:
    """Which cameras look in one direction: fixed ones, and domes that tell theirs."""
    kind = cameras["kind"].to_numpy(str)
    return _aimed(kind, cameras["azimuth_deg"].notna().to_numpy(), cameras["hfov_deg"].to_numpy(float))


def directed_rows(cameras: pd.DataFrame) -> NDArray[np.bool_]:
    """Which cameras do not see all round, so that it matters where they look."""
    return _directed(cameras["kind"].to_numpy(str), aimed_rows(cameras), cameras["hfov_deg"].to_numpy(float))


def _directed(kind: NDArray[np.str_], aimed: NDArray[np.bool_], hfov_deg: NDArray[np.float64]) -> NDArray[np.bool_]:
    # for a dome or PTZ unit a width of 180 degrees or more is the range of its pan
    partial = (hfov_deg < _FULL_TURN) & ((kind == "panorama") | (hfov_deg >= _HALF_TURN))
    return aimed | partial


def _aimed(kind: NDArray[np.str_], told: NDArray[np.bool_], hfov_deg: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (kind == "fixed") | ((kind == "dome") & told & (hfov_deg < _HALF_TURN))


def join_names(before: pd.Series | NDArray[np.object_], more: dict[str, NDArray[np.bool_]]) -> list[str]:
    """Add column names to a comma-separated list in each row, without repeating any."""
    joined = []
    for i, text in enumerate(before):
        names = [name for name in text.split(",") if name] if isinstance(text, str) else []
        names += [name for name, rows in more.items() if rows[i] and name not in names]
        joined.append(",".join(names))
    return joined
