"""Parts of still pictures: map panels of a site, legends and words; needs the ``notebook`` extra (matplotlib)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch, Rectangle

from sightgrid.gis.crs import to_grid_azimuth
from sightgrid.report import styles
from sightgrid.report.geopackage import camera_status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from sightgrid.coverage import Coverage
    from sightgrid.site import Site

    Line = tuple[str, float, str, str]  # text, size, weight, colour

HEIGHT_IN = 8.6
LEGEND_IN = 2.9
TICK_M = 16.0
RATE_OPACITY = 0.75
QUIET = "#555d66"

_LAND, _WATER, _BUILDING, _STREET, _EDGE = "#f8f8f6", "#cfdde6", "#dcdee0", "#dfe2e4", "#5b6670"


def lay_panels(site: Site, *, maps: int) -> tuple[Figure, list[Axes]]:
    """Return a figure with so many maps of a site side by side, and a column for words."""
    west, south, east, north = site.study.bounds
    panel_in = (HEIGHT_IN - 1.2) * (east - west) / (north - south)
    size_in = (maps * panel_in + LEGEND_IN + 0.8, HEIGHT_IN)
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.06)
    figure = Figure(figsize=size_in, dpi=140, facecolor="white", layout=layout)
    return figure, list(figure.subplots(1, maps + 1, width_ratios=[panel_in] * maps + [LEGEND_IN]))


def draw_background(panel: Axes, site: Site) -> None:
    """Draw the study area's land and its streets."""
    fill(panel, gpd.GeoSeries([site.study], crs=site.crs), _LAND)
    if len(site.streets):
        site.streets.geometry.clip(site.study).plot(ax=panel, color=_STREET, linewidth=0.6, aspect=None)


def draw_masks(panel: Axes, seen: Coverage) -> None:
    """Draw what is no observable ground over the cells, so that their colours show on the ground only."""
    site = seen.site
    fill(panel, gpd.GeoSeries(seen.survey.ground.closed, crs=site.crs), styles.CLOSED_COLOUR)
    fill(panel, site.water.geometry.clip(site.study), _WATER)
    fill(panel, site.obstacles.geometry.clip(site.study), _BUILDING, edgecolor="#c4c7ca", linewidth=0.3)


def draw_rates(panel: Axes, seen: Coverage) -> None:
    """Draw the cells by their rate."""
    classes = np.array([styles.rate_class(rate) for rate in seen.cells["rate"]], dtype=object)
    cells = seen.cells.geometry.clip(seen.site.study)
    for i, colour in enumerate(styles.RATE_COLOURS):
        chosen = seen.cells.index[classes == i]
        fill(panel, cells[cells.index.isin(chosen)], colour, alpha=RATE_OPACITY, edgecolor="white", linewidth=0.5)


def draw_cameras(panel: Axes, seen: Coverage) -> None:
    """Draw cameras by status, each with a tick to where it looks."""
    points, found = seen.site.cameras.geometry, seen.seen
    angle = np.radians(to_grid_azimuth(points, found["azimuth_deg"].to_numpy(dtype=float)))
    x, y = points.x.to_numpy(), points.y.to_numpy()
    ends = np.column_stack([x + TICK_M * np.sin(angle), y + TICK_M * np.cos(angle)])
    panel.plot([x, ends[:, 0]], [y, ends[:, 1]], color="#1a1a1a", linewidth=0.8, zorder=5)
    status = camera_status(seen).to_numpy()
    for each, colour in styles.STATUS_COLOURS.items():
        chosen = status == each
        panel.scatter(x[chosen], y[chosen], s=13, color=colour, edgecolor="#1a1a1a", linewidth=0.7, zorder=6)


def draw_scale(panel: Axes, site: Site) -> None:
    """Draw a scale bar below the map."""
    west, south, east, _ = site.study.bounds
    length_m = 10 ** np.floor(np.log10((east - west) / 3))
    length_m *= max(step for step in (1, 2, 5) if step * length_m <= (east - west) / 3)
    x, y = west, south - 0.028 * (east - west)
    panel.add_patch(Rectangle((x, y), length_m, 0.008 * (east - west), color="#1a1a1a", clip_on=False))
    label = f"{length_m:,.0f} m, grid north is up"
    panel.text(x + length_m * 1.06, y, label, size=8.5, va="center", color=QUIET, clip_on=False)


def frame_panel(panel: Axes, site: Site) -> None:
    """Draw the study area's edge, and nothing beyond it."""
    gpd.GeoSeries([site.study], crs=site.crs).boundary.plot(ax=panel, color=_EDGE, linewidth=1, aspect=None)
    west, south, east, north = site.study.bounds
    panel.set_xlim(west - 5, east + 5)
    panel.set_ylim(south - 0.045 * (east - west), north + 5)
    panel.set_aspect("equal")
    panel.set_axis_off()


def fill(panel: Axes, shapes: gpd.GeoSeries, colour: str, **look: Any) -> None:
    """Fill the shapes that are not empty."""
    whole = shapes[~shapes.is_empty.to_numpy()]
    if len(whole):
        look = {"edgecolor": "none", **look}
        whole.plot(ax=panel, color=colour, aspect=None, **look)


def write_words(
    words: Axes, lines: Sequence[Line], *, legends: Mapping[str, list[Any]], sources: Sequence[str]
) -> None:
    """Write lines of text, then legends by title, and at the bottom where the data come from."""
    words.set_axis_off()
    top = 1.0
    for line, size, weight, colour in lines:
        look: dict[str, Any] = {"size": size, "weight": weight, "color": colour, "va": "top"}
        words.text(0, top, line, parse_math=False, transform=words.transAxes, **look)  # a name is no formula
        top -= size / 72 * 1.42 / HEIGHT_IN
    if sources:
        words.text(0, 0, "Data " + ", ".join(sources), size=8.5, color=QUIET, transform=words.transAxes)
    top -= 0.025
    for title, keys in legends.items():
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


def rate_legend() -> dict[str, list[Any]]:
    """Return the legend of the cells."""
    pairs = zip(styles.RATE_COLOURS, styles.RATE_LABELS, strict=True)
    edge = "#7a828a"
    keys = [Patch(facecolor=colour, alpha=RATE_OPACITY, edgecolor=edge, label=label) for colour, label in pairs]
    return {"Coverage rate of a cell": keys}
