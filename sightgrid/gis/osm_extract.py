"""One pass over an OpenStreetMap file: the elements each layer is built from, in longitude and latitude."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import osmium
import shapely
from osmium.filter import IdFilter, KeyFilter
from osmium.osm import Area, Node, Relation, osm_entity_bits
from osmium.osm import Way as OsmWay

from sightgrid.gis.layers import tell
from sightgrid.gis.places import read_category
from sightgrid.gis.posts import read_post
from sightgrid.gis.streets import Way, is_street
from sightgrid.gis.water import is_water

if TYPE_CHECKING:
    from pathlib import Path

KEYS = (
    "man_made", "building", "highway", "natural", "waterway", "amenity", "railway", "public_transport", "place",
    "tourism", "power",
)  # fmt: skip
CLOSED_NODES = 4  # a triangle names its first node twice

Element = tuple[str, dict[str, str], Any]
LonLat = tuple[float, float]


class Rings(NamedTuple):
    """A multipolygon by the numbers of its ways, and the lines of those that were found."""

    tags: dict[str, str]
    outer: list[int]
    inner: list[int]


class Shore(NamedTuple):
    """A water area that leaves the extract: its number, tags, outer lines and inner rings."""

    name: str
    tags: dict[str, str]
    outer: list[shapely.LineString]
    inner: list[shapely.LineString]


@dataclass
class Extract:
    """What one pass over a file finds, in longitude and latitude."""

    box: shapely.Polygon | None = None
    cameras: list[tuple[int, dict[str, str], float, float]] = field(default_factory=list)
    posts: list[tuple[int, dict[str, str], float, float]] = field(default_factory=list)
    buildings: list[Element] = field(default_factory=list)
    water: list[Element] = field(default_factory=list)
    places: list[Element] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    coast: list[shapely.LineString] = field(default_factory=list)
    shores: list[Shore] = field(default_factory=list)
    relations: dict[int, Rings] = field(default_factory=dict)
    cut: list[str] = field(default_factory=list)  # buildings that lack nodes beyond the edge of the extract
    lost: list[str] = field(default_factory=list)  # things with too few nodes left to have an area
    mended: list[str] = field(default_factory=list)  # building relations made from the rings that are left

    def notes(self) -> list[str]:
        """Return one counted line for each thing that was mended or left out."""
        told = (
            (self.mended, "broken building relations made from the rings that are left"),
            (self.cut, "buildings cut at the edge of the extract and closed there"),
            (self.lost, "areas left out, with less than a triangle inside the extract"),
        )
        return [tell("extract", what, names) for names, what in told if names]


def is_building(tags: dict[str, str]) -> bool:
    """Tell whether an area is a building."""
    return tags.get("building", "no") != "no"


def read_extract(path: Path) -> Extract:
    """Collect what a file holds; raises RuntimeError where osmium cannot read it."""
    extract = Extract()
    file = osmium.io.File(str(path), path.suffix.lower().lstrip("."))  # osmium itself knows small letters only
    with osmium.io.Reader(file, osm_entity_bits.NOTHING) as reader:
        box = reader.header().box()
    if box.valid():
        extract.box = shapely.box(box.bottom_left.lon, box.bottom_left.lat, box.top_right.lon, box.top_right.lat)
    factory = osmium.geom.WKBFactory()
    processor = osmium.FileProcessor(file).with_locations().with_areas(KeyFilter(*KEYS)).with_filter(KeyFilter(*KEYS))
    built: set[int] = set()
    for item in processor:
        if isinstance(item, Node):
            _take_node(extract, item)
        elif isinstance(item, OsmWay):
            _take_way(extract, item)
        elif isinstance(item, Relation):
            _take_relation(extract, item)
        elif isinstance(item, Area) and not item.from_way() and item.num_rings()[0]:
            number = item.orig_id()
            shape = shapely.from_wkb(factory.create_multipolygon(item))
            _take_area(extract, f"r{number}", dict(item.tags), shape)
            built.add(number)
    for number in built & extract.relations.keys():  # an area may come before or after its relation
        _forget_outer(extract, extract.relations.pop(number))
    if extract.relations:
        _mend_relations(file, extract)
    return extract


def _take_node(extract: Extract, node: Node) -> None:
    tags, lon, lat = dict(node.tags), node.location.lon, node.location.lat
    if tags.get("man_made") == "surveillance":
        extract.cameras.append((node.id, tags, lon, lat))
    if read_post(tags):
        extract.posts.append((node.id, tags, lon, lat))
    if read_category(tags):
        extract.places.append((f"n{node.id}", tags, shapely.Point(lon, lat)))


def _take_way(extract: Extract, way: OsmWay) -> None:
    tags = dict(way.tags)
    if is_street(tags):
        runs = _locate(way)
        extract.ways += [Way(way.id, tags, [node for node, _ in run], [point for _, point in run]) for run in runs]
    elif tags.get("natural") == "coastline":
        extract.coast += [shapely.LineString([point for _, point in run]) for run in _locate(way)]
    elif way.is_closed() and (is_building(tags) or is_water(tags) or read_category(tags)):
        points = [(node.lon, node.lat) for node in way.nodes if node.location.valid()]
        if len(set(points)) < CLOSED_NODES - 1:
            extract.lost.append(f"w{way.id}")
            return
        if is_building(tags) and len(points) < len(way.nodes):
            extract.cut.append(f"w{way.id}")
        _take_area(extract, f"w{way.id}", tags, shapely.Polygon(points))


def _take_relation(extract: Extract, relation: Relation) -> None:
    tags = dict(relation.tags)
    if tags.get("type") == "multipolygon" and (is_building(tags) or is_water(tags) or read_category(tags)):
        ways = [(member.ref, member.role) for member in relation.members if member.type == "w"]
        outer = [ref for ref, role in ways if role != "inner"]
        extract.relations[relation.id] = Rings(tags, outer, [ref for ref, role in ways if role == "inner"])


def _take_area(extract: Extract, name: str, tags: dict[str, str], shape: shapely.Geometry) -> None:
    if is_building(tags):
        extract.buildings.append((name, tags, shape))
    if is_water(tags):
        extract.water.append((name, tags, shape))
    if read_category(tags):
        extract.places.append((name, tags, shape))


def _forget_outer(extract: Extract, rings: Rings) -> None:
    """Drop the outer ways of a building relation: an old habit tags them as the same building again."""
    if is_building(rings.tags):
        twice = {f"w{way}" for way in rings.outer}
        extract.buildings = [building for building in extract.buildings if building[0] not in twice]


def _locate(way: OsmWay) -> list[list[tuple[int, LonLat]]]:
    """Return the runs of at least two neighbouring nodes that lie in the extract."""
    runs: list[list[tuple[int, LonLat]]] = [[]]
    for node in way.nodes:
        if node.location.valid():
            runs[-1].append((node.ref, (node.lon, node.lat)))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if len(run) > 1]


def _mend_relations(file: osmium.io.File, extract: Extract) -> None:
    """Make what can be made of the relations that lack members or nodes: a second pass for their ways."""
    wanted = {way for rings in extract.relations.values() for way in (*rings.outer, *rings.inner)}
    found: dict[int, list[list[LonLat]]] = {}
    for item in osmium.FileProcessor(file).with_locations().with_filter(IdFilter(wanted)):
        if isinstance(item, OsmWay) and item.id in wanted:
            found[item.id] = [[point for _, point in run] for run in _locate(item)]
    for number, rings in sorted(extract.relations.items()):
        outer, inner = ([run for way in ways for run in found.get(way, [])] for ways in (rings.outer, rings.inner))
        name = f"r{number}"
        if is_water(rings.tags):
            lines = ([shapely.LineString(run) for run in runs] for runs in (outer, inner))
            extract.shores.append(Shore(name, rings.tags, *lines))
            continue
        shape = shapely.difference(_fill_rings(outer), _fill_rings(inner))
        if shape.is_empty:
            extract.lost.append(name)
            continue
        if is_building(rings.tags):
            extract.mended.append(name)
        _forget_outer(extract, rings)
        _take_area(extract, name, rings.tags, shape)


def _fill_rings(runs: list[list[LonLat]]) -> shapely.Geometry:
    if not runs:
        return shapely.Polygon()
    lines = shapely.get_parts(shapely.line_merge(shapely.multilinestrings([shapely.LineString(run) for run in runs])))
    shapes = [shapely.Polygon(line.coords) for line in lines if len(set(line.coords)) >= CLOSED_NODES - 1]
    return shapely.union_all([shapely.make_valid(shape, method="structure", keep_collapsed=False) for shape in shapes])
