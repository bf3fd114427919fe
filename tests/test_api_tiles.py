"""Vector tiles over HTTP, from both databases: each row where they are few, true sums where they are many."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime

import accounts
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import store_databases
from api_server import connect
from tile_town import CRS, decode, fill, find_tiles, make_cells, make_seen, make_town

from sightgrid.api.collections import Collection
from sightgrid.api.settings import Settings
from sightgrid.api.tiles import preparing
from sightgrid.api.tiles.cache import Packed, TileCache
from sightgrid.api.tiles.commands import EXTENT
from sightgrid.api.tiles.drawing import Drawer
from sightgrid.api.tiles.mercator import EARTH_M
from sightgrid.api.tiles.summaries import Summaries
from sightgrid.api.tiles.tilesets import find_tileset
from sightgrid.health.records import Memory, Record
from sightgrid.store.database import open_database
from sightgrid.store.edits import add_features, delete_features, update_features
from sightgrid.store.history import History
from sightgrid.store.layers import read_layer
from sightgrid.store.results import Result, keep_result
from sightgrid.store.scenarios import add_scenario, put_cameras, read_cameras, remove_cameras
from sightgrid.store.sites import find_site, import_layer, import_site

BOTH = ("sqlite", "postgresql")
ALONE = Settings(workers=0)
MOST = 1000
TOWN, HELSINKI = 1, 2
ZOOMS_FEW = [("cameras", 15), ("obstacles", 15), ("obstacles", 17), ("streets", 15), ("posts", 16), ("zones", 12)]


def fill_store(database, helsinki):
    """Bring in the town with results and the health of some cameras, and Helsinki with a scenario."""
    town = import_site(database, make_town())
    import_site(database, helsinki)
    layers = {"cells": make_cells(), "seen": make_seen()}
    keep_result(database, town, Result("coverage", "f", {}, {}, b"", "text/plain", layers=layers))
    history = History(database, find_site(database, town).uid)
    for name, status in (("cameras-0", "offline"), ("cameras-1", "offline"), ("cameras-2", "ok")):
        at = datetime(2026, 5, 1, tzinfo=UTC)
        history.record(Record(camera_id=name, checked_at=at, status=status, reason=""), Memory())


@pytest.fixture(scope="module")
def stores(tmp_path_factory, helsinki):
    opened = {kind: open_database(store_databases.make_address(kind, tmp_path_factory.mktemp(kind))) for kind in BOTH}
    for database in opened.values():
        fill_store(database, helsinki)
    yield opened
    for database in opened.values():
        database.close()


@pytest.fixture(scope="module")
def clients(stores):
    with connect(stores["sqlite"], ALONE) as first, connect(stores["postgresql"], ALONE) as second:
        yield {"sqlite": first, "postgresql": second}


@pytest.fixture(params=BOTH)
def kind(request):
    return request.param


@pytest.fixture
def client(clients, kind):
    return clients[kind]


@pytest.fixture
def database(stores, kind):
    return stores[kind]


def ask(client, collection, place, **options):
    z, x, y = place
    path = f"/results/{collection.replace('/', '/tiles/')}" if "/" in collection else f"/tiles/{collection}"
    answer = client.get(f"{path}/{z}/{x}/{y}.mvt", **options)
    assert answer.status_code in (200, 204, 304), answer.text
    return answer


def draw(client, collection, places):
    """Return what GDAL reads out of tiles that show anything, by tile."""
    answers = {place: ask(client, collection, place) for place in places}
    return {place: decode(answer.content, place) for place, answer in answers.items() if answer.status_code == 200}


def gather(client, collection, places):
    return pd.concat(draw(client, collection, places).values())


def window(place, margin_units=64):
    z, x, y = place
    size = EARTH_M / 2**z
    west, north, out = x * size - EARTH_M / 2, EARTH_M / 2 - y * size, margin_units * size / EXTENT
    return shapely.box(west - out, north - size - out, west + size + out, north + out), size / EXTENT


def lie_together(first, second, place):
    """Tell whether no part of a shape lies off the other one in a tile; beyond it databases cut at other places."""
    inner, unit_m = window(place, -2)
    pair = [np.array([fill(shape) for shape in shapes]) for shapes in (first, second)]
    beyond = [shapely.difference(one, shapely.buffer(other, 1.5 * unit_m)) for one, other in (pair, pair[::-1])]
    return not shapely.intersects(beyond, inner).any()


def middle_tiles(database, layer, zoom, count=3, site_id=TOWN):
    tiles = find_tiles(read_layer(database, site_id, layer).geometry, zoom)
    return tiles[len(tiles) // 2 :][:count]


@pytest.mark.parametrize(("layer", "zoom"), [("cameras", 15), ("obstacles", 16), ("streets", 15), ("zones", 12)])
def test_where_rows_are_few_each_is_drawn_where_it_lies(client, database, layer, zoom):
    rows = read_layer(database, TOWN, layer).to_crs(3857)
    rows.index = ["_".join(map(str, name)) if isinstance(name, tuple) else name for name in rows.index]
    for place, drawn in draw(client, f"{TOWN}.{layer}", middle_tiles(database, layer, zoom)).items():
        area, unit_m = window(place, 0 if layer == "cameras" else 64)
        clear = rows.index[rows.intersects(area.buffer(-2 * unit_m))]
        assert set(clear) <= set(drawn["id"]) <= set(rows.index[rows.intersects(area.buffer(2 * unit_m))])
        inside = rows.index[rows.intersects(window(place, 0)[0].buffer(-2 * unit_m))]
        assert lie_together(drawn.set_index("id").geometry[inside], rows.geometry[inside], place)


@pytest.mark.parametrize(
    ("collection", "layer", "zoom"),
    [
        ("1.cameras", "cameras", 15), ("1.obstacles", "obstacles", 17), ("1.streets", "streets", 15),
        ("1.streets", "streets", 12), ("1.posts", "posts", 13), ("1.obstacles", "obstacles", 12),
        ("1/cells", "zones", 16), ("1/cells", "zones", 12), ("1/seen", "zones", 14),
    ],
)  # fmt: skip
def test_both_databases_draw_the_same(clients, stores, collection, layer, zoom):
    tiles = find_tiles(read_layer(stores["sqlite"], TOWN, layer).geometry, zoom)[:4]
    first, second = (draw(clients[kind], collection, tiles) for kind in BOTH)
    assert set(first) == set(second)
    for place, here in first.items():
        there = second[place]
        for frame in (here, there):
            assert len(frame) <= MOST
            frame.index = frame["id"] if "id" in frame else frame.geometry.centroid.to_wkt(rounding_precision=0)
        inner = window(place, -2)[0]
        seen = [frame[frame.intersects(inner)].sort_index() for frame in (here, there)]
        assert list(seen[0].index) == list(seen[1].index)
        assert lie_together(*(frame.geometry for frame in seen), place)
        plain = [frame.drop(columns=["geometry", "mvt_id"]).sort_index(axis=1) for frame in seen]
        pd.testing.assert_frame_equal(*plain, check_dtype=False)


def test_a_site_whose_system_has_no_number_is_drawn_all_the_same(stores):
    """PostGIS knows systems by number only, so there the rows are drawn by ourselves."""
    own = "+proj=aeqd +lat_0=60.17 +lon_0=24.94 +datum=WGS84 +units=m +type=crs"
    drawn = []
    for kind in BOTH:
        with connect(stores[kind], ALONE) as client:
            site_id = import_site(stores[kind], make_town(own, corner=(0.0, 0.0), name="elsewhere"))
            tiles = middle_tiles(stores[kind], "obstacles", 16, site_id=site_id)
            drawn.append(gather(client, f"{site_id}.obstacles", tiles))
    assert len(drawn[0]) > 100
    pd.testing.assert_frame_equal(
        *(frame.drop(columns="geometry").sort_values("id", ignore_index=True) for frame in drawn)
    )


@pytest.mark.parametrize("zoom", [3, 11])
def test_clusters_count_every_row_once(client, database, zoom):
    tiles = find_tiles(read_layer(database, TOWN, "cameras").geometry, zoom)
    frames = draw(client, f"{TOWN}.cameras", tiles)
    assert all(len(frame) <= 256 and frame["aggregated"].all() for frame in frames.values())
    drawn = pd.concat(frames.values())
    cameras = read_layer(database, TOWN, "cameras")
    assert drawn["count"].sum() == len(cameras) == 2000
    for name, count in cameras["kind"].value_counts().items():
        assert drawn[f"kind_{name}"].sum() == count
    assert (drawn["status_offline"].sum(), drawn["status_ok"].sum()) == (2, 1)
    assert set(drawn.geom_type) == {"Point"}


def test_a_camera_shows_the_status_of_its_last_probe(client, database):
    tiles = find_tiles(read_layer(database, TOWN, "cameras").geometry, 15)
    drawn = gather(client, f"{TOWN}.cameras", tiles).drop_duplicates("id").set_index("id")
    assert drawn["status"].dropna().to_dict() == {"cameras-0": "offline", "cameras-1": "offline", "cameras-2": "ok"}


@pytest.mark.parametrize("zoom", [9, 12])
def test_rates_of_coarser_cells_give_the_rate_of_the_whole(client, zoom):
    cells = make_cells()
    frames = draw(client, "1/cells", find_tiles(cells.geometry, zoom))
    drawn = pd.concat(frames.values())
    assert max(map(len, frames.values())) <= 256
    assert drawn["count"].sum() == len(cells)
    for name in ("observable_m2", "covered_m2"):
        assert drawn[name].sum() == pytest.approx(cells[name].sum())
    rated = drawn.dropna(subset="rate")
    whole = cells["covered_m2"].sum() / cells["observable_m2"].sum()
    assert np.average(rated["rate"], weights=rated["observable_m2"]) == pytest.approx(whole)
    assert drawn["assumed_share"].dropna().to_numpy() == pytest.approx(0.25)


@pytest.mark.parametrize("zoom", [8, 11])
def test_squares_tell_how_much_is_built(client, database, zoom):
    obstacles = read_layer(database, TOWN, "obstacles")
    frames = draw(client, f"{TOWN}.obstacles", find_tiles(obstacles.geometry, zoom))
    drawn = pd.concat(frames.values())
    assert max(map(len, frames.values())) <= 256
    assert drawn["count"].sum() == len(obstacles)
    assert drawn["area_m2"].sum() == pytest.approx(obstacles.area.sum(), rel=1e-4)
    true_m2 = gpd.GeoSeries(drawn.geometry.to_numpy(), crs=3857).to_crs(CRS).area.to_numpy()
    assert drawn["share"].to_numpy() == pytest.approx(drawn["area_m2"].to_numpy() / true_m2, rel=0.02)


def test_of_many_streets_the_large_ones_come_first(client, database):
    streets = read_layer(database, TOWN, "streets")
    shown = {}
    for zoom in (7, 9):
        tiles = find_tiles(streets.geometry, zoom)
        assert len(tiles) == 1
        drawn = gather(client, f"{TOWN}.streets", tiles)
        shown[zoom] = drawn.set_index("highway")["count"].to_dict()
        assert drawn["aggregated"].all()
        assert set(drawn.geom_type) == {"MultiLineString"}
    counts = streets["highway"].value_counts()
    assert shown == {7: counts[["motorway"]].to_dict(), 9: counts[["motorway", "primary"]].to_dict()}


def test_a_summary_that_is_brought_forward_equals_one_made_anew(database):
    summaries, layer = Summaries(), "posts"
    name = Collection(TOWN, layer)

    def summarise(source):
        with database.read() as connection:
            tileset = find_tileset(connection, name)
            summary = source.get(connection, tileset)
            assert summary.revision == tileset.revision
            order = np.argsort(summary.keys)
            return [summary.keys[order], summary.boxes[order], summary.sizes[order]]

    before = read_layer(database, TOWN, layer)
    summarise(summaries)
    moved = before.iloc[:5].set_geometry(before.geometry.iloc[:5].translate(30.0, 40.0))
    update_features(database, TOWN, layer, moved, versions=moved["version"].to_dict())
    add_features(database, TOWN, layer, before.iloc[5:7].rename(index=lambda each: f"{each}-again"))
    assert all(map(np.array_equal, summarise(summaries), summarise(Summaries())))
    delete_features(database, TOWN, layer, versions=before["version"].iloc[8:12].to_dict())
    assert all(map(np.array_equal, summarise(summaries), summarise(Summaries())))
    import_layer(database, TOWN, layer, before.drop(columns="version"))
    keys, *_ = summarise(summaries)
    assert len(keys) == len(before)


def test_large_layers_are_summed_up_before_anybody_asks(database, monkeypatch):
    monkeypatch.setattr(preparing, "LARGE", 3000)
    drawer, stop = Drawer(database), threading.Event()
    preparing.prepare(drawer, stop)
    made = {layer for _, layer, *_ in drawer.summaries._kept}
    assert made == {"obstacles", "streets", "posts"}
    drawer.summaries = Summaries(most_bytes=1)
    preparing.prepare(drawer, stop)
    assert len(drawer.summaries._kept) == 1  # the one that was asked for last stays, however large
    stop.set()
    drawer.summaries = Summaries()
    preparing.prepare(drawer, stop)
    assert not drawer.summaries._kept


@pytest.mark.parametrize("zoom", [12, 16])
def test_a_scenario_is_drawn_over_the_site(client, database, zoom):
    scenario = add_scenario(database, HELSINKI, name=f"at {zoom}")
    cameras = read_layer(database, HELSINKI, "cameras").drop(columns="version")
    moved = cameras.iloc[[0]].set_geometry(cameras.geometry.iloc[[0]].translate(25.0, -35.0))
    put_cameras(database, scenario.scenario_id, moved, versions={moved.index[0]: 0})
    put_cameras(database, scenario.scenario_id, moved.rename(index=lambda _: "new"), versions={"new": 0})
    remove_cameras(database, scenario.scenario_id, versions={cameras.index[1]: 0})
    variant = read_cameras(database, scenario.scenario_id)
    collection = f"{HELSINKI}.cameras.{scenario.scenario_id}"
    drawn = gather(client, collection, find_tiles(variant.geometry, zoom))
    if zoom == 12:
        assert drawn["count"].sum() == len(variant)
        return
    drawn = drawn.drop_duplicates("id").set_index("id")
    assert set(drawn.index) == set(variant.index)
    true = variant.to_crs(3857).geometry.loc[drawn.index]
    assert drawn.geometry.distance(true).max() <= window((zoom, 0, 0))[1]
    assert client.get(f"/tiles/{TOWN}.cameras.{scenario.scenario_id}").status_code == 404


def test_an_address_with_the_version_may_be_kept_for_good(client, database):
    told = client.get(f"/tiles/{HELSINKI}.posts").json()
    posts = read_layer(database, HELSINKI, "posts")
    place = find_tiles(posts.geometry, 15)[0]
    (address,) = told["tiles"]
    address = address.format(z=place[0], x=place[1], y=place[2])
    first = client.get(address)
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    tag = {"If-None-Match": first.headers["etag"]}
    again = client.get(address, headers=tag)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    bare = ask(client, f"{HELSINKI}.posts", place)
    assert bare.headers["cache-control"] == "private, max-age=0, must-revalidate"
    assert bare.content == first.content

    name = decode(first.content, place)["id"].iloc[0]
    delete_features(database, HELSINKI, "posts", versions={name: int(posts.loc[name, "version"])})
    after = client.get(address, headers=tag)
    assert (after.status_code, after.headers["cache-control"]) == (200, "private, max-age=0, must-revalidate")
    assert name not in set(decode(after.content, place)["id"])
    assert client.get(f"/tiles/{HELSINKI}.posts").json()["tiles"] != told["tiles"]
    add_features(database, HELSINKI, "posts", posts.loc[[name]].drop(columns="version"))


def test_the_description_holds_what_the_tiles_hold(client, database):
    told = client.get(f"/tiles/{HELSINKI}.streets").json()
    west, south, east, north = told["bounds"]
    streets = read_layer(database, HELSINKI, "streets")
    true = streets.to_crs(4326).total_bounds
    assert np.allclose(told["bounds"], true, atol=1e-6)
    assert west <= true[0] and south <= true[1] and east >= true[2] and north >= true[3]  # noqa: PT018
    (layer,) = told["vector_layers"]
    drawn = gather(client, f"{HELSINKI}.streets", find_tiles(streets.geometry, told["maxzoom"])[:4])
    assert set(drawn.columns) - {"mvt_id", "geometry"} <= set(layer["fields"])
    assert layer["fields"]["oneway"] == "Boolean"
    cells = client.get("/results/1/tiles/cells").json()
    assert (
        cells["vector_layers"][0]["fields"] | {"rate": "Number", "id": "String"} == cells["vector_layers"][0]["fields"]
    )
    empty = client.get(f"/tiles/{HELSINKI}.incidents").json()
    assert "bounds" not in empty
    assert ask(client, f"{HELSINKI}.incidents", (0, 0, 0)).status_code == 204
    listed = client.get("/tiles").json()["tilesets"]
    assert {"1.cameras", "2.streets"} <= {each["id"] for each in listed}
    assert all(client.get(each["links"][0]["href"]).status_code == 200 for each in listed[:3])


def test_large_tiles_are_compressed_for_who_takes_that(client, database):
    place = middle_tiles(database, "obstacles", 15)[0]
    plain = ask(client, "1.obstacles", place, headers={"Accept-Encoding": "identity"})
    zipped = ask(client, "1.obstacles", place, headers={"Accept-Encoding": "br, gzip"})
    assert "content-encoding" not in plain.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert int(zipped.headers["content-length"]) < 0.7 * len(plain.content)
    assert zipped.content == plain.content
    for accepted, wanted in (("gzip;q=0", None), ("br, gzip; q=0.0", None), ("gzip;q=0.5", "gzip"), ("*", "gzip")):
        answer = ask(client, "1.obstacles", place, headers={"Accept-Encoding": accepted})
        assert answer.headers.get("content-encoding") == wanted, accepted


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/tiles/1.cameras/23/0/0.mvt", 404), ("/tiles/1.cameras/-1/0/0.mvt", 404),
        ("/tiles/1.cameras/4/16/0.mvt", 404), (f"/tiles/1.cameras/4/0/{10**40}.mvt", 404),
        ("/tiles/1.cameras/a/0/0.mvt", 422), ("/tiles/1.cameras/1.5/0/0.mvt", 422),
        ("/tiles/99.cameras/4/0/0.mvt", 404), ("/tiles/1.nothing/4/0/0.mvt", 404),
        ("/tiles/1.cameras.99/4/0/0.mvt", 404), ("/tiles/99.cameras", 404), ("/tiles/none", 404),
        ("/results/99/tiles/cells", 404), ("/results/1/tiles/none/1/0/0.mvt", 404),
        (f"/results/{2**70}/tiles/cells", 422),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for_is_a_problem(client, path, status):
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_positions_are_for_roles_that_need_them(tmp_path, helsinki):
    with open_database(store_databases.make_address("sqlite", tmp_path)) as database:
        fill_store(database, helsinki)
        scenario = add_scenario(database, TOWN, name="secret")
        cookies = {
            role: accounts.sign_in(database, accounts.add_user(database, role)) for role in ("viewer", "auditor")
        }
        asked = {
            "/tiles/1.cameras/14/0/0.mvt": (403, 204), "/tiles/1.cameras": (403, 200), "/tiles/1.obstacles": (200, 200),
            "/tiles/1.incidents": (403, 403), f"/tiles/1.cameras.{scenario.scenario_id}": (403, 403),
            f"/tiles/1.cameras.{scenario.scenario_id}/14/0/0.mvt": (403, 403),
            "/results/1/tiles/cells": (200, 200), "/results/1/tiles/seen": (403, 200),
            "/results/1/tiles/seen/14/0/0.mvt": (403, 204), "/results/1/tiles/legs/14/0/0.mvt": (403, 403),
        }  # fmt: skip
        with connect(database, Settings(local=False, workers=0)) as client:
            for path, wanted in asked.items():
                found = tuple(client.get(path, headers=cookies[role]).status_code for role in ("viewer", "auditor"))
                assert found == wanted, path
            listed = client.get("/tiles", headers=cookies["viewer"]).json()["tilesets"]
            assert not {"cameras", "incidents"} & {each["layer"] for each in listed}
            assert client.get("/tiles/1.obstacles").status_code == 401


READ = """
import sys, pyogrio
server, name, zoom = sys.argv[1:]
options = {"METADATA_FILE": f"{server}/tiles/{name}", "TILE_EXTENSION": "mvt"}
frame = pyogrio.read_dataframe(f"MVT:{server}/tiles/{name}/{zoom}", **options)
print(",".join(frame["id"].unique()), frame.crs.to_epsg())
"""


def test_gdal_reads_the_tiles_from_the_server(client, database):
    words = [sys.executable, "-c", READ, str(client.base_url).rstrip("/"), f"{HELSINKI}.obstacles", "15"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    wanted = read_layer(database, HELSINKI, "obstacles")
    names, system = done.stdout.split()
    assert system == "3857", done.stderr
    # slivers of a few square decimetres may fall together
    assert set(wanted.index[wanted.area > 2.0]) <= set(names.split(",")) <= set(wanted.index)


def test_the_cache_keeps_what_was_asked_for_last():
    cache, tile = TileCache(most_bytes=3000), Packed(b"x" * 800, zipped=False)  # 1,000 bytes with what belongs to it
    for name in "abc":
        cache.put((name,), tile)
    assert cache.get(("a",)) is tile
    cache.put(("d",), tile)
    assert [cache.get((name,)) is not None for name in "abcd"] == [True, False, True, True]
    assert cache.size <= 3000
    cache.put(("e",), Packed(b"x" * 4000, zipped=False))
    assert (cache.size, cache.get(("e",))) == (0, None)


COUNT = """
import sightgrid.api.app
from sightgrid.api.tiles import clipping, commands, paths, polynomials, squares
names = [each for module in (clipping, commands, paths, polynomials, squares) for each in vars(module).values()]
kernels = [each for each in names if hasattr(each, "signatures")]
print(len(kernels), sum(len(each.signatures) for each in kernels))
"""


def test_importing_the_server_compiles_nothing():
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True)
    count, compiled = map(int, done.stdout.split())
    assert count > 10
    assert compiled == 0
