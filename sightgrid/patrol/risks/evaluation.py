"""How well risk forecasts: learnt from the incidents before a moment, judged by those after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sightgrid.errors import InputError, UnitRangeError
from sightgrid.patrol.risks.risks import risk, select_incidents

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Evaluation:
    """What a forecast would have caught.

    Attributes
    ----------
    method : str
        How the risk was made.
    split_at : pandas.Timestamp
        First moment of the judged incidents, UTC.
    incidents_before, incidents_after : int
        Incidents learnt from, and judged by.
    hits : int
        Incidents after the split on the chosen streets.
    hits_best : int
        The most that streets of the same length hold.
    length_share : float
        Length of the chosen streets over that of all.
    hit_rate : float
        ``hits / incidents_after``.
    pai : float
        Predictive accuracy index, ``hit_rate / length_share``: 1 is no better than chance.
    pei : float
        Predictive efficiency index, ``hits / hits_best``: 1 is the best a choice of that length can do.
    """

    method: str
    split_at: pd.Timestamp
    incidents_before: int
    incidents_after: int
    hits: int
    hits_best: int
    length_share: float
    hit_rate: float
    pai: float
    pei: float


def evaluate_risk(
    incidents: gpd.GeoDataFrame,
    streets: gpd.GeoDataFrame,
    *,
    method: str = "count",
    bandwidth_m: float = 200.0,
    split_at: pd.Timestamp | None = None,
    test_share: float = 0.25,
    share_of_length: float = 0.05,
    include_discovered: bool = False,
) -> Evaluation:
    """Judge a method by a split in time: the streets of most risk per metre before it, the incidents after it.

    Streets with risk are chosen from the highest risk per metre down, passing over those that no longer fit, up to
    `share_of_length` of the length. Hit rate and PAI after Chainey et al. 2008 (doi:10.1057/palgrave.sj.8350066), PEI
    after Hunt 2016 (Do crime hot spots move?, American University), both with street length in the place of area
    (Drawve & Wooditch 2019).

    Parameters
    ----------
    incidents : GeoDataFrame
        With ``occurred_at``, as `read_incidents` gives them.
    streets : GeoDataFrame
        The street layer of a site.
    method : {"count", "kde", "gi", "length"}
        As in `risk`.
    bandwidth_m : float
        As in `risk`.
    split_at : pandas.Timestamp, optional
        With a time zone; incidents from then on are judged by.
    test_share : float
        Without `split_at`: about this share of the incidents, the latest, is judged by.
    share_of_length : float
        In (0, 1].
    include_discovered : bool
        As in `risk`; what patrols discovered also depends on where they were sent.

    Returns
    -------
    Evaluation

    Raises
    ------
    UnitRangeError
        A share is out of range, or the method unknown.
    InputError
        ``occurred_at`` or the split has no time zone, or one side of the split has no incidents.
    """
    for name, share in (("test_share", test_share), ("share_of_length", share_of_length)):
        if not 0.0 < share <= 1.0:
            raise UnitRangeError(f"{name}: {share} must lie in (0, 1]")
    if method == "manual":
        raise UnitRangeError("method: 'manual' learns nothing from incidents, so there is nothing to judge")
    kept, row, _, _ = select_incidents(incidents, streets, include_discovered=include_discovered)
    if not len(kept):
        raise InputError("incidents: there is none to judge by")
    if "occurred_at" not in kept.columns or not isinstance(kept["occurred_at"].dtype, pd.DatetimeTZDtype):
        raise InputError("incidents: occurred_at: times with a time zone are needed")
    times = kept["occurred_at"]
    moment = _find_split(times, test_share) if split_at is None else pd.Timestamp(split_at)
    if moment.tzinfo is None:
        raise InputError(f"split_at: {moment} has no time zone")
    late = (times >= moment).to_numpy()
    if late.all() or not late.any():
        side = "after" if not late.any() else "before"
        raise InputError(f"split_at: no incident lies {side} {moment}")
    learnt = risk(kept[~late], streets, method=method, bandwidth_m=bandwidth_m, include_discovered=True)
    length = streets["length_m"].to_numpy(float)
    count = np.bincount(row[late], minlength=len(streets))
    chosen = choose_streets(learnt["risk"].to_numpy(), length, limit_m=share_of_length * length.sum())
    if not len(chosen):
        raise InputError(f"share_of_length: no street with risk is as short as {share_of_length:g} of the length")
    hits, share = int(count[chosen].sum()), float(length[chosen].sum() / length.sum())
    best = count_most_hits(count, length, limit_m=length[chosen].sum())
    rate = hits / int(late.sum())
    return Evaluation(
        method, moment.tz_convert("UTC"), int((~late).sum()), int(late.sum()), hits, best, share, rate,
        rate / share if share else 0.0, hits / best if best else 0.0,
    )  # fmt: skip


def choose_streets(amount: NDArray[np.float64], length_m: NDArray[np.float64], *, limit_m: float) -> NDArray[np.intp]:
    """Streets of a given total length with the highest amount per metre, those without any left out."""
    per_metre = np.divide(amount, length_m, out=np.full(len(amount), np.inf), where=length_m > 0.0)
    per_metre[~(amount > 0.0)] = -1.0
    chosen, used = [], 0.0
    for street in np.argsort(-per_metre, kind="stable")[: int((per_metre >= 0.0).sum())]:
        if used + length_m[street] <= limit_m:
            chosen.append(street)
            used += length_m[street]
    return np.array(chosen, np.intp)


def count_most_hits(count: NDArray[Any], length_m: NDArray[np.float64], *, limit_m: float) -> int:
    """Most incidents on streets of a given total length: the knapsack problem, solved exactly hit by hit."""
    shortest = np.full(int(count.sum()) + 1, np.inf)  # length that so many hits need
    shortest[0] = 0.0
    for street in np.flatnonzero(count):
        hits = int(count[street])
        shortest[hits:] = np.minimum(shortest[hits:], shortest[:-hits] + length_m[street])
    slack = 1e-9 * max(float(limit_m), 1.0)  # sums in another order differ in the last digit
    return int(np.flatnonzero(shortest <= limit_m + slack)[-1])


def _find_split(times: pd.Series[pd.Timestamp], test_share: float) -> pd.Timestamp:
    """Moment from which on about a share of the times lies."""
    ordered = times.sort_values()
    late = max(1, round(test_share * len(ordered)))
    return pd.Timestamp(ordered.iloc[len(ordered) - late])
