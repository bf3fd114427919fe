"""Streets: who may pass, where ways are split, and the graph they make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pytest
from osm_drawing import Drawing, camera, open_drawing

from sightgrid.gis.streets import is_covered, read_modes, read_oneway, to_graph

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("tags", "modes"),
    [
        ({"highway": "residential"}, (True, True, True)),
        ({"highway": "motorway"}, (False, False, True)),
        ({"highway": "footway"}, (True, False, False)),
        ({"highway": "footway", "bicycle": "yes"}, (True, True, False)),
        ({"highway": "footway", "access": "yes"}, (True, False, False)),
        ({"highway": "service", "access": "private"}, (False, False, False)),
        ({"highway": "service", "access": "no", "foot": "yes"}, (True, False, False)),
        ({"highway": "residential", "motor_vehicle": "no"}, (True, True, False)),
        ({"highway": "residential", "vehicle": "no", "bicycle": "yes"}, (True, True, False)),
        ({"highway": "pedestrian", "bicycle": "dismount"}, (True, False, False)),
    ],
)
def test_who_may_pass(tags: dict[str, str], modes: tuple[bool, bool, bool]) -> None:
    assert read_modes(tags) == modes


def test_directions_of_travel_and_cover() -> None:
    assert read_oneway({"highway": "residential"}) == 0
    assert read_oneway({"highway": "residential", "oneway": "yes"}) == 1
    assert read_oneway({"highway": "residential", "oneway": "-1"}) == -1
    assert read_oneway({"highway": "residential", "junction": "roundabout"}) == 1
    assert read_oneway({"highway": "motorway"}) == 1
    assert read_oneway({"highway": "motorway", "oneway": "no"}) == 0
    assert is_covered({"tunnel": "building_passage"})
    assert is_covered({"covered": "yes"})
    assert not is_covered({"tunnel": "no"})


def test_ways_split_where_they_meet_and_route_both_ways(tmp_path: Path) -> None:
    drawing = Drawing()
    camera(drawing)
    drawing.square(8, 8, building="yes")
    drawing.way((0, 0), (1, 0), (2, 0), (3, 0), highway="residential", maxspeed="30", name="Long Street")
    drawing.way((1, 0), (1, 2), (2, 2), (2, 0), highway="footway")
    drawing.way((3, 0), (3, 3), highway="primary", oneway="-1")
    drawing.way((3, 3), (4, 3), (4, 4), (3, 3), highway="service")  # a loop
    drawing.way((1, 0), (1.5, -0.5), (2, 0), highway="service", tunnel="yes")  # parallel to the middle
    private = drawing.way((0, 0), (0, 1), highway="service", access="private")
    drawing.way((0, 0), (0, 2), highway="proposed")
    drawing.way((5, 5), (6, 5), (6, 6), (5, 5), highway="pedestrian", area="yes")
    site = open_drawing(drawing, tmp_path)
    streets = site.streets
    a, b, c, d, top = (drawing.node(*spot) for spot in ((0, 0), (1, 0), (2, 0), (3, 0), (3, 3)))
    assert set(streets.index) == {(a, b, 0), (b, c, 0), (c, d, 0), (b, c, 1), (top, d, 0), (top, top, 0), (b, c, 2)}
    assert streets.loc[(a, b, 0), ["name", "highway", "speed_kph", "oneway", "walkable"]].tolist() == [
        "Long Street", "residential", 30.0, False, True,
    ]  # fmt: skip
    assert streets["covered"].sum() == 1
    assert streets.loc[(top, d, 0), "oneway"]
    assert streets.loc[(a, b, 0), "length_m"] == pytest.approx(55.5, abs=0.3)
    np.testing.assert_allclose(streets["length_m"], streets.length)
    assert f"streets: private or closed ways left out: 1 (w{private})" in site.notes

    graph = to_graph(streets)
    assert graph.graph["crs"] == site.crs
    assert nx.shortest_path(graph, top, a, weight="length") == [top, d, c, b, a]
    assert not nx.has_path(graph, a, top)
    assert graph.number_of_edges(b, c) == graph.number_of_edges(c, b) == 3
    assert graph.number_of_edges() == 2 * 5 + 1 + 1
    for u, v, data in graph.edges(data=True):
        ends = [data["geometry"].coords[0], data["geometry"].coords[-1]]
        assert ends == [(graph.nodes[node]["x"], graph.nodes[node]["y"]) for node in (u, v)]
        assert data["length"] == pytest.approx(data["geometry"].length)
    assert {data["reversed"] for _, _, data in graph.edges(data=True)} == {True, False}
