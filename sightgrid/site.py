"""Site: the layers of one city in one projected metric coordinate system."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import shapely

from sightgrid.columns import KINDS
from sightgrid.errors import CRSError, InputError
from sightgrid.schemas import metric_fault

if TYPE_CHECKING:
    import geopandas as gpd
    from pyproj import CRS

CLOSED_RULES = ("private", "forbidden", "consent")


@dataclass(frozen=True)
class Site:
    """The layers of one city.

    Attributes
    ----------
    name : str
        What reports call the site.
    cameras, obstacles, streets, water, places, posts, zones : GeoDataFrame
        The layers, as `sightgrid.columns` describes them; all but the cameras may be empty.
    notes : tuple of str
        What the reader repaired, assumed or left out, with counts.

    Raises
    ------
    CRSError
        A layer has no coordinate system, one without metres, or another one than the cameras.
    """

    name: str
    cameras: gpd.GeoDataFrame
    obstacles: gpd.GeoDataFrame
    streets: gpd.GeoDataFrame
    water: gpd.GeoDataFrame
    places: gpd.GeoDataFrame
    posts: gpd.GeoDataFrame
    zones: gpd.GeoDataFrame
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for layer in KINDS:
            crs = getattr(self, layer).crs
            reason = metric_fault(crs)
            if reason is None and crs != self.cameras.crs:
                reason = f"{crs.name} is not the coordinate system of the cameras, {self.cameras.crs.name}"
            if reason:
                raise CRSError(f"{self.name}: {layer}: {reason}")

    @property
    def crs(self) -> CRS:
        """The coordinate system of every layer."""
        crs: CRS = self.cameras.crs
        return crs

    @cached_property
    def study(self) -> shapely.Geometry:
        """The area the rates are about: the union of the zones with rule ``study``.

        Raises
        ------
        InputError
            No zone has that rule.
        """
        area = self._union("study")
        if area.is_empty:
            raise InputError(f"{self.name}: zones: no zone has the rule 'study', so there is no study area")
        return area

    @cached_property
    def private(self) -> shapely.Geometry:
        """Where cameras should not look: the union of private, forbidden and consent zones, maybe empty."""
        return self._union(*CLOSED_RULES)

    def with_cameras(self, cameras: gpd.GeoDataFrame) -> Site:
        """Return the same site with other cameras."""
        return replace(self, cameras=cameras)

    def _union(self, *rules: str) -> shapely.Geometry:
        shapes = self.zones.geometry[self.zones["rule"].isin(rules)]
        return shapely.union_all(shapes.to_numpy())
