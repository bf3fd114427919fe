"""Incidents: English and Chinese tables, layers, times and their zones, the street each belongs to."""

from __future__ import annotations

import dataclasses

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import small_site
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString, Point

from sightgrid.columns import KINDS
from sightgrid.errors import SchemaError, SourceError, UnitRangeError
from sightgrid.patrol.risks.incidents import FARTHEST_M, attach, read_incidents

X0, Y0 = small_site.X0, small_site.Y0
HIGH_STREET, FOOTWAY = (1, 2, 0), (3, 4, 0)


@pytest.fixture(scope="module")
def site():
    return small_site.make_site()


def write(folder, text, encoding="utf-8"):
    file = folder / "incidents.csv"
    file.write_text(text, encoding=encoding)
    return file


def at(x, y):
    return f"{X0 + x},{Y0 + y}"


def test_a_table_becomes_incidents_on_streets(tmp_path, site):
    file = write(
        tmp_path,
        "incident_id,occurred_at,x,y,category,severity,origin,victim,Phone\n"
        f"1,2026-03-01T22:15+02:00,{at(20, 90)},theft,2.5,reported,A. Person,123\n"
        f"2,2026-03-01T20:15:00Z,{at(190, 150)},,,discovered,,\n"
        f"3,2026-03-02 08:00:00.5+0200,{at(20, 190)},noise,,,,\n",
    )
    incidents = read_incidents(file, site=site)
    assert incidents.index.tolist() == ["1", "2", "3"]
    assert incidents.index.name == "incident_id"
    assert incidents["occurred_at"].iloc[0] == incidents["occurred_at"].iloc[1] == pd.Timestamp("2026-03-01T20:15Z")
    assert incidents["severity"].tolist() == [2.5, 1.0, 1.0]
    assert incidents["origin"].tolist() == ["reported", "discovered", "reported"]
    assert incidents["category"].tolist() == ["theft", "", "noise"]
    assert incidents["street"].tolist() == [HIGH_STREET, FOOTWAY, None]
    # what else the table holds, maybe about persons, is named but not kept
    assert set(incidents.columns) == {"occurred_at", "category", "severity", "origin", "street", "geometry"}
    assert incidents.attrs["notes"] == (
        "incidents: columns not used: victim, Phone",
        "incidents: origin not told, taken as reported: 1",
        "incidents: more than 50 m from any street: 1 (3)",
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_chinese_headers_and_a_zone(tmp_path, encoding):
    streets = gpd.GeoDataFrame(
        {"length_m": [100.0]},
        index=pd.MultiIndex.from_tuples([(1, 2, 0)], names=["u", "v", "key"]),
        geometry=[LineString([(447_900, 4_418_000), (448_000, 4_418_000)])],
        crs="EPSG:32650",
    )
    beijing = small_site.make_site()
    layers = {layer: getattr(beijing, layer).to_crs(32650) for layer in KINDS if layer != "streets"}
    beijing = dataclasses.replace(beijing, streets=streets, **layers)
    lonlat = gpd.GeoSeries([Point(447_950, 4_418_003)], crs=32650).to_crs(4326).iloc[0]
    file = write(
        tmp_path,
        f"警情编号,报警时间,经度,纬度,警情类别,来源\n甲,2026/03/01 08:00,{lonlat.x},{lonlat.y},盗窃,报警\n",
        encoding,
    )
    incidents = read_incidents(file, site=beijing, zone="Asia/Shanghai")
    assert incidents.loc["甲", "occurred_at"] == pd.Timestamp("2026-03-01T00:00Z")
    assert incidents.loc["甲", ["category", "origin", "street"]].tolist() == ["盗窃", "reported", (1, 2, 0)]


def test_a_layer_is_read_like_a_table(tmp_path, site):
    file = tmp_path / "night.gpkg"
    times = pd.to_datetime(["2026-03-01T20:15Z", "2026-03-01T21:15Z"])
    layer = gpd.GeoDataFrame(
        {"incident_id": [7, 8], "occurred_at": times, "Severity": [2, 3]},
        geometry=[Point(X0 + 20, Y0 + 80), Point(X0 + 190, Y0 + 20)],
        crs=small_site.CRS,
    )
    layer.to_crs(4326).to_file(file, layer="incidents")
    site.zones.reset_index().to_file(file, layer="zones")
    incidents = read_incidents(file, site=site)
    assert incidents.index.tolist() == ["7", "8"]
    assert incidents["occurred_at"].tolist() == list(times)
    assert incidents["severity"].tolist() == [2.0, 3.0]
    assert incidents["street"].tolist() == [HIGH_STREET, FOOTWAY]
    assert incidents.crs == site.crs


def test_times_without_a_zone_are_refused_or_placed(tmp_path, site):
    file = write(
        tmp_path,
        "incident_id,occurred_at,x,y\n"
        + "".join(
            f"{name},{time},{at(20, 80)}\n"
            for name, time in [
                ("day", "2026-03-01"),
                ("local", "2026-06-01T12:00"),
                ("fixed", "2026-06-01T12:00+00:00"),
                ("twice", "2026-10-25T03:30"),
            ]
        ),
    )
    with pytest.raises(
        SchemaError, match=r"occurred_at: has no time zone; give zone, such as .* \(3 rows: day, local, twice\)"
    ):
        read_incidents(file, site=site)
    with pytest.raises(UnitRangeError, match="'Helsinki' is not a time zone"):
        read_incidents(file, site=site, zone="Helsinki")
    incidents = read_incidents(file, site=site, zone="Europe/Helsinki")
    assert [time.strftime("%d %H:%M") for time in incidents["occurred_at"]] == [
        "28 22:00",
        "01 09:00",
        "01 12:00",
        "25 00:30",
    ]
    assert any("come twice in Europe/Helsinki" in note and "1 (twice)" in note for note in incidents.attrs["notes"])
    skipped = write(tmp_path, f"incident_id,occurred_at,x,y\ngap,2026-03-29T03:30,{at(20, 80)}\n")
    with pytest.raises(SchemaError, match=r"does not exist in Europe/Helsinki, as the clocks change \(1 row: gap\)"):
        read_incidents(skipped, site=site, zone="Europe/Helsinki")


def test_every_fault_is_told_at_once(tmp_path, site):
    file = write(
        tmp_path,
        "incident_id,occurred_at,lon,lat,severity,origin\n"
        "a,2026-03-01T22:15Z,24.9,60.2,-1,seen\n"
        "a,yesterday,24.9,95,x,\n"
        ",,24.9,,0,\n",
    )
    with pytest.raises(SchemaError) as caught:
        read_incidents(file, site=site)
    text = str(caught.value)
    for part in (
        "incident_id: must not be empty (1 row: row 3)",
        "incident_id: must be unique (1 row: a)",
        "lat: must lie in [-90, 90] (1 row: a)",
        "lat: must be a number (1 row: row 3)",
        "occurred_at: must be given (1 row: row 3)",
        "occurred_at: must be a time such as 2026-03-01T22:15+02:00 (1 row: a)",
        "severity: must be a number above 0 (3 rows: a, a, row 3)",
        "origin: must be reported or discovered (1 row: a)",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,occurred_at,lon,lat\n", "incident_id: missing column"),
        ("incident_id,occured_at,lon,lat\n", "occured_at: unknown column, perhaps occurred_at"),
        ("incident_id,occurred_at,lon\n", r"lon, lat \(or x, y\): missing column"),
        ("incident_id,编号,occurred_at,lon,lat\n", "incident_id: several columns hold it"),
        (
            "incident_id,occurred_at,lon,lat\na,2026-01-01T00:00Z,1\n",
            r"row: has more or fewer fields .*\(1 row: row 1\)",
        ),
    ],
)
def test_a_wrong_header_explains_itself(tmp_path, site, text, message):
    with pytest.raises(SchemaError, match=message):
        read_incidents(write(tmp_path, text), site=site)


