"""Painting a tile: a survey's layers laid over a block of sample points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import shapely

from sightgrid.coverage import tiles
from sightgrid.gis.rasterize import Lattice, Shapes, flatten_shapes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sightgrid.coverage.survey import Survey

Tile: TypeAlias = tuple[int, int, int, int]  # first row, rows, first sample, samples in a row
Bins: TypeAlias = "tuple[NDArray[np.int64], NDArray[np.int64]]"
LAYERS = ("study", "solid", "water", "closed", "seen", "all_round", "streets", "places")
STREET_STEP_M = 1.0


@dataclass(frozen=True)
class Layers:
    """A survey's layers as flat arrays, a feature for every geometry."""

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
        """Flatten a survey, or what of it meets a window."""

        def flat(geometries: NDArray[np.object_], *, lines: bool = False) -> Shapes:
            if window is not None:
                far = ~meets(geometries, window)
                geometries = geometries.copy()
                geometries[far] = None
            return flatten_shapes(geometries, lines=lines)

        return cls(
            study=flat(shapely.get_parts(np.array([survey.ground.study], dtype=object))),
            solid=flat(survey.ground.solid),
            water=flat(survey.ground.water),
            closed=flat(survey.ground.closed),
            seen=flat(survey.seen.geometry.to_numpy()),
            all_round=flat(survey.all_round),
            streets=flat(survey.ground.streets, lines=True),
            places=flat(survey.ground.surroundings),
            optics=survey.optics,
            trust=survey.trust,
        )


def meets(geometries: NDArray[np.object_], window: shapely.Geometry) -> NDArray[np.bool_]:
    """Which geometries' boxes meet a window's box (empty ones do not)."""
    x0, y0, x1, y1 = window.bounds
    b = shapely.bounds(geometries).reshape(-1, 4)
    return (b[:, 0] <= x1) & (b[:, 2] >= x0) & (b[:, 1] <= y1) & (b[:, 3] >= y0)


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
