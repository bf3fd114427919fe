"""Accounts, sign-ins and keys: who gets in, who does not, and what is written down about it."""

from __future__ import annotations

import queue
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import accounts
import pytest
import sqlalchemy as sa
import store_databases
from accounts import PASSWORD
from api_server import connect
from argon2 import PasswordHasher

from sightgrid.api.people import passwords
from sightgrid.api.people.accounts import check_name, make_user
from sightgrid.api.people.throttle import LONGEST_NAME_S, LONGEST_S, Throttle
from sightgrid.api.settings import Settings
from sightgrid.api.tokens import digest_token
from sightgrid.errors import InputError
from sightgrid.store import people
from sightgrid.store.audit_log import list_entries, verify_log
from sightgrid.store.conflicts import ExistsError, NotFoundError
from sightgrid.store.database import open_database
from sightgrid.store.work_tables import api_keys, audit_log, sign_ins, users

address, database = store_databases.address, store_databases.database

OPEN = Settings(local=False, workers=0)
HTTPS = {"X-Forwarded-Proto": "https"}


@pytest.fixture
def store(tmp_path):
    with open_database(store_databases.make_address("sqlite", tmp_path)) as opened:
        yield opened


@pytest.fixture
def client(store):
    with connect(store, OPEN) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(passwords, "HASHER", accounts.QUICK)


@pytest.fixture(scope="module")
def admin(tmp_path_factory):
    """Give a client that is signed in as the only admin, to ask what changes nothing."""
    folder = tmp_path_factory.mktemp("admin")
    with open_database(store_databases.make_address("sqlite", folder)) as opened, connect(opened, OPEN) as client:
        client.headers.update(accounts.sign_in(opened, accounts.add_user(opened, "admin")))
        yield client


def try_sign_in(client, name, password=PASSWORD, **options):
    return client.post("/session", json={"name": name, "password": password}, **options)


# the store, in both databases


def test_a_name_is_taken_once(database):
    user = accounts.add_user(database, "admin", name="anna")
    with pytest.raises(ExistsError, match="anna"):
        accounts.add_user(database, "viewer", name="anna")
    assert people.find_user(database, "anna") == people.find_user(database, user.user_id) == user
    assert people.list_users(database) == [user]
    with pytest.raises(NotFoundError):
        people.find_user(database, "ben")


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"active": False}])
def test_the_last_active_admin_stays(database, change):
    first, second = (accounts.add_user(database, "admin", name=name) for name in ("anna", "ben"))
    assert people.has_admin(database)
    people.change_user(database, first.user_id, **change)
    with pytest.raises(InputError, match="ben is the last active admin"):
        people.change_user(database, second.user_id, **change)
    assert people.find_user(database, "ben") == second
    people.change_user(database, second.user_id, password_hash="$")  # noqa: S106
    assert people.has_admin(database)


def test_of_two_admins_who_step_down_at_once_one_stays(database):
    found = [accounts.add_user(database, "admin", name=name) for name in ("anna", "ben")]
    start = threading.Barrier(2)

    def step_down(user):
        start.wait()
        try:
            people.change_user(database, user.user_id, role="viewer")
        except InputError:
            return "stays"
        return "gone"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(step_down, found)) == ["gone", "stays"]
    assert people.has_admin(database)


def test_a_sign_in_ends_by_time_by_idling_and_with_a_change_of_its_user(database):
    user = accounts.add_user(database, "viewer", name="anna")
    accounts.add_user(database, "admin")
    assert people.keep_sign_in(database, user, digest="ended", seconds=-1.0)
    assert people.keep_sign_in(database, user, digest="idle", seconds=60.0)
    assert people.find_signed_in(database, "ended", idle_s=60.0) is None
    assert people.find_signed_in(database, "idle", idle_s=60.0).user == user
    assert people.find_signed_in(database, "idle", idle_s=0.0) is None
    with database.read() as connection:
        kept = connection.execute(sa.select(sign_ins.c.digest)).scalars().all()
    assert kept == ["idle"], "what has ended goes with the next sign-in"
    changed = people.change_user(database, user.user_id, role="planner")
    assert people.find_signed_in(database, "idle", idle_s=60.0) is None
    people.change_user(database, user.user_id, password_hash="$")  # noqa: S106
    assert not people.keep_sign_in(database, changed, digest="late", seconds=60.0), "the password was another one"


