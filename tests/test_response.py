"""Response: arrival times by hand on tiny streets, against networkx on the bundled city, and isochrones that nest."""

from __future__ import annotations

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from scenes import CRS

from sightgrid.errors import CRSError, InfeasibleError, InputError, UnitRangeError
from sightgrid.patrol.response.isochrones import isochrones
from sightgrid.patrol.response.moving_response import reach_over_time
from sightgrid.patrol.response.response import lose_unit, nearest_units, reach
from sightgrid.patrol.streets.network import build_network

MINUTE_M = 600.0  # at 36 km/h, 10 m/s
START = pd.Timestamp("2026-11-23T08:00", tz="UTC")


def streets_frame(rows, xy):
    """Straight streets between numbered nodes: ``(u, v, oneway)``."""
    index = pd.MultiIndex.from_tuples([(u, v, 0) for u, v, _ in rows], names=["u", "v", "key"])
    lines = [shapely.LineString([xy[u], xy[v]]) for u, v, _ in rows]
    frame = gpd.GeoDataFrame({"oneway": [one for *_, one in rows]}, index=index, geometry=lines, crs=CRS)
    frame["length_m"] = frame.length
    return frame


def points_frame(name, points, **columns):
    index = pd.Index(list(points), name=name)
    return gpd.GeoDataFrame(columns, index=index, geometry=[shapely.Point(p) for p in points.values()], crs=CRS)


@pytest.fixture(scope="module")
def line():
    """Four nodes in a row, a minute apart; the last street leads away only."""
    xy = {n: (n * MINUTE_M, 0.0) for n in range(4)}
    return streets_frame([(0, 1, False), (1, 2, False), (2, 3, True)], xy)


@pytest.fixture(scope="module")
def drive(line):
    return build_network(line, mode="car", speed_kph=36)


@pytest.fixture(scope="module")
def city(helsinki):
    return build_network(helsinki.streets, mode="car", speed_kph=40)


def test_streets_are_reached_in_their_middle_and_only_in_legal_direction(line, drive):
    found = reach(drive, pd.Series({"A": 0, "B": 3}), line["length_m"], within_min=(0.5, 1, 2.5))
    # B stands at the end of a one-way street and reaches nothing
    assert found.demand["seconds"].tolist() == pytest.approx([30, 90, 150])
    assert set(found.demand["unit_id"]) == {"A"}
    assert set(found.demand["second_unit_id"]) == {""}
    assert found.within == pytest.approx({0.5: 1 / 3, 1.0: 1 / 3, 2.5: 1.0})
    assert found.mean_min == pytest.approx(1.5)
    assert found.median_min == pytest.approx(1.5)
    assert found.units["share"].to_dict() == {"A": pytest.approx(1.0), "B": 0.0}
    alone = reach(drive, pd.Series({"B": 3}), line["length_m"])
    assert alone.unreached == 1.0
    assert alone.median_min == alone.mean_min == np.inf
    assert not any(alone.within.values())


def test_points_are_reached_on_foot_from_the_nearest_node(drive):
    places = points_frame("place_id", {"p": (MINUTE_M, 25.0), "q": (2 * MINUTE_M, 0.0)}, weight=[3.0, 1.0])
    units = points_frame("unit_id", {"A": (0.0, 50.0)})
    found = reach(drive, units, places, within_min=(1, 3))
    walk_s = 25.0 / (5 / 3.6)
    assert found.demand["seconds"].tolist() == pytest.approx([5 + 60 + walk_s, 5 + 120])
    assert found.units.loc["A", "snap_m"] == pytest.approx(50.0)
    assert found.within[3.0] == 1.0
    assert found.median_min == pytest.approx((65 + walk_s) / 60)


