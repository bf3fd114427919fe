"""The command `patrol`: what it prints and writes, and one clear line with status 2 for what cannot be done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
from patrol_site import SHIFT, UNITS, block, make_town, write_units
from patrol_town import CRS, point
from route_checker import check_gpx, count_visits
from small_site import write_folder
from typer.testing import CliRunner

import sightgrid
from sightgrid import cli
from sightgrid.patrol import read_units
from sightgrid.patrol.routes import routes
from sightgrid.report.patrol import shift_report as patrol_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

KEYS = {
    "routes", "stops_required", "stops_planned", "attention_share", "worst_gap_min", "mean_gap_min", "balance",
    "within_min", "joint_rate", "camera_rate", "seconds", "shortfalls", "notes", "assumed", "attention_spread", "beats",
}  # fmt: skip
THREE = """
zone = "Europe/Helsinki"
units = [
  { id = "walk", kind = "foot", speed_kph = 5, depot = "n25389429", break_min = 10 },
  { id = "ride", kind = "bicycle", speed_kph = 14, depot = "n60069304" },
  { id = "drive", kind = "car", speed_kph = 30, depot = "n25389429", overtime_min = 5 },
]
"""


def run(*arguments: str | Path) -> Result:
    said = [str(each) for each in arguments]
    return CliRunner().invoke(cli.app, ["patrol", *said], env={"COLUMNS": "120"})  # type: ignore[return-value]


def plan(folder: Path, units: Path, out: Path, *more: str | Path, shift: str = SHIFT) -> Result:
    return run(folder, "--units", units, "--shift", shift, "--out", out, "--engine", "own", *more)


def check_fault(result: Result, out: Path, *words: str) -> None:
    assert result.exit_code == 2, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("sightgrid: ")
    for word in words:
        assert word in lines[0]
    assert not out.exists()


def read_summary(out: Path) -> dict[str, Any]:
    return json.loads((out / "summary.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(make_town(), tmp_path_factory.mktemp("site") / "town")


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_units(tmp_path_factory.mktemp("units"))


@pytest.fixture(scope="module")
def done(town: Path, units: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("done") / "out"
    result = plan(town, units, out)
    assert result.exit_code == 0, result.output
    return out


# -------------------------------------------------------------------------------------------------------- good runs


def test_helsinki_in_a_real_process_and_its_gpx_read_back(tmp_path: Path) -> None:
    file, out, shift = write_units(tmp_path, THREE), tmp_path / "out", "2026-11-23T08:00/09:30"
    command = [sys.executable, "-W", "error", "-m", "sightgrid", "patrol", "helsinki", "--units", str(file)]
    finished = subprocess.run(
        [*command, "--shift", shift, "--out", str(out), "--engine", "own", "--seconds", "3"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "COLUMNS": "120"},
    )
    assert finished.returncode == 0, finished.stderr
    names = [f"{unit}{suffix}" for unit in ("walk", "ride", "drive") for suffix in (".gpx", ".geojson", ".html")]
    assert sorted(path.name for path in out.iterdir()) == sorted([*patrol_report.PATROL_OUTPUTS, *names])
    summary = read_summary(out)
    assert set(summary) >= KEYS
    assert summary["joint_rate"] > summary["camera_rate"] > 0.3
    assert set(summary["within_min"]) == {"1", "3", "5", "15"}
    assert summary["within_min"]["1"] < summary["within_min"]["15"]
    for words in ("Patrol of helsinki, 2026-11-23 08:00 to 09:30 (EET)", "street looked at", str(out / "walk.gpx")):
        assert words in finished.stdout

    site = sightgrid.open_site("helsinki")
    on_duty = read_units(file, site=site, shift=shift)
    stops = pyogrio.read_dataframe(out / "patrol.gpkg", layer="stops").set_index("stop_id")
    for unit_id, unit in on_duty.iterrows():
        assert list(check_gpx(out / f"{unit_id}.gpx", unit, site.streets, stops)) == []
    made = count_visits([out / f"{unit_id}.gpx" for unit_id in on_duty.index])
    assert set(made) <= set(stops.index)
    assert sum(made.values()) == summary["stops_planned"] + summary["stops_optional_planned"]
    missing = {row["stop_id"]: row["missing"] for row in summary["shortfalls"]}
    for stop_id, visits in stops["visits"].items():  # served, or told to be missing
        assert made.get(stop_id, 0) + missing.get(stop_id, 0) == visits


def test_what_is_left_out_is_told(done: Path) -> None:
    summary = read_summary(done)
    (island,) = [row for row in summary["shortfalls"] if row["stop_id"] == "island"]
    assert island == {
        "stop_id": "island",
        "name": "Island",
        "number": island["number"],
        "missing": 2,
        "priority": 2,
        "required": True,
        "reason": "unreachable",
    }
    assert summary["stops_planned"] == summary["stops_required"] - 2
    assert any("every metre of street has the same risk" in line for line in summary["assumed"])
    assert summary["shift"] == "2026-11-23 08:00 to 10:00 (EET)"


def test_more_visits_than_time_leaves_some_out_and_says_why(town: Path, tmp_path: Path) -> None:
    short = write_units(tmp_path, "\n".join(line for line in UNITS.splitlines() if not line.startswith("break")))
    result = plan(town, short, tmp_path / "out", shift="2026-11-23T08:00/08:12")
    assert result.exit_code == 0, result.output
    left = [row for row in read_summary(tmp_path / "out")["shortfalls"] if row["reason"] != "unreachable"]
    assert {"mill"} <= {row["stop_id"] for row in left}
    assert all(row["reason"] for row in left)
    assert "Left out" in result.stdout


def test_same_seed_same_files(town: Path, units: Path, done: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    assert plan(town, units, out).exit_code == 0
    assert {path.name for path in out.iterdir()} == {path.name for path in done.iterdir()}
    for path in done.iterdir():
        if path.name != "summary.json":
            assert path.read_bytes() == (out / path.name).read_bytes(), path.name
    first, second = (read_summary(folder) for folder in (done, out))
    assert first | {"seconds": 0} == second | {"seconds": 0}


def test_cards_of_a_former_plan_go_and_other_files_stay(town: Path, units: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert plan(town, units, out).exit_code == 0
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    others = write_units(tmp_path, UNITS.replace('"walk 1"', '"walk 2"'), name="others.toml")
    assert plan(town, others, out).exit_code == 0
    names = {path.name for path in out.iterdir()}
    assert {"walk-2.html", "walk-2.gpx", "unit-map.html", "notes.txt"} <= names
    assert not {name for name in names if name.startswith("walk-1")}


def test_incidents_move_the_patrols(town: Path, units: Path, tmp_path: Path) -> None:
    x, y = block(0.5, 4.0)
    table = tmp_path / "incidents.csv"
    table.write_text(f"incident_id,occurred_at,x,y\na,2026-03-01T22:15,{x},{y}\n", encoding="utf-8")
    result = plan(town, units, tmp_path / "out", "--incidents", table)
    assert result.exit_code == 0, result.output
    summary = read_summary(tmp_path / "out")
    assert "severity of 1 incident on" in " ".join(summary["assumed"])
    assert summary["attention_share"] > 0.9


def test_stops_of_ones_own_are_visited(town: Path, units: Path, tmp_path: Path) -> None:
    points = [point(1, 2), point(4, 0)]
    frame = gpd.GeoDataFrame(
        {
            "stop_id": ["bank", "quay"],
            "visits": [2, 1],
            "dwell_s": [120, 60],
            "required": [True, False],
            "paint": "red",
        },
        geometry=points,
        crs=CRS,
    )
    frame["close_at"] = pd.Timestamp("2026-11-23T09:00", tz="Europe/Helsinki")
    frame.to_crs(4326).to_file(tmp_path / "stops.geojson", driver="GeoJSON")
    result = plan(town, units, tmp_path / "out", "--stops", tmp_path / "stops.geojson")
    assert result.exit_code == 0, result.output
    summary = read_summary(tmp_path / "out")
    assert (summary["stops_planned"], summary["stops_optional_planned"]) == (2, 1)
    assert "the 2 stops are those given" in summary["assumed"]
    assert "stops: columns not used: 1 (paint)" in summary["notes"]
    assert set(count_visits(list((tmp_path / "out").glob("*.gpx")))) == {"bank", "quay"}
    frame.rename(columns={"dwell_s": "dwel_s"}).to_file(tmp_path / "typo.gpkg")
    out = tmp_path / "no"
    check_fault(plan(town, units, out, "--stops", tmp_path / "typo.gpkg"), out, "dwel_s", "perhaps dwell_s")
    frame.assign(weight=[-1.0, 1.0]).to_file(tmp_path / "negative.gpkg")
    check_fault(plan(town, units, out, "--stops", tmp_path / "negative.gpkg"), out, "negative.gpkg", "weight", "bank")
    frame.assign(stop_id="bank").to_file(tmp_path / "twice.gpkg")
    check_fault(plan(town, units, out, "--stops", tmp_path / "twice.gpkg"), out, "unique")
    check_fault(plan(town, units, out, "--stops", tmp_path / "none.gpkg"), out, "none.gpkg", "no such file")


def test_zone_and_offset_give_the_clock(town: Path, tmp_path: Path) -> None:
    bare = write_units(tmp_path, UNITS.replace('zone = "Europe/Helsinki"', ""))
    assert plan(town, bare, tmp_path / "a", "--zone", "Asia/Shanghai").exit_code == 0
    assert read_summary(tmp_path / "a")["shift"] == "2026-11-23 08:00 to 10:00 (CST)"
    assert plan(town, bare, tmp_path / "b", shift="2026-11-23T08:00+02:00/10:00").exit_code == 0
    assert read_summary(tmp_path / "b")["shift"] == "2026-11-23 08:00 to 10:00 (UTC+02:00)"


# --------------------------------------------------------------------------------------------------- what goes wrong


def swap(old: str, new: str) -> Callable[[], str]:
    assert old in UNITS
    return lambda: UNITS.replace(old, new)


LAKE = "depot = [{}, {}]".format(*block(2.5, 2.5))
DEPOT = "depot = [{}, {}]".format(*block(4, 4))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (swap("speed_kph = 30", ""), ("units.toml", "speed_kph", "without a speed", "map")),
        (swap('crew = "mixed"', 'crow = "mixed"'), ("crow: unknown key, perhaps crew", "map")),
        (swap(DEPOT, LAKE), ("depot: lies in water", "map")),
        (swap('zone = "Europe/Helsinki"', ""), ("has no time zone", "--zone Europe/Helsinki", "units.toml")),
        (swap("Europe/Helsinki", "Europe/Nowhere"), ("Europe/Nowhere", "not a time zone")),
        (swap("speed_kph = 6", "speed_kph = -6"), ("speed_kph", "above 0")),
    ],
)
def test_bad_units_are_told_in_one_line(
    town: Path, tmp_path: Path, text: Callable[[], str], words: tuple[str, ...]
) -> None:
    check_fault(plan(town, write_units(tmp_path, text()), tmp_path / "out"), tmp_path / "out", *words)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--shift", "2026-11-23T16:00/08:00"), ("ends before it starts",)),
        (("--shift", "today"), ("cannot be read", "2026-11-23T08:00/16:00")),
        (("--zone", "Mars/Base"), ("Mars/Base", "not a time zone")),
        (("--units", "nowhere.toml"), ("nowhere.toml", "no such file")),
        (("--engine", "magic"), ("--engine", "magic", "own")),
        (("--seconds", "0"), ("--seconds", "0.1")),
        (("--seed", "-1"), ("--seed",)),
    ],
)
def test_bad_options_are_told_in_one_line(
    town: Path, units: Path, tmp_path: Path, more: tuple[str, ...], words: tuple[str, ...]
) -> None:
    check_fault(plan(town, units, tmp_path / "out", *more), tmp_path / "out", *words)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("", ("--incidents", "none to count", "leave the option out")),
        ("a,2026-03-01T22:15,{x},{y},discovered,1\n", ("--incidents", "discovered by patrols")),
        ("a,2026-03-01T22:15,{x},{y},reported,-2\n", ("severity", "above 0", "a")),
    ],
)
def test_bad_incidents_are_told_in_one_line(
    town: Path, units: Path, tmp_path: Path, rows: str, words: tuple[str, ...]
) -> None:
    x, y = block(1, 1)
    table = tmp_path / "incidents.csv"
    table.write_text("incident_id,occurred_at,x,y,origin,severity\n" + rows.format(x=x, y=y), encoding="utf-8")
    check_fault(plan(town, units, tmp_path / "out", "--incidents", table), tmp_path / "out", *words)


def test_interrupted_search_writes_nothing(
    town: Path, units: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(routes, "search_routes", stop)
    result = plan(town, units, tmp_path / "out")
    assert result.exit_code == 130
    assert "interrupted; nothing was written" in result.stderr
    assert not (tmp_path / "out").exists()


def test_interrupted_writing_leaves_the_folder_whole(
    town: Path, units: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert plan(town, units, out).exit_code == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(patrol_report, "draw_card", stop)
    result = plan(town, units, out, "--seed", "3")
    assert result.exit_code == 130
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
