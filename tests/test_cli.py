"""The command line: what it prints and writes, and one clear line with status 2 for what cannot be done."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import pytest
from small_site import STREAM, make_site, write_folder
from typer.testing import CliRunner

import sightgrid
from sightgrid import coverage, report
from sightgrid.cli import app
from sightgrid.report.coverage import console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.testing import Result

SUMMARY_KEYS = {
    "cameras_total",
    "cameras_measured",
    "cameras_moved",
    "cameras_not_measured",
    "assumed_share",
    "observable_m2",
    "covered_m2",
    "coverage_rate",
    "coverage_rate_lower",
    "coverage_rate_upper",
    "rate_seen_twice",
    "street_rate",
    "density_rates",
    "blind_spots",
    "blind_area_m2",
    "seconds",
    "notes",
    "not_measured",
}
TABLE = """camera_id,lon,lat,kind,azimuth_deg,hfov_deg
a,24.9300,60.1640,fixed,90,60
b,24.9305,60.1645,fixed,400,60
c,24.9310,60.1650,fixed,180,-10
d,24.9302,60.1642,dome,,
"""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "100"})  # type: ignore[return-value]


def run_process(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "sightgrid", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, "COLUMNS": "100"}
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(make_site(), tmp_path_factory.mktemp("site") / "block")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a camera table within the small site, two of its four rows with a fault."""
    path = tmp_path_factory.mktemp("table") / "cameras.csv"
    place = make_site().cameras.to_crs(4326).geometry["free"]
    rows = TABLE.splitlines()
    moved = [row.split(",") for row in rows[1:]]
    lines = [
        ",".join([name, f"{place.x + 0.0002 * i:.7f}", f"{place.y:.7f}", *rest])
        for i, (name, _, _, *rest) in enumerate(moved)
    ]
    path.write_text("\n".join([rows[0], *lines]) + "\n", encoding="utf-8")
    return path


def check_fault(result: Result, out: Path, *words: str) -> None:
    assert result.exit_code == 2, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("sightgrid: ")
    for word in words:
        assert word in lines[0]
    assert "Traceback" not in result.output
    assert not out.exists()


# -------------------------------------------------------------------------------------------------------- good runs


def test_demo_in_a_real_process(tmp_path: Path) -> None:
    out = tmp_path / "helsinki"
    result = run_process("demo", "--out", out)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(path.name for path in out.iterdir()) == sorted(report.OUTPUTS)
    assert list(tmp_path.iterdir()) == [out]
    for words in (
        "Coverage of helsinki",
        "coverage rate",
        "seen at least twice",
        "recognise, 125 px/m or more",
        " of 221",
    ):
        assert words in result.stdout
    for name in report.OUTPUTS:
        assert str(out / name) in result.stdout
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert set(summary) >= SUMMARY_KEYS
    assert summary["cameras_total"] == 221
    assert summary["cameras_measured"] + summary["cameras_not_measured"] == 221
    assert sum(summary["not_measured"].values()) == summary["cameras_not_measured"]
    assert all(reason in result.stdout for reason in summary["not_measured"])
    assert not result.stderr.startswith("\n")
    assert summary["blind_spots"] == len(gpd.read_file(out / "coverage.gpkg", layer="blind_spots"))
    assert 0 < summary["coverage_rate"] < 1
    assert (out / "map.html").stat().st_size < 8e6
    assert "OpenStreetMap contributors" in (out / "map.html").read_text(encoding="utf-8")