def test_streets_closed_to_the_unit_are_walked_to_or_named(line, drive):
    path = streets_frame([(8, 9, False)], {8: (590.0, 30.0), 9: (610.0, 30.0)}).assign(drivable=False)
    both = pd.concat([line, path])
    both["weight"] = 1.0
    found = reach(drive, pd.Series({"A": 0}), both)
    assert found.demand["seconds"].iloc[-1] == pytest.approx(60 + 30 / (5 / 3.6))
    with pytest.raises(InputError, match="1 streets are not in the car network"):
        reach(drive, pd.Series({"A": 0}), both["weight"])


def test_each_unit_moves_on_its_own_network(line, drive):
    walk = build_network(line, mode="foot", speed_kph=3.6)  # a tenth of the car's speed, against one-way streets, too
    fleet = {"A": drive, "W": walk}
    found = reach(fleet, pd.Series({"A": 0, "W": 3}), line["length_m"])
    assert found.demand["unit_id"].tolist() == ["A", "A", "A"]
    assert found.demand["second_s"].tolist() == pytest.approx([1500, 900, 300])
    with pytest.raises(InputError, match="networks: none is given for unit B"):
        reach(fleet, pd.Series({"B": 0}), line["length_m"])


def test_losing_a_unit_costs_what_reaching_without_it_costs(line, drive):
    units = pd.Series({"A": 0, "B": 2})
    whole = reach(drive, units, line["length_m"], within_min=(1, 2))
    lost = lose_unit(whole)
    for unit in units.index:
        rest = reach(drive, units.drop(unit), line["length_m"], within_min=(1, 2))
        for limit in (1, 2):
            gone = whole.within[limit] - rest.within[limit]
            assert lost.loc[unit, f"lost_{limit}_min"] == pytest.approx(gone)
    assert lost.index.tolist() == ["B", "A"]  # B holds two of the three streets
    assert lost.loc["A", "delay_min"] == pytest.approx(1.0)
    assert lost.loc["A", "reserve_min"] == pytest.approx(1.5)
    assert lost["lost"].tolist() == [0.0, 0.0]
    alone = lose_unit(reach(drive, units[:1], line["length_m"]))
    assert alone.loc["A", "lost"] == 1.0
    assert np.isnan(alone.loc["A", "delay_min"])


def test_losing_a_unit_on_the_bundled_city(helsinki, city):
    rng = np.random.default_rng(3)
    units = pd.Series(rng.choice(city.nodes, 5, replace=False), index=list("ABCDE"))
    demand = helsinki.streets.assign(weight=rng.random(len(helsinki.streets)))
    whole = reach(city, units, demand, within_min=(0.5, 1, 3))
    lost = lose_unit(whole)
    assert whole.units["share"].sum() + whole.unreached == pytest.approx(1.0)
    for unit in units.index:
        rest = reach(city, units.drop(unit), demand, within_min=(0.5, 1, 3))
        for limit, share in rest.within.items():
            assert lost.loc[unit, f"lost_{limit:g}_min"] == pytest.approx(whole.within[limit] - share, abs=1e-12)


def test_times_equal_networkx_on_the_bundled_city(helsinki, city):
    rng = np.random.default_rng(0)
    units = pd.Series(rng.choice(city.nodes, 4, replace=False), index=list("ABCD"))
    drivable = helsinki.streets[helsinki.streets["drivable"]]
    found = reach(city, units, drivable["length_m"])
    at_node = nx.multi_source_dijkstra_path_length(city.graph, set(units.tolist()), weight="seconds")
    wanted = dict.fromkeys(drivable.index, np.inf)
    for u, _, edge in city.graph.edges(data=True):
        wanted[edge["street"]] = min(wanted[edge["street"]], at_node.get(u, np.inf) + edge["seconds"] / 2)
    assert np.allclose(found.demand["seconds"], list(wanted.values()), rtol=1e-12)
    shares = [reach(city, units, drivable["length_m"], within_min=(m,)).within[m] for m in (0.5, 1.0, 2.0, 4.0)]
    assert shares == sorted(shares)


