"""Streets as a routable graph, in the column conventions of OSMnx."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import shapely

from sightgrid.gis.directions import parse_speed
from sightgrid.gis.layers import tell

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pyproj import CRS

MODES = ("foot", "bicycle", "car")
_CAR = ("motorway", "motorway_link", "trunk", "trunk_link")
_MIXED = (
    "primary", "primary_link", "secondary", "secondary_link", "tertiary", "tertiary_link", "unclassified",
    "residential", "living_street", "service", "road", "track",
)  # fmt: skip
# highway value -> who may use it where no access tag says otherwise. Not streets: areas, corridors, platforms, lifts,
# proposed and unfinished ways, race tracks.
ALLOWED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_CAR, ("car",)),
    **dict.fromkeys(_MIXED, MODES),
    "busway": ("bicycle",),
    "cycleway": ("foot", "bicycle"),
    "path": ("foot", "bicycle"),
    "bridleway": ("foot", "bicycle"),
    "pedestrian": ("foot",),
    "footway": ("foot",),
    "steps": ("foot",),
}
# from the general tag to the special one: the last that is there decides
ACCESS_TAGS = {
    "foot": ("access", "foot"),
    "bicycle": ("access", "vehicle", "bicycle"),
    "car": ("access", "vehicle", "motor_vehicle", "motorcar"),
}
GENERAL_TAGS = frozenset({"access", "vehicle"})
CLOSED = frozenset({"no", "private", "use_sidepath", "dismount"})
ONE_WAY = frozenset({"yes", "true", "1"})
BACKWARD = frozenset({"-1", "reverse"})


class Way(NamedTuple):
    """A mapped street: its number, tags, node numbers, and their longitudes and latitudes."""

    osmid: int
    tags: dict[str, str]
    nodes: list[int]
    lonlat: list[tuple[float, float]]


def is_street(tags: Mapping[str, str]) -> bool:
    """Tell whether a way is a street or path that someone may pass along."""
    return tags.get("highway") in ALLOWED and tags.get("area") != "yes"


def read_modes(tags: Mapping[str, str]) -> tuple[bool, bool, bool]:
    """Tell who may pass: on foot, by bicycle, by car."""
    default = ALLOWED[tags["highway"]]
    answer = []
    for mode in MODES:
        allowed = mode in default
        for key in ACCESS_TAGS[mode]:
            if key in tags:
                closed = tags[key] in CLOSED
                # "access=yes" opens no footpath to cars; "motor_vehicle=yes" does
                allowed = allowed and not closed if key in GENERAL_TAGS else not closed
        answer.append(allowed)
    return answer[0], answer[1], answer[2]


def read_oneway(tags: Mapping[str, str]) -> int:
    """Tell the direction of travel along the way: 1 forward only, -1 backward only, 0 both."""
    text = tags.get("oneway", "")
    if text in BACKWARD:
        return -1
    if text in ONE_WAY:
        return 1
    implied = tags.get("junction") in {"roundabout", "circular"} or tags.get("highway") in {"motorway", "motorway_link"}
    return 1 if implied and text != "no" else 0


def is_covered(tags: Mapping[str, str]) -> bool:
    """Tell whether a way runs where no camera above ground can see it: tunnel, passage, arcade, indoors."""
    keys = ("tunnel", "covered", "indoor")
    return any(tags.get(key, "no") != "no" for key in keys) or tags.get("location") == "underground"


def build_streets(ways: list[Way], crs: CRS) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Split mapped ways where they meet, and measure the pieces.

    Parameters
    ----------
    ways : list of Way
        Streets in longitude and latitude; each node number stands for one point.
    crs : pyproj.CRS
        The metric coordinate system of the result.

    Returns
    -------
    streets : GeoDataFrame
        One row per piece between two graph nodes, drawn in the direction of travel.
    notes : list of str
        What was left out.
    """
    open_ways = [way for way in ways if any(read_modes(way.tags))]
    notes = []
    closed = [f"w{way.osmid}" for way in ways if not any(read_modes(way.tags))]
    if closed:
        notes.append(tell("streets", "private or closed ways left out", closed))
    uses = Counter(node for way in open_ways for node in way.nodes)
    rows: list[tuple[Any, ...]] = []
    lonlat: list[tuple[float, float]] = []
    piece_of_point: list[int] = []
    for way in open_ways:
        oneway = read_oneway(way.tags)
        step = -1 if oneway < 0 else 1
        nodes, points = way.nodes[::step], way.lonlat[::step]
        modes = read_modes(way.tags)
        speed = parse_speed(way.tags.get("maxspeed", ""))
        last = len(nodes) - 1
        cuts = [i for i, node in enumerate(nodes) if i in (0, last) or uses[node] > 1]
        for start, end in pairwise(cuts):
            piece = points[start : end + 1]
            if len(set(piece)) == 1:  # two nodes on one spot
                continue
            piece_of_point += [len(rows)] * len(piece)
            lonlat += piece
            highway, name = way.tags["highway"], way.tags.get("name")
            kph = np.nan if speed is None else speed
            rows.append((nodes[start], nodes[end], way.osmid, name, highway, oneway != 0, kph, *modes,
                         is_covered(way.tags)))  # fmt: skip
    names = ["u", "v", "osmid", "name", "highway", "oneway", "speed_kph", "walkable", "cyclable", "drivable", "covered"]
    table = pd.DataFrame(rows, columns=names)
    lines = shapely.linestrings(np.array(lonlat, float).reshape(-1, 2), indices=np.array(piece_of_point, np.intp))
    frame = gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(lines, crs=4326)).to_crs(crs)
    frame["reversed"] = False
    frame["length_m"] = frame.length
    return number_edges(frame), notes


