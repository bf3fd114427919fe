"""Seen areas a second, ours beside exact peers, on one set of cameras in one run and one thread.

    python -m benchmarks.visibility [--cameras 5000] [--peer-cameras 300]

Cameras stand beside buildings of Geneva (../shared/data) or of the bundled site and look all round and 90 degrees,
100 m far, in plan. Each peer gets the buildings within range of each camera, found beforehand and not timed; ours
finds them itself, from the index of the whole city. All areas are compared with ours. Peers that are not installed are
left out. The last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely

import sightgrid as sg
from sightgrid.coverage.edges import build_index
from sightgrid.coverage.kernel import Views, look

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

GENEVA = Path(__file__).parents[2] / "shared" / "data" / "geneva" / "geneva.osm.pbf"
RANGE_M = 100.0
ROUNDS = 3
ARC_STEP_RAD = 0.005


def place_cameras(polygons: NDArray[np.object_], n: int) -> NDArray[np.float64]:
    """Points outside all buildings and within 30 m of one."""
    tree = shapely.STRtree(polygons)
    bounds = shapely.total_bounds(polygons)
    rng = np.random.default_rng(0)
    found = np.empty((0, 2))
    while len(found) < n:
        at = rng.uniform(bounds[:2], bounds[2:], (4 * n, 2))
        points = shapely.points(at)
        near = np.unique(tree.query(points, predicate="dwithin", distance=30.0)[0])
        taken = tree.query(points, predicate="dwithin", distance=0.3)[0]
        found = np.vstack([found, at[np.setdiff1d(near, taken)]])
    return found[:n]


def look_around(xy: NDArray[np.float64], fov_deg: float) -> Views:
    """Views of one range; narrow ones look north-east."""
    n = len(xy)
    begin, end = math.radians(45.0 - fov_deg / 2.0), math.radians(45.0 + fov_deg / 2.0)
    first, last = (np.tile([math.cos(a), math.sin(a)], (n, 1)) for a in (begin, end))
    if fov_deg == 360.0:
        last = first
    zeros = np.zeros(n)
    return Views(
        xy,
        zeros + 4.0,
        first,
        last,
        zeros,
        zeros + RANGE_M,
        np.zeros((n, 5, 3)),
        np.full(n, -1),
        np.zeros(n, np.int64),
    )


def sector(fov_deg: float) -> shapely.Polygon:
    """The range around the origin as a fine polygon, a little wider than its arcs so that it loses no area."""
    steps = math.ceil(math.radians(fov_deg) / ARC_STEP_RAD)
    a = np.radians(45.0 + np.linspace(-fov_deg / 2.0, fov_deg / 2.0, steps + 1))
    step = math.radians(fov_deg) / steps
    radius = RANGE_M * math.sqrt(step / math.sin(step))
    ring = np.column_stack([np.cos(a), np.sin(a)]) * radius
    return shapely.Polygon(ring[:-1] if fov_deg == 360.0 else np.vstack([ring, [0.0, 0.0]]))


def peer_pysovist(fov_deg: float) -> Callable[[NDArray[np.object_]], float]:
    """Exact isovist from wall segments."""
    import pysovist

    def area(buildings: NDArray[np.object_]) -> float:
        points, ring = shapely.get_coordinates(shapely.get_rings(buildings), return_index=True)
        same = ring[1:] == ring[:-1]
        walls = np.stack([points[:-1][same], points[1:][same]], axis=1)
        view = pysovist.isovist(
            walls, (0.0, 0.0), max_distance=RANGE_M, fov=math.radians(fov_deg), direction=math.radians(45.0)
        )
        return float(view.area)

    return area


def peer_pyvispoly(fov_deg: float) -> Callable[[NDArray[np.object_]], float]:
    """CGAL's triangular expansion in the range polygon minus the buildings."""
    import pyvispoly as pv

    whole = sector(fov_deg)

    def polygon(ring: shapely.LinearRing, *, anticlockwise: bool) -> pv.Polygon:
        points = shapely.get_coordinates(ring)[:-1]
        if shapely.is_ccw(ring) != anticlockwise:
            points = points[::-1]
        return pv.Polygon([pv.Point(x, y) for x, y in points])

    def area(buildings: NDArray[np.object_]) -> float:
        free = shapely.difference(whole, shapely.union_all(buildings))
        home = next(part for part in shapely.get_parts(free) if part.distance(shapely.Point(0.0, 0.0)) < 1e-9)
        scene = pv.PolygonWithHoles(
            polygon(home.exterior, anticlockwise=True), [polygon(h, anticlockwise=False) for h in home.interiors]
        )
        seen = pv.VisibilityPolygonCalculator(scene).compute_visibility_polygon(pv.Point(0.0, 0.0))
        return float(seen.area())

    return area


