"""The preview of one camera over HTTP: the same figures as a whole measurement, whoever changes what meanwhile."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import api_server
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import small_site
import store_databases
from api_server import connect

from sightgrid import coverage, schemas
from sightgrid.api.planning import windows
from sightgrid.api.planning.lonlat import find_transformer
from sightgrid.api.planning.roster import EMPTY, MOST_REACH_M, bound_reach, fold, limit_reach, update_roster
from sightgrid.columns import COLUMNS
from sightgrid.coverage.trials import Trial
from sightgrid.store.database import open_database
from sightgrid.store.edits import add_features, delete_features, update_features
from sightgrid.store.layers import read_layer
from sightgrid.store.scenarios import add_scenario, put_cameras, read_cameras, remove_cameras, reset_cameras
from sightgrid.store.sites import import_site
from sightgrid.store.variants import OPTICS, select_state

server, database, client, name = api_server.server, api_server.database, api_server.client, api_server.name
SAME = 1e-5  # rates are written with five decimals


@pytest.fixture(scope="module")
def city(tmp_path_factory, helsinki):
    """Give Helsinki in a store, and a client of its server."""
    folder = tmp_path_factory.mktemp("preview")
    with open_database(store_databases.make_address("sqlite", folder)) as opened, connect(opened) as client:
        yield opened, client, import_site(opened, helsinki)


@pytest.fixture(scope="module")
def measured(helsinki):
    return coverage.measure(helsinki)


def make_block(name="block"):
    site = small_site.make_site(name)
    return site.with_cameras(schemas.complete(site.cameras, "cameras").assign(stream_url=None))


def make_feature(camera, **changes):
    """Write a row of the cameras' frame as GeoJSON."""
    row = camera.iloc[0]
    point = row.geometry
    lon, lat = find_transformer(camera.crs.to_string()).transform(point.x, point.y)
    properties = {
        column.name: None if pd.isna(row[column.name]) else row[column.name]
        for column in COLUMNS["cameras"]
        if column.name != "stream_url"
    }
    properties = {name: value.item() if isinstance(value, np.generic) else value for name, value in properties.items()}
    feature = {"type": "Feature", "id": str(camera.index[0]), "properties": properties | changes}
    return feature | {"geometry": {"type": "Point", "coordinates": [lon, lat]}}


def ask(client, site_id, feature, **options):
    answer = client.post("/coverage/preview", json={"site_id": site_id, "camera": feature, **options})
    assert answer.status_code == 200, answer.text
    return answer.json()


def compare(told, before, after):
    """Hold an answer against two whole measurements."""
    columns = before.figures.cells_m2, after.figures.cells_m2
    other = np.flatnonzero((np.abs(columns[0] - columns[1]) > 1e-6).any(axis=1))
    cells = {cell["id"]: cell for cell in told["cells"]}
    assert set(cells) == set(before.layout.index[other])
    rates = before.cells["rate"], after.cells["rate"]
    for name, cell in cells.items():
        assert cell["rate_before"] == pytest.approx(rates[0][name], abs=SAME)
        assert cell["rate"] == pytest.approx(rates[1][name], abs=SAME)
    totals = told["totals"]
    gained = after.totals["covered_m2"] - before.totals["covered_m2"]
    assert totals["covered_m2"] - totals["covered_before_m2"] == pytest.approx(gained, abs=0.3)


def test_a_moved_or_turned_camera_changes_the_cells_that_a_whole_measurement_says(city, measured, helsinki):
    _, client, site_id = city
    rng = np.random.default_rng(4)
    for row in rng.choice(len(helsinki.cameras), 9, replace=False):
        camera = helsinki.cameras.iloc[[row]]
        x, y = rng.normal(0.0, 20.0, 2)
        moved = camera.set_geometry(camera.geometry.translate(x, y)).assign(azimuth_deg=rng.uniform(0.0, 360.0))
        compare(ask(client, site_id, make_feature(moved)), measured, measured.replace(moved))


