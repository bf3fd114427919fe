"""The map of a patrol plan: where attention is wanted, who drives where, what is visited, who answers for what."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import folium
import geopandas as gpd
import numpy as np
import pandas as pd

from sightgrid.report import styles
from sightgrid.report.coverage import map_layers
from sightgrid.report.coverage.map_layers import legend_key
from sightgrid.report.coverage.maps import MANY_BUILDINGS
from sightgrid.report.leaflet import Features, Frame, OfflineMap, Panel, ShapeLayer
from sightgrid.report.numbers import Numbers
from sightgrid.report.patrol import patrol_styles
from sightgrid.report.words import number, percent, sources

if TYPE_CHECKING:
    from sightgrid.coverage import Coverage
    from sightgrid.patrol.beats.beats import Beats
    from sightgrid.report.patrol.briefing import Briefing

    Drawn = tuple[ShapeLayer, list[str]]

GROUND_COLOURS = ("#08519c", "#3182bd", "#6baed6", "#c6dbef")
ATTENTION_WEIGHTS = (3, 5, 7, 9, 11)
WIDTHS = (2.0, 3.2, 4.6)  # of the streets of one unit: seldom, more often, most often
OFTEN = (1 / 3, 2 / 3)
DEPOT = {"radius": 6, "color": "#ffffff", "weight": 1.5, "fillColor": "#1a1a1a", "fillOpacity": 1}


def draw_patrol(briefing: Briefing) -> folium.Map:
    """Draw a patrol plan as a map that opens without any network.

    Parameters
    ----------
    briefing : Briefing
        The shift.

    Returns
    -------
    folium.Map
        Shows itself in a notebook; ``.save("map.html")`` writes one self-contained file.
    """
    site, plan = briefing.site, briefing.plan
    passes = briefing.passes
    masks, _ = map_layers.draw_masks(site, None, buildings=len(site.obstacles) <= MANY_BUILDINGS)
    drawn: list[Drawn] = [map_layers.draw_background(site), (masks, [])]
    drawn += [_draw_ground(briefing)] if len(briefing.ground) else []
    drawn += [_draw_attention(briefing)]
    drawn += [_draw_seen(briefing, briefing.seen)] if briefing.seen is not None else []
    drawn += [_draw_beats(briefing, briefing.beats)] if briefing.beats is not None else []
    drawn += [_draw_drivers(briefing, passes)]
    drawn += [_draw_unit(briefing, passes[unit_id], str(unit_id)) for unit_id in plan.units.index]
    drawn += [_draw_depots(briefing), _draw_stops(briefing)]

    page = OfflineMap(title=f"sightgrid: patrol of {escape(site.name)}")
    for layer, _ in drawn:
        page.add_child(layer)
    page.add_child(Numbers(drawn[-1][0]), name="ranks")
    page.add_child(Panel(_headline(briefing), position="topleft"))
    control = folium.LayerControl(position="topright", collapsed=False)
    control._id = "layers"  # noqa: SLF001  (folium's random names would make two equal maps differ)
    page.add_child(control)
    legend = "".join(entry for _, entries in drawn for entry in entries)
    page.add_child(Panel(f"<details open><summary>Legend</summary>{legend}</details>", position="bottomright"))
    page.add_child(Frame(gpd.GeoSeries([site.study], crs=site.crs), sources=sources(site)))
    return page


def attention_levels(briefing: Briefing) -> pd.Series[float]:
    """Return the attention each metre of a street deserves, as a multiple of the site's mean."""
    wanted, length = briefing.attention["attention"], briefing.site.streets["length_m"].astype(float)
    mean = float(wanted.sum()) / float(length.sum())
    return (wanted / length.where(length > 0.0) / mean).fillna(0.0) if mean > 0.0 else 0.0 * length


