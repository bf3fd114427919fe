"""Attention: risk that cameras do not see, with a floor for all and a cap for each, and its spread over areas."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString, box

from sightgrid.errors import CRSError, InputError, UnitRangeError
from sightgrid.patrol.risks.attention_shares import attention, limit_shares, measure_gini, spread_by_cell
from sightgrid.patrol.risks.risks import risk

CRS = "EPSG:3067"
ROWS = pd.MultiIndex.from_tuples([(k, k + 1, 0) for k in range(4)], names=["u", "v", "key"])
LINES = [LineString([(100.0 * k, 50), (100.0 * k + 100, 50)]) for k in range(4)]
STREETS = gpd.GeoDataFrame({"length_m": 100.0}, index=ROWS, geometry=LINES, crs=CRS)
RISK = risk(None, STREETS, method="manual", weights=[5, 3, 2, 0])
SEEN = pd.DataFrame({"observed_m": [60.0, 0.0, 100.0, 0.0]}, index=ROWS)


def test_patrols_look_where_cameras_do_not():
    table = attention(RISK, SEEN, floor=0)
    assert table["unseen_risk"].tolist() == pytest.approx([0.2, 0.3, 0, 0])
    assert table["attention"].tolist() == pytest.approx([0.2, 0.3, 0, 0])
    assert table["observed_share"].tolist() == [0.6, 0, 1, 0]
    assert attention(RISK, None, floor=0)["attention"].tolist() == pytest.approx([0.5, 0.3, 0.2, 0])


def test_the_floor_reaches_every_street():
    table = attention(RISK, SEEN, floor=0.2)
    assert table["explored"].tolist() == pytest.approx([0.025] * 4)
    assert table["attention"].tolist() == pytest.approx([0.185, 0.265, 0.025, 0.025])
    assert attention(RISK, SEEN, floor=1)["attention"].tolist() == pytest.approx([0.125] * 4)


def test_the_cap_holds_for_streets_or_groups():
    table = attention(RISK, None, floor=0.2, cap=0.3)
    # from 0.45, 0.29, 0.21, 0.05: the surplus of the first lifts the next two over the cap, the last takes what is left
    assert table["attention"].tolist() == pytest.approx([0.3, 0.3, 0.3, 0.1])
    assert table["capped"].tolist() == [True, True, True, False]
    grouped = attention(RISK, None, floor=0.2, cap=0.6, groups=pd.Series(["a", "a", "b", "b"], index=ROWS))
    assert grouped["attention"].tolist() == pytest.approx([0.6 * 45 / 74, 0.6 * 29 / 74, 0.4 * 21 / 26, 0.4 * 5 / 26])
    assert grouped["capped"].tolist() == [True, True, False, False]
    with pytest.raises(UnitRangeError, match=r"cap: 0.2 is too small for 4 streets or groups; use at least 0.25"):
        attention(RISK, None, cap=0.2)


def test_bad_options():
    for options, error, message in [
        ({"floor": 1.2}, UnitRangeError, "floor: 1.2"),
        ({"cap": 0.0}, UnitRangeError, "cap: 0.0"),
        ({"groups": pd.Series([1, 2, 3, 4])}, InputError, "groups: their index"),
    ]:
        with pytest.raises(error, match=message):
            attention(RISK, SEEN, **options)
    with pytest.raises(InputError, match="observed: its index"):
        attention(RISK, SEEN.iloc[:2])


def test_nothing_is_left_where_cameras_see_all():
    table = attention(RISK, SEEN.assign(observed_m=100.0), cap=0.5)
    assert table["attention"].tolist() == [0, 0, 0, 0]
    assert spread_by_cell(table, STREETS, gpd.GeoDataFrame(geometry=[box(0, 0, 400, 100)], crs=CRS))[
        "share"
    ].tolist() == [0]


AMOUNTS = st.lists(st.floats(0, 100).map(lambda x: 0.0 if x < 1e-6 else x), min_size=1, max_size=12)


@given(AMOUNTS, st.floats(0.01, 1))
def test_a_cap_keeps_the_sum_and_the_order(amounts, cap):
    amount = np.array(amounts)
    some = (amount > 0).sum()
    if not some or some * cap < 1:
        if some:
            with pytest.raises(UnitRangeError):
                limit_shares(amount, cap=cap)
        return
    kept, cut = limit_shares(amount, cap=cap)
    assert kept.sum() == pytest.approx(amount.sum())
    assert (kept <= cap * amount.sum() * (1 + 1e-9)).all()
    assert (np.diff(kept[np.argsort(amount)]) >= -1e-9 * amount.sum()).all()
    # nobody below the cap loses, and all of them gain by the same factor
    free = ~cut & (amount > 0)
    if free.any():
        factor = kept[free] / amount[free]
        assert factor == pytest.approx(factor[0])
        assert factor[0] >= 1 - 1e-9
    assert (kept[amount == 0] == 0).all()


@given(AMOUNTS, st.floats(0, 1), st.data())
def test_attention_is_the_unseen_risk_whatever_the_floor(weights, floor, data):
    n = len(weights)
    index = pd.MultiIndex.from_tuples([(k, k + 1, 0) for k in range(n)], names=["u", "v", "key"])
    length = data.draw(st.lists(st.floats(1, 300), min_size=n, max_size=n))
    lines = [LineString([(0, k), (metres, k)]) for k, metres in enumerate(length)]
    streets = gpd.GeoDataFrame({"length_m": length}, index=index, geometry=lines, crs=CRS)
    if not sum(weights):
        return
    share = np.array(data.draw(st.lists(st.floats(0, 1), min_size=n, max_size=n)))
    seen = pd.DataFrame({"observed_m": share * np.array(length)}, index=index)
    table = attention(risk(None, streets, method="manual", weights=weights), seen, floor=floor)
    assert table["attention"].sum() == pytest.approx((table["risk"] * (1 - share)).sum())
    assert (table["attention"] >= table["explored"] - 1e-12).all()


def test_spread_over_cells():
    table = attention(RISK, None, floor=0)
    cells = gpd.GeoDataFrame(
        index=["west", "east", "empty"],
        geometry=[box(0, 0, 150, 100), box(150, 0, 350, 100), box(0, 100, 90, 200)],
        crs=CRS,
    )
    cells.index.name = "cell_id"
    spread = spread_by_cell(table, STREETS, cells)
    assert spread.index.equals(cells.index)
    assert spread["length_m"].tolist() == pytest.approx([150, 200, 0])
    assert spread["attention"].tolist() == pytest.approx([0.65, 0.35, 0])
    assert spread["share"].tolist() == pytest.approx([0.65, 0.35, 0])
    assert spread["attention_per_km"].tolist()[:2] == pytest.approx([0.65 / 0.15, 0.35 / 0.2])
    assert np.isnan(spread["attention_per_km"].iloc[2])
    assert spread.attrs["outside"] == pytest.approx(0)
    # Lorenz: 4/7 of the length has 35 %, 3/7 has 65 %
    assert spread.attrs["gini"] == pytest.approx(4 / 7 - 0.35)
    west = spread_by_cell(table, STREETS, cells.iloc[:1])
    assert west.attrs["outside"] == pytest.approx(0.35)
    with pytest.raises(CRSError):
        spread_by_cell(table, STREETS, cells.to_crs(3879))
    with pytest.raises(InputError):
        spread_by_cell(table.iloc[:2], STREETS, cells)


def test_a_street_on_the_border_of_two_cells_counts_once():
    cells = gpd.GeoDataFrame(geometry=[box(0, 0, 400, 50), box(0, 50, 400, 100)], crs=CRS)
    spread = spread_by_cell(attention(RISK, None, floor=0), STREETS, cells)
    assert spread["length_m"].tolist() == pytest.approx([200, 200])
    assert spread["attention"].tolist() == pytest.approx([0.5, 0.5])


def test_gini():
    assert measure_gini([1, 2, 3], [10, 20, 30]) == pytest.approx(0)
    assert measure_gini([0, 0, 0, 1], [1, 1, 1, 1]) == pytest.approx(0.75)
    assert measure_gini([5, 1], [0, 1]) == 0
    assert measure_gini([0, 0], [1, 1]) == 0


def test_helsinki_spread_adds_up(helsinki):
    table = attention(risk(None, helsinki.streets, method="length"), None)
    x0, y0, x1, y1 = helsinki.study.bounds
    cells = [
        box(x, y, x + 200, y + 200) for x in np.arange(x0 - 50, x1 + 50, 200) for y in np.arange(y0 - 50, y1 + 50, 200)
    ]
    spread = spread_by_cell(table, helsinki.streets, gpd.GeoDataFrame(geometry=cells, crs=helsinki.crs))
    inside = helsinki.streets.intersection(box(*gpd.GeoSeries(cells).total_bounds)).length.sum()
    assert spread["length_m"].sum() == pytest.approx(inside, rel=1e-6)
    assert spread["share"].sum() + spread.attrs["outside"] == pytest.approx(1)
    # even risk is spread evenly
    assert spread.attrs["gini"] == pytest.approx(0, abs=1e-6)
