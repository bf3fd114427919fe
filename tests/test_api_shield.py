"""What stands before every route: origins, names, bodies, static files, and headers on each answer."""

from __future__ import annotations

import http.client
import http.server
import json
import logging
import socket
import threading
from contextlib import closing, suppress
from urllib.parse import urlsplit

import accounts
import pytest
import store_databases
from api_server import connect, serve
from playwright.sync_api import sync_playwright
from test_vendor import CHROMIUM

from sightgrid.api import bodies
from sightgrid.api.settings import WEB, Settings
from sightgrid.api.shield import HEADERS
from sightgrid.store.database import Database, open_database
from sightgrid.store.people import list_users

few = store_databases.few

HTTPS = {"X-Forwarded-Proto": "https"}
CROSS = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
FOLLOWED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shield")
    with open_database(store_databases.make_address("sqlite", folder)) as opened:
        yield opened


@pytest.fixture(scope="module")
def cookies(store):
    return {role: accounts.sign_in(store, accounts.add_user(store, role)) for role in ("admin", "viewer")}


@pytest.fixture(scope="module")
def local(store):
    with connect(store, Settings(workers=0)) as client:
        yield client


@pytest.fixture(scope="module")
def client(store):
    with connect(store, Settings(local=False, workers=0)) as opened:
        yield opened


def send_raw(address, text, *, wait_s=10.0):
    """Send bytes as they are, and return what comes back until the server hangs up or waits for more."""
    place = urlsplit(address)
    back = b""
    with socket.create_connection((place.hostname, place.port), timeout=wait_s) as wire, suppress(OSError):
        wire.sendall(text)
        while part := wire.recv(65_536):
            back += part
    return back


def assert_problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    for name, value in HEADERS.items():
        assert answer.headers[name] == value


# headers


def test_every_answer_has_the_headers_of_safety(client, cookies, monkeypatch):
    kept = client.get("/web/docs.css")
    again = client.get("/web/docs.css", headers={"If-None-Match": kept.headers["etag"]})
    answers = {
        200: client.get("/healthz"), 304: again, 401: client.get("/users"), 404: client.get("/nowhere"),
        405: client.put("/healthz"), 422: client.get("/audit-log?limit=x", headers=cookies["admin"]),
        413: client.post("/session", content=b"x" * 5_000_000, headers=cookies["admin"]),
    }  # fmt: skip

    def fail(_):
        raise ValueError("/etc/secret")

    monkeypatch.setattr(Database, "read", fail)
    answers[500] = client.get("/healthz")
    for status, answer in answers.items():
        assert answer.status_code == status
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, (status, name)
        assert answer.headers["cache-control"] == ("no-cache" if status == 304 else "no-store")
        assert "strict-transport-security" not in answer.headers
    assert answers[500].json()["detail"] == "something went wrong in the server; its log says more"
    policy = HEADERS["content-security-policy"]
    assert "unsafe" not in policy
    for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert part in policy


def test_a_failure_of_the_program_is_in_the_log_once(client, monkeypatch, caplog):
    def fail(_):
        raise ValueError("in the middle of it")

    monkeypatch.setattr(Database, "read", fail)
    client.get("/healthz?token=in-the-address")
    assert len([record for record in caplog.records if record.exc_info]) == 1
    assert "in-the-address" not in caplog.text


def test_over_tls_browsers_are_told_to_stay(store):
    with connect(store, Settings(local=False, secure=True, workers=0)) as client:
        answer = client.get("/healthz", headers=HTTPS)
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert_problem(client.get("/healthz"), 403)


def test_the_access_log_and_the_measures_tell_routes_and_no_values(client, cookies, caplog):
    caplog.set_level(logging.INFO, logger="sightgrid.access")
    client.get("/audit-log?before=424242&limit=7", headers=cookies["admin"])
    client.get("/secret-page-424242")
    client.request("GET", "/users/424242")
    client.request("BREW", "/healthz")
    text = client.get("/metrics", headers=cookies["admin"]).text
    lines = [record.getMessage() for record in caplog.records if record.name == "sightgrid.access"]
    assert lines[0].startswith("GET /audit-log 200 ")
    assert "424242" not in text + "".join(lines)
    assert 'sightgrid_requests_total{method="GET",route="/audit-log",status="200"}' in text
    assert 'sightgrid_requests_total{method="other",route="/healthz",status="405"}' in text
    assert 'sightgrid_jobs{state="running"} 0.0' in text
    assert "sightgrid_store_bytes" in text
    assert_problem(client.get("/metrics", headers=cookies["viewer"]), 403)


