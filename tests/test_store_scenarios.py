"""Scenarios, results and plans in the store, on SQLite and on PostGIS."""

from __future__ import annotations

import pytest
import store_databases
from geopandas.testing import assert_geodataframe_equal

from sightgrid.errors import InputError, SchemaError
from sightgrid.store.comparison import compare_cameras
from sightgrid.store.conflicts import ExistsError, NotFoundError, StaleVersionError
from sightgrid.store.edits import add_features, delete_features, update_features
from sightgrid.store.layers import read_layer
from sightgrid.store.plans import add_plan, delete_plan, find_plan, list_plans, update_plan
from sightgrid.store.results import Result, find_result, fingerprint_inputs, keep_result, read_result
from sightgrid.store.scenarios import (
    add_scenario,
    delete_scenario,
    find_scenario,
    list_scenarios,
    put_cameras,
    read_cameras,
    remove_cameras,
    rename_scenario,
    reset_cameras,
)
from sightgrid.store.sites import delete_site, import_site

address, database, few = store_databases.address, store_databases.database, store_databases.few


@pytest.fixture
def site_id(database, few):
    return import_site(database, few.with_cameras(few.cameras.iloc[:6]), name="test")


@pytest.fixture
def scenario(database, site_id):
    return add_scenario(database, site_id, name="north", note="more at the station")


def edit(database, scenario, few):
    """Change camera 0, remove camera 1, add a new one."""
    cameras = few.cameras
    put_cameras(
        database, scenario.scenario_id, cameras.iloc[[0]].assign(azimuth_deg=77.0), versions={cameras.index[0]: 0}
    )
    remove_cameras(database, scenario.scenario_id, versions={cameras.index[1]: 0})
    new = cameras.iloc[[10]].rename(index={cameras.index[10]: "new"})
    return put_cameras(database, scenario.scenario_id, new, versions={"new": 0})


def test_a_scenario_without_changes_is_the_site(database, site_id, scenario):
    base = read_layer(database, site_id, "cameras")
    assert_geodataframe_equal(read_cameras(database, scenario.scenario_id), base.assign(version=0))


def test_a_scenario_shows_its_changes_over_the_site(database, site_id, scenario, few):
    changed = edit(database, scenario, few)
    ids = list(few.cameras.index[:6])
    cameras = read_cameras(database, scenario.scenario_id)
    assert list(cameras.index) == [ids[0], *ids[2:], "new"]
    assert cameras.loc[ids[0], "azimuth_deg"] == 77.0
    assert cameras["version"].to_list() == [2, 0, 0, 0, 0, changed.version]
    assert len(read_layer(database, site_id, "cameras")) == 6
    # what changes in the site shows through where the scenario says nothing
    third = read_layer(database, site_id, "cameras").loc[[ids[2]]]
    update_features(database, site_id, "cameras", third.assign(name="renamed"), versions={ids[2]: 1})
    delete_features(database, site_id, "cameras", versions={ids[0]: 1, ids[3]: 1})
    cameras = read_cameras(database, scenario.scenario_id)
    assert cameras.loc[ids[2], "name"] == "renamed"
    assert list(cameras.index) == [ids[2], *ids[4:], ids[0], "new"]


def test_two_variants_are_compared_camera_by_camera(database, site_id, scenario, few):
    edit(database, scenario, few)
    moved = read_cameras(database, scenario.scenario_id).iloc[[2]]
    put_cameras(
        database, scenario.scenario_id, moved.set_geometry(moved.geometry.translate(1.0)),
        versions={moved.index[0]: 0},
    )  # fmt: skip
    found = compare_cameras(read_layer(database, site_id, "cameras"), read_cameras(database, scenario.scenario_id))
    ids = few.cameras.index
    assert found.to_dict("index") == {
        ids[1]: {"change": "removed", "columns": ""},
        "new": {"change": "added", "columns": ""},
        ids[0]: {"change": "changed", "columns": "azimuth_deg"},
        moved.index[0]: {"change": "changed", "columns": "geometry"},
    }


def test_changes_are_undone(database, site_id, scenario, few):
    edit(database, scenario, few)
    ids = few.cameras.index
    with pytest.raises(StaleVersionError):
        reset_cameras(database, scenario.scenario_id, versions={ids[0]: 2, ids[1]: 9})
    reset_cameras(database, scenario.scenario_id, versions={ids[0]: 2, ids[1]: 3, "new": 4})
    base = read_layer(database, site_id, "cameras")
    assert_geodataframe_equal(read_cameras(database, scenario.scenario_id), base.assign(version=0))


