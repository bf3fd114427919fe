"""Water areas: lakes, rivers, docks, and the sea on the right-hand side of a coastline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

SIDE_STEP_M = 0.05
GRID_M = 0.001
MAX_GAP = 0.25  # of a shore's length may be missing between its end and the edge
MAX_BUILT = 0.02  # share of a water face that landing stages may cover
MAX_WALKED_M_PER_M2 = 0.002  # and the length of their paths: 20 m in a hectare


def is_water(tags: Mapping[str, str]) -> bool:
    """Tell whether an area is open water."""
    wet = tags.get("natural") == "water" or tags.get("waterway") in {"riverbank", "dock"}
    return wet and tags.get("location") != "underground" and tags.get("tunnel", "no") == "no"


def read_kind(tags: Mapping[str, str]) -> str:
    """Return what kind of water it is: lake, river, basin, …, or just water."""
    return tags.get("water") or tags.get("waterway") or "water"


def build_water(elements: list[tuple[str, dict[str, str], Any]]) -> gpd.GeoDataFrame:
    """Build the water layer in longitude and latitude from ``(id, tags, shape)``."""
    kinds = [read_kind(tags) for _, tags, _ in elements]
    return gpd.GeoDataFrame(
        {"kind": np.array(kinds, object)},
        index=pd.Index([name for name, _, _ in elements], name="water_id", dtype="str"),
        geometry=[shape for _, _, shape in elements],
        crs=4326,
    )


def close_coast(coast: gpd.GeoSeries, frame: shapely.Polygon) -> shapely.Geometry:
    """Find the sea inside a frame: the faces on the right-hand side of the coastline, which has land on its left.

    An extract cut at the frame loses the coast's nodes beyond it, so open ends run straight to the frame's edge.

    Parameters
    ----------
    coast : GeoSeries
        Coastline pieces in their mapped direction, in a metric coordinate system.
    frame : Polygon
        The extract's box in the same system.

    Returns
    -------
    shapely.Geometry
        The sea, empty if the coast does not enter the frame.
    """
    lines = _reach_edge(coast, frame, directed=True)
    faces = _split(frame, lines)
    tree = shapely.STRtree(faces)
    balance = np.zeros(len(faces))
    for line in lines:
        points = np.asarray(line.coords)
        step = np.diff(points, axis=0)
        length = np.hypot(step[:, 0], step[:, 1])
        middle, step, length = ((points[1:] + points[:-1]) / 2)[length > 0], step[length > 0], length[length > 0]
        right = np.column_stack([step[:, 1], -step[:, 0]]) / length[:, None] * SIDE_STEP_M
        for side, sign in ((right, 1.0), (-right, -1.0)):
            which, face = tree.query(shapely.points(middle + side), predicate="within")
            np.add.at(balance, face, sign * length[which])
    return shapely.union_all(faces[balance > 0])


def close_shore(
    shore: gpd.GeoSeries, frame: shapely.Polygon, *, islands: gpd.GeoSeries, dry: gpd.GeoSeries
) -> shapely.Geometry:
    """Find the water of a lake or river whose ring leaves the frame: the faces of the shore where nobody builds.

    A shore, unlike a coastline, does not say on which side its water lies.

    Parameters
    ----------
    shore : GeoSeries
        The outer lines that are left, in a metric coordinate system.
    frame : Polygon
        The extract's box in the same system.
    islands : GeoSeries
        The lines of the inner rings.
    dry : GeoSeries
        Buildings, and streets that are no bridges.

    Returns
    -------
    shapely.Geometry
        The water, empty if the shore does not part the frame.
    """
    lines = _reach_edge(shore, frame, directed=False, max_gap=MAX_GAP)
    faces = _split(frame, lines)
    if len(faces) <= 1:
        return shapely.Polygon()
    land = shapely.union_all(shapely.get_parts(shapely.polygonize(islands.to_numpy())))
    faces = shapely.difference(faces, land)
    which, face = shapely.STRtree(faces).query(shapely.point_on_surface(dry.to_numpy()), predicate="within")
    built, walked = np.zeros(len(faces)), np.zeros(len(faces))
    np.add.at(built, face, shapely.area(dry.to_numpy())[which])
    lengths = np.where(shapely.get_dimensions(dry.to_numpy()) == 1, shapely.length(dry.to_numpy()), 0.0)
    np.add.at(walked, face, lengths[which])
    area = shapely.area(faces)
    return shapely.union_all(faces[(built < MAX_BUILT * area) & (walked < MAX_WALKED_M_PER_M2 * area)])


def _split(frame: shapely.Polygon, lines: list[shapely.LineString]) -> NDArray[Any]:
    net = shapely.union_all([frame.exterior, *lines], grid_size=GRID_M)  # a grid, so that ends do meet the edge
    return np.asarray(shapely.get_parts(shapely.polygonize(shapely.get_parts(net))))


def _reach_edge(
    shapes: gpd.GeoSeries, frame: shapely.Polygon, *, directed: bool, max_gap: float = np.inf
) -> list[shapely.LineString]:
    """Clip lines to the frame, join them, and lead their open ends to its edge; leave those too far from it."""
    pieces = shapely.get_parts(shapely.intersection(shapes.to_numpy(), frame))
    pieces = pieces[(shapely.get_type_id(pieces) == shapely.GeometryType.LINESTRING) & ~shapely.is_empty(pieces)]
    lines = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(pieces), directed=directed))
    edge = frame.exterior
    reaching = []
    for line in lines:
        if line.is_closed:
            reaching.append(line)
            continue
        ends = [shapely.Point(line.coords[i]) for i in (0, -1)]
        if max(edge.distance(end) for end in ends) <= max_gap * line.length:
            first, last = (edge.interpolate(edge.project(end)).coords[0] for end in ends)
            reaching.append(shapely.LineString([first, *line.coords, last]))
    return reaching
