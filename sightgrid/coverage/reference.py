"""The kernel's answer by brute force, in plain Python: what the kernel means, and what the tests hold it to.

A sight line runs from the camera, at height h, to a target at height t. Over a wall that stands a share f of the way
it is ``h + f (t - h)`` high, and a wall higher than that hides the target. Along one ray, a wall of height b at
distance r therefore hides the distances

    r to s r, with s = (h - t) / (h - b)     b above the target, below the camera
    r to infinity                            b above both
    s r to infinity                          b above the camera, not above the target

and the inside of a building higher than the target is hidden too. A roof camera needs no rule of its own: it stands
inside its building's outline and above it. A ceiling camera looks out of its building: leave that building out.

`visible_area` collects every direction in which something may change, looks at one ray between each two neighbours,
and integrates exactly from the one to the other. `visible` asks the sight line to one point. Neither culls, sorts
into a grid, or trusts that walls do not cross.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SLACK = 1e-9  # a direction too many does no harm, one too few does
_NARROWEST_RAD = 1e-15


@dataclass(frozen=True)
class Camera:
    """A camera and the footprint it would see in open country.

    Attributes
    ----------
    x, y, height_m : float
        Where it hangs, metres.
    far_m, near_m : float
        Radii of the ring that holds the footprint.
    sector_rad : tuple of float, optional
        First and last direction, anticlockwise from the x axis; all round if not given.
    planes : tuple of (a, b, c)
        Half planes ``a x + b y <= c`` around the camera that the footprint lies in.
    """

    x: float
    y: float
    height_m: float
    far_m: float
    near_m: float = 0.0
    sector_rad: tuple[float, float] | None = None
    planes: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True)
class Building:
    """A building: closed rings (its outline and its courtyards, turning any way) and one height.

    With the default height it hides everything behind it.
    """

    rings: tuple[tuple[tuple[float, float], ...], ...]
    height_m: float = math.inf

    def walls(self, x: float, y: float) -> Iterator[_Line]:
        """Its walls, seen from a point."""
        for ring in self.rings:
            for (ax, ay), (bx, by) in pairwise(ring):
                yield _Line(ax - x, ay - y, bx - x, by - y)


class _Line(NamedTuple):
    """A straight piece, relative to the camera."""

    ax: float
    ay: float
    bx: float
    by: float

    def scaled(self, s: float) -> _Line:
        return _Line(s * self.ax, s * self.ay, s * self.bx, s * self.by)

    def distance(self, ux: float, uy: float) -> float:
        """Where a ray meets the line through both ends."""
        dx, dy = self.bx - self.ax, self.by - self.ay
        return (self.ax * dy - self.ay * dx) / (ux * dy - uy * dx)

    def is_met(self, ux: float, uy: float) -> bool:
        """Whether a ray meets the piece itself."""
        left, right = ux * self.ay - uy * self.ax, ux * self.by - uy * self.bx
        return (left > 0.0) != (right > 0.0) and self.distance(ux, uy) > 0.0

    def meets_line(self, other: _Line) -> Iterator[tuple[float, float]]:
        dx, dy = self.bx - self.ax, self.by - self.ay
        ex, ey = other.bx - other.ax, other.by - other.ay
        den = dx * ey - dy * ex
        if den == 0.0:
            return
        gx, gy = other.ax - self.ax, other.ay - self.ay
        p, q = (gx * ey - gy * ex) / den, (gx * dy - gy * dx) / den
        if -_SLACK <= p <= 1.0 + _SLACK and -_SLACK <= q <= 1.0 + _SLACK:
            yield self.ax + p * dx, self.ay + p * dy

    def meets_circle(self, radius: float) -> Iterator[tuple[float, float]]:
        dx, dy = self.bx - self.ax, self.by - self.ay
        length2, half = dx * dx + dy * dy, self.ax * dx + self.ay * dy
        root2 = half * half - length2 * (self.ax * self.ax + self.ay * self.ay - radius * radius)
        if root2 > 0.0:
            for sign in (-1.0, 1.0):
                p = (-half + sign * math.sqrt(root2)) / length2
                yield self.ax + p * dx, self.ay + p * dy


_Curve = _Line | float  # a float is the radius of a circle around the camera
_Met = tuple[float, _Curve]  # a curve and the distance at which a ray meets it


def visible_area(camera: Camera, buildings: Sequence[Building], *, target_height_m: float = 1.5) -> float:
    """Area of the plane at target height that a camera sees.

    Parameters
    ----------
    camera : Camera
    buildings : sequence of Building
        They may touch, overlap and cross.
    target_height_m : float
        Height above ground of what is to be seen.

    Returns
    -------
    float
        Square metres, exact but for rounding.

    Examples
    --------
    >>> house = Building((((5, -5), (10, -5), (10, 5), (5, 5), (5, -5)),), height_m=9.0)
    >>> round(visible_area(Camera(0, 0, height_m=4.0, far_m=20.0), [house]), 2)
    967.48
    """
    lines = [_plane_line(plane, camera.far_m) for plane in camera.planes if plane[:2] != (0.0, 0.0)]
    for building in buildings:
        shadow = _shadow(camera.height_m, target_height_m, building.height_m)
        for wall in building.walls(camera.x, camera.y):
            lines.append(wall)
            lines += [wall.scaled(s) for s in shadow or () if s not in {1.0, math.inf}]
    area = 0.0
    for (ux, uy), (vx, vy) in pairwise(_directions(camera, lines)):
        mx, my = ux + vx, uy + vy
        norm = math.hypot(mx, my)
        turn = math.atan2(ux * vy - uy * vx, ux * vx + uy * vy)
        if turn < _NARROWEST_RAD:
            continue
        for near, far in _open_pieces(camera, buildings, mx / norm, my / norm, target_height_m):
            for curve, sign in ((far, 0.5), (near, -0.5)):
                if isinstance(curve, _Line):
                    area += sign * curve.distance(ux, uy) * curve.distance(vx, vy) * (ux * vy - uy * vx)
                else:
                    area += sign * curve * curve * turn
    return area


def visible(camera: Camera, buildings: Sequence[Building], x: float, y: float, *, target_height_m: float = 1.5) -> bool:
    """Whether a camera sees a target at one point, straight from the sight line to it.

    Parameters
    ----------
    camera : Camera
    buildings : sequence of Building
    x, y : float
        Where the target stands, metres.
    target_height_m : float
        How high it is.

    Examples
    --------
    >>> wall = Building((((5, -5), (6, -5), (6, 5), (5, 5), (5, -5)),), height_m=2.0)
    >>> camera = Camera(0, 0, height_m=4.0, far_m=20.0)
    >>> visible(camera, [wall], 7.0, 0.0), visible(camera, [wall], 8.0, 0.0)
    (False, True)
    """
    px, py = x - camera.x, y - camera.y
    if not _in_footprint(camera, px, py):
        return False
    for building in buildings:
        crossed_beyond = 0
        for wall in building.walls(camera.x, camera.y):
            if not wall.is_met(px, py):
                continue
            share = wall.distance(px, py)
            if share >= 1.0:
                crossed_beyond += 1
            elif building.height_m > camera.height_m + share * (target_height_m - camera.height_m):
                return False
        if crossed_beyond % 2 and building.height_m > target_height_m:
            return False
    return True


def _in_footprint(camera: Camera, px: float, py: float) -> bool:
    if camera.sector_rad is not None:
        begin, end = camera.sector_rad
        if (math.atan2(py, px) - begin) % math.tau > (end - begin) % math.tau:
            return False
    in_ring = camera.near_m <= math.hypot(px, py) <= camera.far_m
    return in_ring and all(a * px + b * py <= c for a, b, c in camera.planes)


def _shadow(height_m: float, target_m: float, wall_m: float) -> tuple[float, float] | None:
    """From and to which multiple of its distance a wall hides the target."""
    if height_m <= target_m:  # seen from below, a wall above the camera is taken to hide everything behind it
        return (1.0, math.inf) if wall_m > height_m else None
    if wall_m <= target_m:
        return None
    return 1.0, (height_m - target_m) / (height_m - wall_m) if height_m > wall_m else math.inf


def _plane_line(plane: tuple[float, float, float], far_m: float) -> _Line:
    """The border of a half plane, as long as anything the camera may see."""
    a, b, c = plane
    n = math.hypot(a, b)
    x, y, long = a * c / n**2, b * c / n**2, 4.0 * far_m / n
    return _Line(x + long * b, y - long * a, x - long * b, y + long * a)


def _directions(camera: Camera, lines: Sequence[_Line]) -> list[tuple[float, float]]:
    """Every direction in which something may change, in order, from the sector's first to its last."""
    points = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)]
    for line in lines:
        points += [(line.ax, line.ay), (line.bx, line.by), *line.meets_circle(camera.far_m)]
        points += line.meets_circle(camera.near_m)
    for one, other in combinations(lines, 2):
        points += one.meets_line(other)
    begin, end = camera.sector_rad or (0.0, math.tau)
    span = (end - begin) % math.tau or math.tau
    turned = {0.0: (math.cos(begin), math.sin(begin)), span: (math.cos(end), math.sin(end))}
    for x, y in points:
        norm, angle = math.hypot(x, y), (math.atan2(y, x) - begin) % math.tau
        if norm > 0.0 and 0.0 < angle < span:
            turned[angle] = (x / norm, y / norm)
    return [turned[angle] for angle in sorted(turned)]


