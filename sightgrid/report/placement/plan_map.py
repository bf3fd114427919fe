"""The map of a plan: every cell's rate before and after it, what it adds, and the new cameras by rank."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import folium
import geopandas as gpd
import numpy as np

from sightgrid.report import styles
from sightgrid.report.coverage import map_layers
from sightgrid.report.coverage.map_layers import MANY_CELLS, RATE_OPACITY, draw_ticks, legend_key, records
from sightgrid.report.coverage.maps import MANY_BUILDINGS, MANY_CAMERAS
from sightgrid.report.leaflet import Features, Frame, OfflineMap, Panel, ShapeLayer, geojson_texts
from sightgrid.report.numbers import Numbers
from sightgrid.report.words import degrees, number, percent, sources, square_metres

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import shapely

    from sightgrid.coverage import Coverage
    from sightgrid.coverage.plan import Placement

    Drawn = tuple[ShapeLayer, list[str]]

GAIN_BREAKS = (0.0005, 0.05, 0.2, 0.4, 0.6, 1.0)  # below the first, nothing changes that people could read
GAIN_COLOURS = ("#e6d8ef", "#c79fd6", "#a766b8", "#813391", "#4b0f63")
GAIN_LABELS = ("up to 5", "5 to 20", "20 to 40", "40 to 60", "60 to 100")
LOSS_COLOUR, LOSS_LABEL = "#e69f00", "less than before"
NEW_COLOUR = "#c22f10"
SEEN_COLOUR = "#e6550d"


def draw_plan(plan: Placement, before: Coverage | None, after: Coverage) -> folium.Map:
    """Draw a plan as a map that opens without any network.

    Parameters
    ----------
    plan : Placement
        The new cameras.
    before, after : Coverage
        The measured coverage of the site as it was (None where it has no cameras) and of the planned site.

    Returns
    -------
    folium.Map
        Shows itself in a notebook; ``.save("map.html")`` writes one self-contained file.
    """
    site = plan.site
    large = len(site.cameras) > MANY_CAMERAS or len(site.obstacles) > MANY_BUILDINGS
    drawn = [map_layers.draw_background(site), *_draw_grids(compare_cells(before, after), site.study)]
    masks, closed = map_layers.draw_masks(site, after, buildings=not large)
    drawn.append((masks, ["<h2>Ground</h2>", *closed] if closed else []))
    drawn.append(_draw_seen_areas(plan, after))
    if before is not None:
        cameras, (_, *entries) = map_layers.draw_cameras(site, before, details=not large)
        cameras.layer_name = "Existing cameras"
        drawn.append((cameras, ["<h2>Existing cameras</h2>", *entries]))
    if len(plan.changed):
        drawn.append(_draw_changed_cameras(plan))
    drawn.append((_draw_new_cameras(plan, after), []))

    page = OfflineMap(title=f"sightgrid: plan for {escape(site.name)}")
    for layer, _ in drawn:
        page.add_child(layer)
    page.add_child(Numbers(drawn[-1][0]), name="ranks")
    page.add_child(Panel(_headline(plan, after), position="topleft"))
    control = folium.LayerControl(position="topright", collapsed=False)
    control._id = "layers"  # noqa: SLF001  (folium's random names would make two equal maps differ)
    page.add_child(control)
    legend = "".join(entry for _, entries in drawn for entry in entries)
    page.add_child(Panel(f"<details open><summary>Legend</summary>{legend}</details>", position="bottomright"))
    page.add_child(Frame(gpd.GeoSeries([site.study], crs=site.crs), sources=sources(site)))
    return page


def compare_cells(before: Coverage | None, after: Coverage) -> gpd.GeoDataFrame:
    """Return the cells with their rates before and after a plan.

    Parameters
    ----------
    before, after : Coverage
        The site as it was (None where it has no cameras) and with the new cameras, on the same grid.

    Returns
    -------
    geopandas.GeoDataFrame
        Index ``cell_id``; ``observable_m2``, ``rate_before``, ``rate_after`` and ``difference``, all shares of the
        cell's observable ground; NaN where a cell has none.
    """
    cells = after.cells[["observable_m2", "geometry"]].copy()
    cells["rate_after"] = after.cells["rate"]
    cells["rate_before"] = 0.0 * cells["rate_after"] if before is None else before.cells["rate"]
    cells["difference"] = cells["rate_after"] - cells["rate_before"]
    return cells[["observable_m2", "rate_before", "rate_after", "difference", "geometry"]]


def _draw_grids(cells: gpd.GeoDataFrame, study: shapely.Geometry) -> list[Drawn]:
    """Draw the same cells three times, cut off at the study area's edge: one of the layers is shown at a time."""
    cells = cells[cells["rate_after"].notna()]
    cells = cells.set_geometry(cells.geometry.intersection(study))
    rates = ["<h2>Coverage rate [share of observable ground]</h2>"]
    rates += _keys(styles.RATE_COLOURS, styles.RATE_LABELS)
    gains = ["<h2>Difference [percentage points]</h2>", *_keys(GAIN_COLOURS, GAIN_LABELS)]
    if (cells["difference"] <= -GAIN_BREAKS[0]).any():
        gains += _keys([LOSS_COLOUR], [LOSS_LABEL])
    before = _draw_cells(cells, "rate_before", "Before the plan: rate per cell", styles.RATE_COLOURS, styles.rate_class)
    after = _draw_cells(cells, "rate_after", "With the plan: rate per cell", styles.RATE_COLOURS, styles.rate_class)
    change = _draw_cells(cells, "difference", "Difference per cell", (*GAIN_COLOURS, LOSS_COLOUR), _gain_class)
    after.show = True
    return [(before, []), (after, rates), (change, gains)]


