"""Sites over HTTP: what they tell to whom, searching them, and legends."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import get_args

import accounts
import api_server
import geopandas as gpd
import pandas as pd
import pytest
import small_site
import store_databases
from api_server import connect

from sightgrid.api.health.models import Status
from sightgrid.api.planning.legends import list_legends
from sightgrid.api.planning.memory import Memory
from sightgrid.api.settings import Settings
from sightgrid.coverage import density_classes
from sightgrid.gis.grid import draw_cells, lay_grid
from sightgrid.patrol.response.arrivals import WITHIN_MIN
from sightgrid.report import styles
from sightgrid.report.placement.plan_map import compare_cells
from sightgrid.store.audit_log import list_entries
from sightgrid.store.database import open_database
from sightgrid.store.edits import add_features
from sightgrid.store.results import Result, keep_result
from sightgrid.store.sites import import_layer, import_site

server, database, client, name = api_server.server, api_server.database, api_server.client, api_server.name
NOTES = ("obstacles: broken rings repaired: 1 (low)", "cameras: column x is not used")


@pytest.fixture
def site_id(database, name):
    return import_site(database, small_site.make_site(name, notes=NOTES))


def keep_cells(database, site_id, *, fingerprint="abc"):
    site = small_site.make_site()
    cells = draw_cells(lay_grid(site.study, cell_m=100.0), site.study, site.crs).assign(rate=0.5)
    result = Result("coverage", fingerprint, {}, {}, b"", "application/json", layers={"cells": cells})
    return keep_result(database, site_id, result), cells


def test_a_site_tells_where_it_is_and_what_it_holds(client, database, site_id, name):
    result, _ = keep_cells(database, site_id)
    told = client.get(f"/sites/{site_id}").json()
    assert (told["name"], told["crs"]) == (name, "EPSG:3067")
    assert told["layers"]["cameras"] == {"count": 4, "revision": 1, "editable": True}
    assert told["layers"]["incidents"]["count"] == 0
    assert told["results"] == {"coverage": result}
    assert told["notes"] == list(NOTES)
    west, south, east, north = told["bounds"]
    study = gpd.GeoSeries([small_site.make_site().study], crs=3067).to_crs(4326).total_bounds
    assert [west, south, east, north] == pytest.approx(study, abs=1e-4)
    assert told["center"] == pytest.approx([(west + east) / 2, (south + north) / 2])
    (listed,) = [each for each in client.get("/sites").json() if each["site_id"] == site_id]
    assert listed.items() <= told.items()
    # counts follow revisions
    camera = small_site.make_site().cameras.loc[["free"]].rename(index={"free": "more"}).drop(columns="stream_url")
    add_features(database, site_id, "cameras", camera)
    assert client.get(f"/sites/{site_id}").json()["layers"]["cameras"] == {"count": 5, "revision": 2, "editable": True}


def test_a_site_is_taken_out_with_an_entry_in_the_log(client, database, site_id, name):
    assert client.delete(f"/sites/{site_id}").status_code == 204
    assert site_id not in [each["site_id"] for each in client.get("/sites").json()]
    assert client.delete(f"/sites/{site_id}").status_code == 404
    entry = list_entries(database)[0]
    assert (entry.actor, entry.action, entry.target) == ("local", "site.delete", name)


def test_what_a_role_may_not_see_is_left_out(tmp_path):
    with open_database(store_databases.make_address("sqlite", tmp_path)) as store:
        site_id = import_site(store, small_site.make_site("block", notes=NOTES))
        with connect(store, Settings(local=False, workers=0)) as client:
            viewer = accounts.sign_in(store, accounts.add_user(store, "viewer"))
            planner = accounts.sign_in(store, accounts.add_user(store, "planner"))
            told = client.get(f"/sites/{site_id}", headers=viewer).json()
            assert not {"cameras", "incidents"} & set(told["layers"])
            assert not any(layer["editable"] for layer in told["layers"].values())
            assert told["notes"] == [NOTES[0]]
            search = f"/sites/{site_id}/search"
            assert client.get(search, params={"q": "free"}, headers=viewer).json() == []
            found = client.get(search, params={"q": "free"}, headers=planner).json()
            assert [each["kind"] for each in found] == ["camera"]
            assert client.get("/legends", headers=viewer).status_code == 200
            assert client.get("/legends").status_code == 401


# searching


def find(client, site_id, text, **options):
    answer = client.get(f"/sites/{site_id}/search", params={"q": text, **options})
    assert answer.status_code == 200, answer.text
    return [(each["kind"], each["id"], each["name"]) for each in answer.json()]


def name_things(database, site_id):
    """Give cameras, places and streets names of many kinds."""
    site = small_site.make_site()
    names = ["Töölöntori", "上海路 12", "100% sure_", "O'Hara"]
    cameras = site.cameras.assign(name=names).drop(columns="stream_url")
    import_layer(database, site_id, "cameras", cameras)
    places = pd.concat([site.places] * 3).set_axis(pd.Index(["p1", "p2", "p3"], name="place_id"))
    import_layer(database, site_id, "places", places.assign(name=["North school", "School", "school of music"]))
    import_layer(database, site_id, "streets", site.streets.assign(name="High street"))


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """Give a store in SQLite with named things, and a client of its server."""
    folder = tmp_path_factory.mktemp("town")
    with open_database(store_databases.make_address("sqlite", folder)) as opened, connect(opened) as client:
        site_id = import_site(opened, small_site.make_site())
        name_things(opened, site_id)
        yield client, site_id


def test_what_begins_with_the_words_comes_before_what_has_them_inside(client, database, site_id):
    name_things(database, site_id)
    assert find(client, site_id, "SCHOOL") == [
        ("place", "p2", "School"), ("place", "p3", "school of music"), ("place", "p1", "North school")
    ]  # fmt: skip
    assert find(client, site_id, "school", limit=1) == [("place", "p2", "School")]
    # a street is one, however many pieces it has
    assert [(kind, name) for kind, _, name in find(client, site_id, "high s")] == [("street", "High street")]
    assert find(client, site_id, "上海") == [("camera", "wall", "上海路 12")]


@pytest.mark.parametrize(
    ("text", "camera"),
    [
        ("töölön", "free"), ("TÖÖLÖN", "free"), ("toolon", "free"), ("上海", "wall"), ("海路", "wall"),
        ("FREE", "free"),
        ("100%", "inside"), ("%", "inside"), ("e_", "inside"), ("o'h", "round"), ("  wall ", "wall"),
    ],
)  # fmt: skip
def test_cameras_are_found_by_id_and_name_in_any_script(town, text, camera):
    assert [each[:2] for each in find(*town, text)] == [("camera", camera)]


@pytest.mark.parametrize("text", ["nothing", "' OR 1=1 --", "*", "\\", "<script>", "free%", "%%"])
def test_signs_of_a_pattern_are_only_signs(town, text):
    assert find(*town, text) == []


def test_cells_are_found_by_their_id(client, database, site_id):
    _, cells = keep_cells(database, site_id)
    name = cells.index[1]
    assert find(client, site_id, name)[0] == ("cell", name, name)
    column = name.partition("_")[0]
    rows = [each for each in find(client, site_id, f"{column}_") if each[0] == "cell"]
    assert {each[1] for each in rows} == {each for each in cells.index if each.startswith(f"{column}_")}
    hit = client.get(f"/sites/{site_id}/search", params={"q": name}).json()[0]
    middle = gpd.GeoSeries(cells.geometry.centroid, crs=3067).to_crs(4326)[name]
    assert (hit["lon"], hit["lat"]) == pytest.approx((middle.x, middle.y), abs=1e-6)


def test_cells_of_the_site_are_found_where_nothing_was_measured(client, database, site_id):
    site = small_site.make_site()
    grid = draw_cells(lay_grid(site.study, cell_m=150.0), site.study, site.crs)[["geometry"]]
    import_layer(database, site_id, "grid", grid)
    assert find(client, site_id, grid.index[0]) == [("cell", grid.index[0], grid.index[0])]


@pytest.mark.parametrize(
    ("text", "lat", "lon"),
    [
        ("60.17, 24.94", 60.17, 24.94), ("60.17 24.94", 60.17, 24.94), ("24.94, 60.17", 60.17, 24.94),
        ("60.17°,24.94°", 60.17, 24.94), ("60.17\uff0c24.94", 60.17, 24.94), ("-33.9; 151.2", -33.9, 151.2),
        ("151.2 -33.9", -33.9, 151.2), ("0,0", 0.0, 0.0),
    ],
)  # fmt: skip
def test_coordinates_are_a_place(town, text, lat, lon):
    client, site_id = town
    (hit,) = client.get(f"/sites/{site_id}/search", params={"q": text}).json()
    assert (hit["kind"], hit["lat"], hit["lon"]) == ("place", lat, lon)


@pytest.mark.parametrize("text", ["200, 300", "95 95", "60.17", "60.17, 24.94, 3", "9" * 200])
def test_other_numbers_are_no_coordinates(town, text):
    assert find(*town, text) == []


def test_searches_that_make_no_sense_are_refused(town):
    client, site_id = town
    for options in ({}, {"q": ""}, {"q": "x" * 201}, {"q": "a", "limit": 21}):
        assert client.get(f"/sites/{site_id}/search", params=options).status_code == 422
    assert client.get("/sites/99/search", params={"q": "a"}).status_code == 404


# legends


def test_legends_have_the_colours_of_the_reports(client):
    told = client.get("/legends").json()
    cells = told["cells"]
    assert tuple(each["colour"] for each in cells["classes"]) == styles.RATE_COLOURS
    assert [each["to"] for each in cells["classes"]] == [*styles.RATE_BREAKS[1:-1], None]
    assert [each["from"] for each in cells["classes"]] == [None, *styles.RATE_BREAKS[1:-1]]
    assert {each["value"]: each["colour"] for each in told["blindspots"]["classes"]} == styles.CAUSE_COLOURS
    for name, standard in (("seen", "iec2014"), ("seen_iec2025", "iec2025")):
        assert [each["value"] for each in told[name]["classes"]] == list(density_classes(standard))
    assert {each["value"] for each in told["cameras"]["classes"]} == set(get_args(Status))
    assert tuple(each["to"] for each in told["response"]["classes"]) == WITHIN_MIN
    changes = told["changes"]["classes"]
    assert changes[0]["from"] is None
    assert changes[-1]["to"] is None
    assert all(one["to"] == other["from"] for one, other in pairwise(changes))
    assert told["changes"]["column"] in compare_cells.__doc__


def test_legends_speak_both_languages_and_are_apart_without_colour():
    def lightness(colour):
        red, green, blue = (int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5))
        return 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2

    for name, legend in list_legends().items():
        assert re.search("[\u4e00-\u9fff]", legend.title.zh), name
        for each in legend.classes:
            assert each.label.en, name
            assert each.label.zh, name
        if legend.type == "palette":  # told apart by dashes too
            looks = [(each.colour, tuple(each.dash or ())) for each in legend.classes]
            assert len(set(looks)) == len(looks)
        elif legend.type == "classes" and name not in ("changes", "streets"):
            light = [lightness(each.colour) for each in legend.classes]
            assert light in (sorted(light), sorted(light, reverse=True)), name
        else:
            assert len({each.colour for each in legend.classes}) == len(legend.classes)
    sides = [lightness(each.colour) for each in list_legends()["changes"].classes]
    assert sides[:5] == sorted(sides[:5])
    assert sides[4:] == sorted(sides[4:], reverse=True)


def test_a_memory_forgets_what_was_not_asked_for_longest():
    memory, asked = Memory[int](2), []

    def find_out(number):
        asked.append(number)
        return number * 10

    for number in (1, 2, 1, 3, 1, 2):
        assert memory.recall(number, lambda number=number: find_out(number)) == number * 10
    assert asked == [1, 2, 3, 2]


def test_a_site_without_a_study_area_has_no_bounds(client, database, site_id):
    import_layer(database, site_id, "zones", small_site.make_site().zones.assign(rule="private"))
    told = client.get(f"/sites/{site_id}").json()
    assert (told["bounds"], told["center"]) == (None, None)
