"""Painting a tile: a survey's layers laid over a block of sample points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import shapely

from sightgrid.coverage import tiles
from sightgrid.gis.rasterize import Lattice, Shapes, flatten_shapes

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from sightgrid.coverage.survey import Survey

Tile: TypeAlias = tuple[int, int, int, int]  # first row, rows, first sample, samples in a row
Bins: TypeAlias = "tuple[NDArray[np.int64], NDArray[np.int64]]"
LAYERS = ("study", "solid", "water", "closed", "seen", "all_round", "streets", "places")
STREET_STEP_M = 1.0
SURROUNDINGS_M = 20.0


@dataclass(frozen=True)
class Layers:
    """A survey's layers as flat arrays, with the features each tile needs found by their boxes."""

    study: Shapes
    solid: Shapes
    water: Shapes
    closed: Shapes
    seen: Shapes
    all_round: Shapes
    streets: Shapes
    places: Shapes
    optics: NDArray[np.float64]
    trust: NDArray[np.uint8]

    @classmethod
    def of(cls, survey: Survey, window: shapely.Geometry | None = None) -> Layers:
        """Flatten a survey, or the part of it that meets a window (streets and places then stay out)."""

        def near(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
            return geometries if window is None else geometries[meets(geometries, window)]

        views = survey.seen.geometry.to_numpy()
        rows = np.arange(len(views)) if window is None else np.flatnonzero(meets(views, window))
        whole = window is None
        return cls(
            study=flatten_shapes(near(shapely.get_parts(np.array([survey.ground.study], dtype=object)))),
            solid=flatten_shapes(near(survey.ground.solid)),
            water=flatten_shapes(near(survey.ground.water)),
            closed=flatten_shapes(near(survey.ground.closed)),
            seen=flatten_shapes(views[rows]),
            all_round=flatten_shapes(near(survey.all_round)),
            streets=flatten_shapes(open_streets(survey.site.streets) if whole else [], lines=True),
            places=flatten_shapes(surroundings(survey.site.places) if whole else []),
            optics=survey.optics[rows],
            trust=survey.trust[rows],
        )


def meets(geometries: NDArray[np.object_], window: shapely.Geometry) -> NDArray[np.bool_]:
    """Which geometries' boxes meet a window's box (empty ones do not)."""
    x0, y0, x1, y1 = window.bounds
    b = shapely.bounds(geometries).reshape(-1, 4)
    return (b[:, 0] <= x1) & (b[:, 2] >= x0) & (b[:, 1] <= y1) & (b[:, 3] >= y0)


def open_streets(streets: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """Street lines, empty where the street is covered: tunnels and passages are not watched from outside."""
    lines = streets.geometry.to_numpy().copy()
    if len(streets):
        lines[streets["covered"].to_numpy(bool)] = shapely.LineString()
    return lines


def surroundings(places: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """Each place with 20 m around it."""
    around: NDArray[np.object_] = shapely.buffer(places.geometry.to_numpy(), SURROUNDINGS_M)
    return around


class Painter:
    """One thread's tile, and its sums by street, place and camera."""

    def __init__(self, layers: Layers, bins: dict[str, Bins], lattice: Lattice, rows: int, columns: int) -> None:
        self.layers, self.bins, self.lattice = layers, bins, lattice
        self.samples = (
            np.empty((rows, columns), np.uint8),
            np.empty((rows, columns), np.uint16),
            np.empty((rows, columns), np.uint8),
            np.empty((rows, columns), np.uint8),
        )
        self.scratch = (np.empty(rows, np.int64), np.empty(rows, np.int64), np.empty(1024))
        self.number, self.tile = 0, (0, 0, 0, 0)
        self.streets = np.zeros((len(layers.streets.bounds), 2), np.int64)
        self.places = np.zeros((len(layers.places.bounds), 3), np.int64)
        self.alone = np.zeros((len(layers.seen.bounds), 2), np.int64)

    def find(self, layer: str) -> NDArray[np.int64]:
        """Features of a layer whose box meets the tile."""
        start, items = self.bins[layer]
        return items[start[self.number] : start[self.number + 1]]

    def paint(self, number: int, tile: Tile) -> bool:
        """Mark the ground and add all views; False where the study area does not reach the tile."""
        self.number, self.tile = number, tile
        if not len(self.find("study")):
            return False
        tiles.clear(tile, self.samples)
        for layer, bit in (
            ("study", tiles.STUDY),
            ("solid", tiles.SOLID),
            ("water", tiles.WATER),
            ("closed", tiles.CLOSED),
        ):
            self.scratch = tiles.mark(
                getattr(self.layers, layer), self.find(layer), bit, tile, self.lattice, self.samples, self.scratch
            )
        self.scratch = tiles.add_views(
            self.layers.seen,
            self.find("seen"),
            self.layers.optics,
            self.layers.trust,
            tile,
            self.lattice,
            self.samples,
            self.scratch,
        )
        self.scratch = tiles.add_trust(
            self.layers.all_round,
            self.find("all_round"),
            tiles.ALL_ROUND,
            tile,
            self.lattice,
            self.samples,
            self.scratch,
        )
        return True

    def add_streets(self) -> None:
        """Add the tile's points along streets."""
        if len(self.streets):
            tiles.sum_streets(
                self.layers.streets,
                self.find("streets"),
                STREET_STEP_M,
                self.tile,
                self.lattice,
                self.samples,
                self.streets,
            )

    def add_places(self) -> None:
        """Add the tile's ground around places."""
        if len(self.places):
            self.scratch = tiles.sum_shapes(
                self.layers.places,
                self.find("places"),
                self.tile,
                self.lattice,
                self.samples,
                self.places,
                self.scratch,
            )

    def add_alone(self) -> None:
        """Add what cameras see alone in the tile."""
        self.scratch = tiles.sum_alone(
            self.layers.seen, self.find("seen"), self.tile, self.lattice, self.samples, self.alone, self.scratch
        )