def test_files_that_cannot_be_read(tmp_path, site):
    with pytest.raises(SourceError, match="there is no such file"):
        read_incidents(tmp_path / "none.csv", site=site)
    with pytest.raises(SourceError, match="there is no such file"):
        read_incidents(tmp_path / "none.gpkg", site=site)
    with pytest.raises(SourceError, match="the file is empty"):
        read_incidents(write(tmp_path, ""), site=site)
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xff\x00\x01")
    with pytest.raises(SourceError, match="no table in UTF-8 or GB 18030"):
        read_incidents(binary, site=site)
    shapes = gpd.GeoDataFrame(
        {"incident_id": ["a"], "occurred_at": ["2026-01-01T00:00Z"]},
        geometry=[Point(X0, Y0).buffer(5)],
        crs=small_site.CRS,
    )
    shapes.to_file(tmp_path / "areas.gpkg")
    with pytest.raises(SchemaError, match=r"geometry: must be a Point \(1 row: a\)"):
        read_incidents(tmp_path / "areas.gpkg", site=site)


def test_a_table_without_rows_is_a_frame_without_rows(tmp_path, site):
    incidents = read_incidents(write(tmp_path, "incident_id,occurred_at,lon,lat\n"), site=site)
    assert incidents.empty
    assert incidents["occurred_at"].dt.tz is not None
    assert incidents.crs == site.crs


@given(st.lists(st.tuples(st.floats(-80, 380), st.floats(-80, 280)), min_size=1, max_size=12))
def test_each_incident_belongs_to_the_nearest_street(spots):
    streets = small_site.make_site().streets
    points = gpd.GeoDataFrame(geometry=[Point(X0 + x, Y0 + y) for x, y in spots], crs=small_site.CRS)
    row, along = attach(points, streets)
    for point, n, m in zip(points.geometry, row, along, strict=True):
        distances = [line.distance(point) for line in streets.geometry]
        if n < 0:
            assert min(distances) > FARTHEST_M - 1e-6
            assert np.isnan(m)
        else:
            assert distances[n] == pytest.approx(min(distances), abs=1e-6)
            assert m == pytest.approx(streets.geometry.iloc[n].project(point), abs=1e-6)
