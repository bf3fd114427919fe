"""Scene: everything about a set of obstacles that is worth keeping between two views."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import shapely

from sightgrid.coverage.edges import EdgeIndex, build_index
from sightgrid.gis.obstacles import solid_rows

if TYPE_CHECKING:
    import geopandas as gpd
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Scene:
    """Obstacles with their indexes, built when first asked for.

    Attributes
    ----------
    obstacles : geopandas.GeoDataFrame
        The obstacles frame.
    """

    obstacles: gpd.GeoDataFrame

    @cached_property
    def edges(self) -> EdgeIndex:
        """The kernel's index; owners are positions in `obstacles`."""
        return build_index(self.obstacles)

    @cached_property
    def solid(self) -> NDArray[np.intp]:
        """Positions of the obstacles that hide something (open canopies do not)."""
        return solid_rows(self.obstacles)

    @cached_property
    def polygons(self) -> NDArray[np.object_]:
        """Their polygons."""
        return self.obstacles.geometry.to_numpy()[self.solid]

    @cached_property
    def heights_m(self) -> NDArray[np.float64]:
        """Their heights."""
        heights: NDArray[np.float64] = self.obstacles["height_m"].to_numpy(float)[self.solid]
        return heights

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Spatial index of `polygons`."""
        return shapely.STRtree(self.polygons)
