"""Footprints: the piece of the target plane each camera would see if nothing stood in the way, as numbers.

A tilted pinhole camera sees the frustum cut by the plane at target height: a quadrilateral whose sides do not pass
through the point under the camera. Written as half planes it needs no case for cameras that look straight down or over
the horizon. With forward distance u and sideways distance v on the ground, drop D = h - t, tilt T, half angles a
(horizontal) and b (vertical):

    depth                  d = u cos T + D sin T
    sides             |v| <= d tan a
    top, bottom  |u sin T - D cos T| <= d tan b
    density              d <= focal_px / density_px_m
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sightgrid.coverage.optics import DEFAULTS, focal_px

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_FULL_TURN, _HALF_TURN = 360.0, 180.0


class Footprints(NamedTuple):
    """Footprints relative to the cameras; one row each, metres, directions as unit vectors on the grid.

    Attributes
    ----------
    begin, end : ndarray, shape (n, 2)
        First and last direction, anticlockwise; equal for all round.
    near_m, far_m : ndarray, shape (n,)
        Radii between which the footprint lies.
    planes : ndarray, shape (n, 5, 3)
        Half planes ``a x + b y <= c``.
    depth : ndarray, shape (n, 4)
        How deep a ground point lies: ``x d0 + y d1 + d2`` where ``d3`` is 0, else ``sqrt(x^2 + y^2 + d2^2)``.
    focal_px : ndarray, shape (n,)
        Density times depth.
    model : ndarray of str, shape (n,)
        ``frustum``, ``sector`` or ``annulus``.
    """

    begin: NDArray[np.float64]
    end: NDArray[np.float64]
    near_m: NDArray[np.float64]
    far_m: NDArray[np.float64]
    planes: NDArray[np.float64]
    depth: NDArray[np.float64]
    focal_px: NDArray[np.float64]
    model: NDArray[np.str_]


def draw_footprints(
    cameras: pd.DataFrame,
    aimed: NDArray[np.bool_],
    grid_azimuth_deg: NDArray[np.float64],
    *,
    target_height_m: float,
    density_px_m: float | NDArray[np.float64],
) -> Footprints:
    """Footprints of completed cameras (see `optics.complete`).

    Parameters
    ----------
    cameras : pandas.DataFrame
        Completed cameras.
    aimed : ndarray of bool
        Which of them look in one direction (see `optics.aimed_rows`).
    grid_azimuth_deg : ndarray
        Where they look, degrees clockwise from the grid's y axis; ignored for all-round cameras.
    target_height_m : float
        Height of the plane that is looked at.
    density_px_m : float or ndarray
        Least density that counts, of all or of each; it bounds the range.
    """
    n = len(cameras)
    kind = cameras["kind"].to_numpy(str)
    hfov, vfov, tilt, width = (cameras[c].to_numpy(float) for c in ("hfov_deg", "vfov_deg", "tilt_deg", "width_px"))
    limit = cameras["max_range_m"].fillna(np.inf).to_numpy(float)
    drop = cameras["mount_height_m"].to_numpy(float) - target_height_m
    panorama = kind == "panorama"
    swinging = ~aimed & ~panorama  # domes and PTZ units: the envelope of where they can look
    lens = np.where(swinging & (hfov >= _HALF_TURN), DEFAULTS["ptz"]["hfov_deg"], hfov)
    span = np.where(aimed | panorama, hfov, np.where(hfov >= _HALF_TURN, hfov, _FULL_TURN))
    with np.errstate(divide="ignore", invalid="ignore"):
        focal = np.where(panorama, width / np.radians(hfov), focal_px(width, np.minimum(lens, 179.999)))
    depth_limit = focal / density_px_m

    azimuth = np.radians(np.where(np.isnan(grid_azimuth_deg), 0.0, grid_azimuth_deg))
    ahead = np.column_stack([np.sin(azimuth), np.cos(azimuth)])
    right = np.column_stack([np.cos(azimuth), -np.sin(azimuth)])
    half = np.radians(span) / 2.0
    begin = ahead * np.cos(half)[:, None] + right * np.sin(half)[:, None]
    end = ahead * np.cos(half)[:, None] - right * np.sin(half)[:, None]
    frustum = aimed & ~np.isnan(tilt) & ~np.isnan(vfov)
    round_ = frustum | (span >= _FULL_TURN)
    begin[round_] = end[round_] = (1.0, 0.0)

    t = np.radians(np.where(frustum, tilt, 0.0))
    cos_t, sin_t = np.cos(t), np.sin(t)
    wide, high = (
        np.tan(np.radians(np.where(aimed, hfov, 0.0)) / 2.0),
        np.tan(np.radians(np.where(frustum, vfov, 0.0)) / 2.0),
    )
    planes = np.zeros((n, 5, 3))
    rows = [
        (-wide * cos_t, 1.0, wide * drop * sin_t),
        (-wide * cos_t, -1.0, wide * drop * sin_t),
        (sin_t - high * cos_t, 0.0, drop * (cos_t + high * sin_t)),
        (-sin_t - high * cos_t, 0.0, drop * (high * sin_t - cos_t)),
        (cos_t, 0.0, depth_limit - drop * sin_t),
    ]
    for k, (along, aside, bound) in enumerate(rows):
        normal = np.asarray(along)[:, None] * ahead + np.asarray(aside) * right
        planes[:, k, :2], planes[:, k, 2] = normal, bound
    planes[~frustum, :4] = 0.0
    far = np.where(
        frustum,
        depth_limit * np.sqrt(1.0 + wide**2 + high**2),
        np.where(aimed, depth_limit / np.maximum(np.cos(half), 1e-9), depth_limit),
    )
    far = np.where(swinging, np.sqrt(np.maximum(depth_limit**2 - drop**2, 0.0)), far)
    near = np.zeros(n)
    ringed = panorama & ~np.isnan(tilt) & ~np.isnan(vfov)
    lower, upper = np.radians(tilt + vfov / 2.0), np.radians(tilt - vfov / 2.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        near = np.where(ringed & (lower > 0.0) & (lower < np.pi / 2.0), np.maximum(drop / np.tan(lower), 0.0), near)
        far = np.where(ringed & (upper > 0.0), np.minimum(far, drop / np.tan(upper)), far)
    planes[~aimed] = 0.0
    planes[aimed & ~frustum & (limit <= depth_limit), 4] = 0.0  # the arc lies wholly before the line of equal density
    depth = np.zeros((n, 4))
    depth[:, :2] = ahead * cos_t[:, None]
    depth[:, 2] = drop * sin_t
    depth[~aimed] = 0.0
    depth[swinging, 2] = drop[swinging]
    depth[~aimed, 3] = 1.0
    model = np.where(frustum, "frustum", np.where(aimed, "sector", "annulus"))
    return Footprints(begin, end, near, np.minimum(far, limit), planes, depth, focal, model)
