"""Every output file is opened again and its content checked; a folder is complete or untouched."""

from __future__ import annotations

import html
import html.parser
import json
import math
import re
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
from small_site import SCRIPT_NAME, STREAM, make_site

import sightgrid
from sightgrid import coverage, report
from sightgrid.errors import StoreError
from sightgrid.report import folder as folders
from sightgrid.report import styles, words
from sightgrid.report.coverage import map_layers, maps
from sightgrid.report.coverage.raster import fit_resolution, write_count_raster
from sightgrid.report.folder import check_folder, replace_folder, write_json
from sightgrid.report.geopackage import write_geopackage

if TYPE_CHECKING:
    from pathlib import Path

    from sightgrid.coverage import Coverage
    from sightgrid.site import Site

TEMPLATES = ("{{ 7*191 }}", "{% set x = 7 %}{{ x*191 }}", "{# gone #}", "{{{% raw %}{#", "</script>\u2028{{ 7*191 }}")
RESULT_COLUMNS = ("status", "Status", "MODEL", "reason", "area_m2", "measured", "moved_m", "rate", "observed_m", "geom")
SECRET_COLUMNS = ("STREAM_URL", "rtsp", "password", "Stream_Url")
LAYERS = {
    "cameras": "Point",
    "seen_areas": "MultiPolygon",
    "grid": "Polygon",
    "blind_spots": "MultiPolygon",
    "streets": "LineString",
}


@pytest.fixture(scope="module")
def seen() -> Coverage:
    return coverage.measure(make_site(), cell_m=50)


@pytest.fixture(scope="module")
def spots(seen: Coverage) -> gpd.GeoDataFrame:
    return coverage.blind_spots(seen.site, seen)


