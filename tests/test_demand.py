"""Demand lies on observable ground and weighs what the site says; the matrix says who sees it densely enough."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from scenes import CRS, EAST_M, NORTH_M, cameras_frame, layer, make_site, obstacles_frame, streets_frame
from shapely import box

from sightgrid.coverage.demand import sample_demand
from sightgrid.coverage.matrix import match_views
from sightgrid.coverage.scene import Scene
from sightgrid.coverage.visibility import view_areas
from sightgrid.errors import CRSError, InfeasibleError, InputError, SourceError, UnitRangeError

HOUSE = box(EAST_M - 10.0, NORTH_M - 10.0, EAST_M + 10.0, NORTH_M + 10.0)
STUDY = box(EAST_M - 50.0, NORTH_M - 50.0, EAST_M + 50.0, NORTH_M + 50.0)
HERE = [(EAST_M + 30.0, NORTH_M + 30.0)]


def town(**layers):
    return make_site(cameras_frame(HERE), STUDY, obstacles_frame([HOUSE]), **layers)


def write_raster(file, values, *, west, north, cell_m=10.0, crs=CRS):
    values = np.asarray(values, dtype="float32")
    transform = Affine(cell_m, 0.0, west, 0.0, -cell_m, north)
    options = {"driver": "GTiff", "height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": "float32"}
    with rasterio.open(file, "w", transform=transform, crs=crs, nodata=-1.0, **options) as raster:
        raster.write(values, 1)
    return file


def test_points_stand_for_all_observable_ground_and_nothing_else():
    demand = sample_demand(town(), spacing_m=2.0)
    assert demand["weight"].sum() == pytest.approx(100.0**2 - 20.0**2)
    assert not shapely.intersects(demand.geometry.to_numpy(), HOUSE).any()


def test_streets_and_places_weigh_more_and_places_ask_for_more():
    streets = streets_frame([[(EAST_M - 50.0, NORTH_M - 40.0), (EAST_M + 50.0, NORTH_M - 40.0)]])
    square = box(EAST_M + 20.0, NORTH_M + 20.0, EAST_M + 30.0, NORTH_M + 30.0)
    options = {"category": "square", "priority": 1, "required_views": 2, "required_density_px_m": 125.0}
    places = layer("places", [square], **options)
    demand = sample_demand(town(streets=streets, places=places), spacing_m=5.0, street_weight=3.0, place_weight=4.0)
    xy = shapely.get_coordinates(demand.geometry.to_numpy()) - (EAST_M, NORTH_M)
    on_street = np.abs(xy[:, 1] + 40.0) <= 5.0
    around = demand["place_id"].notna().to_numpy()
    assert set(demand["weight"][on_street]) == {75.0}
    assert set(demand["weight"][around]) == {100.0}
    assert set(demand["weight"][~on_street & ~around]) == {25.0}
    assert set(demand["needed"][around]) == {2}
    assert set(demand["density_px_m"][around]) == {125.0}
    assert (shapely.distance(demand.geometry.to_numpy()[around], square) <= 20.0).all()


def test_a_raster_in_another_system_multiplies_the_weights(tmp_path):
    corner = gpd.GeoSeries([shapely.Point(EAST_M, NORTH_M)], crs=CRS).to_crs(3067).iloc[0]
    values = np.zeros((40, 40))
    values[:, 20:] = 2.0  # the eastern half has people
    file = write_raster(tmp_path / "people.tif", values, west=corner.x - 200.0, north=corner.y + 200.0, crs=3067)
    demand = sample_demand(town(), spacing_m=5.0, raster=file)
    east = shapely.get_x(demand.geometry.to_numpy()) - EAST_M
    assert set(demand["weight"][east > 10.0]) == {50.0}
    assert set(demand["weight"][east < -10.0]) == {0.0}


def test_rasters_that_cannot_be_used(tmp_path):
    far = write_raster(tmp_path / "far.tif", np.ones((4, 4)), west=0.0, north=100.0)
    with pytest.raises(InputError, match=r"far\.tif: the raster does not reach scene"):
        sample_demand(town(), raster=far)
    empty = write_raster(tmp_path / "empty.tif", np.zeros((40, 40)), west=EAST_M - 200.0, north=NORTH_M + 200.0)
    with pytest.raises(InfeasibleError, match="the demand is zero everywhere"):
        sample_demand(town(), raster=empty)
    negative = write_raster(tmp_path / "bad.tif", np.full((40, 40), -2.0), west=EAST_M - 200.0, north=NORTH_M + 200.0)
    with pytest.raises(InputError, match=r"bad\.tif: \d+ demand points would have a weight below 0"):
        sample_demand(town(), raster=negative)
    nowhere = write_raster(tmp_path / "nowhere.tif", np.ones((4, 4)), west=0.0, north=100.0, crs=None)
    with pytest.raises(CRSError, match=r"nowhere\.tif: the raster has no coordinate system"):
        sample_demand(town(), raster=nowhere)
    (tmp_path / "text.tif").write_text("no raster", encoding="utf-8")
    with pytest.raises(SourceError, match=r"text\.tif: cannot be read as a raster"):
        sample_demand(town(), raster=tmp_path / "text.tif")


@pytest.mark.parametrize("options", [{"spacing_m": 0.1}, {"street_weight": -1.0}, {"place_weight": float("nan")}])
def test_bad_options_say_what_is_wrong(options):
    (name,) = options
    with pytest.raises(UnitRangeError, match=f"{name}: "):
        sample_demand(town(), **options)


def test_the_matrix_holds_what_the_views_hold():
    cameras = cameras_frame(
        [(EAST_M + 30.0, NORTH_M + 30.0), (EAST_M - 30.0, NORTH_M), (EAST_M, NORTH_M - 30.0)],
        kind=["panorama", "fixed", "ptz"],
        azimuth_deg=[np.nan, 90.0, np.nan],
        tilt_deg=[np.nan, 12.0, np.nan],
    )
    site = town()
    demand = sample_demand(site, spacing_m=3.0)
    sees, private_m2 = match_views(cameras, demand, Scene(site.obstacles), least_px_m=25.0)
    views = view_areas(cameras, site.obstacles, density_px_m=25.0).geometry.to_numpy()
    expected = shapely.contains(views[None, :], demand.geometry.to_numpy()[:, None])
    assert (sees.toarray() == expected).all()
    assert not private_m2.any()


def test_points_that_ask_for_density_are_seen_from_near_only():
    square = box(EAST_M - 49.0, NORTH_M - 49.0, EAST_M + 49.0, NORTH_M + 49.0)
    options = {"category": "square", "priority": 1, "required_density_px_m": 62.5}
    site = town(places=layer("places", [square], **options))
    cameras = cameras_frame(HERE, kind="fixed", azimuth_deg=225.0, hfov_deg=60.0, width_px=1920.0, tilt_deg=10.0)
    demand = sample_demand(site, spacing_m=2.0)
    sees, _ = match_views(cameras, demand, Scene(site.obstacles), least_px_m=12.5)
    near = view_areas(cameras, site.obstacles, density_px_m=62.5).geometry.iloc[0]
    assert (sees.toarray()[:, 0] == shapely.contains(near, demand.geometry.to_numpy())).all()
    assert 0 < sees.sum() < len(demand)


def test_views_into_private_ground_are_measured():
    garden = box(EAST_M + 20.0, NORTH_M - 50.0, EAST_M + 50.0, NORTH_M + 20.0)
    site = town(zones=layer("zones", [garden], rule="private"))
    demand = sample_demand(site, spacing_m=5.0)
    cameras = cameras_frame([*HERE, (EAST_M - 40.0, NORTH_M)], max_range_m=20.0)
    _, private_m2 = match_views(cameras, demand, Scene(site.obstacles), least_px_m=12.5, private=site.private)
    view = view_areas(cameras, site.obstacles).geometry.iloc[0]
    assert private_m2 == pytest.approx([view.intersection(garden).area, 0.0])
    assert private_m2[0] > 100.0
