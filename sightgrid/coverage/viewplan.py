"""View plans: everything decided about cameras before a ray is drawn: place, height, direction, what is assumed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sightgrid.coverage.footprints import Footprints, draw_footprints
from sightgrid.coverage.kernel import Views
from sightgrid.coverage.optics import ROOF_CLEARANCE_M, aimed_rows, complete, directed_rows, join_names
from sightgrid.coverage.standpoints import Standpoints, aim_at_streets, raise_roof_cameras, stand
from sightgrid.gis.crs import to_grid_azimuth

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from sightgrid.coverage.scene import Scene


_FULL_TURN = 360.0


@dataclass(frozen=True)
class ViewPlan:
    """Cameras with everything decided that does not depend on the density: place, height, direction, assumptions.

    Attributes
    ----------
    cameras : geopandas.GeoDataFrame
        Completed cameras (see `optics.complete`).
    standpoints : Standpoints
    grid_north_deg : ndarray, shape (n,)
        Grid bearing of true north at each camera.
    grid_azimuth_deg : ndarray, shape (n,)
        Where each looks, degrees clockwise from the grid's y axis; NaN if unknown.
    reason : ndarray of str, shape (n,)
        Why a camera is not measured; empty if it is.
    """

    cameras: gpd.GeoDataFrame
    standpoints: Standpoints
    grid_north_deg: NDArray[np.float64]
    grid_azimuth_deg: NDArray[np.float64]
    reason: NDArray[np.str_]

    @cached_property
    def aimed(self) -> NDArray[np.bool_]:
        """Cameras that look in one direction."""
        return aimed_rows(self.cameras)

    @cached_property
    def direction_assumed(self) -> NDArray[np.bool_]:
        """Cameras aimed at the nearest street because nobody said where they look."""
        return directed_rows(self.cameras) & self.cameras["azimuth_deg"].isna().to_numpy()

    def take(self, rows: NDArray[np.intp]) -> ViewPlan:
        """The same plan for some of the cameras."""
        return ViewPlan(
            self.cameras.iloc[rows],
            Standpoints._make(column[rows] for column in self.standpoints),
            self.grid_north_deg[rows],
            self.grid_azimuth_deg[rows],
            self.reason[rows],
        )

    def append(self, other: ViewPlan) -> ViewPlan:
        """Both plans, one after the other."""
        return ViewPlan(
            pd.concat([self.cameras, other.cameras]),
            Standpoints._make(np.concatenate(pair) for pair in zip(self.standpoints, other.standpoints, strict=True)),
            np.concatenate([self.grid_north_deg, other.grid_north_deg]),
            np.concatenate([self.grid_azimuth_deg, other.grid_azimuth_deg]),
            np.concatenate([self.reason, other.reason]),
        )

    def without_hosts(self) -> ViewPlan:
        """The same cameras, with no building below or above them."""
        return replace(self, standpoints=self.standpoints._replace(host=np.full(len(self.cameras), -1)))

    def turn_all_round(self) -> ViewPlan:
        """The same lenses, free to look everywhere: the upper bound for cameras of unknown direction."""
        cameras = self.cameras
        panorama = (cameras["kind"] == "panorama").to_numpy()
        hfov = cameras["hfov_deg"].to_numpy(float)
        # a panorama camera keeps its pixels per degree, a range of pan becomes the full circle, a lens stays as it is
        width = cameras["width_px"].to_numpy(float) * np.where(panorama, _FULL_TURN / hfov, 1.0)
        wide = np.where(panorama | (hfov >= _FULL_TURN / 2.0), _FULL_TURN, hfov)
        kind = np.where(panorama, "panorama", "ptz")
        known = np.where(self.reason == "direction unknown", "", self.reason)
        return replace(self, cameras=cameras.assign(kind=kind, hfov_deg=wide, width_px=width), reason=known)

    def footprints(self, *, target_height_m: float, density_px_m: float | NDArray[np.float64]) -> Footprints:
        """Footprints at one density, or at one for each camera."""
        return draw_footprints(
            self.cameras, self.aimed, self.grid_azimuth_deg, target_height_m=target_height_m, density_px_m=density_px_m
        )

    def views(self, footprints: Footprints, scene: Scene, *, target_height_m: float, heights: bool) -> Views:
        """The kernel's input; cameras that are not measured get no range."""
        host = self.standpoints.host
        on_roof = (host >= 0) & (self.cameras["mount"] == "roof").to_numpy() & heights
        on_roof[on_roof] = scene.heights_m[host[on_roof]] > target_height_m  # a lower roof hides nothing
        return Views(
            self.standpoints.xy,
            self.cameras["mount_height_m"].to_numpy(float),
            footprints.begin,
            footprints.end,
            footprints.near_m,
            np.where(self.reason == "", footprints.far_m, 0.0),
            footprints.planes,
            np.where(host >= 0, scene.solid[host] if len(scene.solid) else -1, -1),
            on_roof.astype(np.int64),
        )


def plan_views(
    cameras: gpd.GeoDataFrame, scene: Scene, streets: gpd.GeoDataFrame | None, *, heights: bool, indoor_depth_m: float
) -> ViewPlan:
    """Decide where each camera stands and looks, and what is assumed."""
    known = complete(cameras)
    if "sight_share" in known:  # a blurred picture is worth fewer pixels
        known["width_px"] *= known["sight_share"].fillna(1.0)
    standpoints = stand(known, scene, indoor_depth_m=indoor_depth_m)
    hosted = standpoints.host >= 0
    if heights and hosted.any():
        host_height = np.full(len(known), np.nan)
        roof = hosted & (known["mount"] == "roof").to_numpy()
        host_height[roof] = scene.heights_m[standpoints.host[roof]]
        raised = raise_roof_cameras(known, host_height, clearance_m=ROOF_CLEARANCE_M)
        known["assumed"] = join_names(
            known["assumed"], {"mount_height_m": (raised != known["mount_height_m"]).to_numpy()}
        )
        known["mount_height_m"] = raised
    north = to_grid_azimuth(known.geometry, np.zeros(len(known)))
    azimuth = (known["azimuth_deg"].to_numpy(float) + north) % 360.0
    lost = directed_rows(known) & np.isnan(azimuth)
    if streets is not None and lost.any():
        azimuth[lost] = aim_at_streets(standpoints.xy[lost], streets)
    reason = np.full(len(known), "", dtype="<U24")
    reason[lost & np.isnan(azimuth)] = "direction unknown"
    reason[standpoints.indoor] = "indoor?"
    if "indoor" in known:
        reason[known["indoor"].fillna(value=False).to_numpy(bool)] = "indoor"
    if "down" in known:
        reason = np.where(reason == "", known["down"].fillna("").to_numpy(str), reason)
    return ViewPlan(known, standpoints, north, azimuth, reason)
