"""Our footprint and density model against the generator of a public camera placement benchmark, point for point."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import shapely
from scenes import EAST_M, NORTH_M, SHARED, cameras_frame, obstacles_frame

from sightgrid.coverage import optics, view_areas
from sightgrid.coverage.footprints import draw_footprints

STEP_M, PLANES_M, MOUNT_M, EDGE = 0.5, (0.0, 0.5, 1.0, 1.5, 2.0), 2.5, 1e-9
PANS, TILTS = range(8), (0.0, 45.0, 90.0)


@pytest.fixture(scope="module")
def gecco():
    path = SHARED / "prototypes" / "gecco_ocp.py"
    if not path.is_file():
        pytest.skip("the benchmark's generator is not on this machine")
    spec = importlib.util.spec_from_file_location("gecco_ocp", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def poses():
    """All pans and tilts in the generator's order; its pans turn anticlockwise from the x axis."""
    pan, tilt = (grid.ravel() for grid in np.meshgrid([45.0 * k for k in PANS], TILTS, indexing="ij"))
    return cameras_frame(
        [(EAST_M, NORTH_M)] * len(pan),
        kind="fixed",
        azimuth_deg=(90.0 - pan) % 360.0,
        tilt_deg=tilt,
        hfov_deg=65.0,
        width_px=1920.0,
        height_px=1080.0,
        mount_height_m=MOUNT_M,
    )


def our_offsets(reach, density_px_m):
    """For each pose, the grid offsets (dx, dy, plane) inside our footprint."""
    frame = optics.complete(poses())
    steps = np.arange(-reach, reach + 1)
    dx, dy = (grid.ravel() for grid in np.meshgrid(steps, steps, indexing="ij"))
    points = np.column_stack([dx, dy]) * STEP_M
    found = [set() for _ in range(len(frame))]
    for plane, target_m in enumerate(PLANES_M):
        footprints = draw_footprints(
            frame,
            optics.aimed_rows(frame),
            frame["azimuth_deg"].to_numpy(),
            target_height_m=target_m,
            density_px_m=density_px_m,
        )
        for pose in range(len(frame)):
            room = footprints.planes[pose, :, 2] - points @ footprints.planes[pose, :, :2].T
            inside = (room >= -EDGE).all(axis=1) & (np.hypot(*points.T) <= footprints.far_m[pose] + EDGE)
            found[pose] |= {(int(x), int(y), plane) for x, y in zip(dx[inside], dy[inside], strict=True)}
    return found


@pytest.mark.parametrize(("instance", "density_px_m"), [(1, 100.0), (10, 500.0)])
def test_every_pose_covers_the_same_sample_points(gecco, instance, density_px_m):
    assert gecco.density(instance) == density_px_m
    side = gecco.SIDES[instance]
    range_m = float(optics.focal_px(1920, 65.0)) / density_px_m
    theirs = [set(map(tuple, offsets.tolist())) for offsets in gecco.offsets(range_m, side)]
    ours = our_offsets(round(side / STEP_M), density_px_m)
    assert [len(offsets) for offsets in ours] == [len(offsets) for offsets in theirs]
    assert ours == theirs
    per_side = round(side / STEP_M) + 1
    arcs = sum(max(0, per_side - abs(x)) * max(0, per_side - abs(y)) for pose in ours for x, y, _ in pose)
    assert (per_side**2 * 5, per_side**2 * 24, arcs) == gecco.narcs(instance)


@pytest.mark.parametrize(("instance", "density_px_m"), [(1, 100.0), (10, 500.0)])
def test_seen_polygons_hold_the_same_sample_points(gecco, instance, density_px_m):
    side = gecco.SIDES[instance]
    offsets = gecco.offsets(float(optics.focal_px(1920, 65.0)) / density_px_m, side)
    reach = round(side / STEP_M)
    steps = np.arange(-reach, reach + 1)
    dx, dy = (grid.ravel() for grid in np.meshgrid(steps, steps, indexing="ij"))
    points = shapely.points(EAST_M + dx * STEP_M, NORTH_M + dy * STEP_M)
    compared = 0
    for plane, target_m in enumerate(PLANES_M):
        seen = view_areas(poses(), obstacles_frame([]), target_height_m=target_m, density_px_m=density_px_m)
        for shape, covered in zip(seen.geometry, offsets, strict=True):
            theirs = {(int(x), int(y)) for x, y, z in covered if z == plane}
            clear = np.ones(len(points), bool) if shape.is_empty else shapely.distance(shape.boundary, points) > 1e-5
            inside = shapely.contains(shape, points)
            assert {(int(x), int(y)) for x, y in zip(dx[clear & inside], dy[clear & inside], strict=True)} <= theirs
            assert not theirs & {
                (int(x), int(y)) for x, y in zip(dx[clear & ~inside], dy[clear & ~inside], strict=True)
            }
            compared += int(clear.sum())
    assert compared > 0.9 * len(points) * 24 * 5
