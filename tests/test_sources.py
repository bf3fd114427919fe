"""Stream addresses and secrets: what is accepted, what is refused, and that no secret is ever shown."""

from __future__ import annotations

import copy
import io
import os
import pickle
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightgrid.errors import InputError, SchemaError, SourceError, UnitRangeError
from sightgrid.health.addresses import parse_address
from sightgrid.health.probes import Deadlines, Job
from sightgrid.health.secrets import PASSWORD_VARIABLE, USER_VARIABLE, Secrets, read_secrets
from sightgrid.health.sources import read_sources

SECRET = "t0ps3cret"  # noqa: S105


def table(urls, **columns):
    return pd.DataFrame(
        {"stream_url": urls, **columns}, index=pd.Index([f"c{n}" for n in range(len(urls))], name="camera_id")
    )


@pytest.mark.parametrize(
    ("text", "shown", "host", "port"),
    [
        ("rtsp://cam/live", "rtsp://cam/live", "cam", 554),
        ("RTSP://Cam.Example:8554/live", "rtsp://cam.example:8554/live", "cam.example", 8554),
        (f"rtsps://u:{SECRET}@10.0.0.7/live", "rtsps://***@10.0.0.7/live", "10.0.0.7", 322),
        (f"http://{SECRET}@cam/video.mjpg", "http://***@cam/video.mjpg", "cam", 80),
        (f"https://cam/v?user=a&pwd={SECRET}", "https://cam/v?***", "cam", 443),
        (f"rtsp://cam/user=a&password={SECRET}&channel=1/x", "rtsp://cam/user=***/x", "cam", 554),
        (f"rtsp://cam/{SECRET}Abcdefgh/live", "rtsp://cam/***/live", "cam", 554),
        (f"rtsp://u:{SECRET}@[2001:DB8::1]:9/a", "rtsp://***@[2001:db8::1]:9/a", "2001:db8::1", 9),
        (f"rtsp://u:{SECRET}@x@cam/a", "rtsp://***@cam/a", "cam", 554),
        ("  rtsp://cam/live ", "rtsp://cam/live", "cam", 554),
        ("rtsp://caméra.example/", "rtsp://xn--camra-dsa.example/", "xn--camra-dsa.example", 554),
        ("file:///clips/a%20b.mp4", "/clips/a b.mp4", "", 0),
        ("clips/a b.mp4", "clips/a b.mp4", "", 0),
    ],
)
def test_addresses_are_taken_apart_and_shown_without_secrets(text, shown, host, port):
    address = parse_address(text)
    assert str(address) == shown
    assert (address.host, address.port) == (host, port)
    assert parse_address(address.reveal()) == address
    assert SECRET not in repr(address)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"ftp://u:{SECRET}@cam/a", "unknown scheme ftp"),
        (f"rtsp://u:{SECRET}@cam/a b", "space"),
        (f"rtsp://u:{SECRET}@cam/a\r\nX: y", "control"),
        (f"rtsp://u:{SECRET}@/a", "no host"),
        (f"rtsp://u:{SECRET}@:554/a", "no host"),
        (f"rtsp://u:x@cam:{SECRET}/a", "port"),
        ("rtsp://cam:0/a", "port 0"),
        ("rtsp://cam:65536/a", "port"),
        (f"rtsp://admin:{SECRET}/1@cam/a", "port"),
        (f"rtsp://admin:12/{SECRET}@cam/a", "%2F"),
        (f"rtsp://admin:x#{SECRET}@cam/a", "%2F"),
        (f"rtsp://u:{SECRET}@ca|m/a", "cannot be one"),
        (f"rtsp://u:{SECRET}@[::g]/a", "none"),
        (f"rtsp://u:{SECRET}@{'a' * 80}.example/a", "cannot be one"),
        (f"admin:{SECRET}@cam/a", "neither a path"),
        (f"rtsp:/{SECRET}", "neither a path"),
        (f"file://elsewhere/{SECRET}", "on this machine"),
        ("   ", "empty"),
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(text, words):
    with pytest.raises(InputError, match=words) as caught:
        parse_address(text)
    assert SECRET not in str(caught.value)
    # nor does a chained error show it in a traceback
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_no_way_of_printing_or_storing_shows_a_secret():
    address = parse_address(f"rtsp://{SECRET}1:{SECRET}2@cam/live?token={SECRET}3")
    sources = read_sources(table([address.reveal()]))
    shown = io.StringIO()
    sources.to_csv(shown)
    text = [
        f"{address}",
        f"{address:>80}",
        f"{address!r}",
        str([address]),
        str(sources),
        sources.to_html(),
        sources.to_json(),
    ]
    text += [
        shown.getvalue(),
        str(Job(camera_id="c0", address=address)),
        str(dir(address)),
        str(copy.deepcopy(address)),
    ]
    assert not any(SECRET in part for part in text)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(sources, protocol)
    assert not hasattr(address, "__dict__")
    assert address.reveal().count(SECRET) == 3
    assert SECRET + "1" not in address.locate()


