"""Rows set aside: written beside the file they came from, without the secrets that may stand in them."""

from __future__ import annotations

import csv
from itertools import count
from typing import TYPE_CHECKING

from sightgrid.errors import SourceError, UnitRangeError, hide
from sightgrid.gis.headers import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from sightgrid.errors import Fault

CHOICES = ("raise", "set_aside")
SECRET_NAMES = ("password", "passwd", "pwd", "密码", "token", "url", "rtsp")


def check_choice(bad_rows: str) -> None:
    """Raise a UnitRangeError unless the argument `bad_rows` is one of those known."""
    if bad_rows not in CHOICES:
        raise UnitRangeError(f"bad_rows: {bad_rows!r} is not known; choose {' or '.join(CHOICES)}")


def hide_secrets(rows: pd.DataFrame, ragged: NDArray[np.bool_]) -> pd.DataFrame:
    """Blank addresses and columns called like a secret, in rows as a table's user wrote them.

    In a ragged row, one with more or fewer fields than the header, a secret may stand in any column.
    """
    rows = blank_addresses(rows)
    secret = [name for name in rows.columns if any(word in canonical(name).lower() for word in SECRET_NAMES)]
    if secret:
        rows[secret] = ""
        rows.loc[ragged, [name for name in rows.columns if canonical(name) != "camera_id"]] = ""
    return rows.set_axis([hide(name) for name in rows.columns], axis="columns")


def blank_addresses(rows: pd.DataFrame) -> pd.DataFrame:
    """Blank every text that holds an address: stream addresses may hold passwords."""
    return rows.map(lambda value: "" if isinstance(value, str) and "://" in value else value)


def write_rejected(rejected: pd.DataFrame, path: Path, faults: Iterable[Fault]) -> dict[str, int | str]:
    """Write rejected rows to ``<stem>.rejected.csv`` beside their source, and tell their count and file.

    A file of that name that is not ours stays: then the rows go to ``<stem>.rejected-2.csv``, and so on.

    Raises
    ------
    SourceError
        The file cannot be written; the message names the rows.
    """
    names = (f"{path.stem}.rejected{'' if n == 1 else f'-{n}'}.csv" for n in count(1))
    target = next(file for file in map(path.with_name, names) if not file.exists() or _is_ours(file))
    beside = target.with_name(f".{target.name}.part")
    try:
        rejected.to_csv(beside, index=False, encoding="utf-8")
        beside.replace(target)
    except OSError as error:
        if beside.is_file():
            beside.unlink()
        text = "; ".join(str(fault) for fault in faults)
        raise SourceError(f"{target}: the rows set aside cannot be written ({error.strerror}): {text}") from error
    return {"count": len(rejected), "file": str(target)}


def _is_ours(file: Path) -> bool:
    try:
        with file.open(encoding="utf-8", errors="replace", newline="") as opened:
            return "reason" in next(csv.reader(opened), [])
    except (OSError, csv.Error):
        return False
