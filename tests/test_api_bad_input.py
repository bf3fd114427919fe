"""Files and requests that mean harm or are broken; what bodies, filters and paths may be is held in the other tests."""

from __future__ import annotations

import io
import json
import socket
import sqlite3
import stat
import warnings
import zipfile
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
import store_databases
import town_layers
from api_server import connect
from small_site import SCRIPT_NAME, make_site

from sightgrid.store.audit_log import find_head, verify_log
from sightgrid.store.database import open_database
from sightgrid.store.sites import find_site, import_site, list_sites

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from sightgrid.store.database import Database

PROBLEM = "application/problem+json"
SQL = ("1' OR '1'='1", "'; DROP TABLE sites; --", "1 UNION SELECT password_hash FROM users", '"; DELETE FROM jobs', "%")
BOW = [[[24.93, 60.17], [24.94, 60.18], [24.94, 60.17], [24.93, 60.18], [24.93, 60.17]]]


class Served(NamedTuple):
    database: Database
    client: httpx.Client
    site_id: int


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("bad")
    with open_database(store_databases.make_address("sqlite", folder)) as opened, connect(opened) as client:
        yield Served(opened, client, import_site(opened, make_site()))


def assert_refused(served: Served, answer: httpx.Response, *statuses: int, words: str = "") -> None:
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == PROBLEM
    told = answer.json()["detail"]
    assert words in told
    assert "\n" not in told
    for secret in (str(served.database.path), "/tmp", "upload.", "SELECT sites", "FROM features", "Traceback"):  # noqa: S108
        assert secret not in answer.text


def send(served: Served, layer: str, name: str, body: bytes, **fields: str) -> httpx.Response:
    path = f"/sites/{served.site_id}/layers/{layer}"
    return served.client.post(path, files={"file": (name, body)}, data=fields, timeout=20.0)


def collection(*shapes: Any, **properties: Any) -> bytes:
    features = [{"type": "Feature", "geometry": shape, "properties": properties} for shape in shapes]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def pack(*members: tuple[str | zipfile.ZipInfo, bytes], level: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", level) as archive:
        for name, body in members:
            archive.writestr(name, body)
    return packed.getvalue()


def make_link(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member


def understate(packed: bytes, size: int) -> bytes:
    """Let an archive say that its one member is shorter than it is."""
    whole = bytearray(packed)
    at = whole.index(b"PK\x01\x02") + 24
    whole[at : at + 4] = size.to_bytes(4, "little")
    return bytes(whole)


# files


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (pack(("a.shp", bytes(300_000_000))), "grow to"),
        (understate(pack(("a.shp", bytes(100_000_000))), 1000), "damaged"),
        (pack(("../../a.shp", b"x")), "leads out of it"),
        (pack(("/etc/a.shp", b"x")), "leads out of it"),
        (pack(("..\\a.shp", b"x")), "leads out of it"),
        (pack(("C:a.shp", b"x")), "leads out of it"),
        (pack((make_link("a.shp"), b"/etc/passwd")), "a link"),
        (pack(*((f"{n}.shp", b"x") for n in range(1000))), "1000 members"),
        (pack(("a.shp", b"x"), ("b.shp", b"x")), "several .shp"),
        (pack(("inner.zip", pack(("a.shp", b"x")))), "no shapefile"),
        (pack(("a.shp", b"no shapes"), ("a.dbf", b"x")), ""),
        (pack(), "no .zip file"),
        (b"PK\x03\x04" + b"\xff" * 1000, "damaged"),
    ],
)
def test_archives_that_mean_harm_are_refused(served: Served, body: bytes, words: str) -> None:
    before = find_site(served.database, served.site_id)
    assert_refused(served, send(served, "places", "a.zip", body), 422, words=words)
    assert find_site(served.database, served.site_id) == before


def entities(levels: int) -> bytes:
    steps = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, levels))
    inside = f"<Placemark><name>&e{levels - 1};</name><Point><coordinates>24.93,60.17</coordinates></Point></Placemark>"
    return f'<!DOCTYPE kml [<!ENTITY e0 "ha">{steps}]><kml><Document>{inside}</Document></kml>'.encode()


