"""Local search on the borders of contiguous parts: streets change sides while balance, shape and whole roads gain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from numpy.typing import NDArray

SWEEPS = 60
LEAST_GAIN = 1e-9
TINY = 1e-9


@dataclass(frozen=True)
class Aims:
    """What one unit of each aim is worth; compactness is worth 1.

    Attributes
    ----------
    balance : float
        Times the mean squared relative deviation of the parts' work from their mean.
    whole_roads : float
        Times the share of main road length that lies outside the part holding most of its road.
    """

    balance: float = 60.0
    whole_roads: float = 0.5


@dataclass(frozen=True)
class Parts:
    """Streets as the partition sees them, one row each.

    Attributes
    ----------
    ends : ndarray of int (n, 2)
        Numbers of the nodes at both ends.
    xy : ndarray of float (n, 2)
        Middle of the street in metres, from the middle of all of them.
    length, work : ndarray of float (n,)
        Metres; seconds (at least 0, some above).
    road : ndarray of int (n,)
        Number of the main road the street belongs to, -1 for none.
    fixed : ndarray of int (n,)
        Number of the part the street must stay in, -1 for any.
    """

    ends: NDArray[np.int64]
    xy: NDArray[np.float64]
    length: NDArray[np.float64]
    work: NDArray[np.float64]
    road: NDArray[np.int64]
    fixed: NDArray[np.int64]

    def open_count(self, count: int) -> int:
        """Parts of ``count`` that hold no fixed street."""
        return count - int(self.fixed.max(initial=-1)) - 1

    def spread(self, count: int) -> float:
        """Moment of inertia to compare with: ``count`` even discs on the ground of all streets, or pieces of a line."""
        discs, line = self._extent
        return max(discs / count, line / count**2, TINY)

    @cached_property
    def _extent(self) -> tuple[float, float]:
        """Moment of inertia of one even disc on the ground of all streets, and of the streets themselves."""
        area_m2 = float(shapely.convex_hull(shapely.multipoints(self.xy)).area)
        whole = float((self.length * ((self.xy - self.xy.mean(axis=0)) ** 2).sum(axis=1)).sum())
        return float(self.length.sum()) * area_m2 / (2.0 * np.pi), whole

    def judge(self, label: NDArray[np.int64], count: int, aims: Aims) -> float:
        """Sum of what is wrong with a partition: uneven work, stretched parts, main roads cut."""
        work = np.bincount(label, self.work, minlength=count)
        uneven = float(np.mean((work / work.mean() - 1.0) ** 2))
        mass = np.bincount(label, self.length, minlength=count)
        square = np.bincount(label, self.length * (self.xy**2).sum(axis=1), minlength=count)
        first = [np.bincount(label, self.length * self.xy[:, axis], minlength=count) for axis in (0, 1)]
        inertia = float((square - (first[0] ** 2 + first[1] ** 2) / np.maximum(mass, TINY)).sum())
        on_road = self.road >= 0
        cut = 0.0
        if on_road.any():
            table = np.zeros((int(self.road.max()) + 1, count))
            np.add.at(table, (self.road[on_road], label[on_road]), self.length[on_road])
            cut = float((table.sum(axis=1) - table.max(axis=1)).sum() / max(float(table.sum()), TINY))
        return aims.balance * uneven + inertia / self.spread(count) + aims.whole_roads * cut


def hang_together(ends: NDArray[np.int64], label: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the groups of streets of one label that hang together over their nodes."""
    nodes = int(ends.max()) + 1
    ids, place = np.unique(label[:, None] * nodes + ends, return_inverse=True)
    place = place.reshape(-1, 2)
    links = coo_array((np.ones(len(place)), (place[:, 0], place[:, 1])), shape=(len(ids), len(ids)))
    return connected_components(links, directed=False)[1][place[:, 0]].astype(np.int64)


