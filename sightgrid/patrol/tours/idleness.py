"""Idleness: how long places wait for a visit, on average and at worst.

The idleness of a place v at time t is I_v(t) = t - (time of the last visit to v at or before t). With n places over a
span of length H and the waits g (times between visits to a place, from the start to the first visit and from the last
one to the end), in the definitions of Machado, Ramalho, Zucker and Drogoul, "Multi-agent patrolling: an empirical
analysis of alternative architectures", MABS 2002, with the averages taken over continuous time:

- mean: the mean of I_v(t) over places and time, sum(g^2) / (2 n H); a place visited every T s waits T / 2 on average;
- quadratic mean: the root of the mean of I_v(t)^2 over places and time, sqrt(sum(g^3) / (3 n H));
- worst: the largest I_v(t) of any place at any time, max(g).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sightgrid.errors import Fault, InputError, SchemaError, UnitRangeError
from sightgrid.patrol.tours.tours import check_amounts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

_COLUMNS = ("unit_id", "stop_id", "arrive_at")


@dataclass(frozen=True, eq=False)
class Idleness:
    """How long places wait for a visit.

    Attributes
    ----------
    stops : pandas.DataFrame
        Index stop_id; ``visits``, ``mean_gap_s`` and ``max_gap_s`` between visits and their coefficient of variation
        ``gap_cv`` (missing where there are too few visits), ``mean_s``, ``quadratic_mean_s`` and ``worst_s`` idleness,
        ``weight``.
    mean_s, quadratic_mean_s : float
        Over time and places; places count by their weight.
    worst_s : float
        The longest any place waits.
    weighted_worst_s : float
        The largest product of a place's weight and its longest wait.
    gap_cv : float
        Mean coefficient of variation of the gaps over the places that have two gaps or more: 0 means clockwork; missing
        where no place has.
    entropy_bits, entropy_share : float
        Entropy of the visits over places and time slots, and its share of the largest possible one.
    """

    stops: pd.DataFrame
    mean_s: float
    quadratic_mean_s: float
    worst_s: float
    weighted_worst_s: float
    gap_cv: float
    entropy_bits: float
    entropy_share: float


def measure_idleness(
    visits: pd.DataFrame,
    *,
    stops: Iterable[object],
    period_s: float | None = None,
    start_at: pd.Timestamp | float | None = None,
    end_at: pd.Timestamp | float | None = None,
    weights: ArrayLike = 1.0,
    slot_s: float = 3600.0,
) -> Idleness:
    """Measure how long places wait, over a span of time or over a plan that repeats.

    Over a span, every place counts as visited when the span begins. In a plan that repeats, the wait from the last
    visit of one period to the first of the next counts; a place without a visit waits for ever.

    Parameters
    ----------
    visits : pandas.DataFrame
        ``unit_id``, ``stop_id``, ``arrive_at``: times of day with a zone, or seconds. Rows without a stop (an empty
        ``stop_id``: depot, break) are no visits; all others must lie within the span or the period.
    stops : iterable
        Names of all places that matter, visited or not.
    period_s : float, optional
        Length of a plan that repeats, in s, counted from ``start_at`` (from 0 if the times are seconds).
    start_at, end_at : pandas.Timestamp or float, optional
        The span, in the manner of ``arrive_at``; both are needed if there is no period.
    weights : float or array_like of float
        Weight of each stop, >= 0, in their order.
    slot_s : float
        Length of a time slot for the entropy, in s.

    Returns
    -------
    Idleness

    Raises
    ------
    SchemaError
        If a column is missing, a stop is not known or a visit lies outside the span.
    InputError
        If the span is not given, or the times are of another manner than it.
    UnitRangeError
        If a period, a span or a slot is not longer than 0.

    Examples
    --------
    >>> import pandas as pd
    >>> visits = pd.DataFrame({"unit_id": "u1", "stop_id": ["a", "b", "a"], "arrive_at": [0.0, 30.0, 50.0]})
    >>> found = measure_idleness(visits, stops=["a", "b"], period_s=100.0)
    >>> found.mean_s, found.worst_s, found.stops["mean_s"].to_list()
    (37.5, 100.0, [25.0, 50.0])
    """
    names = pd.Index(list(stops), name="stop_id")
    if not len(names) or not names.is_unique:
        raise InputError("stops: at least one name, and each once")
    weight = check_amounts(weights, "weights", len(names))
    number, seconds, span_s = _read_visits(visits, names, period_s, start_at, end_at)
    if not (np.isfinite(slot_s) and slot_s > 0.0):
        raise UnitRangeError(f"slot_s: {slot_s} is not above 0")
    order = np.lexsort((seconds, number))
    cuts = np.searchsorted(number[order], np.arange(1, len(names)))
    rows = [_measure_stop(times, span_s, period_s is not None) for times in np.split(seconds[order], cuts)]
    table = pd.DataFrame(rows, index=names).assign(weight=weight)
    total = weight.sum()
    share = weight / total if total > 0.0 else np.full(len(names), 1.0 / len(names))
    with np.errstate(invalid="ignore"):  # a weight of 0 times an endless wait
        weighted = np.where(weight > 0.0, weight * table["worst_s"].to_numpy(), 0.0)
        mean_s = np.where(share > 0.0, share * table["mean_s"].to_numpy(), 0.0).sum()
        square = np.where(share > 0.0, share * table["quadratic_mean_s"].to_numpy() ** 2, 0.0).sum()
    slots = max(1, int(np.ceil(span_s / slot_s)))
    cells = number * slots + np.minimum((seconds // slot_s).astype(np.int64), slots - 1)
    bits = _measure_entropy(cells)
    most = np.log2(len(names) * slots)
    return Idleness(
        stops=table,
        mean_s=float(mean_s),
        quadratic_mean_s=float(np.sqrt(square)),
        worst_s=float(table["worst_s"].max()),
        weighted_worst_s=float(weighted.max()),
        gap_cv=float(table["gap_cv"].mean()),
        entropy_bits=bits,
        entropy_share=bits / most if most > 0.0 else 0.0,
    )


def _measure_stop(times: NDArray[np.float64], span_s: float, repeats: bool) -> dict[str, float]:  # noqa: FBT001
    """Figures of one place from its sorted times of visit."""
    if repeats:
        gaps = np.diff(np.append(times, times[:1] + span_s)) if len(times) else np.array([np.inf])
        waits = gaps
        gaps = gaps[:0] if not len(times) else gaps
    else:
        gaps = np.diff(times)
        waits = np.diff(np.concatenate([[0.0], times, [span_s]]))
    mean_gap_s = gaps.mean() if len(gaps) else np.nan
    enough = len(gaps) > 1 and mean_gap_s > 0.0
    return {
        "visits": len(times),
        "mean_gap_s": mean_gap_s,
        "max_gap_s": gaps.max() if len(gaps) else np.nan,
        "gap_cv": gaps.std() / mean_gap_s if enough else np.nan,
        "mean_s": (waits**2).sum() / (2.0 * span_s),
        "quadratic_mean_s": np.sqrt((waits**3).sum() / (3.0 * span_s)),
        "worst_s": waits.max(),
    }


def _measure_entropy(cells: NDArray[np.int64]) -> float:
    """Shannon entropy of how often each cell occurs, in bits."""
    if not len(cells):
        return 0.0
    share = np.unique(cells, return_counts=True)[1] / len(cells)
    return float(abs((share * np.log2(share)).sum()))  # abs: no -0.0


def _read_visits(
    visits: pd.DataFrame,
    names: pd.Index,
    period_s: float | None,
    start_at: pd.Timestamp | float | None,
    end_at: pd.Timestamp | float | None,
) -> tuple[NDArray[np.int64], NDArray[np.float64], float]:
    """Number of the stop and seconds since the start of every visit, and the length of the span."""
    rows, stamped = _read_times(visits, start_at)
    if period_s is None and (start_at is None or end_at is None):
        raise InputError("measure_idleness: give period_s, or start_at and end_at")
    if start_at is None and stamped:
        raise InputError("start_at: needed where visits have times of day")
    begin = 0.0 if start_at is None else start_at
    seconds = _count_seconds(rows["arrive_at"], begin, stamped)
    span_s = float(_count_seconds(pd.Series([end_at]), begin, stamped)[0]) if period_s is None else float(period_s)
    if not (np.isfinite(span_s) and span_s > 0.0):
        raise UnitRangeError(f"the span or period must be longer than 0 s ({span_s:g} s)")
    number = names.get_indexer(pd.Index(rows["stop_id"]))
    faults = []
    for column, rule, bad in (
        ("stop_id", "a stop that is not in the list", number < 0),
        ("arrive_at", "outside the span", ~((seconds >= 0.0) & (seconds <= span_s))),
    ):
        if bad.any():
            faults.append(Fault(column, rule, tuple(str(row) for row in rows.index[bad][:5]), int(bad.sum())))
    if faults:
        raise SchemaError("visits", tuple(faults))
    return number, seconds, span_s


def _read_times(visits: pd.DataFrame, start_at: pd.Timestamp | float | None) -> tuple[pd.DataFrame, bool]:
    """Rows that visit a stop, and whether their times are times of day."""
    missing = [name for name in _COLUMNS if name not in visits.columns]
    if missing:
        raise SchemaError("visits", tuple(Fault(name, "column is missing") for name in missing))
    rows = visits[visits["stop_id"].astype(str) != ""]
    if not len(rows):  # an empty column may be of any type
        stamped = isinstance(start_at, pd.Timestamp)
        return rows.assign(arrive_at=pd.Series(dtype="datetime64[us, UTC]" if stamped else "float64")), stamped
    stamped = isinstance(rows["arrive_at"].dtype, pd.DatetimeTZDtype)
    if not stamped and not pd.api.types.is_numeric_dtype(rows["arrive_at"]):
        raise SchemaError("visits", (Fault("arrive_at", "times need a zone, or are seconds"),))
    return rows, stamped


def _count_seconds(times: pd.Series, start_at: pd.Timestamp | float, stamped: bool) -> NDArray[np.float64]:  # noqa: FBT001
    """Seconds since the start."""
    try:
        if stamped:
            passed = pd.to_datetime(times) - pd.Timestamp(start_at)
            return np.asarray(passed.dt.total_seconds(), np.float64)
        return np.asarray(times, np.float64) - float(start_at)
    except (TypeError, ValueError) as error:
        raise InputError("start_at, end_at: times with a zone for visits with times of day, else seconds") from error