def _draw_cells(
    cells: gpd.GeoDataFrame, column: str, name: str, colours: Sequence[str], rank: Callable[[float], int | None]
) -> ShapeLayer:
    ranks = cells[column].map(rank)
    cells, ranks = cells[ranks.notna()], ranks.dropna().astype(int).to_numpy()
    look = {"color": "#ffffff", "weight": 0.6, "fillOpacity": RATE_OPACITY}
    drawn = [{**look, "fillColor": colour} for colour in colours]
    if len(cells) > MANY_CELLS:
        features = Features(styles=drawn)
        for each in np.unique(ranks):
            features.add(gpd.GeoSeries([cells.geometry[ranks == each].union_all()], crs=cells.crs), int(each))
    else:
        features = Features(labels=["Cell", "Before", "With the plan", "Difference", "Ground"], styles=drawn)
        features.add(cells.geometry, ranks.tolist(), [_cell_facts(str(cell), row) for cell, row in records(cells)])
    layer = ShapeLayer(name, features, show=False, hover=4)
    layer.overlay = False  # one of several
    return layer


def _cell_facts(cell_id: str, row: dict[Any, Any]) -> list[str]:
    return [
        cell_id,
        percent(row["rate_before"]),
        percent(row["rate_after"]),
        f"{100 * row['difference']:+.1f} percentage points",
        square_metres(row["observable_m2"]),
    ]


def _gain_class(difference: float) -> int | None:
    if difference <= -GAIN_BREAKS[0]:
        return len(GAIN_COLOURS)
    if not difference >= GAIN_BREAKS[0]:
        return None
    return next(i for i, upper in enumerate(GAIN_BREAKS[1:]) if difference <= upper or upper == GAIN_BREAKS[-1])


def _draw_seen_areas(plan: Placement, after: Coverage) -> Drawn:
    """Draw what the new cameras see of the study area; a camera's popup shows all it sees."""
    look = {"color": SEEN_COLOUR, "weight": 1.6, "fillColor": SEEN_COLOUR, "fillOpacity": 0.08}
    features = Features(styles=[look])
    features.add(after.seen.geometry[plan.chosen.index].intersection(plan.site.study))
    entries = [
        "<h2>The plan</h2>",
        legend_key(NEW_COLOUR, "new camera, with its rank", shape="dot"),
        f'<div class="key"><i class="line" style="border-color:{SEEN_COLOUR}"></i>edge of what it sees</div>',
    ]
    return ShapeLayer("Seen areas of the new cameras", features), entries if len(plan.chosen) else []


