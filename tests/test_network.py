"""Street networks: who passes where and how fast, travel times equal to networkx, pieces, snapping."""

from __future__ import annotations

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString, Point

from sightgrid.errors import CRSError, InfeasibleError, InputError, UnitRangeError
from sightgrid.patrol.streets.network import FARTHER_M, build_network
from sightgrid.patrol.streets.segments import observed_share

CRS = "EPSG:3067"
KPH = 3.6  # one metre a second


def make_streets(rows, spots, **columns):
    """Streets between numbered spots: rows are (u, v, key)."""
    lines = [LineString([spots[u], spots[v]]) for u, v, _ in rows]
    index = pd.MultiIndex.from_tuples(rows, names=["u", "v", "key"])
    data = {"length_m": [line.length for line in lines], **columns}
    return gpd.GeoDataFrame(data, index=index, geometry=lines, crs=CRS)


SPOTS = {1: (0, 0), 2: (100, 0), 3: (100, 100), 4: (0, 100)}
RING = [(1, 2, 0), (2, 3, 0), (3, 4, 0), (4, 1, 0)]


def test_one_way_binds_wheels_but_not_feet():
    streets = make_streets(RING, SPOTS, oneway=[True] * 4)
    walk, ride, drive = (build_network(streets, mode=mode, speed_kph=KPH) for mode in ("foot", "bicycle", "car"))
    assert walk.travel_matrix([1], [2, 3, 4]).tolist() == [[100, 200, 100]]
    assert ride.travel_matrix([1], [2, 3, 4]).tolist() == [[100, 200, 300]]
    assert drive.travel_matrix([1], [2, 3, 4]).tolist() == [[100, 200, 300]]
    assert drive.route(1, 4) == [(1, 2, 0), (2, 3, 0), (3, 4, 0)]
    assert walk.route(1, 4) == [(1, 4, 0)]
    back = walk.graph.edges[1, 4, 0]
    assert back["reversed"]
    assert back["street"] == (4, 1, 0)
    assert list(back["geometry"].coords) == [(0, 0), (0, 100)]
    assert walk.route(3, 3) == []


def test_mode_decides_which_streets():
    streets = make_streets(
        RING, SPOTS, walkable=[True] * 4, cyclable=[True, True, False, True], drivable=[True, False, False, False]
    )
    edges = [
        build_network(streets, mode=mode, speed_kph=5).graph.number_of_edges() for mode in ("foot", "bicycle", "car")
    ]
    assert edges == [8, 6, 2]
    with pytest.raises(InputError, match="nobody may pass any street by car"):
        build_network(streets.assign(drivable=False), mode="car", speed_kph=30)


def test_cars_keep_to_the_speed_of_the_street():
    streets = make_streets(
        RING,
        SPOTS,
        speed_kph=[72.0, 20.0, np.nan, np.nan],
        highway=["primary", "service", "service", "residential"],
    )
    drive = build_network(streets, mode="car", speed_kph=40)
    kph = [100 / drive.graph.edges[edge]["seconds"] * 3.6 for edge in RING]
    # capped, stated, the mean of its class, the mean of all (46) capped
    assert kph == pytest.approx([40, 20, 20, 40])
    ride = build_network(streets, mode="bicycle", speed_kph=15)
    assert all(100 / ride.graph.edges[edge]["seconds"] * 3.6 == pytest.approx(15) for edge in RING)
    silent = build_network(streets.assign(speed_kph=np.nan), mode="car", speed_kph=36)
    assert silent.travel_matrix([1], [2])[0, 0] == pytest.approx(10)


def test_what_cameras_see_is_told_for_both_directions():
    streets = make_streets(RING[:2], SPOTS, length_m=[100.0, 0.0])
    observed = pd.DataFrame({"observed_m": [25.0, 0.0]}, index=streets.index)
    walk = build_network(streets, mode="foot", speed_kph=5, observed=observed)
    assert walk.graph.edges[1, 2, 0]["observed_m"] == walk.graph.edges[2, 1, 0]["observed_m"] == 25
    assert observed_share(streets, observed).tolist() == [0.25, 0.0]
    assert observed_share(streets, observed.assign(observed_m=101.0)).tolist() == [1.0, 0.0]
    with pytest.raises(InputError, match="index is not that of the streets"):
        observed_share(streets, observed.iloc[::-1])
    with pytest.raises(InputError, match=r"observed_m: must be at least 0 \(1 rows: \(2, 3, 0\)\)"):
        observed_share(streets, observed.assign(observed_m=[0.0, np.nan]))
    with pytest.raises(InputError, match="missing column observed_m"):
        observed_share(streets, observed.rename(columns={"observed_m": "seen"}))


def test_streets_drawn_towards_each_other_both_stay():
    """A carriageway each way, both with key 0: a walker may use either in both directions."""
    streets = make_streets([(1, 2, 0), (2, 1, 0)], SPOTS, oneway=[True, True])
    walk = build_network(streets, mode="foot", speed_kph=5)
    told = sorted((u, v, edge["street"]) for u, v, edge in walk.graph.edges(data=True))
    assert told == [(1, 2, (1, 2, 0)), (1, 2, (2, 1, 0)), (2, 1, (1, 2, 0)), (2, 1, (2, 1, 0))]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"mode": "boat", "speed_kph": 5}, UnitRangeError, "mode: 'boat' is not known"),
        ({"mode": "car", "speed_kph": 0}, UnitRangeError, "speed_kph: 0 must be above 0"),
        ({"mode": "car", "speed_kph": np.nan}, UnitRangeError, "must be above 0"),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        build_network(make_streets(RING, SPOTS), **options)


