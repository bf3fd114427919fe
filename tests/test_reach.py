"""How far a request gets: names, connections, replies, passwords, each within its deadline whatever the server does."""

from __future__ import annotations

import hashlib
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from stream_servers import HERE, LOGIN, RtspServer, can_unshare, listener, mjpeg_server, needs_rtsp, refusing_port

from sightgrid.health import names
from sightgrid.health.addresses import parse_address
from sightgrid.health.logins import answer_challenge
from sightgrid.health.probes import Deadlines
from sightgrid.health.reach import Reach, describe, reach

SHORT = Deadlines(name_s=0.3, connect_s=0.3, reply_s=0.3)
IN_URL = "viewer:s3cret%401@"


def ask(url, how=reach, **options):
    return how(parse_address(url), deadlines=options.pop("deadlines", Deadlines(reply_s=5.0)), **options)


def hang(*_, **__):
    """A resolver whose name server never answers."""
    threading.Event().wait(3.0)
    raise OSError


def no_such_name(*_, **__):
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_a_resolver_that_hangs_is_left_behind():
    began = time.monotonic()
    assert ask("rtsp://cam.example/1", deadlines=SHORT, lookup=hang) == Reach(
        "name", "the name server did not answer within 0.3 s"
    )
    assert time.monotonic() - began < 2.5  # not when the resolver gives up
    assert names.count_stuck() >= 1


def test_many_hanging_resolvers_do_not_pile_up(monkeypatch):
    monkeypatch.setattr(names, "MAX_STUCK", 0)
    assert ask("rtsp://cam.example/1", lookup=hang).fault == "the name server answers nothing any more"
    with refusing_port() as port:  # a number needs no name server
        assert ask(f"rtsp://{HERE}:{port}/1", lookup=hang).stage == "connect"


def test_an_unknown_name_is_told():
    assert ask("rtsp://cam.example/1", lookup=no_such_name) == Reach("name", "there is no such host name")


