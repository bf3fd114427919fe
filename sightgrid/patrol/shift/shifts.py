"""Shifts: the text of a dispatcher, such as ``2026-11-23T08:00/16:00``, becomes two moments."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pandas as pd

from sightgrid.errors import InputError, UnitRangeError

FORM = "write it as 2026-11-23T08:00/16:00, or with a full end as 2026-11-23T22:00/2026-11-24T06:00"
LONGEST_H = 24.0
YEARS = range(1970, 2200)  # no clock of ours knows others


class Shift(NamedTuple):
    """Start and end of a shift, in UTC."""

    start_at: pd.Timestamp
    end_at: pd.Timestamp


def parse_shift(text: str, *, zone: str | None = None) -> Shift:
    """Read a shift: a date and time, a slash, and the time of its end or its date and time.

    Parameters
    ----------
    text : str
        Such as ``2026-11-23T08:00/16:00`` (ISO 8601); either side may tell its offset, ``08:00+02:00``.
    zone : str, optional
        IANA name of the zone, such as ``Europe/Helsinki``, for what tells no offset.

    Returns
    -------
    Shift
        ``start_at`` and ``end_at`` in UTC.

    Raises
    ------
    InputError
        The text is no shift, has no zone, ends before it starts, or tells a time that the clocks skip or pass twice.
    UnitRangeError
        The zone is unknown, or the shift longer than 24 hours.

    Examples
    --------
    >>> shift = parse_shift("2026-11-23T08:00/16:00", zone="Europe/Helsinki")
    >>> shift.start_at.isoformat(), (shift.end_at - shift.start_at).total_seconds()
    ('2026-11-23T06:00:00+00:00', 28800.0)
    """
    parts = [part.strip() for part in text.split("/")]
    try:
        first, last = parts
        if ":" not in first:
            raise ValueError(first)  # noqa: TRY301  (a date alone is midnight to the parser, but no start to us)
        start = datetime.fromisoformat(first)
        alone = "-" not in last.split("+")[0]
        end = datetime.combine(start, time.fromisoformat(last)) if alone else datetime.fromisoformat(last)
        if (not alone and ":" not in last) or start.year not in YEARS or end.year not in YEARS:
            raise ValueError(last)  # noqa: TRY301
    except ValueError as error:
        raise InputError(f"shift: {text!r} cannot be read; {FORM}") from error
    if end.tzinfo is None and start.tzinfo is not None:
        end = end.replace(tzinfo=start.tzinfo)
    start_at, end_at = (locate_time(moment, zone, what=f"shift: {text!r}") for moment in (start, end))
    if end_at <= start_at:
        hint = "; if it runs past midnight, write the end with its date" if alone else ""
        raise InputError(f"shift: {text!r} ends before it starts, or lasts no time{hint}")
    hours = (end_at - start_at).total_seconds() / 3600.0
    if hours > LONGEST_H:
        raise UnitRangeError(f"shift: {text!r} lasts {hours:g} h, more than {LONGEST_H:g} h")
    return Shift(start_at, end_at)


def find_zone(zone: str) -> ZoneInfo:
    """Return the time zone of an IANA name; raises UnitRangeError if there is none."""
    try:
        return ZoneInfo(zone)
    except (ValueError, OSError, LookupError) as error:  # a name that is no path, a folder, or no zone
        raise UnitRangeError(f"zone: {zone!r} is not a time zone; use an IANA name such as Europe/Helsinki") from error


def locate_time(moment: datetime, zone: str | None, *, what: str) -> pd.Timestamp:
    """Return a moment in UTC; one without an offset is the local time of a zone.

    Raises
    ------
    InputError
        The moment has neither offset nor zone, or the clocks of the zone skip it or pass it twice.
    """
    if moment.tzinfo is not None:
        return pd.Timestamp(moment.astimezone(UTC))
    if zone is None:
        raise InputError(f"{what} has no time zone; give zone, such as Europe/Helsinki, or an offset, such as +02:00")
    local = moment.replace(tzinfo=find_zone(zone))
    early, late = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    if early != late:
        skipped = early.astimezone(local.tzinfo).replace(tzinfo=None) != moment
        why = "does not exist" if skipped else "comes twice"
        raise InputError(
            f"{what}: {moment:%Y-%m-%d %H:%M} {why} in {zone}, as the clocks change; tell the offset, such as +02:00"
        )
    return pd.Timestamp(early)
