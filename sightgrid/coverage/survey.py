"""Survey: a site's cameras with what they see, and everything the counting of rates needs to know about them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from sightgrid.coverage.optics import density_classes
from sightgrid.coverage.scene import Scene
from sightgrid.coverage.tiles import AIMED, FULL, SEEN
from sightgrid.coverage.viewplan import ViewPlan, plan_views
from sightgrid.coverage.visibility import INDOOR_DEPTH_M, draw_views, see
from sightgrid.gis.ground import Ground, survey_ground

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from sightgrid.coverage.visibility import Progress
    from sightgrid.site import Site


@dataclass(frozen=True)
class Settings:
    """What is measured."""

    standard: str = "iec2014"
    density_px_m: float | None = None
    target_height_m: float = 1.5
    heights: bool = True
    indoor_depth_m: float = INDOOR_DEPTH_M
    open_courtyards: bool = False

    @property
    def classes(self) -> dict[str, float]:
        """Density classes of the standard, lowest first."""
        return density_classes(self.standard)

    @property
    def least_px_m(self) -> float:
        """The density that counts as seen."""
        return self.density_px_m if self.density_px_m is not None else min(self.classes.values())


@dataclass(frozen=True)
class Survey:
    """Cameras, their views, and the ground they are measured on.

    Attributes
    ----------
    site : Site
    settings : Settings
    scene : Scene
        The obstacles, indexed.
    plan : ViewPlan
        Where the cameras stand and look.
    seen : geopandas.GeoDataFrame
        See `visibility.view_areas`.
    all_round : ndarray of shapely geometries
        For cameras whose direction is assumed: what they would see if they looked everywhere; else empty.
    """

    site: Site
    settings: Settings
    scene: Scene
    plan: ViewPlan
    seen: gpd.GeoDataFrame
    all_round: NDArray[np.object_]

    @cached_property
    def ground(self) -> Ground:
        """The observable ground, shared by all surveys of the same scene."""
        return survey_ground(self.site, open_courtyards=self.settings.open_courtyards)

    @cached_property
    def trust(self) -> NDArray[np.uint8]:
        """How far each camera's view rests on assumptions, as bits of `tiles`."""
        given = (self.plan.cameras["assumed"] == "").to_numpy()
        return (SEEN | np.where(given, FULL, 0) | np.where(self.plan.direction_assumed, 0, AIMED)).astype(np.uint8)

    @cached_property
    def optics(self) -> NDArray[np.float64]:
        """Camera x, y, depth coefficients, then the depth at which each density class ends."""
        footprints = self.plan.footprints(
            target_height_m=self.settings.target_height_m, density_px_m=self.settings.least_px_m
        )
        ends = footprints.focal_px[:, None] / np.array(list(self.settings.classes.values()))
        return np.column_stack([self.plan.standpoints.xy, footprints.depth, ends])

    def class_views(self, rows: NDArray[np.intp], px_m: float) -> NDArray[np.object_]:
        """What some of the cameras see with at least a density."""
        return self.views_at(rows, np.full(len(rows), max(px_m, self.settings.least_px_m)))

    def all_class_views(self, row: int) -> NDArray[np.object_]:
        """What one camera sees with at least the density of each class, lowest first."""
        densities = np.maximum(list(self.settings.classes.values()), self.settings.least_px_m)
        return self.views_at(np.full(len(densities), row), densities)

    def views_at(self, rows: NDArray[np.intp], density_px_m: NDArray[np.float64]) -> NDArray[np.object_]:
        """What some of the cameras see with a density each."""
        plan, settings = self.plan.take(rows), self.settings
        options: Any = {"target_height_m": settings.target_height_m, "heights": settings.heights}
        footprints = plan.footprints(target_height_m=settings.target_height_m, density_px_m=density_px_m)
        return see(plan.views(footprints, self.scene, **options), self.scene, **options)[1]

    @property
    def faulty(self) -> NDArray[np.intp]:
        """Rows of the cameras that a fault keeps from seeing, or from seeing as far as they should."""
        cameras = self.site.cameras
        if "down" not in cameras:
            return np.empty(0, np.intp)
        down = cameras["down"].fillna("").to_numpy(str)
        short = cameras["sight_share"].fillna(1.0).to_numpy() < 1.0
        # where a camera is not measured anyway, nothing is lost
        return np.flatnonzero((self.plan.reason == down) & ((down != "") | short))

    def sound_views(self, rows: NDArray[np.intp]) -> NDArray[np.object_]:
        """What some of the cameras would see without their faults."""
        if not len(rows):
            return np.empty(0, object)
        sound = self.site.cameras.iloc[rows].drop(columns=["down", "sight_share"])
        return np.asarray(_survey_cameras(self.site, sound, self.scene, self.settings).seen.geometry.to_numpy())

    def views_of(self, camera_id: str) -> list[shapely.Geometry]:
        """What a camera sees, and would see all round if its direction is assumed; nothing if it is not there."""
        if camera_id not in self.seen.index:
            return []
        row = self.seen.index.get_loc(camera_id)
        return [self.seen.geometry.iloc[row], self.all_round[row]]

    def look(self, camera: gpd.GeoDataFrame) -> Survey:
        """A survey of the same scene with this camera alone (a frame of one row)."""
        return _survey_cameras(self.site, camera, self.scene, self.settings)

    def with_camera(self, camera: gpd.GeoDataFrame) -> Survey:
        """The same survey with one camera changed or added (a frame of one row)."""
        changed = self.look(camera)
        camera_id = camera.index[0]
        if camera_id in self.seen.index:
            row = self.seen.index.get_loc(camera_id)
            order = np.arange(len(self.seen))
            order[row] = len(self.seen)
        else:
            order = np.arange(len(self.seen) + 1)
        seen = pd.concat([self.seen, changed.seen]).iloc[order]
        cameras = pd.concat([self.site.cameras, camera]).iloc[order]
        survey = replace(
            self,
            site=self.site.with_cameras(cameras),
            plan=self.plan.append(changed.plan).take(order),
            seen=seen,
            all_round=np.concatenate([self.all_round, changed.all_round])[order],
        )
        survey.__dict__["ground"] = self.ground
        survey.__dict__["optics"] = np.vstack([self.optics, changed.optics])[order]
        survey.__dict__["trust"] = np.concatenate([self.trust, changed.trust])[order]
        return survey