def test_a_graph_in_pieces():
    spots = {**SPOTS, 7: (400, 0), 8: (400, 60), 9: (130, 50)}
    rows = [*RING, (7, 8, 0), (8, 9, 0)]
    streets = make_streets(rows, spots, oneway=[False] * 5 + [True])
    drive = build_network(streets, mode="car", speed_kph=KPH)
    # 7 and 8 are together; 9 can be reached from them but not left
    assert drive.components.tolist() == [0, 0, 0, 0, 1, 1, 2]
    times = drive.travel_matrix([1, 7], [1, 7, 9])
    assert np.isinf(times[0, 1:]).all()
    assert np.isinf(times[1, 0])
    assert np.isfinite(times[1, 1:]).all()
    with pytest.raises(InfeasibleError, match="by car no way leads from 1 to 7"):
        drive.route(1, 7)
    with pytest.raises(InputError, match="1 nodes are not in the car network: 5"):
        drive.travel_matrix([5, 1], [1])
    points = gpd.GeoSeries([Point(10, 10), Point(135, 50), Point(400, 10)], index=["a", "b", "far"], crs=CRS)
    snapped = drive.snap(points)
    # b: the dead end is 5 m away, the ring 61 m: more than 50 m farther
    assert snapped["node"].tolist() == [1, 9, 7]
    assert snapped["main"].tolist() == [True, False, False]
    assert snapped.loc["a", "distance_m"] == pytest.approx(np.hypot(10, 10))
    nearer = gpd.GeoSeries([Point(120, 50)], crs=CRS)
    assert drive.snap(nearer)["node"].tolist() == [2]
    assert drive.snap(nearer)["distance_m"][0] <= 10 + FARTHER_M


def test_snap_tells_what_it_cannot_place():
    walk = build_network(make_streets(RING, SPOTS), mode="foot", speed_kph=5)
    assert walk.snap(gpd.GeoSeries([], crs=CRS)).empty
    with pytest.raises(CRSError):
        walk.snap(gpd.GeoSeries([Point(0, 0)], crs=3879))
    with pytest.raises(InputError, match="1 points to snap have no place: b"):
        walk.snap(gpd.GeoSeries([Point(0, 0), Point()], index=["a", "b"], crs=CRS))


@st.composite
def towns(draw):
    n = draw(st.integers(2, 8))
    spots = {i: (draw(st.integers(0, 9)) * 50, draw(st.integers(0, 9)) * 50) for i in range(n)}
    pairs = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), min_size=1, max_size=16))
    rows = [(u, v, k) for k, (u, v) in enumerate(pairs)]
    many = {"min_size": len(rows), "max_size": len(rows)}
    return make_streets(
        rows,
        spots,
        length_m=draw(st.lists(st.integers(0, 300).map(float), **many)),
        oneway=draw(st.lists(st.booleans(), **many)),
        speed_kph=draw(st.lists(st.sampled_from([10.0, 30.0, np.nan]), **many)),
    )


@given(towns(), st.sampled_from(["foot", "bicycle", "car"]))
def test_travel_times_and_routes_equal_networkx(streets, mode):
    network = build_network(streets, mode=mode, speed_kph=20)
    expected = dict(nx.all_pairs_dijkstra_path_length(network.graph, weight="seconds"))
    times = network.travel_matrix(network.nodes, network.nodes)
    for i, u in enumerate(network.nodes.tolist()):
        for j, v in enumerate(network.nodes.tolist()):
            assert times[i, j] == pytest.approx(expected[u].get(v, np.inf))
            if np.isfinite(times[i, j]):
                route = network.route(u, v)
                assert sum(network.graph.edges[edge]["seconds"] for edge in route) == pytest.approx(times[i, j])
                assert [u, *(edge[1] for edge in route)] == [*(edge[0] for edge in route), v]
    parts = [set(part) for part in nx.strongly_connected_components(network.graph)]
    for label in np.unique(network.components):
        assert set(network.nodes[network.components == label].tolist()) in parts
    assert (np.bincount(network.components)[0] >= np.bincount(network.components)).all()


@given(towns(), st.data())
def test_few_targets_are_searched_backwards_with_the_same_result(streets, data):
    network = build_network(streets, mode="car", speed_kph=20)
    target = data.draw(st.sampled_from(network.nodes.tolist()))
    whole = network.travel_matrix(network.nodes, network.nodes)
    some = network.travel_matrix(network.nodes, [target, target])
    column = whole[:, network.nodes.tolist().index(target)]
    assert np.allclose(some, column[:, None])


@pytest.mark.parametrize(("mode", "speed_kph"), [("foot", 5), ("bicycle", 15), ("car", 30)])
def test_helsinki_equals_networkx(helsinki, mode, speed_kph):
    network = build_network(helsinki.streets, mode=mode, speed_kph=speed_kph)
    source = network.nodes[:: len(network.nodes) // 4][:4]
    times = network.travel_matrix(source, network.nodes)
    for row, start in zip(times, source.tolist(), strict=True):
        expected = nx.single_source_dijkstra_path_length(network.graph, start, weight="seconds")
        assert np.isfinite(row).sum() == len(expected)
        assert np.allclose(row, [expected.get(node, np.inf) for node in network.nodes.tolist()])
    assert (network.components == 0).mean() > 0.8
    snapped = network.snap(helsinki.places.geometry)
    assert snapped.index.equals(helsinki.places.index)
    assert snapped["distance_m"].max() < 100
    forward = [edge for *_, edge in network.graph.edges(data=True) if not edge["reversed"]]
    usable = helsinki.streets[{"foot": "walkable", "bicycle": "cyclable", "car": "drivable"}[mode]]
    assert {edge["street"] for edge in forward} == set(helsinki.streets.index[usable])