def number_edges(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Index street pieces by ``(u, v, key)``; the key counts all pieces between two nodes, whichever way drawn."""
    u, v = frame.pop("u").to_numpy(np.int64), frame.pop("v").to_numpy(np.int64)
    pairs = pd.DataFrame({"low": np.minimum(u, v), "high": np.maximum(u, v)})
    key = pairs.groupby(["low", "high"]).cumcount().to_numpy(np.int64)
    frame.index = pd.MultiIndex.from_arrays([u, v, key], names=["u", "v", "key"])
    return frame


def join_ends(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Give plain street lines the node numbers of a graph: ends on the same centimetre are one node."""
    frame = frame.explode(ignore_index=True)
    shapes = frame.geometry.to_numpy()
    ends = np.concatenate([shapely.get_point(shapes, 0), shapely.get_point(shapes, -1)])
    keys = pd.MultiIndex.from_arrays(np.round(shapely.get_coordinates(ends).T, 2))
    nodes = pd.factorize(keys)[0]
    return number_edges(frame.assign(u=nodes[: len(shapes)], v=nodes[len(shapes) :]))


def to_graph(streets: gpd.GeoDataFrame) -> nx.MultiDiGraph[int]:
    """Turn the street layer into a directed graph as OSMnx builds it.

    Parameters
    ----------
    streets : GeoDataFrame
        The street layer of a site.

    Returns
    -------
    networkx.MultiDiGraph
        Nodes with ``x``, ``y``; edges with the layer's columns and ``length``; two-way streets have an edge each way,
        one-way streets one. ``graph["crs"]`` is the layer's coordinate system.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd
    >>> from shapely import LineString
    >>> index = pd.MultiIndex.from_tuples([(1, 2, 0)], names=["u", "v", "key"])
    >>> lines = [LineString([(0, 0), (30, 40)])]
    >>> street = gpd.GeoDataFrame({"oneway": [False], "length_m": [50.0]}, index=index, geometry=lines, crs=32635)
    >>> to_graph(street).number_of_edges()
    2
    """
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph(crs=streets.crs)
    shapes = streets.geometry.to_numpy()
    columns = [name for name in streets.columns if name != streets.geometry.name]
    records = streets[columns].to_dict("records")
    for (u, v, key), shape, record in zip(streets.index, shapes, records, strict=True):
        for node, (x, y) in ((u, shape.coords[0]), (v, shape.coords[-1])):
            graph.add_node(node, x=x, y=y)
        edge = {**record, "length": record["length_m"]}
        graph.add_edge(u, v, key, **edge, geometry=shape)
        if not record["oneway"] and u != v:  # a loop leads back to its node whichever way it is walked
            graph.add_edge(v, u, key, **{**edge, "reversed": True}, geometry=shape.reverse())
    return graph