def _draw_attention(briefing: Briefing) -> Drawn:
    levels = attention_levels(briefing)
    ranks = [patrol_styles.attention_class(level) for level in levels]
    looks = [
        {"color": colour, "weight": weight, "lineCap": "butt"}
        for colour, weight in zip(patrol_styles.ATTENTION_COLOURS, ATTENTION_WEIGHTS, strict=True)
    ]
    features = Features(labels=["Street", "Attention, of all", "Of the mean metre", "Seen by cameras"], styles=looks)
    rows = [
        [_street(name), percent(wanted), f"{number(level)} times", percent(share)]
        for name, wanted, level, share in zip(
            briefing.site.streets["name"],
            briefing.attention["attention"] / max(float(briefing.attention["attention"].sum()), 1e-300),
            levels,
            briefing.attention["observed_share"],
            strict=True,
        )
    ]
    features.add(briefing.site.streets.geometry, ranks, rows)
    entries = ["<h2>Attention, per metre of street [of the mean]</h2>"]
    entries += [
        _line_key(colour, label, width=weight)
        for colour, label, weight in zip(
            patrol_styles.ATTENTION_COLOURS, patrol_styles.ATTENTION_LABELS, ATTENTION_WEIGHTS, strict=True
        )
    ]
    return ShapeLayer("Attention per street", features, hover=4), entries


def _draw_seen(briefing: Briefing, seen: Coverage) -> Drawn:
    """Draw the streets that cameras see, by the share of their length."""
    rates = seen.streets["rate"]
    shown = (rates > 0.0).to_numpy(bool)
    looks = [{"color": colour, "weight": 5} for colour in styles.LINE_COLOURS]
    features = Features(labels=["Street", "Seen by cameras"], styles=looks)
    streets = briefing.site.streets[shown]
    rows = [[_street(name), percent(rate)] for name, rate in zip(streets["name"], rates[shown], strict=True)]
    features.add(streets.geometry, [styles.rate_class(rate) or 0 for rate in rates[shown]], rows)
    entries = ["<h2>Street seen by cameras [share of length]</h2>"]
    entries += [_line_key(c, t, width=5) for c, t in zip(styles.LINE_COLOURS, styles.RATE_LABELS, strict=True)]
    return ShapeLayer("Streets that cameras see", features, show=False), entries


def _draw_beats(briefing: Briefing, drawn: Beats) -> Drawn:
    level = drawn.beats[drawn.beats["level"] == drawn.level]
    looks, rows = [], []
    for beat_id, row in zip(level.index, level.to_dict("records"), strict=True):
        colour, dashes = briefing.look(row["unit_id"]) if row["unit_id"] else ("#8a9299", "")
        looks.append({"color": colour, "weight": 5, "opacity": 0.75, "dashArray": dashes or None})
        length = f"{row['length_m'] / 1000.0:,.1f} km"
        rows.append([str(beat_id), row["unit_id"], length, f"{row['work_s'] / 3600.0:,.1f} h"])
    features = Features(labels=["Beat", "Unit", "Streets", "Work in the shift"], styles=looks)
    features.add(level.geometry, list(range(len(level))), rows)
    return ShapeLayer("Beats", features, show=False, hover=4), []


def _draw_ground(briefing: Briefing) -> Drawn:
    """Draw the ground that is reached from the depots, the farthest at the bottom."""
    ground = briefing.ground.sort_values("minutes", ascending=False)
    colours = [GROUND_COLOURS[min(k, len(GROUND_COLOURS) - 1)] for k in range(len(ground))][::-1]
    looks = [{"color": c, "weight": 1.5, "fillColor": c, "fillOpacity": 0.35} for c in colours]
    features = Features(labels=["Reached from a depot within"], styles=looks)
    features.add(ground.geometry, list(range(len(ground))), [[f"{minutes:g} min"] for minutes in ground["minutes"]])
    entries = ["<h2>Ground reached from a depot</h2>"]
    pairs = zip(colours[::-1], ground["minutes"].to_list()[::-1], strict=True)
    entries += [legend_key(colour, f"within {minutes:g} min", opacity=0.5) for colour, minutes in pairs]
    return ShapeLayer("Ground reached from the depots", features, show=False), entries


