"""The layers of the map: what is drawn, in which class, with which words.

Each function returns a layer and its entries of the legend. A whole city has too many shapes for a browser, so beyond
some number cells are united by class, and the smaller blind spots and the cameras' details are left out.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from sightgrid import coverage
from sightgrid.report import styles
from sightgrid.report.geopackage import camera_status
from sightgrid.report.leaflet import Features, ShapeLayer, geojson_texts
from sightgrid.report.words import degrees, listed, metres, number, percent, square_metres, text

if TYPE_CHECKING:
    from collections.abc import Hashable

    import pandas as pd

    from sightgrid.coverage import Coverage
    from sightgrid.site import Site

    Drawn = tuple[ShapeLayer, list[str]]

MANY_CELLS = 20_000
MANY_SPOTS = 5_000
CROWD = 300  # so many cameras are drawn smaller
TICK_M = 18.0
RATE_OPACITY = 0.7
POLYGON = 2  # dimensions
METRES_PER_DEGREE = 111_320.0  # of latitude

_DARK = "#1a1a1a"
_MAIN_STREETS = ("motorway", "trunk", "primary", "secondary", "tertiary")
_OUTLINE = {"color": "#5b6670", "weight": 2, "fill": False}
_CLOSED = {"stroke": False, "fillColor": styles.CLOSED_COLOUR, "fillOpacity": 1}
_LAND = {"stroke": False, "fillColor": "#f8f8f6", "fillOpacity": 1}
_WATER = {"stroke": False, "fillColor": "#cfdde6", "fillOpacity": 1}
_BUILDING = {"color": "#b9bcc0", "weight": 0.6, "fillColor": "#d9dbde", "fillOpacity": 1}
_STREET = {"color": "#ffffff", "weight": 1.2}
_MAIN_STREET = {"color": "#ffffff", "weight": 3}


def draw_background(site: Site) -> Drawn:
    """Draw the land and the streets, under everything."""
    features = Features(styles=[_LAND, _STREET, _MAIN_STREET])
    features.add(gpd.GeoSeries([site.study], crs=site.crs), 0)
    main = site.streets["highway"].astype(str).str.removesuffix("_link").isin(_MAIN_STREETS).to_numpy(dtype=bool)
    _add_as_one(features, site.streets.geometry[~main], 1)
    _add_as_one(features, site.streets.geometry[main], 2)
    return ShapeLayer("Background", features, pane="background"), []


def draw_masks(site: Site, seen: Coverage | None, *, buildings: bool) -> Drawn:
    """Draw what is no observable ground over the cells, so that their colours show on the ground only."""
    features = Features(styles=[_CLOSED, _WATER, _BUILDING, _OUTLINE])
    entries: list[str] = []
    if seen is not None:
        closed = seen.survey.ground.closed
        _add_as_one(features, gpd.GeoSeries(closed, crs=site.crs), 0)
        if len(closed):
            entries.append(legend_key(styles.CLOSED_COLOUR, "not counted: closed courtyards, private zones"))
    _add_as_one(features, site.water.geometry, 1)
    if buildings:
        _add_as_one(features, site.obstacles.geometry, 2)
    features.add(gpd.GeoSeries([site.study], crs=site.crs), 3)
    return ShapeLayer("Masks", features, control=False), entries


def draw_rates(seen: Coverage) -> Drawn:
    """Draw the cells by coverage rate, cut off at the study area's edge."""
    cells = seen.cells[seen.cells["rate"].notna()]
    ranks = np.array([styles.rate_class(rate) for rate in cells["rate"]], dtype=int)
    shapes = cells.geometry.copy()
    crossing = ~shapes.within(seen.site.study)
    shapes[crossing] = shapes[crossing].intersection(seen.site.study)
    look = {"color": "#ffffff", "weight": 0.6, "fillOpacity": RATE_OPACITY}
    drawn = [{**look, "fillColor": colour} for colour in styles.RATE_COLOURS]
    if len(cells) > MANY_CELLS:
        features = Features(styles=drawn)
        for rank in np.unique(ranks):
            features.add(gpd.GeoSeries([shapes[ranks == rank].union_all()], crs=cells.crs), int(rank))
    else:
        classes = coverage.density_classes(seen.standard)
        labels = ["Cell", "Coverage rate", "Seen at least twice", "Observable ground", "Covered ground", "Mean views"]
        labels += ["Rests on assumptions", *(f"{name.capitalize()} ({px_m:g} px/m)" for name, px_m in classes.items())]
        features = Features(labels=labels, styles=drawn)
        features.add(shapes, ranks.tolist(), [_cell_facts(cell_id, row, classes) for cell_id, row in records(cells)])
    entries = [f"<h2>Coverage rate, cells of {seen.cell_m:g} m [share of observable ground]</h2>"]
    for colour, label in zip(styles.RATE_COLOURS, styles.RATE_LABELS, strict=True):
        entries.append(legend_key(colour, label, opacity=RATE_OPACITY))
    return ShapeLayer("Coverage rate per cell", features, hover=3), entries


