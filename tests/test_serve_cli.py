"""`sightgrid serve`, `users` and `audit-log`: real processes, and one clear line for what cannot be done."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import sqlite3
import ssl
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest
import store_databases
from accounts import PASSWORD, add_user
from typer.testing import CliRunner

from sightgrid.api.people import accounts
from sightgrid.cli import app
from sightgrid.store import people
from sightgrid.store.audit_log import list_entries, verify_log
from sightgrid.store.database import open_database
from sightgrid.store.sites import list_sites

HTTPS = {"X-Forwarded-Proto": "https"}
WITHOUT_WORKERS = ("--port", "0", "--workers", "0")


@pytest.fixture
def store(tmp_path):
    return store_databases.make_address("sqlite", tmp_path)


def run(*words, text=None):
    return CliRunner().invoke(app, list(map(str, words)), input=text, env={"COLUMNS": "100"})


def refuse(*words, text=None):
    """Run a command that has to fail, and return its one line."""
    done = run(*words, text=text)
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


@contextmanager
def serving(*words, cwd=None):
    """Run the server as a process of its own; give the process and its address."""
    command = [sys.executable, "-W", "error", "-m", "sightgrid", "serve", *map(str, words)]
    environment = {name: value for name, value in os.environ.items() if name != "SIGHTGRID_STORE"}
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=environment
    )
    try:
        line = server.stdout.readline()
        assert line.startswith("sightgrid is at http"), server.communicate()
        yield server, re.search(r"https?://\S+", line)[0]
    finally:
        server.kill()
        server.communicate()


def stop(server, by=signal.SIGINT):
    server.send_signal(by)
    rest, errors = server.communicate(timeout=30)
    assert (server.returncode, rest) == (0, ""), errors
    return errors


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    assert shutil.which("openssl"), "openssl is needed to make a certificate"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    files = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(["openssl", "req", "-x509", *curve, *names, *files], check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


# serving


def test_on_loopback_one_person_sees_a_site_at_once(tmp_path):
    with serving(*WITHOUT_WORKERS, cwd=tmp_path) as (server, address):
        assert address.startswith("http://127.0.0.1:")
        with httpx.Client(base_url=address) as client:
            assert client.get("/session").json()["local"] is True
            assert client.get("/public/summary").json()["sites"][0]["site"] == "helsinki"
            page = client.get("/", headers={"Accept": "text/html"})
            assert page.headers["content-type"].startswith("text/html")
            assert "server" not in page.headers
            # nobody is believed without --behind-proxy
            assert client.get("/?f=json", headers=HTTPS).json()["links"][0]["href"].startswith("http://")
            assert client.get("/healthz", headers={"Host": "evil.example"}).status_code == 403
            taken = run("serve", "--port", client.base_url.port, "--store", tmp_path / "other.sqlite")
            assert taken.exit_code == 2
            assert taken.stderr.startswith("sightgrid: cannot listen at 127.0.0.1, port ")
            assert len(taken.stderr.splitlines()) == 1
        errors = stop(server)
    assert errors.splitlines() == ["the store has no site yet: bringing in helsinki", "sightgrid has stopped"]
    with open_database(tmp_path / "sightgrid.sqlite") as database:
        assert [site.name for site in list_sites(database)] == ["helsinki"]
        assert [(entry.actor, entry.action) for entry in list_entries(database)] == [("local", "site.add")]
        verify_log(database)


def test_where_others_can_come_in_it_needs_accounts_and_tls(store, certificate):
    cert, key = certificate
    tls = ("--tls-cert", cert, "--tls-key", key)
    everywhere = ("serve", "--store", store, "--host", "0.0.0.0", "--port", "0")  # noqa: S104
    admin = "add an admin to its store with 'sightgrid users add NAME --role admin'"
    safe = "give --tls-cert and --tls-key, or --behind-proxy ADDRESS for a proxy that has TLS"
    assert refuse(*everywhere) == f"sightgrid: others can reach 0.0.0.0: {admin}, and {safe}"
    assert refuse(*everywhere, *tls) == f"sightgrid: others can reach 0.0.0.0: {admin}"
    assert refuse("serve", "--store", store, "--port", "0", "--behind-proxy", "127.0.0.1").endswith(admin)
    with open_database(store) as database:
        add_user(database, "planner")
        assert refuse(*everywhere, *tls).endswith(admin), "a planner is no admin"
        user = add_user(database, "admin")
        assert refuse(*everywhere) == f"sightgrid: others can reach 0.0.0.0: {safe}"
        add_user(database, "admin", name="second")
        for user in people.list_users(database):
            if user.name == "admin":
                people.change_user(database, user.user_id, active=False)
    with serving(*everywhere[1:], *tls, "--workers", "0") as (server, address):
        assert address.startswith("https://0.0.0.0:")
        base = address.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        with httpx.Client(base_url=base, verify=ssl.create_default_context(cafile=cert)) as client:
            assert client.get("/session").json()["local"] is False
            assert client.get("/users").status_code == 401
            assert client.post("/session", json={"name": "admin", "password": PASSWORD}).status_code == 401
            answer = client.post("/session", json={"name": "second", "password": PASSWORD})
            assert answer.headers["set-cookie"].startswith("__Host-sightgrid=")
            assert answer.headers["strict-transport-security"]
            assert client.get("/users").status_code == 200
            assert client.get("/?f=json").json()["links"][0]["href"] == f"{base}/?f=json"
        stop(server, signal.SIGTERM)
    with open_database(store) as database:
        verify_log(database)


def test_behind_a_proxy_it_believes_that_proxy(store):
    with open_database(store) as database:
        add_user(database, "admin")
    given = ("--store", store, "--origin", "https://map.example", "--access-log", *WITHOUT_WORKERS)
    with serving(*given, "--host", "::1", "--behind-proxy", "::1") as (server, address):
        assert address.startswith("http://[::1]:")
        with httpx.Client(base_url=address) as client:
            assert client.get("/session").status_code == 403, "it did not come over TLS"
            client.headers.update(HTTPS | {"Host": "map.example", "X-Forwarded-For": "10.0.0.9"})
            assert client.get("/session?token=secret").json()["local"] is False
            assert client.get("/?f=json").json()["links"][0]["href"] == "https://map.example/?f=json"
            elsewhere = {"Origin": "https://evil.example"}
            assert client.delete("/session", headers=elsewhere).status_code == 403
            assert client.delete("/session", headers={"Origin": "https://map.example"}).status_code == 204
            assert client.get("/healthz", headers={"Host": "evil.example"}).status_code == 403
        log = stop(server)
    assert "GET /session 200 " in log
    assert "secret" not in log
    assert "10.0.0.9" not in log


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--port", "70000"], "--port: must be from 0 to 65535"),
        (["--workers", "-1"], "--workers: must be from 0"),
        (["--tls-cert", "cert.pem"], "--tls-cert and --tls-key go together"),
        (["--tls-cert", "no.pem", "--tls-key", "no.pem"], "--tls-cert, --tls-key: cannot be used"),
        (["--tls-cert", __file__, "--tls-key", __file__], "--tls-cert, --tls-key: cannot be used"),
        (["--behind-proxy", "*"], "--behind-proxy: must be the address"),
        (["--behind-proxy", "0.0.0.0/0"], "--behind-proxy: must be the address"),
        (["--origin", "map.example"], "--origin: 'map.example' is none"),
        (["--origin", "https://map.example/path"], "--origin: 'https://map.example/path' is none"),
        (["--host", "no such host"], "cannot listen at no such host"),
        (["--store", "postgresql://anna:secret@127.0.0.1:1/none"], "127.0.0.1/none: the store cannot be used"),
        (["--store", __file__], "cannot be used"),
    ],
)
def test_what_cannot_be_served_is_told_in_one_line(tmp_path, words, told):
    line = refuse("serve", "--store", tmp_path / "new.sqlite", *words)
    assert told in line
    assert "secret" not in line


# accounts


def test_users_are_added_listed_and_changed(store):
    at = ("--store", store)
    added = run("users", "add", "anna", "--role", "admin", *at, text=f"{PASSWORD}\n")
    assert (added.exit_code, added.stdout) == (0, f"{store}: anna may sign in as admin\n")
    run("users", "add", "ben", "--role", "viewer", *at, text=PASSWORD)
    changed = run("users", "change", "ben", "--role", "planner", "--inactive", *at)
    assert changed.stdout == f"{store}: ben, planner, inactive\n"
    assert run("users", "list", *at).stdout == "anna\tadmin\tactive\nben\tplanner\tinactive\n"
    assert run("users", "change", "anna", "--password", *at, text="another password\n").exit_code == 0
    with open_database(store) as database:
        assert accounts.verify_user(database, "anna", PASSWORD) is None
        assert accounts.verify_user(database, "anna", "another password").name == "anna"
        actors = {entry.actor for entry in list_entries(database) if entry.action.startswith("user.")}
        assert actors == {"local"}


def test_what_cannot_be_done_about_users_is_told_in_one_line(store, tmp_path):
    at = ("--store", store)
    run("users", "add", "anna", "--role", "admin", *at, text=PASSWORD)
    for words, text, told in [
        (("add", "anna", "--role", "viewer"), PASSWORD, "there is a user called anna already"),
        (("add", "ben", "--role", "king"), PASSWORD, "the role must be one of viewer, auditor"),
        (("add", "ben", "--role", "viewer"), "short", "from 12 to 256 characters"),
        (("add", "ben", "--role", "viewer"), "", "from 12 to 256 characters"),
        (("add", "a\x1bb", "--role", "viewer"), PASSWORD, "printable characters"),
        (("change", "nobody", "--role", "viewer"), None, "there is no user nobody"),
        (("change", "anna"), None, "say what to change"),
        (("change", "anna", "--role", "viewer"), None, "anna is the last active admin"),
        (("change", "anna", "--inactive"), None, "anna is the last active admin"),
    ]:
        assert told in refuse("users", *words, *at, text=text)
    missing = tmp_path / "missing.sqlite"
    assert refuse("users", "list", "--store", missing) == f"sightgrid: {missing}: there is no such store"
    assert not missing.exists()


def test_at_a_terminal_the_password_is_asked_for_twice_and_not_shown(store):
    command = [sys.executable, "-m", "sightgrid", "users", "add", "anna", "--role", "admin", "--store", store]
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as child:
        os.close(theirs)
        shown = b""
        for typed in (b"correct horse battery\n", b"wrong horse battery\n", *[b"correct horse battery\n"] * 2):
            while not shown.endswith(b": "):  # whoever types before is seen
                assert select.select([ours], [], [], 20)[0], shown
                shown += os.read(ours, 1000)
            os.write(ours, typed)
            shown += os.read(ours, 1)  # the end of the line that was typed
        assert child.wait(timeout=30) == 0
    os.close(ours)
    assert b"horse" not in shown
    with open_database(store) as database:
        assert accounts.verify_user(database, "anna", PASSWORD)


# the audit log


def test_the_log_is_verified_and_listed(store):
    at = ("--store", store)
    assert run("audit-log", "verify", *at).stdout.splitlines()[0] == f"{store}: the audit log is whole, 0 entries"
    run("users", "add", "anna", "--role", "admin", *at, text=PASSWORD)
    known = run("audit-log", "verify", *at).stdout.splitlines()[1]
    assert re.fullmatch(r"1:[0-9a-f]{64}", known)
    with open_database(store) as database:
        people_name = "\x1b[2J<script>"
        accounts.add_entry(database, actor=people_name, action="x")
    again = run("audit-log", "verify", "--known", known, *at)
    assert again.stdout.splitlines()[0].endswith("2 entries")
    listed = run("audit-log", "list", *at).stdout.splitlines()
    assert [line.split("\t")[2:5] for line in listed] == [["local", "user.add", "anna"], ["?[2J<script>", "x", ""]]
    assert len(run("audit-log", "list", "--limit", "1", *at).stdout.splitlines()) == 1


def test_a_log_that_was_changed_or_cut_is_told_with_status_2(store):
    at = ("--store", store)
    for name in ("anna", "ben", "cleo"):
        run("users", "add", name, "--role", "admin", *at, text=PASSWORD)
    known = run("audit-log", "verify", *at).stdout.splitlines()[1]
    with sqlite3.connect(store) as connection:
        for (trigger,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE name LIKE 'audit_log_no%'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("DELETE FROM audit_log WHERE entry = 3")
    connection.close()
    assert run("audit-log", "verify", *at).exit_code == 0, "a chain alone cannot tell that its end was cut off"
    assert refuse("audit-log", "verify", "--known", known, *at).endswith("the audit log ends at entry 2, 3 is known")
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE audit_log SET target = 'nobody' WHERE entry = 1")
    connection.close()
    assert refuse("audit-log", "verify", *at).endswith("the audit log is broken at entry 1")
    assert "--known: must be" in refuse("audit-log", "verify", "--known", "1:abc", *at)