def _draw_drivers(briefing: Briefing, passes: pd.DataFrame) -> Drawn:
    """Draw each street in the colour of the unit that passes it most often."""
    units = [str(unit_id) for unit_id in passes.columns]
    looks: list[dict[str, Any]] = []
    for unit_id in units:
        colour, dashes = briefing.look(unit_id)
        looks.append({"color": colour, "weight": 2.4, "dashArray": dashes or None})
    features = Features(labels=["Street", "Driven by", "Passes in all"], styles=looks)
    counts = passes.to_numpy(int)
    streets = briefing.site.streets.loc[passes.index]
    rows = [
        [_street(name), ", ".join(f"{unit} {n}" for unit, n in zip(units, row, strict=True) if n), f"{row.sum():,}"]
        for name, row in zip(streets["name"], counts, strict=True)
    ]
    if len(passes):
        features.add(streets.geometry, counts.argmax(axis=1).tolist(), rows)
    entries = ["<h2>Streets, by the unit there most often</h2>"]
    entries += [_line_key(briefing.look(unit)[0], unit, width=3, dashed=bool(briefing.look(unit)[1])) for unit in units]
    return ShapeLayer("Who drives where", features), entries


def _draw_unit(briefing: Briefing, passes: pd.Series[int], unit_id: str) -> Drawn:
    """Draw the streets of one unit, wider where it passes more often."""
    own = passes[passes > 0]
    colour, dashes = briefing.look(unit_id)
    looks = [{"color": colour, "weight": width, "dashArray": dashes or None} for width in WIDTHS]
    features = Features(labels=["Street", "Passes", "Unit"], styles=looks)
    streets = briefing.site.streets.loc[own.index]
    if len(own):
        ranks = np.searchsorted(OFTEN, own.to_numpy() / own.max()).tolist()
        rows = [[_street(name), f"{n:,}", unit_id] for name, n in zip(streets["name"], own, strict=True)]
        features.add(streets.geometry, ranks, rows)
    route: Any = briefing.plan.routes[briefing.plan.routes["unit_id"] == unit_id].iloc[0]
    title = f"Route of {escape(unit_id)}: {route['distance_m'] / 1000.0:,.1f} km, {route['stops']} visits"
    layer = ShapeLayer(title, features, show=False)
    layer._id = f"route{briefing.plan.units.index.get_loc(unit_id)}"  # noqa: SLF001  (an id may be no name in a script)
    return layer, []


def _draw_depots(briefing: Briefing) -> Drawn:
    units = briefing.plan.units
    features = Features(labels=["Depot of", "Kind", "Crew", "Shift"], styles=[DEPOT])
    rows = [
        [str(unit_id), row["kind"], row["crew"], briefing.period(row["start_at"], row["end_at"])]
        for unit_id, row in zip(units.index, units.drop(columns="geometry").to_dict("records"), strict=True)
    ]
    features.add(units.geometry, 0, rows)
    return ShapeLayer("Depots", features, hover=1), ["<h2>Stops</h2>", legend_key("#1a1a1a", "depot", shape="dot")]


def _draw_stops(briefing: Briefing) -> Drawn:
    stops = stop_table(briefing)
    colours = patrol_styles.STOP_COLOURS
    looks = [
        {"radius": 11, "color": "#ffffff", "weight": 1.5, "fillColor": c, "fillOpacity": 1} for c in colours.values()
    ]
    labels = ["No.", "Stop", "Kind", "Priority", "Visits", "When", "Longest gap", "Left out because"]
    features = Features(labels=labels, styles=looks)
    rows = [
        [
            str(row["number"]),
            row["title"],
            str(row["category"]).replace("_", " "),
            str(row["priority"]),
            f"{row['planned']} of {row['visits']}",
            row["when"],
            "" if pd.isna(row["worst_gap_min"]) else f"{row['worst_gap_min']:.0f} min",
            row["reason"],
        ]
        for row in stops.drop(columns="geometry").to_dict("records")
    ]
    features.add(stops.geometry, [list(colours).index(status) for status in stops["status"]], rows)
    present = set(stops["status"])
    entries = [legend_key(c, name, shape="dot") for name, c in colours.items() if name in present]
    return ShapeLayer("Stops", features, hover=6), entries


