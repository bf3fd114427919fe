"""Coordinate systems: the metric one is chosen from the data, and bearings follow the meridian."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod, Transformer
from shapely import Point

from sightgrid import open_site
from sightgrid.errors import CRSError
from sightgrid.gis.crs import choose_metric_crs, require_metric, to_grid_azimuth

if TYPE_CHECKING:
    from pathlib import Path

    from sightgrid.site import Site


def series(lon: float, lat: float, crs: int = 4326) -> gpd.GeoSeries:
    return gpd.GeoSeries([Point(lon, lat)], crs=crs)


@pytest.mark.parametrize(
    ("lon", "lat", "expected"),
    [(24.94, 60.17, 32635), (6.14, 46.2, 32632), (-58.4, -34.6, 32721), (116.4, 39.9, 32650)],
)
def test_degrees_become_their_utm_zone(lon: float, lat: float, expected: int) -> None:
    assert choose_metric_crs(series(lon, lat)).to_epsg() == expected


def test_metric_systems_stay_and_others_do_not() -> None:
    assert choose_metric_crs(series(25496000, 6672000, 3879)).to_epsg() == 3879
    assert choose_metric_crs(series(24.94, 60.17).to_crs(3857)).to_epsg() == 32635
    assert choose_metric_crs(series(987000, 211000, 2263)).to_epsg() == 32618
    with pytest.raises(CRSError, match="no coordinate system is given"):
        choose_metric_crs(gpd.GeoSeries([Point(0, 0)]))
    with pytest.raises(CRSError, match="no UTM zone fits the bounds 0, 89, 0, 89"):
        choose_metric_crs(series(0, 89))


def test_require_metric_names_the_layer() -> None:
    require_metric(series(385000, 6671000, 32635), "cameras")
    with pytest.raises(CRSError, match=r"cameras: WGS 84 is geographic \(degrees\)"):
        require_metric(series(24.94, 60.17), "cameras")


@settings(deadline=None, max_examples=60)
@given(
    st.floats(24.0, 30.0), st.floats(-75.0, 75.0), st.floats(0.0, 359.99), st.sampled_from([32635, 32735, 3035, 3067])
)
def test_grid_bearing_is_the_bearing_of_a_geodesic_step(lon: float, lat: float, azimuth: float, crs: int) -> None:
    if crs in {3035, 3067}:
        lat = 40 + abs(lat) / 3  # the European systems are made for Europe
    step_m = 5.0
    lon2, lat2, _ = Geod(ellps="WGS84").fwd(lon, lat, azimuth, step_m)
    project = Transformer.from_crs(4326, crs, always_xy=True)
    (x, x2), (y, y2) = project.transform([lon, lon2], [lat, lat2])
    walked = np.degrees(np.arctan2(x2 - x, y2 - y))
    turned = to_grid_azimuth(gpd.GeoSeries([Point(x, y)], crs=crs), [azimuth])[0]
    difference = (turned - walked + 180) % 360 - 180
    # equal-area 3035 is not conformal: off its centre a bearing is only nearly kept
    assert abs(difference) < (2.0 if crs == 3035 else 1e-3)
    assert 0 <= turned < 360


def test_the_convergence_of_helsinki_by_hand() -> None:
    # west of the central meridian 27 E: tan(convergence) = tan(lon - 27) * sin(lat), to first order
    lon, lat = 24.94, 60.17
    expected = np.degrees(np.arctan(np.tan(np.radians(lon - 27)) * np.sin(np.radians(lat))))
    turned = to_grid_azimuth(series(lon, lat).to_crs(32635), [0.0])
    assert turned[0] == pytest.approx(-expected, abs=1e-3)
    assert expected < -1.7


def test_unknown_bearings_stay_unknown_and_nothing_gives_nothing() -> None:
    assert np.isnan(to_grid_azimuth(series(385000, 6671000, 32635), [np.nan])).all()
    assert to_grid_azimuth(gpd.GeoSeries([], crs=32635), []).size == 0
    with pytest.raises(CRSError, match="points: WGS 84 is geographic"):
        to_grid_azimuth(series(24.94, 60.17), [0.0])


@pytest.mark.parametrize("layer", ["cameras", "streets", "places", "zones", "posts"])
def test_a_system_without_a_place_on_earth_is_told_with_its_layer(layer: str, helsinki: Site, tmp_path: Path) -> None:
    local = CRS.from_wkt('LOCAL_CS["works yard",UNIT["metre",1]]')
    for name in ("cameras", "obstacles", "streets", "places", "zones", "posts"):
        frame = getattr(helsinki, name).iloc[:40]
        frame = frame.set_crs(local, allow_override=True) if name == layer else frame
        frame.to_file(tmp_path / f"{name}.gpkg")
    with pytest.raises(CRSError, match=f"{layer}: coordinates in works yard cannot be turned into"):
        open_site(tmp_path)
