"""A small map to draw in a test and save as a real OpenStreetMap extract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import osmium
from osmium.osm.mutable import Node, Relation, Way

from sightgrid.gis.io import open_site

if TYPE_CHECKING:
    from pathlib import Path

    from sightgrid.site import Site

LON, LAT = 24.94, 60.17
STEP = 0.001  # of a degree: about 111 m north, 55 m east


class Drawing:
    """A small map drawn on a lattice of `STEP` and written as a real ``.osm.pbf``."""

    def __init__(self) -> None:
        self.nodes: dict[tuple[float, float], int] = {}
        self.tagged: list[Node] = []
        self.ways: list[Way] = []
        self.relations: list[Relation] = []
        self.missing: set[int] = set()

    def node(self, x: float, y: float, **tags: str) -> int:
        number = len(self.nodes) + len(self.tagged) + 1
        if tags:
            self.tagged.append(Node(id=number, location=(LON + x * STEP, LAT + y * STEP), tags=dict(spell(tags))))
            return number
        return self.nodes.setdefault((x, y), number)

    def way(self, *spots: tuple[float, float], number: int | None = None, **tags: str) -> int:
        number = number or 1000 + len(self.ways)
        self.ways.append(Way(id=number, nodes=[self.node(*spot) for spot in spots], tags=dict(spell(tags))))
        return number

    def square(self, x: float, y: float, size: float = 1.0, **tags: str) -> int:
        return self.way((x, y), (x + size, y), (x + size, y + size), (x, y + size), (x, y), **tags)

    def relation(self, *members: tuple[int, str], **tags: str) -> int:
        number = 5000 + len(self.relations)
        ways = [("w", ref, role) for ref, role in members]
        self.relations.append(Relation(id=number, members=ways, tags={"type": "multipolygon", **dict(spell(tags))}))
        return number

    def save(self, path: Path, *, frame: tuple[float, float, float, float] | None = (0, 0, 10, 10)) -> Path:
        header = osmium.io.Header()
        if frame:
            west, south, east, north = frame
            low = osmium.osm.Location(LON + west * STEP, LAT + south * STEP)
            header.add_box(osmium.osm.Box(low, osmium.osm.Location(LON + east * STEP, LAT + north * STEP)))
        plain = [Node(id=n, location=(LON + x * STEP, LAT + y * STEP)) for (x, y), n in self.nodes.items()]
        with osmium.SimpleWriter(str(path), header=header, overwrite=True) as writer:
            for node in sorted([*plain, *self.tagged], key=lambda node: node.id):
                if node.id not in self.missing:
                    writer.add_node(node)
            for way in sorted(self.ways, key=lambda way: way.id):
                writer.add_way(way)
            for relation in self.relations:
                writer.add_relation(relation)
        return path


def spell(tags: dict[str, str]) -> list[tuple[str, str]]:
    """Python names cannot hold a colon: ``camera__type`` stands for ``camera:type``."""
    return [(key.replace("__", ":"), value) for key, value in tags.items()]


def camera(drawing: Drawing, **tags: str) -> str:
    return f"n{drawing.node(5, 5, man_made='surveillance', **tags)}"


def open_drawing(drawing: Drawing, tmp_path: Path, **options: object) -> Site:
    return open_site(drawing.save(tmp_path / "town.osm.pbf", **options))  # type: ignore[arg-type]
