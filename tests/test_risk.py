"""Risk on streets: counts, kernels and Gi* along the network, manual weights, and what a forecast catches."""

from __future__ import annotations

from itertools import combinations, pairwise

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString, Point

from sightgrid.errors import CRSError, InputError, UnitRangeError
from sightgrid.patrol.risks.evaluation import choose_streets, count_most_hits, evaluate_risk
from sightgrid.patrol.risks.hotspots import LIXEL_M, find_neighbours, measure_paths, score_getis_ord, spread_kernel
from sightgrid.patrol.risks.risks import risk

CRS = "EPSG:3067"


def make_streets(*lines):
    """Streets between spots in metres; equal spots are one node."""
    spots = sorted({spot for line in lines for spot in line})
    rows = [(spots.index(a), spots.index(b), k) for k, (a, b) in enumerate(lines)]
    shapes = [LineString(line) for line in lines]
    index = pd.MultiIndex.from_tuples(rows, names=["u", "v", "key"])
    return gpd.GeoDataFrame({"length_m": [shape.length for shape in shapes]}, index=index, geometry=shapes, crs=CRS)


def make_incidents(*spots, **columns):
    ids = pd.Index([f"i{n}" for n in range(len(spots))], name="incident_id")
    return gpd.GeoDataFrame(columns, index=ids, geometry=[Point(spot) for spot in spots], crs=CRS)


AVENUE = make_streets(((0, 0), (400, 0)), ((400, 0), (500, 0)), ((500, 0), (600, 0)), ((600, 0), (1000, 0)))
COLUMNS = ["length_m", "count", "weight", "risk", "method", "geometry"]


def test_counts_are_severities_on_the_nearest_street():
    incidents = make_incidents((10, 3), (450, -20), (460, 20), severity=[1.0, 2.0, 5.0])
    table = risk(incidents, AVENUE)
    assert table.index.equals(AVENUE.index)
    assert set(table.columns) == set(COLUMNS)
    assert table["count"].tolist() == [1, 2, 0, 0]
    assert table["weight"].tolist() == [1, 7, 0, 0]
    assert table["risk"].tolist() == [0.125, 0.875, 0, 0]
    assert (table["method"] == "count").all()
    assert table.crs == AVENUE.crs


def test_discovered_and_distant_incidents_are_left_out_and_told():
    spots = [(10, 0), (450, 0), (550, 60)]
    incidents = make_incidents(*spots, severity=[1.0, 1.0, 1.0], origin=["reported", "discovered", "reported"])
    table = risk(incidents, AVENUE)
    assert table["count"].tolist() == [1, 0, 0, 0]
    assert table.attrs["notes"] == (
        "incidents: discovered by patrols, left out: 1 (i1)",
        "incidents: more than 50 m from any street, left out: 1 (i2)",
    )
    assert risk(incidents, AVENUE, include_discovered=True)["count"].tolist() == [1, 1, 0, 0]
    with pytest.raises(InputError, match=r"there is none to count \(incidents: discovered .* 1 \(i1\)\); use method"):
        risk(incidents.iloc[1:2], AVENUE)


def test_without_incidents_risk_is_even_or_by_hand():
    even = risk(None, AVENUE, method="length")
    assert even["risk"].tolist() == [0.4, 0.1, 0.1, 0.4]
    assert even["count"].sum() == 0
    by_hand = risk(None, AVENUE, method="manual", weights=[3, 0, 1, 0])
    assert by_hand["risk"].tolist() == [0.75, 0, 0.25, 0]
    shuffled = pd.Series([3.0, 0.0, 1.0, 0.0], index=AVENUE.index).iloc[[2, 0, 3, 1]]
    assert risk(make_incidents(), AVENUE, method="manual", weights=shuffled)["risk"].equals(by_hand["risk"])