def survey_site(
    site: Site, settings: Settings, *, scene: Scene | None = None, progress: Progress | None = None
) -> Survey:
    """Draw what every camera of a site sees; ``scene`` is the site's obstacles, if they are indexed already."""
    return _survey_cameras(site, site.cameras, scene or Scene(site.obstacles), settings, progress)


def _survey_cameras(
    site: Site, cameras: gpd.GeoDataFrame, scene: Scene, settings: Settings, progress: Progress | None = None
) -> Survey:
    plan = plan_views(cameras, scene, site.streets, heights=settings.heights, indoor_depth_m=settings.indoor_depth_m)
    seen = _draw(plan, scene, settings, settings.least_px_m, progress)
    all_round = np.full(len(cameras), shapely.Polygon(), dtype=object)
    lost = np.flatnonzero(plan.direction_assumed & ~plan.standpoints.indoor)
    if len(lost):
        everywhere = _draw(plan.take(lost).turn_all_round(), scene, settings, settings.least_px_m)
        all_round[lost] = everywhere.geometry.to_numpy()
    return Survey(site, settings, scene, plan, seen, all_round)


def _draw(
    plan: ViewPlan, scene: Scene, settings: Settings, px_m: float, progress: Progress | None = None
) -> gpd.GeoDataFrame:
    return draw_views(
        plan,
        scene,
        target_height_m=settings.target_height_m,
        density_px_m=px_m,
        heights=settings.heights,
        progress=progress,
    )