def test_a_wrong_method_is_told_all_that_are_right(local):
    answer = local.put("/session")
    assert_problem(answer, 405)
    assert answer.headers["allow"] == "DELETE, GET, POST"
    assert local.put("/web/docs.css").headers["allow"] == "GET, HEAD"


# where requests come from


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 204),  # no browser
        ({"Origin": "OURS"}, 204),
        ({"Origin": "OURS", "Sec-Fetch-Site": "same-origin"}, 204),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 204),  # a form of ours, under our referrer policy
        ({"Sec-Fetch-Site": "none"}, 204),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Origin": "https://127.0.0.1"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "OURS", "Sec-Fetch-Site": "same-site"}, 403),
        (CROSS, 403),
        (FOLLOWED, 403),
        ({"Origin": "http://evil.example", "Authorization": "Bearer "}, 403),
        ({"Origin": "http://evil.example", "Authorization": "Basic YTpi"}, 403),
    ],
)
@pytest.mark.parametrize("mode", ["local", "client"])
def test_pages_of_other_servers_can_change_nothing(request, mode, headers, status):
    opened = request.getfixturevalue(mode)
    ours = str(opened.base_url).rstrip("/")
    given = {name: value.replace("OURS", ours).strip() for name, value in headers.items()}
    assert opened.delete("/session", headers=given).status_code == status


def test_a_page_elsewhere_cannot_sign_somebody_in(client):
    asked = {"name": "admin", "password": accounts.PASSWORD}
    assert_problem(client.post("/session", json=asked, headers=CROSS), 403)
    # what a form can send without being asked first
    plain = client.post("/session", content=json.dumps(asked), headers={"Content-Type": "text/plain"})
    assert_problem(plain, 422)


def test_a_key_may_come_from_anywhere(client, cookies):
    key = client.post("/keys", json={"label": "x"}, headers=cookies["admin"]).json()["key"]
    headers = {"Authorization": f"Bearer {key}", "Origin": "http://evil.example"}
    assert client.patch("/users/1", json={}, headers=headers).status_code == 200


def test_pages_of_other_servers_may_link_here_and_no_more(local):
    assert local.get("/?f=json", headers=FOLLOWED).status_code == 200
    for dest in ("iframe", "image", "script", "object", "empty"):
        assert_problem(local.get("/?f=json", headers=FOLLOWED | {"Sec-Fetch-Dest": dest}), 403)
    assert_problem(local.get("/sites", headers=CROSS), 403)
    assert (
        "access-control-allow-origin" not in local.options("/sites", headers={"Origin": "http://evil.example"}).headers
    )


def test_pages_of_a_known_origin_may_write(store):
    settings = Settings(local=False, origins=("https://map.example",), hosts=("map.example",), workers=0)
    with connect(store, settings) as client:
        for origin, host, status in [
            ("https://map.example", "map.example", 204),
            ("https://MAP.example", "map.example:443", 204),
            ("https://map.example", "127.0.0.1", 204),  # a proxy that tells its own name
            ("https://evil.example", "map.example", 403),
            ("https://map.example.evil.example", "map.example", 403),
            ("https://evil.example", "evil.example", 403),
        ]:
            answer = client.delete("/session", headers={"Origin": origin, "Host": host})
            assert answer.status_code == status, origin


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost:8765", 200),
        ("LOCALHOST.", 200),
        ("[::1]:8765", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("evil.example@127.0.0.1", 403),
        ("localhost:80:80", 403),
        ("[::1].evil.example", 403),
        ("", 403),
    ],
)
def test_a_local_server_answers_to_names_of_this_machine_alone(local, host, status):
    for path in ("/healthz", "/web/docs.css"):
        assert local.get(path, headers={"Host": host}).status_code == status