@pytest.mark.parametrize(
    ("incidents", "options", "error", "message"),
    [
        (
            make_incidents(),
            {},
            InputError,
            "incidents: there is none to count; use method 'length' or 'manual' instead",
        ),
        (None, {"method": "kde"}, InputError, "there is none to count"),
        (make_incidents((0, 0)), {"method": "magic"}, UnitRangeError, "method: 'magic' is not known"),
        (
            make_incidents((0, 0)),
            {"method": "kde", "bandwidth_m": 5},
            UnitRangeError,
            r"bandwidth_m: 5 must lie in \[20",
        ),
        (make_incidents((0, 0), severity=[-1]), {}, InputError, r"severity: must be a number above 0 \(1 row: i0\)"),
        (make_incidents((0, 0)).to_crs(4326), {}, CRSError, "not in the coordinate system of the streets"),
        (None, {"method": "manual"}, InputError, "weights: they go with method 'manual'"),
        (None, {"method": "length", "weights": [1]}, InputError, "weights: they go with method 'manual'"),
        (
            None,
            {"method": "manual", "weights": [1, -2, 0, np.nan]},
            InputError,
            r"at least 0 \(2 rows: \(1, 2, 1\), \(3",
        ),
        (None, {"method": "manual", "weights": [1, 2]}, InputError, "weights: 4 are needed"),
        (None, {"method": "manual", "weights": list("abcd")}, InputError, "weights: numbers are needed"),
        (None, {"method": "manual", "weights": [0, 0, 0, 0]}, InputError, "weights: all are 0"),
        (None, {"method": "manual", "weights": pd.Series([1.0] * 4)}, InputError, "index is not that of the streets"),
    ],
)
def test_bad_input(incidents, options, error, message):
    with pytest.raises(error, match=message):
        risk(incidents, AVENUE, **options)
    with pytest.raises(InputError, match="there is no street"):
        risk(None, AVENUE.iloc[:0], method="length")


def quartic(a, r=200.0):
    """Integral of the kernel from 0 to a."""
    return a - 2 * a**3 / (3 * r**2) + a**5 / (5 * r**4)


def test_kernel_on_one_street_is_the_integral():
    table = risk(make_incidents((500, 0)), AVENUE, method="kde", bandwidth_m=200)
    near, whole = quartic(100.0), quartic(200.0)
    expected = np.array([whole - near, near, near, whole - near]) / (2 * whole)
    assert table["risk"].to_numpy() == pytest.approx(expected, rel=2e-3)


def test_kernel_keeps_what_it_spreads_at_junctions_and_ends():
    cross = make_streets(*(((0, 0), end) for end in ((300, 0), (-300, 0), (0, 300), (0, -300), (212, 212))))
    table = risk(make_incidents((0, 0)), cross, method="kde")
    assert table["risk"].tolist() == pytest.approx([0.2] * 5, rel=1e-2)
    corner = risk(make_incidents((1000, 0)), AVENUE, method="kde")
    assert corner["risk"].tolist() == pytest.approx([0, 0, 0, 1])


@st.composite
def towns(draw):
    spots = draw(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=7, unique=True))
    pairs = [(a, b) for a, b in combinations(range(len(spots)), 2)]
    chosen = draw(st.lists(st.sampled_from(pairs), min_size=2, max_size=9))
    scaled = [(37.0 * x, 41.0 * y) for x, y in spots]
    return make_streets(*((scaled[a], scaled[b]) for a, b in chosen))