@pytest.fixture(scope="module")
def package(seen: Coverage, spots: gpd.GeoDataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("package") / "coverage.gpkg"
    write_geopackage(path, seen, spots)
    return path


@pytest.fixture(scope="module")
def page(seen: Coverage, spots: gpd.GeoDataFrame) -> str:
    return str(sightgrid.explore(seen.site, seen, spots).get_root().render())


# ---------------------------------------------------------------------------------------------------- the GeoPackage


def test_geopackage_holds_every_layer(package: Path, seen: Coverage, spots: gpd.GeoDataFrame) -> None:
    listed = dict(pyogrio.list_layers(package))
    assert {name: listed[name] for name in LAYERS} == LAYERS
    counts = {name: pyogrio.read_info(package, layer=name)["features"] for name in LAYERS}
    assert counts == {
        "cameras": 4,
        "seen_areas": int((seen.seen["area_m2"] > 0).sum()),
        "grid": len(seen.cells),
        "blind_spots": len(spots),
        "streets": 2,
    }
    assert all(pyogrio.read_info(package, layer=name)["crs"] == "EPSG:3067" for name in LAYERS)


def test_geopackage_says_what_was_found(package: Path, seen: Coverage) -> None:
    cameras = gpd.read_file(package, layer="cameras").set_index("camera_id")
    assert cameras["status"].to_dict() == {
        "free": "measured",
        "wall": "moved",
        "inside": "not measured",
        "round": "measured",
    }
    assert cameras["area_m2"].to_numpy() == pytest.approx(seen.seen["area_m2"].to_numpy(), nan_ok=True)
    assert cameras.loc["inside", "reason"]
    areas = gpd.read_file(package, layer="seen_areas").set_index("camera_id")
    assert areas.geometry.is_valid.all()
    assert areas.area.to_numpy() == pytest.approx(areas["area_m2"].to_numpy(), rel=1e-3)
    grid = gpd.read_file(package, layer="grid").set_index("cell_id")
    assert grid["rate"].to_numpy() == pytest.approx(seen.cells["rate"].to_numpy(), nan_ok=True)
    streets = gpd.read_file(package, layer="streets").set_index(["u", "v", "key"])
    assert streets["rate"].between(0, 1).all()


def test_no_output_holds_the_address_of_a_stream(package: Path, page: str) -> None:
    assert "stream_url" not in gpd.read_file(package, layer="cameras").columns
    assert STREAM.encode() not in package.read_bytes()
    assert "secret" not in page
    assert "stream_url" not in page


def make_odd_site() -> Site:
    """Return the small site with columns nobody asked for: some are called like results, some hold secrets."""
    site = make_site()
    odd = dict.fromkeys(RESULT_COLUMNS, "unasked") | dict.fromkeys(SECRET_COLUMNS, STREAM)
    layers = {name: getattr(site, name).assign(**odd) for name in ("cameras", "obstacles", "streets", "places")}
    layers["cameras"] = layers["cameras"].rename_geometry("Area_M2")
    return replace(site, **layers)


def test_outputs_hold_known_columns_only(seen: Coverage, package: Path, tmp_path: Path) -> None:
    site = make_odd_site()
    again = coverage.measure(site, cell_m=50)
    files = report.write_outputs(tmp_path / "out", again, coverage.blind_spots(site, again), summary=again.summary())
    for name in LAYERS:
        frame = gpd.read_file(tmp_path / "out" / "coverage.gpkg", layer=name)
        assert frame.columns.tolist() == gpd.read_file(package, layer=name).columns.tolist()
    cameras = gpd.read_file(tmp_path / "out" / "coverage.gpkg", layer="cameras")
    assert cameras["area_m2"].to_numpy() == pytest.approx(seen.seen["area_m2"].to_numpy(), nan_ok=True)
    assert len(files) == len(report.OUTPUTS)
    for path in files:
        content = path.read_bytes().lower()
        assert not [word for word in (b"rtsp", b"secret", b"password", b"stream_url", b"unasked") if word in content]


def test_equal_results_are_equal_bytes(seen: Coverage, spots: gpd.GeoDataFrame, package: Path, tmp_path: Path) -> None:
    path = tmp_path / "coverage.gpkg"
    time.sleep(0.02)  # the clock that GDAL would write down counts milliseconds
    write_geopackage(path, seen, spots)
    assert path.read_bytes() == package.read_bytes()
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


def test_every_layer_has_one_default_style_that_fits_its_columns(package: Path) -> None:
    with closing(sqlite3.connect(package)) as database:
        rows = database.execute(
            "select f_table_name, styleQML from layer_styles where useAsDefault and f_geometry_column = 'geom'"
        ).fetchall()
    assert sorted(name for name, _ in rows) == sorted(LAYERS)
    for name, document in rows:
        renderer = ET.fromstring(document).find("renderer-v2")  # noqa: S314  (our own file)
        assert renderer is not None
        frame = gpd.read_file(package, layer=name)
        column = str(renderer.get("attr"))
        symbols = {symbol.get("name") for symbol in renderer.findall("symbols/symbol")}
        entries = [*renderer.findall("ranges/range"), *renderer.findall("categories/category")]
        assert {entry.get("symbol") for entry in entries} == symbols
        if renderer.get("type") == "categorizedSymbol":
            assert set(frame[column]) <= {entry.get("value") for entry in entries}
        else:
            limits = [(float(str(entry.get("lower"))), float(str(entry.get("upper")))) for entry in entries]
            assert limits == [(0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1)]
            assert frame[column].dropna().between(0, 1).all()


def test_geopackage_that_cannot_be_written(seen: Coverage, spots: gpd.GeoDataFrame, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"coverage\.gpkg: cannot be written"):
        write_geopackage(tmp_path / "missing" / "coverage.gpkg", seen, spots)
    double = spots.assign(AREA_M2=0.0)
    with pytest.raises(StoreError, match=r"coverage\.gpkg: cannot be written"):
        write_geopackage(tmp_path / "coverage.gpkg", seen, double)
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


# -------------------------------------------------------------------------------------------------------- the raster


def test_raster_is_cloud_optimised(tmp_path: Path) -> None:
    site = sightgrid.open_site("helsinki")
    seen = coverage.measure(site)
    path = tmp_path / "coverage.tif"
    assert write_count_raster(path, seen) == 1.0
    with rasterio.open(path) as raster:
        assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert raster.profile["tiled"]
        assert raster.overviews(1)
        assert raster.crs.to_epsg() == site.crs.to_epsg()
    assert [each.name for each in tmp_path.iterdir()] == ["coverage.tif"]


def test_raster_counts_cameras(seen: Coverage, tmp_path: Path) -> None:
    path = tmp_path / "coverage.tif"
    write_count_raster(path, seen)
    with rasterio.open(path) as raster:
        assert (raster.dtypes[0], raster.nodata) == ("uint16", 65535)
        assert raster.descriptions == ("cameras that see the ground",)
        assert raster.units == ("cameras",)
        counts = raster.read(1)
    ground = counts != 65535
    assert ground.sum() == pytest.approx(seen.cells["observable_m2"].sum(), rel=0.02)
    assert (counts[ground] > 0).sum() == pytest.approx(seen.cells["covered_m2"].sum(), rel=0.03)
    assert counts[ground].max() <= 3


def test_raster_of_a_large_city_is_coarser(seen: Coverage, tmp_path: Path) -> None:
    assert fit_resolution(seen) == 1.0
    path = tmp_path / "coverage.tif"
    resolution_m = write_count_raster(path, seen, max_pixels=200_000)
    assert resolution_m == 2.0
    with rasterio.open(path) as raster:
        assert raster.res == (2.0, 2.0)
        assert raster.width * raster.height <= 200_000
        counts = raster.read(1)
    assert (counts != 65535).sum() * 4 == pytest.approx(seen.cells["observable_m2"].sum(), rel=0.03)


# ----------------------------------------------------------------------------------------------------------- the map


class _References(html.parser.HTMLParser):
    """Collects what a browser would load."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = ("src", "srcset", "href", "data") if tag != "a" else ()
        self.loaded += [str(value) for name, value in attrs if name in names]


def test_map_loads_nothing(page: str) -> None:
    references = _References()
    references.feed(page)
    assert references.loaded == []
    assert "@import" not in page
    in_styles = re.findall(r"url\(\s*['\"]?([^)]*)", "".join(re.findall(r"<style>(.*?)</style>", page, re.DOTALL)))
    assert in_styles
    assert all(each.startswith(("data:image/png;base64,", "#")) for each in in_styles)
    assert "sourceMappingURL" not in page


def test_map_shows_what_data_say_as_text(page: str) -> None:
    assert SCRIPT_NAME not in page
    assert "\\u003cscript>alert('seen')\\u003c/script>" in page
    odd = make_site("<b>bold</b>")
    assert "<b>bold</b>" not in sightgrid.explore(odd).get_root().render()


@pytest.mark.parametrize("words", TEMPLATES)
def test_map_never_evaluates_what_data_say(spots: gpd.GeoDataFrame, words: str) -> None:
    site = make_site(words)
    cameras = site.cameras.assign(name=words).rename(index={"free": words})
    odd = coverage.measure(site.with_cameras(cameras), cell_m=50)
    spots = spots.assign(nearest_camera_id=words).rename(index={spots.index[0]: words})
    text = sightgrid.explore(odd.site, odd, spots).get_root().render()
    assert "1337" not in text
    *_, blind, found = (features for features, _ in map_data(text))
    rows = [each["properties"]["v"] for each in found if "v" in each["properties"]]
    assert rows[0][:2] == [words, words]
    assert [blind[0]["properties"]["v"][i] for i in (0, 5)] == [words, words]
    assert f"<title>sightgrid: {html.escape(words)}</title>" in text
    headline, legend = (json.loads(each) for each in re.findall(r'sightgrid\.panel\(.*, (".*")\);', text))
    assert f"<h1>{html.escape(words)}</h1>" in headline
    assert "Legend" in legend
    script = text[text.rindex("<script>") :]
    assert script.count("</script>") == 1
    assert not [opener for opener in ("{{", "{%", "{#", "\u2028") if opener in script]


def test_map_has_every_layer_and_a_legend(page: str) -> None:
    for name in ("Coverage rate per cell", "Seen areas by pixel density", "Blind spots", "Cameras"):
        assert f'"{name}"' in page
    for label in (*styles.RATE_LABELS, *styles.CAUSE_COLOURS, *styles.STATUS_LABELS.values(), "recognise: 125 or more"):
        assert label.replace("'", "&#x27;") in page
    assert "[px/m]" in page


def map_data(page: str) -> list[tuple[list[dict[str, Any]], dict[str, Any]]]:
    """Return the features and the settings of each layer of a map."""
    found = re.findall(r"sightgrid\.shapes\(\s*\w+, (\{.*?\}), (\{\"labels.*?\})\);", page, re.DOTALL)
    return [(json.loads(data)["features"], json.loads(settings)) for data, settings in found]


def test_map_layers_hold_the_site(page: str, seen: Coverage, spots: gpd.GeoDataFrame) -> None:
    found = map_data(page)
    background, rates, masks, areas, blind, cameras = (features for features, _ in found)
    assert [len(background), len(masks)] == [3, 3]
    assert len(rates) == seen.cells["rate"].notna().sum()
    assert 1 <= len(areas) <= 6
    assert len(blind) == len(spots)
    points = [each for each in cameras if each["geometry"]["type"] == "Point"]
    assert [each["properties"]["v"][0] for each in points] == ["free", "wall", "inside", "round"]
    assert [each["properties"]["s"] for each in points] == [0, 1, 2, 0]
    assert ["area" in each for each in points] == [True, True, False, True]
    place = seen.site.cameras.to_crs(4326).geometry["free"]
    assert points[0]["geometry"]["coordinates"] == pytest.approx([place.x, place.y], abs=1e-6)
    tick = next(each for each in cameras if each["geometry"]["type"] == "LineString")
    (lon, lat), (lon_end, lat_end) = tick["geometry"]["coordinates"]
    assert lon_end > lon  # the first camera looks to the east
    assert lat_end == pytest.approx(lat, abs=1e-6)
    for features, settings in found:
        assert all(each["properties"]["s"] < len(settings["styles"]) for each in features)


def test_map_is_the_same_every_time(page: str, seen: Coverage, spots: gpd.GeoDataFrame) -> None:
    assert sightgrid.explore(seen.site, seen, spots).get_root().render() == page


def test_map_names_its_source_only_where_it_is_one(page: str) -> None:
    assert "OpenStreetMap" not in page
    mapped = make_site(notes=("12 buildings from OpenStreetMap",))
    assert "OpenStreetMap contributors" in sightgrid.explore(mapped).get_root().render()


def test_map_of_a_site_not_measured(tmp_path: Path) -> None:
    path = tmp_path / "map.html"
    sightgrid.explore(make_site()).save(str(path))
    page = path.read_text(encoding="utf-8")
    assert "4 cameras" in page
    assert '"Cameras"' in page
    assert "Coverage rate per cell" not in page


def test_map_of_a_large_site_leaves_shapes_out(
    seen: Coverage, spots: gpd.GeoDataFrame, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "MANY_CAMERAS", 3)
    lean = sightgrid.explore(seen.site, seen, spots).get_root().render()
    assert "seen areas and buildings are left out" in lean
    assert "Seen areas by pixel density" not in lean
    assert len(lean) < len(page)


def test_map_of_many_cells_and_spots(seen: Coverage, spots: gpd.GeoDataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_layers, "MANY_CELLS", 3)
    layer, _ = map_layers.draw_rates(seen)
    features = json.loads(layer.text)["features"]
    ranks = [feature["properties"]["s"] for feature in features]
    assert ranks == sorted({styles.rate_class(rate) for rate in seen.cells["rate"].dropna()})
    assert all("v" not in feature["properties"] for feature in features)
    monkeypatch.setattr(map_layers, "MANY_SPOTS", 1)
    many = pd.concat([spots, spots])
    layer, entries = map_layers.draw_blind_spots(many)
    assert len(json.loads(layer.text)["features"]) == 1
    assert f"The first 1 of {len(many)}, by demand." in entries[-1]


def test_rate_classes() -> None:
    assert [styles.rate_class(rate) for rate in (0, 0.2, 0.2001, 0.999, 1.0)] == [0, 0, 1, 4, 4]
    assert styles.rate_class(math.nan) is None
    assert len(set(styles.density_colours(7))) == 7
    assert len(set(styles.density_colours(6))) == 6


def test_words() -> None:
    assert (words.percent(0.1234), words.percent(math.nan)) == ("12.3 %", "")
    assert [words.square_metres(area) for area in (12.4, 25_000, 2.5e6)] == ["12 m²", "2.50 ha", "2.50 km²"]
    assert [words.metres(length) for length in (0.12, 1234.5)] == ["0.1 m", "1,234 m"]
    assert words.listed("kind,azimuth_deg,hfov_deg") == "kind, direction, field of view"
    assert words.listed(None) == words.text(math.nan) == ""
    assert [words.number(value) for value in (12.5, 1000, math.nan)] == ["12.5", "1,000", ""]


# -------------------------------------------------------------------------------------------------------- the folder


def write_all(folder: Path, seen: Coverage, spots: gpd.GeoDataFrame) -> list[str]:
    files = report.write_outputs(folder, seen, spots, summary=seen.summary(spots))
    return [path.name for path in files]


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_outputs_are_complete(seen: Coverage, spots: gpd.GeoDataFrame, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    assert write_all(out, seen, spots) == list(report.OUTPUTS)
    assert sorted(snapshot(tmp_path)) == sorted(f"new/out/{name}" for name in report.OUTPUTS)
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["cameras_total"] == 4
    assert 0 < summary["coverage_rate_lower"] <= summary["coverage_rate"] <= summary["coverage_rate_upper"] < 1
    assert list(summary["density_rates"]) == list(coverage.density_classes("iec2014"))
    assert summary["not_measured"] == {"indoor?": 1}
    assert summary["notes"] == []


def test_summary_holds_every_note(seen: Coverage, spots: gpd.GeoDataFrame, tmp_path: Path) -> None:
    notes = tuple(f"layer {i}: left out" for i in range(20))
    noted = replace(seen, survey=replace(seen.survey, site=replace(seen.site, notes=notes)))
    report.write_outputs(tmp_path / "out", noted, spots, summary={})
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["notes"] == list(notes)


def test_summary_knows_no_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"a": math.nan, "b": {"c": [math.inf], "d": 1.5}, "name": "Töölö"})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"a": None, "b": {"c": [None], "d": 1.5}, "name": "Töölö"}
    assert text.startswith('{\n  "a": null')


def test_second_run_replaces_ours_and_leaves_the_rest(seen: Coverage, spots: gpd.GeoDataFrame, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_all(out, seen, spots)
    (out / "mine.txt").write_text("keep")
    (out / "coverage.gpkg-wal").write_text("stale journal of the old file")
    (out / "summary.json").write_text("old")
    write_all(out, seen, spots)
    assert sorted(path.name for path in out.iterdir()) == sorted([*report.OUTPUTS, "mine.txt"])
    assert json.loads((out / "summary.json").read_text())["cameras_total"] == 4
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("fault", [RuntimeError("fails"), KeyboardInterrupt(), OSError(28, "No space left on device")])
@pytest.mark.parametrize("exists", [True, False])
def test_run_that_fails_in_the_middle_changes_nothing(
    seen: Coverage,
    spots: gpd.GeoDataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: BaseException,
    exists: bool,
) -> None:
    out = tmp_path / "deep" / "out"
    if exists:
        out.mkdir(parents=True)
        (out / "summary.json").write_text("old")

    def fail(*_: object) -> None:
        raise fault

    monkeypatch.setattr(report, "write_count_raster", fail)
    before = snapshot(tmp_path)
    with pytest.raises(StoreError if isinstance(fault, OSError) else type(fault)):
        write_all(out, seen, spots)
    assert snapshot(tmp_path) == before
    assert (tmp_path / "deep").exists() == exists


def test_swap_that_fails_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("a", "b", "c"):
        (out / name).write_text(f"old {name}")
    rename = folders._rename

    def fail_late(source: Path, target: Path, moved: list[tuple[Path, Path]]) -> None:
        if source.name == "c":
            raise PermissionError(13, "Permission denied")
        rename(source, target, moved)

    monkeypatch.setattr(folders, "_rename", fail_late)
    before = snapshot(tmp_path)

    def swap() -> None:
        with replace_folder(out, ours=["a", "b", "c"]) as temporary:
            for name in ("a", "b"):
                (temporary / name).write_text(f"new {name}")

    with pytest.raises(StoreError, match="out: cannot be written: Permission denied"):
        swap()
    assert snapshot(tmp_path) == before


def test_folder_that_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    for folder in (file, file / "below"):
        with pytest.raises(StoreError, match="is a file, not a folder"):
            check_folder(folder)
    check_folder(tmp_path / "not" / "yet")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_foreign_folder_with_a_name_of_ours(seen: Coverage, spots: gpd.GeoDataFrame, tmp_path: Path) -> None:
    (tmp_path / "out" / "map.html").mkdir(parents=True)
    (tmp_path / "out" / "map.html" / "mine.txt").write_text("keep")
    before = snapshot(tmp_path)
    with pytest.raises(StoreError, match=r"map\.html is a folder there"):
        write_all(tmp_path / "out", seen, spots)
    assert snapshot(tmp_path) == before


def test_folder_without_the_right_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders.os, "access", lambda *_: False)
    with pytest.raises(StoreError, match="no right to write"):
        check_folder(tmp_path / "out")


def test_figure_draws_both_maps(seen: Coverage, spots: gpd.GeoDataFrame, tmp_path: Path) -> None:
    from PIL import Image

    from sightgrid.report.coverage.figures import draw_coverage

    path = tmp_path / "coverage.png"
    figure = draw_coverage(seen, spots)
    figure.savefig(path)
    assert [axes.get_title(loc="left") for axes in figure.axes[:2]] == [
        "How much of each cell is seen (50 m cells)",
        "Where nobody looks",
    ]
    with Image.open(path) as picture:
        colours = np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)
    assert len(colours) > 50


def test_figure_shows_what_data_say_as_text(seen: Coverage, spots: gpd.GeoDataFrame, tmp_path: Path) -> None:
    from sightgrid.report.coverage.figures import draw_coverage

    odd = replace(seen, survey=replace(seen.survey, site=replace(seen.site, name=r"$\frac{$")))  # a broken formula
    draw_coverage(odd, spots).savefig(tmp_path / "coverage.png", dpi=20)
