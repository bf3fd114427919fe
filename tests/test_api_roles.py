"""Who may do what: every route of the real server is asked by every role and by nobody."""

from __future__ import annotations

import re

import accounts
import pytest
import store_databases
from api_server import connect
from scenes import ROOT

from sightgrid.api.app import create_app
from sightgrid.api.roles import ANYBODY, EDIT, PROCESSES, READ, RESULTS, ROLES, ROUTES, check_routes, list_routes
from sightgrid.api.settings import Settings
from sightgrid.store.database import open_database
from sightgrid.store.sites import import_site

few = store_databases.few

NOBODY = "nobody"
REFUSED = (401, 403)
# what stands in a path; nothing of it is there
VALUES = {
    "collection": "999999.grid", "item": "none", "layer": "grid", "process": "blindspots", "job_id": "none",
    "camera_id": "none",
}  # fmt: skip
# where the tables of layers and results would refuse as well: a layer that the roles of the route may use
LAYERS = {
    "create_item": "999999.incidents", "replace_item": "999999.incidents", "delete_item": "999999.incidents",
    "list_result_features": "cells", "show_result_tileset": "cells", "draw_result_tile": "cells",
}  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory, few):
    folder = tmp_path_factory.mktemp("roles")
    with open_database(store_databases.make_address("sqlite", folder)) as opened:
        import_site(opened, few)
        yield opened


@pytest.fixture(scope="module")
def users(store):
    return {role: accounts.add_user(store, role) for role in ROLES}


@pytest.fixture(scope="module")
def cookies(store, users):
    return {role: accounts.sign_in(store, user) for role, user in users.items()} | {NOBODY: {}}


@pytest.fixture(scope="module")
def client(store):
    with connect(store, Settings(local=False, workers=0)) as opened:
        yield opened


@pytest.fixture(scope="module")
def routes(store):
    return list_routes(create_app(store, Settings(local=False, workers=0)))


def fill(name, path):
    """Put values into the template of a path."""

    def choose(match):
        parameter = match[1].partition(":")[0]
        if parameter in ("collection", "layer") and name in LAYERS:
            return LAYERS[name]
        return VALUES.get(parameter, "999999")

    return re.sub(r"\{(.*?)\}", choose, path)


def test_every_route_is_in_the_table_and_the_other_way_round(routes):
    assert {name for name, _, _ in routes} == set(ROUTES)
    assert len({(method, path) for _, method, path in routes}) == len(routes)


def test_each_route_has_one_name(routes):
    names = [name for name, _, _ in routes]
    assert sorted(names) == sorted(set(names))


def test_a_route_without_roles_is_refused_at_the_start(store):
    app = create_app(store, Settings(workers=0))

    @app.get("/forgotten")
    def show_forgotten() -> None:
        """Stand in no table."""

    with pytest.raises(RuntimeError, match="routes without roles: show_forgotten"):
        check_routes(app)


@pytest.mark.parametrize("role", [*ROLES, NOBODY])
def test_each_role_may_use_the_routes_of_the_table_and_no_others(client, store, users, cookies, routes, role):
    wrong = []
    for name, method, path in routes:
        # signing out ends a sign-in: one that no other route needs
        own = accounts.sign_in(store, users[role]) if name == "sign_out" and role != NOBODY else cookies[role]
        answer = client.request(method, fill(name, path), headers=own)
        client.cookies.clear()
        allowed = not ROUTES[name] or role in ROUTES[name]
        expected = "allowed" if allowed else "401" if role == NOBODY else "403"
        found = "allowed" if answer.status_code not in REFUSED else str(answer.status_code)
        if found != expected or answer.status_code >= 500:
            wrong.append(f"{role} {method} {path}: {answer.status_code}, expected: {expected}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("layer", READ)
def test_layers_are_seen_by_their_roles_alone(client, cookies, layer):
    for role in ROLES:
        for path in (f"/collections/1.{layer}/items?limit=1", f"/tiles/1.{layer}/0/0/0.mvt", f"/tiles/1.{layer}"):
            status = client.get(path, headers=cookies[role]).status_code
            assert status in ((200, 204) if role in READ[layer] else (403,)), (role, path)


@pytest.mark.parametrize("layer", EDIT)
def test_layers_are_changed_by_their_roles_alone(client, cookies, layer):
    for role in ROLES:
        status = client.delete(f"/collections/1.{layer}/items/none", headers=cookies[role]).status_code
        assert status in ((404, 428) if role in EDIT[layer] else (403,)), role


@pytest.mark.parametrize("process", PROCESSES)
def test_long_work_is_asked_for_by_its_roles_alone(client, cookies, process):
    body = {"inputs": {"site_id": 999_999}}
    for role in ROLES:
        status = client.post(f"/processes/{process}/execution", headers=cookies[role], json=body).status_code
        assert status in ((404, 422) if role in PROCESSES[process] else (403,)), role


def test_a_session_tells_what_the_role_may_do(client, cookies):
    for role in ROLES:
        told = client.get("/session", headers=cookies[role]).json()["permissions"]
        tables = {"read": READ, "edit": EDIT, "results": RESULTS, "processes": PROCESSES}
        for name, table in tables.items():
            assert set(told[name]) == {key for key, roles in table.items() if role in roles}
        assert set(told["routes"]) == {name for name, roles in ROUTES.items() if not roles or role in roles}
    nobody = client.get("/session").json()["permissions"]
    assert set(nobody.pop("routes")) == {name for name, roles in ROUTES.items() if roles is ANYBODY}
    assert not any(nobody.values())


def write_tables():
    """Write the tables of roles as the documentation has them."""

    def write(title, rows):
        yield f"| {title} | {' | '.join(ROLES)} |"
        yield "|---" * (len(ROLES) + 1) + "|"
        for name, cells in rows:
            yield f"| `{name}` | {' | '.join(cells)} |"
        yield ""

    def mark(table):
        return [(name, ["yes" if role in roles else "" for role in ROLES]) for name, roles in table.items()]

    layers = [
        (name, ["changes" if role in EDIT[name] else "sees" if role in READ[name] else "" for role in ROLES])
        for name in READ
    ]
    routes = {name: roles for name, roles in ROUTES.items() if roles is not ANYBODY}
    everybody = ", ".join(f"`{name}`" for name, roles in ROUTES.items() if roles is ANYBODY)
    lines = [
        *write("layer of a site", layers),
        *write("layer of a result", mark(RESULTS)),
        *write("long work", mark(PROCESSES)),
        f"Open to everybody, without an account: {everybody}.",
        "",
        *write("operation", mark(routes)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def test_the_documentation_has_the_table_of_roles():
    page = (ROOT / "docs" / "people.md").read_text(encoding="utf-8")
    told = page.partition("<!-- roles -->\n")[2].partition("<!-- end -->")[0]
    assert told == write_tables(), f"docs/people.md should have:\n{write_tables()}"


def test_where_cameras_stand_is_not_for_viewers_and_dispatchers():
    for role in ("viewer", "dispatcher"):
        assert role not in READ["cameras"]
        assert role not in RESULTS["seen"] | RESULTS["suggestions"] | RESULTS["losses"]
        for route in ("list_health", "show_camera_health", "show_thumbnail", "export_health", "list_streams"):
            assert role not in ROUTES[route]
        assert role not in ROUTES["preview_coverage"] | ROUTES["export_layers"] | ROUTES["download_result"]
