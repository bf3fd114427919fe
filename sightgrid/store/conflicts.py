"""Errors of the store that an answer depends on.

::

    StoreError                  the store cannot keep or return what it was asked for
    ├── NotFoundError           there is no such site, feature, scenario, plan or job
    ├── ExistsError             there is one already
    ├── StaleVersionError       somebody else changed it since it was read; knows both versions
    └── JobLostError            the job is not this worker's any more: cancelled, or given up for dead
"""

from __future__ import annotations

from sightgrid.errors import StoreError


class NotFoundError(StoreError):
    """There is no such thing in the store."""


class ExistsError(StoreError):
    """There is one of this name already."""


class StaleVersionError(StoreError):
    """Somebody else changed it since it was read.

    Attributes
    ----------
    what : str
        Such as ``"camera 12"``.
    given : int
        The version the change was made from.
    current : int
        The version that is in the store now; read it there, the change is not lost unless the caller drops it.
    """

    def __init__(self, what: str, *, given: int, current: int) -> None:
        self.what, self.given, self.current = what, given, current
        super().__init__(f"{what}: was changed by somebody else (version {current}, the change is of version {given})")


class JobLostError(StoreError):
    """The job is not this worker's any more."""
