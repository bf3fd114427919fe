"""The frames' contracts: every fault is found, named and counted, and good rows are told from bad ones."""

from __future__ import annotations

import time

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString, Point, Polygon

from sightgrid import schemas
from sightgrid.columns import COLUMNS, GEOMETRY, INDEX, KINDS
from sightgrid.errors import CRSError, SchemaError

UTM = 32635


def make_cameras(**columns: list[object]) -> gpd.GeoDataFrame:
    size = len(next(iter(columns.values()))) if columns else 2
    index = pd.Index([f"c{i}" for i in range(size)], name="camera_id", dtype="str")
    data = {"kind": ["fixed"] * size, **columns}
    points = [Point(385000 + i, 6671000) for i in range(size)]
    return schemas.complete(gpd.GeoDataFrame(data, index=index, geometry=points, crs=UTM), "cameras")


def test_a_complete_frame_passes() -> None:
    schemas.validate(make_cameras(azimuth_deg=[0.0, 359.9]), "cameras")


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_layer_keeps_its_contract(kind: str) -> None:
    frame = schemas.empty(kind, UTM)
    schemas.validate(frame, kind)
    assert list(frame.columns) == [column.name for column in COLUMNS[kind]] + ["geometry"]
    assert tuple(frame.index.names) == INDEX[kind]
    assert set(GEOMETRY) == set(COLUMNS) == set(INDEX) == set(KINDS)


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("azimuth_deg", 400.0, "must lie in [0, 360)"),
        ("azimuth_deg", 360.0, "must lie in [0, 360)"),
        ("mount_height_m", -3.0, "must lie in (0, 60]"),
        ("mount_height_m", 99.0, "must lie in (0, 60]"),
        ("mount_height_m", np.inf, "must lie in (0, 60]"),
        ("ir_range_m", np.inf, "must lie in [0, inf)"),
        ("tilt_deg", 91.0, "must lie in [-90, 90]"),
        ("hfov_deg", -10.0, "must lie in (0, 360]"),
        ("hfov_deg", 0.0, "must lie in (0, 360]"),
        ("hfov_deg", 180.0, "field of view must be below 180 for a fixed (pinhole) camera"),
        ("vfov_deg", 181.0, "must lie in (0, 180]"),
        ("max_range_m", 5001.0, "must lie in (0, 5000]"),
        ("width_px", 0.5, "must lie in [1, 100000]"),
        ("width_px", 1920.5, "must be a whole number"),
        ("mount_height_m", "four", "must be a number"),
        ("mount_height_m", True, "must be a number"),
        ("name", 7, "must be text"),
        ("kind", "bullet", "must be one of fixed, dome, ptz, panorama"),
        ("kind", None, "must be given"),
        ("indoor", "yes", "must be true or false"),
    ],
)
def test_a_bad_value_is_named_with_its_rule_and_row(column: str, value: object, rule: str) -> None:
    frame = make_cameras(**{column: pd.Series(["x", "x"]).astype(object).tolist()})
    good = {"name": "a", "kind": "dome", "indoor": False}.get(column, 45.0)
    if column == "hfov_deg":
        frame["kind"] = "fixed"
    frame[column] = pd.Series([good, value], index=frame.index, dtype="object")
    with pytest.raises(SchemaError) as caught:
        schemas.validate(frame, "cameras", source="table.csv")
    assert f"table.csv: cameras: {column}: {rule} (1 row: c1)" in str(caught.value)
    assert schemas.check(frame, "cameras").bad.tolist() == [False, True]


def test_a_panorama_may_see_all_round() -> None:
    schemas.validate(make_cameras(kind=["panorama", "dome"], hfov_deg=[360.0, 180.0]), "cameras")