@pytest.mark.skipif(not can_unshare(), reason="needs root, to give one program another name server")
def test_a_dead_name_server_ends_in_time(tmp_path):
    """The system's own resolver asks a name server that takes every question and answers none."""
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.9\n", encoding="ascii")
    code = """if True:
        from sightgrid.health.addresses import parse_address
        from sightgrid.health.probes import Job
        from sightgrid.health.workers import Pool
        job = Job(camera_id="a", address=parse_address("rtsp://cam.example/1"))
        with Pool(workers=1, name_s=0.5, measure="stream_servers:count_pictures") as pool:
            for probe in pool.run([job, job]):
                print(probe.stage, probe.fault, probe.seconds < 1.5, sep="|")
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        try:
            silent.bind(("127.0.0.9", 53))
        except OSError:
            pytest.skip("the port of name servers is taken")
        bind = f'mount --bind {tmp_path}/resolv.conf /etc/resolv.conf && exec "$@"'
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", bind, "sh", sys.executable, "-c", code],
            check=True, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parent,
        )  # fmt: skip
    assert done.stdout.splitlines() == ["name|the name server did not answer within 0.5 s|True"] * 2


@pytest.mark.parametrize("scheme", ["rtsp", "http", "rtsps", "https"])
def test_a_port_that_refuses(scheme):
    with refusing_port() as port:
        assert ask(f"{scheme}://{HERE}:{port}/1") == Reach("connect", f"port {port} refuses connections")


@pytest.mark.parametrize(
    ("scheme", "stage"), [("rtsp", "stream"), ("http", "stream"), ("rtsps", "connect"), ("https", "connect")]
)
def test_a_black_hole_ends_in_time(scheme, stage):
    stages = []
    with listener() as port:
        found = ask(f"{scheme}://{HERE}:{port}/1", deadlines=SHORT, enter=stages.append)
    assert found.stage == stage
    assert found.fault.endswith("within 0.3 s")
    assert stages == ["name", "connect", "stream"][: 3 if stage == "stream" else 2]


def test_a_server_that_drips_ends_in_time():
    with listener(b"RTSP/1.0 200 OK\r\nA: " + b"a" * 10_000, drip_s=0.02) as port:
        assert ask(f"rtsp://{HERE}:{port}/1", deadlines=SHORT).fault == "the server did not answer within 0.3 s"


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "the server answers in another protocol"),
        (b"RTSP/1.0 \xff\r\n\r\n", "the server answers in another protocol"),
        (b"\x00" * 100_000, "the server answers in another protocol"),
        (b"HTTP/1.1 503 Busy\r\n\r\n", "the server answers with status 503"),
        (b"HTTP/1.1 403 No\r\n\r\n", "access is refused (status 403)"),
        (b"HTTP/1.1 200 OK\r\n\r\n", ""),
        (b"ICY 200 OK\r\n\r\n", ""),
    ],
)
def test_what_a_server_answers(answer, fault):
    with listener(answer) as port:
        assert ask(f"http://{HERE}:{port}/1").fault == fault


def test_a_server_may_not_know_options():
    with listener(b"RTSP/1.0 501 Not Implemented\r\nCSeq: 1\r\n\r\n") as port:
        assert ask(f"rtsp://{HERE}:{port}/1") == Reach(status=501)


def test_a_request_tells_no_password():
    heard = []

    def listen(server):
        line, _ = server.accept()
        with line:
            heard.append(line.recv(4096))
            line.sendall(b"RTSP/1.0 200 OK\r\n\r\n")

    with socket.create_server((HERE, 0)) as server:
        thread = threading.Thread(target=listen, args=(server,))
        thread.start()
        port = server.getsockname()[1]
        assert not ask(f"rtsp://{IN_URL}{HERE}:{port}/live?x=1").stage
        thread.join()
    assert heard[0].startswith(f"OPTIONS rtsp://{HERE}:{port}/live?x=1 RTSP/1.0\r\nCSeq: 1\r\n".encode())
    assert b"s3cret" not in heard[0]


def test_passwords_over_http():
    with mjpeg_server([b""], login=LOGIN) as url:
        assert ask(url) == Reach(
            "authorisation", "the server asks for user and password, and none are given (status 401)", 401
        )
        with_login, wrong = (url.replace("//", f"//{login}") for login in (IN_URL, "viewer:wrong@"))
        assert ask(with_login) == Reach(status=401)  # it answers; whether the password is right is not asked
        assert ask(with_login, describe) == Reach(status=200)
        assert ask(wrong, describe) == Reach("authorisation", "access is refused (status 401)", 401)


@needs_rtsp
def test_passwords_over_rtsp():
    with RtspServer("live=live", login=LOGIN) as server:
        assert ask(server.url("live")) == Reach(status=200)  # OPTIONS needs none here
        assert ask(server.url("live"), describe).stage == "authorisation"
        assert ask(server.url("live", IN_URL), describe) == Reach(status=200)
        assert ask(server.url("live", "viewer:wrong@"), describe) == Reach(
            "authorisation", "access is refused (status 401)", 401
        )
        assert ask(server.url("none", IN_URL), describe) == Reach("stream", "the server answers with status 404", 404)


def test_a_way_of_authorisation_unknown_here_is_told():
    with listener(b'RTSP/1.0 401 No\r\nWWW-Authenticate: Bearer realm="x"\r\n\r\n') as port:
        found = ask(f"rtsp://{IN_URL}{HERE}:{port}/1", describe)
    assert found.fault == "the server wants a way of authorisation that is unknown here"


def test_digest_is_computed_as_the_standard_says():
    """RFC 2617, 3.2.2: response = H(H(user:realm:password) : nonce : H(method:uri)), without qop."""
    challenge = ['Basic realm="x"', 'Digest realm="ca, m", nonce="n0", algorithm=MD5']
    answer = answer_challenge(challenge, login=("u", "p:w"), method="DESCRIBE", target="rtsp://cam/1")

    def md5(text):
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    expected = md5(f"{md5('u:ca, m:p:w')}:n0:{md5('DESCRIBE:rtsp://cam/1')}")
    assert answer.startswith("Digest ")
    assert re.search(r'response="(\w+)"', answer)[1] == expected
    assert re.search(r'uri="([^"]+)"', answer)[1] == "rtsp://cam/1"


@pytest.mark.parametrize(
    "challenge", ["Digest", "Digest realm", 'Digest realm="a", nonce="b", algorithm=ROT13', "", "Negotiate"]
)
def test_a_challenge_that_makes_no_sense_is_not_answered(challenge):
    assert not answer_challenge([challenge], login=("u", "p"), method="GET", target="/")
    assert answer_challenge([challenge, "basic x"], login=("u", "p"), method="GET", target="/") == "Basic dTpw"


def test_files(tmp_path):
    empty = tmp_path / "empty.mp4"
    empty.touch()
    assert ask(str(empty)) == Reach("stream", "the file is empty")
    assert ask(str(tmp_path)) == Reach("connect", "is not a file")
    assert ask(str(tmp_path / "none.mp4")) == Reach("connect", "there is no such file")
    assert ask(__file__) == ask(f"file://{__file__}", describe) == Reach()