def test_links_do_not_lead_to_a_name_that_a_client_made_up(store):
    settings = Settings(local=False, hosts=("map.example",), workers=0)
    with connect(store, settings) as client:
        links = client.get("/?f=json", headers={"Host": "map.example"}).json()["links"]
        assert all(link["href"].startswith("http://map.example/") for link in links)
        forwarded = client.get("/?f=json", headers={"Host": "map.example", "X-Forwarded-Host": "evil.example"})
        assert "evil" not in forwarded.text
        assert_problem(client.get("/?f=json", headers={"Host": "evil.example"}), 403)
        assert forwarded.headers["vary"] == "Accept", "a page and a document stand at one address"


# bodies


FORM = {"Content-Type": "multipart/form-data; boundary=x"}
PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'


def chunks(size, count, first=b""):
    yield first
    for _ in range(count):
        yield b"x" * size


def test_too_large_a_body_is_refused(client, cookies):
    admin = cookies["admin"]
    assert_problem(client.post("/users", content=b"x" * 10_000_000, headers=admin), 413)
    assert_problem(client.post("/users", content=chunks(100_000, 100), headers=admin), 413)
    # within the limit, but no form: it is read, and refused as what it is
    assert_problem(client.post("/users", content=b"x" * 5_000_000, headers=admin | FORM), 422)


def test_an_upload_has_a_limit_of_its_own(store, cookies):
    form = FORM | cookies["admin"]
    with connect(store, Settings(local=False, workers=0, most_upload_bytes=300_000)) as client:
        assert_problem(client.post("/sites", content=PART + b"x" * 400_000, headers=form), 413)
        assert_problem(client.post("/sites", content=chunks(100_000, 10, PART), headers=form), 413)


def test_strangers_send_little(client, cookies):
    assert_problem(client.post("/session", content=b"x" * 100_000), 401)
    assert_problem(client.post("/session", content=chunks(10_000, 10)), 413)
    assert_problem(client.post("/sites", content=b"x" * 100_000, headers=FORM), 401)
    assert_problem(client.post("/sites", content=b"x" * 100_000, headers=FORM | cookies["viewer"]), 403)
    foreign = {"Cookie": "sightgrid=foreign", "Authorization": "Bearer foreign"}
    assert_problem(client.post("/users", content=b"x" * 100_000, headers=foreign), 401)


def test_who_asks_before_sending_is_answered_before(client):
    place = urlsplit(str(client.base_url))
    with closing(http.client.HTTPConnection(place.hostname, place.port, timeout=10)) as wire:
        wire.putrequest("POST", "/session")
        for name, value in {"Content-Length": "1000000", "Expect": "100-continue"}.items():
            wire.putheader(name, value)
        wire.endheaders()
        assert wire.getresponse().status == 401


def test_a_body_that_does_not_come_is_not_waited_for(client, monkeypatch):
    monkeypatch.setattr(bodies, "WHOLE_S", 0.2)
    monkeypatch.setattr(bodies, "WAIT_S", 0.2)
    place = urlsplit(str(client.base_url))
    for kind in ("application/json", "multipart/form-data; boundary=x"):
        with socket.create_connection((place.hostname, place.port), timeout=10) as wire:
            head = f"POST /sites HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: 10\r\n\r\n123"
            wire.sendall(head.encode())
            assert wire.recv(65_536).startswith((b"HTTP/1.1 408", b"HTTP/1.1 401"))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[" * 100_000, "nested"),
        (b'{"a":' * 100_000, "nested"),
        (b"[" * 65 + b"]" * 65, "nested"),
        (b'{"name": NaN}', "NaN"),
        (b'{"name": -Infinity}', "NaN"),
        (b'{"name": "\\u0000"}', "cannot be kept"),
        (b'{"name": "\\ud800"}', "cannot be kept"),
        (b'{"\\udfff": 1}', "cannot be kept"),
        (b'[{"a": ["\\uDC00\\uD800"]}]', "cannot be kept"),
    ],
)
def test_json_that_no_route_could_use_is_refused(local, body, reason):
    for kind in ("application/json", "application/geo+json; charset=utf-8"):
        answer = local.post("/users", content=body, headers={"Content-Type": kind})
        assert_problem(answer, 422)
        assert reason in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "[[[[ NaN \\\\u0000 \\" ]"}',
        b"[" * 64 + b"]" * 64,
        b'"\\ud83d\\ude00 \\\\ud800"',
        b'"' + b'\\"' * 1_500_000,  # a text that does not end
        b'{"a": "' + b"\\" * 999_999,
        b"[" * 30 + b'"' + b"[" * 3_000_000,
        b"\xff\xfe\x00",
        b"",
    ],
)
def test_other_json_is_left_to_the_routes(body):
    bodies.check_json(body)