def _cell_facts(cell_id: Hashable, row: dict[Hashable, Any], classes: dict[str, float]) -> list[str]:
    return [
        str(cell_id),
        percent(row["rate"]),
        percent(row["rate_2"]),
        square_metres(row["observable_m2"]),
        square_metres(row["covered_m2"]),
        number(row["views_mean"]),
        percent(row["assumed_share"]),
        *(percent(row[f"rate_{name}"]) for name in classes),
    ]


def draw_seen_areas(seen: Coverage) -> Drawn:
    """Draw what is seen with each pixel density or better, the coarsest at the bottom."""
    classes = coverage.density_classes(seen.standard)
    colours = styles.density_colours(len(classes))
    areas = coverage.class_areas(seen)
    names = areas.index.get_level_values("density_class")
    look = {"weight": 0.5, "fillOpacity": 0.75}
    features = Features(
        labels=["Pixel density", "Area seen so or better"],
        styles=[{**look, "color": colour, "fillColor": colour} for colour in colours],
    )
    entries = ["<h2>Seen areas, pixel density [px/m]</h2>"]
    for i, (name, px_m) in enumerate(classes.items()):
        shape = shapely.union_all(areas.geometry[names == name].to_numpy())
        row = [f"{name}, at least {px_m:g} px/m", square_metres(shape.area)]
        features.add(gpd.GeoSeries([shape], crs=seen.site.crs), i, [row])
        entries.append(legend_key(colours[i], f"{name}: {px_m:g} or more"))
    return ShapeLayer("Seen areas by pixel density", features), entries


def draw_blind_spots(spots: gpd.GeoDataFrame) -> Drawn:
    """Draw the blind spots by cause; they are switched off at first, because they hide what lies below."""
    causes = list(styles.CAUSE_COLOURS)
    look = {"weight": 1, "fillOpacity": 0.65}
    features = Features(
        labels=["Blind spot", "Cause", "Area", "Street inside", "Demand", "Nearest camera", "Distance to it"],
        styles=[{**look, "color": colour, "fillColor": colour} for colour in styles.CAUSE_COLOURS.values()],
    )
    shown = spots.head(MANY_SPOTS)
    features.add(
        shown.geometry,
        [causes.index(cause) for cause in shown["cause"]],
        [_spot_facts(spot_id, row) for spot_id, row in records(shown)],
    )
    entries = [
        "<h2>Blind spots, by cause</h2>",
        *(legend_key(colour, each) for each, colour in styles.CAUSE_COLOURS.items()),
    ]
    if len(spots) > MANY_SPOTS:
        entries.append(f'<p class="note">The first {MANY_SPOTS:,} of {len(spots):,}, by demand.</p>')
    return ShapeLayer("Blind spots", features, show=False), entries


def _spot_facts(spot_id: Hashable, row: dict[Hashable, Any]) -> list[str]:
    return [
        str(spot_id),
        row["cause"],
        square_metres(row["area_m2"]),
        metres(row["street_m"]),
        number(row["demand"]),
        text(row["nearest_camera_id"]),
        metres(row["nearest_camera_m"]),
    ]