def test_an_alarm_goes_to_the_unit_that_arrives_first_not_to_the_nearest(drive):
    units = points_frame("unit_id", {"near": (1800.0, 0.0), "far": (0.0, 0.0), "busy": (1200.0, 0.0)})
    units["busy"] = [False, False, True]
    found = nearest_units(drive, units, shapely.Point(1200.0, 10.0))
    assert found.index.tolist() == ["far", "near"]
    assert found.loc["far", "seconds"] == pytest.approx(120 + 10 / (5 / 3.6))
    assert found.loc["far", "route_m"] == pytest.approx(1200.0)
    assert found.loc["far", "distance_m"] == pytest.approx(np.hypot(1200.0, 10.0))
    assert found.geometry["far"].length == pytest.approx(1200.0)
    assert found.loc["near", "seconds"] == np.inf
    assert np.isnan(found.loc["near", "route_m"])
    assert found.geometry["near"].is_empty
    with pytest.raises(InfeasibleError, match="none is free"):
        nearest_units(drive, units.assign(busy=True), shapely.Point(0, 0))


def legs_frame(rows):
    table = pd.DataFrame(rows, columns=["unit_id", "u", "v", "key", "start_at", "end_at"])
    for name in ("start_at", "end_at"):
        table[name] = START + pd.to_timedelta(table[name], unit="s")
    return table


def test_response_over_time_follows_the_units(drive):
    legs = legs_frame([("A", 0, 1, 0, 0, 60), ("A", 1, 2, 0, 100, 160), ("A", 2, 3, 0, 160, 220)])
    first = points_frame("place_id", {"p": (0.0, 0.0)}, weight=[1.0])
    times = [START + pd.Timedelta(seconds=s) for s in (-1, 0, 15, 80, 190, 221)]
    found = reach_over_time(legs, drive, first, times=times, within_min=(0.5, 2))
    # off duty; there; turns round after 15 s; stands a minute away; on the way out with no way back; off duty
    assert found.samples["median_min"].tolist() == pytest.approx([np.inf, 0.0, 0.25, 1.0, np.inf, np.inf])
    assert found.samples["units"].tolist() == [0, 1, 1, 1, 1, 0]
    assert found.within == pytest.approx({0.5: 2 / 6, 2.0: 3 / 6})
    second = points_frame("place_id", {"q": (MINUTE_M, 0.0)}, weight=[1.0])
    ahead = reach_over_time(legs, drive, second, times=times[2:3], within_min=(1,))
    assert ahead.samples["median_min"].tolist() == pytest.approx([0.75])


def test_isochrones_are_exact_on_a_line(drive):
    rings = isochrones(drive, 0, within_min=(0.5, 2, 5), width_m=10.0)
    assert rings["minutes"].tolist() == [0.5, 2.0, 5.0]
    assert rings["reached_m"].tolist() == pytest.approx([300.0, 1200.0, 1800.0])
    assert rings.total_bounds == pytest.approx([-10.0, -10.0, 1810.0, 10.0])
    assert rings.geometry[0].bounds == pytest.approx((-10.0, -10.0, 310.0, 10.0))
    assert isochrones(drive, 3, within_min=(5,))["reached_m"].tolist() == [0.0]  # a one-way street leads here
    # from both ends of a two-way street: each metre counts once
    assert isochrones(drive, 1, within_min=(0.75,))["reached_m"].tolist() == pytest.approx([900.0])
    far = isochrones(drive, shapely.Point(0.0, 600.0), within_min=(0.5, 1.5))
    assert far["reached_m"].tolist() == pytest.approx([0.0, 300.0])
    assert far.geometry[0].is_empty


def test_isochrones_fill_blocks_and_leave_parks_open():
    def ring(side):
        xy = {0: (0, 0), 1: (side, 0), 2: (side, side), 3: (0, side)}
        streets = streets_frame([(0, 1, False), (1, 2, False), (2, 3, False), (3, 0, False)], xy)
        return isochrones(build_network(streets, mode="foot", speed_kph=5), 0, within_min=(60,)).geometry[0]

    assert not ring(200.0).interiors
    assert len(ring(400.0).interiors) == 1


