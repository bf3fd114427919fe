"""Layers over HTTP (OGC API - Features), on SQLite and on PostGIS: read, paged, asked by place and time, edited."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import accounts
import geopandas as gpd
import jsonschema_rs
import numpy as np
import pandas as pd
import pytest
import shapely
import store_databases
from api_server import connect
from pyproj import CRS
from schemathesis.specs.openapi.definitions import OPENAPI_30

from sightgrid.api.features import editing, reading
from sightgrid.api.features.crs import CRS84, EPSG, bring_area, list_references
from sightgrid.api.roles import EDIT, READ, ROLES
from sightgrid.api.settings import Settings
from sightgrid.store.audit_log import list_entries, verify_log
from sightgrid.store.database import open_database
from sightgrid.store.edits import update_features
from sightgrid.store.layer_tables import LAYERS, kept_columns
from sightgrid.store.layers import read_layer
from sightgrid.store.rows import name_ids
from sightgrid.store.scenarios import add_scenario, find_scenario, read_cameras
from sightgrid.store.sites import find_site, import_layer, import_site

few = store_databases.few
ALONE = Settings(workers=0)
SCRIPT = "<script>alert('1')</script> & \"東\""


def make_grid(site):
    x, y = site.study.centroid.coords[0]
    cells = [shapely.box(x + 10 * n, y, x + 10 * n + 10, y + 10) for n in range(3)]
    return gpd.GeoDataFrame(
        {"observable_m2": [100.0, 0.0, 50.0], "demand": [1.0, np.nan, 0.5]},
        index=pd.Index(["1_1", "2_1", "3_1"], name="cell_id", dtype="str"), geometry=cells, crs=site.crs,
    )  # fmt: skip


def make_incidents(site):
    x, y = site.study.centroid.coords[0]
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    return gpd.GeoDataFrame(
        {
            "occurred_at": pd.to_datetime([start + timedelta(hours=n) for n in range(30)], utc=True),
            "category": ["theft", None, "东"] * 10,
            "officer": [None, "x", 3] * 10,  # beside the contract
        },
        index=pd.Index([f"i{n:02}" for n in range(30)], name="incident_id", dtype="str"),
        geometry=gpd.points_from_xy(x + np.arange(30.0), y + np.zeros(30), crs=site.crs),
    )


@contextmanager
def serve(kind, folder, few):
    with open_database(store_databases.make_address(kind, folder)) as database:
        site_id = import_site(database, few, name="town")
        import_layer(database, site_id, "grid", make_grid(few))
        import_layer(database, site_id, "incidents", make_incidents(few))
        with connect(database, ALONE) as client:
            yield database, site_id, client


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served(request, tmp_path_factory, few):
    """Give a store that a test may add to, the number of its site, and a client of its server."""
    with serve(request.param, tmp_path_factory.mktemp("features"), few) as opened:
        yield opened


@pytest.fixture(scope="module")
def edge(tmp_path_factory, few):
    """Give the same on SQLite alone, for what never gets as far as the store."""
    with serve("sqlite", tmp_path_factory.mktemp("edge"), few) as opened:
        yield opened


def items(site_id, layer, item=None):
    path = f"/collections/{site_id}.{layer}/items"
    return path if item is None else f"{path}/{quote(item, safe='')}"


def read_pages(client, address, **query):
    """Follow the links from page to page."""
    features, pages = [], 0
    answer = client.get(address, params=query)
    while True:
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page["numberReturned"] == len(page["features"])
        features += page["features"]
        pages += 1
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        if not following:
            return features, pages
        answer = client.get(following[0])


def make_camera(spot=(24.9400, 60.1700), name=None, **properties):
    feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": list(spot)}}
    feature["properties"] = {"kind": "fixed", **properties}
    return feature if name is None else feature | {"id": name}


# what there is


def test_every_layer_is_a_collection_and_every_link_leads_somewhere(served, few):
    _, site_id, client = served
    answer = client.get("/collections").json()
    assert {each["id"] for each in answer["collections"]} >= {f"{site_id}.{layer}" for layer in LAYERS}
    for layer in LAYERS:
        about = client.get(f"/collections/{site_id}.{layer}").json()
        assert about["crs"][0] == about["storageCrs"] == f"{EPSG}{few.crs.to_epsg()}"
        assert CRS84 in about["crs"]
        for link in about["links"]:
            if "/tiles/" not in link["href"]:
                found = client.get(link["href"])
                assert found.status_code == 200, link
                assert found.headers["content-type"] == link["type"]
    west, south, east, north = client.get(f"/collections/{site_id}.streets").json()["extent"]["spatial"]["bbox"][0]
    points = shapely.box(*few.streets.to_crs(4326).total_bounds)
    assert shapely.box(west, south, east, north).buffer(1e-9).contains(points)
    assert shapely.box(west, south, east, north).area < points.area * 1.1


@pytest.mark.parametrize("name", ["0.cameras", "1.people", "1.grid.2", "01.cameras", "1", "x", "1.cameras.", "99.grid"])
def test_there_is_no_other_collection(edge, name):
    _, _, client = edge
    for path in ("", "/items", "/queryables", "/schema", "/items/a"):
        answer = client.get(f"/collections/{name}{path}")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


def test_what_is_declared_is_described_so_that_others_read_it(edge):
    _, _, client = edge
    classes = client.get("/conformance").json()["conformsTo"]
    assert len(set(classes)) == len(classes)
    answer = client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/vnd.oai.openapi+json;version=3.0"
    document = answer.json()
    assert document["openapi"].startswith("3.0.")
    jsonschema_rs.validator_for(OPENAPI_30).validate(document)
    assert document["components"]["parameters"]["limit"]["schema"]["maximum"] == 10_000
    given = {each["name"] for each in document["paths"]["/collections/{collection}/items"]["get"]["parameters"]}
    assert given >= {"limit", "bbox", "bbox-crs", "crs", "datetime", "filter", "filter-lang", "filter-crs"}


@pytest.mark.parametrize("layer", LAYERS)
def test_features_are_as_their_schema_says(edge, layer):
    """Units, ranges and choices: what a form is drawn from holds for what is there."""
    _, site_id, client = edge
    schema = client.get(f"/collections/{site_id}.{layer}/schema").json()
    queryables = client.get(f"/collections/{site_id}.{layer}/queryables").json()
    assert set(schema["properties"]) == {*queryables["properties"], "version"}
    shape = schema["properties"].pop("geometry")
    assert shape["x-ogc-role"] == "primary-geometry"
    check = jsonschema_rs.validator_for(schema)
    features, _ = read_pages(client, items(site_id, layer), limit=1000)
    assert features
    for feature in features:
        given = {name: value for name, value in feature["properties"].items() if value is not None}
        check.validate(given)
        assert set(given) <= {*schema["properties"], "officer"}


def test_units_ranges_and_choices_are_told(edge):
    _, site_id, client = edge
    schema = client.get(f"/collections/{site_id}.cameras/schema").json()
    about = schema["properties"]
    height = {key: about["mount_height_m"][key] for key in ("x-ogc-unit", "exclusiveMinimum", "maximum")}
    assert height == {"x-ogc-unit": "m", "exclusiveMinimum": 0.0, "maximum": 60.0}
    assert about["kind"]["enum"] == ["fixed", "dome", "ptz", "panorama"]
    assert schema["required"] == ["kind"]
    assert "stream_url" not in about
    when = client.get(f"/collections/{site_id}.incidents/schema").json()["properties"]["occurred_at"]
    assert (when["format"], when["x-ogc-role"]) == ("date-time", "primary-instant")


# reading


@pytest.mark.parametrize("layer", LAYERS)
def test_pages_give_every_feature_once_as_it_is_kept(served, layer):
    database, site_id, client = served
    frame = read_layer(database, site_id, layer)
    features, pages = read_pages(client, items(site_id, layer), limit=7)
    assert pages == -(-len(frame) // 7)
    assert client.get(items(site_id, layer), params={"limit": 1}).json()["numberMatched"] == len(frame)
    assert sorted(feature["id"] for feature in features) == sorted(name_ids(frame.index))
    found = {feature["id"]: feature for feature in features}
    lonlat = frame.to_crs(4326)
    for name, shape, (_, row) in zip(name_ids(frame.index), lonlat.geometry, frame.iterrows(), strict=True):
        feature = found[name]
        assert feature["version"] == feature["properties"]["version"] == row["version"]
        given = shapely.geometry.shape(feature["geometry"])
        assert given.geom_type == shape.geom_type
        assert shapely.hausdorff_distance(given, shape) < 1e-8
        for column in kept_columns(layer):
            if column.name in row.index:
                kept, got = row[column.name], feature["properties"][column.name]
                assert got == kept or (got is None and pd.isna(kept))


@pytest.mark.parametrize(("number", "inverted"), [(32635, False), (4326, True), (3857, False)])
def test_coordinates_are_given_in_the_system_that_is_asked_for(served, number, inverted):
    database, site_id, client = served
    answer = client.get(items(site_id, "obstacles"), params={"crs": f"{EPSG}{number}", "limit": 1000})
    assert answer.headers["content-crs"] == f"<{EPSG}{number}>"
    shapes = read_layer(database, site_id, "obstacles").to_crs(number).geometry
    for feature in answer.json()["features"]:
        given = shapely.geometry.shape(feature["geometry"])
        if inverted:
            given = shapely.transform(given, lambda points: points[:, ::-1])
        assert shapely.hausdorff_distance(given, shapes[feature["id"]]) < (1e-8 if number == 4326 else 1e-3)
    single = client.get(items(site_id, "obstacles", shapes.index[0]), params={"crs": f"{EPSG}{number}"})
    assert single.headers["content-crs"] == f"<{EPSG}{number}>"
    assert client.get(items(site_id, "obstacles")).headers["content-crs"] == f"<{CRS84}>"


@pytest.mark.parametrize("number", [None, 32635, 4326, 3857])
def test_a_box_finds_what_it_touches_in_every_system(served, number):
    database, site_id, client = served
    reference = CRS84 if number is None else f"{EPSG}{number}"
    shapes = read_layer(database, site_id, "streets").to_crs(number or 4326).geometry
    rng = np.random.default_rng(4)
    west, south, east, north = shapes.total_bounds
    for _ in range(6):
        x, y = np.sort(rng.uniform(west, east, 2)), np.sort(rng.uniform(south, north, 2))
        box = shapely.box(x[0], y[0], x[1], y[1])
        sides = [y[0], x[0], y[1], x[1]] if number == 4326 else [x[0], y[0], x[1], y[1]]
        if number == 3857:
            sides = [*sides[:2], -10.0, *sides[2:], 500.0]  # heights do not matter
        query = {"bbox": ",".join(map(str, sides)), "limit": 1000, **({"bbox-crs": reference} if number else {})}
        answer = client.get(items(site_id, "streets"), params=query).json()
        expected = name_ids(shapes.index[shapes.intersects(box)])
        assert sorted(feature["id"] for feature in answer["features"]) == sorted(expected)
        assert "numberMatched" not in answer


def test_a_box_may_hold_the_world_or_lie_beside_it(edge):
    database, site_id, client = edge
    count = len(read_layer(database, site_id, "cameras"))
    for box, expected in {
        "-180,-90,180,90": count, "20,50,30,70": count, "170,-10,-170,10": 0, "20,50,-170,70": count, "0,0,1,1": 0,
    }.items():  # fmt: skip
        features, _ = read_pages(client, items(site_id, "cameras"), bbox=box, limit=11)
        assert len(features) == expected, box
    mercator = {"bbox": "-20037508,-20037508,20037508,20037508", "bbox-crs": f"{EPSG}3857", "limit": 1000}
    assert len(client.get(items(site_id, "cameras"), params=mercator).json()["features"]) == count


def test_boxes_meet_a_site_on_the_180th_meridian():
    """Suva lies at 178.4 degrees east, Taveuni on both sides of the meridian; their system counts through it."""
    fiji = CRS.from_epsg(3460)
    references = list_references(fiji)
    points = gpd.GeoSeries(gpd.points_from_xy([179.99, -179.99], [-16.8, -16.8]), crs=4326).to_crs(fiji)
    for sides in [(179.9, -17, 180.1, -16), (-180.1, -17, -179.9, -16), (179.9 - 360, -17, 180.1 - 360, -16)]:
        shapes = bring_area(shapely.box(*sides), references[CRS84], fiji, anchor=(179.98, -16.8))
        assert [any(shape.intersects(point) for shape in shapes) for point in points] == [True, True]
    east = bring_area(shapely.box(179.9, -17, 180, -16), references[CRS84], fiji, anchor=(179.98, -16.8))
    assert [any(shape.intersects(point) for shape in east) for point in points] == [True, False]


def test_axes_stand_in_the_order_of_their_authority():
    """Northing first in Poland, easting first in Finland, westing first in South Africa's own counting."""
    found = {code: next(iter(list_references(CRS.from_epsg(code)).values())) for code in (2180, 3067, 2048)}
    assert [found[code].inverted for code in (2180, 3067, 2048)] == [True, False, False]
    own = CRS.from_proj4("+proj=tmerc +lat_0=60 +lon_0=24 +ellps=GRS80 +units=m")
    assert list(list_references(own)) == [CRS84, f"{EPSG}4326", f"{EPSG}3857"]


