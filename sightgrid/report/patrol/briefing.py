"""A briefing: what is told about a shift before it begins, and the names and numbers that all of its pages share."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from sightgrid.gis.grid import draw_cells, lay_grid
from sightgrid.patrol import isochrones, reach_over_time, spread_by_cell
from sightgrid.patrol.response.arrivals import WITHIN_MIN
from sightgrid.patrol.shift.shifts import find_zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sightgrid.coverage import Coverage
    from sightgrid.patrol.beats.beats import Beats
    from sightgrid.patrol.response.moving_response import ResponseOverTime
    from sightgrid.patrol.shift.plan import Plan
    from sightgrid.site import Site

# colour, dashes [px]: apart for colour-blind readers, and without colour by their dashes
UNIT_LOOKS = (
    ("#0072b2", ""), ("#d55e00", ""), ("#009e73", ""), ("#a0417f", ""), ("#7a5c00", ""), ("#3f3f3f", ""),
    ("#0072b2", "7 4"), ("#d55e00", "7 4"), ("#009e73", "7 4"), ("#a0417f", "7 4"), ("#7a5c00", "7 4"),
    ("#3f3f3f", "7 4"),
)  # fmt: skip
UNIT_SUFFIXES = (".gpx", ".geojson", ".html")
CELL_M = 100.0  # of the grid over which attention is told, where no coverage brings its own
SAMPLES = 32  # moments of the shift at which the response is measured
NEARBY_M = 80.0  # a stop without a name is told by a named street this near

_TAKEN = {"map", "timeline", "patrol", "summary", "con", "prn", "aux", "nul"}  # the last four are no names on Windows
_LONGEST_STEM = 64


@dataclass(frozen=True, eq=False)
class Briefing:
    """What is told about a shift.

    Attributes
    ----------
    site : Site
        The city.
    plan : Plan
        What every unit does when.
    seen : Coverage or None
        What its cameras see; None where it has none.
    attention : DataFrame
        Risk and attention of each street: see `patrol.attention_shares.attention`.
    cells : GeoDataFrame
        How attention spreads over the grid: see `patrol.attention_shares.spread_by_cell`.
    beats : Beats or None
        Who answers for which streets.
    response : ResponseOverTime or None
        How soon demand is reached while the units drive; None where nobody drives.
    ground : GeoDataFrame
        ``minutes`` and the ground that some unit reaches from its depot in that time.
    clock : datetime.tzinfo
        The zone of the times that people read.
    """

    site: Site
    plan: Plan
    seen: Coverage | None
    attention: pd.DataFrame
    cells: gpd.GeoDataFrame
    beats: Beats | None
    response: ResponseOverTime | None
    ground: gpd.GeoDataFrame
    clock: dt.tzinfo

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each stop, the same on all pages."""
        return {str(stop_id): n for n, stop_id in enumerate(self.plan.stops.index, start=1)}

    @cached_property
    def titles(self) -> dict[str, str]:
        """What people call each stop: its name, or what it is and the street it lies at."""
        stops = self.plan.stops
        named = self.site.streets[self.site.streets["name"].notna().to_numpy(bool)]
        at = dict.fromkeys(range(len(stops)), "")
        if len(named) and len(stops):
            points, streets = named.sindex.nearest(stops.geometry.to_numpy(), max_distance=NEARBY_M, return_all=False)
            at |= {int(point): str(named["name"].iloc[street]) for point, street in zip(points, streets, strict=True)}
        titles = {}
        for row, (stop_id, name, category) in enumerate(
            zip(stops.index, stops["name"], stops["category"], strict=True)
        ):
            what = str(category).replace("_", " ") or "stop"
            place = f"{what}, {at[row]}" if at[row] else what
            titles[str(stop_id)] = str(name) if name and category != "hot_spot" else place
        return titles

    @cached_property
    def stems(self) -> dict[str, str]:
        """The name of each unit's files, without what follows the dot."""
        stems: dict[str, str] = {}
        for unit_id in self.plan.units.index:
            stem = name_stem(str(unit_id))
            again = 2
            while stem.casefold() in {used.casefold() for used in stems.values()}:
                stem, again = f"{name_stem(str(unit_id))}-{again}", again + 1
            stems[str(unit_id)] = stem
        return stems

    @cached_property
    def passes(self) -> pd.DataFrame:
        """How often each unit drives each street: see `count_passes`."""
        return count_passes(self.plan)

    def look(self, unit_id: str) -> tuple[str, str]:
        """Colour and dashes of a unit."""
        return UNIT_LOOKS[self.plan.units.index.get_loc(unit_id) % len(UNIT_LOOKS)]

    def local(self, moments: pd.Series[pd.Timestamp]) -> pd.Series[pd.Timestamp]:
        """Moments on the clock that people read."""
        return moments.dt.tz_convert(self.clock)

    def time(self, moment: pd.Timestamp, form: str = "%H:%M") -> str:
        """A moment on the clock that people read."""
        return moment.tz_convert(self.clock).strftime(form)

    def period(self, start: pd.Timestamp, end: pd.Timestamp) -> str:
        """Two moments, with the date of the first and that of the second if it is another one."""
        first, last = start.tz_convert(self.clock), end.tz_convert(self.clock)
        other = "" if first.date() == last.date() else f"{last:%Y-%m-%d} "
        return f"{first:%Y-%m-%d %H:%M} to {other}{last:%H:%M} ({first:%Z})"


