"""Painting a tile: a survey's layers laid over a block of sample points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import shapely

from sightgrid.coverage import tiles
from sightgrid.gis.rasterize import Lattice, flatten_shapes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sightgrid.coverage.survey import Survey

Tile: TypeAlias = tuple[int, int, int, int]  # first row, rows, first sample, samples in a row
STREET_STEP_M = 1.0


class Layers(NamedTuple):
    """Something for each layer of a survey: its geometries, its flat arrays, or which features each tile needs."""

    study: Any
    solid: Any
    water: Any
    closed: Any
    seen: Any
    all_round: Any
    streets: Any
    places: Any


class Palette:
    """A survey's layers, to be flattened window by window: all at once they would fill the memory of a city."""

    def __init__(self, survey: Survey) -> None:
        ground = survey.ground
        self.optics, self.trust = survey.optics, survey.trust
        self.geometries = Layers(
            study=shapely.get_parts(np.array([ground.study], dtype=object)),
            solid=ground.solid,
            water=ground.water,
            closed=ground.closed,
            seen=survey.seen.geometry.to_numpy(),
            all_round=survey.all_round,
            streets=ground.streets,
            places=ground.surroundings,
        )
        # what is summed by feature, and how many sums each has
        self.countable = ((ground.streets, 2), (ground.surroundings, 4), (survey.seen, 4))
        self.bounds = [shapely.bounds(layer).reshape(-1, 4) for layer in self.geometries]

    def flatten(self, window: tuple[float, float, float, float]) -> Layers:
        """Flatten what meets a window (left, bottom, right, top); the rest become empty features."""
        return Layers._make(
            flatten_shapes(np.where(boxes_meet(bounds, window), layer, np.array(None)))
            for layer, bounds in zip(self.geometries, self.bounds, strict=True)
        )


def boxes_meet(bounds: NDArray[np.float64], window: tuple[float, float, float, float]) -> NDArray[np.bool_]:
    """Which boxes meet a window; those of empty geometries are NaN and do not."""
    left, bottom, right, top = window
    return (bounds[:, 0] <= right) & (bounds[:, 2] >= left) & (bounds[:, 1] <= top) & (bounds[:, 3] >= bottom)


class Painter:
    """One thread's tile, and its sums by street, place and camera."""

    def __init__(
        self, palette: Palette, layers: Layers, bins: Layers, lattice: Lattice, rows: int, columns: int
    ) -> None:
        self.palette, self.layers, self.bins, self.lattice = palette, layers, bins, lattice
        self.samples = (
            np.empty((rows, columns), np.uint8),
            np.empty((rows, columns), np.uint16),
            np.empty((rows, columns), np.uint8),
            np.empty((rows, columns), np.uint8),
        )
        self.scratch = (np.empty(rows, np.int64), np.empty(rows, np.int64), np.empty(1024))
        self.number, self.tile = 0, (0, 0, 0, 0)
        self.streets, self.places, self.alone = (np.zeros((len(of), n), np.int64) for of, n in palette.countable)

    def find(self, layer: str) -> NDArray[np.int64]:
        """Features of a layer whose box meets the tile."""
        start, items = getattr(self.bins, layer)
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
            self.palette.optics,
            self.palette.trust,
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
        self._add("places", self.places)

    def add_alone(self) -> None:
        """Add the tile's ground that cameras see, and see alone."""
        self._add("seen", self.alone)

    def _add(self, layer: str, sums: NDArray[np.int64]) -> None:
        if len(sums):
            self.scratch = tiles.sum_shapes(
                getattr(self.layers, layer), self.find(layer), self.tile, self.lattice, self.samples, sums, self.scratch
            )