def stop_table(briefing: Briefing) -> gpd.GeoDataFrame:
    """Return the stops with what the plan does for them.

    Returns
    -------
    GeoDataFrame
        The plan's stops with ``number``, ``title``, ``status`` (one of `patrol_styles.STOP_COLOURS`), ``planned``
        visits, ``when`` (local times and units), ``worst_gap_min`` (NaN without visits) and ``reason``.
    """
    plan = briefing.plan
    made = plan.visits[plan.visits["what"] == "visit"]
    when = {
        stop_id: "; ".join(
            f"{briefing.time(at)} {unit}" for at, unit in zip(part["arrive_at"], part["unit_id"], strict=True)
        )
        for stop_id, part in made.sort_values("arrive_at").groupby("stop_id")
    }
    short = plan.shortfalls[plan.shortfalls["missing"] > 0]
    left_out = plan.stops.index.isin(short["stop_id"])
    names = list(patrol_styles.STOP_COLOURS)
    reason = plan.shortfalls.groupby("stop_id")["reason"].agg("; ".join)
    return plan.stops.assign(
        number=list(briefing.numbers.values()),
        title=list(briefing.titles.values()),
        status=np.select([left_out, plan.stops["required"].to_numpy(bool)], [names[2], names[0]], names[1]),
        planned=made["stop_id"].value_counts().reindex(plan.stops.index, fill_value=0).astype(int),
        when=[when.get(stop_id, "") for stop_id in plan.stops.index],
        worst_gap_min=(plan.stop_gaps["worst_gap_s"] / 60.0).reindex(plan.stops.index).astype(float),
        reason=reason.reindex(plan.stops.index).fillna(""),
    )


def _headline(briefing: Briefing) -> str:
    site, plan = briefing.site, briefing.plan
    found = plan.figures
    rates = [found[name] for name in ("camera_rate", "joint_rate")]
    shift = briefing.period(plan.units["start_at"].min(), plan.units["end_at"].max())
    lines = [f"<h1>{escape(site.name[:1].upper() + site.name[1:])}</h1>", f'<p class="note">{escape(shift)}</p>']
    if None not in rates:
        lines.append(f'<p class="rate">{percent(rates[0])} → {percent(rates[1])}</p>')
        lines.append("<p>of the street is looked at: by cameras, by cameras or patrols</p>")
    planned, wanted = found["stops_planned"], found["stops_required"]
    optional = found["stops_optional_planned"], found["stops_optional"]
    lines.append(f"<p>{planned:,} of {wanted:,} required visits, {optional[0]:,} of {optional[1]:,} others<br>")
    lines.append(f"{len(plan.units):,} units, {found['driven_m'] / 1000.0:,.0f} km</p>")
    if found["worst_gap_min"] is not None:
        gaps = f"longest gap at a stop {found['worst_gap_min']:.0f} min, mean {found['mean_gap_min']:.0f} min"
        lines.append(f'<p class="note">{gaps}</p>')
    if briefing.response is not None:
        told = ", ".join(f"{percent(share)} in {minutes:g} min" for minutes, share in briefing.response.within.items())
        lines.append(f'<p class="note">the nearest unit reaches {told} of the risk, mean over the shift</p>')
    return "".join(lines)


def _street(name: Any) -> str:
    return name if isinstance(name, str) and name else "street without a name"


def _line_key(colour: str, label: str, *, width: int, dashed: bool = False) -> str:
    look = f"border-top:{width}px {'dashed' if dashed else 'solid'} {colour}"
    return f'<div class="key"><i class="line" style="{look}"></i>{escape(label)}</div>'
