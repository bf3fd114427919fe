"""What a patrol is planned from: the shift, who is on duty, what is to be visited."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import geopandas as gpd
import pandas as pd
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from sightgrid.api.planning.models import Name
from sightgrid.api.work.process import Inputs
from sightgrid.gis.crs import WGS84
from sightgrid.patrol import check_stops, parse_shift
from sightgrid.patrol.shift.starts import propose_units
from sightgrid.patrol.shift.unit_files import FASTEST_KPH, parse_units
from sightgrid.report.patrol.briefing import read_clock

if TYPE_CHECKING:
    from sightgrid.patrol import Shift
    from sightgrid.site import Site

MOST_UNITS, MOST_STOPS = 100, 500
DAY_S, DAY_MIN = 86_400.0, 1440.0

Text = Annotated[str, StringConstraints(max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$")]
CallSign = Annotated[str, StringConstraints(max_length=64, pattern=r"^\w[\w .-]*$")]  # becomes part of file names
Longitude = Annotated[float, Field(ge=-180.0, le=180.0)]
Latitude = Annotated[float, Field(ge=-90.0, le=90.0)]
Minutes = Annotated[float, Field(ge=0.0, le=DAY_MIN)]
Seconds = Annotated[float, Field(ge=0.0, le=DAY_S)]
ShiftText = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Mode = Literal["foot", "bicycle", "car"]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class UnitInputs(_Given):
    """A unit on duty."""

    unit_id: CallSign = Field(description="Its call sign.")
    mode: Mode = Field(description="How it moves: which streets it may use.")
    speed_kph: float = Field(gt=0.0, le=FASTEST_KPH, description="What it keeps up; a car keeps to limits besides.")
    lon: Longitude = Field(description="Of its depot.")
    lat: Latitude = Field(description="Of its depot.")
    crew: Text = ""
    shift: ShiftText | None = Field(default=None, description="Its own, if it is not that of all.")
    overtime_min: Minutes = Field(default=0.0, description="How much later it may be back at its depot.")
    break_min: Minutes = Field(default=0.0, description="Length of its break; 0: it has none.")
    break_after_min: Minutes = Field(default=0.0, description="The break starts so long after its shift or later.")
    break_before_min: Minutes | None = Field(default=None, description="The break starts so long after, or before.")
    places: tuple[Text, ...] = Field(default=(), max_length=50, description="Categories it serves; all if none.")

    def to_table(self) -> dict[str, Any]:
        """Return the table that a file of units would hold."""
        kept = self.model_dump(exclude={"unit_id", "mode", "lon", "lat"}, exclude_none=True, exclude_defaults=True)
        places = {"places": list(self.places)} if self.places else {}
        return {**kept, **places, "id": self.unit_id, "kind": self.mode, "depot_lonlat": [self.lon, self.lat]}


class StopInputs(_Given):
    """What is to be visited."""

    stop_id: Name
    lon: Longitude
    lat: Latitude
    name: Text = ""
    category: Text = ""
    priority: int = Field(default=1, ge=1, le=1000, description="1 comes first.")
    weight: float = Field(default=1.0, ge=0.0, le=1e9, description="Attention that one visit is worth.")
    visits: int = Field(default=1, ge=1, le=200, description="Wanted in the shift.")
    min_gap_s: Seconds = Field(default=0.0, description="From leaving to the next arrival, at least.")
    max_gap_s: Seconds = Field(default=0.0, description="The same, at most; 0: as may be.")
    dwell_s: Seconds = Field(default=300.0, description="How long a visit lasts.")
    dwell_max_s: Seconds | None = Field(default=None, description="It lasts any time from `dwell_s` to this.")
    open_at: AwareDatetime | None = None
    close_at: AwareDatetime | None = None
    required: bool = True
    crew: Text = Field(default="", description="Only units of this crew may serve it; any, if not given.")


class UnitCounts(_Given):
    """How many units of each mode."""

    foot: int = Field(default=0, ge=0, le=MOST_UNITS)
    bicycle: int = Field(default=0, ge=0, le=MOST_UNITS)
    car: int = Field(default=0, ge=0, le=MOST_UNITS)


class PatrolInputs(Inputs):
    """The shift, who is on duty, what is to be visited."""

    name: Name = Field(description="What the plan is called; no other of the site is called so.")
    shift: ShiftText = Field(
        description="Such as 2026-11-23T08:00/16:00, or with offsets: 2026-11-23T08:00+02:00/16:00."
    )
    zone: str | None = Field(
        default=None, max_length=64, description="Time zone of what tells no offset, such as Europe/Helsinki."
    )
    units: tuple[UnitInputs, ...] = Field(default=(), max_length=MOST_UNITS, description="Who is on duty.")
    counts: UnitCounts | None = Field(
        default=None, description="Instead of units: how many of each mode; they start near where risk is."
    )
    stops: tuple[StopInputs, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=MOST_STOPS,
        description="Proposed from places and attention if not given.",
    )
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="Another one gives another plan, about as good.")
    seconds: float = Field(default=12.0, ge=0.1, le=600.0, description="Longest search for routes.")
    request_id: str = Field(
        default_factory=lambda: uuid.uuid4().hex, pattern="^[0-9a-f]{32}$", description="Tells two requests apart."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        """What needs no site to be told; an InputError is a ValueError."""
        parse_shift(self.shift, zone=self.zone)
        read_clock(self.clock)
        for unit in self.units:
            if unit.shift is not None:
                parse_shift(unit.shift, zone=self.zone)
        for what, ids in (
            ("units: unit_id", [unit.unit_id for unit in self.units]),
            ("stops: stop_id", [stop.stop_id for stop in self.stops or ()]),
        ):
            again = sorted({name for name in ids if ids.count(name) > 1})
            if again:
                raise ValueError(f"{what}: is there more than once: {', '.join(again[:5])}")
        wanted = 0 if self.counts is None else self.counts.foot + self.counts.bicycle + self.counts.car
        if bool(self.units) == bool(wanted):
            raise ValueError("units: give either units or counts of them, one at least")
        if wanted > MOST_UNITS:
            raise ValueError(f"counts: {wanted} units are more than {MOST_UNITS}")
        return self

    @property
    def clock(self) -> str:
        """The zone, or offset, of the times that people read."""
        offset = dt.datetime.fromisoformat(self.shift.partition("/")[0].strip()).tzinfo
        return self.zone or str(offset or "UTC")

    @property
    def span(self) -> Shift:
        """Start and end of the shift."""
        return parse_shift(self.shift, zone=self.zone)


def place_units(options: PatrolInputs, site: Site, spread: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the units on duty, those given or proposed ones.

    Parameters
    ----------
    options : PatrolInputs
        What was asked for.
    site : Site
        Its streets, water and places tell whether a depot can be one.
    spread : GeoDataFrame
        Risk of its streets.

    Raises
    ------
    SchemaError
        Everything that is wrong with the units.
    """
    if options.counts is None:
        tables = [unit.to_table() for unit in options.units]
    else:
        start_at, end_at = options.span
        counts = {mode: count for mode, count in options.counts.model_dump().items() if count}
        shift_s = (end_at - start_at).total_seconds()
        tables = propose_units(spread, site.streets, counts, shift_s=shift_s, seed=options.seed)
    document = {"units": tables} | ({"zone": options.zone} if options.zone else {})
    return parse_units(document, site=site, shift=options.shift)


def place_stops(options: PatrolInputs, site: Site) -> gpd.GeoDataFrame | None:
    """Return the stops that are given; None: they are to be proposed.

    Raises
    ------
    SchemaError
        Everything that is wrong with the stops.
    """
    if options.stops is None:
        return None
    rows = [stop.model_dump(exclude={"lon", "lat"}) for stop in options.stops]
    frame = pd.DataFrame(rows).set_index("stop_id")
    frame.index = frame.index.astype("str")
    for name in ("open_at", "close_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    frame["dwell_max_s"] = frame["dwell_max_s"].astype(float)
    points = gpd.points_from_xy([s.lon for s in options.stops], [s.lat for s in options.stops], crs=WGS84)
    return check_stops(gpd.GeoDataFrame(frame, geometry=points).to_crs(site.crs), crs=site.crs)