OUTSIDE = b"""<!DOCTYPE kml [<!ENTITY e SYSTEM "file:///etc/passwd">]><kml><Document><Placemark><name>&e;</name>
<Point><coordinates>24.93,60.17</coordinates></Point></Placemark></Document></kml>"""
LINKED = b'{"type":"FeatureCollection","crs":{"type":"link","properties":{"href":"file:///etc/passwd"}},"features":[]}'
POINT = {"type": "Point", "coordinates": [24.9305, 60.1652]}


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.kml", entities(12)),
        ("a.kml", OUTSIDE),
        ("a.kml", b"<kml>" * 100_000),
        ("a.geojson", b"[" * 100_000),
        ("a.geojson", b'{"type":"FeatureCollection","features":' + b"[" * 100_000),
        ("a.geojson", collection({"type": "Point", "coordinates": [24.93, float("nan")]}, category="school")),
        ("a.geojson", collection({"type": "Point", "coordinates": [24.93, float("inf")]}, category="school")),
        ("a.geojson", collection({"type": "Point", "coordinates": [2493.0, 60.17]}, category="school")),
        ("a.geojson", collection({"type": "Point", "coordinates": [[[1]]]}, category="school")),
        ("a.geojson", collection({"type": "GeometryCollection", "geometries": []}, category="school")),
        ("a.geojson", LINKED),
        ("a.geojson", b"\xff\xfe\x00"),
        ("a.geojson", b""),
        ("a.csv", b"lon,lat,category\n24.93,nan,school\n"),
        ("a.csv", b"lon,lat,category\n" + b"," * 1_000_000),
        ("a.csv", b'"' + b"x" * 1_000_000),
        ("a.csv", b"\0" * 1000),
        ("a.gpkg", b"SQLite format 3\0" + b"\xff" * 5000),
        ("a.gpkg", b"no database"),
        ("a.fgb", b"fgb\x03fgb\x01" + b"\xff" * 5000),
        ("a.vrt", b"<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>/etc</SrcDataSource></OGRVRTLayer>"),
        ("../../a.sqlite", b"SQLite format 3\0"),
        ("a", b"x"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("layer", ["places", "cameras"])
def test_files_that_are_broken_or_mean_harm_are_refused(served: Served, layer: str, name: str, body: bytes) -> None:
    before, head = find_site(served.database, served.site_id), find_head(served.database)
    answer = send(served, layer, name, body)
    assert_refused(served, answer, 400, 422)
    assert "root:" not in answer.text
    assert (find_site(served.database, served.site_id), find_head(served.database)) == (before, head)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("CREATE VIEW cameras2 AS SELECT * FROM cameras", "is a view"),
        ("CREATE VIRTUAL TABLE other USING fts5(a)", "made of other files"),
    ],
)
def test_packages_that_run_something_are_refused(served: Served, tmp_path: Path, statement: str, words: str) -> None:
    path = town_layers.write(tmp_path / "a.gpkg", cameras=town_layers.cameras())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
        connection.execute("UPDATE gpkg_contents SET table_name = 'cameras2' WHERE 'VIEW' = ?", (statement[7:11],))
    assert_refused(served, send(served, "cameras", "a.gpkg", path.read_bytes()), 422, words=words)


@pytest.mark.parametrize("crs", [None, 'LOCAL_CS["a desk",UNIT["metre",1]]'])
def test_layers_without_a_place_on_earth_are_refused(served: Served, tmp_path: Path, crs: str | None) -> None:
    frame = gpd.GeoDataFrame({"category": ["school"]}, geometry=[shapely.Point(1, 2)], crs=crs)
    with warnings.catch_warnings(action="ignore"):
        pyogrio.write_dataframe(frame, tmp_path / "a.gpkg", layer="places")
    body = (tmp_path / "a.gpkg").read_bytes()
    assert_refused(served, send(served, "places", "a.gpkg", body), 400, 422)