def test_all_faults_come_at_once_and_rows_get_their_reasons() -> None:
    frame = make_cameras(azimuth_deg=[400.0, 0.0, -1.0], mount_height_m=[99.0, 3.0, 3.0])
    verdict = schemas.check(frame, "cameras")
    assert [str(fault) for fault in verdict.faults] == [
        "mount_height_m: must lie in (0, 60] (1 row: c0)",
        "azimuth_deg: must lie in [0, 360) (2 rows: c0, c2)",
    ]
    assert verdict.bad.tolist() == [True, False, True]
    assert verdict.reasons == [
        "mount_height_m: must lie in (0, 60]; azimuth_deg: must lie in [0, 360)",
        "",
        "azimuth_deg: must lie in [0, 360)",
    ]


def test_first_of_a_repeated_id_is_good() -> None:
    frame = make_cameras(name=["a", "b", "c"])
    frame.index = pd.Index(["x", "y", "x"], name="camera_id")
    verdict = schemas.check(frame, "cameras")
    assert [str(fault) for fault in verdict.faults] == ["camera_id: ids must be unique (1 row: x)"]
    assert verdict.bad.tolist() == [False, False, True]


def test_missing_column_index_and_geometry() -> None:
    frame = make_cameras()
    with pytest.raises(SchemaError, match="kind: missing column"):
        schemas.validate(frame.drop(columns="kind"), "cameras")
    with pytest.raises(SchemaError, match="camera_id: missing index"):
        schemas.validate(frame.reset_index(drop=True), "cameras")
    numbered = frame.set_axis(pd.Index([1, 2], name="camera_id"))
    with pytest.raises(SchemaError, match="camera_id: ids must be text"):
        schemas.validate(numbered, "cameras")
    frame.loc["c0", "geometry"] = None
    frame.loc["c1", "geometry"] = LineString([(0, 0), (1, 1)])
    with pytest.raises(SchemaError) as caught:
        schemas.validate(frame, "cameras")
    assert "geometry: must not be empty (1 row: c0); geometry: must be Point (1 row: c1)" in str(caught.value)


def test_a_frame_without_a_needed_column_has_no_good_rows() -> None:
    verdict = schemas.check(make_cameras().drop(columns="kind"), "cameras")
    assert verdict.bad.all()
    assert verdict.reasons == ["kind: missing column"] * 2


@pytest.mark.parametrize(
    ("crs", "text"),
    [
        (None, "cameras: no coordinate system is given"),
        (4326, "geographic (degrees) where metres are needed"),
        (2263, "counts in US survey foot, not in metres"),
        (3857, "stretches metres away from the equator"),
        (4978, "is not a projected coordinate system"),
    ],
)
def test_systems_without_metres_are_refused(crs: int | None, text: str) -> None:
    frame = make_cameras().set_crs(crs, allow_override=True) if crs else make_cameras()
    if crs is None:
        frame.geometry.array.crs = None
    with pytest.raises(CRSError) as caught:
        schemas.validate(frame, "cameras", source="a.gpkg")
    assert str(caught.value).startswith("a.gpkg: cameras: ")
    assert text in str(caught.value)


@given(st.floats(allow_nan=False), st.sampled_from(["azimuth_deg", "mount_height_m", "tilt_deg", "max_range_m"]))
def test_a_number_is_good_exactly_inside_its_interval(value: float, column: str) -> None:
    low, high, low_in, high_in = next(rule for rule in COLUMNS["cameras"] if rule.name == column).bounds
    inside = (low <= value if low_in else low < value) and (value <= high if high_in else value < high)
    assert schemas.check(make_cameras(**{column: [value]}), "cameras").bad.tolist() == [not inside]


def test_a_million_rows_are_checked_in_seconds() -> None:
    size = 1_000_000
    square = Polygon([(0, 0), (1, 0), (1, 1), (0, 1)])
    frame = gpd.GeoDataFrame(
        {"height_m": np.full(size, 9.0), "kind": ["building"] * size, "height_source": ["levels"] * size},
        index=pd.Index(np.arange(size), name="obstacle_id").astype("str"),
        geometry=np.full(size, square),
        crs=UTM,
    )
    frame.iloc[[7], 0] = -1.0
    began = time.perf_counter()
    verdict = schemas.check(frame, "obstacles")
    assert time.perf_counter() - began < 10
    assert [str(fault) for fault in verdict.faults] == ["height_m: must lie in (0, inf) (1 row: 7)"]
