"""Tracks: GPX and CSV read, and every fix that cannot be believed set aside and counted."""

from __future__ import annotations

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightgrid.errors import CRSError, InputError, SchemaError, SightgridError, SourceError, UnitRangeError
from sightgrid.patrol.tracks import gpx_files, track_files
from sightgrid.patrol.tracks.track_order import keep_connected, keep_rising
from sightgrid.patrol.tracks.tracks import BACKWARDS, DUPLICATE, JUMP, SAME_TIME, clean_tracks, read_tracks

CRS = 32635
START = pd.Timestamp("2026-11-23T08:00Z")
LON, LAT = 24.94, 60.17


def write_csv(path, rows, header="unit_id,time,lon,lat", encoding="utf-8"):
    path.write_text("\n".join([header, *rows]) + "\n", encoding=encoding)
    return path


def point(second, lon=LON, lat=LAT, zone="Z"):
    time = START + pd.Timedelta(seconds=second)
    return f'<trkpt lat="{lat}" lon="{lon}"><time>{time:%Y-%m-%dT%H:%M:%S}{zone}</time></trkpt>'


def write_gpx_text(path, *tracks, before=""):
    body = "".join(
        f"<trk>{f'<name>{name}</name>' if name else ''}"
        + "".join(f"<trkseg>{''.join(segment)}</trkseg>" for segment in segments)
        + "</trk>"
        for name, segments in tracks
    )
    start = '<gpx version="1.1" creator="t" xmlns="http://www.topografix.com/GPX/1/1">'
    path.write_text(f'<?xml version="1.0" encoding="UTF-8"?>{before}{start}{body}</gpx>', encoding="utf-8")
    return path


def frame(seconds, xy, unit="u1"):
    times = START + pd.to_timedelta(np.asarray(seconds, float), unit="s")
    points = gpd.points_from_xy(*np.asarray(xy, float).T, crs=CRS)
    return gpd.GeoDataFrame({"unit_id": unit, "at": times}, geometry=points)


def faults(tracks):
    return tracks.faults.set_index("rule")["count"].to_dict()


def test_gpx_with_several_tracks_and_segments(tmp_path):
    file = write_gpx_text(
        tmp_path / "car7.gpx",
        ("u1", [[point(0), point(10, 24.9401)], [point(60, 24.9402)]]),
        ("", [[point(0, 24.95)]]),
    )
    tracks = read_tracks(file, crs=CRS)
    assert tracks.fixes["unit_id"].tolist() == ["car7", "u1", "u1", "u1"]
    assert str(tracks.fixes["at"].dtype) == "datetime64[us, UTC]"
    assert tracks.fixes.crs == CRS
    assert tracks.fixes["at"].iloc[-1] == START + pd.Timedelta(seconds=60)
    expected = gpd.GeoSeries.from_xy([LON], [LAT], crs=4326).to_crs(CRS)
    assert tracks.fixes.geometry.iloc[1].distance(expected.iloc[0]) < 0.01
    assert tracks.notes == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_in_both_languages(tmp_path, encoding, delimiter):
    header = delimiter.join(["单位编号", "时间", "经度", "纬度", "精度", "备注"])
    rows = [
        delimiter.join(["巡一", "2026/11/23 16:00:00+08:00", "24.94", "60.17", "4.5", "甲"]),
        delimiter.join(["巡一", "2026-11-23T08:00:10.5Z", "24.9401", "60.17", "", ""]),
    ]
    tracks = read_tracks(write_csv(tmp_path / "a.csv", rows, header, encoding), crs=CRS)
    assert tracks.fixes["unit_id"].tolist() == ["巡一", "巡一"]
    assert (tracks.fixes["at"] - START).dt.total_seconds().tolist() == [0.0, 10.5]
    assert tracks.fixes["accuracy_m"].tolist()[0] == 4.5
    assert tracks.fixes["accuracy_m"].isna().tolist() == [False, True]