def test_a_camera_may_be_put_far_away(city, measured, helsinki):
    _, client, site_id = city
    row = int(measured.seen["area_m2"].argmax())
    camera = helsinki.cameras.iloc[[row]]
    x, y = camera.geometry.iloc[0].coords[0]
    west, south, east, north = helsinki.study.bounds
    # to the other end of the site, so that the ground that it leaves and the ground that it comes to are apart
    there = shapely.Point(west + 200.0 if x > (west + east) / 2 else east - 200.0, 2 * (south + north) / 2 - y)
    moved = camera.set_geometry([there], crs=camera.crs).assign(kind="ptz", indoor=False)
    told = ask(client, site_id, make_feature(moved))
    compare(told, measured, measured.replace(moved))
    assert any(cell["rate"] < cell["rate_before"] for cell in told["cells"])


def test_a_new_camera_is_tried_without_being_kept(city, measured, helsinki):
    database, client, site_id = city
    place = helsinki.cameras.iloc[[7]].assign(kind="panorama", indoor=False)
    place.index = pd.Index(["new"], name="camera_id", dtype="str")
    feature = make_feature(place)
    del feature["id"]
    told = ask(client, site_id, feature)
    assert told["camera_id"] == "new"
    compare(told, measured, measured.replace(place))
    assert len(read_layer(database, site_id, "cameras")) == len(helsinki.cameras)


def test_seen_areas_are_those_of_each_density_class_one_within_the_other(city, measured, helsinki):
    _, client, site_id = city
    camera = helsinki.cameras.iloc[[int(measured.seen["area_m2"].argmax())]].assign(azimuth_deg=120.0)
    told = ask(client, site_id, make_feature(camera))
    areas = coverage.class_areas(coverage.measure(helsinki.with_cameras(camera)))
    features = told["seen"]["features"]
    assert [each["id"] for each in features] == list(areas.index.get_level_values("density_class"))
    shapes = gpd.GeoSeries([shapely.from_geojson(json.dumps(each["geometry"])) for each in features], crs=4326)
    for shape, wanted in zip(shapes.to_crs(helsinki.crs), areas.geometry, strict=True):
        assert shape.symmetric_difference(wanted).area < 0.5 + 1e-3 * wanted.area  # a centimetre at the edge
    found = shapes.to_crs(helsinki.crs).area.to_list()
    assert found == sorted(found, reverse=True)
    assert told["area_m2"] == pytest.approx(features[0]["properties"]["area_m2"], rel=0.01)


def test_options_are_those_of_a_measurement(city, helsinki):
    _, client, site_id = city
    options = {"standard": "iec2025", "density_px_m": 30.0, "target_height_m": 1.0, "cell_m": 40.0}
    seen = coverage.measure(helsinki, **options)
    camera = helsinki.cameras.iloc[[60]].assign(azimuth_deg=200.0, indoor=False)
    told = ask(client, site_id, make_feature(camera), **options)
    compare(told, seen, seen.replace(camera))
    assert {each["id"] for each in told["seen"]["features"]} <= set(coverage.density_classes("iec2025"))


def test_saving_changes_a_window_instead_of_measuring_it_anew(city, helsinki, measured, monkeypatch):
    database, client, site_id = city
    scenario = add_scenario(database, site_id, name="drag")
    row = int(measured.seen["area_m2"].argmax())
    camera = helsinki.cameras.iloc[[row]]
    ask(client, site_id, make_feature(camera), scenario_id=scenario.scenario_id)
    monkeypatch.setattr(windows, "measure_block", lambda *_, **__: pytest.fail("measured anew"))
    version = 0
    for azimuth in (10.0, 130.0):  # a hand that lets go twice
        turned = camera.assign(azimuth_deg=azimuth)
        version = put_cameras(database, scenario.scenario_id, turned, versions={camera.index[0]: version}).version
        other = turned.assign(azimuth_deg=azimuth + 90.0)
        told = ask(client, site_id, make_feature(other), scenario_id=scenario.scenario_id)
        compare(told, measured.replace(turned), measured.replace(other))
    # what is reset, and what somebody else changes in the site, is seen as well
    reset_cameras(database, scenario.scenario_id, versions={camera.index[0]: version})
    told = ask(client, site_id, make_feature(camera.assign(azimuth_deg=77.0)), scenario_id=scenario.scenario_id)
    compare(told, measured, measured.replace(camera.assign(azimuth_deg=77.0)))