def test_a_key_ends_by_time_and_with_its_user(database):
    user = accounts.add_user(database, "planner", name="anna")
    accounts.add_user(database, "admin")
    key = people.add_key(database, user.user_id, label="drone", digest="d1")
    people.add_key(database, user.user_id, label="old", digest="d2", ends_at_us=1)
    assert people.find_key_user(database, "d1") == user
    assert people.find_key_user(database, "d2") is None
    assert people.find_key(database, key.key_id) == key
    people.change_user(database, user.user_id, active=False)
    assert people.find_key_user(database, "d1") is None
    people.delete_key(database, key.key_id)
    for lost in (people.delete_key, people.find_key):
        with pytest.raises(NotFoundError):
            lost(database, key.key_id)


def test_another_hash_of_the_same_password_does_not_undo_a_change(database):
    user = accounts.add_user(database, "admin")
    people.replace_hash(database, user.user_id, before="not the one", after="$")
    assert people.find_user(database, "admin") == user
    people.replace_hash(database, user.user_id, before=user.password_hash, after="$")
    assert people.find_user(database, "admin").password_hash == "$"  # noqa: S105


# signing in


@pytest.mark.parametrize("secure", [False, True])
def test_the_cookie_is_for_this_server_and_no_script(store, secure):
    accounts.add_user(store, "admin", name="anna")
    with connect(store, Settings(local=False, secure=secure, workers=0)) as client:
        answer = try_sign_in(client, "anna", headers=HTTPS if secure else {})
        name, _, flags = answer.headers["set-cookie"].partition("=")
        flags = {flag.strip().lower() for flag in flags.split(";")[1:]}
        expected = {"httponly", "samesite=strict", "path=/"} | ({"secure"} if secure else set())
        assert (name, flags) == ("__Host-sightgrid" if secure else "sightgrid", expected)
        assert answer.json()["role"] == "admin"
        cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0]} | (HTTPS if secure else {})
        assert client.get("/users", headers=cookie).status_code == 200
        gone = client.delete("/session", headers=cookie)
        assert gone.status_code == 204
        assert "max-age=0" in gone.headers["set-cookie"].lower()
        assert client.get("/users", headers=cookie).status_code == 401, "a kept cookie is of no use after signing out"


def test_the_token_is_random_and_not_in_the_store(client, store):
    accounts.add_user(store, "viewer", name="anna")
    tokens = [try_sign_in(client, "anna").cookies["sightgrid"] for _ in range(2)]
    assert all(re.fullmatch(r"[\w-]{43}", token) for token in tokens)
    assert tokens[0] != tokens[1]
    with store.read() as connection:
        kept = connection.execute(sa.select(sign_ins.c.digest)).scalars().all()
    assert kept == [digest_token(tokens[1])], "the browser's former sign-in has ended"


def test_a_token_that_somebody_else_planted_is_not_taken_over(client, store):
    accounts.add_user(store, "viewer", name="anna")
    planted = {"Cookie": "sightgrid=planted"}
    answer = try_sign_in(client, "anna", headers=planted)
    assert answer.cookies["sightgrid"] != "planted"
    assert client.get("/session", headers=planted).json()["signed_in"] is False


def test_nobody_learns_which_names_there_are(client, store, monkeypatch):
    accounts.add_user(store, "admin")
    people.change_user(store, accounts.add_user(store, "viewer", name="left").user_id, active=False)
    verified = []

    class Counting(PasswordHasher):
        def verify(self, *given):
            verified.append(given)
            return super().verify(*given)

    monkeypatch.setattr(passwords, "HASHER", Counting(time_cost=1, memory_cost=8, parallelism=1))
    tries = [("admin", "wrong password"), ("nobody", PASSWORD), ("left", PASSWORD), ("left", "wrong password")]
    answers = [try_sign_in(client, *each) for each in tries]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert len(verified) == len(tries), "a name that is not there takes as long"


def test_a_hash_with_old_parameters_is_made_anew(client, store, monkeypatch):
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher())
    old = accounts.QUICK.hash(PASSWORD)
    people.add_user(store, name="anna", role="viewer", password_hash=old)
    assert try_sign_in(client, "anna").status_code == 200
    new = people.find_user(store, "anna").password_hash
    assert re.match(r"\$argon2id\$v=19\$m=65536,t=3,p=4\$", new)
    assert not passwords.is_outdated(new)
    assert client.get("/session").json()["signed_in"] is True
    assert try_sign_in(client, "anna").status_code == 200