@given(towns(), st.data())
def test_kernel_equals_a_search_on_split_streets(streets, data):
    n = data.draw(st.integers(1, 4))
    row = np.array(data.draw(st.lists(st.integers(0, len(streets) - 1), min_size=n, max_size=n)))
    length = streets["length_m"].to_numpy()
    along = length[row] * np.array(data.draw(st.lists(st.floats(0, 1), min_size=n, max_size=n)))
    amount = np.array(data.draw(st.lists(st.floats(0.5, 3), min_size=n, max_size=n)))
    expected = np.zeros(len(streets))
    for own, at, worth in zip(row, along, amount, strict=True):
        graph, pieces = nx.Graph(), []
        for k, (u, v, _) in enumerate(streets.index):
            count = int(np.ceil(length[k] / LIXEL_M))
            size = length[k] / count
            stops = [(0.0, u), (length[k], v), *(((i + 0.5) * size, (k, i)) for i in range(count))]
            pieces += [(k, i, size) for i in range(count)]
            if k == own:
                stops.append((at, "incident"))
            stops.sort(key=lambda stop: stop[0])
            for (here, a), (there, b) in pairwise(stops):
                known = graph.get_edge_data(a, b, {"length": np.inf})["length"]
                graph.add_edge(a, b, length=min(known, there - here))
        distance = nx.single_source_dijkstra_path_length(graph, "incident", weight="length")
        mass = np.zeros(len(streets))
        for k, i, size in pieces:
            mass[k] += max(1 - (distance.get((k, i), np.inf) / 90.0) ** 2, 0) ** 2 * size
        expected += worth * mass / mass.sum()
    spread = spread_kernel(measure_paths(streets), row, along, amount, bandwidth_m=90.0)
    assert spread == pytest.approx(expected, abs=1e-9)
    assert spread.sum() == pytest.approx(amount.sum())


@given(towns(), st.data())
def test_gi_equals_its_formula(streets, data):
    paths, n = measure_paths(streets), len(streets)
    x = np.array(data.draw(st.lists(st.integers(0, 9), min_size=n, max_size=n)), float)
    near = find_neighbours(paths, np.arange(n), bandwidth_m=120.0).toarray().astype(bool)
    assert (near == near.T).all()
    graph = nx.Graph()
    for k, (u, v, _) in enumerate(streets.index):
        half = streets["length_m"].iloc[k] / 2
        graph.add_edge(u, ("middle", k), length=half)
        graph.add_edge(("middle", k), v, length=half)
    for k in range(n):
        distance = nx.single_source_dijkstra_path_length(graph, ("middle", k), weight="length")
        away = [distance.get(("middle", j), np.inf) for j in range(n)]
        assert all(near[k, j] == (away[j] <= 120.0) for j in range(n) if abs(away[j] - 120.0) > 1e-6)
    z = score_getis_ord(paths, x, bandwidth_m=120.0)
    deviation = np.sqrt((x**2).mean() - x.mean() ** 2)
    for k in range(n):
        w = near[k].sum()
        scale = deviation * np.sqrt((n * w - w**2) / (n - 1))
        assert z[k] == pytest.approx(0 if scale < 1e-9 else (x[near[k]].sum() - x.mean() * w) / scale, abs=1e-6)


def test_gi_equals_esda(helsinki):
    import esda
    import libpysal

    streets = helsinki.streets.iloc[::12]
    values = np.random.default_rng(4).poisson(1.0, len(streets)).astype(float)
    paths = measure_paths(streets)
    near = find_neighbours(paths, np.arange(len(streets)), bandwidth_m=200.0).toarray()
    neighbours = {k: np.flatnonzero(row).tolist() for k, row in enumerate(near)}
    weights = libpysal.weights.W(neighbours, silence_warnings=True)
    theirs = esda.G_Local(values, weights, transform="B", star=None, permutations=0)
    assert score_getis_ord(paths, values, bandwidth_m=200.0) == pytest.approx(theirs.Zs, abs=1e-9)


def test_gi_is_risk_where_incidents_cluster():
    steps = [((100.0 * k, 0), (100.0 * k + 100, 0)) for k in range(20)]
    streets = make_streets(*steps)
    incidents = make_incidents(*[(450 + 100 * (k % 3), 5) for k in range(12)], (1850, 0))
    table = risk(incidents, streets, method="gi", bandwidth_m=150)
    assert table["risk"].idxmax() == streets.index[5]
    assert (table["risk"] >= 0).all()
    assert table["risk"].sum() == pytest.approx(1)
    assert table.loc[streets.index[12], "z"] < 0
    assert table.loc[streets.index[12], "risk"] == 0
    with pytest.raises(InputError, match="they form no hot spot"):
        risk(incidents, streets, method="gi", bandwidth_m=5000)


