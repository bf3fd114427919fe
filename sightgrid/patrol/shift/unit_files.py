"""Files of patrol units: who is on duty, how they move, where they start; written in TOML."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from sightgrid.errors import Fault, InputError, SchemaError, SourceError
from sightgrid.gis.streets import MODES
from sightgrid.patrol.shift.depots import DEPOTS, is_number, locate_depot
from sightgrid.patrol.shift.shifts import Shift, find_zone, parse_shift

if TYPE_CHECKING:
    import os

    from sightgrid.site import Site

FASTEST_KPH = 200.0
CALL_SIGN = re.compile(r"\w[\w .-]{0,63}")  # becomes part of file names
SHARED = ("speed_kph", "crew", "overtime_min", "break_min", "break_after_min", "break_before_min", "places")
MINUTES = ("overtime_min", "break_min", "break_after_min", "break_before_min")
FILE_KEYS = ("zone", "kinds", "units")
KIND_KEYS = ("mode", *SHARED)
UNIT_KEYS = ("id", "kind", *DEPOTS, "shift", *SHARED)
COLUMNS = (
    "kind", "mode", "speed_kph", "crew", "start_at", "end_at", "overtime_s", "break_s", "break_after_s",
    "break_before_s", "places",
)  # fmt: skip


def read_units(path: str | os.PathLike[str], *, site: Site, shift: str | None = None) -> gpd.GeoDataFrame:
    r"""Read the units of a shift from a TOML file.

    The file holds ``zone`` (IANA name), a table ``[kinds.NAME]`` for each kind with ``mode`` (``foot``, ``bicycle`` or
    ``car``; may be left out where the kind is called so) and ``speed_kph``, and a table ``[[units]]`` for each unit
    with ``id``, ``kind`` and one of ``depot = "place_id"``, ``depot = [x, y]`` (coordinate system of the site) or
    ``depot_lonlat = [lon, lat]``. A kind or a unit may further tell ``crew``, ``overtime_min``, ``break_min`` with
    ``break_after_min`` and ``break_before_min`` (the break starts between these minutes of the shift; anywhere in it
    if they are not told) and ``places`` (categories of places it serves, all if none are told); a unit's own word
    counts, also for ``speed_kph``. A unit may have a ``shift`` of its own.

    Parameters
    ----------
    path : path-like
        The file, in UTF-8.
    site : Site
        Its streets, water and places tell whether a depot can be one.
    shift : str, optional
        Such as ``2026-11-23T08:00/16:00``, for the units without one of their own.

    Returns
    -------
    GeoDataFrame
        Index ``unit_id``; the depot as a point, ``kind``, ``mode``, ``speed_kph``, ``crew``, ``start_at`` and
        ``end_at`` (UTC), ``overtime_s``, ``break_s`` (0: none), ``break_after_s``, ``break_before_s``, ``places``.
        ``attrs["zone"]`` is the file's zone, None if it tells none.

    Raises
    ------
    SourceError
        The file is missing, or not TOML.
    SchemaError
        Everything that is wrong with the units, each with the field and the units it concerns.

    Examples
    --------
    >>> import tempfile
    >>> import sightgrid as sg
    >>> file = Path(tempfile.mkdtemp()) / "units.toml"
    >>> text = '[[units]]\nid = "walk-1"\nkind = "foot"\nspeed_kph = 5\ndepot_lonlat = [24.9414, 60.1719]'
    >>> _ = file.write_text(text, encoding="utf-8")
    >>> units = read_units(file, site=sg.open_site("helsinki"), shift="2026-11-23T08:00+02:00/16:00")
    >>> units["speed_kph"].to_dict()
    {'walk-1': 5.0}
    """
    path = Path(path)
    return parse_units(_load(path), site=site, shift=shift, source=str(path))


def parse_units(
    document: dict[str, Any], *, site: Site, shift: str | None = None, source: str | None = None
) -> gpd.GeoDataFrame:
    """Read the units of a shift from what a file of units holds.

    Parameters
    ----------
    document : dict
        As `read_units` describes it.
    site, shift
        See `read_units`.
    source : str, optional
        Where the document is from, for messages.

    Returns
    -------
    GeoDataFrame
        See `read_units`.

    Raises
    ------
    SchemaError
        Everything that is wrong with the units, each with the field and the units it concerns.
    """
    reader = _Reader(site, shift, document.get("zone"))
    reader.check_keys("", document, FILE_KEYS)
    rows = reader.read_document(document)
    if reader.faults:
        faults = [Fault(column, rule, tuple(ids), len(ids)) for (column, rule), ids in reader.faults.items()]
        raise SchemaError("units", tuple(faults), source=source)
    frame = pd.DataFrame(rows).set_index("unit_id")
    frame.index = frame.index.astype("str")
    frame["speed_kph"] = frame["speed_kph"].astype(float)
    units = gpd.GeoDataFrame(frame[list(COLUMNS)], geometry=gpd.GeoSeries(frame["geometry"], crs=site.crs))
    units.attrs["zone"] = reader.zone
    return units


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError as error:
        raise SourceError(f"{path}: there is no such file") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SourceError(f"{path}: cannot be read as TOML in UTF-8 ({error})") from error


@dataclass
class _Reader:
    """Reads the units of a document and gathers what is wrong: (field, rule) -> ids of units."""

    site: Site
    shift: str | None
    zone: Any
    faults: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))

    def blame(self, column: str, rule: str, name: str = "") -> None:
        ids = self.faults[column, rule]
        if name:
            ids.append(name)

    def check_keys(self, name: str, table: dict[str, Any], known: tuple[str, ...]) -> None:
        for key in table:
            if key not in known:
                near = get_close_matches(key, known, n=1)
                hint = f"perhaps {near[0]}" if near else f"known are {', '.join(known)}"
                self.blame(key, f"unknown key, {hint}", name)

    def read_document(self, document: dict[str, Any]) -> list[dict[str, Any]]:
        """Rows of the frame; only those of a document without faults may be used."""
        self._check_zone()
        kinds, units = document.get("kinds", {}), document.get("units", [])
        if not isinstance(kinds, dict) or not all(isinstance(kind, dict) for kind in kinds.values()):
            self.blame("kinds", "must be tables [kinds.NAME]")
            kinds = {}
        if not isinstance(units, list) or not all(isinstance(unit, dict) for unit in units):
            self.blame("units", "must be tables [[units]]")
            units = []
        elif not units:
            self.blame("units", "there is none: add a table [[units]] for each")
        for name, kind in kinds.items():
            self.check_keys(f"kinds.{name}", kind, KIND_KEYS)
        seen: set[str] = set()
        rows = []
        for n, unit in enumerate(units, 1):
            name = self._name_unit(unit, n, seen)
            self.check_keys(name, unit, UNIT_KEYS)
            kind = self._find_kind(unit, kinds, name)
            if kind is not None:
                rows.append(self._read_unit(name, unit, {"mode": unit["kind"], **kind, **unit}))
        return rows

    def _check_zone(self) -> None:
        if self.zone is None:
            return
        try:
            find_zone(str(self.zone))
        except InputError as error:
            self.blame("zone", str(error).removeprefix("zone: "))
            self.zone = "UTC"  # a stand-in: the fault is told once

    def _name_unit(self, unit: dict[str, Any], n: int, seen: set[str]) -> str:
        name = unit.get("id")
        if not isinstance(name, str) or not CALL_SIGN.fullmatch(name):
            self.blame("id", "must be a text of letters, digits, space, '.', '-', '_'", f"unit {n}")
            return f"unit {n}"
        if name in seen:
            self.blame("id", "is there more than once", name)
        seen.add(name)
        return name

    def _find_kind(self, unit: dict[str, Any], kinds: dict[str, Any], name: str) -> dict[str, Any] | None:
        kind = unit.get("kind")
        if not isinstance(kind, str) or not kind:
            self.blame("kind", "must be the name of a kind", name)
        elif kind in kinds or kind in MODES:
            return kinds.get(kind, {})
        else:
            near = get_close_matches(kind, [*kinds, *MODES], n=1)
            hint = f", perhaps {near[0]}" if near else f": add a table [kinds.{kind}]"
            self.blame("kind", f"{kind!r} is not described{hint}", name)
        return None

    def _read_unit(self, name: str, unit: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
        mode, shift = told["mode"], self._read_shift(name, unit)
        if mode not in MODES:
            self.blame("mode", f"must be {', '.join(MODES)}", name)
        speed = told.get("speed_kph")
        if speed is None:
            self.blame("speed_kph", "a unit without a speed: give it to the unit or its kind", name)
        elif not is_number(speed) or not 0.0 < speed <= FASTEST_KPH:
            self.blame("speed_kph", f"must be a number above 0, at most {FASTEST_KPH:g}", name)
        if not isinstance(told.get("crew", ""), str):
            self.blame("crew", "must be a text", name)
        depot, fault = locate_depot(unit, site=self.site, mode=mode)
        if fault is not None:
            self.blame(*fault, name)
        return {
            "unit_id": name,
            "kind": unit["kind"],
            "mode": mode,
            "speed_kph": speed,
            "crew": told.get("crew", ""),
            **self._read_minutes(name, told, shift),
            "places": self._read_places(name, told.get("places", [])),
            "geometry": depot,
        }

    def _read_shift(self, name: str, unit: dict[str, Any]) -> Shift | None:
        text = unit.get("shift", self.shift)
        if text is None:
            self.blame("shift", "is not given, neither by the unit nor for all", name)
        elif not isinstance(text, str):
            self.blame("shift", 'must be a text such as "2026-11-23T08:00/16:00"', name)
        else:
            try:
                return parse_shift(text, zone=None if self.zone is None else str(self.zone))
            except InputError as error:
                self.blame("shift", str(error).removeprefix("shift: "), name)
        return None

    def _read_minutes(self, name: str, told: dict[str, Any], shift: Shift | None) -> dict[str, Any]:
        """Overtime and break, in seconds, beside the shift they lie in."""
        minutes = {key: told[key] for key in MINUTES if key in told}
        for key, value in minutes.items():
            if not is_number(value) or value < 0:
                self.blame(key, "must be a number of minutes, at least 0", name)
                minutes[key] = 0.0
        length = (shift.end_at - shift.start_at).total_seconds() if shift else np.inf
        rest = 60.0 * minutes.get("break_min", 0.0)
        after = 60.0 * minutes.get("break_after_min", 0.0)
        before = 60.0 * minutes["break_before_min"] if "break_before_min" in minutes else max(after, length - rest)
        if not rest:
            after = before = 0.0
        elif before < after:
            self.blame("break_before_min", "must not be less than break_after_min", name)
        elif before + rest > length:
            self.blame("break_min", "the break must end within the shift", name)
        return {
            "start_at": shift and shift.start_at,
            "end_at": shift and shift.end_at,
            "overtime_s": 60.0 * minutes.get("overtime_min", 0.0),
            "break_s": rest,
            "break_after_s": after,
            "break_before_s": before,
        }

    def _read_places(self, name: str, places: Any) -> tuple[str, ...]:
        if not isinstance(places, list) or not all(isinstance(place, str) for place in places):
            self.blame("places", "must be a list of categories of places", name)
            return ()
        known = sorted(set(self.site.places["category"]))
        for place in places:
            if place not in known:
                self.blame("places", f"{place!r} is no category of the site's places ({', '.join(known)})", name)
        return tuple(places)