def test_every_change_of_the_cameras_around_counts_in_both_databases(client, database, name):
    site = make_block(name)
    site_id = import_site(database, site)
    scenario_id = add_scenario(database, site_id, name="s").scenario_id

    def check(site=site, *, of_scenario=True):
        number = scenario_id if of_scenario else None
        cameras = read_cameras(database, number) if number else read_layer(database, site_id, "cameras")
        now = coverage.measure(site.with_cameras(cameras), cell_m=100.0)
        tried = site.cameras.loc[["free"]].assign(azimuth_deg=70.0)
        compare(ask(client, site_id, make_feature(tried), scenario_id=number), now, now.replace(tried))

    check(of_scenario=False)
    check()
    add_features(database, site_id, "cameras", site.cameras.loc[["round"]].rename(index={"round": "second"}))
    check()
    second = read_layer(database, site_id, "cameras").loc[["second"]]
    moved = second.set_geometry(second.geometry.translate(-40.0, 10.0)).drop(columns="version")
    versions = {"second": int(second["version"].iloc[0])}
    later = update_features(database, site_id, "cameras", moved, versions=versions)
    check(of_scenario=False)
    delete_features(database, site_id, "cameras", versions={"second": later})
    check()
    remove_cameras(database, scenario_id, versions={"round": 0})
    more = site.cameras.loc[["round"]].rename(index={"round": "more"})
    put_cameras(database, scenario_id, more.set_geometry(more.geometry.translate(-90.0, 30.0)), versions={"more": 0})
    check()
    # other ground makes another window
    house = read_layer(database, site_id, "obstacles").loc[["tall"]]
    grown = house.set_geometry(house.geometry.buffer(15.0, join_style="mitre")).drop(columns="version")
    update_features(database, site_id, "obstacles", grown, versions={"tall": int(house["version"].iloc[0])})
    check(replace(site, obstacles=pd.concat([site.obstacles.loc[["low"]], grown])))


def test_a_site_without_cameras_near_and_places_outside_of_it(client, database, name):
    site = make_block(name)
    site_id = import_site(database, site.with_cameras(site.cameras.loc[["free"]]))
    alone = site.cameras.loc[["round"]].rename(index={"round": "alone"})
    delete_features(database, site_id, "cameras", versions={"free": 1})
    told = ask(client, site_id, make_feature(alone), cell_m=50.0)
    seen = coverage.measure(site.with_cameras(alone), cell_m=50.0)
    wanted = seen.cells["rate"][seen.cells["rate"] > 0.0]
    assert {each["id"]: each["rate"] for each in told["cells"]} == pytest.approx(wanted.to_dict(), abs=SAME)
    away = alone.set_geometry(alone.geometry.translate(3000.0, 0.0))
    told = ask(client, site_id, make_feature(away))
    assert told["cells"] == []
    assert told["totals"]["rate"] is None
    assert told["area_m2"] > 1000.0


def test_many_hands_at_once_get_what_each_would_alone(city, helsinki, measured):
    _, client, site_id = city
    rows = np.argsort(measured.seen["area_m2"].to_numpy())[-5:]
    features = [
        make_feature(helsinki.cameras.iloc[[row]].assign(azimuth_deg=float(azimuth)))
        for azimuth in (0, 120)
        for row in rows
    ]
    alone = [ask(client, site_id, each) for each in features]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda each: ask(client, site_id, each), features)) == alone


def test_windows_that_are_not_used_any_more_go(city):
    database, _, site_id = city
    kept = windows.Windows()
    state, _ = kept.find_roster(database, site_id)
    settings = windows.Settings()
    for number in range(windows.MOST_WINDOWS + 5):
        key = windows.Key(state.uid, (number,), None, 100.0, settings)
        kept._take(key, (0.0, 0.0, 50.0, 50.0))
    assert len(kept._windows) == windows.MOST_WINDOWS