def test_incidents_are_asked_by_time(served):
    database, site_id, client = served
    times = read_layer(database, site_id, "incidents")["occurred_at"]
    at = [time.isoformat().replace("+00:00", "Z") for time in times]
    for text, expected in {
        at[3]: [3], f"{at[3]}/{at[5]}": [3, 4, 5], f"../{at[2]}": [0, 1, 2], f"{at[27]}/": [27, 28, 29],
        f"2026-03-01T16:00:00+02:00/{at[4]}": [2, 3, 4], "2030-01-01T00:00:00Z/..": [],
    }.items():  # fmt: skip
        answer = client.get(items(site_id, "incidents"), params={"datetime": text})
        assert [feature["id"] for feature in answer.json()["features"]] == [f"i{n:02}" for n in expected], text
    one = client.get(items(site_id, "incidents", "i03")).json()
    assert one["properties"]["occurred_at"] == at[3] == "2026-03-01T15:00:00Z"
    everything = client.get(items(site_id, "posts"), params={"datetime": at[0]}).json()
    assert everything["numberReturned"] > 0  # what has no time is not asked for one


def test_conditions_hold_together(served):
    database, site_id, client = served
    frame = read_layer(database, site_id, "obstacles")
    middle = frame.geometry.iloc[5].centroid
    box = shapely.box(middle.x - 150, middle.y - 150, middle.x + 150, middle.y + 150)
    expected = frame.index[frame.intersects(box) & (frame["height_m"] > 12)]
    query = {
        "bbox": ",".join(map(str, box.bounds)), "bbox-crs": f"{EPSG}32635", "filter": "height_m > 12", "limit": 3,
    }  # fmt: skip
    features, pages = read_pages(client, items(site_id, "obstacles"), **query)
    assert sorted(feature["id"] for feature in features) == sorted(expected)
    assert pages == max(-(-len(expected) // 3), 1)
    as_json = {"filter": '{"op":">","args":[{"property":"height_m"},12]}', "filter-lang": "cql2-json"}
    features, _ = read_pages(client, items(site_id, "obstacles"), **{**query, **as_json})
    assert sorted(feature["id"] for feature in features) == sorted(expected)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("limit=0", "limit: must be a whole number above 0"), ("limit=-1", "limit"), ("limit=x", "limit"),
        ("limit=%D9%A3", "limit"), ("limit=1e3", "limit"), ("limit=", "limit"), ("limit=1&limit=2", "limit: is given"),
        ("after=x", "after: must be what the next link says"), ("after=99999999999999999999", "after"),
        ("bbox=1,2,3", "bbox: must be 4 or 6 numbers"), ("bbox=a,b,c,d", "bbox"), ("bbox=1,2,nan,4", "bbox"),
        ("bbox=1,2,inf,4", "bbox"), ("bbox=1,5,2,4", "bbox: its lower corner must come first"), ("bbox=", "bbox"),
        ("crs=EPSG:4326", "crs: must be one of http"), ("bbox-crs=x", "bbox-crs: must be one of"),
        ("filter-crs=x", "filter-crs: must be one of"), ("filter-lang=sql&filter=1", "filter-lang: must be one of"),
        ("datetime=yesterday", "datetime"), ("datetime=2026-01-01", "datetime"), ("datetime=../..", "datetime"),
        ("datetime=2026-01-02T00:00:00Z/2026-01-01T00:00:00Z", "datetime"), ("datetime=2026-01-01T00:00", "datetime"),
        ("offset=3", "unknown parameter offset; there are limit"), ("kind=ptz", "unknown parameter kind"),
        ("%3Cscript%3E=1", "unknown parameter <script>"), ("filter=", "filter: expected a property or a value"),
        ("filter=1%3D1%27%3B%20DROP%20TABLE%20sites", "filter: cannot read"),
    ],
)  # fmt: skip
def test_wrong_parameters_are_told(edge, query, words):
    _, site_id, client = edge
    answer = client.get(f"{items(site_id, 'incidents')}?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]
    assert "SELECT" not in answer.text


def test_a_limit_that_is_too_large_gives_the_most(edge):
    _, site_id, client = edge
    assert client.get(items(site_id, "streets"), params={"limit": 10**9}).json()["numberReturned"] > 0


@pytest.mark.parametrize("name", ["nothing", "a/b", "%00", "' OR 1=1 --", "..%2F..%2Fetc", "x" * 5000, "\ud7ff", "_"])
def test_a_feature_that_is_not_there(served, name):
    _, site_id, client = served
    for layer in ("cameras", "streets"):
        answer = client.get(f"{items(site_id, layer)}/{name if '%' in name else quote(name, safe='')}")
        assert answer.status_code == (400 if name == "%00" else 404)
        assert answer.headers["content-type"] == "application/problem+json"


# editing


def test_a_feature_is_created_replaced_and_deleted(served):
    database, site_id, client = served
    answer = client.post(items(site_id, "cameras"), json=make_camera(azimuth_deg=90.0, note="new", angle=3))
    assert answer.status_code == 201, answer.text
    feature, address, tag = answer.json(), answer.headers["location"], answer.headers["etag"]
    assert feature["id"].startswith("camera-")
    assert address.endswith(f"/items/{feature['id']}")
    assert tag == f'"{feature["version"]}"'
    assert client.get(address).json() == feature
    assert feature["properties"]["note"] == "new"  # what the contract does not know is kept beside it

    changed = feature | {"properties": {**feature["properties"], "azimuth_deg": 120.5, "name": SCRIPT}}
    answer = client.put(address, json=changed, headers={"If-Match": tag})
    assert answer.status_code == 200, answer.text
    assert answer.json()["version"] > feature["version"]
    assert answer.headers["etag"] != tag
    kept = read_layer(database, site_id, "cameras").loc[feature["id"]]
    assert (kept["azimuth_deg"], kept["name"]) == (120.5, SCRIPT)
    got = client.get(address)
    assert got.json()["properties"]["name"] == SCRIPT
    assert got.headers["content-type"] == "application/geo+json"
    assert got.headers["x-content-type-options"] == "nosniff"

    # whoever still has the first version is told both, and what is there now
    for stale in (client.put(address, json=feature, headers={"If-Match": tag}),
                  client.delete(address, headers={"If-Match": tag})):  # fmt: skip
        assert stale.status_code == 412
        problem = stale.json()
        assert (problem["given"], problem["current"]) == (feature["version"], got.json()["version"])
        assert problem["feature"] == got.json()
    for blind in (client.put(address, json=make_camera()), client.delete(address)):
        assert blind.status_code == 428
    for odd in ("*", "7", '"x"', '"1", "2"'):
        assert client.delete(address, headers={"If-Match": odd}).status_code == 400

    assert client.delete(address, headers={"If-Match": got.headers["etag"]}).status_code == 204
    for gone in (client.get(address), client.delete(address, headers={"If-Match": tag}),
                 client.put(address, json=changed, headers={"If-Match": tag})):  # fmt: skip
        assert gone.status_code == 404
    log = [(entry.actor, entry.action, entry.target) for entry in list_entries(database, limit=3)]
    target = f"{find_site(database, site_id).name}/{feature['id']}"
    assert log == [("local", f"camera.{word}", target) for word in ("delete", "replace", "create")]
    verify_log(database)


def test_programs_without_if_match_bring_back_the_version_as_a_property(served):
    """QGIS sends all properties of a feature with PUT, but no header."""
    _, site_id, client = served
    feature = client.post(items(site_id, "cameras"), json=make_camera()).json()
    address = items(site_id, "cameras", feature["id"])
    first = client.put(address, json=feature | {"properties": {**feature["properties"], "name": "first"}})
    assert first.status_code == 200
    # attributes and geometry of one save come in two parts, both with the version that was read
    second = client.put(address, json=feature | {"properties": {**feature["properties"], "name": "second"}})
    assert second.status_code == 200
    tag = second.headers["etag"]
    other = client.put(address, json=second.json(), headers={"If-Match": tag})
    third = client.put(address, json=feature | {"properties": {**feature["properties"], "name": "third"}})
    assert third.status_code == 412  # somebody else came between
    assert third.json()["feature"] == other.json()
    blind = client.put(address, json=feature | {"properties": {**feature["properties"], "version": None}})
    assert blind.status_code == 428
    assert client.put(address, json=feature, headers={"If-Match": tag}).status_code == 412


def test_a_save_in_parts_ends(served, monkeypatch):
    _, site_id, client = served
    feature = client.post(items(site_id, "cameras"), json=make_camera()).json()
    address = items(site_id, "cameras", feature["id"])
    monkeypatch.setattr(editing, "SAVE_S", 0.0)
    assert client.put(address, json=feature).status_code == 200
    assert client.put(address, json=feature).status_code == 412


def test_an_id_is_taken_once(served):
    _, site_id, client = served
    assert client.post(items(site_id, "cameras"), json=make_camera(name="once")).status_code == 201
    again = client.post(items(site_id, "cameras"), json=make_camera(name="once"))
    assert (again.status_code, again.json()["detail"]) == (409, "cameras once: is there already")


@pytest.mark.parametrize("name", ["a/b", "a?b=c&d#e", "100 %", "%2F", SCRIPT, "é + 東", "a//b/", "'; DROP TABLE sites"])
def test_ids_come_back_from_addresses(served, name):
    _, site_id, client = served
    answer = client.post(items(site_id, "posts"), json=make_camera(name=name) | {"properties": {"kind": "pole"}})
    assert answer.status_code == 201, answer.text
    address = answer.headers["location"]
    assert client.get(address).json()["id"] == name
    assert client.delete(address, headers={"If-Match": answer.headers["etag"]}).status_code == 204


@pytest.mark.parametrize("name", ["", " ", "x" * 129, "a\nb", "a\x1bb", ".", "..", "a\u2028b", "\u200b", 1.5, ["a"]])
def test_other_ids_are_refused(edge, name):
    _, site_id, client = edge
    answer = client.post(items(site_id, "cameras"), json=make_camera(name=name))
    assert answer.status_code == 422
    assert "id" in answer.json()["detail"]


def test_streets_are_named_by_their_nodes(edge):
    database, site_id, client = edge
    line = {"type": "LineString", "coordinates": [[24.94, 60.17], [24.941, 60.171]]}
    street = {"type": "Feature", "geometry": line, "properties": {"length_m": 124.0}}
    for name in (None, "a", "1_2", "1_2_x", "1_2_-3"):
        answer = client.post(items(site_id, "streets"), json=street | {"id": name})
        assert answer.status_code == 422
        assert "u_v_key" in answer.json()["detail"]
    answer = client.post(items(site_id, "streets"), json=street | {"id": "-7_0012_0"})
    assert answer.status_code == 201
    assert answer.json()["id"] == "-7_12_0"
    assert (-7, 12, 0) in read_layer(database, site_id, "streets").index
    address = answer.headers["location"]
    assert client.delete(address, headers={"If-Match": answer.headers["etag"]}).status_code == 204


@pytest.mark.parametrize("number", [None, 32635, 4326, 3857])
def test_coordinates_are_taken_in_the_system_that_they_are_sent_in(served, number, few):
    database, site_id, client = served
    spot = few.cameras.geometry.iloc[0]
    x, y = gpd.GeoSeries([spot], crs=few.crs).to_crs(number or 4326).get_coordinates().iloc[0]
    feature = make_camera((y, x, 12.0) if number == 4326 else (x, y, 12.0))
    headers = {"Content-Crs": f"<{EPSG}{number}>"} if number else {}
    answer = client.post(items(site_id, "cameras"), json=feature, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["content-crs"] == (f"<{EPSG}{number}>" if number else f"<{CRS84}>")
    assert len(answer.json()["geometry"]["coordinates"]) == 2  # heights are left out
    kept = read_layer(database, site_id, "cameras").geometry[answer.json()["id"]]
    assert kept.distance(spot) < 1e-6
    assert not kept.has_z


def polygon(*points):
    return {"type": "Polygon", "coordinates": [[*map(list, points), list(points[0])]]}


BOW = polygon((24.94, 60.17), (24.942, 60.171), (24.942, 60.17), (24.94, 60.171))


@pytest.mark.parametrize(
    ("layer", "change", "words"),
    [
        ("zones", {"geometry": BOW}, "geometry: the Polygon crosses itself at 24.941 60.1705"),
        ("zones", {"geometry": polygon((24.94, 60.17), (24.94, 60.17))}, "geometry"),
        ("cameras", {"geometry": polygon((24.94, 60.17), (24.95, 60.17), (24.95, 60.18))}, "must be a Point, not"),
        ("cameras", {"geometry": {"type": "Point", "coordinates": [60.17, 240.94]}}, "outside the world; longitude"),
        ("cameras", {"geometry": {"type": "Point", "coordinates": [-24.94, 60.17]}}, "lies far away from the site, at"),
        ("cameras", {"geometry": {"type": "Point", "coordinates": ["a", 1]}}, "geometry: must be a GeoJSON geometry"),
        ("cameras", {"geometry": {"type": "Point", "coordinates": []}}, "geometry"),
        ("cameras", {"geometry": {"type": "Point", "coordinates": [[[[1, 2]]]]}}, "geometry"),
        ("cameras", {"geometry": None}, "geometry"),
        ("cameras", {"geometry": {"type": "Circle", "coordinates": [1, 2]}}, "geometry"),
        ("cameras", {"type": "FeatureCollection"}, "type"),
        ("cameras", {"properties": {}}, "kind: missing column"),
        ("cameras", {"properties": {"kind": "owl"}}, "kind: must be one of fixed, dome, ptz, panorama"),
        ("cameras", {"properties": {"kind": 3}}, "kind: must be a text"),
        ("cameras", {"properties": {"kind": "ptz", "tilt_deg": "x"}}, "tilt_deg: must be a number"),
        ("cameras", {"properties": {"kind": "ptz", "tilt_deg": True}}, "tilt_deg: must be a number"),
        ("cameras", {"properties": {"kind": "ptz", "tilt_deg": 91}}, "tilt_deg: must lie in [-90, 90]"),
        ("cameras", {"properties": {"kind": "ptz", "tilt_deg": 10**30}}, "tilt_deg: must be a number"),
        ("cameras", {"properties": {"kind": "ptz", "width_px": 1.5}}, "width_px: must be a whole number"),
        ("cameras", {"properties": {"kind": "ptz", "indoor": "yes"}}, "indoor: must be true or false"),
        ("cameras", {"properties": {"kind": "fixed", "hfov_deg": 200}}, "field of view must be below 180"),
        ("cameras", {"properties": {"kind": "ptz", "name": "a" * 10_001}}, "name: must be a text"),
        ("cameras", {"properties": {"kind": "ptz", "stream_url": "rtsp://u:p@h/1"}}, "stream_url: addresses are kept"),
        ("cameras", {"properties": {"kind": "ptz", "camera_id": "x"}}, "camera_id: is no property"),
        ("cameras", {"properties": {"kind": "ptz", "list": [1]}}, "list: must be a short name with a text"),
        ("cameras", {"properties": {"kind": "ptz", "x" * 65: 1}}, "must be a short name"),
        ("cameras", {"properties": {"kind": "ptz"} | {f"p{n}": n for n in range(80)}}, "has more than 50"),
        ("grid", {"geometry": BOW}, "crosses itself"),
        ("grid", {"geometry": polygon((24.94, 60.17), (24.941, 60.17), (24.941, 60.171)),
                  "properties": {"demand": -1}}, "demand: must be a number in [0, inf)"),
        ("incidents", {"properties": {}}, "occurred_at: missing column"),
        ("incidents", {"properties": {"occurred_at": "yesterday"}}, "occurred_at: must be a time such as"),
        ("incidents", {"properties": {"occurred_at": "2026-01-01T00:00:00"}}, "occurred_at: must be a time such as"),
        ("incidents", {"properties": {"occurred_at": "0001-01-01T00:00:00Z"}}, "between the years 1900 and 2200"),
        ("incidents", {"properties": {"occurred_at_us": 3}}, "occurred_at_us: is no property"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_told(edge, layer, change, words):
    database, site_id, client = edge
    before = find_site(database, site_id).revisions[layer]
    feature = make_camera()
    if layer not in {"cameras", "incidents"} and "properties" not in change:
        feature["properties"] = {"rule": "private"} if layer == "zones" else {}
    answer = client.post(items(site_id, layer), json=feature | change)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]
    assert "://" not in answer.text
    assert find_site(database, site_id).revisions[layer] == before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422), (b"{", 422), (b"[]", 422), (b"null", 422), (b'"x"', 422), (b"\xff\xfe", 400),
        (b'{"type":"Feature","geometry":{"type":"Point","coordinates":[NaN,1]},"properties":{"kind":"ptz"}}', 422),
        (b'{"type":"Feature","geometry":{"type":"Point","coordinates":[1e999,1]},"properties":{"kind":"ptz"}}', 422),
        (b'{"type":"Feature","geometry":{"type":"Point","coordinates":[24,60]},"properties":{"kind":"\\ud800"}}', 422),
        (b"[" * 100_000, 422),
    ],
)  # fmt: skip
def test_bodies_that_are_none_are_refused(edge, body, status):
    _, site_id, client = edge
    answer = client.post(items(site_id, "cameras"), content=body, headers={"Content-Type": "application/geo+json"})
    assert answer.status_code in {status, 400, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_line_of_a_million_points_is_refused(edge, monkeypatch):
    _, site_id, client = edge
    head = b'{"type":"Feature","id":"1_2_0","properties":{"length_m":9},"geometry":{"type":"LineString","coordinates":['
    kind = {"Content-Type": "application/geo+json"}

    def send(points):
        body = head + b"[24.93,60.17]," * (points - 1) + b"[24.94,60.17]]}}"
        return client.post(items(site_id, "streets"), content=body, headers=kind)

    assert send(1_000_000).status_code == 413
    monkeypatch.setattr(reading, "MOST_POINTS", 10_000)
    answer = send(10_001)
    assert (answer.status_code, answer.json()["detail"]) == (
        422, "geometry: has 10,001 points; a feature may have 10,000",
    )  # fmt: skip


def test_shapes_of_one_part_are_taken_and_stay_themselves(served):
    """QGIS may write one polygon as a MultiPolygon; read and written back unchanged it stays where it was."""
    database, site_id, client = served
    square = polygon((24.94, 60.17), (24.941, 60.17), (24.941, 60.171), (24.94, 60.171))
    many = {"type": "MultiPolygon", "coordinates": [square["coordinates"]]}
    feature = {"type": "Feature", "geometry": many, "properties": {"rule": "private", "name": "yard"}}
    answer = client.post(items(site_id, "zones"), json=feature)
    assert answer.status_code == 201, answer.text
    assert answer.json()["geometry"]["type"] == "Polygon"
    address = answer.headers["location"]
    first = read_layer(database, site_id, "zones").geometry[answer.json()["id"]]
    for _ in range(3):
        got = client.get(address)
        client.put(address, json=got.json(), headers={"If-Match": got.headers["etag"]})
    last = read_layer(database, site_id, "zones").geometry[answer.json()["id"]]
    assert shapely.hausdorff_distance(first, last) < 2e-3
    client.delete(address, headers={"If-Match": client.get(address).headers["etag"]})


# scenarios


def test_cameras_of_a_scenario_are_read_and_edited_apart_from_the_site(served):
    database, site_id, client = served
    scenario = add_scenario(database, site_id, name=f"variant {SCRIPT}")
    path = f"cameras.{scenario.scenario_id}"
    base = read_layer(database, site_id, "cameras")
    listed = {each["id"]: each["title"] for each in client.get("/collections").json()["collections"]}
    assert listed[f"{site_id}.{path}"] == f"town: cameras of {scenario.name}"
    features, _ = read_pages(client, items(site_id, path), limit=7)
    assert sorted(each["id"] for each in features) == sorted(base.index)
    assert {each["version"] for each in features} == {0}

    name, other = base.index[0], base.index[1]
    got = client.get(items(site_id, path, name))
    assert got.headers["etag"] == '"0"'
    changed = got.json() | {"properties": {"kind": "ptz", "azimuth_deg": 12.0}}
    put = client.put(items(site_id, path, name), json=changed, headers={"If-Match": '"0"'})
    assert put.status_code == 200, put.text
    stale = client.put(items(site_id, path, name), json=changed, headers={"If-Match": '"0"'})
    assert stale.status_code == 412
    assert stale.json()["feature"]["version"] == stale.json()["current"] == put.json()["version"]
    assert client.delete(items(site_id, path, other), headers={"If-Match": '"0"'}).status_code == 204
    added = client.post(items(site_id, path), json=make_camera(name="extra"))
    assert added.status_code == 201
    for taken in ("extra", name, base.index[2]):
        assert client.post(items(site_id, path), json=make_camera(name=taken)).status_code == 409
    for missing in (other, "nothing"):
        assert client.get(items(site_id, path, missing)).status_code == 404
        answer = client.put(items(site_id, path, missing), json=make_camera(), headers={"If-Match": '"0"'})
        assert answer.status_code == 404
        assert client.delete(items(site_id, path, missing), headers={"If-Match": '"0"'}).status_code == 404

    variant = read_cameras(database, scenario.scenario_id)
    features, _ = read_pages(client, items(site_id, path), limit=7)
    assert sorted(each["id"] for each in features) == sorted(variant.index)
    matched = client.get(items(site_id, path), params={"limit": 1}).json()["numberMatched"]
    assert matched == len(variant) == len(base)
    turned, _ = read_pages(client, items(site_id, path), filter="azimuth_deg = 12")
    assert [each["id"] for each in turned] == [name]
    again = client.post(items(site_id, path), json=make_camera(name=other))  # what was removed may come again
    assert again.status_code == 201
    assert list(read_layer(database, site_id, "cameras").index) == list(base.index)
    assert find_scenario(database, scenario.scenario_id).version == again.json()["version"]
    assert list_entries(database, limit=1)[0].detail == {"scenario_id": scenario.scenario_id}


def test_a_scenario_belongs_to_its_site(served, few):
    database, site_id, client = served
    other = import_site(database, few, name=f"other {datetime.now(UTC).timestamp()}")
    scenario = add_scenario(database, other, name="elsewhere")
    assert client.get(items(other, f"cameras.{scenario.scenario_id}")).status_code == 200
    assert client.get(items(site_id, f"cameras.{scenario.scenario_id}")).status_code == 404


# who may


def test_each_role_sees_and_edits_its_layers_only(tmp_path, few):
    with open_database(tmp_path / "roles.sqlite") as database:
        site_id = import_site(database, few, name="town")
        scenario = add_scenario(database, site_id, name="plan").scenario_id
        with connect(database, Settings(local=False, workers=0)) as client:
            assert client.get("/collections").status_code == 401
            for role in ROLES:
                headers = accounts.sign_in(database, accounts.add_user(database, role))
                listed = client.get("/collections", headers=headers).json()["collections"]
                planner = role in {"planner", "admin"}
                variants = [f"{site_id}.cameras.{scenario}"] if planner else []
                seen = [f"{site_id}.{layer}" for layer in READ if role in READ[layer]]
                assert [each["id"] for each in listed] == [*seen, *variants]
                for layer in LAYERS:
                    answer = client.get(items(site_id, layer), headers=headers)
                    assert answer.status_code == (200 if role in READ[layer] else 403), (role, layer)
                    if role in READ[layer]:
                        allowed = client.options(items(site_id, layer), headers=headers).headers["allow"]
                        assert ("POST" in allowed) == (role in EDIT[layer]), (role, layer)
                        allowed = client.options(items(site_id, layer, "unknown_id"), headers=headers).headers["allow"]
                        assert ("PUT" in allowed) == ("DELETE" in allowed) == (role in EDIT[layer])
                    if role not in EDIT[layer]:
                        answer = client.post(items(site_id, layer), json=make_camera(), headers=headers)
                        assert answer.status_code == 403, (role, layer)
                        tagged = headers | {"If-Match": '"1"'}
                        assert client.delete(items(site_id, layer, "x"), headers=tagged).status_code == 403
                for path in ("", "/items", "/schema", "/queryables", "/items/x"):
                    answer = client.get(f"/collections/{site_id}.cameras.{scenario}{path}", headers=headers)
                    assert answer.status_code == (403 if not planner else 404 if path.endswith("x") else 200)


def test_addresses_of_streams_are_nowhere(tmp_path, few):
    secret = "rtsp://user:secret@10.0.0.1/stream"  # noqa: S105  (nobody's)
    with open_database(tmp_path / "streams.sqlite") as database:
        cameras = few.cameras.assign(stream_url=secret, link=secret)
        site_id = import_site(database, few.with_cameras(cameras), name="town")
        with connect(database, ALONE) as client:
            answer = client.get(items(site_id, "cameras"), params={"limit": 1000})
            assert answer.json()["features"][0]["properties"]["link"] == "***"
            one = client.get(items(site_id, "cameras", cameras.index[0])).text
            for text in (answer.text, one, client.get(f"/collections/{site_id}.cameras/queryables").text):
                assert "secret" not in text
                assert "stream_url" not in text


def test_what_others_change_meanwhile_is_neither_left_out_nor_given_twice(tmp_path, few):
    with open_database(tmp_path / "busy.sqlite") as database:
        site_id = import_site(database, few, name="town")
        with connect(database, ALONE) as client:
            page = client.get(items(site_id, "cameras"), params={"limit": 15}).json()
            seen = [each["id"] for each in page["features"]]
            client.post(items(site_id, "cameras"), json=make_camera(name="meanwhile"))
            moved = read_layer(database, site_id, "cameras").iloc[[3, 30]]
            update_features(
                database, site_id, "cameras", moved.assign(name="moved"), versions=moved["version"].to_dict()
            )
            while following := [link["href"] for link in page["links"] if link["rel"] == "next"]:
                page = client.get(following[0]).json()
                seen += [each["id"] for each in page["features"]]
            assert sorted(seen) == sorted([*few.cameras.index, "meanwhile"])


def test_numbers_that_json_does_not_know_become_null(tmp_path, few):
    posts = few.posts.assign(odd=np.inf)
    posts.loc[posts.index[0], "odd"] = 1.5
    with open_database(tmp_path / "odd.sqlite") as database:
        site_id = import_site(database, few, name="town")
        import_layer(database, site_id, "posts", posts)
        with connect(database, ALONE) as client:
            text = client.get(items(site_id, "posts"), params={"limit": 1000}).text
            features = json.loads(text, parse_constant=pytest.fail)["features"]
            assert [feature["properties"]["odd"] for feature in features] == [1.5, *[None] * (len(posts) - 1)]
