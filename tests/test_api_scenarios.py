"""Scenarios over HTTP, on SQLite and on PostGIS: made, changed, compared, reset, filled with suggestions."""

from __future__ import annotations

import api_server
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import small_site
import store_databases
from api_server import connect

from sightgrid import schemas
from sightgrid.store.audit_log import list_entries, verify_log
from sightgrid.store.database import open_database
from sightgrid.store.results import Result, keep_result
from sightgrid.store.scenarios import put_cameras, read_cameras, remove_cameras
from sightgrid.store.sites import import_site

server, database, client, name = api_server.server, api_server.database, api_server.client, api_server.name


def make_block(name="block"):
    site = small_site.make_site(name)
    return site.with_cameras(schemas.complete(site.cameras, "cameras").assign(stream_url=None))


@pytest.fixture
def site_id(database, name):
    return import_site(database, make_block(name))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Give a store in SQLite, a client of its server, and a site: for what the database does not matter to."""
    folder = tmp_path_factory.mktemp("plain")
    with open_database(store_databases.make_address("sqlite", folder)) as opened, connect(opened) as client:
        yield opened, client, import_site(opened, make_block())


def add(client, site_id, **asked):
    answer = client.post(f"/sites/{site_id}/scenarios", json={"name": "north"} | asked)
    assert answer.status_code == 201, answer.text
    return answer.json()


def turn(database, scenario_id, name="free", *, version=0, azimuth=10.0):
    camera = make_block().cameras.loc[[name]].assign(azimuth_deg=azimuth)
    return put_cameras(database, scenario_id, camera, versions={name: version}).version


def test_a_scenario_is_begun_shown_renamed_and_taken_out(client, database, site_id, name):
    made = add(client, site_id, note="more at the station")
    number = made["scenario_id"]
    assert made | {"made_at": "", "changed_at": ""} == {
        "scenario_id": number, "site_id": site_id, "name": "north", "note": "more at the station", "version": 1,
        "made_at": "", "changed_at": "", "edited": 0,
    }  # fmt: skip
    shown = client.get(f"/scenarios/{number}")
    assert shown.json() == made
    assert shown.headers["etag"] == '"1"'
    changed = client.patch(f"/scenarios/{number}", json={"version": 1, "name": "北", "note": ""}).json()
    assert (changed["name"], changed["note"], changed["version"]) == ("北", "", 2)
    assert client.get(f"/sites/{site_id}/scenarios").json() == [changed]
    assert client.delete(f"/scenarios/{number}", headers={"If-Match": '"2"'}).status_code == 204
    assert client.get(f"/scenarios/{number}").status_code == 404
    entries = [entry for entry in reversed(list_entries(database)) if entry.target.startswith(f"{name}/")]
    assert [entry.action for entry in entries] == ["scenario.add", "scenario.change", "scenario.delete"]
    assert {entry.target for entry in entries} == {f"{name}/north", f"{name}/北"}
    verify_log(database)


def test_a_copy_has_the_changes_and_is_its_own(client, database, site_id, name):
    first = add(client, site_id)
    turn(database, first["scenario_id"])
    copy = add(client, site_id, name="copy", copy_of=first["scenario_id"])
    assert copy["edited"] == 1
    turn(database, first["scenario_id"], version=2, azimuth=99.0)
    assert read_cameras(database, copy["scenario_id"]).loc["free", "azimuth_deg"] == 10.0
    other = import_site(database, make_block(f"{name} other"))
    answer = client.post(f"/sites/{other}/scenarios", json={"name": "x", "copy_of": first["scenario_id"]})
    assert answer.status_code == 404


def test_the_second_of_two_people_is_told_both_versions_and_nothing_is_written(client, database, site_id):
    number = add(client, site_id)["scenario_id"]
    turn(database, number)
    entries = len(list_entries(database))
    for answer in (
        client.patch(f"/scenarios/{number}", json={"version": 1, "name": "late"}),
        client.delete(f"/scenarios/{number}", headers={"If-Match": '"1"'}),
    ):
        assert answer.status_code == 412
        assert (answer.json()["given"], answer.json()["current"]) == (1, 2)
    answer = client.post(f"/scenarios/{number}/reset", json={"versions": {"free": 0}})
    assert answer.status_code == 412
    assert (answer.json()["given"], answer.json()["current"]) == (0, 2)
    assert client.get(f"/scenarios/{number}").json()["name"] == "north"
    assert len(list_entries(database)) == entries


def test_a_version_has_to_be_given_to_delete(plain):
    _, client, site_id = plain
    number = add(client, site_id, name="delete")["scenario_id"]
    assert client.delete(f"/scenarios/{number}").status_code == 428
    for bad in ("one", '"-1"', "*", '"99999999999999999999"', "²"):
        answer = client.delete(f"/scenarios/{number}", headers={"If-Match": bad.encode()})
        assert answer.status_code == 400, bad


def test_changes_are_told_camera_by_camera(client, database, site_id, name):
    number = add(client, site_id)["scenario_id"]
    version = turn(database, number)
    removed = remove_cameras(database, number, versions={"wall": 0}).version
    new = make_block().cameras.loc[["round"]].rename(index={"round": "new"})
    added = put_cameras(database, number, new, versions={"new": 0}).version
    told = client.get(f"/scenarios/{number}/changes").json()
    assert told["counts"] == {"added": 1, "removed": 1, "changed": 1}
    assert {each["camera_id"]: (each["change"], each["columns"], each["version"]) for each in told["changes"]} == {
        "free": ("changed", ["azimuth_deg"], version), "wall": ("removed", [], removed), "new": ("added", [], added),
    }  # fmt: skip
    other = add(client, site_id, name="other")["scenario_id"]
    back = client.get(f"/scenarios/{other}/changes", params={"with": number}).json()
    assert back["counts"] == {"added": 1, "removed": 1, "changed": 1}
    assert back["with_scenario_id"] == number
    assert client.get(f"/scenarios/{number}/changes", params={"with": number}).json()["changes"] == []
    elsewhere = add(client, import_site(database, make_block(f"{name} other")))["scenario_id"]
    assert client.get(f"/scenarios/{number}/changes", params={"with": elsewhere}).status_code == 404


def test_what_a_scenario_does_to_cameras_is_undone(plain):
    database, client, site_id = plain
    number = add(client, site_id, name="undo")["scenario_id"]
    version = turn(database, number)
    answer = client.post(f"/scenarios/{number}/reset", json={"versions": {"free": version, "wall": 0}})
    assert answer.status_code == 200
    assert answer.json()["edited"] == 0
    assert read_cameras(database, number).loc["free", "azimuth_deg"] == 90.0


def keep_suggestions(database, site_id):
    """Keep what a placement suggests: a new camera, one to turn, one to take down."""
    site = make_block()
    new = site.cameras.loc[["free"]].rename(index={"free": "new-1"}).assign(change="new", model="B4", azimuth_deg=45.0)
    new = new.set_geometry(new.geometry.translate(30.0, 0.0))
    turned = site.cameras.loc[["wall"]].assign(change="turned", model=None, azimuth_deg=270.0)
    gone = site.cameras.loc[["round"]].assign(change="removed", model=None)
    frame = gpd.GeoDataFrame(pd.concat([new, turned, gone]).drop(columns="stream_url"), crs=site.crs)
    frame["step"] = [1.0, np.nan, np.nan]
    result = Result("placement", "abc", {}, {}, b"", "application/json", layers={"suggestions": frame})
    return keep_result(database, site_id, result)


def test_suggestions_are_taken_over_one_by_one_and_once(client, database, site_id, name):
    number, result = add(client, site_id)["scenario_id"], keep_suggestions(database, site_id)
    path = f"/scenarios/{number}/suggestions"

    def take(feature_id):
        return client.post(path, json={"result_id": result, "feature_id": feature_id})

    answer = take("new-1")
    assert answer.status_code == 201, answer.text
    new = answer.json()
    assert (new["change"], new["id"], new["version"]) == ("new", f"new-1-r{result}", 2)
    assert answer.headers["etag"] == '"2"'
    assert new["properties"]["azimuth_deg"] == 45.0
    assert "stream_url" not in new["properties"]
    turned = take("wall").json()
    assert (turned["change"], turned["id"], turned["properties"]["azimuth_deg"]) == ("turned", "wall", 270.0)
    assert take("round").json()["change"] == "removed"
    cameras = read_cameras(database, number)
    assert set(cameras.index) == {"free", "wall", "inside", new["id"]}
    for feature_id in ("new-1", "wall", "round"):
        again = take(feature_id)
        assert again.status_code == 409
        assert "was taken already" in again.json()["detail"]
    assert take("nothing").status_code == 404
    # the feature is one that can be written back
    found = client.get(f"/collections/{site_id}.cameras.{number}/items/{new['id']}").json()
    assert found["geometry"]["coordinates"] == pytest.approx(new["geometry"]["coordinates"], abs=1e-6)
    taken = [entry.target for entry in list_entries(database) if entry.action == "suggestion.take"]
    assert taken[:3] == [f"{name}/north/round", f"{name}/north/wall", f"{name}/north/new-1"]


def test_a_suggestion_is_taken_again_after_its_camera_was_removed(plain):
    database, client, site_id = plain
    number, result = add(client, site_id, name="again")["scenario_id"], keep_suggestions(database, site_id)
    asked = {"result_id": result, "feature_id": "new-1"}
    camera = client.post(f"/scenarios/{number}/suggestions", json=asked).json()
    remove_cameras(database, number, versions={camera["id"]: camera["version"]})
    assert client.post(f"/scenarios/{number}/suggestions", json=asked).status_code == 201


def test_suggestions_of_another_site_are_not_there(plain):
    database, client, site_id = plain
    other = import_site(database, make_block("other"))
    result = keep_suggestions(database, other)
    number = add(client, site_id, name="foreign")["scenario_id"]
    answer = client.post(f"/scenarios/{number}/suggestions", json={"result_id": result, "feature_id": "new-1"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "asked",
    [
        {}, {"name": ""}, {"name": "   "}, {"name": "a\nb"}, {"name": "x" * 201}, {"name": 7},
        {"name": "a", "copy_of": 0}, {"name": "a", "copy_of": 2**70}, {"name": "a", "more": 1},
        {"name": "a", "note": "x" * 10_001}, [], "north",
    ],
)  # fmt: skip
def test_scenarios_that_make_no_sense_are_refused(plain, asked):
    _, client, site_id = plain
    before = client.get(f"/sites/{site_id}/scenarios").json()
    answer = client.post(f"/sites/{site_id}/scenarios", json=asked)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert client.get(f"/sites/{site_id}/scenarios").json() == before


def test_a_name_is_taken_once_and_kept_as_text(plain):
    database, client, site_id = plain
    name = "<script>alert(1)</script> '; DROP TABLE scenarios; --"
    number = add(client, site_id, name=name)["scenario_id"]
    answer = client.post(f"/sites/{site_id}/scenarios", json={"name": name})
    assert answer.status_code == 409
    assert database.name not in answer.json()["detail"]
    second = add(client, site_id, name="second")
    answer = client.patch(f"/scenarios/{second['scenario_id']}", json={"version": 1, "name": name})
    assert answer.status_code == 409
    assert client.get(f"/scenarios/{number}").json()["name"] == name


def test_what_is_not_there_is_404(plain):
    database, client, _ = plain
    gone = "/scenarios/99"
    for answer in (
        client.get(gone), client.patch(gone, json={"version": 1}), client.delete(gone, headers={"If-Match": '"1"'}),
        client.get(f"{gone}/changes"), client.post(f"{gone}/reset", json={"versions": {"a": 1}}),
        client.post(f"{gone}/suggestions", json={"result_id": 1, "feature_id": "a"}),
        client.get("/sites/99/scenarios"), client.post("/sites/99/scenarios", json={"name": "a"}),
    ):  # fmt: skip
        assert answer.status_code == 404, answer.text
        assert database.name not in answer.text
    assert client.get("/scenarios/0").status_code == 422
    assert client.get(f"/scenarios/{2**63}").status_code == 422
