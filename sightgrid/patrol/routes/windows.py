"""Windows: when each stop can be visited, from its opening hours, the shifts and the ways there and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sightgrid.patrol.routes.slots import Slot, Stretch, draw_slots, share_out

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from numpy.typing import NDArray

NO_UNIT = "no unit may serve it"
UNREACHABLE = "unreachable"
WINDOW = "window outside the shifts"
GAP = "gap"
NO_TIME = "no time"


def to_seconds(moments: pd.Series[pd.Timestamp], origin: pd.Timestamp) -> NDArray[np.float64]:
    """Seconds since the origin."""
    return np.asarray((moments - origin).dt.total_seconds(), float)


class Windows:
    """When the stops can be visited, given who reaches them when."""

    def __init__(
        self,
        stops: gpd.GeoDataFrame,
        origin: pd.Timestamp,
        earliest: NDArray[np.float64],
        latest: NDArray[np.float64],
        overtime: NDArray[np.float64],
    ) -> None:
        self._stops, self._earliest, self._latest, self._overtime = stops, earliest, latest, overtime
        opens, closes = (to_seconds(stops[name], origin) for name in ("open_at", "close_at"))
        self._open = np.where(np.isnan(opens), -np.inf, opens)
        self._close = np.where(np.isnan(closes), np.inf, closes)

    def slots(
        self,
        s: int,
        reach: NDArray[np.bool_],
        dwells: list[float],
        fixed: list[tuple[float, float]],
        *,
        looseness: float,
        phase: float,
    ) -> tuple[list[Slot], str]:
        """Slots of the visits to a stop that are not fixed, and why there are fewer than wanted."""
        earliest = float(self._earliest[reach, s].min())
        latest = float(self._latest[reach, s].max())
        if latest < earliest + dwells[0]:
            latest = float((self._latest[:, s] + self._overtime)[reach].max())
        if latest < earliest + dwells[0]:
            return [], NO_TIME
        low, high = max(earliest, float(self._open[s])), min(latest, float(self._close[s]))
        if high < low + min(dwells):
            return [], WINDOW
        min_gap, max_gap = (float(self._stops[name].iloc[s]) for name in ("min_gap_s", "max_gap_s"))
        stretches = []
        left: float | None = None
        for arrive, leave in fixed:
            stretches.append(Stretch(low if left is None else max(low, left), min(high, arrive), left, arrive))
            left = leave
        stretches.append(Stretch(low if left is None else max(low, left), high, left))
        slots: list[Slot] = []
        for stretch, count in zip(stretches, share_out(stretches, len(dwells)), strict=True):
            slots += draw_slots(
                stretch,
                dwells[len(slots) : len(slots) + count],
                min_gap_s=min_gap,
                max_gap_s=max_gap,
                looseness=looseness,
                phase=phase,
            )
        return slots, GAP
