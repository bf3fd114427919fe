"""A plan's unit as GPX: what was planned is what is read back."""

from __future__ import annotations

import geopandas as gpd
import gpxpy
import numpy as np
import pandas as pd
import pytest
from drives import START, locate, make_plan

from sightgrid.errors import InputError, SourceError
from sightgrid.patrol.streets.network import build_network
from sightgrid.patrol.tracks.compliance import compare
from sightgrid.report.patrol.gpx import read_gpx, write_gpx


@pytest.fixture(scope="module")
def plan(helsinki):
    network = build_network(helsinki.streets, mode="car", speed_kph=30)
    nodes = np.random.default_rng(8).choice(network.nodes[network.components == 0], 4, replace=False).tolist()
    tours = {"u1": (nodes[0], [("a", nodes[1], 600.0), ("b", nodes[2], 300.0), ("a", nodes[1], 90.0)])}
    return make_plan(network, tours)


def test_track_and_visits_are_read_back(plan, tmp_path):
    back = read_gpx(write_gpx(plan, tmp_path / "u1.gpx", unit_id="u1"), crs=plan.units.crs)
    fixes = back.tracks.fixes
    assert back.tracks.notes == ()
    assert set(fixes["unit_id"]) == {"u1"}
    visits = plan.visits[plan.visits["what"] == "visit"]
    assert back.visits["stop_id"].tolist() == visits["stop_id"].tolist()
    assert back.visits["name"].tolist() == ["Stop a", "Stop b", "Stop a"]
    assert back.visits["minutes"].tolist() == [10.0, 5.0, 1.5]
    assert (back.visits["arrive_at"] - visits["arrive_at"].reset_index(drop=True)).abs().max() < pd.Timedelta("1ms")
    places = plan.stops.geometry.loc[visits["stop_id"]]
    assert back.visits.distance(places.reset_index(drop=True)).max() < 0.01
    # every point of the track is where the plan is at that time
    true = gpd.points_from_xy(*locate(plan.legs, fixes["at"]).T, crs=fixes.crs)
    assert fixes.geometry.distance(gpd.GeoSeries(true)).max() < 0.05
    assert fixes["at"].iloc[0] == START
    assert fixes["at"].iloc[-1] >= plan.visits["leave_at"].max().floor("ms")


def test_every_leg_is_in_the_file(plan, tmp_path):
    back = read_gpx(write_gpx(plan, tmp_path / "u1.gpx", unit_id="u1"), crs=plan.units.crs)
    found = compare(plan, back.tracks, max_gap_s=3600)
    assert (found.visits["status"] == "done").all()
    assert found.summary["streets_covered_share"] > 0.99


def test_it_is_gpx_1_1_in_utc(plan, tmp_path):
    file = write_gpx(plan, tmp_path / "u1.gpx", unit_id="u1")
    text = file.read_text(encoding="utf-8")
    gpx = gpxpy.parse(text)
    assert gpx.version == "1.1"
    assert gpx.creator == "sightgrid"
    assert [track.name for track in gpx.tracks] == ["u1"]
    assert "<time>2026-11-23T08:00:00Z</time>" in text
    assert gpx.tracks[0].segments[0].points[0].latitude == pytest.approx(60.17, abs=0.05)


def test_names_with_any_character(plan, tmp_path):
    stops = plan.stops.assign(name=["<Kauppatori> & \x0b market", None])
    strange = type(plan)(plan.units, stops, plan.legs, plan.visits, plan.shortfalls, plan.networks)
    back = read_gpx(write_gpx(strange, tmp_path / "u1.gpx", unit_id="u1"), crs=plan.units.crs)
    assert back.visits["name"].tolist()[:2] == ["<Kauppatori> &   market", "b"]


def test_a_unit_that_stays_at_its_depot(plan, tmp_path):
    network = plan.networks["u1"]
    node = int(plan.visits["node"].iloc[0])
    idle = make_plan(network, {"u1": (node, []), "u2": (node, [("a", int(plan.visits["node"].iloc[1]), 60.0)])})
    back = read_gpx(write_gpx(idle, tmp_path / "u1.gpx", unit_id="u1"), crs=plan.units.crs)
    assert len(back.tracks.fixes) == 1
    assert back.visits.empty


def test_unknown_units_and_files(plan, tmp_path):
    with pytest.raises(InputError, match="'u7' is not in the plan"):
        write_gpx(plan, tmp_path / "u7.gpx", unit_id="u7")
    with pytest.raises(SourceError, match="there is no such file"):
        read_gpx(tmp_path / "u7.gpx", crs=plan.units.crs)