@given(user=st.text(min_size=1), password=st.text())
def test_any_user_and_password_come_through(user, password):
    address = parse_address("rtsp://cam/live").with_credentials(user, password)
    again = parse_address(address.reveal())
    assert again.credentials() == (user, password)
    assert str(again) == "rtsp://***@cam/live"


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text):
    for candidate in (text, f"rtsp://{text}", f"rtsp://u:{quote(text, safe='')}@cam/{text}"):
        try:
            address = parse_address(candidate)
        except InputError:
            continue
        assert parse_address(address.reveal()) == address


def test_a_table_becomes_sources():
    urls = [f"rtsp://a:{SECRET}@one/1", None, "  ", np.nan, "/clips/x.mp4"]
    sources = read_sources(table(urls, width_px=[1920.0, None, 640, 640, None]))
    assert list(sources.columns) == ["address", "host", "width_px", "height_px", "reason"]
    assert sources.index.name == "camera_id"
    assert sources["host"].tolist() == ["one", "", "", "", ""]
    assert sources["reason"].tolist() == ["", *["no stream address"] * 3, ""]
    assert sources["address"].isna().tolist() == [False, True, True, True, False]
    assert sources["width_px"].tolist()[0] == 1920.0
    assert sources["height_px"].isna().all()


@pytest.mark.parametrize("cameras", [table([None, ""]), table(["x"]).drop(columns="stream_url"), table([])])
def test_a_table_without_addresses_is_refused(cameras):
    with pytest.raises(InputError, match="no camera has a stream address; give a column stream_url"):
        read_sources(cameras)


def test_all_broken_addresses_are_told_at_once_by_their_cameras():
    urls = [f"ftp://{SECRET}", "rtsp://fine/1", f"rtsp://{SECRET} /1", f"ftp://{SECRET}"]
    with pytest.raises(SchemaError) as caught:
        read_sources(table(urls))
    assert SECRET not in str(caught.value)
    assert {fault.ids for fault in caught.value.faults} == {("c0", "c3"), ("c2",)}
    assert "2 rows: c0, c3" in str(caught.value)


def write_secrets(tmp_path, text, mode=0o600):
    path = tmp_path / "secrets.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_secrets_go_to_their_cameras(tmp_path, monkeypatch):
    monkeypatch.setenv(USER_VARIABLE, "everybody")
    monkeypatch.setenv(PASSWORD_VARIABLE, "p0")
    path = write_secrets(
        tmp_path,
        '[cameras.c0]\nuser = "camera"\npassword = "p1"\n[hosts."Two.example"]\nuser = "host"\npassword = "p/2"\n',
    )
    secrets = read_secrets(path)
    assert "p1" not in str(secrets)
    urls = ["rtsp://two.example/0", "rtsp://two.example/1", "rtsp://x:y@three/2", "rtsp://three/3", "/clips/4.mp4"]
    addresses = read_sources(table(urls), secrets=secrets)["address"]
    assert [address.credentials() for address in addresses] == [
        ("camera", "p1"), ("host", "p/2"), ("x", "y"), ("everybody", "p0"), None,
    ]  # fmt: skip
    assert addresses.iloc[1].reveal() == "rtsp://host:p%2F2@two.example/1"


def test_without_a_file_the_environment_counts(monkeypatch):
    monkeypatch.delenv(USER_VARIABLE, raising=False)
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
    assert read_secrets() == Secrets()
    monkeypatch.setenv(USER_VARIABLE, "u")
    with pytest.raises(InputError, match="together or not at all"):
        read_secrets()
    monkeypatch.setenv(PASSWORD_VARIABLE, SECRET)
    assert read_secrets().default == ("u", SECRET)
    assert SECRET not in repr(read_secrets())


@pytest.mark.skipif(os.name != "posix", reason="only POSIX tells who may read a file")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_secrets_file_that_others_may_read_is_refused(tmp_path, mode):
    path = write_secrets(tmp_path, "", mode)
    with pytest.raises(InputError, match=rf"mode {mode:04o}\); chmod 600"):
        read_secrets(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f'password = "{SECRET}"', "unknown table password"),
        (f'[hosts.a]\npassword = "{SECRET}"', "hosts.a must hold"),
        (f'[cameras.a]\nuser = "u"\npassword = "{SECRET}"\nnote = "x"', "cameras.a must hold"),
        ("[default]\nuser = 'u'\npassword = 12345", "default must hold"),
        ("hosts = 3", "table of tables"),
        (f'[default]\nuser = "u"\npassword = "{SECRET}', "is no TOML"),
        (f"{SECRET}", "is no TOML"),
    ],
)
def test_a_broken_secrets_file_is_refused_without_its_values(tmp_path, text, words):
    with pytest.raises(InputError, match=words) as caught:
        read_secrets(write_secrets(tmp_path, text))
    assert SECRET not in str(caught.value)


def test_a_missing_secrets_file_is_told(tmp_path):
    with pytest.raises(SourceError, match="no such file"):
        read_secrets(tmp_path / "none.toml")
    with pytest.raises(SourceError, match="cannot be read"):
        read_secrets(tmp_path)


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan")])
def test_deadlines_are_positive(value):
    with pytest.raises(UnitRangeError, match="read_s must be a positive number"):
        Deadlines(read_s=value)