def test_csv_in_metres(tmp_path):
    file = write_csv(tmp_path / "a.csv", ["u1,2026-11-23T08:00:00Z,385000.5,6671000.25"], "unit_id,time,x,y")
    fix = read_tracks(file, crs=CRS).fixes.geometry.iloc[0]
    assert (fix.x, fix.y) == (385000.5, 6671000.25)


def test_times_without_a_zone_need_one(tmp_path):
    file = write_csv(tmp_path / "a.csv", ["u1,2026-11-23 10:00:00,24.94,60.17", "u1,2026-11-23 10:00:10,24.94,60.17"])
    with pytest.raises(InputError, match=r"time: 2 times have no time zone .*zone=\"Europe/Helsinki\"") as caught:
        read_tracks(file, crs=CRS)
    assert "\n" not in str(caught.value)
    assert read_tracks(file, crs=CRS, zone="Europe/Helsinki").fixes["at"].iloc[0] == START
    gpx = write_gpx_text(tmp_path / "b.gpx", ("u", [[point(0, zone="")]]))
    with pytest.raises(InputError, match="no time zone"):
        read_tracks(gpx, crs=CRS)
    assert read_tracks(gpx, crs=CRS, zone="UTC").fixes["at"].iloc[0] == START
    with pytest.raises(UnitRangeError, match="zone: 'Mars/North' is not a time zone"):
        read_tracks(file, crs=CRS, zone="Mars/North")


def test_an_hour_that_is_there_twice_is_set_aside(tmp_path):
    rows = [f"u1,2026-10-25 0{hour}:30:00,24.94,60.17" for hour in (2, 3, 4)]
    tracks = read_tracks(write_csv(tmp_path / "a.csv", rows), crs=CRS, zone="Europe/Helsinki")
    assert len(tracks.fixes) == 2
    assert faults(tracks) == {"the time is there twice or never in Europe/Helsinki": 1}


def test_bad_rows_are_counted_by_rule(tmp_path):
    good = "2026-11-23T08:00:"
    rows = [
        f"u1,{good}00Z,24.94,60.17",
        f"u1,{good}01Z,0,0",
        f"u1,{good}02Z,240,60",
        f"u1,{good}03Z,,60",
        "u1,,24.94,60.17",
        "u1,yesterday,24.94,60.17",
        f",{good}06Z,24.94,60.17",
        f"u1,{good}07Z,24.94",
        f"u1,{good}08Z,24.94,nan",
    ]
    tracks = read_tracks(write_csv(tmp_path / "a.csv", rows), crs=CRS)
    assert len(tracks.fixes) == 1
    found = faults(tracks)
    assert sum(found.values()) == 8
    assert found["the position is (0, 0)"] == 1
    assert found["no position, or one off the globe"] == 3
    assert found["no time"] == 1
    assert found["no unit"] == 1
    assert found["the row has more or fewer fields than the header"] == 1
    assert any("2026-11-23T08:00:02" in note for note in tracks.notes)


def test_decimal_commas_are_told(tmp_path):
    rows = ["u1;2026-11-23T08:00:00Z;24,94;60,17"]
    tracks = read_tracks(write_csv(tmp_path / "a.csv", rows, "unit_id;time;lon;lat"), crs=CRS)
    assert faults(tracks) == {"the position is no number (decimal comma?)": 1}


def test_a_table_that_is_written_newest_first_is_turned(tmp_path):
    rows = [f"u1,{START + pd.Timedelta(seconds=s):%Y-%m-%dT%H:%M:%SZ},{LON + s / 1e6},60.17" for s in (30, 20, 10, 0)]
    tracks = read_tracks(write_csv(tmp_path / "a.csv", rows), crs=CRS)
    assert len(tracks.fixes) == 4
    assert tracks.notes == ("a.csv: rows are written newest first: read from the end",)