def test_places_at_the_other_end_of_the_world_are_refused(served: Served) -> None:
    far = {"type": "Point", "coordinates": [-60.0, -30.0]}
    assert_refused(served, send(served, "places", "a.geojson", collection(far, category="school")), 422)


def test_outlines_that_cross_themselves_are_repaired_and_that_is_told(served: Served) -> None:
    shape = {"type": "Polygon", "coordinates": (np.array(BOW) * [1e-2, 1e-2] + [24.6806, 59.5638]).tolist()}
    answer = send(served, "water", "a.geojson", collection(shape, water_id="bow"))
    assert answer.status_code == 200, answer.text
    assert any("repaired" in note or "cross" in note for note in answer.json()["notes"])


def test_a_line_of_a_million_points_is_taken_or_refused_and_hangs_nothing(served: Served) -> None:
    ends = np.column_stack((np.linspace(24.930, 24.931, 1_000_000), np.full(1_000_000, 60.1652)))
    line = {"type": "LineString", "coordinates": ends.round(9).tolist()}
    answer = send(served, "streets", "a.geojson", collection(line, highway="primary", u=1, v=2, key=0))
    assert answer.status_code in (200, 422)
    if answer.status_code == 200:
        assert served.client.get(f"/tiles/{served.site_id}.streets/14/9326/4743.mvt").status_code in (200, 204)


def test_scripts_in_names_stay_text_wherever_they_come_back(served: Served) -> None:
    name = f"{SCRIPT_NAME}\"'&=1+1"
    body = collection(POINT, category="school", name=name, place_id=name)
    assert send(served, "places", "a.geojson", body).status_code == 200
    item = served.client.get(f"/collections/{served.site_id}.places/items/{quote(name, safe='')}")
    assert item.json()["properties"]["name"] == name
    assert item.headers["content-type"] == "application/geo+json"
    found = served.client.get(f"/sites/{served.site_id}/search", params={"q": name})
    assert name in json.dumps(found.json(), ensure_ascii=False).replace('\\"', '"')
    for form in ("kml", "csv"):
        sent = served.client.get(f"/sites/{served.site_id}/export", params={"format": form, "layers": "places"})
        assert sent.headers["content-disposition"].startswith("attachment")
        assert ("<script" in sent.text) == (form == "csv")
    site = served.client.post(f"/sites/{served.site_id}/scenarios", json={"name": name})
    assert (site.json()["name"], site.headers["x-content-type-options"]) == (name, "nosniff")


def test_names_of_files_are_only_names(served: Served, tmp_path: Path) -> None:
    layers = {"cameras": town_layers.cameras(), "obstacles": town_layers.buildings(), "zones": town_layers.study()}
    body = town_layers.write(tmp_path / "a.gpkg", **layers).read_bytes()
    for number, name in enumerate(("../../../etc/cron.d/x.gpkg", "..\\..\\x1.gpkg", "x2\r\nSet-Cookie: a=b.gpkg")):
        answer = served.client.post("/sites", files={"file": (name, body)})
        assert answer.status_code in (201, 422), (number, answer.text)
        if answer.status_code == 201:
            assert not set("/\\\r\n") & set(answer.json()["name"])
            served.client.delete(answer.headers["location"]).raise_for_status()


# requests


@pytest.mark.parametrize("text", SQL)
def test_statements_in_ids_and_questions_are_only_text(served: Served, text: str) -> None:
    before, whole = list_sites(served.database), quote(text, safe="")
    for path in (
        f"/sites/{whole}", f"/collections/{whole}", f"/collections/{served.site_id}.cameras/items/{whole}",
        f"/collections/{served.site_id}.cameras.{whole}/items", f"/tiles/{whole}/1/1/1.mvt", f"/jobs/{whole}",
        f"/processes/{whole}", f"/results/{whole}", f"/results/1/layers/{whole}", f"/patrol-plans/{whole}",
        f"/sites/{served.site_id}/health/{whole}", f"/sites/{served.site_id}/health?status={whole}",
        f"/sites/{served.site_id}/results?kind=coverage&scenario_id={whole}", f"/audit-log?before={whole}",
        f"/collections/{served.site_id}.cameras/items?filter={whole}",
        f"/collections/{served.site_id}.cameras/items?bbox={whole}",
        f"/collections/{served.site_id}.incidents/items?datetime={whole}",
    ):  # fmt: skip
        assert_refused(served, served.client.get(path), 400, 404, 422)
    assert served.client.get(f"/sites/{served.site_id}/search", params={"q": text}).status_code == 200
    assert list_sites(served.database) == before
    verify_log(served.database)


