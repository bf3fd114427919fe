"""A patrol plan in numbers and words: what ``summary.json`` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sightgrid.report.patrol.briefing import list_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sightgrid.report.patrol.briefing import Briefing

FAR_M = 50.0  # a straight line from a stop to the street it is served at, from which it is told
MOST_CELLS = 5  # so many cells with most attention are named
FIGURES = (
    "stops_required", "stops_planned", "stops_optional", "stops_optional_planned", "visits", "attention_share",
    "worst_gap_min", "mean_gap_min", "balance", "driven_m", "camera_rate", "joint_rate",
)  # fmt: skip


def summarise_patrol(briefing: Briefing, *, assumed: Sequence[str] = (), notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the figures of a patrol plan, as ``summary.json`` holds them.

    Parameters
    ----------
    briefing : Briefing
        The shift.
    assumed, notes : sequence of str
        What the figures rest on, and what a planner should know besides.

    Returns
    -------
    dict
        The figures of `Plan.figures`; ``within_min`` (minutes -> share of the risk that the nearest unit reaches in
        that time, mean over the shift) and ``unreached``; ``routes`` (a dict for each unit, with its ``files``);
        ``shortfalls``; ``beats``; ``attention_spread`` (over the cells of the grid); ``assumed``; ``notes``.
    """
    plan, response = briefing.plan, briefing.response
    figures = plan.figures
    reached = None if response is None else {f"{minutes:g}": share for minutes, share in response.within.items()}
    return {
        "shift": briefing.period(plan.units["start_at"].min(), plan.units["end_at"].max()),
        "routes": _list_routes(briefing),
        **{name: figures[name] for name in FIGURES},
        "within_min": reached,
        "unreached": None if response is None else float(response.samples["unreached"].mean()),
        "shortfalls": _list_shortfalls(briefing),
        "beats": None if briefing.beats is None else {k: float(v) for k, v in briefing.beats.figures.items()},
        "attention_spread": _tell_spread(briefing),
        "assumed": list(assumed),
        "notes": list(dict.fromkeys([*briefing.site.notes, *notes, *_tell_snaps(briefing)])),
    }


def _list_routes(briefing: Briefing) -> list[dict[str, Any]]:
    plan = briefing.plan
    files, routes = list_files(briefing.stems), plan.routes.set_index("unit_id")
    held = {} if briefing.beats is None else {unit: str(beat) for beat, unit in briefing.beats.beats["unit_id"].items()}
    rows = []
    for unit_id, unit in zip(plan.units.index, plan.units.drop(columns="geometry").to_dict("records"), strict=True):
        own = plan.visits[plan.visits["unit_id"] == unit_id]
        patrol = own.loc[own["what"] == "street", "dwell_s"].sum()
        end = own["leave_at"].max()
        rows.append(
            {
                "unit_id": str(unit_id),
                "kind": unit["kind"],
                "crew": unit["crew"],
                "start": briefing.time(unit["start_at"], "%Y-%m-%d %H:%M"),
                "end": briefing.time(unit["end_at"], "%Y-%m-%d %H:%M"),
                "overtime_min": round(max((end - unit["end_at"]).total_seconds(), 0.0) / 60.0, 1),
                "visits": int(routes["stops"][unit_id]),
                "distance_m": round(float(routes["distance_m"][unit_id]), 1),
                "work_s": round(float(plan.work_s[unit_id]), 1),
                "patrol_s": round(float(patrol), 1),
                "beat_id": held.get(unit_id, ""),
                "files": files[str(unit_id)],
            }
        )
    return rows


def _list_shortfalls(briefing: Briefing) -> list[dict[str, Any]]:
    return [
        {
            "stop_id": row["stop_id"],
            "name": briefing.titles[row["stop_id"]],
            "number": briefing.numbers[row["stop_id"]],
            "missing": int(row["missing"]),
            "priority": int(row["priority"]),
            "required": bool(row["required"]),
            "reason": row["reason"],
        }
        for row in briefing.plan.shortfalls.to_dict("records")
    ]


def _tell_snaps(briefing: Briefing) -> list[str]:
    """Depots and stops that lie far from the crossing where they are served."""
    notes = []
    for kind, frame in (("depots", briefing.plan.units), ("stops", briefing.plan.stops)):
        far = frame["snap_m"][frame["snap_m"] > FAR_M] if "snap_m" in frame else frame.index[:0]
        if len(far):
            farthest = f"the farthest, {far.idxmax()}, {far.max():.0f} m"
            notes.append(
                f"{kind}: {len(far)} lie more than {FAR_M:g} m from the crossing where they are served; {farthest}"
            )
    return notes


def _tell_spread(briefing: Briefing) -> dict[str, Any]:
    """How evenly attention lies on the streets of the grid, and the cells with most of it."""
    cells = briefing.cells
    order = np.argsort(-cells["share"].to_numpy(float), kind="stable")[:MOST_CELLS]
    return {
        "gini": float(cells.attrs["gini"]),
        "outside": float(cells.attrs["outside"]),
        "cells": len(cells),
        "cells_without": int((cells["attention"] <= 0.0).sum()),
        "most": [{"cell_id": str(cells.index[at]), "share": float(cells["share"].iloc[at])} for at in order.tolist()],
    }