def test_a_clock_that_runs_backwards_costs_as_few_fixes_as_possible():
    seconds = [0, 10, 20, -500, -490, 30, 40, 9999, 50, 60]
    tracks = clean_tracks(frame(seconds, np.zeros((10, 2))))
    assert (tracks.fixes["at"] - START).dt.total_seconds().tolist() == [0, 10, 20, 30, 40, 50, 60]
    assert faults(tracks) == {BACKWARDS: 3}
    assert "2026-11-23T07:51:40" in tracks.faults["first"].iloc[0]


def test_duplicates_are_counted_and_files_of_a_unit_are_joined(tmp_path):
    first = write_gpx_text(tmp_path / "late.gpx", ("u1", [[point(100), point(110)]]))
    second = write_gpx_text(tmp_path / "early.gpx", ("u1", [[point(0), point(0), point(100)]]))
    tracks = read_tracks([first, second], crs=CRS)
    assert (tracks.fixes["at"] - START).dt.total_seconds().tolist() == [0, 100, 110]
    assert faults(tracks) == {DUPLICATE: 2}
    assert faults(clean_tracks(frame([0, 0], [(0, 0), (5, 5)]))) == {SAME_TIME: 1}


def test_jumps_are_set_aside_wherever_they_stand():
    xy = np.column_stack([np.arange(20) * 100.0, np.zeros(20)])
    for rows in ([0], [19], [7, 8], [0, 1, 12]):
        broken = xy.copy()
        broken[rows] += 1e6
        tracks = clean_tracks(frame(np.arange(20) * 10.0, broken))
        assert len(tracks.fixes) == 20 - len(rows)
        assert faults(tracks) == {JUMP: len(rows)}
        assert tracks.fixes.geometry.x.max() <= 1900


def test_a_limit_for_each_unit():
    walk = frame([0, 10, 20], [(0, 0), (150, 0), (20, 0)], "foot")
    ride = frame([0, 10, 20], [(0, 0), (150, 0), (300, 0)], "car")
    both = pd.concat([walk, ride], ignore_index=True)
    tracks = clean_tracks(both, limit_kph={"foot": 15})
    assert tracks.fixes["unit_id"].value_counts().to_dict() == {"car": 3, "foot": 2}
    with pytest.raises(UnitRangeError, match="limit_kph"):
        clean_tracks(both, limit_kph=0)


@given(st.lists(st.integers(0, 9), max_size=9))
def test_keep_rising_keeps_the_most(values):
    kept = keep_rising(np.array(values, float))
    best = 0
    for mask in range(2 ** len(values)):
        chosen = [value for i, value in enumerate(values) if mask >> i & 1]
        if all(a <= b for a, b in pairwise(chosen)):
            best = max(best, len(chosen))
    chosen = np.array(values)[kept]
    assert kept.sum() == best
    assert (np.diff(chosen) >= 0).all()


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(1, 5)), min_size=1, max_size=12))
def test_no_jump_is_left(steps):
    xy = np.column_stack([np.array([step[0] for step in steps]) * 400.0, np.zeros(len(steps))])
    seconds = np.cumsum([float(step[1]) for step in steps])
    kept = keep_connected(seconds, xy, 50.0)
    assert kept.any()
    assert (np.hypot(*np.diff(xy[kept], axis=0).T) <= 50.0 * np.diff(seconds[kept]) + 50.0).all()


BOMB = '<!DOCTYPE gpx [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE gpx [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("before", [BOMB, OUTSIDE, "<!DOCTYPE gpx>"])
def test_document_types_are_refused(tmp_path, before):
    file = write_gpx_text(tmp_path / "a.gpx", ("&b;" if before == BOMB else "u", [[point(0)]]), before=before)
    with pytest.raises(SourceError, match="declares a document type"):
        read_tracks(file, crs=CRS)


