"""Map matching: small streets by hand, and drives on Helsinki's streets found again from noisy fixes."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from drives import START, draw_drive, record, share_found, time_drive
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString

from sightgrid.errors import CRSError, InputError, UnitRangeError
from sightgrid.patrol.streets.network import build_network
from sightgrid.patrol.tracks import viterbi
from sightgrid.patrol.tracks.match_graph import MatchGraph
from sightgrid.patrol.tracks.matching import match_tracks

CRS = 32635


def make_network(rows, mode="car"):
    """Network of ``(u, v, line, oneway)``."""
    index = pd.MultiIndex.from_tuples([(u, v, 0) for u, v, _, _ in rows], names=["u", "v", "key"])
    lines = [LineString(line) for _, _, line, _ in rows]
    columns = {
        "oneway": [oneway for *_, oneway in rows],
        "length_m": [line.length for line in lines],
        "name": [f"{u}-{v}" for u, v, _, _ in rows],
    }
    streets = gpd.GeoDataFrame(columns, index=index, geometry=lines, crs=CRS)
    return build_network(streets, mode=mode, speed_kph=36)


def make_fixes(xy, seconds=None, unit="u1"):
    seconds = np.arange(len(xy)) * 10.0 if seconds is None else np.asarray(seconds, float)
    times = START + pd.to_timedelta(seconds, unit="s")
    points = gpd.points_from_xy(*np.array(xy, float).T, crs=CRS)
    return gpd.GeoDataFrame({"unit_id": unit, "at": times}, geometry=points)


def ring(oneway):
    """A square of four streets, drawn counter-clockwise."""
    corners = [(0, 0), (200, 0), (200, 200), (0, 200)]
    pairs = [(0, 1), (1, 2), (2, 3), (3, 0)]
    return make_network([(a + 1, b + 1, [corners[a], corners[b]], oneway) for a, b in pairs])


def names(found):
    return found.legs["name"].tolist()


def test_round_a_corner_with_times():
    found = match_tracks(make_fixes([(100, 5), (195, -4), (204, 100)]), networks={"u1": ring(oneway=False)})
    assert names(found) == ["1-2", "2-3"]
    assert found.legs["length_m"].tolist() == pytest.approx([100, 100])
    assert found.legs[["from_m", "to_m"]].to_numpy().tolist() == pytest.approx(np.array([[100, 200], [0, 100]]))
    assert found.legs["start_at"].iloc[0] == START
    assert found.legs["end_at"].iloc[-1] == START + pd.Timedelta(seconds=20)
    assert found.legs["end_at"].iloc[0] == found.legs["start_at"].iloc[1]
    assert found.legs.geometry.iloc[0].equals_exact(LineString([(100, 0), (200, 0)]), 1e-9)
    assert found.fixes["distance_m"].tolist() == pytest.approx([5, 4, 4])
    assert found.pieces[["fixes", "ended_by"]].to_numpy().tolist() == [[3, "end of the track"]]


def test_sparse_fixes_are_joined_along_streets():
    found = match_tracks(make_fixes([(20, 0), (180, 200)], [0, 60]), networks={"u1": ring(oneway=False)})
    assert names(found) == ["1-2", "2-3", "3-4"]
    assert found.legs["length_m"].sum() == pytest.approx(180 + 200 + 20) or names(found) == ["1-2", "4-1", "3-4"]


def test_one_way_streets_are_driven_their_way():
    fixes = make_fixes([(0, 60), (60, 0)], [0, 120])
    both = match_tracks(fixes, networks={"u1": ring(oneway=False)}).legs
    one = match_tracks(fixes, networks={"u1": ring(oneway=True)}).legs
    assert both["length_m"].sum() == pytest.approx(120)
    assert one["name"].tolist() == ["4-1", "1-2"]
    turned = match_tracks(fixes.iloc[::-1].assign(at=fixes["at"].to_numpy()), networks={"u1": ring(oneway=True)}).legs
    assert turned["name"].tolist() == ["1-2", "2-3", "3-4", "4-1"]
    assert turned["length_m"].sum() == pytest.approx(680)
    assert not turned["reversed"].any()


def test_against_the_drawn_direction_is_reversed():
    network = make_network([(1, 2, [(0, 0), (300, 0)], False)])
    found = match_tracks(make_fixes([(250, 3), (150, -3), (50, 3)]), networks={"u1": network})
    assert found.legs[["u", "v", "reversed"]].to_numpy().tolist() == [[2, 1, True]]
    assert found.legs[["from_m", "to_m"]].to_numpy().tolist() == pytest.approx(np.array([[50, 250]]))
    assert found.legs.geometry.iloc[0].equals_exact(LineString([(250, 0), (50, 0)]), 1e-9)


def test_gaps_and_places_without_streets_break_the_track():
    network = make_network([(1, 2, [(0, 0), (900, 0)], False)])
    xy = [(0, 0), (100, 0), (200, 400), (300, 0), (700, 0), (800, 0)]
    found = match_tracks(make_fixes(xy, [0, 10, 20, 30, 600, 610]), networks={"u1": network})
    assert found.pieces["ended_by"].tolist() == ["gap between fixes", "end of the track"]
    assert found.pieces["length_m"].tolist() == pytest.approx([300, 100])
    assert found.fixes["piece"].tolist() == [0, 0, -1, 0, 1, 1]
    assert found.fixes["reason"].tolist() == ["", "", "no street in reach", "", "", ""]
    assert found.fixes["distance_m"].isna().tolist() == [False, False, True, False, False, False]


def test_no_way_leads_on():
    network = make_network([(1, 2, [(0, 0), (100, 0)], False), (3, 4, [(0, 90), (100, 90)], False)])
    found = match_tracks(make_fixes([(10, 0), (90, 0), (90, 90), (10, 90)]), networks={"u1": network})
    assert found.pieces["ended_by"].tolist() == ["no way leads on", "end of the track"]
    assert names(found) == ["1-2", "3-4"]


def test_standing_with_noise_drives_nowhere():
    network = ring(oneway=False)
    rng = np.random.default_rng(3)
    still = rng.normal((100, 0), 5, (300, 2))
    fixes = make_fixes(np.vstack([[(20, 0)], [(60, 0)], still, [(140, 0)], [(190, 0)]]), np.arange(304) * 5.0)
    found = match_tracks(fixes, networks={"u1": network})
    assert found.legs["length_m"].sum() == pytest.approx(170, abs=25)
    # who stands is still there: the street is left with the last fixes
    assert found.legs["end_at"].iloc[-1] == fixes["at"].iloc[-1]


def test_empty_and_lonely_fixes():
    network = ring(oneway=False)
    empty = match_tracks(make_fixes([(0, 0)]).head(0), networks={})
    assert empty.legs.empty
    assert empty.pieces.empty
    assert str(empty.legs["start_at"].dtype).startswith("datetime64[us, UTC")
    lonely = match_tracks(make_fixes([(50, 3)]), networks={"u1": network})
    assert lonely.legs.empty
    assert lonely.fixes["distance_m"].tolist() == [3.0]
    lost = match_tracks(make_fixes([(5000, 5000)]), networks={"u1": network})
    assert lost.fixes["piece"].tolist() == [-1]


@given(
    st.lists(st.tuples(st.integers(-90, 290), st.integers(-90, 290), st.integers(1, 300)), min_size=1, max_size=25),
    st.booleans(),
)
def test_any_track_gives_joined_legs(steps, oneway):
    fixes = make_fixes([step[:2] for step in steps], np.cumsum([step[2] for step in steps]))
    found = match_tracks(fixes, networks={"u1": ring(oneway=oneway)})
    for _, legs in found.legs.groupby("piece"):
        assert (legs["v"].to_numpy()[:-1] == legs["u"].to_numpy()[1:]).all()
        assert (legs["end_at"] >= legs["start_at"]).all()
        assert (legs["length_m"] > 0).all()
        assert (legs["end_at"].to_numpy()[:-1] <= legs["start_at"].to_numpy()[1:]).all()
    assert not (oneway and found.legs["reversed"].any())
    assert (found.fixes["piece"] >= 0).tolist() == found.fixes["distance_m"].notna().tolist()
    assert found.pieces["fixes"].sum() == (found.fixes["piece"] >= 0).sum()


def test_round_a_loop():
    loop = [(100, 0), (200, 100), (300, 0), (200, -100), (100, 0)]
    network = make_network([(1, 2, [(0, 0), (100, 0)], False), (2, 2, loop, True)])
    xy = [(10, 0), (90, 0), (150, 50), (250, 50), (250, -50), (150, -50), (80, 0), (20, 0)]
    found = match_tracks(make_fixes(xy), networks={"u1": network})
    assert names(found) == ["1-2", "2-2", "1-2"]
    assert found.legs["length_m"].sum() == pytest.approx(90 + 400 * 2**0.5 + 80)


def test_bad_arguments():
    fixes, network = make_fixes([(0, 0), (50, 0)]), ring(oneway=False)
    with pytest.raises(InputError, match="no network is given for u1"):
        match_tracks(fixes, networks={})
    with pytest.raises(UnitRangeError, match="sigma_m"):
        match_tracks(fixes, networks={"u1": network}, sigma_m=0)
    with pytest.raises(CRSError):
        match_tracks(fixes.to_crs(3067), networks={"u1": network})


@pytest.fixture(scope="module")
def car(helsinki):
    return build_network(helsinki.streets, mode="car", speed_kph=40)


@pytest.mark.parametrize(
    ("interval_s", "noise_m", "recall", "precision"),
    [
        (1, 5, 0.96, 0.98), (1, 10, 0.96, 0.95), (10, 5, 0.95, 0.97), (10, 10, 0.94, 0.95),
        (30, 5, 0.87, 0.94), (30, 10, 0.86, 0.93), (60, 5, 0.75, 0.90), (60, 10, 0.74, 0.90),
    ],
)  # fmt: skip
def test_drives_by_car_are_found_again(car, interval_s, noise_m, recall, precision):
    shares = []
    for seed in (1, 2, 3):
        edges = draw_drive(car, length_m=12_000, seed=seed)
        fixes = record(time_drive(car, edges), interval_s=interval_s, noise_m=noise_m, seed=seed)
        shares.append(share_found(edges, match_tracks(fixes, networks={"u1": car}).legs, car))
    found, right = np.mean(shares, axis=0)
    assert found > recall
    assert right > precision


def test_legs_are_joined_and_legal(car):
    edges = draw_drive(car, length_m=6_000, seed=7)
    fixes = record(time_drive(car, edges), interval_s=20, noise_m=8, seed=7)
    legs = match_tracks(fixes, networks={"u1": car}).legs
    assert all(car.graph.has_edge(*edge) for edge in legs[["u", "v", "key"]].itertuples(index=False, name=None))
    assert (legs["v"].to_numpy()[:-1] == legs["u"].to_numpy()[1:]).all()
    assert (legs["end_at"].to_numpy()[:-1] == legs["start_at"].to_numpy()[1:]).all()
    assert (legs["end_at"] >= legs["start_at"]).all()
    assert legs.geometry.length.to_numpy() == pytest.approx(legs["length_m"].to_numpy(), abs=0.05)


def test_small_windows_find_the_same(car, monkeypatch):
    edges = draw_drive(car, length_m=4_000, seed=5)
    fixes = record(time_drive(car, edges), interval_s=15, noise_m=6, seed=5)
    whole = match_tracks(fixes, networks={"u1": car}).legs
    monkeypatch.setattr(viterbi, "CELLS", 20_000)
    parts = match_tracks(fixes, networks={"u1": car}).legs
    pd.testing.assert_frame_equal(pd.DataFrame(whole), pd.DataFrame(parts))


def test_lengths_equal_networkx(car):
    import networkx as nx

    graph = MatchGraph(car)
    nodes = np.arange(len(car.nodes))
    sources = np.array([3, 100, 400])
    lengths = graph.measure(sources, nodes, 800.0)
    for row, source in zip(lengths, sources, strict=True):
        true = nx.single_source_dijkstra_path_length(car.graph, int(car.nodes[source]), cutoff=800.0, weight="length_m")
        assert set(car.nodes[np.isfinite(row)].tolist()) == set(true)
        assert [row[i] for i in car.positions(list(true))] == pytest.approx(list(true.values()), abs=1e-3)


@pytest.mark.parametrize(
    ("interval_s", "noise_m", "share", "corridor"), [(1, 5, 0.93, 0.98), (10, 5, 0.9, 0.97), (10, 10, 0.3, 0.9)]
)
def test_walks_are_found_again(helsinki, interval_s, noise_m, share, corridor):
    # parallel paths a few metres apart cannot be told apart at 10 m noise: there the way within 15 m is what is found
    walk = build_network(helsinki.streets, mode="foot", speed_kph=5)
    edges = draw_drive(walk, length_m=4_000, seed=1)
    drive = time_drive(walk, edges)
    fixes = record(drive, interval_s=interval_s, noise_m=noise_m, seed=1)
    legs = match_tracks(fixes, networks={"u1": walk}).legs
    found, right = share_found(edges, legs, walk)
    assert min(found, right) > share
    true, matched = shapely.union_all(drive.geometry.to_numpy()), shapely.union_all(legs.geometry.to_numpy())
    assert true.intersection(matched.buffer(15)).length / true.length > corridor
    assert matched.intersection(true.buffer(15)).length / matched.length > corridor
