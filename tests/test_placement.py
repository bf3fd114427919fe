"""The plan is what the models say: the best poses on tiny scenes, promises the independent engine keeps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scenes import EAST_M, NORTH_M, ROOT, cameras_frame, layer, make_site, obstacles_frame
from shapely import Point, box

from sightgrid import open_site
from sightgrid.coverage import measure
from sightgrid.coverage.candidates import propose_mounts
from sightgrid.coverage.covering import Rounds, Seconds
from sightgrid.coverage.demand import sample_demand
from sightgrid.coverage.placement import place
from sightgrid.coverage.poses import read_catalogue
from sightgrid.errors import InfeasibleError, InputError, UnitRangeError

STUDY = box(EAST_M - 60.0, NORTH_M - 60.0, EAST_M + 60.0, NORTH_M + 60.0)
WALL = box(EAST_M - 1.0, NORTH_M - 60.0, EAST_M + 1.0, NORTH_M + 60.0)
QUICK = Rounds(200)


@pytest.fixture(scope="module")
def catalogue():
    return read_catalogue(ROOT / "data" / "cameras.csv").query("model in ['bullet-4mp-4mm', 'panorama-12mp']")


def two_yards(**layers):
    """Two yards of 59 x 120 m with a wall between them; one camera stands in the east, but sees 5 m only."""
    cameras = cameras_frame([(EAST_M + 30.0, NORTH_M)], max_range_m=5.0)
    return make_site(cameras, STUDY, obstacles_frame([WALL]), **layers)


def mounts_at(site, points):
    mounts = propose_mounts(site, kinds=["existing"]).iloc[[0] * len(points)]
    mounts = mounts.set_geometry([Point(EAST_M + x, NORTH_M + y) for x, y in points])
    mounts.index = pd.Index([f"m{n}" for n in range(len(points))], name="mount_id")
    return mounts


def test_one_camera_goes_where_it_sees_most(catalogue):
    site = two_yards()
    mounts = mounts_at(site, [(-55.0, -55.0), (-30.0, 0.0), (55.0, 55.0)])
    plan = place(site, budget=1, mounts=mounts, catalogue=catalogue, stop=Seconds(60.0))
    assert plan.chosen["mount_id"].tolist() == ["m1"]
    assert plan.solution.status == "optimal"
    assert plan.after_rate > plan.before_rate + 0.3


def test_each_yard_gets_one_and_a_mount_carries_one_camera_only(catalogue):
    site = two_yards()
    mounts = mounts_at(site, [(-30.0, 0.0), (30.0, 1.0)])
    plan = place(site, budget=5, mounts=mounts, catalogue=catalogue, stop=QUICK)
    assert sorted(plan.chosen["mount_id"]) == ["m0", "m1"]
    assert (np.diff(plan.chosen["gain"]) <= 1e-9).all()
    assert plan.chosen["rank"].tolist() == [1, 2]


def test_money_buys_no_more_than_it_can(catalogue):
    site = two_yards()
    mounts = mounts_at(site, [(-30.0, 0.0), (30.0, 1.0), (30.0, 40.0)])
    plan = place(site, money=5000.0, mounts=mounts, catalogue=catalogue, stop=QUICK)
    assert plan.chosen["price"].sum() <= 5000.0
    assert set(plan.chosen["model"]) == {"bullet-4mp-4mm"}
    assert len(plan.chosen) == 2


def test_a_goal_is_reached_at_the_least_price(catalogue):
    site = two_yards()
    mounts = mounts_at(site, [(-30.0, 0.0), (-30.0, 30.0), (30.0, 0.5), (30.0, 30.0)])
    plan = place(site, cover=0.5, mounts=mounts, catalogue=catalogue, stop=QUICK)
    assert plan.solution.share >= 0.5
    assert plan.solution.bound <= plan.chosen["price"].sum()
    views = plan.demand["seen_after"].to_numpy()
    assert plan.demand["weight"][views > 0].sum() / plan.demand["weight"].sum() >= 0.5


def test_a_place_that_must_be_seen_is_seen(catalogue):
    places = layer("places", [Point(EAST_M + 50.0, NORTH_M + 50.0)], category="school", priority=1)
    site = two_yards(places=places)
    mounts = mounts_at(site, [(-30.0, 0.0), (30.0, 30.0)])
    demand = sample_demand(site, place_weight=1.0)
    freely = place(site, budget=1, mounts=mounts, catalogue=catalogue, demand=demand, stop=QUICK)
    bound = place(site, budget=1, mounts=mounts, catalogue=catalogue, demand=demand, must_see=["p0"], stop=QUICK)
    assert bound.chosen["mount_id"].tolist() == ["m1"]
    around = bound.demand["place_id"] == "p0"
    assert (bound.demand["seen_after"][around] >= 1).all()
    assert bound.solution.objective <= freely.solution.objective


def test_a_place_that_no_pose_sees_is_named(catalogue):
    places = layer("places", [Point(EAST_M + 50.0, NORTH_M + 50.0)], category="school", priority=1)
    site = two_yards(places=places)
    mounts = mounts_at(site, [(-30.0, 0.0)])
    with pytest.raises(InfeasibleError, match=r"places that must be seen cannot be seen everywhere.*p0 \(\d+ points\)"):
        place(site, budget=1, mounts=mounts, catalogue=catalogue, must_see=["p0"], stop=QUICK)
    with pytest.raises(InputError, match="must_see: nowhere: no place of scene has this id"):
        place(site, budget=1, mounts=mounts, catalogue=catalogue, must_see=["nowhere"], stop=QUICK)


def test_an_unreachable_goal_tells_what_can_be_reached(catalogue):
    site = two_yards()
    mounts = mounts_at(site, [(-30.0, 0.0)])
    with pytest.raises(InfeasibleError, match=r"at most \d+\.\d% of the demand can be seen; \d+ points stay unseen"):
        place(site, cover=0.99, mounts=mounts, catalogue=catalogue, stop=QUICK)


def test_poses_that_look_into_private_ground_are_dropped_and_counted(catalogue):
    garden = layer("zones", [box(EAST_M - 60.0, NORTH_M + 20.0, EAST_M - 1.0, NORTH_M + 60.0)], rule="private")
    site = two_yards(zones=garden)
    mounts = mounts_at(site, [(-30.0, 0.0)])
    plan = place(site, budget=1, mounts=mounts, catalogue=catalogue, stop=QUICK)
    assert plan.dropped["look into closed zones"] > 0
    looks = plan.chosen.iloc[0]
    assert looks["model"] != "panorama-12mp"
    assert 90.0 <= looks["azimuth_deg"] <= 270.0
    fixed = catalogue.query("kind == 'panorama'")
    with pytest.raises(InfeasibleError, match="none of 1 poses can be used: 1 look into closed zones"):
        place(site, budget=1, mounts=mounts, catalogue=fixed, stop=QUICK)


def test_required_density_counts_near_ground_only(catalogue):
    site = two_yards()
    mounts = mounts_at(site, [(-30.0, 0.0)])
    options = {"mounts": mounts, "catalogue": catalogue, "demand": sample_demand(site, spacing_m=1.0), "stop": QUICK}
    far = place(site, budget=1, **options)
    near = place(site, budget=1, required_density_px_m=125.0, **options)
    assert near.after_rate < far.after_rate
    confirmed = measure(near.planned_site, density_px_m=125.0).totals["coverage_rate"]
    assert near.after_rate == pytest.approx(confirmed, abs=0.005)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "budget, money, cover: give a budget"),
        ({"budget": 2, "cover": 0.5}, "budget, money, cover: give a budget"),
        ({"budget": 0}, "budget: must be a whole number of at least 1, got 0"),
        ({"budget": -3}, "budget: must be a whole number of at least 1, got -3"),
        ({"money": 0.0}, "budget: must be a finite number above 0, got 0"),
        ({"cover": 1.5}, "share: "),
        ({"budget": 1, "required_density_px_m": 0.0}, "required_density_px_m: 0.0 must be above 0"),
        ({"budget": 1, "backup": 2.0}, "backup: must be from 0 to 1"),
    ],
)
def test_bad_options_say_what_is_wrong(options, message, catalogue):
    site = two_yards()
    with pytest.raises(UnitRangeError, match=message):
        place(site, mounts=mounts_at(site, [(-30.0, 0.0)]), catalogue=catalogue, stop=QUICK, **options)


def test_phases_split_the_price_and_keep_the_order(catalogue):
    site = two_yards()
    mounts = mounts_at(site, [(-30.0, 0.0), (30.0, 1.0), (30.0, 40.0), (-30.0, 45.0)])
    plan = place(site, budget=4, mounts=mounts, catalogue=catalogue, stop=QUICK)
    phases = plan.phases(2)
    assert phases["cameras"].sum() == len(plan.chosen)
    assert phases["cumulative_price"].iloc[-1] == pytest.approx(plan.chosen["price"].sum())
    assert phases["cumulative_share"].is_monotonic_increasing
    with pytest.raises(UnitRangeError, match="phases: 0 must be from 1 to"):
        plan.phases(0)


def test_helsinki_gets_what_the_plan_promises():
    site = open_site("helsinki")
    mounts = propose_mounts(site, spacing_m=60.0, kinds=["corner", "crossing"])
    catalogue = read_catalogue(ROOT / "data" / "cameras.csv").iloc[[1, 4]]
    plan = place(site, budget=8, mounts=mounts, catalogue=catalogue, stop=Rounds(300))
    before, after = measure(site), measure(plan.planned_site)
    assert plan.before_rate == pytest.approx(before.totals["coverage_rate"], abs=0.005)
    assert plan.after_rate == pytest.approx(after.totals["coverage_rate"], abs=0.005)
    assert after.totals["coverage_rate"] > before.totals["coverage_rate"] + 0.1
    assert plan.solution.bound >= plan.solution.objective
    assert len(plan.planned_site.cameras) == len(site.cameras) + 8


def test_a_plan_can_be_carried_out_and_planned_on(catalogue):
    mounts = mounts_at(two_yards(), [(-30.0, 0.0), (30.0, 1.0)])
    first = place(two_yards(), budget=1, mounts=mounts, catalogue=catalogue, stop=QUICK)
    again = place(first.planned_site, budget=1, mounts=mounts, catalogue=catalogue, stop=QUICK)
    assert again.before_rate == pytest.approx(first.after_rate)
    assert again.planned_site.cameras.index.is_unique
    assert len(again.planned_site.cameras) == 3


def test_columns_beside_the_contract_stay_with_the_cameras_that_had_them(catalogue):
    site = two_yards()
    site = site.with_cameras(site.cameras.assign(inventory=7))
    mounts = mounts_at(site, [(-30.0, 0.0)])
    planned = place(site, budget=1, mounts=mounts, catalogue=catalogue, stop=QUICK).planned_site.cameras
    assert planned["inventory"].dropna().tolist() == [7] * len(site.cameras)
    assert planned["inventory"].isna().sum() == 1


def test_one_dear_camera_does_not_leave_a_phase_out(catalogue):
    mounts = mounts_at(two_yards(), [(-30.0, 0.0), (30.0, 1.0)])
    plan = place(two_yards(), budget=2, mounts=mounts, catalogue=catalogue, stop=QUICK)
    plan.chosen["price"] = [9000.0, 1000.0]
    plan.chosen["cumulative_price"] = [9000.0, 10000.0]
    assert plan.phases(2).index.tolist() == [1, 2]
    assert plan.phases(2)["cameras"].tolist() == [1, 1]


def test_a_site_without_cameras_can_be_planned(catalogue):
    site = two_yards()
    mounts = mounts_at(site, [(-30.0, 0.0)])
    empty = site.with_cameras(site.cameras.iloc[:0])
    plan = place(
        empty, budget=1, mounts=mounts, catalogue=catalogue, demand=sample_demand(empty, spacing_m=8), stop=QUICK
    )
    assert plan.before_rate == 0.0
    assert plan.after_rate > 0.3


def turned_away(**columns):
    """Two yards; in each a camera that looks at the wall from close by."""
    cameras = cameras_frame(
        [(EAST_M + 4.0, NORTH_M), (EAST_M - 4.0, NORTH_M)],
        kind="fixed", azimuth_deg=[270.0, 90.0], hfov_deg=60.0, max_range_m=50.0, **columns,
    )  # fmt: skip
    return make_site(cameras, STUDY, obstacles_frame([WALL]))


def test_a_camera_that_looks_at_a_wall_is_turned_where_it_may_be(catalogue):
    site = turned_away()
    options = {"budget": 1, "mounts": mounts_at(site, [(-30.0, 40.0)]), "catalogue": catalogue, "stop": QUICK}
    kept = place(site, **options)
    assert kept.changed.empty
    one = place(site, reaim=["c0"], **options)
    assert one.changed.index.tolist() == ["c0"]
    assert one.changed["change"].tolist() == ["turned"]
    assert 0.0 < one.changed.loc["c0", "azimuth_deg"] < 180.0  # away from the wall
    assert one.planned_site.cameras.loc["c0", "azimuth_deg"] == one.changed.loc["c0", "azimuth_deg"]
    both = place(site, reaim=["all"], **options)
    assert kept.after_rate < one.after_rate < both.after_rate
    assert len(both.chosen) == 1  # turning uses up no budget
    confirmed = measure(both.planned_site).totals["coverage_rate"]
    assert both.after_rate == pytest.approx(confirmed, abs=0.01)
    assert both.solution.bound >= kept.solution.bound


def test_a_camera_that_looks_well_already_is_not_turned(catalogue):
    site = turned_away()
    options = {"budget": 1, "reaim": ["c0"], "catalogue": catalogue, "stop": QUICK}
    mounts = mounts_at(site, [(-30.0, 40.0)])  # behind the wall, where c0 sees nothing
    first = place(site, mounts=mounts, **options)
    assert first.changed["change"].tolist() == ["turned"]
    assert place(first.planned_site, mounts=mounts, **options).changed.empty


def test_a_camera_that_may_be_taken_down_frees_one_for_a_better_mount(catalogue):
    site = turned_away()
    mounts = mounts_at(site, [(-30.0, 40.0), (30.0, 0.0), (30.0, -40.0)])
    options = {"mounts": mounts, "catalogue": catalogue, "stop": QUICK}
    kept = place(site, budget=1, **options)
    moved = place(site, budget=1, removable=["c0"], **options)
    assert len(kept.chosen) == 1
    assert len(moved.chosen) == 2
    assert moved.changed["change"].to_dict() == {"c0": "removed"}
    assert "c0" not in moved.planned_site.cameras.index
    assert moved.after_rate > kept.after_rate
    plenty = place(site, budget=3, removable=["all"], **options)
    assert plenty.changed.empty  # three mounts take no more than the budget


def test_a_goal_takes_down_what_it_does_not_need(catalogue):
    site = turned_away()
    mounts = mounts_at(site, [(-30.0, 0.0), (30.0, 0.0)])
    plan = place(site, cover=0.4, removable=["all"], mounts=mounts, catalogue=catalogue, stop=QUICK)
    assert set(plan.changed["change"]) == {"removed"}
    views = plan.demand["seen_after"].to_numpy()
    assert plan.demand["weight"][views > 0].sum() / plan.demand["weight"].sum() >= 0.4


def test_existing_cameras_that_cannot_be_changed_are_named(catalogue):
    site = two_yards()
    options = {"mounts": mounts_at(site, [(-30.0, 0.0)]), "catalogue": catalogue, "stop": QUICK}
    with pytest.raises(InputError, match="reaim: nobody: no camera of the site has this id"):
        place(site, budget=1, reaim=["nobody"], **options)
    with pytest.raises(UnitRangeError, match="removable: a camera that is taken down gives no money back"):
        place(site, money=5000.0, removable=["c0"], **options)
    with pytest.raises(UnitRangeError, match="reaim: goes with a budget or with an amount of money, not with both"):
        place(site, money=5000.0, budget=1, reaim=["c0"], **options)
    dome = make_site(cameras_frame([(EAST_M + 30.0, NORTH_M)], kind="dome"), STUDY)
    with pytest.raises(InputError, match="reaim: c0: sees all round, so turning it changes nothing"):
        place(dome, budget=1, reaim=["c0"], **options)