def _footprint_ends(camera: Camera, ux: float, uy: float) -> tuple[_Met, _Met]:
    """Where a ray enters and leaves the footprint; it misses it if it leaves before it enters."""
    near: _Met = (camera.near_m, camera.near_m)
    far: _Met = (camera.far_m, camera.far_m)
    for a, b, c in camera.planes:
        rate = a * ux + b * uy
        if rate > 0.0 and c > 0.0:
            far = min(far, (c / rate, _plane_line((a, b, c), camera.far_m)), key=_distance)
        elif rate < 0.0 and c < 0.0:
            near = max(near, (c / rate, _plane_line((a, b, c), camera.far_m)), key=_distance)
        elif rate > 0.0 or c < 0.0:
            return far, (0.0, 0.0)
    return near, far


def _hidden_strips(
    building: Building, camera: Camera, ux: float, uy: float, target_m: float
) -> Iterator[tuple[_Met, _Met]]:
    """What a building hides along a ray: each wall's shadow, and the inside."""
    walls = [wall for wall in building.walls(camera.x, camera.y) if wall.is_met(ux, uy)]
    crossings: list[_Met] = sorted(((wall.distance(ux, uy), wall) for wall in walls), key=_distance)
    shadow = _shadow(camera.height_m, target_m, building.height_m)
    if shadow is not None:
        for wall in walls:
            begin, end = ((wall.distance(ux, uy) * s, wall.scaled(s) if s < math.inf else s) for s in shadow)
            yield begin, end
    if building.height_m > target_m:
        if len(crossings) % 2:  # the camera stands within the outline
            crossings.insert(0, (0.0, 0.0))
        yield from zip(crossings[::2], crossings[1::2], strict=True)


def _open_pieces(
    camera: Camera, buildings: Sequence[Building], ux: float, uy: float, target_m: float
) -> Iterator[tuple[_Curve, _Curve]]:
    """What is visible along one ray: pieces from a nearer curve to a farther one."""
    near, far = _footprint_ends(camera, ux, uy)
    strips = [strip for building in buildings for strip in _hidden_strips(building, camera, ux, uy, target_m)]
    for begin, end in [*sorted(strips, key=lambda strip: strip[0][0]), (far, far)]:
        if near[0] < min(begin[0], far[0]):
            yield near[1], min(begin, far, key=_distance)[1]
        near = max(near, end, key=_distance)


def _distance(met: _Met) -> float:
    return met[0]
