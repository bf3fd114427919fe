"""Layers in the store, on SQLite and on PostGIS: what goes in comes out, boxes are exact, nobody overwrites unseen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import sqlalchemy as sa
import store_databases
from geopandas.testing import assert_geodataframe_equal
from shapely import Point

from sightgrid.columns import KINDS
from sightgrid.errors import CRSError, InputError, SchemaError
from sightgrid.store.conflicts import ExistsError, NotFoundError, StaleVersionError
from sightgrid.store.edits import add_features, delete_features, update_features
from sightgrid.store.layer_tables import boxes, features, metadata, streams
from sightgrid.store.layers import read_layer, read_page
from sightgrid.store.sites import delete_site, find_site, import_layer, import_site, list_sites, read_site
from sightgrid.store.streams import read_streams, write_streams

address, database, few = store_databases.address, store_databases.database, store_databases.few
WATCHER = "rtsp://user:secret@10.0.0.1/stream"


@pytest.fixture
def site_id(database, few):
    cameras = few.cameras.assign(stream_url=None)
    cameras.loc[cameras.index[0], "stream_url"] = WATCHER
    return import_site(database, few.with_cameras(cameras), name="test")


def pick(database, site_id, *places):
    cameras = read_layer(database, site_id, "cameras").iloc[list(places)]
    return cameras, cameras["version"].to_dict()


def test_a_site_comes_back_as_it_went_in(database, helsinki):
    back = read_site(database, import_site(database, helsinki))
    assert back.crs == helsinki.crs
    assert back.notes == helsinki.notes
    for layer in KINDS:
        assert_geodataframe_equal(getattr(back, layer).drop(columns="version"), getattr(helsinki, layer))


def test_a_name_is_taken_once(database, few, site_id):
    with pytest.raises(ExistsError, match="a site called test"):
        import_site(database, few, name="test")
    other = import_site(database, few, name="other")
    assert [(site.site_id, site.name) for site in list_sites(database)] == [(other, "other"), (site_id, "test")]
    with pytest.raises(NotFoundError, match="no site nowhere"):
        find_site(database, "nowhere")


def test_boxes_are_exact_where_the_index_is_rounded(database, site_id, few):
    """At a northing of 6.7 million a float32 box is up to 0.5 m wide of the truth."""
    rng = np.random.default_rng(3)
    corner = np.array(few.study.bounds[:2])
    points = corner + rng.integers(0, 200, (1500, 2)) / 16  # crowded, and many on a box's edge
    posts = gpd.GeoDataFrame(
        {"kind": "pole"}, index=pd.Index([f"p{n}" for n in range(1500)], name="post_id"),
        geometry=gpd.points_from_xy(*points.T, crs=few.crs),
    )  # fmt: skip
    import_layer(database, site_id, "posts", posts)
    for _ in range(20):
        low = corner + rng.integers(0, 200, 2) / 16
        high = low + rng.integers(0, 60, 2) / 16
        inside = ((points >= low) & (points <= high)).all(axis=1)
        found = read_layer(database, site_id, "posts", box=(*low, *high))
        assert list(found.index) == list(posts.index[inside])


def test_pages_give_every_row_once(database, site_id, few):
    import_site(database, few, name="other")
    seen, after = [], 0
    while after is not None:
        page, after = read_page(database, site_id, "streets", limit=7, after=after)
        seen += list(page.index)
    assert len(seen) == len(set(seen)) == len(few.streets)
    assert set(seen) == set(few.streets.index)


def test_a_condition_is_answered_by_the_database(database, site_id, few):
    tall = read_layer(database, site_id, "obstacles", where=features["obstacles"].c.height_m > 20.0)
    assert set(tall.index) == set(few.obstacles.index[few.obstacles["height_m"] > 20.0])


def test_rows_are_added_changed_and_deleted(database, site_id):
    camera, versions = pick(database, site_id, 3)
    name = camera.index[0]
    moved = camera.set_geometry(camera.geometry.translate(1000.0, 0.0)).assign(azimuth_deg=12.5)
    version = update_features(database, site_id, "cameras", moved, versions=versions)
    spot = moved.geometry.iloc[0]
    there = read_layer(database, site_id, "cameras", box=(spot.x - 1, spot.y - 1, spot.x + 1, spot.y + 1))
    assert there.loc[name, ["azimuth_deg", "version"]].to_list() == [12.5, version]
    old = camera.geometry.iloc[0]
    assert name not in read_layer(database, site_id, "cameras", box=(old.x, old.y, old.x, old.y)).index

    added = camera.rename(index={name: "new one"})
    add_features(database, site_id, "cameras", added)
    assert read_layer(database, site_id, "cameras").index[-1] == "new one"
    with pytest.raises(ExistsError, match="cameras new one: is there already"):
        add_features(database, site_id, "cameras", added)
    delete_features(database, site_id, "cameras", versions={name: version})
    with pytest.raises(NotFoundError, match=f"cameras {name}: is not there"):
        delete_features(database, site_id, "cameras", versions={name: version})


def test_the_second_of_two_editors_is_told_both_versions(database, site_id):
    camera, versions = pick(database, site_id, 5)
    version = update_features(database, site_id, "cameras", camera.assign(name="first"), versions=versions)
    for change in (
        lambda: update_features(database, site_id, "cameras", camera.assign(name="second"), versions=versions),
        lambda: delete_features(database, site_id, "cameras", versions=versions),
    ):
        with pytest.raises(StaleVersionError, match="somebody else") as caught:
            change()
        assert (caught.value.given, caught.value.current) == (1, version)
    assert read_layer(database, site_id, "cameras").loc[camera.index[0], "name"] == "first"


def test_of_editors_at_the_same_time_one_wins(database, site_id):
    camera, versions = pick(database, site_id, 5)

    def edit(number):
        try:
            return update_features(database, site_id, "cameras", camera.assign(name=str(number)), versions=versions)
        except StaleVersionError:
            return None

    with ThreadPoolExecutor(6) as pool:
        won = [number for number, version in enumerate(pool.map(edit, range(12))) if version]
    assert len(won) == 1
    assert read_layer(database, site_id, "cameras").loc[camera.index[0], "name"] == str(won[0])


def test_a_row_that_came_again_has_no_version_of_before(database, site_id):
    camera, versions = pick(database, site_id, 2)
    delete_features(database, site_id, "cameras", versions=versions)
    add_features(database, site_id, "cameras", camera)
    with pytest.raises(StaleVersionError):
        update_features(database, site_id, "cameras", camera, versions=versions)


def test_of_several_rows_all_are_changed_or_none(database, site_id):
    cameras, versions = pick(database, site_id, 0, 1)
    stale = versions | {cameras.index[1]: 77}
    before = find_site(database, site_id).revisions
    with pytest.raises(StaleVersionError):
        update_features(database, site_id, "cameras", cameras.assign(name="new"), versions=stale)
    assert "new" not in set(read_layer(database, site_id, "cameras")["name"])
    assert find_site(database, site_id).revisions == before


def test_only_the_changed_layer_counts_on(database, site_id):
    before = find_site(database, site_id).revisions
    camera, versions = pick(database, site_id, 0)
    update_features(database, site_id, "cameras", camera, versions=versions)
    assert find_site(database, site_id).revisions == before | {"cameras": 2}


def test_what_does_not_fit_is_refused_whole(database, site_id, few):
    camera, versions = pick(database, site_id, 0)
    with pytest.raises(SchemaError, match="azimuth_deg: must lie in"):
        update_features(database, site_id, "cameras", camera.assign(azimuth_deg=400.0), versions=versions)
    with pytest.raises(CRSError, match="must be in the coordinate system of the site"):
        update_features(database, site_id, "cameras", camera.to_crs(4326), versions=versions)
    with pytest.raises(SchemaError, match="must be one of cameras"):
        read_layer(database, site_id, "nothing")
    bad = few.cameras.assign(hfov_deg=-1.0)
    with pytest.raises(SchemaError):
        import_site(database, few.with_cameras(bad), name="bad")
    assert [site.name for site in list_sites(database)] == ["test"]


def test_columns_beside_the_contract_are_kept_and_addresses_in_them_hidden(database, site_id, few):
    cameras = few.cameras.iloc[:3].assign(district=["Kallio", None, "Töölö"], count=[1, 2, 3], web="http://x/?key=1")
    import_layer(database, site_id, "cameras", cameras)
    back = read_layer(database, site_id, "cameras")
    assert back["district"].fillna("").to_list() == ["Kallio", "", "Töölö"]
    assert back["count"].to_list() == [1, 2, 3]
    assert set(back["web"]) == {"***"}


def test_grid_and_incidents_are_layers_too(database, site_id, few):
    spot = few.study.representative_point()
    at = pd.to_datetime(["2026-03-29T02:30:00.000000+03:00", "2026-03-29T04:30:00.000001+03:00"], utc=True)
    incidents = gpd.GeoDataFrame(
        {"occurred_at": at, "category": ["theft", None], "severity": [2.0, np.nan]},
        index=pd.Index(["a", "b"], name="incident_id"), geometry=[spot, spot], crs=few.crs,
    )  # fmt: skip
    import_layer(database, site_id, "incidents", incidents)
    back = read_layer(database, site_id, "incidents")
    assert list(back["occurred_at"]) == list(at)
    assert back["severity"].to_list() == [2.0, 1.0]
    with pytest.raises(SchemaError, match="severity: must be a number in"):
        import_layer(database, site_id, "incidents", incidents.assign(severity=-1.0))
    naive = incidents.assign(occurred_at=at.tz_localize(None))
    with pytest.raises(SchemaError, match="time zone"):
        import_layer(database, site_id, "incidents", naive)
    grid = gpd.GeoDataFrame(
        {"observable_m2": [81.0], "rate": [0.5]}, index=pd.Index(["1_2"], name="cell_id"),
        geometry=[shapely.box(0, 0, 9, 9)], crs=few.crs,
    )  # fmt: skip
    import_layer(database, site_id, "grid", grid)
    assert read_layer(database, site_id, "grid")[["observable_m2", "rate"]].to_numpy().tolist() == [[81.0, 0.5]]


def test_addresses_are_read_by_their_own_function_alone(database, site_id, few):
    first, second = few.cameras.index[:2]
    assert read_streams(database, site_id).to_dict() == {first: WATCHER}
    assert read_site(database, site_id).cameras["stream_url"].isna().all()
    with database.read() as connection:
        for table in metadata.sorted_tables:
            rows = connection.execute(sa.select(table)).all()
            assert table is streams or "secret" not in str(rows), table.name
    camera, versions = pick(database, site_id, 0)
    update_features(database, site_id, "cameras", camera.assign(name="moved"), versions=versions)
    assert read_streams(database, site_id).to_dict() == {first: WATCHER}
    with pytest.raises(InputError, match="stream_url: addresses are kept apart"):
        update_features(database, site_id, "cameras", camera.assign(stream_url="x"), versions={first: 2})
    write_streams(database, site_id, {second: "rtsp://b", first: ""})
    assert read_streams(database, site_id).to_dict() == {second: "rtsp://b"}
    with pytest.raises(NotFoundError):
        write_streams(database, site_id, {first: "rtsp://c", "nobody": "rtsp://d"})
    assert read_streams(database, site_id).to_dict() == {second: "rtsp://b"}


def test_a_site_goes_with_all_that_is_its(database, site_id, few):
    other = import_site(database, few, name="other")
    delete_site(database, site_id)
    with pytest.raises(NotFoundError):
        read_layer(database, site_id, "cameras")
    with pytest.raises(NotFoundError):
        delete_site(database, site_id)
    assert len(read_site(database, other).obstacles) == len(few.obstacles)
    with database.read() as connection:
        count = sa.select(sa.func.count()).select_from
        assert connection.execute(count(features["obstacles"])).scalar_one() == len(few.obstacles)
        assert connection.execute(count(streams)).scalar_one() == 0
        if database.path:
            assert connection.execute(count(boxes["obstacles"])).scalar_one() == len(few.obstacles)


def test_a_layer_of_one_spot_and_an_empty_layer_are_stored(database, site_id, few):
    spot = few.study.representative_point()
    posts = gpd.GeoDataFrame(
        {"kind": "pole"}, index=pd.Index([f"p{n}" for n in range(1200)], name="post_id"),
        geometry=[Point(spot)] * 1200, crs=few.crs,
    )  # fmt: skip
    import_layer(database, site_id, "posts", posts)
    assert len(read_layer(database, site_id, "posts", box=spot.bounds)) == 1200
    import_layer(database, site_id, "posts", posts.iloc[:0])
    assert read_layer(database, site_id, "posts").empty
    assert read_site(database, site_id).posts.empty
