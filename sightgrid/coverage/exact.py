"""The exact way to rates: clip every view to every cell and take unions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from sightgrid.coverage import tiles

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from sightgrid.coverage.survey import Survey
    from sightgrid.coverage.visibility import Progress


class Layer:
    """Geometries that can be asked for what lies in a window."""

    def __init__(self, geometries: NDArray[np.object_]) -> None:
        self.geometries = geometries
        self.tree = shapely.STRtree(geometries)

    def rows(self, window: shapely.Geometry) -> NDArray[np.intp]:
        """Positions of the geometries that meet the window, in ascending order."""
        return np.sort(self.tree.query(window, predicate="intersects"))

    def union(self, window: shapely.Geometry) -> shapely.Geometry:
        """Union of what meets the window (not clipped to it)."""
        return shapely.union_all(self.geometries[self.rows(window)])


class Clipper:
    """Exact areas and lengths of a survey."""

    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        ground = survey.ground
        self.taken = [Layer(ground.solid), Layer(ground.water), Layer(ground.closed)]
        self.seen = Layer(survey.seen.geometry.to_numpy())
        self.all_round = Layer(survey.all_round)

    def ground(self, window: shapely.Geometry) -> shapely.Geometry:
        """Observable ground inside a window."""
        ground = shapely.intersection(self.survey.ground.study, window)
        for layer in self.taken:
            ground = shapely.difference(ground, layer.union(window))
        return ground

    def measure_cells(self, cells: gpd.GeoDataFrame, *, progress: Progress | None = None) -> NDArray[np.float64]:
        """Square metres by cell, in the columns of `sampling.Counts.cells`."""
        densities = list(self.survey.settings.classes.values())
        boxes = cells.geometry.to_numpy()
        needed = np.unique(self.seen.tree.query(boxes, predicate="intersects")[1])
        views = [self.survey.class_views(needed, px_m) for px_m in densities]
        place = np.full(len(self.seen.geometries), -1)
        place[needed] = np.arange(len(needed))
        areas = np.zeros((len(boxes), tiles.CLASSES + len(densities)))
        for n, box in enumerate(boxes):
            ground = self.ground(box)
            row = areas[n]
            row[tiles.GROUND] = shapely.area(ground)
            here = self.seen.rows(box)
            clipped = shapely.intersection(self.seen.geometries[here], ground)
            once = twice = shapely.Polygon()
            for view in clipped:
                twice = shapely.union(twice, shapely.intersection(once, view))
                once = shapely.union(once, view)
            row[tiles.COVERED], row[tiles.TWICE] = shapely.area(once), shapely.area(twice)
            row[tiles.VIEWS] = shapely.area(clipped).sum()
            trust = self.survey.trust[here]
            row[tiles.GIVEN] = shapely.area(shapely.union_all(clipped[trust & tiles.FULL > 0]))
            row[tiles.LOWER] = shapely.area(shapely.union_all(clipped[trust & tiles.AIMED > 0]))
            row[tiles.UPPER] = shapely.area(
                shapely.union(once, shapely.intersection(self.all_round.union(box), ground))
            )
            for c, of_class in enumerate(views):
                near = shapely.intersection(of_class[place[here]], ground)
                row[tiles.CLASSES + c] = shapely.area(shapely.union_all(near))
            if progress:
                progress("rates", n + 1, len(boxes))
        return areas

    def measure_streets(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Metres of some streets on open ground of the study area (bridges included), and metres seen."""
        metres = np.zeros((len(rows), 2))
        solid, _, closed = self.taken
        for n, line in enumerate(self.survey.ground.streets[rows]):
            if not line.is_empty:
                way = shapely.intersection(line, self.survey.ground.study)
                way = shapely.difference(shapely.difference(way, solid.union(line)), closed.union(line))
                metres[n] = way.length, shapely.intersection(way, self.seen.union(line)).length
        return metres

    def measure_places(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Ground, covered ground and summed views in the surroundings of some places."""
        areas = np.zeros((len(rows), 3))
        for n, around in enumerate(self.survey.ground.surroundings[rows]):
            ground = self.ground(around)
            clipped = shapely.intersection(self.seen.geometries[self.seen.rows(around)], ground)
            areas[n] = ground.area, shapely.union_all(clipped).area, shapely.area(clipped).sum()
        return areas
