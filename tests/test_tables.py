"""Camera tables: good rows load, bad rows come back with their reason, and a wrong header explains itself."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

import sightgrid as sg
from sightgrid.errors import CRSError, SchemaError, SourceError, UnitRangeError
from sightgrid.gis.headers import ALIASES, KNOWN
from sightgrid.gis.tables import read_cameras

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "camera_id,lon,lat,kind,mount_height_m,azimuth_deg,hfov_deg,stream_url"
ADDRESS = "rtsp://admin:hunter2@10.0.0.1/live"


def write(path: Path, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    file = path / "cameras.csv"
    file.write_text("\n".join([header, *rows]) + "\n", encoding=encoding)
    return file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_table_becomes_a_layer_in_metres(tmp_path: Path, encoding: str) -> None:
    file = write(tmp_path, f"007,24.94,60.17,dome,4.5,45,,{ADDRESS}", "b,24.95,60.17,,,,,", encoding=encoding)
    cameras = sg.read_cameras(file)
    assert cameras.crs.to_epsg() == 32635
    assert cameras.index.tolist() == ["007", "b"]
    assert cameras.loc["007", ["kind", "mount_height_m", "azimuth_deg"]].tolist() == ["dome", 4.5, 45.0]
    assert cameras.loc["b", ["kind", "assumed"]].tolist() == ["fixed", "kind"]
    assert cameras["hfov_deg"].isna().all()
    assert cameras.geometry.iloc[0].distance(cameras.geometry.iloc[1]) == pytest.approx(555, abs=5)
    assert not list(tmp_path.glob("*rejected*"))


def test_chinese_headers_and_words(tmp_path: Path) -> None:
    file = write(
        tmp_path, "一,116.39,39.91,球机,6,90,60,立杆", header="编号,经度,纬度,类型,安装高度,朝向,水平视场角,安装方式"
    )
    cameras = read_cameras(file)
    assert cameras.crs.to_epsg() == 32650
    assert cameras.loc["一", ["kind", "mount_height_m", "azimuth_deg", "hfov_deg", "mount"]].tolist() == [
        "ptz",
        6.0,
        90.0,
        60.0,
        "pole",
    ]
    assert set(ALIASES.values()) <= set(KNOWN)


def test_metric_coordinates_keep_their_system_and_need_one(tmp_path: Path) -> None:
    file = write(tmp_path, "a,25496000,6672000", header="camera_id,x,y")
    assert read_cameras(file, crs=3879).crs.to_epsg() == 3879
    assert read_cameras(file, crs="EPSG:3879").geometry.iloc[0].x == 25496000
    with pytest.raises(CRSError, match=r"cameras.csv: cameras: columns x, y need their coordinate system"):
        read_cameras(file)
    with pytest.raises(CRSError, match=r"cameras.csv: cameras: 'EPSG:0' is not a coordinate system"):
        read_cameras(file, crs="EPSG:0")


BAD_ROWS = {
    "text": ("24.94,60.17,fixed,four,45,60", "mount_height_m: must be a number"),
    "turned": ("24.94,60.17,fixed,4,400,60", "azimuth_deg: must lie in [0, 360)"),
    "sunk": ("24.94,60.17,fixed,-3,45,60", "mount_height_m: must lie in (0, 60]"),
    "high": ("24.94,60.17,fixed,99,45,60", "mount_height_m: must lie in (0, 60]"),
    "narrow": ("24.94,60.17,fixed,4,45,-60", "hfov_deg: must lie in (0, 360]"),
    "wide": ("24.94,60.17,fixed,4,45,180", "hfov_deg: field of view must be below 180 for a fixed (pinhole) camera"),
    "zero": ("0,0,fixed,4,45,60", "lon, lat: camera at (0, 0)"),
    "nowhere": (",60.17,fixed,4,45,60", "lon: must be given"),
    "word": ("east,60.17,fixed,4,45,60", "lon: must be a number"),
    "outside": ("24.94,100,fixed,4,45,60", "lat: must lie in [-90, 90]"),
    "strange": ("24.94,60.17,bullet,4,45,60", "kind: must be one of fixed, dome, ptz, panorama"),
    "": ("24.94,60.17,fixed,4,45,60", "camera_id: ids must be given"),
}
GOOD = f"good,24.94,60.17,fixed,4,45,60,{ADDRESS}"


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_told_apart(tmp_path: Path, name: str) -> None:
    fields, reason = BAD_ROWS[name]
    file = write(tmp_path, GOOD, f"{name},{fields},{ADDRESS}")
    with pytest.raises(SchemaError) as caught:
        read_cameras(file)
    error = caught.value
    assert f"cameras.csv: cameras: {reason} (1 row: {name or 'row 2'})" in str(error)
    assert error.good is not None
    assert error.bad is not None
    assert error.good.index.tolist() == ["good"]
    assert error.bad["reason"].tolist() == [reason]
    assert "hunter2" not in str(error) + error.bad.to_csv()


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    rows = [f"{name},{fields},{ADDRESS}" for name, (fields, _) in BAD_ROWS.items()]
    file = write(tmp_path, GOOD, *rows, GOOD)
    with pytest.raises(SchemaError) as caught:
        read_cameras(file)
    for _, reason in BAD_ROWS.values():
        assert reason in str(caught.value)
    assert "camera_id: ids must be unique (1 row: good)" in str(caught.value)
    assert "mount_height_m: must lie in (0, 60] (2 rows: sunk, high)" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.good is not None
    assert len(caught.value.good) == 1


def test_bad_rows_are_set_aside_in_a_file(tmp_path: Path) -> None:
    rows = [f"{name},{fields},{ADDRESS}" for name, (fields, _) in BAD_ROWS.items()]
    file = write(tmp_path, *rows, GOOD, f"short,24.94,{ADDRESS}", f"{GOOD.replace('good', 'long')},more,fields")
    cameras = read_cameras(file, bad_rows="set_aside")
    assert cameras.index.tolist() == ["good"]
    target = tmp_path / "cameras.rejected.csv"
    assert cameras.attrs["rejected"] == {"count": len(BAD_ROWS) + 2, "file": str(target)}
    assert "hunter2" not in target.read_text(encoding="utf-8")
    with target.open(encoding="utf-8", newline="") as opened:
        rejected = list(csv.DictReader(opened))
    assert [row["camera_id"] for row in rejected] == [*BAD_ROWS, "short", "long"]
    assert rejected[0]["mount_height_m"] == "four"
    assert "row: has more or fewer fields than the header" in rejected[-1]["reason"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cameras.csv", "cameras.rejected.csv"]


def test_without_a_good_row_nothing_is_set_aside(tmp_path: Path) -> None:
    file = write(tmp_path, f"a,0,0,fixed,4,45,60,{ADDRESS}")
    with pytest.raises(SchemaError, match=r"camera at \(0, 0\)") as caught:
        read_cameras(file, bad_rows="set_aside")
    assert caught.value.good is None
    assert not list(tmp_path.glob("*rejected*"))


@pytest.mark.parametrize(
    ("header", "texts"),
    [
        ("id,long,lati", ["camera_id: missing column", "lon, lat (or x, y): missing", "id, long, lati: unknown"]),
        ("camera_id,lon,lat,azimut_deg", ["azimut_deg: unknown column, perhaps azimuth_deg"]),
        ("camera_id,lon,lat,经度", ["lon: several columns hold it: lon, 经度"]),
    ],
)
def test_a_wrong_header_names_what_is_wrong_and_what_is_expected(tmp_path: Path, header: str, texts: list[str]) -> None:
    with pytest.raises(SchemaError) as caught:
        read_cameras(write(tmp_path, "1,2,3,4", header=header))
    for text in [*texts, "cameras.csv: cameras: ", "expected columns: camera_id, name, kind"]:
        assert text in str(caught.value)


def test_a_doubled_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="lon: column is there twice"):
        read_cameras(write(tmp_path, "1,2,3,4", header="camera_id,lon,lon,lat"))


def test_columns_that_mean_something_else_are_left_and_told(tmp_path: Path) -> None:
    cameras = read_cameras(write(tmp_path, "a,24.94,60.17,by the door", header="camera_id,lon,lat,remarks"))
    assert cameras.attrs["ignored_columns"] == ("remarks",)
    assert "remarks" not in cameras


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none.csv: there is no such file"):
        read_cameras(tmp_path / "none.csv")
    with pytest.raises(SourceError, match="cannot be read as a table"):
        read_cameras(tmp_path)
    empty = tmp_path / "empty.csv"
    empty.write_text("", encoding="utf-8")
    with pytest.raises(SourceError, match=r"empty.csv: the file is empty"):
        read_cameras(empty)
    with pytest.raises(SchemaError, match="row: the table holds no rows"):
        read_cameras(write(tmp_path))
    with pytest.raises(SourceError, match="is neither UTF-8 nor GB 18030 text; save the table as CSV in UTF-8"):
        read_cameras(write(tmp_path, "一,24.94,60.17", header="编号,经度,纬度", encoding="utf-16"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_tables_as_spreadsheets_write_them(tmp_path, delimiter, encoding):
    file = tmp_path / "ledger.csv"
    rows = [["编号", "名称", "经度", "纬度", "朝向"], ["a", "人民广场", "121.47", "31.23", "45"]]
    file.write_bytes("\r\n".join(delimiter.join(row) for row in rows).encode(encoding))
    cameras = read_cameras(file)
    assert cameras.loc["a", "name"] == "人民广场"
    assert cameras.loc["a", "azimuth_deg"] == 45.0


def test_a_table_in_gb_18030_tells_its_encoding_and_other_bytes_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path, "a,116.39,39.91,人民广场", header="编号,经度,纬度,名称", encoding="gb18030")
    assert read_cameras(file).attrs["encoding"] == "GB 18030"
    assert "encoding" not in read_cameras(write(tmp_path, "a,116.39,39.91", header="编号,经度,纬度")).attrs
    for header, row in (("编,经,纬", "一,116.39,39.91"), ("camera_id,lon,lat,name", "a,24.9,60.1,Łodź")):
        with pytest.raises(SourceError, match="is neither UTF-8 nor GB 18030 text"):
            read_cameras(write(tmp_path, row, header=header, encoding="gb18030" if "编" in header else "cp1250"))
    file.write_bytes("camera_id,lon,lat,name\na,24.9,60.1,½¼\n".encode("gb18030") + b"\xa1\xa1")
    with pytest.raises(SourceError, match="is neither UTF-8 nor GB 18030 text"):
        read_cameras(file)


def test_a_first_line_may_name_the_separator(tmp_path: Path) -> None:
    for first in ("sep=;", '"sep=;"', "SEP=;\r"):
        file = write(tmp_path, "camera_id;lon;lat;name", "a;24.94;60.17;x,y,z,u", header=first)
        assert read_cameras(file).loc["a", "name"] == "x,y,z,u"


def test_decimal_commas_are_told(tmp_path: Path) -> None:
    file = write(tmp_path, "a;24,94;60,17;4,5", header="camera_id;lon;lat;mount_height_m")
    with pytest.raises(SchemaError) as caught:
        read_cameras(file)
    for name in ("lon", "lat", "mount_height_m"):
        assert f"{name}: must be a number (decimal comma?) (1 row: a)" in str(caught.value)


def test_secrets_stay_out_of_the_rows_set_aside_and_of_messages(tmp_path: Path) -> None:
    header = "camera_id,lon,lat,login,Password,cam_rtsp,密码,note"
    rows = [
        "good,24.94,60.17,admin,hunter2,h2,h3,x",
        f"zero,0,0,admin,hunter2,h2,h3,{ADDRESS}",
        "short,24.94,60.17,hunter2,h2,h3,x",
    ]
    cameras = read_cameras(write(tmp_path, *rows, header=header), bad_rows="set_aside")
    assert cameras.index.tolist() == ["good"]
    assert "hunter2" not in cameras.to_csv()
    text = (tmp_path / "cameras.rejected.csv").read_text(encoding="utf-8")
    assert not {word for word in ("hunter2", "h2", "h3", "rtsp:") if word in text}
    assert "zero,0,0,admin" in text
    assert "short" in text
    for header in (f"a,cam,24.9,60.1,{ADDRESS}", f"camera_id,lon,lat,{ADDRESS},{ADDRESS}"):
        with pytest.raises(SchemaError) as caught:
            read_cameras(write(tmp_path, rows[0], header=header))
        assert "***" in str(caught.value)
        assert "hunter2" not in str(caught.value)


def test_a_file_of_the_user_is_not_overwritten(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD, "zero,0,0,,,,,")
    foreign = tmp_path / "cameras.rejected.csv"
    foreign.write_text("mine", encoding="utf-8")
    for _ in range(2):
        cameras = read_cameras(file, bad_rows="set_aside")
        assert cameras.attrs["rejected"]["file"] == str(tmp_path / "cameras.rejected-2.csv")
    assert foreign.read_text(encoding="utf-8") == "mine"
    assert len(list(tmp_path.iterdir())) == 3


def test_rows_that_cannot_be_written_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    file = write(tmp_path, GOOD, "zero,0,0,,,,,")
    monkeypatch.setattr("pandas.DataFrame.to_csv", refuse)
    with pytest.raises(SourceError, match=r"set aside cannot be written \(Permission denied\): lon, lat: .*row: zero"):
        read_cameras(file, bad_rows="set_aside")
    with pytest.raises(UnitRangeError, match="bad_rows: 'skip' is not known"):
        read_cameras(file, bad_rows="skip")  # type: ignore[arg-type]


def test_a_place_without_a_metric_system_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(CRSError, match=r"cameras.csv: cameras: no UTM zone fits"):
        read_cameras(write(tmp_path, "a,24.94,89.99", header="camera_id,lon,lat"))
