"""What can go wrong, as a tree.

::

    SightgridError
    ├── InputError (also a ValueError)    what was given cannot be used
    │   ├── SchemaError                   a table breaks its contract; lists every fault
    │   ├── CRSError                      a coordinate system is missing, geographic or different
    │   └── UnitRangeError                an option or argument lies outside its range
    ├── InfeasibleError                   the question has no answer (no ground left to see, a place nobody can see)
    │   └── coverage.covering.UnseenError points have to be seen and cannot be; knows them and the share that can
    ├── SourceError                       a file or stream cannot be opened or read
    └── StoreError                        the store cannot keep or return what it was asked for
        ├── store.conflicts.NotFoundError     there is no such thing
        ├── store.conflicts.ExistsError       there is one already
        ├── store.conflicts.StaleVersionError somebody else changed it meanwhile; knows both versions
        └── store.conflicts.JobLostError      a job was given to somebody else, or cancelled

The command line prints one clear line for any of them and exits with status 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

FIRST_IDS = 5


def hide(text: str) -> str:
    """Replace a text that holds an address, and so maybe a password, by asterisks."""
    return "***" if "://" in text else text


class SightgridError(Exception):
    """Base of everything this package raises on purpose."""


class InputError(SightgridError, ValueError):
    """What was given cannot be used."""


@dataclass(frozen=True)
class Fault:
    """One broken rule of a table: which column, which rule, and which rows break it."""

    column: str
    rule: str
    ids: tuple[str, ...] = ()
    count: int = 0

    def __str__(self) -> str:
        column = ", ".join(hide(name) for name in self.column.split(", "))
        if not self.count:
            return f"{column}: {self.rule}"
        first = ", ".join(hide(name) for name in self.ids[:FIRST_IDS])
        more = ", …" if self.count > FIRST_IDS else ""
        rows = "row" if self.count == 1 else "rows"
        return f"{column}: {self.rule} ({self.count} {rows}: {first}{more})"


class SchemaError(InputError):
    """A table breaks its contract; every fault is listed, none is hidden behind the first.

    Attributes
    ----------
    kind : str
        The frame's contract, such as ``"cameras"``.
    faults : tuple of Fault
        Every broken rule, with its column, count and first ids.
    source : str or None
        The file the rows came from.
    good : geopandas.GeoDataFrame or None
        The rows that keep every rule, ready to use, where the reader can tell rows apart.
    bad : pandas.DataFrame or None
        The rows that break a rule, as they were read, with a ``reason`` column.
    """

    def __init__(
        self,
        kind: str,
        faults: tuple[Fault, ...],
        *,
        source: str | None = None,
        good: gpd.GeoDataFrame | None = None,
        bad: pd.DataFrame | None = None,
    ) -> None:
        self.kind, self.faults, self.source, self.good, self.bad = kind, faults, source, good, bad
        where = f"{source}: {kind}" if source else kind
        super().__init__(f"{where}: " + "; ".join(str(fault) for fault in faults))


class CRSError(InputError):
    """A coordinate system is missing, geographic where metres are needed, or not the site's."""


class UnitRangeError(InputError):
    """An option or argument lies outside its range."""


class InfeasibleError(SightgridError):
    """The question has no answer."""


class SourceError(SightgridError):
    """A file or stream cannot be opened or read."""


class StoreError(SightgridError):
    """The store cannot keep or return what it was asked for."""