def _draw_changed_cameras(plan: Placement) -> Drawn:
    """Draw the cameras that stood before and are turned or taken down."""
    changed, colours = plan.changed, styles.CAMERA_CHANGE_COLOURS
    look = {"radius": 7, "color": "#1a1a1a", "weight": 2, "fillOpacity": 1}
    looks = [{**look, "fillColor": colour} for colour in colours.values()]
    labels = ["Camera", "Change", "Looked to", "Looks to"]
    features = Features(labels=labels, styles=[*looks, {"color": colours["turned"], "weight": 3}])
    turned = changed[changed["change"] == "turned"]
    features.add(draw_ticks(turned.geometry, turned["azimuth_deg"]), len(looks))
    for style, change in enumerate(colours):
        rows = changed[changed["change"] == change]
        facts = [
            [
                str(name),
                change,
                degrees(row["azimuth_before_deg"]) or "unknown",
                degrees(row["azimuth_deg"]) or "nowhere",
            ]
            for name, row in records(rows)
        ]
        features.add(rows.geometry, style, facts)
    present = set(changed["change"])
    keys = [
        legend_key(colour, f"{change} camera", shape="dot") for change, colour in colours.items() if change in present
    ]
    return ShapeLayer("Changed cameras", features), keys


def _draw_new_cameras(plan: Placement, after: Coverage) -> ShapeLayer:
    chosen, found = plan.chosen, after.seen.loc[plan.chosen.index]
    labels = ["Rank", "Camera", "Model", "Looks to", "Mounted on", "Price", "Gain, weighted", "Sees", "Demand seen"]
    look = {"radius": 10, "color": "#ffffff", "weight": 1.5, "fillColor": NEW_COLOUR, "fillOpacity": 1}
    features = Features(labels=labels, styles=[look, {"color": NEW_COLOUR, "weight": 3}])
    features.add(draw_ticks(chosen.geometry, chosen["azimuth_deg"]), 1)
    rows = [
        [
            str(row["rank"]),
            str(camera_id),
            row["model"],
            degrees(row["azimuth_deg"]) or "all round",
            row["mount"],
            number(row["price"]),
            square_metres(row["gain"]),
            square_metres(area_m2),
            percent(row["cumulative_share"]),
        ]
        for (camera_id, row), area_m2 in zip(records(chosen), found["area_m2"], strict=True)
    ]
    features.add(chosen.geometry, 0, rows, geojson_texts(found.geometry))
    return ShapeLayer("New cameras", features)


def _keys(colours: Sequence[str], labels: Sequence[str]) -> list[str]:
    return [legend_key(colour, label, opacity=RATE_OPACITY) for colour, label in zip(colours, labels, strict=True)]


def _headline(plan: Placement, after: Coverage) -> str:
    name, cameras = plan.site.name, len(plan.chosen)
    new = "1 new camera" if cameras == 1 else f"{cameras:,} new cameras"
    changes = describe_changes(plan)
    return (
        f"<h1>{escape(name[:1].upper() + name[1:])}</h1>"
        f'<p class="rate">{percent(plan.before_rate)} → {percent(plan.after_rate)}</p>'
        f"<p>of the observable ground is seen, with {new} at a price of {number(float(plan.chosen['price'].sum()))}"
        f"{f'; {changes}' if changes else ''}</p>"
        f'<p class="note">measured independently: {percent(after.totals["coverage_rate"])}</p>'
        f'<p class="note">{escape(describe_quality(plan))}</p>'
    )


def describe_changes(plan: Placement) -> str:
    """Return in words what a plan does with the cameras that stood before; empty if nothing."""
    counts = plan.changed["change"].value_counts()
    told = [f"{counts[change]:,} {change}" for change in styles.CAMERA_CHANGE_COLOURS if change in counts]
    return f"existing cameras: {', '.join(told)}" if told else ""


def describe_quality(plan: Placement) -> str:
    """Return in words how good a plan is known to be."""
    if plan.solution.status == "optimal":
        words = "proven to be the best possible among the poses looked at"
    elif plan.solution.gap >= 1.0:
        words = "not known how far from the best possible: give the search more time"
    else:
        words = f"at most {percent(plan.solution.gap)} from the best possible"
    return words + (", search interrupted" if plan.solution.interrupted else "")