@pytest.mark.parametrize("mode", ["foot", "car"])
def test_isochrones_nest_and_hold_every_reached_node(helsinki, mode):
    network = build_network(helsinki.streets, mode=mode, speed_kph=5 if mode == "foot" else 30)
    node = int(network.nodes[(network.components == 0)][700])
    limits = (0.5, 1.0, 3.0)
    rings = isochrones(network, node, within_min=limits)
    seconds = network.travel_matrix([node], network.nodes)[0]
    points = shapely.points(network.xy)
    for limit, ring in zip(limits, rings.geometry, strict=True):
        assert shapely.covers(ring, points[seconds <= 60 * limit]).all()
    for inner, outer in zip(rings.geometry[:-1], rings.geometry[1:], strict=True):
        assert inner.difference(outer).area < 1e-6
    assert rings["reached_m"].is_monotonic_increasing
    assert isochrones(network, node, within_min=(600,))["reached_m"][0] <= helsinki.streets["length_m"].sum()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"demand": pd.Series([1.0, -1.0, 1.0])}, InputError, "finite numbers of at least 0 are needed"),
        ({"demand": pd.Series([0.0, 0.0, 0.0])}, InputError, "no place has any"),
        ({"demand": pd.Series([], dtype=float)}, InputError, "demand: there is none"),
        ({"demand": pd.Series([1.0, 1.0], index=["a", "a"])}, InputError, "ids repeat: a"),
        ({"demand": points_frame("p", {"a": (0, 0)})}, InputError, "missing column weight"),
        ({"demand": points_frame("p", {"a": (0, 0)}, weight=[1.0]).to_crs(32636)}, CRSError, "demand"),
        ({"units": pd.Series([], dtype=int)}, InfeasibleError, "none is free"),
        ({"units": pd.Series({"A": 77})}, InputError, "77"),
        ({"within_min": (0, 1)}, UnitRangeError, "within_min"),
        ({"within_min": ()}, UnitRangeError, "within_min"),
    ],
)
def test_bad_input_is_named(line, drive, change, error, message):
    given = {"units": pd.Series({"A": 0}), "demand": line["length_m"], "within_min": (1,)} | change
    with pytest.raises(error, match=message):
        reach(drive, given.pop("units"), given.pop("demand"), **given)


def test_bad_units_legs_and_times_are_named(line, drive):
    units = points_frame("unit_id", {"A": (0.0, 0.0)})
    with pytest.raises(InputError, match="busy: must be true or false"):
        reach(drive, units.assign(busy=[None]), line["length_m"])
    legs = legs_frame([("A", 0, 1, 0, 0, 60)])
    for broken, message in (
        (legs.drop(columns="u"), "missing columns u"),
        (legs.iloc[:0], "there are none"),
        (legs.assign(end_at=START - pd.Timedelta(seconds=1)), "1 end before they start: 0"),
        (legs.assign(v=3), "1 are no edge of their unit's network: 0"),
        (legs.assign(start_at=legs["start_at"].dt.tz_localize(None)), "start_at: times with a time zone"),
    ):
        with pytest.raises(InputError, match=message):
            reach_over_time(broken, drive, line["length_m"], times=[START])
    with pytest.raises(InputError, match="1 have no time zone"):
        reach_over_time(legs, drive, line["length_m"], times=[pd.Timestamp("2026-11-23T08:00")])
    with pytest.raises(InputError, match="alarm: a point"):
        nearest_units(drive, units, shapely.Point())
    with pytest.raises(UnitRangeError, match="width_m"):
        isochrones(drive, 0, width_m=0.0)
    with pytest.raises(InputError, match="nodes are not in the car network"):
        isochrones(drive, 99)
