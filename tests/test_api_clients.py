"""Programs that we did not write read, filter and edit every collection: GDAL's two generations, OWSLib."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
import store_databases
from owslib.ogcapi.features import Features

from sightgrid.columns import KINDS
from sightgrid.store.database import open_database
from sightgrid.store.layers import read_layer
from sightgrid.store.rows import name_ids
from sightgrid.store.scenarios import add_scenario, put_cameras, read_cameras, remove_cameras
from sightgrid.store.sites import import_site

NO_PROGRAM = "ogrinfo is not on this machine; tests/install-gdal installs it"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served(request, tmp_path_factory, helsinki):
    """Give a store of the bundled site with a scenario, and the address of its server."""
    address = store_databases.make_address(request.param, tmp_path_factory.mktemp("clients"))
    with open_database(address) as database:
        site_id = import_site(database, helsinki)
        scenario = add_scenario(database, site_id, name="plan").scenario_id
        changed = helsinki.cameras.iloc[5:9].assign(azimuth_deg=45.0)
        put_cameras(database, scenario, changed, versions=dict.fromkeys(changed.index, 0))
        remove_cameras(database, scenario, versions=dict.fromkeys(helsinki.cameras.index[:3], 0))
        with serve(address) as url:
            yield database, site_id, scenario, url


@contextmanager
def serve(address):
    """Run a server of its own: GDAL holds Python's lock while it waits for an answer."""
    command = [sys.executable, "-m", "sightgrid", "serve", "--store", address, "--port", "0", "--workers", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield re.search(r"http://[\d.]+:\d+", server.stdout.readline())[0]
        finally:
            server.terminate()
            server.communicate(timeout=30)


def list_kept(database, site_id, scenario):
    """Give each collection by its name, as the store has it."""
    kept = {f"{site_id}.{kind}": read_layer(database, site_id, kind) for kind in KINDS}
    frames = {name: frame.set_axis(name_ids(frame.index)) for name, frame in kept.items()}
    return {**frames, f"{site_id}.cameras.{scenario}": read_cameras(database, scenario)}


def test_gdal_reads_every_collection_as_it_is_kept(served):
    database, site_id, scenario, url = served
    kept = list_kept(database, site_id, scenario)
    names = {name for name, _ in pyogrio.list_layers(f"OAPIF:{url}")}
    assert names == {*kept, f"{site_id}.grid", f"{site_id}.incidents"}
    for name, frame in kept.items():
        read = pyogrio.read_dataframe(f"OAPIF:{url}", layer=name, PAGE_SIZE=100 if len(frame) < 1000 else 1000)
        assert read.crs == frame.crs  # the site's own, which the server offers first
        assert len(read) == len(frame)
        read = read.set_index("id").loc[list(frame.index)]
        assert shapely.hausdorff_distance(read.geometry.to_numpy(), frame.geometry.to_numpy()).max() < 1e-3
        for column in frame.columns.drop([frame.geometry.name, "stream_url"], errors="ignore"):
            given, expected = read[column], frame[column]
            if pd.api.types.is_bool_dtype(expected):
                assert given.astype(bool).to_list() == expected.to_list()
            elif pd.api.types.is_numeric_dtype(expected):
                assert np.array_equal(given.astype(float), expected.astype(float), equal_nan=True)
            else:
                assert given.fillna("").to_list() == expected.fillna("").to_list()


def test_gdal_finds_by_place_and_by_condition(served):
    database, site_id, _, url = served
    frame = read_layer(database, site_id, "obstacles")
    tall = pyogrio.read_dataframe(
        f"OAPIF:{url}", layer=f"{site_id}.obstacles", where="height_m > 20 AND kind = 'building'"
    )
    assert set(tall["id"]) == set(frame.index[(frame["height_m"] > 20) & (frame["kind"] == "building")])
    middle = frame.geometry.iloc[7].centroid
    box = (middle.x - 100, middle.y - 80, middle.x + 100, middle.y + 80)
    near = pyogrio.read_dataframe(f"OAPIF:{url}", layer=f"{site_id}.obstacles", bbox=box, PAGE_SIZE=10)
    assert set(near["id"]) == set(frame.index[frame.intersects(shapely.box(*box))])


def test_ogrinfo_reads_every_collection(served):
    if shutil.which("ogrinfo") is None:
        pytest.skip(NO_PROGRAM)
    database, site_id, scenario, url = served
    for name, frame in list_kept(database, site_id, scenario).items():
        size = ["-oo", "PAGE_SIZE=70" if len(frame) < 1000 else "PAGE_SIZE=1000"]
        done = subprocess.run(
            ["ogrinfo", "-ro", "-al", "-geom=SUMMARY", *size, f"OAPIF:{url}", name],
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        assert "ERROR" not in done.stderr
        assert f"Feature Count: {len(frame)}\n" in done.stdout
        assert sorted(re.findall(r"^  id \(String\) = (.*)$", done.stdout, re.MULTILINE)) == sorted(frame.index)


def test_owslib_lists_pages_and_filters(served):
    database, site_id, scenario, url = served
    client = Features(url)
    assert "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text" in client.conformance()["conformsTo"]
    assert client.api()["openapi"].startswith("3.0")
    kept = list_kept(database, site_id, scenario)
    assert set(client.feature_collections()) >= set(kept)
    for name, frame in kept.items():
        assert client.collection(name)["id"] == name
        assert set(client.collection_queryables(name)["properties"]) < set(client.collection_schema(name)["properties"])
        page = client.collection_items(name, limit=500)
        seen = page["features"]
        while following := [link["href"] for link in page["links"] if link["rel"] == "next"]:
            page = client.collection_items(name, **dict(re.findall(r"[?&](\w+)=([^&]*)", following[0])))
            seen += page["features"]
        assert sorted(feature["id"] for feature in seen) == sorted(frame.index)
        lonlat = frame.geometry.to_crs(4326)[[feature["id"] for feature in seen]]
        given = np.array([shapely.geometry.shape(feature["geometry"]) for feature in seen])
        assert shapely.hausdorff_distance(given, lonlat.to_numpy()).max() < 1e-8
        assert client.collection_item(name, seen[0]["id"]) == seen[0]
    cameras = kept[f"{site_id}.cameras.{scenario}"]
    found = client.collection_items(
        f"{site_id}.cameras.{scenario}", filter="azimuth_deg = 45 OR kind = 'dome'", limit=999
    )
    expected = cameras.index[(cameras["azimuth_deg"] == 45) | (cameras["kind"] == "dome")]
    assert {feature["id"] for feature in found["features"]} == set(expected)
    west, south, east, north = shapely.buffer(cameras.to_crs(4326).geometry.iloc[0], 0.001).bounds
    found = client.collection_items(f"{site_id}.cameras.{scenario}", bbox=[west, south, east, north], limit=999)
    inside = cameras.index[cameras.to_crs(4326).intersects(shapely.box(west, south, east, north))]
    assert {feature["id"] for feature in found["features"]} == set(inside)


def test_owslib_edits(served):
    """It knows no If-Match: the version comes back as a property, and without one nothing is deleted."""
    database, site_id, _, url = served
    client = Features(url)
    client.headers = dict(client.headers)  # else they are those of all its clients
    name = f"{site_id}.places"
    spot = {"type": "Point", "coordinates": [24.945, 60.17]}
    place = {"type": "Feature", "id": "kiosk", "geometry": spot, "properties": {"category": "kiosk", "priority": 3}}
    assert client.collection_item_create(name, place)
    feature = client.collection_item(name, "kiosk")
    feature["properties"]["priority"] = 7
    assert client.collection_item_update(name, "kiosk", json.dumps(feature))
    assert read_layer(database, site_id, "places").loc["kiosk", "priority"] == 7
    with pytest.raises(RuntimeError, match="If-Match"):
        client.collection_item_delete(name, "kiosk")
    client.headers["If-Match"] = f'"{client.collection_item(name, "kiosk")["version"]}"'
    assert client.collection_item_delete(name, "kiosk")
    assert "kiosk" not in read_layer(database, site_id, "places").index
