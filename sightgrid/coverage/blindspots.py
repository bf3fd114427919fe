"""Blind spots: observable ground that no camera sees, why, and what each camera alone prevents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sightgrid.coverage import tiles
from sightgrid.coverage.exact import Clipper, Layer
from sightgrid.coverage.rates import Coverage, measure
from sightgrid.coverage.sampling import Sampler
from sightgrid.coverage.scene import Scene
from sightgrid.coverage.visibility import draw_views
from sightgrid.errors import UnitRangeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sightgrid.coverage.visibility import Progress
    from sightgrid.site import Site

NEARBY_M = 150.0  # with no camera nearer than this, a spot has no camera rather than one that does not reach
STREET_WIDTH_M = 10.0  # a metre of unseen street weighs as much as this many square metres of other ground
LEAST_PLACE_SHARE = 0.1  # a camera is a place's only one if nobody else sees at least this share of its ground


def blind_spots(
    site: Site, seen: Coverage, *, min_area_m2: float = 25.0, progress: Progress | None = None
) -> gpd.GeoDataFrame:
    """Find the observable ground that no camera sees.

    Blind ground that hangs together is one spot, unless it is larger than a grid cell: then the grid cuts it.

    Parameters
    ----------
    site : Site
        The site that was measured.
    seen : Coverage
        What `measure` found.
    min_area_m2 : float
        Smaller spots are left out.
    progress : callable, optional
        Called as ``progress("blind spots", done, total)``.

    Returns
    -------
    geopandas.GeoDataFrame
        Index ``blindspot_id``; polygons with ``area_m2``, ``street_m`` (length of street inside), ``demand``
        (square metres, with ten for each metre of street), ``nearest_camera_id``, ``nearest_camera_m`` and ``cause``:
        *occluded* where most of it would be seen if nothing stood in the way, *out of range* where a camera is near
        but its picture does not reach, *no camera* where none is, *camera down* where one that is down would see most
        of it. Largest demand first.

    Raises
    ------
    UnitRangeError
        The least area is negative.

    Examples
    --------
    >>> import sightgrid as sg
    >>> site = sg.open_site("helsinki")
    >>> spots = blind_spots(site, measure(site))
    >>> bool(spots["demand"].is_monotonic_decreasing)
    True
    """
    if not 0.0 <= min_area_m2 < np.inf:
        raise UnitRangeError(f"min_area_m2: {min_area_m2} must not be below 0")
    parts = _hang_together(_cut_by_cell(seen, progress), least_m2=min_area_m2, most_m2=seen.cell_m**2)
    parts = parts[shapely.area(parts) >= max(min_area_m2, 1e-6)]
    spots = gpd.GeoDataFrame({"area_m2": shapely.area(parts)}, geometry=parts, crs=site.crs)
    spots["street_m"] = _street_length(parts, seen.survey.ground.streets)
    spots["demand"] = spots["area_m2"] + STREET_WIDTH_M * spots["street_m"]
    spots["nearest_camera_id"], spots["nearest_camera_m"] = _nearest_camera(parts, seen)
    spots["cause"] = _cause(spots, seen)
    spots = spots.sort_values("demand", ascending=False, kind="stable", ignore_index=True)
    spots.index = pd.Index([f"blind-{n:04d}" for n in range(1, len(spots) + 1)], name="blindspot_id")
    return spots


def criticality(site: Site, seen: Coverage | None = None, *, progress: Progress | None = None) -> pd.DataFrame:
    """Tell what each camera alone sees: what opens when it fails, and which cameras only double others.

    Parameters
    ----------
    site : Site
    seen : Coverage, optional
        What `measure` found; measured here if not given.
    progress : callable, optional

    Returns
    -------
    pandas.DataFrame
        Index ``camera_id``: ``area_m2`` of observable ground seen, ``unique_m2`` seen by no other camera,
        ``unique_share``, and ``places`` of whose ground nobody else sees a tenth that this camera sees. Largest
        ``unique_m2`` first.

    Examples
    --------
    >>> import sightgrid as sg
    >>> alone = criticality(sg.open_site("helsinki"))
    >>> bool((alone["unique_m2"] <= alone["area_m2"]).all())
    True
    """
    seen = measure(site, progress=progress) if seen is None else seen
    sampler = Sampler(seen.grid)
    square_m = sampler.count_alone(seen.survey, progress=progress) * sampler.sample_m2
    frame = pd.DataFrame(square_m, columns=["area_m2", "unique_m2"], index=seen.seen.index)
    frame["unique_share"] = (frame["unique_m2"] / frame["area_m2"]).where(frame["area_m2"] > 0.0)
    frame["places"] = _places_alone(seen)
    return frame.sort_values("unique_m2", ascending=False, kind="stable")


def _cut_by_cell(seen: Coverage, progress: Progress | None) -> NDArray[np.object_]:
    clipper = Clipper(seen.survey)
    square_m = seen.figures.cells_m2
    blind = square_m[:, tiles.GROUND] > square_m[:, tiles.COVERED]
    boxes = seen.layout.geometry.to_numpy()[blind]
    pieces = []
    for n, box in enumerate(boxes):
        pieces.append(shapely.difference(clipper.ground(box), clipper.seen.union(box)))
        if progress:
            progress("blind spots", n + 1, len(boxes))
    parts = shapely.get_parts(np.array(pieces, dtype=object))
    parts = shapely.get_parts(parts)  # the members of a collection
    return np.asarray(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON], dtype=object)


def _hang_together(parts: NDArray[np.object_], *, least_m2: float, most_m2: float) -> NDArray[np.object_]:
    """Join what the grid has cut, where the whole is no larger than a cell; else join crumbs to a neighbour."""
    if not len(parts):
        return parts
    a, b = shapely.STRtree(parts).query(parts, predicate="intersects")
    a, b = a[a < b], b[a < b]
    border_m = shapely.length(shapely.intersection(parts[a], parts[b]))
    a, b, border_m = a[border_m > 0.0], b[border_m > 0.0], border_m[border_m > 0.0]
    n = len(parts)
    _, group = connected_components(coo_array((np.ones(len(a)), (a, b)), shape=(n, n)), directed=False)
    area = shapely.area(parts)
    target = np.where(np.bincount(group, area)[group] <= most_m2, n + group, np.arange(n))
    for k in np.argsort(border_m, kind="stable"):  # the longest border is asked last and wins
        for crumb, neighbour in ((a[k], b[k]), (b[k], a[k])):
            if target[crumb] < n and area[crumb] < least_m2 <= area[neighbour]:
                target[crumb] = neighbour
    order = np.argsort(target, kind="stable")
    blocks = np.split(order, np.flatnonzero(np.diff(target[order])) + 1)
    joined = [parts[block[0]] if len(block) == 1 else shapely.union_all(parts[block]) for block in blocks]
    return np.asarray(shapely.get_parts(np.array(joined, dtype=object)), dtype=object)


def _street_length(parts: NDArray[np.object_], lines: NDArray[np.object_]) -> NDArray[np.float64]:
    part, line = shapely.STRtree(lines).query(parts, predicate="intersects")
    length = shapely.length(shapely.intersection(parts[part], lines[line]))
    return np.bincount(part, length, len(parts)).astype(np.float64)


def _nearest_camera(parts: NDArray[np.object_], seen: Coverage) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
    working = seen.seen["measured"].to_numpy()
    ids, distance = np.full(len(parts), None, dtype=object), np.full(len(parts), np.nan)
    if working.any() and len(parts):
        tree = shapely.STRtree(shapely.points(seen.survey.plan.standpoints.xy[working]))
        (part, camera), metres = tree.query_nearest(parts, return_distance=True, all_matches=False)
        ids[part], distance[part] = seen.seen.index.to_numpy()[working][camera], metres
    return ids, distance


def _cause(spots: gpd.GeoDataFrame, seen: Coverage) -> NDArray[np.object_]:
    settings = seen.survey.settings
    nothing_there = Scene(seen.site.obstacles.iloc[:0])
    free = draw_views(
        seen.survey.plan.without_hosts(),
        nothing_there,
        target_height_m=settings.target_height_m,
        density_px_m=settings.least_px_m,
        heights=False,
    )
    reach = Layer(free.geometry.to_numpy())
    causes = np.where(spots["nearest_camera_m"].to_numpy() <= NEARBY_M, "out of range", "no camera").astype(object)
    for n, spot in enumerate(spots.geometry.to_numpy()):
        if 2.0 * shapely.intersection(reach.union(spot), spot).area >= spot.area:
            causes[n] = "occluded"
    down = Layer(seen.survey.sound_views(seen.survey.faulty))
    for n, spot in enumerate(spots.geometry.to_numpy()):
        if len(down.geometries) and 2.0 * shapely.intersection(down.union(spot), spot).area >= spot.area:
            causes[n] = "camera down"
    return causes


def _places_alone(seen: Coverage) -> list[str]:
    clipper = Clipper(seen.survey)
    names: list[list[str]] = [[] for _ in range(len(seen.seen))]
    places = seen.site.places
    for n, around in enumerate(seen.survey.ground.surroundings):
        ground = clipper.ground(around)
        rows = clipper.seen.rows(around)
        views = shapely.intersection(clipper.seen.geometries[rows], ground)
        for k, row in enumerate(rows):
            alone = shapely.difference(views[k], shapely.union_all(np.delete(views, k)))
            if ground.area > 0.0 and alone.area >= LEAST_PLACE_SHARE * ground.area:
                name = places["name"].iloc[n]
                names[row].append(str(name) if isinstance(name, str) and name else str(places.index[n]))
    return [", ".join(of_camera) for of_camera in names]