@pytest.mark.parametrize("target", ["/sites?q=%00", "/web/%00", "/users/%00"])
def test_no_address_has_a_nul(local, target):
    assert_problem(local.get(target), 400)


# the web server


def test_malformed_requests_do_no_harm(local):
    address = str(local.base_url)
    for text in (
        b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",  # TLS to a port without
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 2_000_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 2_000_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nleaves",
    ):
        back = send_raw(address, text, wait_s=0.3)
        assert b" 200 " not in back.partition(b"\r\n")[0], text[:60]
        assert b"Traceback" not in back
    assert local.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/web/../settings.py",
        "/web/..%2fsettings.py",
        "/web/%2e%2e/settings.py",
        "/web/%2e%2e%2fsettings.py",
        "/web/..%5csettings.py",
        "/web/....//settings.py",
        "/web//etc/passwd",
        "/web/%2fetc/passwd",
        "/web/vendor/../../settings.py",
        "/web/vendor",
        "/web/",
        "/web/" + "a" * 5000,
        "/web/" + "a/" * 2000,
        "/web/\u00e9%ff",
        "/web/file:%2f%2f/etc/passwd",
    ],
)
def test_no_path_leads_out_of_the_folder(local, path):
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    back = send_raw(str(local.base_url), head.encode("latin-1"))
    status = int(back.split(b" ", 2)[1])
    assert status in (400, 404), back[:200]
    assert b"root:" not in back
    assert b"import" not in back


