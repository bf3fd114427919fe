"""A still picture of the coverage, for documents: needs the ``notebook`` extra (matplotlib)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from sightgrid import coverage
from sightgrid.gis.crs import to_grid_azimuth
from sightgrid.report import styles
from sightgrid.report.geopackage import camera_status
from sightgrid.report.words import percent, sources, square_metres

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sightgrid.coverage import Coverage
    from sightgrid.site import Site

HEIGHT_IN = 8.6
LEGEND_IN = 2.9
TICK_M = 16.0
RATE_OPACITY = 0.75

_LAND, _WATER, _BUILDING, _STREET, _EDGE = "#f8f8f6", "#cfdde6", "#dcdee0", "#dfe2e4", "#5b6670"
_QUIET = "#555d66"


def draw_coverage(seen: Coverage, spots: gpd.GeoDataFrame) -> Figure:
    """Draw two maps side by side: how much of each cell is seen, and where nobody looks.

    Parameters
    ----------
    seen : Coverage
        The measured coverage.
    spots : geopandas.GeoDataFrame
        Its blind spots.

    Returns
    -------
    matplotlib.figure.Figure
        Save it with ``.savefig("coverage.png")``.
    """
    site = seen.site
    west, south, east, north = site.study.bounds
    panel_in = (HEIGHT_IN - 1.2) * (east - west) / (north - south)
    size_in = (2 * panel_in + LEGEND_IN + 0.8, HEIGHT_IN)
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.06)
    figure = Figure(figsize=size_in, dpi=140, facecolor="white", layout=layout)
    left, right, words = figure.subplots(1, 3, width_ratios=[panel_in, panel_in, LEGEND_IN])
    for panel in (left, right):
        _draw_background(panel, site)
    _draw_rates(left, seen)
    _draw_spots(right, spots)
    for panel in (left, right):
        _draw_masks(panel, seen)
    _draw_seen_areas(left, seen)
    for panel in (left, right):
        _draw_cameras(panel, seen)
        _frame(panel, site)
    _draw_scale(left, site)
    left.set_title(f"How much of each cell is seen ({seen.cell_m:g} m cells)", loc="left", fontsize=11, weight="bold")
    right.set_title("Where nobody looks", loc="left", fontsize=11, weight="bold")
    _draw_words(words, seen, spots)
    return figure


def _draw_background(panel: Axes, site: Site) -> None:
    _fill(panel, gpd.GeoSeries([site.study], crs=site.crs), _LAND)
    if len(site.streets):
        site.streets.geometry.clip(site.study).plot(ax=panel, color=_STREET, linewidth=0.6, aspect=None)


def _draw_masks(panel: Axes, seen: Coverage) -> None:
    """Draw what is no observable ground over the cells, so that their colours show on the ground only."""
    site = seen.site
    _fill(panel, gpd.GeoSeries(seen.survey.ground.closed, crs=site.crs), styles.CLOSED_COLOUR)
    _fill(panel, site.water.geometry.clip(site.study), _WATER)
    _fill(panel, site.obstacles.geometry.clip(site.study), _BUILDING, edgecolor="#c4c7ca", linewidth=0.3)


def _draw_rates(panel: Axes, seen: Coverage) -> None:
    classes = np.array([styles.rate_class(rate) for rate in seen.cells["rate"]], dtype=object)
    cells = seen.cells.geometry.clip(seen.site.study)
    for i, colour in enumerate(styles.RATE_COLOURS):
        chosen = seen.cells.index[classes == i]
        _fill(panel, cells[cells.index.isin(chosen)], colour, alpha=RATE_OPACITY, edgecolor="white", linewidth=0.5)


def _draw_seen_areas(panel: Axes, seen: Coverage) -> None:
    classes = coverage.density_classes(seen.standard)
    areas = coverage.class_areas(seen)
    names = areas.index.get_level_values("density_class")
    for name, colour in zip(classes, styles.density_colours(len(classes)), strict=True):
        shape = shapely.union_all(areas.geometry[names == name].to_numpy()).intersection(seen.site.study)
        _fill(panel, gpd.GeoSeries([shape], crs=areas.crs), colour, alpha=0.85, edgecolor=colour, linewidth=0.2)


def _draw_spots(panel: Axes, spots: gpd.GeoDataFrame) -> None:
    for cause, colour in styles.CAUSE_COLOURS.items():
        shapes = spots.geometry[(spots["cause"] == cause).to_numpy()]
        _fill(panel, shapes, colour, alpha=0.6, edgecolor=colour, linewidth=0.4)


def _draw_cameras(panel: Axes, seen: Coverage) -> None:
    points, found = seen.site.cameras.geometry, seen.seen
    angle = np.radians(to_grid_azimuth(points, found["azimuth_deg"].to_numpy(dtype=float)))
    x, y = points.x.to_numpy(), points.y.to_numpy()
    ends = np.column_stack([x + TICK_M * np.sin(angle), y + TICK_M * np.cos(angle)])
    panel.plot([x, ends[:, 0]], [y, ends[:, 1]], color="#1a1a1a", linewidth=0.8, zorder=5)
    status = camera_status(seen).to_numpy()
    for each, colour in styles.STATUS_COLOURS.items():
        chosen = status == each
        panel.scatter(x[chosen], y[chosen], s=13, color=colour, edgecolor="#1a1a1a", linewidth=0.7, zorder=6)


def _draw_words(words: Axes, seen: Coverage, spots: gpd.GeoDataFrame) -> None:
    words.set_axis_off()
    found = seen.summary()
    bounds = f"between {percent(found['coverage_rate_lower'])} and {percent(found['coverage_rate_upper'])},"
    lines = [
        (seen.site.name[:1].upper() + seen.site.name[1:], 15, "bold", "black"),
        (percent(found["coverage_rate"]), 24, "bold", "black"),
        ("of the observable ground is seen", 10, "normal", "black"),
        (bounds, 8.5, "normal", _QUIET),
        ("depending on what was assumed", 8.5, "normal", _QUIET),
        (f"{percent(found['street_rate'])} of the street length is seen", 10, "normal", "black"),
        (f"{found['cameras_measured']:,} of {found['cameras_total']:,} cameras measured", 10, "normal", "black"),
        (f"{len(spots):,} blind spots, {square_metres(spots['area_m2'].sum())}", 10, "normal", "black"),
    ]
    top = 1.0
    for line, size, weight, colour in lines:
        look: dict[str, Any] = {"size": size, "weight": weight, "color": colour, "va": "top"}
        words.text(0, top, line, parse_math=False, transform=words.transAxes, **look)  # a name is no formula
        top -= size / 72 * 1.42 / HEIGHT_IN
    if sources(seen.site):
        words.text(0, 0, "Data " + ", ".join(sources(seen.site)), size=8.5, color=_QUIET, transform=words.transAxes)
    top -= 0.025
    for title, keys in _legends(seen).items():
        box = words.legend(
            handles=keys,
            title=title,
            loc="upper left",
            bbox_to_anchor=(-0.02, top),
            frameon=False,
            alignment="left",
            fontsize=9,
            title_fontproperties={"weight": "bold", "size": 9},
            borderpad=0,
            labelspacing=0.35,
        )
        words.add_artist(box)
        top -= len(keys) * 0.0212 + 0.046


def _legends(seen: Coverage) -> dict[str, list[Any]]:
    classes = coverage.density_classes(seen.standard)
    density = zip(classes.items(), styles.density_colours(len(classes)), strict=True)
    status = camera_status(seen)
    dot = {"marker": "o", "linestyle": "", "markeredgecolor": "#1a1a1a", "markersize": 5.5}
    return {
        "Coverage rate of a cell": [
            Patch(facecolor=colour, alpha=RATE_OPACITY, edgecolor="#7a828a", label=label)
            for colour, label in zip(styles.RATE_COLOURS, styles.RATE_LABELS, strict=True)
        ],
        "Seen areas, pixel density [px/m]": [
            Patch(facecolor=colour, alpha=0.85, label=f"{name}: {px_m:g} or more") for (name, px_m), colour in density
        ],
        "Blind spots, by cause": [
            Patch(facecolor=colour, alpha=0.6, label=cause) for cause, colour in styles.CAUSE_COLOURS.items()
        ],
        "Cameras, looking to their tick": [
            Line2D([], [], markerfacecolor=colour, label=styles.STATUS_LABELS[each], **dot)  # type: ignore[arg-type]
            for each, colour in styles.STATUS_COLOURS.items()
            if (status == each).any()
        ],
    }


def _draw_scale(panel: Axes, site: Site) -> None:
    west, south, east, _ = site.study.bounds
    length_m = 10 ** np.floor(np.log10((east - west) / 3))
    length_m *= max(step for step in (1, 2, 5) if step * length_m <= (east - west) / 3)
    x, y = west, south - 0.028 * (east - west)
    panel.add_patch(Rectangle((x, y), length_m, 0.008 * (east - west), color="#1a1a1a", clip_on=False))
    label = f"{length_m:,.0f} m, grid north is up"
    panel.text(x + length_m * 1.06, y, label, size=8.5, va="center", color=_QUIET, clip_on=False)


def _frame(panel: Axes, site: Site) -> None:
    gpd.GeoSeries([site.study], crs=site.crs).boundary.plot(ax=panel, color=_EDGE, linewidth=1, aspect=None)
    west, south, east, north = site.study.bounds
    panel.set_xlim(west - 5, east + 5)
    panel.set_ylim(south - 0.045 * (east - west), north + 5)
    panel.set_aspect("equal")
    panel.set_axis_off()


def _fill(panel: Axes, shapes: gpd.GeoSeries, colour: str, **look: Any) -> None:
    whole = shapes[~shapes.is_empty.to_numpy()]
    if len(whole):
        look = {"edgecolor": "none", **look}
        whole.plot(ax=panel, color=colour, aspect=None, **look)
