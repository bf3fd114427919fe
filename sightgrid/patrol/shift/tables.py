"""Check the tables a planner brings: every fault is gathered before one error names them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from sightgrid.errors import FIRST_IDS, Fault, SchemaError
from sightgrid.gis.crs import require_metric

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray


class Table:
    """A frame under check; rows that break one rule are not blamed again by the next rule of the same column.

    Parameters
    ----------
    frame : DataFrame
        Not changed.
    kind : str
        What error messages call it.
    index : str
        Name of its index, which holds unique texts.
    """

    def __init__(self, frame: pd.DataFrame, kind: str, *, index: str) -> None:
        self.kind, self.faults = kind, list[Fault]()
        if isinstance(frame, gpd.GeoDataFrame):
            require_metric(frame, kind)
            blank = np.asarray(frame.geometry.isna() | frame.geometry.is_empty)
        self.frame = frame.copy()
        ids = frame.index
        if ids.name != index:
            self.faults.append(Fault(index, "missing index"))
        self.blame(index, "ids must be text", [not isinstance(name, str) or not name for name in ids])
        self.blame(index, "ids must be unique", ids.duplicated())
        if isinstance(frame, gpd.GeoDataFrame):
            self.blame("geometry", "must not be empty", blank)

    def blame(self, column: str, rule: str, rows: ArrayLike) -> None:
        """Note the rows that break a rule, if any."""
        places = np.flatnonzero(np.asarray(rows, bool))
        if len(places):
            ids = tuple(str(name) or f"row {at + 1}" for name, at in zip(self._ids(places), places, strict=False))
            self.faults.append(Fault(column, rule, ids, len(places)))

    def number(
        self, column: str, rule: str, holds: Callable[[NDArray[np.float64]], Any], *, default: float | None = None
    ) -> NDArray[np.float64]:
        """Check a column of numbers and fill it; without a default it must be given."""
        if not self._has(column, default):
            return np.full(len(self.frame), np.nan)
        values = pd.to_numeric(self.frame[column], errors="coerce").to_numpy(float, na_value=np.nan)
        blank = self.frame[column].isna().to_numpy(bool)
        self.blame(column, "must be a number", np.isnan(values) & ~blank)
        if default is None:
            self.blame(column, "must be given", blank)
        else:
            values = np.where(blank, default, values)
        with np.errstate(invalid="ignore"):
            self.blame(column, rule, ~np.isnan(values) & ~(np.isfinite(values) & np.asarray(holds(values), bool)))
        self.frame[column] = values
        return values

    def text(self, column: str, *, default: str | None = None, choices: tuple[str, ...] = ()) -> None:
        """Check a column of texts and fill it."""
        if not self._has(column, default):
            return
        values = self.frame[column]
        blank = values.isna().to_numpy(bool)
        if default is None:
            self.blame(column, "must be given", blank)
        wrong = np.array([not isinstance(value, str) for value in values], bool) & ~blank
        self.blame(column, "must be text", wrong)
        if choices:
            strange = ~values.isin(choices).to_numpy(bool) & ~blank & ~wrong
            self.blame(column, f"must be one of {', '.join(choices)}", strange)
        self.frame[column] = np.where(blank, default if default is not None else "", values.to_numpy(object))

    def flag(self, column: str, *, default: bool) -> None:
        """Check a column of true or false and fill it."""
        self._has(column, default)
        values = self.frame[column].astype(object)
        blank = values.isna().to_numpy(bool)
        wrong = np.array([not isinstance(value, (bool, np.bool_)) for value in values], bool) & ~blank
        self.blame(column, "must be true or false", wrong)
        self.frame[column] = np.where(blank | wrong, default, values.to_numpy(object)).astype(bool)

    def moment(self, column: str, *, required: bool) -> None:
        """Check a column of times with a zone; they are turned into UTC."""
        if column not in self.frame.columns:
            if required:
                self.faults.append(Fault(column, "missing column"))
            self.frame[column] = pd.Series(pd.NaT, index=self.frame.index).dt.tz_localize("UTC")
            return
        values = [value if isinstance(value, pd.Timestamp) else _read(value) for value in self.frame[column]]
        wrong = np.array([value is None for value in values], bool)
        blank = np.array([value is pd.NaT for value in values], bool)
        naive = ~wrong & ~blank & np.array([getattr(value, "tzinfo", None) is None for value in values], bool)
        self.blame(column, "must be a time", wrong)
        self.blame(column, "must have a time zone", naive)
        if required:
            self.blame(column, "must be given", blank)
        kept = [pd.NaT if bad else value for value, bad in zip(values, wrong | naive, strict=True)]
        self.frame[column] = pd.to_datetime(pd.Series(kept, index=self.frame.index, dtype=object), utc=True)

    def conclude(self) -> pd.DataFrame:
        """The frame with all columns filled.

        Raises
        ------
        SchemaError
            Rules are broken; it lists all of them.
        """
        if self.faults:
            raise SchemaError(self.kind, tuple(self.faults))
        return self.frame

    def _has(self, column: str, default: float | str | None) -> bool:
        if column in self.frame.columns:
            return True
        if default is None:
            self.faults.append(Fault(column, "missing column"))
            return False
        self.frame[column] = pd.Series(default, index=self.frame.index)
        return True

    def _ids(self, places: NDArray[np.intp]) -> list[Any]:
        return list(self.frame.index[places[:FIRST_IDS]])


def _read(value: object) -> Any:
    """A time from what pandas can read, NaT for nothing, None for anything else."""
    try:
        return pd.NaT if pd.isna(value) else pd.Timestamp(value)  # type: ignore[call-overload, arg-type]
    except (TypeError, ValueError):
        return None