def ask_raw(client: httpx.Client, text: str) -> bytes:
    place = urlsplit(str(client.base_url))
    back = b""
    with socket.create_connection((str(place.hostname), place.port or 80), timeout=10.0) as wire:
        wire.sendall(text.encode("latin-1"))
        while part := wire.recv(65_536):
            back += part
    return back


@pytest.mark.parametrize(
    "more",
    [
        'If-None-Match: "1"\r\nIf-None-Match: "2"',
        "Accept: text/html\r\nAccept: application/json",
        "Accept-Encoding: gzip\r\nAccept-Encoding: br;q=x",
        "Cookie: sightgrid=a\r\nCookie: sightgrid=b",
        "Authorization: Bearer a\r\nAuthorization: Basic b",
        'If-Match: *\r\nIf-Match: "1"',
        "Range: bytes=0-0,0-0,5-1",
        "\r\n".join(f"X-{n}: {n}" for n in range(90)),
    ],
)  # fmt: skip
def test_headers_that_come_twice_or_make_no_sense_do_no_harm(served: Served, more: str) -> None:
    for path in ("/", "/sites", f"/tiles/{served.site_id}.streets/14/9326/4743.mvt", "/web/docs.css"):
        back = ask_raw(served.client, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n\r\n")
        assert back.startswith(b"HTTP/1.1 ")
        assert back[9:10] in b"234", back[:300]
        assert b"Traceback" not in back


@pytest.mark.parametrize("tag", ['"1", "2"', '"x"', "*", '"-1"', '"9223372036854775808"', '"1' * 1000, "1"])
def test_versions_that_make_no_sense_change_nothing(served: Served, tag: str) -> None:
    path = f"/collections/{served.site_id}.cameras/items/wall"
    before = served.client.get(path).json()
    answer = served.client.delete(path, headers={"If-Match": tag})
    assert_refused(served, answer, 400, 412, 422)
    assert served.client.get(path).json() == before


def test_long_questions_are_answered(served: Served) -> None:
    for query in (f"q={'a' * 50_000}", "&".join(f"q={n}" for n in range(8000)), f"{'a' * 30_000}=1", "&" * 50_000):
        for path in (f"/sites/{served.site_id}/search", f"/collections/{served.site_id}.cameras/items", "/sites"):
            answer = served.client.get(f"{path}?{query}", timeout=10.0)
            assert answer.status_code < 500, answer.text
            assert "Traceback" not in answer.text


def test_a_form_with_too_many_parts_is_refused(served: Served) -> None:
    path = f"/sites/{served.site_id}/layers/places"
    many = {f"f{n}": "x" for n in range(1000)}
    body = collection(POINT, category="school")
    assert_refused(served, served.client.post(path, files={"file": ("a.geojson", body)}, data=many), 400)
    two = [("file", ("a.geojson", body)), ("file", ("b.geojson", body))]
    assert_refused(served, served.client.post(path, files=two), 400)
    assert_refused(served, send(served, "places", "a.geojson", body, zone="x" * 20_000), 400)
    for content in (b"", b"--x", b"--x\r\n\r\n", b"--x--\r\n", b"--x\r\nContent-Disposition: \xff\r\n\r\n\r\n--x--"):
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        assert_refused(served, served.client.post(path, content=content, headers=headers), 400, 422)
    headers = {"Content-Type": "multipart/form-data"}
    assert_refused(served, served.client.post(path, content=b"x", headers=headers), 400, 422)