def test_measure_with_every_option(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--cell-m", "50", "--standard", "iec2025", "--exact", "--density-px-m", "40")
    result = run("measure", folder, "--out", out, *options)
    assert result.exit_code == 0, result.output
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert (summary["cell_m"], summary["standard"], summary["exact"]) == (50, "iec2025", True)
    assert list(summary["density_rates"]) == list(coverage.density_classes("iec2025"))
    grid = gpd.read_file(out / "coverage.gpkg", layer="grid")
    assert grid.area.max() == pytest.approx(2500)
    assert "rate_outline" in grid.columns
    assert "characterise, 250 px/m or more" in result.stdout


def test_measure_prints_the_notes_and_no_secrets(folder: Path, tmp_path: Path) -> None:
    result = run("measure", folder, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert STREAM not in result.output
    assert "Largest blind spots" in result.stdout
    assert result.stderr.strip() == result.stderr


def test_measure_says_where_all_notes_are(
    folder: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "MAX_NOTES", 0)
    mine = Path(shutil.copy(table, tmp_path))
    result = run("measure", folder, "--cameras", mine, "--skip-bad-rows", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    notes = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))["notes"]
    assert notes
    assert f"and {len(notes)} more, all of them in {tmp_path / 'out' / 'summary.json'}" in result.stdout


def test_cameras_not_measured_are_explained(tmp_path: Path) -> None:
    site = make_site()
    cameras = site.cameras.assign(azimuth_deg=math.nan).rename(index={"round": "[/b]round"})
    folder = write_folder(site.with_cameras(cameras), tmp_path / "block")
    (folder / "streets.gpkg").unlink()
    result = run("measure", folder, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    lines = [" ".join(line.split("│")).split() for line in result.stdout.splitlines()]
    at = lines.index(["cameras", "not", "measured", "3"])
    assert lines[at + 1 : at + 3] == [["direction", "unknown", "2"], ["indoor?", "1"]]
    assert "the site has no streets" in result.stdout
    assert "[/b]round" in result.stdout
    assert not [line for line in lines if line[-1:] == [","]], "a blind spot without a nearest camera has none to name"
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert summary["not_measured"] == {"direction unknown": 2, "indoor?": 1}


def test_version_and_help() -> None:
    assert run("--version").stdout == f"sightgrid {sightgrid.__version__}\n"
    for arguments in ((), ("--help",)):
        result = run(*arguments)
        assert result.exit_code == 0
        assert "demo" in result.stdout
        assert "measure" in result.stdout


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from sightgrid.cli import app;"
        "CliRunner().invoke(app, ['--help']);"
        "print([name for name in ('numba', 'geopandas', 'folium', 'rasterio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


# ------------------------------------------------------------------------------------------------------ camera tables


def test_bad_rows_stop_the_run_and_say_how_to_go_on(folder: Path, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("measure", folder, "--cameras", table, "--out", out)
    check_fault(result, out, "cameras.csv", "azimuth_deg", "hfov_deg", "2 rows are bad, 2 good", "--skip-bad-rows")


def test_bad_rows_are_set_aside(folder: Path, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    mine = Path(shutil.copy(table, tmp_path))
    result = run("measure", folder, "--cameras", mine, "--skip-bad-rows", "--out", out)
    assert result.exit_code == 0, result.output
    rejected = (tmp_path / "cameras.rejected.csv").read_text(encoding="utf-8").splitlines()
    assert rejected[0].endswith("reason")
    assert [row.split(",")[0] for row in rejected[1:]] == ["b", "c"]
    assert "rows set aside in" in result.stdout
    assert "cameras.rejected.csv" in result.stdout.replace("\n", "").replace(" ", "")
    cameras = gpd.read_file(out / "coverage.gpkg", layer="cameras")
    assert cameras["camera_id"].tolist() == ["a", "d"]


def test_bad_rows_of_a_site_are_set_aside(table: Path, tmp_path: Path) -> None:
    folder, out = write_folder(make_site(), tmp_path / "block"), tmp_path / "out"
    (folder / "cameras.gpkg").unlink()
    shutil.copy(table, folder)
    check_fault(run("measure", folder, "--out", out), out, "2 rows are bad, 2 good", "--skip-bad-rows")
    assert not (folder / "cameras.rejected.csv").exists()
    result = run("measure", folder, "--skip-bad-rows", "--out", out)
    assert result.exit_code == 0, result.output
    assert (folder / "cameras.rejected.csv").exists()
    assert len(gpd.read_file(out / "coverage.gpkg", layer="cameras")) == 2


def test_cameras_far_from_the_study_area(folder: Path, tmp_path: Path) -> None:
    far, out = tmp_path / "far.csv", tmp_path / "out"
    far.write_text("camera_id,lon,lat\nx,25.9,61.2\ny,25.9,61.3\n", encoding="utf-8")
    check_fault(
        run("measure", folder, "--cameras", far, "--out", out), out, "far.csv", "outside the study area", "x, y"
    )


def test_only_cameras_can_be_skipped(tmp_path: Path) -> None:
    site = make_site()
    site.obstacles.loc["low", "height_m"] = -1.0
    folder, out = write_folder(site, tmp_path / "block"), tmp_path / "out"
    result = run("measure", folder, "--out", out)
    check_fault(result, out, "obstacles.gpkg", "height_m")
    assert "--skip-bad-rows" not in result.output


def test_a_ledger_needs_no_cameras_in_the_site(table: Path, tmp_path: Path) -> None:
    folder, out = write_folder(make_site(), tmp_path / "block"), tmp_path / "out"
    (folder / "cameras.gpkg").unlink()
    mine = Path(shutil.copy(table, tmp_path))
    result = run("measure", folder, "--cameras", mine, "--skip-bad-rows", "--out", out)
    assert result.exit_code == 0, result.output
    assert len(gpd.read_file(out / "coverage.gpkg", layer="cameras")) == 2


# --------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--cell-m", "0"), ("--cell-m", "from 5 to 10000 m", "not 0")),
        (("--cell-m", "-5"), ("--cell-m",)),
        (("--cell-m", "1e9"), ("--cell-m",)),
        (("--cell-m", "nan"), ("--cell-m",)),
        (("--cell-m", "abc"), ("--cell-m", "number")),
        (("--density-px-m", "0"), ("--density-px-m", "px/m")),
        (("--density-px-m", "-1"), ("--density-px-m",)),
        (("--standard", "iec1999"), ("iec1999", "iec2014 or iec2025")),
        (("--cameras", "missing.csv"), ("missing.csv",)),
        (("--colour", "red"), ("--colour",)),
    ],
)
def test_bad_options(folder: Path, tmp_path: Path, options: Sequence[str], words: Sequence[str]) -> None:
    out = tmp_path / "out"
    check_fault(run("measure", folder, "--out", out, *options), out, *words)


def test_site_that_is_not_there(tmp_path: Path) -> None:
    out = tmp_path / "out"
    check_fault(run("measure", tmp_path / "nowhere", "--out", out), out, "nowhere")
    check_fault(run("measure", "atlantis", "--out", out), out, "atlantis", "helsinki")
    check_fault(run("draw", "--out", out), out, "draw")
    check_fault(run("measure", "--out", out), out, "site")


def test_out_that_is_a_file(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "file"
    out.write_text("mine")
    result = run("measure", folder, "--out", out)
    assert result.exit_code == 2
    assert "is a file, not a folder" in result.stderr
    assert out.read_text() == "mine"


def test_out_that_is_no_folder_name(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for empty in ("", " "):
        for command in (("measure", folder), ("demo",)):
            result = run(*command, "--out", empty)
            assert result.exit_code == 2
            assert "--out" in result.stderr
            assert "empty" in result.stderr
            assert len(result.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_foreign_folder_stops_the_run_early(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "measure", None)  # never reached
    (tmp_path / "out" / "coverage.tif").mkdir(parents=True)
    result = run("measure", folder, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "coverage.tif is a folder there" in result.stderr
    assert (tmp_path / "out" / "coverage.tif").is_dir()


def test_interrupt_while_the_table_prints(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(console, "print_results", interrupt)
    out = tmp_path / "out"
    result = run("measure", folder, "--out", out)
    assert result.exit_code == 130
    assert result.stderr == f"sightgrid: interrupted; the files in {out} are complete\n"
    assert sorted(path.name for path in out.iterdir()) == sorted(report.OUTPUTS)


def test_exit_status_of_a_real_process(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run_process("measure", tmp_path / "nowhere.gpkg", "--out", out)
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert "nowhere.gpkg" in result.stderr
    assert not out.exists()


def test_interrupt_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "summary.json").write_text("old")
    code = (
        "import signal, time, sightgrid.report as report\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background is born deaf to it
        "def wait(*_):\n"
        "    print('writing', flush=True)\n"
        "    time.sleep(120)\n"
        "report.write_count_raster = wait\n"
        "from sightgrid.cli import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", code, "demo", "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert errors.strip().splitlines()[-1] == "sightgrid: interrupted; nothing was written"
    assert (out / "summary.json").read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]
    assert list(out.iterdir()) == [out / "summary.json"]