def peer_shapely(fov_deg: float) -> Callable[[NDArray[np.object_]], float]:
    """The range polygon minus the shadow of every wall."""
    whole = sector(fov_deg)

    def area(buildings: NDArray[np.object_]) -> float:
        points, ring = shapely.get_coordinates(shapely.get_rings(buildings), return_index=True)
        same = ring[1:] == ring[:-1]
        a, b = points[:-1][same], points[1:][same]
        unit_a, unit_b = (p / np.hypot(*p.T)[:, None] for p in (a, b))
        middle = unit_a + unit_b  # a third far corner: the shadow of a close wall is wide
        middle /= np.maximum(np.hypot(*middle.T), 1e-12)[:, None]
        outer = [8.0 * RANGE_M * unit for unit in (unit_b, middle, unit_a)]
        shadows = shapely.polygons(np.stack([a, b, *outer], axis=1))
        shadows = shadows[shapely.area(shadows) > 0.0]
        return float(shapely.difference(whole, shapely.union_all(shadows)).area)

    return area


PEERS = {"pysovist": peer_pysovist, "pyvispoly": peer_pyvispoly, "shapely": peer_shapely}


def time_ours(views: Views, index: object, *, outline: bool) -> tuple[float, NDArray[np.float64]]:
    """Views a second, the median of some rounds, and the exact areas."""
    look(views.take(slice(0, 8)), index, 1.5, False, outline)
    seconds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        areas = look(views, index, 1.5, False, outline)[0]
        seconds.append(time.perf_counter() - begin)
    return len(areas) / float(np.median(seconds)), areas


def time_peer(
    area: Callable[[NDArray[np.object_]], float], scenes: list[NDArray[np.object_]]
) -> tuple[float, list[float]]:
    """Views a second and the areas."""
    area(scenes[0])
    begin = time.perf_counter()
    areas = [area(scene) for scene in scenes]
    return len(scenes) / (time.perf_counter() - begin), areas


def compare(
    xy: NDArray[np.float64], polygons: NDArray[np.object_], index: object, fov_deg: float, n: int
) -> dict[str, object]:
    """Time ours and every peer at one field of view."""
    views = look_around(xy, fov_deg)
    outlines, areas = time_ours(views, index, outline=True)
    plain, _ = time_ours(views, index, outline=False)
    tree = shapely.STRtree(polygons)
    scenes = []
    for x, y in xy[:n]:
        near = tree.query(shapely.Point(x, y), predicate="dwithin", distance=RANGE_M)
        scenes.append(shapely.transform(polygons[near], lambda at, x=x, y=y: at - (x, y)))
    peers = {}
    for name, make in PEERS.items():
        try:
            speed, theirs = time_peer(make(fov_deg), scenes)
        except ImportError:
            print(f"{name}: not installed, left out")
            continue
        worst = float(np.max(np.abs(np.array(theirs) / areas[:n] - 1.0)))
        peers[name] = round(speed, 1)
        print(f"{fov_deg:g} deg {name}: {speed:,.0f}/s, areas differ by {worst:.1e} at most", flush=True)
    print(f"{fov_deg:g} deg ours: {plain:,.0f}/s areas, {outlines:,.0f}/s areas and outlines", flush=True)
    return {"areas": round(plain), "outlines": round(outlines), "peers": peers}


def main() -> None:
    """Compare at 360 and 90 degrees."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=5000)
    parser.add_argument("--peer-cameras", type=int, default=300)
    options = parser.parse_args()
    site = sg.open_site(GENEVA if GENEVA.is_file() else "helsinki")
    obstacles = site.obstacles[site.obstacles["kind"] != "roof"]
    polygons, index = obstacles.geometry.to_numpy(), build_index(obstacles)
    xy = place_cameras(polygons, options.cameras)
    found = {str(fov): compare(xy, polygons, index, float(fov), options.peer_cameras) for fov in (360, 90)}
    ratios = {fov: one["areas"] / max(one["peers"].values()) for fov, one in found.items()}
    result = {
        "site": site.name,
        "buildings": len(polygons),
        "cameras_per_s": {fov: one["areas"] for fov, one in found.items()},
        "outlines_per_s": {fov: one["outlines"] for fov, one in found.items()},
        "peers": {fov: one["peers"] for fov, one in found.items()},
        "ratios": {fov: round(ratio, 1) for fov, ratio in ratios.items()},
        "ratio": round(min(ratios.values()), 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
