"""A still picture of the coverage, for documents: needs the ``notebook`` extra (matplotlib)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import shapely
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sightgrid import coverage
from sightgrid.report import styles
from sightgrid.report.geopackage import camera_status
from sightgrid.report.panels import (
    QUIET,
    draw_background,
    draw_cameras,
    draw_masks,
    draw_rates,
    draw_scale,
    fill,
    frame_panel,
    lay_panels,
    rate_legend,
    write_words,
)
from sightgrid.report.words import percent, sources, square_metres

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sightgrid.coverage import Coverage


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
    figure, (left, right, words) = lay_panels(site, maps=2)
    for panel in (left, right):
        draw_background(panel, site)
    draw_rates(left, seen)
    _draw_spots(right, spots)
    for panel in (left, right):
        draw_masks(panel, seen)
    _draw_seen_areas(left, seen)
    for panel in (left, right):
        draw_cameras(panel, seen)
        frame_panel(panel, site)
    draw_scale(left, site)
    left.set_title(f"How much of each cell is seen ({seen.cell_m:g} m cells)", loc="left", fontsize=11, weight="bold")
    right.set_title("Where nobody looks", loc="left", fontsize=11, weight="bold")
    _draw_words(words, seen, spots)
    return figure


def _draw_seen_areas(panel: Axes, seen: Coverage) -> None:
    classes = coverage.density_classes(seen.standard)
    areas = coverage.class_areas(seen)
    names = areas.index.get_level_values("density_class")
    for name, colour in zip(classes, styles.density_colours(len(classes)), strict=True):
        shape = shapely.union_all(areas.geometry[names == name].to_numpy()).intersection(seen.site.study)
        fill(panel, gpd.GeoSeries([shape], crs=areas.crs), colour, alpha=0.85, edgecolor=colour, linewidth=0.2)


def _draw_spots(panel: Axes, spots: gpd.GeoDataFrame) -> None:
    for cause, colour in styles.CAUSE_COLOURS.items():
        shapes = spots.geometry[(spots["cause"] == cause).to_numpy()]
        fill(panel, shapes, colour, alpha=0.6, edgecolor=colour, linewidth=0.4)


def _draw_words(words: Axes, seen: Coverage, spots: gpd.GeoDataFrame) -> None:
    found = seen.summary()
    bounds = f"between {percent(found['coverage_rate_lower'])} and {percent(found['coverage_rate_upper'])},"
    lines = [
        (seen.site.name[:1].upper() + seen.site.name[1:], 15, "bold", "black"),
        (percent(found["coverage_rate"]), 24, "bold", "black"),
        ("of the observable ground is seen", 10, "normal", "black"),
        (bounds, 8.5, "normal", QUIET),
        ("depending on what was assumed", 8.5, "normal", QUIET),
        (f"{percent(found['street_rate'])} of the street length is seen", 10, "normal", "black"),
        (f"{found['cameras_measured']:,} of {found['cameras_total']:,} cameras measured", 10, "normal", "black"),
        (f"{len(spots):,} blind spots, {square_metres(spots['area_m2'].sum())}", 10, "normal", "black"),
    ]
    write_words(words, lines, legends=_legends(seen, spots), sources=sources(seen.site))


def _legends(seen: Coverage, spots: gpd.GeoDataFrame) -> dict[str, list[Any]]:
    classes = coverage.density_classes(seen.standard)
    density = zip(classes.items(), styles.density_colours(len(classes)), strict=True)
    status = camera_status(seen)
    dot = {"marker": "o", "linestyle": "", "markeredgecolor": "#1a1a1a", "markersize": 5.5}
    return {
        **rate_legend(),
        "Seen areas, pixel density [px/m]": [
            Patch(facecolor=colour, alpha=0.85, label=f"{name}: {px_m:g} or more") for (name, px_m), colour in density
        ],
        "Blind spots, by cause": [
            Patch(facecolor=colour, alpha=0.6, label=cause)
            for cause, colour in styles.CAUSE_COLOURS.items()
            if cause in set(spots["cause"])
        ],
        "Cameras, looking to their tick": [
            Line2D([], [], markerfacecolor=colour, label=styles.STATUS_LABELS[each], **dot)  # type: ignore[arg-type]
            for each, colour in styles.STATUS_COLOURS.items()
            if (status == each).any()
        ],
    }
