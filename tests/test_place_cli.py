"""The command `place`: what it prints and writes, and one clear line with status 2 for what cannot be done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from small_site import CRS, X0, Y0, make_site, write_folder
from typer.testing import CliRunner

from sightgrid import cli, coverage, datasets
from sightgrid.cli import place as place_command
from sightgrid.report.placement import plan as plan_report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from click.testing import Result

COARSE = ("--demand-spacing-m", "8", "--seconds", "2")
KEYS = {
    "before_rate",
    "after_rate",
    "measured_after_rate",
    "cameras",
    "price",
    "objective",
    "bound",
    "gap",
    "status",
    "seconds",
    "rounds",
    "dropped",
    "phases",
}


def run(*arguments: str | Path) -> Result:
    said = [str(each) for each in arguments]
    return CliRunner().invoke(cli.app, ["place", *said], env={"COLUMNS": "110"})  # type: ignore[return-value]


def check_fault(result: Result, out: Path, *words: str) -> None:
    assert result.exit_code == 2, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("sightgrid: ")
    for word in words:
        assert word in lines[0]
    assert not out.exists()
    assert not list(out.parent.glob(".*"))


def read_summary(out: Path) -> dict[str, Any]:
    return json.loads((out / "summary.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(make_site(), tmp_path_factory.mktemp("site") / "block")


# -------------------------------------------------------------------------------------------------------- good runs


def test_budget_in_a_real_process(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-W", "error", "-m", "sightgrid", "place", str(folder), "--out", str(out)]
    done = subprocess.run(
        [*command, "--budget", "3", "--phases", "2", "--seconds", "2"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "COLUMNS": "110"},
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in out.iterdir()) == sorted(plan_report.PLAN_OUTPUTS)
    assert list(tmp_path.iterdir()) == [out]
    summary = read_summary(out)
    assert set(summary) >= KEYS
    assert summary["cameras"] == 3
    assert summary["after_rate"] > summary["before_rate"] > 0
    assert summary["measured_after_rate"] == pytest.approx(summary["after_rate"], abs=0.01)
    assert summary["objective"] <= summary["bound"]
    assert [phase["phase"] for phase in summary["phases"]] == [1, 2]
    assert sum(phase["cameras"] for phase in summary["phases"]) == 3
    for words in (
        "New cameras for block",
        f"{100 * summary['before_rate']:.1f} % → {100 * summary['after_rate']:.1f} %",
        f"{100 * summary['measured_after_rate']:.1f} %",
        "independent engine",
        "left out: poses that look into closed zones",
        "the most useful first",
        "Phases of about equal price",
        str(out / "placement.gpkg"),
    ):
        assert words in done.stdout


def test_existing_cameras_may_be_turned_and_taken_down(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    given = ["--budget", "1", "--reaim", "all", "--removable", "round", "--removable", "free", "--seconds", "2"]
    result = run(folder, "--out", out, *given)
    assert result.exit_code == 0, result.output
    summary = read_summary(out)
    assert summary["turned"] + summary["removed"] > 0
    assert summary["cameras"] == 1 + summary["removed"]
    told = [change for change in ("turned", "removed") if summary[change]]
    assert all(f"existing cameras {change}" in result.stdout for change in told)
    check_fault(
        run(folder, "--out", tmp_path / "no", "--budget", "1", "--reaim", "nobody"), tmp_path / "no", "reaim: nobody"
    )


def test_money_buys_no_more_than_it_pays_for(folder: Path, tmp_path: Path) -> None:
    result = run(folder, "--out", tmp_path / "out", "--money", "4000", "--backup", "0.5", *COARSE)
    assert result.exit_code == 0, result.output
    summary = read_summary(tmp_path / "out")
    assert 0 < summary["price"] <= 4000
    assert len(summary["phases"]) == min(3, summary["cameras"])


def test_budget_and_money_hold_together(folder: Path, tmp_path: Path) -> None:
    result = run(folder, "--out", tmp_path / "out", "--money", "1e6", "--budget", "1", *COARSE)
    assert result.exit_code == 0, result.output
    assert read_summary(tmp_path / "out")["cameras"] == 1


def test_cover_reaches_its_goal_at_a_price(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(folder, "--out", out, "--cover", "0.6", *COARSE)
    assert result.exit_code == 0, result.output
    summary = read_summary(out)
    assert summary["objective"] == summary["price"] >= summary["bound"]
    demand = gpd.read_file(out / "placement.gpkg", layer="demand")
    seen = demand["seen_after"] >= demand["needed"]
    assert demand["weight"][seen].sum() >= 0.6 * demand["weight"].sum() * (1 - 1e-9)
    assert "no plan can cost less than" in result.stdout


def test_goal_already_reached_needs_no_camera(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(folder, "--out", out, "--cover", "0.05", *COARSE)
    assert result.exit_code == 0, result.output
    summary = read_summary(out)
    assert (summary["cameras"], summary["price"], summary["phases"]) == (0, 0, [])
    assert summary["measured_after_rate"] == summary["measured_before_rate"]
    assert (out / "costs.csv").read_text(encoding="utf-8").count("\n") == 1
    assert json.loads((out / "placement.geojson").read_text(encoding="utf-8"))["features"] == []
    assert len(gpd.read_file(out / "placement.gpkg", layer="cameras_new")) == 0


def test_density_of_the_measure_is_that_of_the_plan(folder: Path, tmp_path: Path) -> None:
    result = run(folder, "--out", tmp_path / "out", "--budget", "2", "--density-px-m", "125", "--seconds", "2")
    assert result.exit_code == 0, result.output
    summary = read_summary(tmp_path / "out")
    assert summary["measured_after_rate"] == pytest.approx(summary["after_rate"], abs=0.01)
    assert summary["after_rate"] < 0.6


def test_place_that_must_be_seen(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(folder, "--out", out, "--budget", "2", "--must-see", "school", *COARSE)
    assert result.exit_code == 0, result.output
    demand = gpd.read_file(out / "placement.gpkg", layer="demand")
    assert (demand["seen_after"][demand["place_id"] == "school"] >= 1).all()


def test_raster_draws_the_cameras_to_where_people_are(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    raster = write_raster(tmp_path / "people.tif", west=X0 + 200)
    result = run(folder, "--out", out, "--budget", "1", "--raster", raster, *COARSE)
    assert result.exit_code == 0, result.output
    demand = gpd.read_file(out / "placement.gpkg", layer="demand")
    assert (demand["weight"][demand.geometry.x < X0 + 200] == 0).all()
    gained = demand["seen_after"] > demand["seen_before"]
    assert (demand.geometry.x[gained] > X0 + 200).any()


def test_own_catalogue_with_markup_in_its_models(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    table = pd.read_csv(datasets.find_catalogue()).query("kind == 'fixed'").head(1)
    table.assign(model="[/b]{{ 7*191 }}", price=10).to_csv(tmp_path / "own.csv", index=False)
    result = run(folder, "--out", out, "--budget", "1", "--catalogue", tmp_path / "own.csv", *COARSE)
    assert result.exit_code == 0, result.output
    assert "[/b]{{ 7*191 }}" in result.stdout
    assert read_summary(out)["price"] == 10
    assert "1337" not in result.stdout


def test_camera_table_instead_of_the_sites_cameras(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "cameras.csv"
    table.write_text(f"camera_id,x,y,kind\nonly,{X0 + 60},{Y0 + 40},panorama\n", encoding="utf-8")
    result = run(folder, "--out", tmp_path / "out", "--budget", "1", "--cameras", table, *COARSE)
    assert result.exit_code == 0, result.output
    assert read_summary(tmp_path / "out")["before_rate"] > 0


def test_same_run_gives_the_same_files(folder: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert run(folder, "--out", tmp_path / name, "--budget", "2", *COARSE).exit_code == 0
    for name in ("placement.gpkg", "placement.geojson", "costs.csv", "map.html"):
        one, two = ((tmp_path / each / name).read_bytes() for each in ("one", "two"))
        assert one == two, name


# ----------------------------------------------------------------------------------------------------- interruption


def interrupt_at(at: str) -> Callable[..., Callable[[str, int, int], None]]:
    def fold(*_: object) -> Callable[[str, int, int], None]:
        def report(stage: str, *_: int) -> None:
            if stage == at:
                raise KeyboardInterrupt

        return report

    return fold


def test_interrupted_search_writes_the_best_plan_so_far(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place_command, "_fold_search", interrupt_at("reduce"))
    out = tmp_path / "out"
    result = run(folder, "--out", out, "--budget", "2", *COARSE)
    assert result.exit_code == 130
    assert result.stderr == f"sightgrid: search interrupted; the best plan so far is written to {out}\n"
    summary = read_summary(out)
    assert (summary["interrupted"], summary["cameras"]) == (True, 2)
    assert "search interrupted" in result.stdout
    assert len(pd.read_csv(out / "costs.csv")) == 2


def test_interruption_before_the_search_writes_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place_command, "_fold_search", interrupt_at("seen areas"))
    result = run(folder, "--out", tmp_path / "out", "--budget", "2", *COARSE)
    assert result.exit_code == 130
    assert result.stderr == "sightgrid: interrupted; nothing was written\n"
    assert list(tmp_path.iterdir()) == []


# --------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), ("--budget", "--money", "--cover")),
        (("--budget", "0"), ("--budget", "from 1", "not 0")),
        (("--budget", "-3"), ("--budget", "not -3")),
        (("--budget", "many"), ("--budget",)),
        (("--money", "0"), ("--money", "above 0")),
        (("--money", "-1"), ("--money", "above 0")),
        (("--money", "nan"), ("--money", "above 0")),
        (("--money", "inf"), ("--money",)),
        (("--money", "99"), ("--money: 99 buys no camera", "1500")),
        (("--cover", "0"), ("--cover", "to 1")),
        (("--cover", "1.5"), ("--cover", "not 1.5")),
        (("--cover", "0.5", "--budget", "2"), ("--cover", "--budget")),
        (("--cover", "0.5", "--money", "2000"), ("--cover", "--money")),
        (("--cover", "0.5", "--backup", "0.2"), ("--backup",)),
        (("--budget", "2", "--backup", "2"), ("--backup",)),
        (("--budget", "2", "--phases", "0"), ("--phases", "not 0")),
        (("--budget", "2", "--phases", "3"), ("--phases", "--budget is 2")),
        (("--money", "1600", "--phases", "3"), ("--phases", "the plan has 1")),
        (("--budget", "2", "--density-px-m", "0"), ("--density-px-m",)),
        (("--budget", "2", "--mounts-spacing-m", "0"), ("--mounts-spacing-m",)),
        (("--budget", "2", "--demand-spacing-m", "-1"), ("--demand-spacing-m",)),
        (("--budget", "2", "--seconds", "0"), ("--seconds",)),
        (("--budget", "2", "--seed", "-1"), ("--seed",)),
        (("--budget", "2", "--must-see", "harbour"), ("harbour", "no place")),
        (("--budget", "2", "--catalogue", "missing.csv"), ("missing.csv",)),
        (("--budget", "2", "--raster", "missing.tif"), ("missing.tif",)),
    ],
)
def test_bad_options(folder: Path, tmp_path: Path, options: Sequence[str], words: Sequence[str]) -> None:
    out = tmp_path / "out"
    spacing = () if "--demand-spacing-m" in options else ("--demand-spacing-m", "8")
    check_fault(run(folder, "--out", out, *spacing, *options), out, *words)


def test_catalogue_without_prices(folder: Path, tmp_path: Path) -> None:
    table, out = pd.read_csv(datasets.find_catalogue()), tmp_path / "out"
    table.loc[1, "price"] = np.nan
    table.to_csv(tmp_path / "own.csv", index=False)
    arguments = (folder, "--out", out, "--budget", "1", "--catalogue", tmp_path / "own.csv")
    check_fault(run(*arguments), out, "own.csv", "price", "1 row", table.loc[1, "model"])
    table.drop(columns="price").to_csv(tmp_path / "own.csv", index=False)
    check_fault(run(*arguments), out, "own.csv", "price: missing column")


def test_raster_without_overlap(folder: Path, tmp_path: Path) -> None:
    out, raster = tmp_path / "out", write_raster(tmp_path / "people.tif", west=X0 + 5000)
    check_fault(run(folder, "--out", out, "--budget", "1", "--raster", raster), out, "people.tif", "does not reach")


def test_every_mount_in_a_forbidden_zone(tmp_path: Path) -> None:
    site, out = make_site(), tmp_path / "out"
    closed = site.zones.assign(rule="forbidden").rename(index={"all": "closed"})
    shrunk = closed.set_geometry(closed.buffer(-0.001))
    zones = gpd.GeoDataFrame(pd.concat([site.zones, shrunk]))
    folder = write_folder(site, tmp_path / "block")
    zones.reset_index().to_file(folder / "zones.gpkg", layer="zones", driver="GPKG")
    check_fault(run(folder, "--out", out, "--budget", "1"), out, "none of", "mounts", "open, public ground")


def test_goal_that_cannot_be_reached(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(folder, "--out", out, "--cover", "1", "--density-px-m", "250", *COARSE)
    check_fault(result, out, "cannot be reached", "at most", "% of the demand", "stay unseen (d")


def test_place_that_nobody_can_see(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--budget", "1", "--must-see", "school", "--density-px-m", "500", *COARSE)
    check_fault(run(folder, "--out", out, *options), out, "school", "cannot be seen")


def test_foreign_folder_stops_the_run_early(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "measure", None)  # never reached
    (tmp_path / "out" / "costs.csv").mkdir(parents=True)
    result = run(folder, "--out", tmp_path / "out", "--budget", "1")
    assert result.exit_code == 2
    assert "costs.csv is a folder there" in result.stderr


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from sightgrid.cli import app;"
        "assert 'budget' in CliRunner().invoke(app, ['place', '--help'], env={'COLUMNS': '110'}).stdout;"
        "print([name for name in ('numba', 'geopandas', 'folium', 'rasterio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def write_raster(path: Path, *, west: float) -> Path:
    """People on a square of 100 m."""
    transform = rasterio.Affine(10, 0, west, 0, -10, Y0 + 100)
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "height": 10, "width": 10, "crs": CRS}
    with rasterio.open(path, "w", **profile, transform=transform) as raster:
        raster.write(np.full((10, 10), 5.0, np.float32), 1)
    return path