def test_the_second_of_two_editors_of_a_scenario_is_told(database, scenario, few):
    first = few.cameras.iloc[[0]]
    name = first.index[0]
    put_cameras(database, scenario.scenario_id, first.assign(name="first"), versions={name: 0})
    for change in (
        lambda: put_cameras(database, scenario.scenario_id, first.assign(name="second"), versions={name: 0}),
        lambda: remove_cameras(database, scenario.scenario_id, versions={name: 0}),
    ):
        with pytest.raises(StaleVersionError, match=f"camera {name} of scenario north") as caught:
            change()
        assert (caught.value.given, caught.value.current) == (0, 2)
    assert read_cameras(database, scenario.scenario_id).loc[name, "name"] == "first"
    assert find_scenario(database, scenario.scenario_id).version == 2


def test_what_does_not_fit_a_scenario_is_refused(database, scenario, few):
    camera = few.cameras.iloc[[0]]
    name = camera.index[0]
    with pytest.raises(SchemaError):
        put_cameras(database, scenario.scenario_id, camera.assign(hfov_deg=0.0), versions={name: 0})
    with pytest.raises(InputError, match="stream_url"):
        put_cameras(database, scenario.scenario_id, camera.assign(stream_url="rtsp://a"), versions={name: 0})
    with pytest.raises(NotFoundError):
        put_cameras(database, 99, camera, versions={name: 0})


def test_scenarios_are_named_copied_and_deleted(database, site_id, scenario, few):
    edit(database, scenario, few)
    copy = add_scenario(database, site_id, name="copy", copy_of=scenario.scenario_id)
    one, two = (read_cameras(database, each.scenario_id) for each in (scenario, copy))
    assert_geodataframe_equal(two.drop(columns="version").sort_index(), one.drop(columns="version").sort_index())
    with pytest.raises(ExistsError, match="called north"):
        add_scenario(database, site_id, name="north")
    with pytest.raises(ExistsError, match="called north"):
        rename_scenario(database, copy.scenario_id, name="north", note="", version=1)
    with pytest.raises(StaleVersionError):
        rename_scenario(database, copy.scenario_id, name="south", note="", version=3)
    renamed = rename_scenario(database, copy.scenario_id, name="south", note="x", version=1)
    assert [each.name for each in list_scenarios(database, site_id)] == ["north", "south"]
    with pytest.raises(StaleVersionError):
        delete_scenario(database, copy.scenario_id, version=1)
    delete_scenario(database, copy.scenario_id, version=renamed.version)
    with pytest.raises(NotFoundError):
        find_scenario(database, copy.scenario_id)
    with pytest.raises(NotFoundError):
        add_scenario(database, 99, name="nowhere")


def test_a_fingerprint_changes_with_what_it_is_of_and_with_nothing_else(database, site_id, scenario, few):
    def find(kind="coverage", options=None, scenario_id=scenario.scenario_id):
        return fingerprint_inputs(
            database, site_id, kind=kind, options=options or {"cell_m": 25, "model": "strict"},
            layers=("cameras", "obstacles"), scenario_id=scenario_id,
        )  # fmt: skip

    first = find()
    assert find(options={"model": "strict", "cell_m": 25}) == first
    assert len({first, find(kind="other"), find(options={"cell_m": 26}), find(scenario_id=None)}) == 4
    street = read_layer(database, site_id, "posts").iloc[[0]]
    update_features(database, site_id, "posts", street, versions=street["version"].to_dict())
    assert find() == first
    edit(database, scenario, few)
    second = find()
    assert second != first
    add_features(database, site_id, "cameras", few.cameras.iloc[[20]])
    assert find() not in {first, second}
    with pytest.raises(NotFoundError):
        find(scenario_id=99)


def test_results_are_kept_once_and_go_with_their_site(database, site_id, scenario):
    result = Result("coverage", "f" * 64, {"a": 1}, {"rate": 0.5}, b"\x00\xff", "text/plain", scenario.scenario_id)
    number = keep_result(database, site_id, result)
    assert read_result(database, number) == result
    assert keep_result(database, site_id, result._replace(body=b"new")) == number
    assert find_result(database, site_id, kind="coverage", fingerprint="f" * 64) == number
    assert find_result(database, site_id, kind="place", fingerprint="f" * 64) is None
    delete_site(database, site_id)
    with pytest.raises(NotFoundError):
        read_result(database, number)


def test_plans_are_locked_like_cameras(database, site_id):
    plan = add_plan(database, site_id, name="night", document={"units": ["Alfa"], "at": "晚上"})
    assert list_plans(database, site_id) == [find_plan(database, plan.plan_id)] == [plan]
    changed = update_plan(database, plan.plan_id, document={"units": []}, version=1)
    assert (changed.version, changed.document) == (2, {"units": []})
    with pytest.raises(StaleVersionError) as caught:
        update_plan(database, plan.plan_id, document={}, version=1)
    assert (caught.value.given, caught.value.current) == (1, 2)
    with pytest.raises(StaleVersionError):
        delete_plan(database, plan.plan_id, version=1)
    with pytest.raises(ExistsError):
        add_plan(database, site_id, name="night", document={})
    delete_plan(database, plan.plan_id, version=2)
    with pytest.raises(NotFoundError):
        update_plan(database, plan.plan_id, document={}, version=2)
