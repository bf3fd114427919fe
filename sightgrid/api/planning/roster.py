"""Rosters: where all cameras of a site stand and how far each can see, kept up to date row by row.

So the neighbours of a place are found among a hundred thousand cameras without reading any of them.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from sightgrid.coverage.optics import DEFAULTS, field_of_view_deg
from sightgrid.store.variants import OPTICS, count_cameras, select_optics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa
    from numpy.typing import NDArray

    from sightgrid.store.layers import Box

MOST_REACH_M = 2000.0  # nobody is recognised from farther away; without a limit one lens could ask for half a city
MOVED_M = 5.0  # a camera drawn inside a wall is put outside it
_WIDEST_DEG = 179.9
_HALF_TURN_DEG = 180.0


@dataclass(frozen=True)
class Roster:
    """Cameras as arrays, one row each.

    Attributes
    ----------
    revision : int
        Of the site's cameras.
    rows : dict of str to int
        The row of each camera.
    versions : ndarray of int
        Of each camera; negative where it is a scenario's; 0 where it was taken out.
    xy : ndarray, shape (n, 2)
        In the coordinate system of the site; NaN where it was taken out.
    far_px : ndarray
        How far it can see, times pixels per metre; see `bound_reach`.
    limit_m : ndarray
        ``max_range_m``, or infinite.
    names : list of str
        What people call them.
    """

    revision: int
    rows: dict[str, int]
    versions: NDArray[np.int64]
    xy: NDArray[np.float64]
    far_px: NDArray[np.float64]
    limit_m: NDArray[np.float64]
    names: list[str]

    @cached_property
    def folded(self) -> list[str]:
        """Ids and names as they are searched: without case and accents."""
        return [_fold_camera(camera_id, name) for camera_id, name in zip(self.rows, self.names, strict=True)]

    def reach_m(self, density_px_m: float) -> NDArray[np.float64]:
        """How far each camera can see with a density at most, from where it is drawn."""
        return limit_reach(self.far_px, self.limit_m, density_px_m) + MOVED_M

    def find_near(self, area: Box, *, density_px_m: float) -> list[str]:
        """Return the cameras that may see some of an area."""
        x, y = self.xy.T
        left, bottom, right, top = area
        away = np.hypot(
            np.maximum(np.maximum(left - x, x - right), 0.0), np.maximum(np.maximum(bottom - y, y - top), 0.0)
        )
        near = np.flatnonzero(away <= self.reach_m(density_px_m))  # NaN is not
        return [self._ids[row] for row in near]

    def find_area(self, camera_id: str, *, density_px_m: float) -> Box | None:
        """Return the square that a camera may see some of; None if it is not there."""
        row = self.rows.get(camera_id)
        if row is None or np.isnan(self.xy[row, 0]):
            return None
        reach_m = float(limit_reach(self.far_px[row], self.limit_m[row], density_px_m)) + MOVED_M
        x, y = self.xy[row]
        return around(float(x), float(y), reach_m)

    @cached_property
    def _ids(self) -> list[str]:
        return list(self.rows)

    def write(self, rows: Sequence[sa.Row[Any]], *, sign: int, revision: int | None = None) -> Roster:
        """Put rows in the place of those of the same id, and add the others; `sign` is -1 for a scenario's."""
        order = dict(self.rows)
        for row in rows:
            order.setdefault(row.feature_id, len(order))
        places = np.array([order[row.feature_id] for row in rows], dtype=np.intp)
        removed = np.array([getattr(row, "removed", False) for row in rows], dtype=bool)
        points = shapely.from_wkb(np.array([row.geometry for row in rows], dtype=object))
        xy = np.column_stack([shapely.get_x(points), shapely.get_y(points)])
        optics = {name: np.array([getattr(row, name) for row in rows], dtype=object) for name in OPTICS}
        optics["kind"][removed] = "fixed"  # any: it sees nothing
        limit_m = optics["max_range_m"].astype(float)
        names = [*self.names, *[""] * (len(order) - len(self.rows))]
        for place, row in zip(places, rows, strict=True):
            names[place] = row.name or ""
        fresh = {
            "versions": np.where(removed, 0, sign * np.array([row.version for row in rows], dtype=np.int64)),
            "xy": np.where(removed[:, None], np.nan, xy),
            "far_px": bound_reach(optics),
            "limit_m": np.where(np.isnan(limit_m), np.inf, limit_m),
        }
        arrays = {}
        for name, values in fresh.items():
            before = getattr(self, name)
            after = np.empty((len(order), *before.shape[1:]), before.dtype)
            after[: len(before)], after[places] = before, values
            arrays[name] = after
        roster = replace(self, revision=revision or self.revision, rows=order, names=names, **arrays)
        if "folded" in self.__dict__:  # only what is new is folded
            folded = [*self.folded, *[""] * (len(order) - len(self.rows))]
            for place, row in zip(places, rows, strict=True):
                folded[place] = _fold_camera(row.feature_id, names[place])
            roster.__dict__["folded"] = folded
        return roster


