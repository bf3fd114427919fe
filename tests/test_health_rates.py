"""Rates: every second belongs somewhere, planned work counts neither way, and no rate hides what it is of."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightgrid.errors import InputError, SchemaError, UnitRangeError
from sightgrid.health.outages import find_outages, time_repairs
from sightgrid.health.rates import cell_groups, owner_groups, rate_now, rate_periods, rate_recordings
from sightgrid.health.records import STATUSES

ZERO = pd.Timestamp("2026-05-01", tz="UTC")


def at(seconds):
    return ZERO + pd.Timedelta(seconds=seconds)


def frame(rows):
    """A health frame of (camera, second, status)."""
    index = pd.MultiIndex.from_tuples(
        [(name, at(second)) for name, second, _ in rows], names=["camera_id", "checked_at"]
    )
    words = [row[2] for row in rows]
    return pd.DataFrame({"status": words, "reason": [f"{word}!" for word in words]}, index=index, dtype="str")


def windows(rows, **more):
    return pd.DataFrame(
        {
            "camera_id": [row[0] for row in rows],
            "start_at": pd.DatetimeIndex([at(row[1]) for row in rows], tz="UTC"),
            "end_at": pd.DatetimeIndex([at(row[2]) for row in rows], tz="UTC"),
            **more,
        }
    )


def test_rates_of_now_by_owner_with_their_denominators():
    cameras = pd.DataFrame(
        {"owner_class": ["government", "government", "society", None, "society", "government"]},
        index=pd.Index(list("abcdef"), name="camera_id"),
    )
    told = {"b": "fault", "c": "offline", "d": "not_checkable", "e": "warning"}
    latest = frame([("a", 0, "offline"), ("a", 9, "ok"), *((name, 1, status) for name, status in told.items())])
    planned = windows([("c", 0, 100)])
    rates = rate_now(latest, groups=owner_groups(cameras), maintenance=planned, at=at(50))
    assert rates["cameras"].to_dict() == {"government": 3, "not given": 1, "society": 2}
    assert rates["in_maintenance"].to_dict() == {"government": 0, "not given": 0, "society": 1}
    assert rates["not_checkable"].to_dict() == {"government": 1, "not given": 1, "society": 0}  # f was never probed
    assert rates["checked"].tolist() == [2, 0, 1]
    assert rates["online_rate"].tolist()[::2] == [1.0, 1.0]
    assert math.isnan(rates["online_rate"].iloc[1])
    assert rates["intact_rate"].iloc[0] == 0.5
    assert rate_now(latest, groups=owner_groups(cameras), maintenance=planned, at=at(100))["checked"].sum() == 4


def test_rates_by_cell():
    points = gpd.points_from_xy([10.0, 99.0, 101.0, -1.0], [0.0, 0.0, 0.0, 250.0])
    cameras = gpd.GeoDataFrame(index=pd.Index(list("abcd"), name="camera_id"), geometry=points, crs=3067)
    cells = cell_groups(cameras)
    assert cells.tolist() == ["0_0", "0_0", "1_0", "-1_2"]
    rates = rate_now(frame([("a", 0, "ok"), ("b", 0, "offline"), ("c", 0, "ok"), ("d", 0, "fault")]), groups=cells)
    assert rates["online_rate"].to_dict() == {"-1_2": 1.0, "0_0": 0.5, "1_0": 1.0}
    with pytest.raises(UnitRangeError, match="cell_m"):
        cell_groups(cameras, cell_m=0.0)


def test_a_finding_holds_until_the_next_one_but_not_for_ever():
    rows = frame([("a", 0, "ok"), ("a", 100, "offline"), ("a", 150, "fault"), ("b", 50, "not_checkable")])
    (rates,) = rate_periods(rows, start=at(0), end=at(400), hold_s=120.0).to_dict("records")
    assert rates == {
        "cameras": 2, "probes": 4, "planned_s": 800.0, "maintenance_s": 0.0, "not_checkable_s": 120.0,
        "checked_s": 270.0, "unknown_s": 410.0, "online_s": 220.0, "intact_s": 100.0,
        "online_rate": 220 / 270, "intact_rate": 100 / 270,
    }  # fmt: skip


def test_periods_of_a_calendar_may_be_cut_short():
    rows = frame([("a", 0, "ok")])
    rates = rate_periods(rows, start=at(0), end=at(40 * 86400), hold_s=3600.0, period="MS")
    assert rates.index.get_level_values("period").tolist() == [ZERO, pd.Timestamp("2026-06-01", tz="UTC")]
    assert rates["planned_s"].tolist() == [31 * 86400.0, 9 * 86400.0]


CAMERAS = ["a", "b", "c"]
probes = st.lists(
    st.tuples(st.sampled_from(CAMERAS), st.integers(-20, 60), st.sampled_from(STATUSES)),
    min_size=1, max_size=25, unique_by=lambda row: row[:2],
)  # fmt: skip
spans = st.lists(
    st.tuples(st.sampled_from([*CAMERAS, "", "other"]), st.integers(-10, 60), st.integers(0, 30)), max_size=8
).map(lambda rows: [(name, start, start + length) for name, start, length in rows])


def within(rows, camera, second):
    return any(name in {camera, ""} and start <= second < end for name, start, end in rows)


@given(probes, spans, st.integers(1, 15), st.sampled_from([None, "10s", "7s"]))
def test_rates_equal_a_count_of_every_second(rows, planned, hold, period):
    cameras = pd.DataFrame({"owner_class": ["x", "x", "y"]}, index=pd.Index(CAMERAS, name="camera_id"))
    start, end = 3, 47
    found = rate_periods(
        frame(rows), start=at(start), end=at(end), hold_s=float(hold), period=period, groups=owner_groups(cameras),
        maintenance=windows(planned),
    )  # fmt: skip
    length = {None: end - start, "10s": 10, "7s": 7}[period]
    wanted = {}
    for camera, owner in cameras["owner_class"].items():
        mine = sorted((second, status) for name, second, status in rows if name == camera)
        for second in range(start, end):
            key = owner, at(start + (second - start) // length * length)
            sums = wanted.setdefault(key, dict.fromkeys(found.columns, 0.0))
            sums["planned_s"] += 1
            last = [row for row in mine if row[0] <= second][-1:]
            if within(planned, camera, second):
                sums["maintenance_s"] += 1
            elif not last or second - last[0][0] >= hold:
                sums["unknown_s"] += 1
            elif last[0][1] == "not_checkable":
                sums["not_checkable_s"] += 1
            else:
                sums["checked_s"] += 1
                sums["online_s"] += last[0][1] != "offline"
                sums["intact_s"] += last[0][1] in {"ok", "warning"}
            sums["probes"] += sum(row[0] == second for row in mine)
    assert set(found.index) == set(wanted)
    for key, sums in wanted.items():
        for name in [*(column for column in sums if column.endswith("_s")), "probes"]:
            assert found.loc[key, name] == pytest.approx(sums[name]), (key, name)
    assert ((found["intact_rate"] <= found["online_rate"]) | found["online_rate"].isna()).all()


@given(spans.map(lambda rows: [row for row in rows if row[0]]), spans)
def test_recordings_equal_a_count_of_every_second(kept, planned):
    cameras = pd.Index(CAMERAS, name="camera_id")
    (found,) = rate_recordings(
        windows(kept), start=at(0), end=at(50), cameras=cameras, maintenance=windows(planned)
    ).to_dict("records")
    seconds = [(camera, second) for camera in CAMERAS for second in range(50) if not within(planned, camera, second)]
    assert found["expected_s"] == len(seconds)
    assert found["recorded_s"] == sum(within(kept, camera, second) for camera, second in seconds)
    if seconds:
        assert found["recording_rate"] == pytest.approx(found["recorded_s"] / len(seconds))
    else:
        assert math.isnan(found["recording_rate"])


@given(probes, spans)
def test_outages_equal_a_walk_through_the_probes(rows, planned):
    found = find_outages(frame(rows), end=at(100), maintenance=windows(planned))
    wanted = []
    for camera in CAMERAS:
        begun = None
        for second, status in sorted((second, status) for name, second, status in rows if name == camera):
            if status == "offline" and begun is None:
                begun = second
            elif status not in {"offline", "not_checkable"} and begun is not None:
                wanted.append((camera, begun, second, False))
                begun = None
        if begun is not None:
            wanted.append((camera, begun, 100, True))
    told = [
        (row.camera_id, round((row.start_at - ZERO).total_seconds()), row.ongoing, row.seconds)
        for row in found.itertuples()
    ]
    assert sorted(told) == sorted((camera, begun, on, float(end - begun)) for camera, begun, end, on in wanted)
    assert found["end_at"].isna().tolist() == found["ongoing"].tolist()
    assert found["seconds"].is_monotonic_decreasing
    away = {
        (camera, begun): sum(within(planned, camera, second) for second in range(begun, end))
        for camera, begun, end, _ in wanted
    }
    for row in found.itertuples():
        assert row.planned_s == away[row.camera_id, round((row.start_at - ZERO).total_seconds())]


def test_time_to_repair_leaves_planned_work_out():
    rows = frame([
        ("a", 0, "offline"), ("a", 60, "ok"), ("b", 0, "offline"), ("b", 100, "ok"), ("b", 120, "offline"),
        ("c", 10, "offline"), ("c", 20, "ok"),
    ])  # fmt: skip
    outages = find_outages(rows, end=at(200), maintenance=windows([("b", 0, 40), ("c", 0, 30)]))
    assert time_repairs(outages) == ((60.0 + 60.0) / 2, 2, 1)
    assert math.isnan(time_repairs(outages[outages["ongoing"]]).mean_s)
    assert find_outages(frame([("a", 0, "ok")]), end=at(9)).empty


def test_a_fault_is_an_outage_of_the_picture():
    rows = frame([("a", 0, "fault"), ("a", 5, "offline"), ("a", 9, "ok")])
    assert find_outages(rows, end=at(10))["seconds"].tolist() == [4.0]
    assert find_outages(rows, end=at(10), kind="not_intact")["seconds"].tolist() == [9.0]
    with pytest.raises(InputError, match="kind"):
        find_outages(rows, end=at(10), kind="late")


def test_nothing_probed_gives_no_rate():
    nothing = frame([])
    cameras = pd.DataFrame(index=pd.Index(["a", "b"], name="camera_id"))
    now = rate_now(nothing, groups=owner_groups(cameras))
    assert now["not_checkable"].tolist() == [2]
    assert now["online_rate"].isna().all()
    rates = rate_periods(nothing, start=at(0), end=at(10), hold_s=1.0, groups=owner_groups(cameras))
    assert rates["unknown_s"].tolist() == [20.0]
    assert find_outages(nothing, end=at(10)).empty


def test_bad_input_is_told():
    rows, options = frame([("a", 0, "ok")]), {"start": at(0), "end": at(10)}
    with pytest.raises(InputError, match="end must lie after start"):
        rate_periods(rows, start=at(1), end=at(1), hold_s=1.0)
    with pytest.raises(UnitRangeError, match="hold_s"):
        rate_periods(rows, **options, hold_s=math.nan)
    with pytest.raises(InputError, match="period: 'soon' is no length of time"):
        rate_periods(rows, **options, hold_s=1.0, period="soon")
    with pytest.raises(InputError, match="start: times must have a time zone"):
        rate_periods(rows, start=pd.Timestamp("2026-05-01"), end=at(10), hold_s=1.0)
    with pytest.raises(SchemaError, match=r"maintenance: end_at: must not lie before start_at \(1 row: a\)"):
        rate_periods(rows, **options, hold_s=1.0, maintenance=windows([("a", 5, 4)]))
    missing = windows([("a", 0, 4)]).assign(end_at=pd.DatetimeIndex([pd.NaT], tz="UTC"))
    with pytest.raises(InputError, match="recordings: end_at: must be given"):
        rate_recordings(missing, **options, cameras=pd.Index(["a"]))


def test_a_year_of_a_thousand_cameras_is_rated_in_seconds():
    """A size at which a loop over rows would not end in a test."""
    count, cameras = 300, 1000
    times = pd.date_range(ZERO, periods=count, freq="1h")
    index = pd.MultiIndex.from_product([[f"c{n}" for n in range(cameras)], times], names=["camera_id", "checked_at"])
    status = np.where(np.arange(len(index)) % 10 == 0, "offline", "ok")
    rates = rate_periods(
        pd.DataFrame({"status": status}, index=index), start=ZERO, end=times[-1], hold_s=7200.0, period="D"
    )
    assert rates["online_rate"].mean() == pytest.approx(0.9, abs=0.01)
