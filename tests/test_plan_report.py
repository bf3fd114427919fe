"""What a plan's folder holds: every file is opened and compared with the plan."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from typing import TYPE_CHECKING, Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from small_site import STREAM, make_site

from sightgrid import coverage
from sightgrid.coverage import covering
from sightgrid.coverage.demand import sample_demand
from sightgrid.coverage.placement import place
from sightgrid.coverage.poses import read_catalogue
from sightgrid.datasets import find_catalogue
from sightgrid.errors import StoreError
from sightgrid.report import draw_plan, write_plan
from sightgrid.report.placement import plan_map
from sightgrid.report.placement.plan import PLAN_OUTPUTS, summarise_plan
from sightgrid.report.words import percent

if TYPE_CHECKING:
    from pathlib import Path

    from sightgrid.coverage.plan import Placement

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OFFLINE = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--window-size=1400,900",
    "--virtual-time-budget=8000",
    "--enable-logging=stderr",
)
HOSTILE = "{{ 7*191 }} {% raw %} {# gone #} </script><b>"


class Planned(NamedTuple):
    plan: Placement
    before: coverage.Coverage
    after: coverage.Coverage
    phases: pd.DataFrame
    out: Path


def carry_out(folder: Path, **options: Any) -> Planned:
    """Three cameras for a site whose every name is markup, a template or a script."""
    site = make_site(HOSTILE)
    site = site.with_cameras(site.cameras.assign(name=HOSTILE))
    models = read_catalogue(find_catalogue())
    chosen = models[models["model"].isin(["bullet-2mp-wide", "panorama-12mp"])]
    chosen = chosen.assign(model=["wide " + HOSTILE, "round " + HOSTILE], price=[1500.0, 1600.0])
    demand = sample_demand(site, spacing_m=6.0)
    plan = place(site, catalogue=chosen, demand=demand, stop=covering.Rounds(300), **options)
    before, after = coverage.measure(site, cell_m=50), coverage.measure(plan.planned_site, cell_m=50)
    phases, out = plan.phases(2), folder / "out"
    summary = summarise_plan(plan, before, after, phases)
    files = write_plan(out, plan, before=before, after=after, phases=phases, summary=summary)
    assert [path.name for path in files] == list(PLAN_OUTPUTS)
    assert sorted(path.name for path in out.iterdir()) == sorted(PLAN_OUTPUTS)
    return Planned(plan, before, after, phases, out)


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Planned:
    return carry_out(tmp_path_factory.mktemp("plan"), budget=3)


@pytest.fixture(scope="module")
def rearranged(tmp_path_factory: pytest.TempPathFactory) -> Planned:
    return carry_out(tmp_path_factory.mktemp("plan"), budget=1, reaim=["free", "wall"], removable=["round"])


def test_cameras_layer_is_the_plan(planned: Planned) -> None:
    layer = gpd.read_file(planned.out / "placement.gpkg", layer="cameras_new")
    chosen = planned.plan.chosen
    assert layer.crs == planned.plan.site.crs
    assert layer["camera_id"].tolist() == chosen.index.tolist()
    assert layer["rank"].tolist() == [1, 2, 3]
    assert shapely.equals_exact(layer.geometry.to_numpy(), chosen.geometry.to_numpy(), tolerance=1e-6).all()
    np.testing.assert_allclose(layer["azimuth_deg"], chosen["azimuth_deg"])
    np.testing.assert_allclose(layer["area_m2"], planned.after.seen.loc[chosen.index, "area_m2"])
    assert layer["phase"].tolist() == np.repeat(planned.phases.index, planned.phases["cameras"]).tolist()


def test_changed_cameras_are_told_everywhere(rearranged: Planned) -> None:
    changed = rearranged.plan.changed
    assert set(changed["change"]) == {"turned", "removed"}
    layer = gpd.read_file(rearranged.out / "placement.gpkg", layer="cameras_changed").set_index("camera_id")
    assert layer["change"].to_dict() == changed["change"].to_dict()
    styles = pyogrio.read_dataframe(rearranged.out / "placement.gpkg", layer="layer_styles")
    assert "cameras_changed" in set(styles["f_table_name"])
    summary = json.loads((rearranged.out / "summary.json").read_text(encoding="utf-8"))
    counts = changed["change"].value_counts()
    assert {change: summary[change] for change in counts.index} == counts.to_dict()
    page = (rearranged.out / "map.html").read_text(encoding="utf-8")
    for words in ("Changed cameras", "turned camera", "removed camera", "existing cameras: "):
        assert words in page


def test_cells_that_lose_are_drawn_as_such(rearranged: Planned, planned: Planned) -> None:
    lost = plan_map.compare_cells(rearranged.before, rearranged.after)["difference"] < -0.01
    assert lost.any()
    assert "less than before" in (rearranged.out / "map.html").read_text(encoding="utf-8")
    assert "less than before" not in (planned.out / "map.html").read_text(encoding="utf-8")


def test_seen_areas_layer_is_what_the_engine_sees(planned: Planned) -> None:
    layer = gpd.read_file(planned.out / "placement.gpkg", layer="seen_areas_new")
    assert layer["camera_id"].tolist() == planned.plan.chosen.index.tolist()
    assert (layer.geom_type == "MultiPolygon").all()
    np.testing.assert_allclose(layer.area, layer["area_m2"], rtol=1e-6)


def test_demand_layer_tells_what_changes(planned: Planned) -> None:
    layer = gpd.read_file(planned.out / "placement.gpkg", layer="demand")
    assert len(layer) == len(planned.plan.demand)
    assert (layer["seen_after"] >= layer["seen_before"]).all()
    seen = layer["seen_after"] >= layer["needed"]
    objective = planned.plan.solution.objective
    assert layer["weight"][seen].sum() == pytest.approx(objective)
    # points inside a new camera's area are seen by it
    areas = gpd.read_file(planned.out / "placement.gpkg", layer="seen_areas_new").geometry
    inside = sum(shapely.contains(area, layer.geometry.to_numpy()).astype(int) for area in areas)
    agree = inside == (layer["seen_after"] - layer["seen_before"])
    assert agree.mean() > 0.99


def test_grid_layer_compares_before_and_after(planned: Planned) -> None:
    layer = gpd.read_file(planned.out / "placement.gpkg", layer="grid").set_index("cell_id")
    np.testing.assert_allclose(layer["rate_before"], planned.before.cells["rate"])
    np.testing.assert_allclose(layer["rate_after"], planned.after.cells["rate"])
    np.testing.assert_allclose(layer["difference"], layer["rate_after"] - layer["rate_before"])
    assert (layer["difference"].dropna() >= 0).all()
    gained = (layer["difference"] * layer["observable_m2"]).sum() / layer["observable_m2"].sum()
    rates = [each.totals["coverage_rate"] for each in (planned.before, planned.after)]
    assert gained == pytest.approx(rates[1] - rates[0])


def test_styles_name_columns_that_exist(planned: Planned) -> None:
    path = planned.out / "placement.gpkg"
    table = pyogrio.read_dataframe(path, layer="layer_styles")
    assert sorted(table["f_table_name"]) == ["cameras_new", "demand", "grid", "seen_areas_new"]
    for row in table.itertuples():
        (column,) = re.findall(r'attr="(\w+)"', row.styleQML)
        values = gpd.read_file(path, layer=row.f_table_name)[column]
        if "categorizedSymbol" in row.styleQML:
            known = re.findall(r'<category [^>]*?value="([^"]*)"', row.styleQML)
            assert set(values.astype(str)) <= {unescape(each) for each in known}


def test_geojson_keeps_to_rfc_7946(planned: Planned) -> None:
    def refuse(name: str) -> Any:
        raise AssertionError(name)

    text = (planned.out / "placement.geojson").read_text(encoding="utf-8")
    found = json.loads(text, parse_constant=refuse)  # NaN is no JSON
    assert set(found) == {"type", "features"}
    chosen = planned.plan.chosen
    places = chosen.geometry.to_crs(4326)
    for feature, (camera_id, row), place_ in zip(found["features"], chosen.iterrows(), places, strict=True):
        assert (feature["type"], feature["id"], feature["geometry"]["type"]) == ("Feature", camera_id, "Point")
        east, north = feature["geometry"]["coordinates"]
        assert (east, north) == (pytest.approx(place_.x, abs=1e-7), pytest.approx(place_.y, abs=1e-7))
        azimuth = feature["properties"]["azimuth_deg"]
        assert azimuth is None if math.isnan(row["azimuth_deg"]) else azimuth == row["azimuth_deg"]
    table = gpd.read_file(planned.out / "placement.geojson")
    assert table.crs.to_epsg() == 4326
    assert table["rank"].tolist() == [1, 2, 3]


def test_costs_add_up(planned: Planned) -> None:
    costs = pd.read_csv(planned.out / "costs.csv")
    assert costs["rank"].tolist() == [1, 2, 3]
    assert costs["cumulative_price"].tolist() == costs["price"].cumsum().tolist()
    assert costs["cumulative_share"].is_monotonic_increasing
    assert costs["gain"].is_monotonic_decreasing
    by_phase = costs.groupby("phase")["price"].agg(["size", "sum"])
    assert by_phase["size"].tolist() == planned.phases["cameras"].tolist()
    assert by_phase["sum"].tolist() == planned.phases["price"].tolist()


def test_summary_confirms_the_plan(planned: Planned) -> None:
    summary = json.loads((planned.out / "summary.json").read_text(encoding="utf-8"))
    assert summary["site"] == HOSTILE
    assert summary["cameras"] == 3
    assert summary["measured_after_rate"] == planned.after.totals["coverage_rate"]
    assert summary["measured_after_rate"] == pytest.approx(summary["after_rate"], abs=0.01)
    assert summary["phases"][-1]["cumulative_price"] == summary["price"]
    assert summary["phases"][-1]["cumulative_share"] == pytest.approx(planned.plan.solution.share)


def test_no_file_tells_a_secret(planned: Planned) -> None:
    for path in planned.out.iterdir():
        assert STREAM.encode() not in path.read_bytes()


def test_failure_leaves_the_folder_as_it_was(planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sightgrid.report.placement.plan.draw_plan", fail)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "costs.csv").write_text("old")
    with pytest.raises(StoreError, match="No space left"):
        write_plan(
            tmp_path / "out",
            planned.plan,
            before=planned.before,
            after=planned.after,
            phases=planned.phases,
            summary={},
        )
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["costs.csv"]
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


# ----------------------------------------------------------------------------------------------------------- the map


def test_map_needs_no_network_and_is_the_same_each_time(planned: Planned) -> None:
    page = (planned.out / "map.html").read_text(encoding="utf-8")
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", page)
    assert draw_plan(planned.plan, planned.before, planned.after).get_root().render() == page


def test_many_cells_are_drawn_by_class(planned: Planned, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_map, "MANY_CELLS", 3)
    page = draw_plan(planned.plan, planned.before, planned.after).get_root().render()
    assert '"Difference"' not in page
    assert "Difference per cell" in page


def test_difference_classes() -> None:
    ranks = [plan_map._gain_class(each) for each in (math.nan, -0.1, 0.0, 0.01, 0.05, 0.06, 0.5, 1.0)]
    assert ranks == [None, 5, None, 0, 0, 1, 3, 4]


def test_plan_of_a_site_without_cameras_starts_at_zero(planned: Planned) -> None:
    cells = plan_map.compare_cells(None, planned.after)
    assert (cells["rate_before"].dropna() == 0).all()
    page = draw_plan(planned.plan, None, planned.after).get_root().render()
    assert "Existing cameras" not in page


def browse(page: Path, folder: Path, script: str) -> str:
    copy = folder / "page.html"
    text = page.read_text(encoding="utf-8")
    copy.write_text(text.replace("</html>", f"<script>{script}</script></html>"), encoding="utf-8")
    command = [str(CHROMIUM), *OFFLINE, f"--user-data-dir={folder / 'profile'}", "--dump-dom", copy.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "CONSOLE" not in done.stderr  # neither an error nor a refused request
    return done.stdout


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
def test_map_in_a_browser(planned: Planned, tmp_path: Path) -> None:
    # shows the difference, then opens the popup of the first new camera
    script = (
        "document.querySelectorAll('.leaflet-control-layers-base input')[2].click();"
        "const fresh = sightgrid.layers.at(-1);"
        "fresh.getLayers().find((each) => each.feature.properties.v?.[0] === '1').openPopup();"
    )
    dom = browse(planned.out / "map.html", tmp_path, script)
    labels = re.findall(r"<span> ([^<]+)</span>", dom)
    assert labels == [
        "Before the plan: rate per cell",
        "With the plan: rate per cell",
        "Difference per cell",
        "Seen areas of the new cameras",
        "Existing cameras",
        "New cameras",
    ]
    shown = HOSTILE.replace("<", "&lt;").replace(">", "&gt;")
    assert f"<title>sightgrid: plan for {shown}</title>" in dom
    assert f"<h1>{shown}</h1>" in dom
    popup = dom[dom.index("leaflet-popup-content") :]
    assert shown in popup
    assert "Demand seen" in popup
    assert "1337" not in dom.replace(" ", "").split("<h1>")[1].split("<h2>")[0]
    ranks = re.findall(r"sightgrid-rank[^>]*><span>(\d+)</span>", dom)
    assert sorted(ranks) == ["1", "2", "3"]
    rates = f"{percent(planned.plan.before_rate)} → {percent(planned.plan.after_rate)}"
    assert rates in dom
    for words in ("Difference [percentage points]", "new camera, with its rank", "looks this way"):
        assert words in dom


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
def test_one_grid_is_shown_at_a_time_below_the_cameras(planned: Planned, tmp_path: Path) -> None:
    script = (
        "document.querySelectorAll('.leaflet-control-layers-base input')[2].click();"
        "const map = sightgrid.layers.at(-1)._map;"
        "const on = sightgrid.layers.map((each) => map.hasLayer(each) ? 1 : 0).join('');"
        "const order = []; let each = map.getRenderer(sightgrid.layers.at(-1).getLayers()[0])._drawFirst;"
        "for (; each; each = each.next) order.push(each.layer);"
        "const last = (layer) => Math.max(...layer.getLayers().flatMap("
        "(one) => one.getLayers ? one.getLayers() : [one]).map((one) => order.indexOf(one)));"
        "document.title = on + ' ' + (last(sightgrid.layers[3]) < last(sightgrid.layers.at(-1)));"
    )
    dom = browse(planned.out / "map.html", tmp_path, script)
    (title,) = re.findall(r"<title>([^<]*)</title>", dom)
    on, below = title.split()
    assert on == "10011111"  # background, two grids off, difference, masks, seen areas, existing and new cameras
    assert below == "true"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"status": "optimal", "gap": 0.0}, "proven to be the best possible among the poses looked at"),
        ({"status": "feasible", "gap": 0.023}, "at most 2.3 % from the best possible"),
        ({"status": "feasible", "gap": 0.5, "interrupted": True}, "at most 50.0 % from the best possible, search int"),
        ({"status": "feasible", "gap": 1.0}, "not known how far"),
    ],
)
def test_quality_in_words(planned: Planned, found: dict[str, Any], words: str) -> None:
    solution = replace(planned.plan.solution, **{"interrupted": False, **found})
    assert plan_map.describe_quality(replace(planned.plan, solution=solution)).startswith(words)
