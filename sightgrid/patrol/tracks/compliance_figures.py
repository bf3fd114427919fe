"""Figures of compliance: per stop, per unit and for all units together, with what they assume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sightgrid.patrol.tracks.visit_match import DONE, EARLY, LATE, MISSED, to_seconds

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

FULL_DWELL = 0.8  # share of the planned dwell from which on a visit was long enough
# what the shares of `share_out` are made of: name -> part, whole
SHARES = {
    "dwell_share": ("dwell_s", "planned_s"),
    "streets_covered_share": ("covered_m", "streets_m"),
    "route_match_share": ("on_plan_m", "driven_m"),
    "on_schedule_share": ("on_schedule_s", "tracked_s"),
}


def count_visits(visits: pd.DataFrame) -> dict[str, Any]:
    """Count the visits of a unit by status, and the seconds planned and spent, at most those planned."""
    count = visits["status"].value_counts()
    spent = np.minimum(visits["dwell_s"].fillna(0.0), visits["planned_s"])
    long_enough = visits["dwell_s"].notna() & (visits["dwell_s"] >= FULL_DWELL * visits["planned_s"])
    return {
        "visits_planned": len(visits),
        **{f"visits_{status}": int(count.get(status, 0)) for status in (DONE, EARLY, LATE, MISSED)},
        "visits_full_dwell": int(long_enough.sum()),
        "planned_s": float(visits["planned_s"].sum()),
        "dwell_s": float(spent.sum()),
    }


def measure_dosage(
    stops: gpd.GeoDataFrame, visits: pd.DataFrame, stays: dict[tuple[str, str], NDArray[np.float64]]
) -> pd.DataFrame:
    """Add up the minutes at every stop, planned and spent, by all units."""
    spent = dict.fromkeys(stops.index, 0.0)
    for (_, stop), found in stays.items():
        spent[stop] += float((found[:, 1] - found[:, 0]).sum())
    planned = visits.groupby("stop_id")
    columns = {
        "name": stops["name"],
        "visits_planned": planned.size().reindex(stops.index, fill_value=0),
        "visits_made": (visits["status"] != MISSED).groupby(visits["stop_id"]).sum().reindex(stops.index, fill_value=0),
        "planned_min": planned["planned_s"].sum().reindex(stops.index, fill_value=0.0) / 60.0,
        "dosage_min": pd.Series(spent, dtype=float).reindex(stops.index) / 60.0,
    }
    return pd.DataFrame(columns, index=stops.index)


def share_out(sums: pd.DataFrame) -> pd.DataFrame:
    """Add the shares to the sums of units; NaN where there is nothing to share."""
    shares = {name: sums[part] / sums[whole].where(sums[whole] > 0.0) for name, (part, whole) in SHARES.items()}
    return sums.assign(**shares)


def summarise(units: pd.DataFrame, fixes: gpd.GeoDataFrame, faults: pd.DataFrame) -> dict[str, Any]:
    """Put the figures of all units together; None where a figure has no meaning."""
    visits = [name for name in units.columns if name.startswith("visits_")]
    total = units[[*visits, *(name for pair in SHARES.values() for name in pair)]].sum()
    steps = fixes.groupby("unit_id")["at"].diff().dropna().dt.total_seconds().to_numpy()
    planned = int(total["visits_planned"])
    unseen = (
        float((units["without_fixes_share"] * units["shift_s"]).sum() / units["shift_s"].sum()) if len(units) else None
    )
    by_rule = faults.groupby("rule")["count"].sum()
    return {
        **{name: int(total[name]) for name in visits},
        "done_share": float(total["visits_done"] / planned) if planned else None,
        **{name: float(total[a] / total[b]) if total[b] > 0.0 else None for name, (a, b) in SHARES.items()},
        "driven_m": float(total["driven_m"]),
        "units": len(units),
        "units_without_track": [str(unit) for unit in units.index[units["fixes"] == 0]],
        "fixes": len(fixes),
        "fixes_not_used": {str(rule): int(count) for rule, count in by_rule.items() if count},
        "fixes_matched_share": float(units["fixes_matched"].sum() / len(fixes)) if len(fixes) else None,
        "fix_interval_median_s": float(np.median(steps)) if len(steps) else None,
        "fix_interval_worst_s": float(steps.max()) if len(steps) else None,
        "without_fixes_share": unseen,
    }


def measure_clock(
    times: pd.Series[Any], shift: tuple[float, float], max_gap_s: float
) -> tuple[dict[str, float], NDArray[np.float64]]:
    """Measure the clock of a track: interval of its fixes, share of the shift without any, seconds each stands for."""
    at_s = to_seconds(times)
    steps = np.diff(at_s)
    bridged = np.where(steps <= max_gap_s, steps, 0.0)
    inside = np.minimum(at_s[1:], shift[1]) - np.maximum(at_s[:-1], shift[0])
    seen = float(np.maximum(inside[bridged > 0.0], 0.0).sum())
    weight = (np.append(bridged, 0.0) + np.append(0.0, bridged))[: len(at_s)] / 2.0
    figures = {
        "fix_interval_median_s": float(np.median(steps)) if len(steps) else np.nan,
        "fix_interval_worst_s": float(steps.max()) if len(steps) else np.nan,
        "without_fixes_share": 1.0 - seen / (shift[1] - shift[0]),
        "shift_s": shift[1] - shift[0],
        "tracked_s": float(weight.sum()),
    }
    return figures, weight
