"""Water that leaves an extract: the sea from its coastline, a lake from the shore that is left."""

from __future__ import annotations

import geopandas as gpd
import pytest
import shapely

from sightgrid.gis.water import close_coast, close_shore


def metric(*lines: list[tuple[float, float]]) -> gpd.GeoSeries:
    return gpd.GeoSeries([shapely.LineString(line) for line in lines], crs=32635)


def test_the_sea_lies_on_the_right_of_the_coast() -> None:
    frame = shapely.box(0, 0, 100, 100)
    north = metric([(-10, 40), (50, 40)], [(50, 40), (110, 40)])
    assert close_coast(north, frame).area == pytest.approx(4000)
    assert close_coast(metric([(110, 40), (-10, 40)]), frame).area == pytest.approx(6000)
    assert close_coast(metric([(3, 40), (98, 40)]), frame).area == pytest.approx(4000)
    island = metric([(20, 20), (40, 20), (40, 40), (20, 40), (20, 20)])
    assert close_coast(island, frame).area == pytest.approx(10000 - 400)
    assert close_coast(metric([(200, 0), (300, 0)]), frame).is_empty
    assert close_coast(metric([]), frame).is_empty


def test_a_cut_lake_lies_where_nobody_builds() -> None:
    frame = shapely.box(0, 0, 100, 100)
    dry = gpd.GeoSeries([shapely.box(10, 10, 30, 30)], crs=32635)
    islands = metric([(50, 60), (60, 60), (60, 70), (50, 70), (50, 60)])
    for line in ([(2, 40), (97, 40)], [(97, 40), (2, 40)]):
        assert close_shore(metric(line), frame, islands=islands, dry=dry).area == pytest.approx(5900)
    far = metric([(45, 50), (55, 50)])
    assert close_shore(far, frame, islands=islands, dry=dry).is_empty