def refine(
    parts: Parts, label: NDArray[np.int64], count: int, *, aims: Aims, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Move streets between neighbouring parts while that lowers `Parts.judge`; parts stay contiguous and not empty."""
    search = _Search(parts, label, count, aims)
    for _ in range(SWEEPS):
        border = search.find_border()
        moves = sum(search.improve(street) for street in rng.permutation(border).tolist())
        if not moves:
            break
    return np.array(search.label, np.int64)


class _Search:
    """The state of a local search, in plain lists: one street changes at a time."""

    def __init__(self, parts: Parts, label: NDArray[np.int64], count: int, aims: Aims) -> None:
        self.parts, self.label = parts, label.tolist()
        self.ends: list[list[int]] = parts.ends.tolist()
        self.fixed: list[int] = parts.fixed.tolist()
        self.road: list[int] = parts.road.tolist()
        self.at_node: list[list[int]] = [[] for _ in range(int(parts.ends.max()) + 1)]
        for street, (u, v) in enumerate(self.ends):
            self.at_node[u].append(street)
            if v != u:
                self.at_node[v].append(street)
        # per street, and summed per part: number, work, length, length x, length y, length (x2 + y2)
        row = np.column_stack(
            [
                np.ones_like(parts.work),
                parts.work,
                parts.length,
                parts.length[:, None] * parts.xy,
                parts.length * (parts.xy**2).sum(axis=1),
            ]
        )
        self.row: list[list[float]] = row.tolist()
        self.sums: list[list[float]] = [row[label == part].sum(axis=0).tolist() for part in range(count)]
        self.mean = float(parts.work.sum()) / count
        self.balance_worth = aims.balance / count / self.mean**2
        self.shape_worth = 1.0 / parts.spread(count)
        on_road = parts.road >= 0
        table = np.zeros((int(parts.road.max(initial=-1)) + 1, count))
        np.add.at(table, (parts.road[on_road], label[on_road]), parts.length[on_road])
        self.on_road: list[list[float]] = table.tolist()
        self.road_worth = aims.whole_roads / max(float(table.sum()), TINY)

    def find_border(self) -> NDArray[np.int64]:
        """Streets that may move and meet another part at one of their ends."""
        label = np.array(self.label)
        low = np.full(len(self.at_node), np.iinfo(np.int64).max)
        high = np.full(len(self.at_node), -1)
        np.minimum.at(low, self.parts.ends.ravel(), np.repeat(label, 2))
        np.maximum.at(high, self.parts.ends.ravel(), np.repeat(label, 2))
        return np.flatnonzero((low != high)[self.parts.ends].any(axis=1) & (self.parts.fixed < 0))

    def improve(self, street: int) -> bool:
        """Move a street, with what hangs on it alone, to the neighbouring part where that gains most, if any."""
        home = self.label[street]
        others = {self.label[t] for node in self.ends[street] for t in self.at_node[node]} - {home}
        if not others:
            return False
        moving = self.find_moving(street, home)
        if moving is None:
            return False
        total = [sum(column) for column in zip(*(self.row[t] for t in moving), strict=True)]
        if total[0] >= self.sums[home][0]:
            return False
        gain, to = min((self.weigh(moving, total, home, part), part) for part in sorted(others))
        if gain > -LEAST_GAIN:
            return False
        for t in moving:
            self.label[t] = to
            if self.road[t] >= 0:
                self.on_road[self.road[t]][home] -= self.row[t][2]
                self.on_road[self.road[t]][to] += self.row[t][2]
        self.sums[home] = [a - b for a, b in zip(self.sums[home], total, strict=True)]
        self.sums[to] = [a + b for a, b in zip(self.sums[to], total, strict=True)]
        return True

    def find_moving(self, street: int, home: int) -> list[int] | None:
        """The street and what it would cut off from its part; None if that holds a street that must stay.

        Both ends search each other through the part without the street, in turns: whoever runs out first is cut off.
        """
        u, v = self.ends[street]
        seen = ({u}, {v})
        fronts = ([u], [v])
        found: tuple[list[int], list[int]] = ([], [])
        if u == v:
            return [street]
        while True:
            for side in (0, 1):
                if not fronts[side]:
                    if any(self.fixed[t] >= 0 for t in found[side]):
                        return None
                    return [street, *dict.fromkeys(found[side])]
                node = fronts[side].pop(0)
                for t in self.at_node[node]:
                    if t == street or self.label[t] != home:
                        continue
                    found[side].append(t)
                    a, b = self.ends[t]
                    far = b if a == node else a
                    if far in seen[1 - side]:
                        return [street]
                    if far not in seen[side]:
                        seen[side].add(far)
                        fronts[side].append(far)

    def weigh(self, moving: list[int], total: list[float], home: int, to: int) -> float:
        """What `Parts.judge` changes by if the streets move."""
        before, after = self.sums[home], self.sums[to]
        less = [a - b for a, b in zip(before, total, strict=True)]
        more = [a + b for a, b in zip(after, total, strict=True)]
        change = self.balance_worth * (
            (less[1] - self.mean) ** 2
            + (more[1] - self.mean) ** 2
            - (before[1] - self.mean) ** 2
            - (after[1] - self.mean) ** 2
        )
        change += self.shape_worth * (_inertia(less) + _inertia(more) - _inertia(before) - _inertia(after))
        moved: dict[int, float] = {}
        for t in moving:
            if self.road[t] >= 0:
                moved[self.road[t]] = moved.get(self.road[t], 0.0) + self.row[t][2]
        for road, metres in moved.items():
            lengths = self.on_road[road]
            largest = max(lengths)
            kept = max(
                (have - metres if part == home else have + metres if part == to else have)
                for part, have in enumerate(lengths)
            )
            change += self.road_worth * (largest - kept)
        return change


def _inertia(sums: list[float]) -> float:
    """Moment of inertia about the centroid, from the sums over a part (Huygens)."""
    return sums[5] - (sums[3] ** 2 + sums[4] ** 2) / sums[2] if sums[2] > 0.0 else 0.0