def test_static_files_have_their_types_and_are_asked_after(local):
    types = {"docs.css": "text/css", "vendor/vendor.mjs": "text/javascript", "icon.svg": "image/svg+xml"}
    types[next(path.relative_to(WEB).as_posix() for path in WEB.rglob("*.woff2"))] = "font/woff2"
    for path, kind in types.items():
        answer = local.get(f"/web/{path}")
        assert answer.headers["content-type"].partition(";")[0] == kind
        assert answer.headers["cache-control"] == "no-cache"
        again = local.get(f"/web/{path}", headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


# pages of the server


def test_the_documentation_is_one_page_without_scripts(local):
    page = local.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    routes = local.get("/openapi.json").json()["paths"]
    for path, methods in routes.items():
        assert f"<code>{path}</code>" in page.text
        for method in methods.values():
            assert f'id="{method["operationId"]}"' in page.text
    for forbidden in ("<script", "style=", "onclick", "src=", 'href="http'):
        assert forbidden not in page.text
    assert "<code>?f=json</code>" in page.text
    assert "``" not in page.text
    found = local.get("/docs", params={"q": "audit-log"})
    assert "<code>/audit-log</code>" in found.text
    assert "<code>/users</code>" not in found.text
    tricky = local.get("/docs", params={"q": '"><script>alert(1)</script>'})
    assert "<script" not in tricky.text
    assert "&lt;script&gt;" in tricky.text


def test_the_public_summary_names_sites_without_positions(tmp_path, few):
    from sightgrid.api.work.coverage import COVERAGE
    from sightgrid.store.edits import delete_features
    from sightgrid.store.results import Result, keep_result
    from sightgrid.store.sites import import_site

    with open_database(store_databases.make_address("sqlite", tmp_path)) as store:
        site_id = import_site(store, few)
        inputs = COVERAGE.inputs(site_id=site_id)
        figures = {"coverage_rate": 0.25, "density_rates": {"observe": 0.125}, "cameras_total": 40, "covered_m2": 9.0}
        print_of = COVERAGE.fingerprint(store, inputs)
        options = inputs.model_dump(mode="json")
        keep_result(store, site_id, Result("coverage", print_of, options, figures, b"", "text/plain"))
        with connect(store, Settings(local=False, workers=0)) as client:
            known = client.get("/public/summary").json()["sites"]
            assert [each.pop("measured_at")[:2] for each in known] == ["20"]
            assert known == [{"site": "helsinki", "coverage_rate": 0.25, "density_rates": {"observe": 0.125}}]
            delete_features(store, site_id, "cameras", versions={str(few.cameras.index[0]): 1})
            assert client.get("/public/summary").json()["sites"][0]["coverage_rate"] is None, "it is out of date"


def test_a_server_that_is_not_asked_for_accounts_answers_on_loopback_only_by_name(store):
    with serve(store, Settings(workers=0, hosts=("planner.example",))) as address:
        for host, status in (("planner.example", b"200"), ("evil.example", b"403")):
            head = f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            assert send_raw(address, head.encode()).split(b" ")[1] == status


# a real browser

ATTACK = """<!doctype html><title>elsewhere</title>
<form id="form" action="TARGET/users" method="post" enctype="text/plain" target="frame">
<input name='{"name":"mallory","role":"admin","password":"correct horse battery","a' value='"}'></form>
<iframe name="frame"></iframe><iframe id="map" src="TARGET/docs"></iframe><img id="picture" src="TARGET/web/icon.svg">
"""
TRY = """async target => {
  const body = JSON.stringify({name: "mallory", role: "admin", password: "correct horse battery"});
  const found = [];
  for (const options of [
    {method: "POST", mode: "no-cors", body},
    {method: "POST", body, headers: {"Content-Type": "application/json"}},
    {method: "POST", body, credentials: "include"},
    {method: "GET"},
  ]) {
    try { const answer = await fetch(`${target}/users`, options); found.push(answer.type + answer.status); }
    catch (error) { found.push("blocked"); }
  }
  document.getElementById("form").submit();
  return [found, document.getElementById("picture").naturalWidth];
}"""
OWN = """async body => (await fetch("/users", {
  method: "POST", body: JSON.stringify(body), headers: {"Content-Type": "application/json"},
})).status"""


class Elsewhere(http.server.BaseHTTPRequestHandler):
    target = ""

    def do_GET(self):
        page = ATTACK.replace("TARGET", self.target).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_):
        """Keep quiet."""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
def test_a_browser_lets_our_own_page_write_and_no_other(store, local, caplog):
    caplog.set_level(logging.INFO, logger="sightgrid.access")
    target = str(local.base_url).rstrip("/")
    elsewhere = type("Target", (Elsewhere,), {"target": target})
    before = [user.name for user in list_users(store)]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), elsewhere) as other, sync_playwright() as play:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for host in ("localhost", "127.0.0.1"):  # another site, and the same site at another port
            page = browser.new_page()
            page.goto(f"http://{host}:{other.server_port}/")
            with page.expect_response(lambda answer: answer.request.post_data and answer.request.frame.name) as refused:
                found, width = page.evaluate(TRY, target)
            assert refused.value.status == 403
            assert found == ["blocked"] * 4
            assert width == 0, "no picture of ours on their page"
            page.close()
        statuses = {record.getMessage().split()[2] for record in caplog.records}
        assert statuses <= {"403", "405"}, "nothing was answered"
        page = browser.new_page()
        words, foreign = [], []
        page.on("console", lambda word: words.append(word.text))
        page.on("request", lambda asked: foreign.append(asked.url) if not asked.url.startswith(target) else None)
        page.goto(f"{target}/docs")
        page.get_by_label("Search the routes").fill("audit-log")
        page.get_by_role("button", name="Search").click()
        page.get_by_text("/audit-log", exact=True).wait_for()
        assert page.evaluate("getComputedStyle(document.querySelector('article')).borderTopWidth") == "1px"
        made = page.evaluate(OWN, {"name": "anna", "role": "viewer", "password": accounts.PASSWORD})
        assert (made, words, foreign) == (201, [], [])
        browser.close()
        other.shutdown()
    assert [user.name for user in list_users(store)] == sorted([*before, "anna"])