EMPTY = Roster(0, {}, np.empty(0, np.int64), np.empty((0, 2)), np.empty(0), np.empty(0), [])


def update_roster(connection: sa.Connection, site_id: int, *, revision: int, known: Roster = EMPTY) -> Roster:
    """Read a site's cameras, or of those known what was written since.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        Of a transaction that is open.
    site_id : int
        The site.
    revision : int
        Of its cameras, in this transaction.
    known : Roster, optional
        As it was at an earlier revision.
    """
    if known.revision == revision:
        return known
    roster = known.write(select_optics(connection, site_id, after=known.revision), sign=1, revision=revision)
    if known.revision and count_cameras(connection, site_id) != len(roster.rows):  # some were deleted
        return update_roster(connection, site_id, revision=revision)
    return roster


def bound_reach(optics: Mapping[str, Any]) -> NDArray[np.float64]:
    """Bound how far cameras can see from above, whatever their direction, tilt and height.

    Parameters
    ----------
    optics : mapping of str to array-like
        The columns `sightgrid.store.variants.OPTICS`; None or NaN where not given.

    Returns
    -------
    ndarray of float
        Metres times pixels per metre: divided by a density it is the distance up to which that density may be reached.
    """
    kind = np.asarray(optics["kind"]).astype(str)
    given = {name: np.asarray(optics[name]).astype(float) for name in OPTICS if name != "kind"}
    hfov = given["hfov_deg"]
    with np.errstate(divide="ignore", invalid="ignore"):
        hfov = np.where(np.isnan(hfov), field_of_view_deg(given["sensor_width_mm"], given["focal_mm"]), hfov)
    filled = {"hfov_deg": hfov, "width_px": given["width_px"], "height_px": given["height_px"]}
    for name, values in filled.items():
        default = np.array([DEFAULTS[of][name] for of in kind], dtype=float)
        filled[name] = np.where(np.isnan(values), default, values)
    hfov, width, height = filled.values()
    panorama = kind == "panorama"
    # for a dome or PTZ unit a width of 180 degrees or more is the range of its pan
    lens = np.where((hfov >= _HALF_TURN_DEG) & ~panorama, DEFAULTS["ptz"]["hfov_deg"], np.minimum(hfov, _WIDEST_DEG))
    wide = np.tan(np.radians(lens) / 2.0)
    vfov = np.minimum(given["vfov_deg"], _WIDEST_DEG)
    high = np.where(np.isnan(vfov), wide * height / width, np.tan(np.radians(vfov) / 2.0))
    corner = width / (2.0 * wide) * np.sqrt(1.0 + wide**2 + high**2)
    return np.asarray(np.where(panorama, width / np.radians(hfov), corner), dtype=np.float64)


def limit_reach(far_px: Any, limit_m: Any, density_px_m: float) -> Any:
    """Return how far cameras see with a density at most, and never more than `MOST_REACH_M`."""
    return np.minimum(np.minimum(far_px / density_px_m, limit_m), MOST_REACH_M)


def around(x: float, y: float, reach_m: float) -> Box:
    """Return the square of everything within a distance of a point."""
    return x - reach_m, y - reach_m, x + reach_m, y + reach_m


def fold(text: str) -> str:
    """Write a text as it is searched: without case and accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(each for each in plain if not unicodedata.combining(each))


def _fold_camera(camera_id: str, name: str) -> str:
    return fold(f"{camera_id}\n{name}")
