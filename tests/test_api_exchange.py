"""Layers in and out as files: nothing is lost on the way, nothing that should stay leaves, nothing bad comes in."""

from __future__ import annotations

import io
import json
import re
import sqlite3
import tempfile
import zipfile
from pathlib import Path
from urllib.parse import unquote

import accounts
import api_server
import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
import small_site
import store_databases
from api_server import connect
from pyproj import CRS

import sightgrid as sg
from sightgrid import schemas
from sightgrid.api.planning import uploads
from sightgrid.api.planning.exports import mask_formula, name_file
from sightgrid.api.settings import Settings
from sightgrid.columns import KINDS
from sightgrid.store.audit_log import list_entries
from sightgrid.store.database import open_database
from sightgrid.store.layers import read_layer
from sightgrid.store.scenarios import add_scenario, put_cameras, read_cameras
from sightgrid.store.sites import find_site, import_layer, import_site
from sightgrid.store.streams import read_streams

server, database, client, name = api_server.server, api_server.database, api_server.client, api_server.name
NEAR_M = 0.02  # coordinates are written with seven decimals of a degree
FORMATS = ("gpkg", "geojson", "csv", "kml")


def make_block(name="block"):
    site = small_site.make_site(name)
    cameras = schemas.complete(site.cameras, "cameras")
    cameras.loc["round", ["name", "owner_class", "purpose"]] = ["=1+2", "-12", "@home"]
    cameras.loc["inside", "name"] = "'=quoted"
    cameras.loc["wall", "indoor"] = True
    return site.with_cameras(cameras)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Give a store in SQLite, a client of its server, and a site."""
    folder = tmp_path_factory.mktemp("plain")
    with open_database(store_databases.make_address("sqlite", folder)) as opened, connect(opened) as client:
        yield opened, client, import_site(opened, make_block())


@pytest.fixture(autouse=True)
def _nothing_stays(request, tmp_path, monkeypatch):
    """Whatever is sent or asked for: no file of it stays on the disk."""
    if "plain" not in request.fixturenames:  # PostgreSQL lies in a temporary folder as well
        yield
        return
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


def export(client, site_id, **options):
    answer = client.get(f"/sites/{site_id}/export", params=options)
    assert answer.status_code == 200, answer.text
    return answer


def send(client, site_id, layer, content, name, **fields):
    files = {"file": (name, content)}
    return client.post(f"/sites/{site_id}/layers/{layer}", files=files, data=fields)


def take(client, site_id, layer, content, name, **fields):
    answer = send(client, site_id, layer, content, name, **fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def assert_same(one, other, layer):
    pd.testing.assert_index_equal(one.index, other.index, check_names=False)
    for name in one.columns:
        if name not in ("version", "stream_url", one.geometry.name):
            told = [frame[name].astype(object).where(frame[name].notna(), None).to_list() for frame in (one, other)]
            assert told[0] == told[1], (layer, name)
    assert (shapely.hausdorff_distance(one.geometry.to_numpy(), other.geometry.to_numpy()) < NEAR_M).all()


# there and back


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("layer", KINDS)
def test_every_layer_comes_back_as_it_went_out(plain, layer, form):
    database, client, site_id = plain
    before = read_layer(database, site_id, layer)
    answer = export(client, site_id, layers=layer, format=form)
    told = take(client, site_id, layer, answer.content, f"mine.{form}")
    after = read_layer(database, site_id, layer)
    version = int(after["version"].iloc[0])
    wanted = {"layer": layer, "mode": "replace", "scenario_id": None, "rows": len(before), "version": version}
    assert told == {**wanted, "notes": []}
    assert_same(before, after, layer)


@pytest.mark.parametrize("form", FORMATS)
def test_cells_and_incidents_are_layers_too(plain, form):
    database, client, site_id = plain
    site = small_site.make_site()
    at = pd.to_datetime(["2026-03-29T02:30:00.5Z", "2026-03-29T04:30Z"], utc=True, format="ISO8601")
    incidents = gpd.GeoDataFrame(
        {
            "occurred_at": at, "category": ["theft", "=cmd"], "severity": [2.0, 1.0],
            "origin": ["reported", "discovered"],
        },
        index=pd.Index(["a", "b"], name="incident_id"), geometry=[site.study.centroid] * 2, crs=site.crs,
    )  # fmt: skip
    grid = gpd.GeoDataFrame(
        {"observable_m2": [81.5, 0.0], "demand": [3.0, 1.0]}, index=pd.Index(["1_2", "-1_2"], name="cell_id"),
        geometry=[shapely.box(*site.study.bounds)] * 2, crs=site.crs,
    )  # fmt: skip
    for layer, frame in (("incidents", incidents), ("grid", grid)):
        import_layer(database, site_id, layer, frame)
        before = read_layer(database, site_id, layer)
        take(client, site_id, layer, export(client, site_id, layers=layer, format=form).content, f"mine.{form}")
        assert_same(before, read_layer(database, site_id, layer), layer)


def test_a_whole_site_goes_out_and_comes_in_again(plain):
    database, client, site_id = plain
    answer = export(client, site_id)
    added = client.post("/sites", files={"file": ("again.gpkg", answer.content)})
    assert added.status_code == 201, added.text
    assert added.headers["location"] == f"/sites/{added.json()['site_id']}"
    assert added.json()["name"] == "again"
    for layer in KINDS:
        assert_same(read_layer(database, site_id, layer), read_layer(database, added.json()["site_id"], layer), layer)
    assert client.post("/sites", files={"file": ("again.gpkg", answer.content)}).status_code == 409


def test_a_scenario_goes_out_and_comes_in_in_both_databases(client, database, name):
    site = make_block(name)
    site_id = import_site(database, site)
    scenario = add_scenario(database, site_id, name="north / süd")
    number = scenario.scenario_id
    turned = site.cameras.loc[["free"]].drop(columns="stream_url").assign(azimuth_deg=5.0)
    put_cameras(database, number, turned, versions={"free": 0})
    answer = export(client, site_id, layers="cameras", format="csv", scenario_id=number)
    assert unquote(answer.headers["content-disposition"]).endswith("-north-süd-cameras.csv")
    table = pd.read_csv(io.BytesIO(answer.content), index_col="camera_id")
    assert table.loc["free", "azimuth_deg"] == 5.0
    # one turned back, one taken out, one new
    table.loc["free", "azimuth_deg"] = 90.0
    table.loc["new"] = table.loc["wall"]
    table = table.drop(index="round")
    content = table.to_csv().encode()
    told = take(client, site_id, "cameras", content, "cameras.csv", scenario_id=str(number))
    cameras = read_cameras(database, number)
    assert set(cameras.index) == {"free", "wall", "inside", "new"}
    assert told["version"] == cameras.loc["new", "version"] == 3
    assert len(read_layer(database, site_id, "cameras")) == 4
    # the same again changes nothing; beside the others they cannot stand
    assert take(client, site_id, "cameras", content, "c.csv", scenario_id=str(number))["version"] == 3
    again = send(client, site_id, "cameras", content, "c.csv", scenario_id=str(number), mode="add")
    assert again.status_code == 409
    assert "there already: 4 (" in again.json()["detail"]
    one = table.loc[["wall"]].rename(index={"wall": "later"}).to_csv().encode()
    assert take(client, site_id, "cameras", one, "c.csv", scenario_id=str(number), mode="add")["version"] == 4
    assert [entry.target for entry in list_entries(database)][:2] == [f"{name}/north / süd"] * 2


@pytest.mark.parametrize("layer", ["places", "cameras"])
def test_rows_are_added_beside_others_all_or_none_in_both_databases(client, database, name, layer):
    site_id = import_site(database, make_block(name))
    before = read_layer(database, site_id, layer)
    lon, lat = gpd.GeoSeries([small_site.make_site().study.centroid], crs=3067).to_crs(4326).iloc[0].coords[0]
    first = {"places": "place_id,category", "cameras": "camera_id,kind"}[layer]
    word = {"places": "school", "cameras": "dome"}[layer]
    text = f"{first},lon,lat\nx1,{word},{lon},{lat}\n"
    assert take(client, site_id, layer, text, "more.csv", mode="add")["rows"] == 1
    again = send(client, site_id, layer, text + f"x2,{word},{lon},{lat}\n", "more.csv", mode="add")
    assert again.status_code == 409
    after = read_layer(database, site_id, layer)
    assert set(after.index) == {*before.index, "x1"}


def test_rows_without_ids_get_ones_that_nobody_has(plain):
    database, client, site_id = plain
    before = set(read_layer(database, site_id, "posts").index)
    point = {"type": "Point", "coordinates": find_middle(database, site_id)}
    text = write_geojson([{"type": "Feature", "properties": {"height_m": "5,5"}, "geometry": point}])
    assert send(client, site_id, "posts", text, "p.json", mode="add").status_code == 422  # a decimal comma
    text = text.replace("5,5", "5.5")
    for _ in range(2):
        take(client, site_id, "posts", text, "p.json", mode="add")
    posts = read_layer(database, site_id, "posts")
    assert len(posts) == len(before) + 2
    assert set(posts.loc[~posts.index.isin(before), "height_m"]) == {5.5}


# what may not leave


def test_addresses_of_streams_leave_in_no_file_and_stay_where_they_are(plain):
    database, client, site_id = plain
    known = read_streams(database, site_id)
    assert set(known) == {small_site.STREAM}
    for form in FORMATS:
        answer = export(client, site_id, format=form)
        texts = [answer.content]
        if answer.headers["content-type"] == "application/zip":
            archive = zipfile.ZipFile(io.BytesIO(answer.content))
            texts = [archive.read(name) for name in archive.namelist()]
        assert not any(b"secret" in text or b"stream_url" in text for text in texts)
    # cameras that come in keep the address that is known, and bring none
    answer = export(client, site_id, layers="cameras", format="csv")
    table = pd.read_csv(io.BytesIO(answer.content), dtype=str).assign(stream_url="rtsp://thief@example/1")
    told = take(client, site_id, "cameras", table.to_csv(index=False), "c.csv")
    assert told["notes"] == ["cameras: stream_url is not taken over; addresses of streams are set on their own"]
    assert read_streams(database, site_id).to_dict() == known.to_dict()


def test_text_that_a_spreadsheet_would_compute_is_shown_as_text(plain):
    _, client, site_id = plain
    table = pd.read_csv(
        io.BytesIO(export(client, site_id, layers="cameras", format="csv").content), dtype=str, index_col="camera_id"
    )
    assert table.loc["round", ["name", "owner_class", "purpose"]].to_list() == ["'=1+2", "-12", "'@home"]
    assert table.loc["inside", "name"] == "''=quoted"
    assert table.loc["free", "name"] == small_site.SCRIPT_NAME
    assert [mask_formula(each) for each in ("+1 x", "-1", "\t=1", "\uff1d1", 5.0, None, "a=b")] == [
        "'+1 x", "-1", "'\t=1", "'\uff1d1", 5.0, None, "a=b"
    ]  # fmt: skip


def test_only_layers_that_a_role_may_see_are_given(tmp_path):
    with open_database(store_databases.make_address("sqlite", tmp_path)) as store:
        site_id = import_site(store, make_block())
        with connect(store, Settings(local=False, workers=0)) as client:
            cookies = {
                role: accounts.sign_in(store, accounts.add_user(store, role))
                for role in ("auditor", "dispatcher", "viewer", "planner")
            }
            path = f"/sites/{site_id}/export"

            def ask(role, **options):
                return client.get(path, params=options, headers=cookies[role])

            given = ask("auditor", format="csv")
            names = zipfile.ZipFile(io.BytesIO(given.content)).namelist()
            assert "block-cameras.csv" in names
            assert not any("incidents" in name for name in names)
            assert ask("auditor", layers="cameras,incidents").status_code == 403
            assert ask("planner", layers="cameras,incidents").status_code == 200
            assert ask("dispatcher", layers="streets").status_code == 403
            assert ask("viewer").status_code == 403
            for role, status in (("auditor", 403), ("viewer", 403), ("dispatcher", 403)):
                files = {"file": ("c.csv", "camera_id\n")}
                answer = client.post(f"/sites/{site_id}/layers/cameras", files=files, headers=cookies[role])
                assert answer.status_code == status


def test_files_open_elsewhere_with_names_and_styles(plain, tmp_path):
    _, client, site_id = plain
    package = tmp_path / "site.gpkg"
    package.write_bytes(export(client, site_id).content)
    layers = set(pyogrio.list_layers(package)[:, 0])
    assert {*KINDS} <= layers
    styles = pyogrio.read_dataframe(package, layer="layer_styles")
    assert set(styles["f_table_name"]) == layers - {"layer_styles"}
    assert sg.open_site(package).crs.to_epsg() == 3067
    kml = tmp_path / "c.kml"
    answer = export(client, site_id, layers="cameras", format="kml")
    kml.write_bytes(answer.content)
    assert answer.headers["content-type"] == "application/vnd.google-earth.kml+xml"
    names = pyogrio.read_dataframe(kml)["Name"]
    assert names.iloc[0] == small_site.SCRIPT_NAME
    assert b"<script>" not in answer.content
    geojson = json.loads(export(client, site_id, layers="cameras", format="geojson").content)
    assert "crs" not in geojson
    assert geojson["features"][0]["properties"]["azimuth_deg"] == 90.0
    assert name_file("a/../b c", "上海\n") == "a-..-b-c-上海"


# what is refused


def find_middle(database, site_id):
    study = read_layer(database, site_id, "zones").to_crs(4326).union_all().centroid
    return [study.x, study.y]


def write_geojson(features, **members):
    return json.dumps({"type": "FeatureCollection", "features": features, **members})


def feature(shape, **properties):
    return {"type": "Feature", "properties": {"category": "school", **properties}, "geometry": shape}


def make_place():
    columns = {"place_id": ["a"], "category": ["school"]}
    return gpd.GeoDataFrame(columns, geometry=[shapely.Point(24.932, 60.166)], crs=4326)


def write_package(path, statements=(), *, layer="places"):
    frame = gpd.GeoDataFrame(
        {"place_id": ["a"], "category": ["school"]}, geometry=[shapely.Point(24.99, 60.16)], crs=4326
    )
    pyogrio.write_dataframe(frame, path, layer=layer, driver="GPKG")
    connection = sqlite3.connect(path)
    connection.executescript("PRAGMA writable_schema = ON;" + ";".join(statements))
    connection.commit()
    connection.close()
    return path.read_bytes()


def write_zip(members, *, method=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def write_shapefile(folder):
    make_place().assign(place_id="shape").to_file(folder / "p.shp")
    return {file.suffix: file.read_bytes() for file in folder.glob("p.*")}


KML = '<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>{}</Document></kml>'
LINE = {"type": "LineString", "coordinates": [[24.9, 60.1], [24.9, 60.2]]}
POINT = {"type": "Point", "coordinates": [24.932, 60.166]}
BAD_TEXTS = {
    "empty": ("p.geojson", "", "the file is empty"),
    "no JSON": ("p.geojson", "{", "is no GeoJSON in UTF-8"),
    "NaN": ("p.geojson", '{"type":"FeatureCollection","features":[NaN]}', "NaN is no number of JSON"),
    "NaN in a shape": ("p.geojson", write_geojson([feature(POINT)]).replace("24.932", "NaN"), "NaN is no number"),
    "huge numbers": ("p.geojson", write_geojson([feature(POINT)]).replace("24.932", "1e999"), "must be a valid shape"),
    "long integers": ("p.geojson", write_geojson([feature(POINT)]).replace("24.932", "9" * 5000), "is no GeoJSON"),
    "no collection": ("p.json", '{"type":"Topology"}', "is no GeoJSON FeatureCollection"),
    "a list": ("p.json", "[]", "is no GeoJSON FeatureCollection"),
    "features of other kinds": ("p.json", write_geojson([7]), "feature 1 is no GeoJSON Feature"),
    "nested deeply": ("p.json", "[" * 100_000, "is nested too deeply"),
    "UTF-16 with half a character": ("p.json", "\ud83d".encode("utf-16", "surrogatepass"), "is no GeoJSON in UTF-8"),
    "latin text": ("p.json", write_geojson([]).encode() + b"\xff", "is no GeoJSON in UTF-8"),
    "no shape": ("p.json", write_geojson([feature(None, place_id="a")]), "must be a valid shape (1 row: a)"),
    "no such shape": ("p.json", write_geojson([feature({"type": "Circle"})]), "must be a valid shape"),
    "a ring of two": (
        "p.json", write_geojson([feature({"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]})]),
        "must be a valid shape",
    ),
    "shapes of another kind": ("p.json", write_geojson([feature(LINE)]), "must be Point or Polygon"),
    "metres called degrees": (
        "p.json", write_geojson([feature({"type": "Point", "coordinates": [385000, 6671500]})]),
        "is it in another coordinate system?",
    ),
    "the other end of the world": (
        "p.json", write_geojson([feature({"type": "Point", "coordinates": [-60.0, -20.0]})]), "km from the site"
    ),
    "axes the other way round": (
        "p.json", write_geojson([feature({"type": "Point", "coordinates": [60.166, 24.932]})]), "km from the site"
    ),
    "a link as its system": (
        "p.json", write_geojson([feature(POINT)], crs={"type": "link", "properties": {"href": "http://127.0.0.1:9/"}}),
        "crs: must be a name",
    ),
    "an escaped link": (
        "p.json",
        '{"type":"FeatureCollection","features":[],"\\u0063rs":{"type":"link","properties":{"href":"http://127.0.0.1:9/"}}}',
        "crs: must be a name",
    ),
    "an unknown system": (
        "p.json", write_geojson([feature(POINT)], crs={"type": "name", "properties": {"name": "EPSG:999999"}}),
        "EPSG:999999 is not known",
    ),
    "a file as its system": (
        "p.json", write_geojson([], crs={"type": "name", "properties": {"name": "/etc/passwd"}}), "crs: must be a name"
    ),
    "no category": ("p.json", write_geojson([feature(POINT, category=None)]), "category: must be given"),
    "a number too large": ("p.json", write_geojson([feature(POINT, priority=10**9)]), "must lie in [1, 1000]"),
    "text for a number": ("p.json", write_geojson([feature(POINT, priority="first")]), "priority: must be a number"),
    "nested values": ("p.json", write_geojson([feature(POINT, name={"a": 1})]), "name: must not be nested"),
    "NUL": ("p.json", write_geojson([feature(POINT, name="a\x00b")]), "name: has characters that cannot be kept"),
    "half a character": ("p.json", write_geojson([feature(POINT, name="\ud83d")]), "characters that cannot be kept"),
    "an id twice": ("p.json", write_geojson([feature(POINT, place_id="a")] * 2), "ids must be unique (1 row: a)"),
    "a thousand properties": (
        "p.json", write_geojson([feature(POINT, **{f"p{n}": 1 for n in range(1000)})]), "more than 500 different"
    ),
    "no KML": ("p.kml", "<gpx></gpx>", "is no KML"),
    "no XML": ("p.kml", "kml", "is no XML"),
    "a document type": (
        "p.kml", '<!DOCTYPE kml [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><kml>&c;</kml>', "declares a document type"
    ),
    "a network link": (
        "p.kml", KML.format("<NetworkLink><Link><href>http://127.0.0.1:9/a.kml</href></Link></NetworkLink>"),
        "links to another file",
    ),
    "coordinates in words": (
        "p.kml", KML.format("<Placemark><name>a</name><Point><coordinates>here</coordinates></Point></Placemark>"),
        "must be a valid shape",
    ),
    "VRT in KML's clothes": (
        "p.kml",
        "<OGRVRTDataSource><OGRVRTLayer><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>",
        "is no KML",
    ),
    "a table without places": ("p.csv", "place_id,category\na,school\n", "lon, lat (or wkt): missing columns"),
    "a table without numbers": ("p.csv", "place_id,category,lon,lat\na,school,x,y\n", "be a valid shape (1 row: a)"),
    "a ragged table": ("p.csv", "category,lon,lat\nschool,24.9\n", "fewer fields than the header (1 row: row 1)"),
    "shapes in words": ("p.csv", "category,wkt\nschool,POINT(here)\n", "must be a valid shape"),
    "bytes for a table": ("p.csv", b"\x00\xff\xfe\x00" * 9, "neither UTF-8 nor GB 18030"),
    "a system of files": ("p.exe", "MZ", "cannot be read; send one of"),
    "no ending": ("places", "{}", "cannot be read; send one of"),
    "a text called package": ("p.gpkg", "{}", "is no .gpkg file"),
    "a text called archive": ("p.zip", "PK", "is no .zip file"),
    "a broken archive": ("p.zip", b"PK\x03\x04" + b"\x00" * 50, "the archive is damaged"),
    "a package that is none": ("p.gpkg", b"SQLite format 3\x00" + b"\x00" * 4000, "is no GeoPackage, or is damaged"),
    "a broken fgb": ("p.fgb", b"fgb\x03fgb\x00" + b"\xff" * 200, ""),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "told"), BAD_TEXTS.values(), ids=BAD_TEXTS)
def test_bad_files_are_one_clear_problem_and_change_nothing(plain, name, content, told):
    database, client, site_id = plain
    before, entries = find_site(database, site_id).revisions, len(list_entries(database))
    answer = send(client, site_id, "places", content, name)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    detail = answer.json()["detail"]
    assert told in detail
    assert "\n" not in detail
    assert tempfile.gettempdir() not in answer.text
    assert "upload." not in detail
    assert find_site(database, site_id).revisions == before
    assert len(list_entries(database)) == entries


def test_a_system_without_a_place_on_earth_is_told(plain, tmp_path):
    _, client, site_id = plain
    local = CRS.from_wkt('LOCAL_CS["works yard",UNIT["metre",1]]')
    make_place().set_crs(local, allow_override=True).to_file(tmp_path / "p.gpkg")
    answer = send(client, site_id, "places", (tmp_path / "p.gpkg").read_bytes(), "p.gpkg")
    assert answer.status_code == 400, answer.text
    assert "places: coordinates in works yard cannot be turned into" in answer.json()["detail"]


def test_faults_are_told_one_by_one_for_programs_too(plain):
    _, client, site_id = plain
    rows = [feature(POINT, place_id=f"p{n}", priority=-1, required_views=0.5) for n in range(9)]
    body = send(client, site_id, "places", write_geojson(rows), "p.json").json()
    assert body["faults"][0] == {
        "column": "priority", "rule": "must lie in [1, 1000]", "count": 9, "ids": ["p0", "p1", "p2", "p3", "p4"]
    }  # fmt: skip
    assert [each["column"] for each in body["faults"]] == ["priority", "required_views"]


def test_tables_and_links_inside_a_package_are_refused(plain, tmp_path):
    _, client, site_id = plain
    cases = {
        "made of other files": "INSERT INTO sqlite_master (type, name, tbl_name, rootpage, sql) "
        "VALUES ('table', 'using rtree(', 'using rtree(', 0, "
        "'CREATE VIRTUAL TABLE \"using rtree(\" USING VirtualOGR(''/etc/passwd'')')",
        "is a view": "CREATE VIEW v AS SELECT 1 AS fid; INSERT INTO gpkg_contents (table_name, data_type, identifier) "
        "VALUES ('v', 'features', 'v')",
    }
    for number, (told, statement) in enumerate(cases.items()):
        content = write_package(tmp_path / f"{number}.gpkg", [statement])
        answer = send(client, site_id, "places", content, "p.gpkg")
        assert answer.status_code == 422, answer.text
        assert told in answer.json()["detail"]
    content = write_package(tmp_path / "good.gpkg")
    assert "km from the site" not in send(client, site_id, "places", content, "good.gpkg").text
    cut = content[: len(content) // 2]
    assert send(client, site_id, "places", cut, "cut.gpkg").status_code == 422
    several = write_package(tmp_path / "several.gpkg", layer="one")
    (tmp_path / "more.gpkg").write_bytes(several)
    frame = gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(24.99, 60.16)], crs=4326)
    pyogrio.write_dataframe(frame, tmp_path / "more.gpkg", layer="two", append=False)
    answer = send(client, site_id, "places", (tmp_path / "more.gpkg").read_bytes(), "more.gpkg")
    assert "which layer to read is not clear: one, two" in answer.json()["detail"]
    no_crs = tmp_path / "no.gpkg"
    with pytest.warns(UserWarning, match="crs"):
        pyogrio.write_dataframe(frame.set_crs(None, allow_override=True), no_crs)
    answer = send(client, site_id, "places", no_crs.read_bytes(), "no.gpkg")
    assert answer.status_code == 422
    assert "coordinate system" in answer.json()["detail"]


def test_archives_that_trick_are_refused(plain, tmp_path):
    _, client, site_id = plain
    parts = write_shapefile(tmp_path)
    good = [(f"folder/p{suffix}", content) for suffix, content in parts.items()]
    link = zipfile.ZipInfo("p.shp")
    link.external_attr = 0o120777 << 16
    cases = {
        "leads out of it": write_zip([("../p.shp", b"x")]),
        "leads out": write_zip([("/etc/p.shp", b"x")]),
        "whose name leads": write_zip([("..\\p.shp", b"x")]),
        "a link in it": write_zip([(link, b"/etc/passwd")]),
        "several .shp files": write_zip([*good, ("q.shp", b"x")]),
        "holds no shapefile": write_zip([("p.txt", b"x")]),
        "more than 20": write_zip([(f"{n}.txt", b"x") for n in range(21)]),
        "would grow to": write_zip([("p.shp", b"\x00" * 300_000_000)]),
        "cannot be": write_zip([("p.shp", b"not a shape"), ("p.dbf", b"")]),
    }
    for told, content in cases.items():
        answer = send(client, site_id, "places", content, "p.zip")
        assert answer.status_code == 422, answer.text
        assert told in answer.json()["detail"]
        assert "passwd" not in answer.text
    assert take(client, site_id, "places", write_zip(good), "p.zip", mode="add")["rows"] == 1


def test_an_archive_that_lies_about_its_size_is_stopped(tmp_path):
    content = bytearray(write_zip([("p.shp", b"\x00" * 50_000)]))
    small = (1000).to_bytes(4, "little")
    for place in re.finditer(re.escape((50_000).to_bytes(4, "little")), bytes(content)):
        content[place.start() : place.start() + 4] = small
    path = tmp_path / "lie.zip"
    path.write_bytes(content)
    with pytest.raises(uploads.SourceError, match=r"longer than the archive says|damaged"):
        uploads.unpack_shapefile(path, most_bytes=10_000_000)


def test_a_line_of_a_million_points_and_a_polygon_that_crosses_itself(plain):
    database, client, site_id = plain
    lon, lat = find_middle(database, site_id)
    before = read_layer(database, site_id, "streets")
    line = {"type": "LineString", "coordinates": [[lon, lat], [lon + 0.001, lat]] * 500_000}
    text = write_geojson([{"type": "Feature", "properties": {"highway": "path"}, "geometry": line}])
    assert take(client, site_id, "streets", text, "s.geojson")["rows"] == 1
    line["coordinates"] = line["coordinates"][:2]
    text = write_geojson([{"type": "Feature", "properties": {"highway": "path"}, "geometry": line}])
    assert send(client, site_id, "streets", text, "s.geojson", mode="add").status_code == 422
    import_layer(database, site_id, "streets", before.drop(columns="version"))
    side = 0.0002
    bow = [[lon, lat], [lon + side, lat + side], [lon + side, lat], [lon, lat + side], [lon, lat]]
    water = read_layer(database, site_id, "water")
    shape = {"type": "Polygon", "coordinates": [bow]}
    text = write_geojson([{"type": "Feature", "id": 7, "properties": {}, "geometry": shape}])
    told = take(client, site_id, "water", text, "w.json")
    assert told["rows"] == 2
    assert told["notes"] == ["water: broken rings repaired: 1 (7)"]
    assert set(read_layer(database, site_id, "water").index) == {"7", "7#2"}
    import_layer(database, site_id, "water", water.drop(columns="version"))


def test_ledgers_in_chinese_and_other_systems_are_read(plain):
    database, client, site_id = plain
    lon, lat = find_middle(database, site_id)
    text = f"编号,名称,经度,纬度,朝向\nc9,上海路,{lon},{lat},45\n"
    take(client, site_id, "cameras", text.encode("gb18030"), "账本.csv", mode="add")
    assert read_layer(database, site_id, "cameras").loc["c9", "name"] == "上海路"
    point = gpd.GeoSeries([shapely.Point(lon, lat)], crs=4326).to_crs(3067).iloc[0]
    shape = {"type": "Point", "coordinates": [point.x, point.y]}
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3067"}}
    text = write_geojson([feature(shape, place_id="x9")], crs=named)
    take(client, site_id, "places", text, "p.geojson", mode="add")
    assert read_layer(database, site_id, "places").loc["x9"].geometry.distance(point) < NEAR_M
    assert list_entries(database)[0].detail["file"] == "p.geojson"


def test_what_a_site_needs_cannot_be_taken_away(plain):
    _, client, site_id = plain
    nothing = write_geojson([])
    for layer in ("cameras", "obstacles"):
        assert "holds no rows" in send(client, site_id, layer, nothing, "n.json").json()["detail"]
    assert "study area" in send(client, site_id, "zones", nothing, "n.json").json()["detail"]
    away = f"camera_id,lon,lat\na,{25.5},{60.16}\n"
    assert "more than 1000 m outside the study area" in send(client, site_id, "cameras", away, "c.csv").json()["detail"]
    lost = "camera_id,lon,lat\na,0,0\n"
    assert "camera at (0, 0)" in send(client, site_id, "cameras", lost, "c.csv").json()["detail"]


def test_forms_that_make_no_sense_are_refused(plain):
    database, client, site_id = plain
    path = f"/sites/{site_id}/layers/places"
    text = write_geojson([])
    assert client.post(path).status_code == 415
    assert client.post(path, json={}).status_code == 415
    assert client.post(path, data={"file": "text"}, files={"other": ("a", "b")}).status_code == 422
    assert client.post(path, content=b"x", headers={"Content-Type": "multipart/form-data"}).status_code == 400
    broken = b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"
    of_parts = {"Content-Type": "multipart/form-data; boundary=b"}
    assert client.post(path, content=broken, headers=of_parts).status_code == 400
    unended = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.json"\r\n\r\n{}'
    answer = client.post(path, content=unended, headers=of_parts)
    assert answer.status_code in (400, 422)
    for fields in (
        {"mode": "merge"},
        {"scenario_id": "x"},
        {"scenario_id": "1"},
        {"more": "1"},
        {"mode": "x" * 20_000},
    ):
        assert send(client, site_id, "places", text, "p.json", **fields).status_code in (400, 422), fields
    ledger = "camera_id,lon,lat\na,24,60\n"
    assert send(client, site_id, "cameras", ledger, "c.csv", scenario_id="99").status_code == 404
    assert send(client, 99, "places", text, "p.json").status_code == 404
    assert send(client, site_id, "nothing", text, "p.json").status_code == 422
    other = add_scenario(database, import_site(database, make_block("elsewhere")), name="s").scenario_id
    answer = send(client, site_id, "cameras", ledger, "c.csv", scenario_id=str(other))
    assert answer.status_code == 404
    for options in ({"layers": "nothing"}, {"layers": ","}, {"format": "shp"}, {"scenario_id": "0"}):
        assert client.get(f"/sites/{site_id}/export", params=options).status_code == 422
    for options in ({"scenario_id": "99"}, {"scenario_id": str(other)}):
        assert client.get(f"/sites/{site_id}/export", params=options).status_code == 404
    assert client.get("/sites/99/export").status_code == 404


def test_file_names_are_only_names(plain):
    database, client, site_id = plain
    text = write_geojson([feature(POINT, place_id="n")])
    for name in ("../../etc/places.json", "..\\..\\places.json", "/root/places.json", "a\x07b.json"):
        answer = send(client, site_id, "places", text, name, mode="add")
        assert answer.status_code in (200, 409, 422), answer.text
    assert not any("/" in str(entry.detail.get("file")) for entry in list_entries(database))
    assert uploads._clean_name("x" * 500 + ".json").endswith(".json")


def test_sites_that_cannot_be_are_refused(plain, tmp_path):
    database, client, _ = plain
    before = client.get("/sites").json()
    package = tmp_path / "half.gpkg"
    site = make_block()
    site.obstacles.reset_index().to_file(package, layer="obstacles", driver="GPKG")
    content = package.read_bytes()
    answer = client.post("/sites", files={"file": ("half.gpkg", content)})
    assert (answer.status_code, answer.json()["detail"]) == (422, "half.gpkg: missing layer cameras")
    for name, fields in (("half.json", {}), ("half.gpkg", {"name": "a\nb"}), ("half.gpkg", {"name": "x" * 300})):
        assert client.post("/sites", files={"file": (name, content)}, data=fields).status_code == 422
    assert client.get("/sites").json() == before
    assert Path(database.name).exists()
