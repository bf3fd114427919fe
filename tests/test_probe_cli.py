"""`sightgrid probe` as a user runs it: real processes, real streams, every file opened and read back."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import NamedTuple

import pandas as pd
import pytest
from stream_servers import HERE, RtspServer, children, jpeg, make_clip, mjpeg_server, needs_rtsp, picture, refusing_port

from sightgrid.cli import main
from sightgrid.cli import probe as command

SECRETS = ("viewer", "s3cret", "t0ken")


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(monkeypatch, capfd):
    """Run the command in this process, with real workers."""
    monkeypatch.setenv("COLUMNS", "120")

    def run_command(*words):
        monkeypatch.setattr(sys, "argv", ["sightgrid", "probe", *map(str, words)])
        before = signal.getsignal(signal.SIGTERM)
        try:
            with pytest.raises(SystemExit) as stop:
                main()
        finally:
            signal.signal(signal.SIGTERM, before)
        return Done(stop.value.code, *capfd.readouterr())

    return run_command


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", pictures=20)


def write_table(path, urls, **columns):
    pd.DataFrame({"camera_id": list(urls), "stream_url": list(urls.values()), **columns}).to_csv(path, index=False)
    return path


def filter_page(page, folder):
    """Turn a filter in a real browser, as a user would, where there is one."""
    browser = shutil.which("chromium")
    if browser is None:
        return
    steps = "<script>document.querySelector('input[value=ok]').click();</script></body>"
    file = folder / "page.html"
    file.write_text(page.replace("</body>", steps), "utf-8")
    words = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}", "--dump-dom"]
    told = subprocess.run(
        [browser, *words, file.as_uri()], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert "4 of 6 cameras shown" in told
    assert len(re.findall(r'<li class="ok"[^>]*hidden', told)) == 2
    assert not re.search(r'<li class="(offline|fault)"[^>]*hidden', told)


def test_one_round_tells_who_sees_and_who_does_not(run, tmp_path, clip):
    import cv2
    import numpy as np

    black = tmp_path / "black.avi"
    writer = cv2.VideoWriter(str(black), cv2.VideoWriter_fourcc(*"MJPG"), 25, (320, 240))
    for _ in range(12):
        writer.write(np.zeros((240, 320, 3), np.uint8))
    writer.release()
    (tmp_path / "empty.mp4").touch()
    out = tmp_path / "out"
    with refusing_port() as closed, mjpeg_server([jpeg(picture(shift=3 * n)) for n in range(9)]) as url:
        urls = {
            "fine": clip,
            "black": black,
            "dead": f"rtsp://viewer:s3cret@{HERE}:{closed}/live?key=t0ken",
            "<img src=x>": url + "?key=t0ken",
            "empty": tmp_path / "empty.mp4",
            "none": "",
        }
        owners = ["government", "government", "society", '=HYPERLINK("x")', "society", ""]
        table = write_table(tmp_path / "cameras.csv", urls, owner_class=owners)
        done = run(table, "--out", out, "--workers", "3", "--fail-on-fault")
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    assert "black: mean level 0 < 30" in done.stdout

    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert summary["by_status"] == {"offline": 2, "fault": 1, "warning": 0, "not_checkable": 1, "ok": 2}
    assert summary["by_reason"] == {"offline (connect)": 1, "offline (stream)": 1, "black": 1, "no stream address": 1}
    assert (summary["cameras"], summary["checked"], summary["online"], summary["intact"]) == (6, 5, 3, 2)
    assert summary["online_rate"] == pytest.approx(0.6)
    assert summary["intact_rate"] == pytest.approx(0.4)
    assert summary["by_owner_class"]["government"]["intact_rate"] == 0.5
    assert summary["lost_m2"] is None
    with closing(sqlite3.connect(out / "history.sqlite")) as plain:
        probes = dict(plain.execute("select camera_id, count(*) from health_probes group by 1").fetchall())
    assert min(probes[name] for name in ("black", "dead", "empty")) == 2  # what is wrong had to be seen twice
    assert summary["probes"] == sum(probes.values()) - probes["none"]  # nobody was there to be asked
    assert summary["probes_per_s"] == pytest.approx(summary["probes"] / summary["seconds"], rel=0.01)

    health = pd.read_csv(out / "health.csv", keep_default_na=False)
    assert health["camera_id"].tolist()[:3] == ["dead", "empty", "black"]  # the worst first
    assert set(health["status"]) == {"offline", "fault", "not_checkable", "ok"}
    assert '\'=HYPERLINK("x")' in health["owner_class"].tolist()

    page = (out / "health.html").read_text("utf-8")
    assert page.count("data:image/jpeg;base64,") == 3
    assert page.index("<h3>dead</h3>") < page.index("<h3>black</h3>") < page.index("<h3>fine</h3>")
    assert "<img src=x>" not in page
    assert "&lt;img src=x&gt;" in page
    assert not re.search(r"(src|href)=.?(https?:)?//", page)

    filter_page(page, tmp_path)
    told = done.stdout + "".join(path.read_bytes().decode("latin-1") for path in out.iterdir())
    assert not any(secret in told for secret in SECRETS)
    assert sorted(path.name for path in out.iterdir()) == [
        "health.csv",
        "health.html",
        "history.sqlite",
        "summary.json",
    ]


@needs_rtsp
def test_killing_a_camera_in_helsinki_opens_a_blind_spot(run, tmp_path, helsinki):
    """One command before, and one after the server of a camera is killed by its pid."""
    cameras = pd.DataFrame(helsinki.cameras.drop(columns="geometry"))
    cameras["x"], cameras["y"] = helsinki.cameras.geometry.x, helsinki.cameras.geometry.y
    out, table = tmp_path / "out", tmp_path / "cameras.csv"
    dies, lives = cameras.index[5], cameras.index[[0, 1, 2]]
    with RtspServer("live=live") as steady, RtspServer("live=live") as victim:
        cameras.loc[lives, "stream_url"] = steady.url("live", "viewer:s3cret@")
        cameras.loc[dies, "stream_url"] = victim.url("live", "viewer:s3cret@")
        cameras.to_csv(table)
        told = {}
        for moment in ("before", "after"):
            if moment == "after":
                victim.kill()
            done = run("helsinki", "--cameras", table, "--out", out, "--once", "--workers", "4", "--fail-on-fault")
            assert done.returncode == (moment == "after"), done.stderr
            told[moment] = json.loads((out / "summary.json").read_text("utf-8"))
    before, after = told["before"], told["after"]
    assert (before["online_rate"], before["intact_rate"], before["lost_m2"]) == (1.0, 1.0, 0.0)
    assert (after["online_rate"], after["intact_rate"]) == (0.75, 0.75)
    assert after["by_reason"]["offline (connect)"] == 1
    assert after["lost_m2"] > 100.0
    assert after["coverage_rate_now"] < after["coverage_rate"] == before["coverage_rate_now"]
    assert after["blind_spots_opened"] > 0
    (lost,) = after["lost_by_camera"]
    assert (lost["camera_id"], lost["fault"]) == (dies, "offline")
    assert lost["blind_spots"].startswith("blind-")
    assert pd.read_csv(out / "health.csv")["camera_id"][0] == dies
    files = "".join(path.read_bytes().decode("latin-1") for path in out.iterdir())
    assert "s3cret" not in files
    assert "rtsp://" not in files


def test_a_monitor_stops_cleanly(tmp_path, clip):
    """SIGTERM in the middle: the reports are complete, the history is whole, no process is left."""
    out = tmp_path / "out"
    table = write_table(tmp_path / "cameras.csv", {f"c{n}": clip for n in range(6)})
    process = subprocess.Popen(
        [sys.executable, "-m", "sightgrid", "probe", table, "--out", out, "--every", "1", "--workers", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    line = process.stderr.readline()  # what it says after the first round
    assert re.search(r"UTC 6 cameras: 6 ok; online 100\.0 %, intact 100\.0 %", line)
    workers = children(process.pid)
    assert workers
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "6 of 6, 100.0 %" in said
    ends = time.monotonic() + 10.0
    while any(os.path.exists(f"/proc/{pid}") for pid in workers) and time.monotonic() < ends:  # noqa: PTH110
        time.sleep(0.05)
    assert not any(os.path.exists(f"/proc/{pid}") for pid in workers)  # noqa: PTH110
    with closing(sqlite3.connect(out / "history.sqlite")) as plain:
        assert plain.execute("pragma integrity_check").fetchone() == ("ok",)
        kept = plain.execute("select count(*) from health_probes").fetchone()[0]
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert kept == summary["probes"] >= 6
    assert not list(tmp_path.glob(".out-*"))


def test_an_interrupted_round_keeps_its_probes_and_writes_no_report(tmp_path, clip):
    out = tmp_path / "out"
    urls = {f"c{n}": clip for n in range(400)}
    table = write_table(tmp_path / "cameras.csv", urls)
    process = subprocess.Popen(
        [sys.executable, "-m", "sightgrid", "probe", table, "--out", out, "--workers", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    ends = time.monotonic() + 30.0
    while not (out / "history.sqlite-wal").exists() and time.monotonic() < ends:
        time.sleep(0.05)
    time.sleep(2.0)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    (count,) = re.findall(
        r"^sightgrid: interrupted; (\d+) probes are kept in .*, the reports were not written$", said, re.MULTILINE
    )
    assert [path.name for path in out.iterdir()] == ["history.sqlite"]
    with closing(sqlite3.connect(out / "history.sqlite")) as plain:
        assert plain.execute("select count(*) from health_probes").fetchone()[0] == int(count)


def test_the_live_table_shows_the_worst_first():
    from datetime import UTC, datetime

    from rich.console import Console

    from sightgrid.health.records import Record
    from sightgrid.report.health.health_console import LiveTable

    table = LiveTable(20)
    for n in range(16):
        status = "fault" if n else "offline"
        at = datetime(2026, 5, 1, 12, 0, n, tzinfo=UTC)
        table.take_in(Record(camera_id=f"c{n:02d}[b]", checked_at=at, status="ok", reason="", seconds=0.1))
        table.take_in(Record(camera_id=f"c{n:02d}[b]", checked_at=at, status=status, reason=f"why {n}", seconds=0.1))
    assert not table.complete
    console = Console(width=100, record=True, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    console.print(table)
    console.file.close()
    lines = console.export_text().splitlines()
    assert lines[0].startswith("16 of 20 cameras, 32 probes, ")
    assert "1 offline  15 fault" in lines[0]
    assert lines[2].split() == ["c00[b]", "offline", "12:00:00", "why", "0"]
    assert lines[-1].strip() == "and 4 more"


def test_planned_work_leaves_the_rates(run, tmp_path, clip):
    table = write_table(tmp_path / "cameras.csv", {"fine": clip, "dead": tmp_path / "no.mp4"})
    work = tmp_path / "work.csv"
    work.write_text("camera_id,start_at,end_at,reason\ndead,2020-01-01T00:00Z,2099-01-01T00:00+08:00,mast\n", "utf-8")
    done = run(table, "--out", tmp_path / "out", "--maintenance", work, "--workers", "2", "--thumbnails", "none")
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))
    assert (summary["in_maintenance"], summary["checked"], summary["online_rate"]) == (1, 1, 1.0)
    assert summary["by_status"]["offline"] == 1  # it is told all the same
    assert "data:image" not in (tmp_path / "out" / "health.html").read_text("utf-8")


def test_bad_input_is_one_line(run, tmp_path):
    def table(text):
        path = tmp_path / "cameras.csv"
        path.write_text(text, "utf-8")
        return path

    def told(*words):
        done = run(*words, "--out", tmp_path / "out")
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        return done.stderr

    assert "no camera has a stream address; give a column stream_url" in told(table("camera_id,name\na,b\n"))
    said = told(table("camera_id,stream_url\na,gopher://viewer:s3cret@h/1\nb,rtsp://viewer:s3 cret@h/1\n"))
    assert "unknown scheme gopher" in said
    assert "space" in said
    assert "s3" not in said
    assert "(1 row: a)" in said
    assert "camera_id: ids must be unique (1 row: a)" in told(table("camera_id,stream_url\na,/x\na,/y\n"))
    assert "the table holds no rows" in told(table("camera_id,stream_url\n"))
    assert "camera_id: missing column" in told(table("stream_url\n/x\n"))
    assert "there is no such file" in told(tmp_path / "no.csv")
    fine = table("camera_id,stream_url\na,/x.mp4\n")
    assert "give --once or --every, not both" in told(fine, "--once", "--every", "60")
    assert "--every: must be from 1 to 86400 s" in told(fine, "--every", "0")
    assert "--workers" in told(fine, "--workers", "0")
    assert "--thumbnails: 'large' is not known" in told(fine, "--thumbnails", "large")
    assert "--cameras goes with a site" in told(fine, "--cameras", fine)
    secrets = tmp_path / "secrets.toml"
    secrets.write_text('[default]\nuser = "viewer"\npassword = "s3cret"\n', "utf-8")
    secrets.chmod(0o644)
    assert "others may read this file of secrets" in told(fine, "--secrets", secrets)
    work = tmp_path / "work.csv"
    work.write_text(
        "camera_id,start_at,end_at\na,2026-05-01T08:00,2026-05-01T09:00Z\nb,soon,2026-05-01T09:00Z\n", "utf-8"
    )
    assert "start_at: must be a time with a zone, such as" in (said := told(fine, "--maintenance", work))
    assert "(2 rows: row 1, row 2)" in said
    assert not (tmp_path / "out").exists()


def test_without_the_extra_one_line_says_what_to_install(run, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "NEEDED", {"no_such_module": "no-such-package", **command.NEEDED})
    said = run(tmp_path / "cameras.csv", "--out", tmp_path / "out")
    assert said == (2, "", 'sightgrid: probe needs no-such-package: pip install -e ".[health]" in the checkout\n')