def test_a_lens_that_sees_for_miles_is_tried_up_to_a_distance(city, helsinki):
    _, client, site_id = city
    camera = helsinki.cameras.iloc[[7]].assign(indoor=False, azimuth_deg=45.0)
    told = ask(client, site_id, make_feature(camera, hfov_deg=0.5, width_px=16000), cell_m=200.0)
    assert told["limited_m"] == MOST_REACH_M
    assert told["range_m"] <= MOST_REACH_M


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "lens"}, "kind: must be one of fixed"),
        ({"kind": None}, "kind: must be given"),
        ({"azimuth_deg": 400}, r"azimuth_deg: must lie in \[0, 360\)"),
        ({"azimuth_deg": "north"}, "azimuth_deg: must be a number"),
        ({"azimuth_deg": True}, "azimuth_deg: must be a number"),
        ({"hfov_deg": 200, "kind": "fixed"}, "below 180 for a fixed"),
        ({"width_px": 10.5}, "width_px: must be a whole number"),
        ({"width_px": 10**400}, "width_px: must lie in"),
        ({"indoor": "yes"}, "indoor: must be true or false"),
        ({"name": ["a"]}, "name: must be text"),
        ({"mount_height_m": -1, "tilt_deg": 99}, "mount_height_m: .*; tilt_deg"),
    ],
)
def test_a_camera_that_cannot_be_is_told_by_column_and_rule(city, helsinki, change, told):
    _, client, site_id = city
    feature = make_feature(helsinki.cameras.iloc[[0]], **change)
    answer = client.post("/coverage/preview", json={"site_id": site_id, "camera": feature})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert re.search(told, answer.json()["detail"]), answer.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"site_id": 99}, 404),
        ({"scenario_id": 99}, 404),
        ({"site_id": 0}, 422),
        ({"cell_m": 1.0}, 422),
        ({"standard": "iec1999"}, 422),
        ({"density_px_m": 0.0}, 422),
        ({"camera": {"type": "Feature", "geometry": None, "properties": {}}}, 422),
        ({"camera": {"geometry": {"type": "Point", "coordinates": [24.9]}, "properties": {"kind": "fixed"}}}, 422),
        ({"camera": {"geometry": {"type": "Point", "coordinates": [24.9, 91]}, "properties": {"kind": "fixed"}}}, 422),
        ({"camera": {"geometry": {"type": "Point", "coordinates": [1e999, 60]}, "properties": {}}}, 422),
        ({"something": 1}, 422),
        ({"site_id": "1"}, 422),
        ({"target_height_m": True}, 422),
        ({"camera": {"geometry": {"type": "Point", "coordinates": [True, 60]}, "properties": {"kind": "fixed"}}}, 422),
    ],
)
def test_requests_that_make_no_sense_are_refused(city, helsinki, body, status):
    _, client, site_id = city
    asked = {"site_id": site_id, "camera": make_feature(helsinki.cameras.iloc[[0]])} | body
    text = json.dumps(asked).replace("Infinity", "1e999")
    answer = client.post("/coverage/preview", content=text, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("place", [(-155.0, 20.0), (24.9, -60.0), (0.0, 0.0), (180.0, 90.0), (-180.0, -90.0)])
def test_the_other_end_of_the_world_is_no_trouble(city, place):
    _, client, site_id = city
    feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": place}, "properties": {"kind": "ptz"}}
    answer = client.post("/coverage/preview", json={"site_id": site_id, "camera": feature})
    assert answer.status_code in (200, 422)
    assert answer.status_code == 422 or answer.json()["cells"] == []


def test_what_a_scenario_of_another_site_has_is_not_mixed_in(client, database, name):
    first, second = (import_site(database, make_block(f"{name} {each}")) for each in "ab")
    scenario = add_scenario(database, first, name="s")
    feature = make_feature(make_block().cameras.loc[["free"]])
    asked = {"site_id": second, "scenario_id": scenario.scenario_id, "camera": feature}
    assert client.post("/coverage/preview", json=asked).status_code == 404


def test_no_camera_sees_farther_than_its_bound():
    rng = np.random.default_rng(2)
    count = 400
    maybe = lambda low, high: np.where(rng.random(count) < 0.6, rng.uniform(low, high, count), np.nan)  # noqa: E731
    kind = rng.choice(["fixed", "dome", "ptz", "panorama"], count)
    hfov = maybe(2.0, 359.0)
    cameras = gpd.GeoDataFrame(
        {
            "kind": kind, "hfov_deg": np.where(kind == "fixed", np.minimum(hfov, 175.0), hfov),
            "vfov_deg": maybe(1, 170),
            "sensor_width_mm": maybe(3, 30), "focal_mm": maybe(2, 200), "width_px": np.round(maybe(300, 9000)),
            "height_px": np.round(maybe(300, 9000)), "max_range_m": maybe(5, 900), "tilt_deg": maybe(-80, 80),
            "azimuth_deg": maybe(0, 359), "mount_height_m": maybe(2, 40),
        },
        geometry=shapely.points(rng.uniform(0, 5e4, (count, 2))), crs=32635,
        index=pd.Index([f"c{n}" for n in range(count)], name="camera_id", dtype="str"),
    )  # fmt: skip
    hut = gpd.GeoDataFrame(
        {"height_m": [9.0], "kind": "building"}, geometry=[shapely.box(-9, -9, -8, -8)], crs=32635,
        index=pd.Index(["hut"], name="obstacle_id", dtype="str"),
    )  # fmt: skip
    for density in (12.5, 200.0):
        seen = coverage.view_areas(cameras, hut, density_px_m=density)
        bounds = limit_reach(bound_reach(cameras[list(OPTICS)]), cameras["max_range_m"].fillna(np.inf), density)
        farthest = [
            0.0 if shape.is_empty else shapely.hausdorff_distance(point, shape)
            for point, shape in zip(cameras.geometry, seen.geometry, strict=True)
        ]
        near = np.asarray(farthest) < MOST_REACH_M
        assert near.sum() > 100
        # arcs are chains of the same area, whose corners lie a little outside
        assert (np.asarray(farthest)[near] <= 1.0002 * np.asarray(bounds)[near] + 0.01).all()


def test_a_roster_follows_what_is_written_and_deleted(database, name):
    site = make_block(name)
    site_id = import_site(database, site)

    def read(known=EMPTY):
        with database.read() as connection:
            revision = select_state(connection, site_id).revisions["cameras"]
            return update_roster(connection, site_id, revision=revision, known=known)

    first = read()
    assert read(first) is first
    moved = site.cameras.loc[["wall"]].set_geometry(site.cameras.loc[["wall"]].geometry.translate(5.0))
    update_features(database, site_id, "cameras", moved.drop(columns="stream_url"), versions={"wall": 1})
    second = read(first)
    x, y = moved.geometry.iloc[0].coords[0]
    assert second.xy[second.rows["wall"]].tolist() == [x, y]
    assert first.xy[first.rows["wall"]].tolist() != [x, y]
    assert first.folded[first.rows["wall"]] == "wall\nwest & co"
    renamed = moved.assign(name="Itä")
    update_features(database, site_id, "cameras", renamed.drop(columns="stream_url"), versions={"wall": 2})
    assert read(first).folded[first.rows["wall"]] == "wall\nita"
    delete_features(database, site_id, "cameras", versions={"free": 1})
    assert set(read(second).rows) == {"wall", "inside", "round"}


def test_a_trial_counts_what_a_replacement_counts_slivers_too():
    site = make_block()
    seen = coverage.measure(site, cell_m=30.0)  # some cells are nearly all building
    cells = np.arange(len(seen.layout))
    for name in ("free", "nobody"):
        trial = Trial(seen, name)
        for azimuth in (100.0, np.nan):
            camera = site.cameras.loc[["wall"]].assign(azimuth_deg=azimuth, indoor=False)
            camera.index = pd.Index([name], name="camera_id", dtype="str")
            figures = trial.measure(cells, seen.survey.look(camera))
            assert np.allclose(figures, seen.replace(camera).figures.cells_m2, atol=1e-6)
        gone = camera.assign(indoor=True)
        assert np.allclose(trial.measure(cells, None), seen.replace(gone).figures.cells_m2, atol=1e-6)


def test_words_are_searched_without_case_and_accents():
    assert fold("Töölö") == fold("TOOLO") == "toolo"
    assert fold("上海路") == "上海路"
