"""Slots: the time window of each wanted visit of a stop, so that visits spread over the shift and keep their gaps.

Any choice of times inside the slots keeps the least and the longest gap between visits that follow each other. So a
planner may move each visit within its slot without looking at the others, whichever units make them.
"""

from __future__ import annotations

from typing import NamedTuple

# A slot narrower than this makes routes long; visits are drawn together to widen it, as far as the longest gap asks.
WIDE_S = 1800.0
# Width of a slot over the time between two visits: even gaps first; as wide as the gaps allow where routes need it.
EVEN, LOOSE = 0.3, 1.0
# How far the slots of a stop may be shifted, over the time between two visits.
STAGGER = 0.25


class Slot(NamedTuple):
    """Earliest and latest arrival of a visit, and how long it lasts."""

    open_s: float
    close_s: float
    dwell_s: float


class Stretch(NamedTuple):
    """Time for visits: none arrives before `open_s` or leaves after `close_s`; a fixed visit may lie before or after.

    `left_s` is when the visit before leaves, `arrives_s` when the one after arrives.
    """

    open_s: float
    close_s: float
    left_s: float | None = None
    arrives_s: float | None = None


def draw_slots(
    stretch: Stretch,
    dwells_s: list[float],
    *,
    min_gap_s: float = 0.0,
    max_gap_s: float = 0.0,
    looseness: float = EVEN,
    phase: float = 0.0,
) -> list[Slot]:
    """Slots for visits to one stop in a stretch of time; as many of them as fit.

    With g between two visits and slots of width w, the gaps lie in [g - w, g + w]; g and w follow from that.

    Parameters
    ----------
    stretch : Stretch
        When.
    dwells_s : list of float
        How long each visit lasts, in order.
    min_gap_s, max_gap_s : float
        From leaving to the next arrival; a `max_gap_s` of 0 stands for none.
    looseness : float
        Largest width of a slot over g, in (0, 1].
    phase : float
        In [-1, 1]: all slots earlier or later by up to a part of g, so that not all stops want visits at once.

    Returns
    -------
    list of Slot
        One per visit, ascending; fewer than wanted where no more fit.

    Examples
    --------
    >>> draw_slots(Stretch(0, 36000), [600, 600, 600], max_gap_s=7200)[0]
    Slot(open_s=10800.0, close_s=12600.0, dwell_s=600)
    """
    low = stretch.open_s if stretch.left_s is None else max(stretch.open_s, stretch.left_s + min_gap_s)
    high = stretch.close_s if stretch.arrives_s is None else min(stretch.close_s, stretch.arrives_s - min_gap_s)
    dwells = list(dwells_s)
    while dwells and sum(dwells) + (len(dwells) - 1) * min_gap_s > high - low:
        dwells.pop()
    if not dwells:
        return []
    n, busy = len(dwells), sum(dwells)
    free = high - low - busy
    gap = width = free
    if n > 1:
        # as even as it gets, start and end of the shift included, but wide enough; else the slots lie side by side
        wide = min_gap_s / (1.0 - looseness) if looseness < 1.0 else free
        gap = min(max(free / (n + 1), wide), (free + min_gap_s) / n)
        width = min(gap - min_gap_s, looseness * gap)
        if max_gap_s > 0.0 and gap + width > max_gap_s:
            width = max_gap_s - gap
            goal = min((max_gap_s - min_gap_s) / 2.0, WIDE_S)
            if width < goal:
                gap, width = max_gap_s - goal, goal
    rest = free - (n - 1) * gap - width
    offset = _place(
        stretch,
        rest,
        low=low,
        length=busy + (n - 1) * gap,
        width=width,
        max_gap_s=max_gap_s,
        lean=phase * STAGGER * gap if n > 1 else 0.0,
    )
    slots, at = [], low + offset
    for dwell in dwells:
        slots.append(Slot(at, at + width, dwell))
        at += dwell + gap
    return _narrow(slots, stretch, max_gap_s)


def share_out(stretches: list[Stretch], visits: int) -> list[int]:
    """How many visits each stretch of time takes, so that the longest gap gets as short as it can."""
    counts = [0] * len(stretches)
    lengths = [max(stretch.close_s - stretch.open_s, 0.0) for stretch in stretches]
    for _ in range(visits):
        best = max(range(len(stretches)), key=lambda at: (lengths[at] / (counts[at] + 1), -at))
        counts[best] += 1
    return counts


def _place(
    stretch: Stretch, rest: float, *, low: float, length: float, width: float, max_gap_s: float, lean: float
) -> float:
    """How much of the spare time comes before the first visit: half of it, unless a fixed visit is too far then."""
    offset = rest / 2.0 + lean
    if max_gap_s > 0.0:
        if stretch.arrives_s is not None:
            offset = max(offset, stretch.arrives_s - max_gap_s - low - length)
        if stretch.left_s is not None:
            offset = min(offset, stretch.left_s + max_gap_s - width - low)
    return min(max(offset, 0.0), max(rest, 0.0))


def _narrow(slots: list[Slot], stretch: Stretch, max_gap_s: float) -> list[Slot]:
    """Cut the first and the last slot where they are too far from a fixed visit, if anything is left of them."""
    if max_gap_s > 0.0 and stretch.left_s is not None:
        latest = stretch.left_s + max_gap_s
        if slots[0].open_s <= latest:
            slots[0] = slots[0]._replace(close_s=min(slots[0].close_s, latest))
    if max_gap_s > 0.0 and stretch.arrives_s is not None:
        earliest = stretch.arrives_s - max_gap_s - slots[-1].dwell_s
        if earliest <= slots[-1].close_s:
            slots[-1] = slots[-1]._replace(open_s=max(slots[-1].open_s, earliest))
    return slots
