"""What a tile shows instead of rows where there are too many of them: clusters, squares, streets by class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sightgrid.api.tiles.commands import EXTENT
from sightgrid.api.tiles.mvt import encode_paths
from sightgrid.api.tiles.paths import POINT, RING
from sightgrid.api.tiles.squares import WORLD_BITS, find_centres
from sightgrid.api.tiles.summaries import SUMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from sightgrid.api.tiles.mercator import Tile
    from sightgrid.api.tiles.summaries import Summary

ACROSS_BITS = 4
ACROSS = 2**ACROSS_BITS  # squares to a side of a tile: 32 pixels each
WEIGHTS = ("observable_m2", "observable_m")
OTHER_WEIGHTS = {"assumed_share": "covered_m2"}  # a share of something else


class Gathered(NamedTuple):
    """The rows whose middles lie in a tile, by its squares.

    Attributes
    ----------
    rows : ndarray of int64
        Places in the summary.
    places : ndarray of int64
        For each row the place of its square among the `squares`.
    squares : ndarray of int64
        The squares that hold any, counted line by line.
    middles : ndarray of float64, shape (n, 2)
        Of the rows, in units of the tile.
    """

    rows: NDArray[np.int64]
    places: NDArray[np.int64]
    squares: NDArray[np.int64]
    middles: NDArray[np.float64]

    def add_up(self, values: NDArray[Any] | None = None) -> NDArray[np.float64]:
        """Return the sum of a value over the rows of each square; without one, how many there are."""
        return np.bincount(self.places, weights=values, minlength=len(self.squares)).astype(np.float64)


def find_window(tile: Tile, *, margin_units: int) -> tuple[int, int, int, int]:
    """Return west, north, east and south of a tile with its margin, in steps."""
    bits = WORLD_BITS - tile.z
    out = margin_units * 2**bits // EXTENT + 1
    west, north, wide = tile.x << bits, tile.y << bits, 1 << bits
    return west - out, north - out, west + wide + out, north + wide + out


def gather_rows(summary: Summary, tile: Tile) -> Gathered:
    """Find the rows of a tile by squares."""
    bits = WORLD_BITS - tile.z
    west, north = tile.x << bits, tile.y << bits
    rows, found, middles = find_centres(summary.boxes, west, north, bits - ACROSS_BITS, ACROSS)
    squares = np.flatnonzero(np.bincount(found, minlength=ACROSS**2))
    places = np.zeros(ACROSS**2, np.int64)
    places[squares] = np.arange(len(squares))
    middles *= EXTENT / 2**bits
    return Gathered(rows, places[found], squares, middles)


def draw_clusters(
    layer: str, gathered: Gathered, *, counted: Mapping[str, tuple[NDArray[Any], Sequence[str]]]
) -> bytes:
    """Draw a point for the rows of each square, in their middle.

    Parameters
    ----------
    layer : str
    gathered : Gathered
    counted : mapping of str to (codes, names)
        What is counted besides all rows: for each row of `gathered` a place in the names, such as the kind of the
        camera. The properties are called ``kind_fixed`` and so on; those of count 0 are left out.
    """
    count = gathered.add_up()
    middle = np.column_stack([gathered.add_up(side) / count for side in gathered.middles.T])
    columns = _count(count)
    for what, (codes, names) in counted.items():
        for code, name in enumerate(names):
            if name:
                columns[f"{what}_{name}"] = _whole(gathered.add_up(codes == code), empty=True)
    size = len(count)
    paths = (middle, np.arange(size + 1), np.full(size, POINT, np.uint8), np.arange(size))
    return encode_paths(layer, paths, columns, rows=size)


def draw_squares(layer: str, gathered: Gathered, summary: Summary, tile: Tile) -> bytes:
    """Draw squares with what their rows add up to.

    Where the rows tell how much ground they stand for (``observable_m2``, or ``observable_m`` of streets), rates are
    averaged by it, so that all squares together give the rate of the whole. Otherwise polygons tell their area and its
    share of the square, which is above 1 where they overlap.
    """
    columns = _count(gathered.add_up())
    values = {name: summary.amounts[gathered.rows, place] for place, name in enumerate(summary.names)}
    weight = find_weight(summary)
    for name, value in values.items():
        if name in SUMS:
            columns[name] = gathered.add_up(np.nan_to_num(value)).tolist()
        elif weight is not None:
            columns[name] = _average(gathered, value, values.get(OTHER_WEIGHTS.get(name, weight)))
    if weight is None:
        area = gathered.add_up(summary.sizes[gathered.rows] * (summary.dimensions[gathered.rows] == 2))  # noqa: PLR2004
        columns.setdefault("area_m2", area.tolist())
        columns["share"] = (area / (tile.true_m / ACROSS) ** 2).tolist()
    return encode_paths(layer, _outline(gathered.squares), columns, rows=len(gathered.squares))


def find_weight(summary: Summary) -> str | None:
    """Return by what the rates of a layer are averaged; None if it has none."""
    return next((name for name in WEIGHTS if name in summary.names), None)


def _average(gathered: Gathered, value: NDArray[Any], weight: NDArray[Any] | None) -> list[float | None]:
    if weight is None:
        return [None] * len(gathered.squares)
    known = np.isfinite(value) & np.isfinite(weight)
    total = gathered.add_up(np.where(known, weight, 0.0))
    above = gathered.add_up(np.where(known, value * weight, 0.0))
    return [over / under if under > 0.0 else None for over, under in zip(above.tolist(), total.tolist(), strict=True)]


def _count(count: NDArray[Any]) -> dict[str, list[Any]]:
    return {"count": _whole(count), "aggregated": [True] * len(count)}


def _whole(count: NDArray[Any], *, empty: bool = False) -> list[int | None]:
    return [None if empty and not each else each for each in count.astype(int).tolist()]


def _outline(squares: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    side = EXTENT / ACROSS
    corner = np.column_stack([squares % ACROSS, squares // ACROSS]) * side
    ring = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]) * side
    size = len(squares)
    xy = np.ascontiguousarray((corner[:, None, :] + ring).reshape(-1, 2))
    return xy, np.arange(size + 1) * len(ring), np.full(size, RING, np.uint8), np.arange(size)