def test_no_encoding_hides_a_document_type(tmp_path):
    file = tmp_path / "a.gpx"
    for encoding in ("utf-16", "utf-7"):
        text = f'<?xml version="1.0" encoding="{encoding}"?>{BOMB}<gpx><trk><name>&b;</name></trk></gpx>'
        raw = text.encode(encoding)
        if encoding == "utf-7":
            raw = text[: text.index("?>") + 2].encode() + text[text.index("?>") + 2 :].encode("utf-7")
        file.write_bytes(raw)
        with pytest.raises(SourceError, match="document type"):
            read_tracks(file, crs=CRS)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.gpx", b"", "the file is empty"),
        ("a.gpx", b"<kml/>", "is XML but no GPX: its root is <kml>"),
        ("a.gpx", b"unit_id,time\n", "is not XML"),
        ("a.gpx", b"<gpx><trk>", "is not XML"),
        ("a.gpx", b"\xff\x00\xfe<gpx/>", "is not utf-8 text"),
        ("a.gpx", b"<gpx>" + b"<a>" * 60 + b"</a>" * 60 + b"</gpx>", "nests elements"),
        ("a.gpx", b'<gpx><trk><trkseg><trkpt lat="x" lon="1"/></trkseg></trk></gpx>', "cannot be read as GPX"),
        ("a.csv", b"", "the file is empty"),
        ("a.csv", b"unit_id,lon,lat\n", "time: missing column"),
        ("a.csv", b"unit_id,time,lon\n", "lon, lat .* missing columns"),
        ("a.csv", b"unit_id,time,lon,lat,longitude\n", "lon: several columns hold it"),
        ("a.csv", b"unit_id,time,lon,lat\n\xff\xff", "neither UTF-8 nor GB 18030"),
        ("a.kml", b"<kml/>", "cannot read a .kml file as tracks"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, name, content, message):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(SightgridError, match=message) as caught:
        read_tracks(file, crs=CRS)
    assert isinstance(caught.value, (SourceError, SchemaError))
    assert "\n" not in str(caught.value)


def test_missing_files_and_bad_systems(tmp_path):
    for name in ("no.gpx", "no.csv"):
        with pytest.raises(SourceError, match="there is no such file"):
            read_tracks(tmp_path / name, crs=CRS)
    file = write_csv(tmp_path / "a.csv", [])
    with pytest.raises(CRSError, match="geographic"):
        read_tracks(file, crs=4326)
    with pytest.raises(CRSError, match="not a coordinate system"):
        read_tracks(file, crs="nowhere")
    with pytest.raises(InputError, match="no file is given"):
        read_tracks([], crs=CRS)
    with pytest.raises(InputError, match="need a time zone"):
        clean_tracks(frame([0], [(0, 0)]).assign(at=pd.Timestamp("2026-11-23")))


def test_large_files_are_refused_or_read_in_parts(tmp_path, monkeypatch):
    file = write_gpx_text(tmp_path / "a.gpx", ("u", [[point(0)]]))
    monkeypatch.setattr(gpx_files, "MAX_BYTES", 10)
    with pytest.raises(SourceError, match="is larger than"):
        read_tracks(file, crs=CRS)
    rows = [f"u1,{START + pd.Timedelta(seconds=s):%Y-%m-%dT%H:%M:%SZ},24.94,60.17" for s in range(50)]
    table = write_csv(tmp_path / "a.csv", rows)
    monkeypatch.setattr(track_files, "CHUNK", 7)
    assert len(read_tracks(table, crs=CRS).fixes) == 50
    monkeypatch.setattr(track_files, "MAX_ROWS", 20)
    with pytest.raises(InputError, match="more than 20 rows"):
        read_tracks(table, crs=CRS)


def test_empty_tracks_are_empty_and_told(tmp_path):
    file = write_csv(tmp_path / "a.csv", [])
    gpx = write_gpx_text(tmp_path / "b.gpx")
    tracks = read_tracks([file, gpx], crs=CRS)
    assert len(tracks.fixes) == 0
    assert str(tracks.fixes["at"].dtype) == "datetime64[us, UTC]"
    assert tracks.notes == ("a.csv: a: the file holds no fixes", "b.gpx: b: the file holds no fixes")