def test_all_methods_on_helsinki(helsinki):
    rng = np.random.default_rng(7)
    row = rng.choice(len(helsinki.streets), 60)
    points = helsinki.streets.geometry.iloc[row].interpolate(rng.random(60), normalized=True)
    incidents = gpd.GeoDataFrame(
        {"severity": 1.0}, index=[f"i{n}" for n in range(60)], geometry=points.to_numpy(), crs=helsinki.crs
    )
    for method in ("count", "kde", "gi", "length"):
        table = risk(incidents, helsinki.streets, method=method)
        assert table["risk"].sum() == pytest.approx(1)
        assert (table["risk"] >= 0).all()
        assert table["count"].sum() == 60


DAYS = pd.to_datetime([f"2026-0{m}-01T00:00Z" for m in (1, 2, 3, 4, 5, 6, 7, 8)])


def test_a_forecast_by_hand():
    """Ten streets of 100 m; four incidents before the split tell two of them, two of four after it are caught."""
    streets = make_streets(*(((100.0 * k, 0), (100.0 * k + 100, 0)) for k in range(10)))
    before, after = [250, 260, 750, 950], [240, 755, 150, 150]
    incidents = make_incidents(*((x, 1.0) for x in before + after), occurred_at=DAYS)
    result = evaluate_risk(incidents, streets, split_at=DAYS[4], share_of_length=0.2)
    assert (result.incidents_before, result.incidents_after) == (4, 4)
    # streets 2 (two before) and 7 (the first of those with one) are chosen; the best two would be 1 and 2 or 7
    assert (result.hits, result.hits_best) == (2, 3)
    assert result.length_share == pytest.approx(0.2)
    assert result.hit_rate == 0.5
    assert result.pai == pytest.approx(2.5)
    assert result.pei == pytest.approx(2 / 3)
    half = evaluate_risk(incidents, streets, test_share=0.5, share_of_length=0.2)
    assert half == result
    assert evaluate_risk(incidents, streets, method="length", split_at=DAYS[4], share_of_length=1).pai == pytest.approx(
        1
    )


def test_forecasts_that_cannot_be_judged():
    incidents = make_incidents(*((450, 0),) * 8, occurred_at=DAYS)
    for options, error, message in [
        ({"split_at": pd.Timestamp("2027-01-01", tz="UTC")}, InputError, "no incident lies after"),
        ({"split_at": pd.Timestamp("2025-01-01", tz="UTC")}, InputError, "no incident lies before"),
        ({"split_at": pd.Timestamp("2026-04-01")}, InputError, "has no time zone"),
        ({"share_of_length": 0}, UnitRangeError, "share_of_length: 0 must lie in"),
        ({"test_share": 1.5}, UnitRangeError, "test_share"),
        ({"method": "manual"}, UnitRangeError, "nothing to judge"),
        ({"share_of_length": 0.01}, InputError, "no street with risk is as short as 0.01"),
    ]:
        with pytest.raises(error, match=message):
            evaluate_risk(incidents, AVENUE, **options)
    with pytest.raises(InputError, match="there is none to judge by"):
        evaluate_risk(incidents.iloc[:0], AVENUE)
    with pytest.raises(InputError, match="times with a time zone are needed"):
        evaluate_risk(incidents.drop(columns="occurred_at"), AVENUE)


@given(st.data())
def test_best_choice_equals_brute_force(data):
    n = data.draw(st.integers(1, 9))
    many = {"min_size": n, "max_size": n}
    count = np.array(data.draw(st.lists(st.integers(0, 5), **many)))
    length = np.array(data.draw(st.lists(st.integers(1, 50), **many)), float)
    limit = data.draw(st.integers(1, 120))
    best = max(
        sum(count[list(some)])
        for size in range(n + 1)
        for some in combinations(range(n), size)
        if length[list(some)].sum() <= limit
    )
    assert count_most_hits(count, length, limit_m=limit) == best
    chosen = choose_streets(count.astype(float), length, limit_m=limit)
    assert length[chosen].sum() <= limit
    assert (count[chosen] > 0).all()
    assert count[chosen].sum() <= best