def brief(
    site: Site,
    plan: Plan,
    attention: pd.DataFrame,
    *,
    clock: dt.tzinfo | str,
    seen: Coverage | None = None,
    beats: Beats | None = None,
    within_min: Sequence[float] = WITHIN_MIN,
) -> Briefing:
    """Put together what is told about a shift, and measure how soon the units are where risk is.

    Parameters
    ----------
    site : Site
        The city.
    plan : Plan
        What every unit does when.
    attention : DataFrame
        Risk and attention of each street: see `patrol.attention_shares.attention`.
    clock : datetime.tzinfo or str
        The zone of the times that people read, such as ``Europe/Helsinki`` or ``UTC+02:00``.
    seen : Coverage, optional
        What its cameras see.
    beats : Beats, optional
        Who answers for which streets.
    within_min : sequence of float
        Minutes for the response.

    Returns
    -------
    Briefing

    Raises
    ------
    UnitRangeError
        The zone is unknown.
    """
    cells = draw_cells(lay_grid(site.study, cell_m=CELL_M), site.study, site.crs) if seen is None else seen.cells
    demand = site.streets[["geometry"]].assign(weight=attention["risk"])
    response = None
    if len(plan.legs):
        first, last = plan.legs["start_at"].min(), plan.legs["end_at"].max()
        # in the middle of each sample, and at the same times whoever plans
        times = pd.date_range(first, last, periods=2 * SAMPLES + 1)[1::2]
        response = reach_over_time(plan.legs, plan.networks, demand, times=times, within_min=within_min)
    return Briefing(
        site=site,
        plan=plan,
        seen=seen,
        attention=attention,
        cells=spread_by_cell(attention, site.streets, cells),
        beats=beats,
        response=response,
        ground=_reach_ground(plan, within_min),
        clock=read_clock(clock) if isinstance(clock, str) else clock,
    )


def read_clock(name: str) -> dt.tzinfo:
    """Read the name of a zone, or an offset such as UTC+02:00; raises UnitRangeError if it is neither."""
    offset = re.fullmatch(r"UTC([+-])(\d\d):(\d\d)", name)
    if offset is None:
        return find_zone(name)
    sign, hours, minutes = offset.groups()
    return dt.timezone((-1 if sign == "-" else 1) * dt.timedelta(hours=int(hours), minutes=int(minutes)))


def _reach_ground(plan: Plan, within_min: Sequence[float]) -> gpd.GeoDataFrame:
    """The ground that some unit reaches from its depot, by minutes."""
    rings = [
        isochrones(plan.networks[unit], depot, within_min=within_min) for unit, depot in plan.units.geometry.items()
    ]
    ground = pd.concat(rings).groupby("minutes")["geometry"].agg(lambda parts: shapely.union_all(parts.to_numpy()))
    return gpd.GeoDataFrame({"minutes": ground.index.to_numpy(float)}, geometry=ground.to_numpy(), crs=plan.units.crs)


def name_stem(unit_id: str) -> str:
    """Make a unit's id the name of a file on any system: letters, digits, ``.``, ``-`` and ``_``.

    Examples
    --------
    >>> name_stem("Car 7/b"), name_stem("map"), name_stem("..")
    ('Car-7-b', 'unit-map', 'unit')
    """
    text = unicodedata.normalize("NFC", unit_id)
    stem = re.sub(r"[^\w.-]+", "-", text).strip("._-")[:_LONGEST_STEM].strip("._-") or "unit"
    reserved = stem.casefold() in _TAKEN or re.fullmatch(r"(com|lpt)\d", stem.casefold())
    return f"unit-{stem}" if reserved or stem.casefold().split(".")[0] in _TAKEN else stem


def list_files(stems: dict[str, str]) -> dict[str, list[str]]:
    """The names of each unit's files."""
    return {unit_id: [stem + suffix for suffix in UNIT_SUFFIXES] for unit_id, stem in stems.items()}


def describe_row(briefing: Briefing, row: dict[Any, Any]) -> str:
    """What a row of a plan's visits says to people."""
    what = row["what"]
    if what == "visit":
        return briefing.titles[row["stop_id"]]
    return {
        "start": "start at the depot",
        "street": "patrol the streets",
        "break": "break",
        "end": "back at the depot",
    }[what]


def count_passes(plan: Any) -> pd.DataFrame:
    """How often each unit drives each street: index ``u, v, key`` of the street layer, a column for each unit."""
    legs = plan.legs
    streets = [
        plan.networks[unit].graph.edges[u, v, key]["street"]
        for unit, u, v, key in zip(legs["unit_id"], legs["u"], legs["v"], legs["key"], strict=True)
    ]
    names = ["u", "v", "key"]
    if not streets:
        empty = pd.MultiIndex.from_arrays([np.empty(0, np.int64)] * 3, names=names)
        return pd.DataFrame(0, index=empty, columns=plan.units.index)
    index = pd.MultiIndex.from_tuples(streets, names=names)
    table = pd.DataFrame({"unit_id": legs["unit_id"].to_numpy()}, index=index)
    counts = table.groupby([*names, "unit_id"]).size().unstack("unit_id", fill_value=0)  # noqa: PD010  (counted already)
    return counts.reindex(columns=plan.units.index, fill_value=0)


def locate_visits(plan: Any) -> gpd.GeoDataFrame:
    """The visits of a plan as points: at their stop, or at the node where the unit is."""
    visits = plan.visits
    points = [
        plan.stops.geometry[stop] if stop else shapely.Point(*_node_xy(plan.networks[unit], node))
        for unit, stop, node in zip(visits["unit_id"], visits["stop_id"], visits["node"], strict=True)
    ]
    return gpd.GeoDataFrame(visits.copy(), geometry=points, crs=plan.units.crs)


def _node_xy(network: Any, node: int) -> tuple[float, float]:
    x, y = network.xy[network.positions([node])[0]]
    return float(x), float(y)