def test_letters_may_be_typed_in_several_ways(client, store):
    make_user(store, name="Zo\u00eb", role="viewer", password="caf\u00e9 au lait 12", actor="local")  # noqa: S106
    assert try_sign_in(client, "Zoe\u0308", "cafe\u0301 au lait 12").status_code == 200


@pytest.mark.parametrize(
    "cookie", ["sightgrid=", "sightgrid=foreign", "sightgrid=\u00ff", "other=1", "sightgrid=" + "a" * 4000]
)
def test_foreign_tokens_open_nothing(admin, cookie):
    headers = {"Cookie": cookie.encode("latin-1")}
    answer = admin.get("/users", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert admin.get("/session", headers=headers).json()["role"] is None
    assert admin.get("/public/summary", headers=headers).status_code == 200


def test_ended_and_idle_sign_ins_open_nothing(client, store):
    user = accounts.add_user(store, "admin")
    fresh = accounts.sign_in(store, user)
    assert client.get("/users", headers=fresh).status_code == 200
    assert client.get("/users", headers=accounts.sign_in(store, user, seconds=-1.0)).status_code == 401
    with store.write() as connection:  # two hours and a minute ago
        connection.execute(sa.update(sign_ins).values(used_at_us=sign_ins.c.used_at_us - 7_260_000_000))
    assert client.get("/users", headers=fresh).status_code == 401


def test_use_is_written_down_once_a_minute(client, store, monkeypatch):
    cookie = accounts.sign_in(store, accounts.add_user(store, "viewer"))
    written = queue.Queue()

    def refresh(*given):
        refresh_sign_in(*given)
        written.put(given)

    refresh_sign_in = people.refresh_sign_in
    monkeypatch.setattr(people, "refresh_sign_in", refresh)

    def grow_old():
        with store.write() as connection:
            connection.execute(sa.update(sign_ins).values(used_at_us=sign_ins.c.used_at_us - 600_000_000))
            return connection.execute(sa.select(sign_ins.c.used_at_us)).scalar_one()

    assert client.get("/conformance", headers=cookie).status_code == 200
    before = grow_old()
    assert client.get("/conformance", headers=cookie).status_code == 200
    written.get(timeout=20)  # after the answer
    with store.read() as connection:
        assert connection.execute(sa.select(sign_ins.c.used_at_us)).scalar_one() > before
    before = grow_old()
    for _ in range(3):
        assert client.get("/conformance", headers=cookie).status_code == 200
    assert written.empty()
    with store.read() as connection:
        assert connection.execute(sa.select(sign_ins.c.used_at_us)).scalar_one() == before


def test_changing_the_password_ends_every_other_sign_in(client, store):
    user = accounts.add_user(store, "viewer", name="anna")
    here, elsewhere = accounts.sign_in(store, user), accounts.sign_in(store, user)
    wrong = client.put("/session/password", headers=here, json={"password": "no", "new_password": "x" * 20})
    assert wrong.status_code == 403
    weak = client.put("/session/password", headers=here, json={"password": PASSWORD, "new_password": "short"})
    assert weak.status_code == 422
    asked = {"password": PASSWORD, "new_password": "a new one, and longer"}
    answer = client.put("/session/password", headers=here, json=asked)
    assert answer.status_code == 200
    fresh = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
    found = [client.get("/conformance", headers=each).status_code for each in (fresh, here, elsewhere)]
    assert found == [200, 401, 401]
    client.cookies.clear()
    assert try_sign_in(client, "anna").status_code == 401
    assert try_sign_in(client, "anna", asked["new_password"]).status_code == 200


# passwords and names


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("elevenchars", "from 12 to 256"),
        ("x" * 257, "from 12 to 256"),
        ("anna-of-the-hill", "more than a name"),
        ("ANNA-OF-THE-HILL", "more than a name"),
        ("sightgridsightgrid", "more than a name"),
        ("abababababab", "5 different"),
    ],
)
def test_easy_passwords_are_refused(password, reason):
    with pytest.raises(InputError, match=reason) as caught:
        passwords.check_password(password, "anna-of-the-hill")
    assert password not in str(caught.value)