def draw_cameras(site: Site, seen: Coverage | None, *, details: bool) -> Drawn:
    """Draw the cameras by status, with a tick the way they look; `details` adds what each of them sees."""
    cameras = site.cameras
    found = cameras if seen is None else seen.seen
    status = ["measured"] * len(cameras) if seen is None else camera_status(seen).tolist()
    colours = styles.STATUS_COLOURS
    look = {"radius": 4.5 if len(cameras) < CROWD else 3.5, "color": _DARK, "weight": 1.5, "fillOpacity": 1}
    labels = ["Camera", "Name", "Kind", "Looks to", "Assumed", "Status", "Model", "Sees", "Moved by", "Reason"]
    dots = [{**look, "fillColor": colour} for colour in colours.values()]
    features = Features(labels=labels, styles=[*dots, {"color": _DARK, "weight": 2}])
    ticks = draw_ticks(cameras.geometry, found["azimuth_deg"])
    features.add(ticks, len(dots))
    rows = [
        [
            str(camera_id),
            text(row["name"]),
            text(row["kind"]),
            degrees(result["azimuth_deg"]),
            listed(result["assumed"]),
        ]
        for (camera_id, row), (_, result) in zip(records(cameras), records(found), strict=True)
    ]
    if seen is not None:
        results = zip(rows, status, records(found), strict=True)
        rows = [[*row, *_result_facts(each, result)] for row, each, (_, result) in results]
    areas = geojson_texts(found.geometry) if seen is not None and details else None
    features.add(cameras.geometry, [list(colours).index(each) for each in status], rows, areas)
    names = {"measured": "camera"} if seen is None else styles.STATUS_LABELS
    entries = ["<h2>Cameras</h2>"]
    entries += [legend_key(colours[each], name, shape="dot") for each, name in names.items() if each in set(status)]
    if len(ticks):
        entries.append('<div class="key"><i class="line"></i>looks this way</div>')
    return ShapeLayer("Cameras", features), entries


def _result_facts(status: str, row: dict[Hashable, Any]) -> list[str]:
    area = square_metres(row["area_m2"]) if row["measured"] else ""
    moved = metres(row["moved_m"]) if row["moved_m"] > 0 else ""
    return [status, text(row["model"]), area, moved, text(row["reason"])]


def records(frame: gpd.GeoDataFrame) -> list[tuple[Hashable, dict[Hashable, Any]]]:
    """Return the rows of a frame without their geometry, each with its id."""
    columns = frame.drop(columns=frame.geometry.name)
    return list(zip(frame.index, columns.to_dict("records"), strict=True))


def _add_as_one(features: Features, geometry: gpd.GeoSeries, style: int) -> None:
    """Add many shapes of one style as one feature: a small file, and quick to draw."""
    if len(geometry):
        parts = geometry[~geometry.is_empty].explode(ignore_index=True).to_numpy()
        collect = shapely.multipolygons if shapely.get_dimensions(parts[0]) == POLYGON else shapely.multilinestrings
        features.add(gpd.GeoSeries([collect(parts)], crs=geometry.crs), style)


def draw_ticks(points: gpd.GeoSeries, azimuth_deg: pd.Series[float]) -> gpd.GeoSeries:
    """Return a short line from each camera the way it looks, in degrees, where true north is up."""
    place = points.to_crs(4326)
    start = np.column_stack([place.x, place.y])
    angle = np.radians(azimuth_deg.to_numpy(dtype=float))
    north, east = np.cos(angle), np.sin(angle) / np.cos(np.radians(start[:, 1]))
    end = start + TICK_M / METRES_PER_DEGREE * np.column_stack([east, north])
    known = np.isfinite(end).all(axis=1)
    lines = shapely.linestrings(np.stack([start[known], end[known]], axis=1))
    return gpd.GeoSeries(lines, crs=place.crs)


def legend_key(colour: str, label: str, *, shape: str = "", opacity: float = 1.0) -> str:
    """Return a line of a legend: a swatch of the colour and what it stands for."""
    swatch = f'<i class="{shape}" style="background:{colour};opacity:{opacity:g}"></i>'
    return f'<div class="key">{swatch}{escape(label)}</div>'
