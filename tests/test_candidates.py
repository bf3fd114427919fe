"""Mounts stand where a camera can hang, poses look where the wall lets them, catalogues are checked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely
from scenes import EAST_M, NORTH_M, ROOT, cameras_frame, layer, make_site, obstacles_frame, streets_frame
from shapely import box

from sightgrid.coverage.candidates import MOUNT_KINDS, propose_mounts
from sightgrid.coverage.poses import pose_cameras, read_catalogue
from sightgrid.errors import InfeasibleError, SchemaError, UnitRangeError

HOUSE = box(EAST_M - 10.0, NORTH_M - 5.0, EAST_M + 10.0, NORTH_M + 5.0)
STUDY = box(EAST_M - 60.0, NORTH_M - 60.0, EAST_M + 60.0, NORTH_M + 60.0)


def site(obstacles=None, **layers):
    cameras = cameras_frame([(EAST_M + 30.0, NORTH_M + 30.0)])
    return make_site(cameras, STUDY, obstacles_frame([HOUSE]) if obstacles is None else obstacles, **layers)


def relative(mounts):
    return shapely.get_coordinates(mounts.geometry.to_numpy()) - (EAST_M, NORTH_M)


def test_corners_stand_before_the_corner_and_face_away():
    mounts = propose_mounts(site(), kinds=["corner"])
    xy = relative(mounts)
    assert len(mounts) == 4
    assert np.abs(xy) == pytest.approx(np.tile([10.0 + 0.3 / np.sqrt(2.0), 5.0 + 0.3 / np.sqrt(2.0)], (4, 1)))
    assert mounts["facing_deg"].to_numpy() == pytest.approx(np.degrees(np.arctan2(*np.sign(xy).T)) % 360.0)
    assert set(mounts["mount"]) == {"wall"}


def test_inward_corners_are_no_corners():
    shape = shapely.difference(HOUSE, box(EAST_M, NORTH_M, EAST_M + 20.0, NORTH_M + 20.0))
    mounts = propose_mounts(site(obstacles_frame([shape])), kinds=["corner"])
    assert len(mounts) == 5  # an L has five outward corners and one inward


def test_facades_are_spaced_and_face_outwards():
    mounts = propose_mounts(site(), kinds=["facade"], spacing_m=10.0)
    xy = relative(mounts)
    assert len(mounts) == 2 + 2 + 1 + 1
    north = xy[:, 1] > 5.0
    assert mounts["facing_deg"][north].to_numpy() == pytest.approx([0.0, 0.0], abs=1e-9)
    assert sorted(xy[north, 0]) == pytest.approx([-5.0, 5.0])
    assert xy[north, 1] == pytest.approx(5.3)


def test_poles_stand_beside_streets_and_crossings_where_three_meet():
    centre = (EAST_M + 20.0, NORTH_M - 30.0)
    ends = [(EAST_M - 20.0, NORTH_M - 30.0), (EAST_M + 50.0, NORTH_M - 30.0), (EAST_M + 20.0, NORTH_M - 55.0)]
    streets = streets_frame([(centre, end) for end in ends])
    streets.index = pd.MultiIndex.from_tuples([(0, 1, 0), (0, 2, 0), (0, 3, 0)], names=["u", "v", "key"])
    town = site(streets=streets)
    crossings = propose_mounts(town, kinds=["crossing"])
    assert relative(crossings) == pytest.approx(np.array([[20.0, -30.0]]))
    poles = propose_mounts(town, kinds=["pole"], spacing_m=20.0)
    assert shapely.distance(poles.geometry.to_numpy(), shapely.union_all(streets.geometry.to_numpy())) == pytest.approx(
        4.0
    )


def test_posts_that_are_known_carry_cameras_and_spare_new_poles():
    street = streets_frame([((EAST_M - 50.0, NORTH_M - 30.0), (EAST_M + 50.0, NORTH_M - 30.0))])
    spots = [(-30.0, -26.0), (-25.0, -26.0), (0.0, 0.0), (30.0, -34.0)]  # one next to another, one inside the house
    shapes = [shapely.Point(EAST_M + x, NORTH_M + y) for x, y in spots]
    posts = layer("posts", shapes, kind=["street_lamp", "pole", "pole", "pole"], height_m=[8.0, np.nan, 5.0, 3.0])
    town = site(streets=street, posts=posts)
    mounts = propose_mounts(town, kinds=["post"], spacing_m=20.0)
    assert relative(mounts).tolist() == [[-30.0, -26.0], [30.0, -34.0]]
    assert mounts["mount"].tolist() == ["street_lamp", "pole"]
    assert mounts["mount_height_m"].tolist() == [4.0, 3.0]  # no higher than the post
    assert mounts["facing_deg"].isna().all()
    both = propose_mounts(town, kinds=["pole", "post"], spacing_m=20.0)
    alone = propose_mounts(town, kinds=["pole"], spacing_m=20.0)
    poles = both[both["kind"] == "pole"].geometry
    assert 0 < len(poles) < len(alone)
    assert min(poles.distance(post).min() for post in shapes) > 10.0


def test_no_mount_stands_inside_a_building_a_closed_zone_or_outside():
    private = layer("zones", [box(EAST_M - 60.0, NORTH_M, EAST_M + 60.0, NORTH_M + 60.0)], rule="private")
    mounts = propose_mounts(site(zones=private), spacing_m=5.0)
    assert (relative(mounts)[:, 1] < 0.0).all()
    assert not shapely.intersects(mounts.geometry.to_numpy(), HOUSE).any()
    assert not (mounts["kind"] == "existing").any()


def test_every_mount_in_a_forbidden_zone_is_infeasible():
    everything = layer("zones", [STUDY], rule="forbidden")
    with pytest.raises(InfeasibleError, match="none of 5 mounts lies on open, public ground"):
        propose_mounts(site(zones=everything), kinds=["corner", "existing"])


def test_mounts_in_one_place_are_one_mount():
    twins = cameras_frame([(EAST_M + 30.0, NORTH_M + 30.0), (EAST_M + 30.5, NORTH_M + 30.0), (EAST_M + 40.0, NORTH_M)])
    assert len(propose_mounts(make_site(twins, STUDY), kinds=["existing"])) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spacing_m": 0.0}, "spacing_m: 0.0 must be at least 1"),
        ({"spacing_m": float("nan")}, "spacing_m: nan must be at least 1"),
        ({"kinds": ["roof"]}, f"kinds: roof; choose from {', '.join(MOUNT_KINDS)}"),
        ({"kinds": []}, "kinds: none given"),
    ],
)
def test_bad_options_say_what_is_wrong(options, message):
    with pytest.raises(UnitRangeError, match=message):
        propose_mounts(site(), **options)


def test_wall_mounts_do_not_look_into_their_wall():
    catalogue = read_catalogue(ROOT / "data" / "cameras.csv")
    poses = pose_cameras(propose_mounts(site(), kinds=["facade"], spacing_m=20.0), catalogue)
    fixed = poses[poses["kind"] == "fixed"]
    north = fixed[shapely.get_y(fixed.geometry.to_numpy()) > NORTH_M + 5.0]
    assert set(north["azimuth_deg"]) == {270.0, 315.0, 0.0, 45.0, 90.0}
    assert poses.index.is_unique
    panoramas = poses[poses["kind"] == "panorama"]
    assert panoramas["azimuth_deg"].isna().all()
    assert panoramas["mount_id"].is_unique


def test_a_catalogue_row_without_a_price_is_named(tmp_path):
    file = tmp_path / "cameras.csv"
    text = (ROOT / "data" / "cameras.csv").read_text(encoding="utf-8")
    file.write_text(text.replace(",2200", ",").replace("5.4,8.0", "5.4,"), encoding="utf-8")
    with pytest.raises(SchemaError) as caught:
        read_catalogue(file)
    assert "cameras.csv: catalogue: price: must be a number above 0 (1 row: bullet-4mp-4mm)" in str(caught.value)
    assert "focal_mm: must be given for a fixed camera (1 row: bullet-4mp-8mm)" in str(caught.value)
    file.write_text("model,kind\na,fixed\n", encoding="utf-8")
    with pytest.raises(SchemaError, match="price: missing column"):
        read_catalogue(file)


def test_no_mounts_or_no_cameras_leave_nothing_to_choose():
    mounts = propose_mounts(site(), kinds=["corner"])
    catalogue = read_catalogue(ROOT / "data" / "cameras.csv")
    for these, those in ((mounts.iloc[:0], catalogue), (mounts, catalogue.iloc[:0])):
        with pytest.raises(InfeasibleError, match="no pose to choose from"):
            pose_cameras(these, those)
    with pytest.raises(UnitRangeError, match="azimuths: 0 must be from 1 to 360"):
        pose_cameras(mounts, catalogue, azimuths=0)
