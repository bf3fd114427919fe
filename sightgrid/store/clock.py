"""Times as databases keep them: whole microseconds since 1970, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sightgrid.errors import InputError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def now_us() -> int:
    """Return the time in microseconds since 1970."""
    return to_us(datetime.now(UTC))


def to_us(at: datetime) -> int:
    """Turn a time into microseconds since 1970; raises InputError if it has no zone."""
    if at.tzinfo is None:
        raise InputError(f"a time must have a time zone: {at}")
    return (at - EPOCH) // MICROSECOND


def to_time(at_us: int) -> datetime:
    """Turn microseconds since 1970 into a time."""
    return EPOCH + at_us * MICROSECOND