def test_long_passwords_need_nothing_else():
    for password in ("all small letters", "12345 67890 1", "密码密码一二三四五六七八"):
        passwords.check_password(password, "anna")


@pytest.mark.parametrize(
    "name", ["", " ", "a" * 65, "an\nna", "an\x00na", "an\u202ena", " anna", "anna\u00a0", "local", "LOCAL", "\x1b[2J"]
)
def test_names_that_cannot_be_read_are_refused(name):
    with pytest.raises(InputError):
        check_name(name)


def test_names_of_any_letters_do():
    for name in ("anna", "Zo\u00eb", "李雷", "a b", "<script>", "x" * 64):
        assert check_name(name) == name


# guessing


def test_waits_double_and_end():
    now = 0.0
    throttle = Throttle(clock=lambda: now)
    waits = []
    for _ in range(20):
        throttle.note_failure("anna", "10.0.0.7")
        waits.append(throttle.find_wait("ben", "10.0.0.7"))
    assert waits[:9] == [0, 0, 0, 0, 1, 2, 4, 8, 16]
    assert waits[-1] == LONGEST_S
    assert throttle.find_wait("anna", "10.0.0.8") == throttle.find_wait("ANNA", "10.0.0.8") == LONGEST_NAME_S
    assert throttle.find_wait("ben", "10.0.0.8") == 0
    now = LONGEST_S
    assert throttle.find_wait("anna", "10.0.0.7") == 0
    now = LONGEST_S + 3600.0
    throttle.note_failure("anna", "10.0.0.7")
    assert throttle.find_wait("anna", "10.0.0.7") == 0, "an hour later it begins anew"


def test_others_do_not_lock_somebody_out_at_home():
    throttle = Throttle(clock=lambda: 0.0)
    throttle.note_success("anna", "10.0.0.1")
    for _ in range(20):
        throttle.note_failure("anna", "10.0.0.66")
    assert throttle.find_wait("anna", "10.0.0.1") == 0
    assert throttle.find_wait("anna", "10.0.0.2") > 0


def test_an_own_account_does_not_pay_for_guesses_at_others():
    throttle = Throttle(clock=lambda: 0.0)
    for _ in range(6):
        throttle.note_failure("anna", "10.0.0.66")
        throttle.note_success("mallory", "10.0.0.66")
    assert throttle.find_wait("anna", "10.0.0.66") > 0


def test_all_addresses_of_one_home_count_as_one():
    throttle = Throttle(clock=lambda: 0.0)
    for number in range(8):
        throttle.note_failure(f"name-{number}", f"2001:db8::{number}")
    assert throttle.find_wait("new", "2001:db8::99") > 0
    assert throttle.find_wait("new", "2001:db8:0:1::1") == 0


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr("sightgrid.api.people.throttle.MOST", 10)
    throttle = Throttle(clock=lambda: 0.0)
    for number in range(100):
        throttle.note_failure(f"name-{number}", f"10.0.0.{number}")
        throttle.note_success(f"name-{number}", f"10.0.0.{number}")
    assert len(throttle._failures) <= 10
    assert len(throttle._known) <= 10


def test_who_guesses_has_to_wait(client, store):
    accounts.add_user(store, "admin", name="anna")
    elsewhere = {"X-Forwarded-For": "10.1.1.1"}
    assert try_sign_in(client, "anna", headers={"X-Forwarded-For": "10.2.2.2"}).status_code == 200
    client.cookies.clear()
    tries = [try_sign_in(client, "anna", f"guess number {number}", headers=elsewhere) for number in range(7)]
    assert [answer.status_code for answer in tries][:5] == [401] * 5
    assert tries[-1].status_code == 429
    assert int(tries[-1].headers["retry-after"]) >= 1
    assert try_sign_in(client, "anna", headers=elsewhere).status_code == 429, "the right one as well"
    assert try_sign_in(client, "anna", headers={"X-Forwarded-For": "10.3.3.3"}).status_code == 429
    assert try_sign_in(client, "anna", headers={"X-Forwarded-For": "10.2.2.2"}).status_code == 200
    refused = [entry for entry in list_entries(store) if entry.action == "session.refuse"]
    assert len(refused) == [answer.status_code for answer in tries].count(401)


