"""A camera that is down sees nothing, a blurred one less far; what was lost is told by camera."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely
from scenes import EAST_M, NORTH_M, cameras_frame, make_site, obstacles_frame
from shapely import box

from sightgrid import open_site
from sightgrid.coverage import blind_spots, criticality, find_losses, measure
from sightgrid.coverage.faults import apply_health
from sightgrid.errors import InputError, UnitRangeError

STUDY = box(EAST_M - 100.0, NORTH_M - 100.0, EAST_M + 100.0, NORTH_M + 100.0)
WALL = box(EAST_M - 1.0, NORTH_M - 100.0, EAST_M + 1.0, NORTH_M + 100.0)


def two_yards():
    """A camera in each of two yards, and a second one in the east that sees little."""
    spots = [(EAST_M - 50.0, NORTH_M), (EAST_M + 50.0, NORTH_M), (EAST_M + 50.0, NORTH_M + 1.0)]
    cameras = cameras_frame(spots, max_range_m=[40.0, 40.0, 10.0])
    return make_site(cameras, STUDY, obstacles_frame([WALL]))


def report(**consequences):
    """A health frame: camera -> (consequence, condition)."""
    table = pd.DataFrame(consequences.values(), index=list(consequences), columns=["consequence", "condition"])
    return table.rename_axis("camera_id")


def test_a_camera_that_is_down_opens_a_blind_spot_of_what_it_alone_saw():
    site = two_yards()
    sound = measure(site)
    seen = measure(site, health=report(c1=("nothing", "offline")))
    assert seen.seen["measured"].tolist() == [True, False, True]
    assert seen.seen.loc["c1", "reason"] == "offline"
    alone_m2 = criticality(site, sound).loc["c1", "unique_m2"]
    assert sound.totals["covered_m2"] - seen.totals["covered_m2"] == pytest.approx(alone_m2)
    spots = blind_spots(seen.site, seen)
    losses = find_losses(seen, spots)
    assert losses.index.tolist() == ["c1"]
    assert losses["fault"].tolist() == ["offline"]
    assert losses.loc["c1", "lost_m2"] == pytest.approx(alone_m2, rel=0.01)
    opened = spots.loc[losses.loc["c1", "blind_spots"].split(", ")]
    assert shapely.covers(shapely.union_all(opened.geometry.to_numpy()).buffer(0.01), losses.geometry.iloc[0])
    assert not (blind_spots(site, sound)["cause"] == "camera down").any()


def test_a_blind_spot_of_a_dead_camera_names_its_cause():
    cameras = cameras_frame([(EAST_M - 50.0, NORTH_M)], max_range_m=200.0, width_px=40_000.0)
    site = make_site(cameras, STUDY, obstacles_frame([WALL]))
    seen = measure(site, health=report(c0=("nothing", "black")))
    assert seen.totals["coverage_rate"] == 0.0
    spots = blind_spots(seen.site, seen)
    west = spots.geometry.centroid.x < EAST_M
    assert set(spots["cause"][west]) == {"camera down"}
    assert set(spots["cause"][~west]) == {"no camera"}


def test_a_moved_camera_is_void_and_a_blurred_one_sees_less_far():
    site = two_yards()
    site = site.with_cameras(site.cameras.assign(max_range_m=np.nan, width_px=640.0))
    sound = measure(site)
    moved = measure(site, health=report(c0=("void", "moved")))
    assert moved.seen.loc["c0", "area_m2"] == 0.0
    blurred = measure(site, health=report(c0=("shorter", "blur")))
    assert 0.0 < blurred.seen.loc["c0", "area_m2"] < sound.seen.loc["c0", "area_m2"]
    assert blurred.seen.loc["c0", "range_m"] < sound.seen.loc["c0", "range_m"]
    assert blurred.totals["coverage_rate"] < sound.totals["coverage_rate"]
    losses = find_losses(blurred, blind_spots(blurred.site, blurred))
    assert losses["fault"].tolist() == ["sees less far"]
    lost_m2 = sound.totals["covered_m2"] - blurred.totals["covered_m2"]
    assert losses["lost_m2"].sum() == pytest.approx(lost_m2, rel=0.02)


def test_losses_are_ranked_and_the_latest_probe_counts():
    site = two_yards()
    times = pd.to_datetime(["2026-11-21T08:00Z", "2026-11-21T09:00Z"])
    index = pd.MultiIndex.from_product([["c0", "c1", "c2"], times], names=["camera_id", "checked_at"])
    told = ["nothing", "none", "none", "nothing", "none", "nothing"]
    health = pd.DataFrame({"consequence": told, "condition": "offline"}, index=index).iloc[::-1]
    seen = measure(site, health=health)
    assert seen.seen["measured"].tolist() == [True, False, False]
    losses = find_losses(seen, blind_spots(seen.site, seen))
    assert losses.index.tolist() == ["c1", "c2"]
    assert losses["lost_m2"].is_monotonic_decreasing


def test_a_repaired_camera_sees_again():
    site = two_yards()
    seen = measure(site, health=report(c0=("nothing", "offline")))
    again = seen.replace(site.cameras.loc[["c0"]])
    assert again.totals["covered_m2"] == pytest.approx(measure(site).totals["covered_m2"])


def test_healthy_cameras_change_nothing():
    site = two_yards()
    seen = measure(site, health=report(c0=("none", ""), c1=("none", "low_fps"), elsewhere=("nothing", "offline")))
    assert str(seen.totals) == str(measure(site).totals)  # NaN is not equal to itself
    assert find_losses(seen, blind_spots(seen.site, seen)).empty
    assert find_losses(measure(site), blind_spots(site, measure(site))).empty


def test_bad_health_says_what_is_wrong():
    cameras = two_yards().cameras
    with pytest.raises(InputError, match="health: consequence: missing column"):
        apply_health(cameras, pd.DataFrame(index=["c0"]))
    with pytest.raises(InputError, match=r"must be one of none, shorter, void, nothing \(1 rows: c0\)"):
        apply_health(cameras, report(c0=("gone", "")))
    with pytest.raises(InputError, match="none of 1 cameras is a camera of the site"):
        apply_health(cameras, report(x=("nothing", "")))
    with pytest.raises(UnitRangeError, match=r"shorter_share: 0\.0 must be above 0"):
        apply_health(cameras, report(c0=("shorter", "")), shorter_share=0.0)


def test_killing_the_busiest_camera_of_helsinki_lowers_the_rate():
    site = open_site("helsinki")
    sound = measure(site)
    alone = criticality(site, sound)
    busiest = alone.index[0]
    seen = measure(site, health=report(**{busiest: ("nothing", "offline")}))
    lost_m2 = sound.totals["covered_m2"] - seen.totals["covered_m2"]
    assert lost_m2 == pytest.approx(alone.loc[busiest, "unique_m2"])
    losses = find_losses(seen, blind_spots(seen.site, seen, min_area_m2=0.0))
    assert losses.loc[busiest, "lost_m2"] == pytest.approx(lost_m2, rel=0.02)
