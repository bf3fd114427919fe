"""An independent program's isovists, and validity, on a real city."""

from __future__ import annotations

import math

import numpy as np
import pysovist
import pytest
import shapely
from scenes import beside_streets, mixed_cameras, see, views_of

from sightgrid.coverage import view_areas, visibility
from sightgrid.coverage.scene import Scene

RANGE_M, VIEWS, EXACT = 100.0, 1000, 1e-9


@pytest.fixture(scope="module")
def scene(geneva):
    return Scene(geneva.obstacles)


@pytest.fixture(scope="module")
def viewpoints(geneva, scene):
    """The real cameras that stand outdoors, where the program puts them, and generated ones beside streets."""
    plan = visibility.plan_views(geneva.cameras, scene, geneva.streets, heights=False, indoor_depth_m=3.0)
    outdoors = (plan.reason == "") & (plan.standpoints.host < 0)
    real = plan.standpoints.xy[outdoors]
    assert len(real) > 200
    return np.vstack([real, beside_streets(geneva, VIEWS - len(real), seed=3)])


@pytest.fixture(scope="module")
def walls(geneva):
    """Every wall as it was mapped: crossings and doubles are left as they are."""
    polygons = geneva.obstacles.geometry[geneva.obstacles["kind"] != "roof"].to_numpy()
    points, ring = shapely.get_coordinates(shapely.get_rings(polygons), return_index=True)
    same = ring[1:] == ring[:-1]
    return np.stack([points[:-1][same], points[1:][same]], axis=1)


@pytest.mark.parametrize(("fov_deg", "begin_deg"), [(360.0, 0.0), (90.0, -15.0)])
def test_areas_equal_those_of_pysovist(geneva, viewpoints, walls, fov_deg, begin_deg):
    views = views_of(viewpoints, far_m=RANGE_M, fov_deg=fov_deg, begin_deg=begin_deg)
    ours, _ = see(views, geneva.obstacles, heights=False)
    tree = shapely.STRtree(shapely.linestrings(walls))
    theirs = np.empty(len(viewpoints))
    for n, point in enumerate(viewpoints):
        near = tree.query(shapely.Point(point), predicate="dwithin", distance=RANGE_M + 1.0)
        isovist = pysovist.isovist(
            walls[near] - point,
            (0.0, 0.0),
            max_distance=RANGE_M,
            fov=math.radians(fov_deg),
            direction=math.radians(begin_deg + fov_deg / 2.0),
        )
        theirs[n] = isovist.area
    assert len(theirs) == VIEWS
    assert ours == pytest.approx(theirs, rel=EXACT)


def test_ten_thousand_views_of_every_kind_are_valid(geneva, scene):
    cameras = mixed_cameras(beside_streets(geneva, 10_000, seed=5), geneva.crs, seed=5)
    seen = view_areas(cameras, scene, streets=geneva.streets)
    shapes = seen.geometry.to_numpy()
    assert shapely.is_valid(shapes).all()
    assert set(seen.geom_type) <= {"Polygon", "MultiPolygon"}
    assert seen["measured"].mean() > 0.9
    drawn, exact = shapely.area(shapes), seen["area_m2"].to_numpy()
    # 0.01 square metres: corners closer than a micrometre are one point of the outline
    assert (np.abs(drawn - exact) <= 1e-4 * exact + 0.01).all()
    assert shapely.is_empty(shapes[~seen["measured"]]).all()