def test_many_sign_ins_at_once_do_not_take_all_threads(client, store, monkeypatch):
    accounts.add_user(store, "admin")
    monkeypatch.setattr(passwords, "_WAITING", threading.BoundedSemaphore(1))
    with passwords._taking_turns():
        answer = try_sign_in(client, "admin")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, str(passwords.BUSY_S))
    assert try_sign_in(client, "admin").status_code == 200


# users and keys


def test_an_admin_adds_and_changes_users(client, store):
    admin = accounts.sign_in(store, accounts.add_user(store, "admin", name="anna"))
    asked = {"name": "ben", "role": "viewer", "password": PASSWORD}
    made = client.post("/users", headers=admin, json=asked)
    assert made.status_code == 201
    assert made.json().keys() == {"user_id", "name", "role", "active", "made_at"}
    assert client.post("/users", headers=admin, json=asked).status_code == 409
    ben = f"/users/{made.json()['user_id']}"
    his = accounts.sign_in(store, people.find_user(store, "ben"))
    assert client.patch(ben, headers=admin, json={"role": "planner"}).json()["role"] == "planner"
    assert client.get("/conformance", headers=his).status_code == 401, "the new role begins with a new sign-in"
    assert client.patch(ben, headers=admin, json={}).status_code == 200
    assert client.patch(ben, headers=admin, json={"active": False}).json()["active"] is False
    assert try_sign_in(client, "ben").status_code == 401
    listed = client.get("/users", headers=admin).json()
    assert [(user["name"], user["active"]) for user in listed] == [("anna", True), ("ben", False)]
    last = client.patch("/users/1", headers=admin, json={"role": "viewer"})
    assert (last.status_code, last.json()["detail"]) == (422, "anna is the last active admin; make another one first")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/users", {"name": "a\nb", "role": "viewer", "password": PASSWORD}, 422),
        ("POST", "/users", {"name": "ben", "role": "king", "password": PASSWORD}, 422),
        ("POST", "/users", {"name": "ben", "role": "viewer", "password": "short"}, 422),
        ("POST", "/users", {"name": "ben", "role": "viewer", "password": PASSWORD, "active": True}, 422),
        ("PATCH", "/users/999", {"role": "viewer"}, 404),
        ("PATCH", "/users/0", {}, 422),
        ("PATCH", f"/users/{2**63}", {}, 422),
        ("PATCH", "/users/1", {"password": "short"}, 422),
        ("POST", "/keys", {"label": ""}, 422),
        ("POST", "/keys", {"label": "a\x1bb"}, 422),
        ("POST", "/keys", {"label": "drone", "ends_at": "2001-01-01T00:00:00Z"}, 422),
        ("POST", "/keys", {"label": "drone", "ends_at": "2100-01-01T00:00:00"}, 422),
        ("POST", "/keys", {"label": "drone", "ends_at": "9999-12-31T23:59:59-12:00"}, 422),
        ("DELETE", "/keys/999", None, 404),
        ("GET", "/audit-log?limit=0", None, 422),
        ("GET", f"/audit-log?before={2**63}", None, 422),
    ],
)
def test_bad_requests_are_told_in_one_line(admin, method, path, body, status):
    answer = admin.request(method, path, json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert PASSWORD not in answer.text
    assert len(answer.json()["detail"].splitlines()) == 1


def test_a_key_does_what_its_user_may(client, store):
    planner = accounts.add_user(store, "planner", name="anna")
    accounts.add_user(store, "admin")
    cookie = accounts.sign_in(store, planner)
    made = client.post("/keys", headers=cookie, json={"label": "import"}).json()
    assert re.fullmatch(r"sg_[\w-]{43}", made["key"])
    bearer = {"Authorization": f"Bearer {made['key']}"}
    assert client.get("/session", headers=bearer).json()["name"] == "anna"
    assert client.get("/users", headers=bearer).status_code == 403
    listed = client.get("/keys", headers=bearer)
    assert [key["label"] for key in listed.json()] == ["import"]
    assert made["key"] not in listed.text, "it is shown once"
    with store.read() as connection:
        assert connection.execute(sa.select(api_keys.c.digest)).scalar_one() == digest_token(made["key"])
    assert client.post("/keys", headers=bearer, json={"label": "more"}).status_code == 403
    asked = {"password": PASSWORD, "new_password": "a new one, and longer"}
    assert client.put("/session/password", headers=bearer, json=asked).status_code == 403
    assert client.delete(f"/keys/{made['key_id']}", headers=bearer).status_code == 204
    assert client.get("/keys", headers=bearer).status_code == 401


@pytest.mark.parametrize("shown", ["Bearer", "Bearer sg_foreign", "Basic YTpi", "Negotiate x", ""])
def test_a_key_that_is_none_is_not_made_up_for_by_a_cookie(admin, shown):
    assert admin.get("/users").status_code == 200
    assert admin.get("/users", headers={"Authorization": shown}).status_code == 401


def test_keys_of_others_are_an_admins_matter(client, store):
    cookies = {role: accounts.sign_in(store, accounts.add_user(store, role)) for role in ("viewer", "planner", "admin")}
    ends_at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    made = client.post("/keys", headers=cookies["viewer"], json={"label": "mine", "ends_at": ends_at}).json()
    assert datetime.fromisoformat(made["ends_at"]) == datetime.fromisoformat(ends_at)
    path = f"/keys/{made['key_id']}"
    assert client.get("/keys", headers=cookies["planner"]).json() == []
    assert client.delete(path, headers=cookies["planner"]).status_code == 403
    assert [key["user"] for key in client.get("/keys", headers=cookies["admin"]).json()] == ["viewer"]
    assert client.delete(path, headers=cookies["admin"]).status_code == 204


def test_one_local_person_needs_no_account(store):
    with connect(store, Settings(workers=0)) as client:
        session = client.get("/session").json()
        assert (session["local"], session["signed_in"], session["role"]) == (True, False, "admin")
        assert try_sign_in(client, "anna").status_code == 409
        assert client.post("/keys", json={"label": "x"}).status_code == 409
        assert client.delete("/session").status_code == 204
        asked = {"name": "anna", "role": "admin", "password": PASSWORD}
        assert client.post("/users", json=asked).status_code == 201, "accounts can be made before they are needed"


# the audit log


def test_what_people_do_is_written_down_without_secrets(client, store):
    make_user(store, name="anna", role="admin", password=PASSWORD, actor="local")
    try_sign_in(client, "anna", "a wrong password")
    try_sign_in(client, "my password typed as name")
    token = try_sign_in(client, "anna").cookies["sightgrid"]
    client.post("/users", json={"name": "ben", "role": "viewer", "password": "second password"})
    client.patch("/users/2", json={"role": "planner", "password": "third password!"})
    key = client.post("/keys", json={"label": "drone"}).json()["key"]
    client.delete("/keys/1")
    client.put("/session/password", json={"password": PASSWORD, "new_password": "fourth password"})
    client.patch("/users/1", json={"active": False})  # refused: nothing happened
    client.delete("/session")
    entries = list_entries(store)[::-1]
    assert [(entry.actor, entry.action, entry.target) for entry in entries] == [
        ("local", "user.add", "anna"),
        ("", "session.refuse", "anna"),
        ("", "session.refuse", ""),
        ("anna", "session.start", ""),
        ("anna", "user.add", "ben"),
        ("anna", "user.change", "ben"),
        ("anna", "key.add", "drone"),
        ("anna", "key.delete", "drone"),
        ("anna", "user.change", "anna"),
        ("anna", "session.renew", ""),
        ("anna", "session.end", ""),
    ]
    with store.read() as connection:
        text = str(connection.execute(sa.select(audit_log)).all())
        hashes = connection.execute(sa.select(users.c.password_hash)).scalars().all()
    for secret in (PASSWORD, "wrong password", "typed as name", "second", "third", "fourth", token, key, *hashes):
        assert secret not in text
    assert verify_log(store).entry == len(entries)


def test_the_log_is_read_page_by_page(client, store):
    admin = accounts.sign_in(store, accounts.add_user(store, "admin"))
    for number in range(5):
        client.post("/keys", headers=admin, json={"label": f"key {number}"})
    first = client.get("/audit-log?limit=3", headers=admin).json()
    rest = client.get(f"/audit-log?limit=3&before={first['before']}", headers=admin).json()
    assert [entry["target"] for entry in first["entries"] + rest["entries"]] == [f"key {n}" for n in range(4, -1, -1)]
    assert (first["newest"], rest["before"]) == (5, None)
