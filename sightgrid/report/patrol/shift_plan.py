"""A shift planned from a site: what cameras see, where risk is, stops, beats, routes, and what is told about it all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sightgrid import coverage
from sightgrid.patrol import attention, draw_beats, measure_work, plan_routes, propose_stops, risk
from sightgrid.patrol.streets.network import USABLE
from sightgrid.report.patrol.briefing import brief

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd
    import pandas as pd

    from sightgrid.coverage import Coverage
    from sightgrid.report.patrol.briefing import Briefing
    from sightgrid.site import Site

    Progress = Callable[[str, int, int], None]


class Given(NamedTuple):
    """What a shift is planned from; `clock` is the zone, or offset, of the times that people read."""

    site: Site
    units: gpd.GeoDataFrame
    clock: str
    incidents: gpd.GeoDataFrame | None = None
    stops: gpd.GeoDataFrame | None = None


def plan_shift(given: Given, *, progress: Progress, **options: Any) -> tuple[Briefing, dict[str, list[str]]]:
    """Plan a shift from what cameras see and where risk is.

    Parameters
    ----------
    given : Given
        The site, the units, and what else is known.
    progress : callable
        Called with stage, done, total.
    **options
        ``engine``, ``seconds`` and ``seed`` of `sightgrid.patrol.plan_routes`.

    Returns
    -------
    briefing : Briefing
        The plan, and what is told about it.
    told : dict of str to list of str
        ``assumed``: what the figures rest on; ``notes``: what a planner should know besides.

    Raises
    ------
    InputError, InfeasibleError
        See `sightgrid.patrol.risk` and `sightgrid.patrol.plan_routes`.
    """
    site, units, clock, incidents, stops = given
    seen = coverage.measure(site, progress=progress) if len(site.cameras) else None
    spread = risk(incidents, site.streets, method="length" if incidents is None else "count")
    wanted = attention(spread, None if seen is None else seen.streets)
    shift_s = (units["end_at"] - units["start_at"]).dt.total_seconds()
    proposed = stops is None
    stops = propose_stops(site, wanted, shift_s=float(shift_s.max())) if stops is None else stops
    open_to, work = _measure_work(site, units, stops, wanted)
    beats = draw_beats(open_to, work, units=units, seed=options["seed"], progress=progress)
    plan = plan_routes(
        site.streets,
        units,
        stops,
        attention=wanted,
        observed=_observe(site, seen),
        progress=progress,
        **options,
    )
    progress("response", 0, 1)
    briefing = brief(site, plan, wanted, clock=clock, seen=seen, beats=beats)
    notes = [] if incidents is None else [*incidents.attrs.get("notes", ()), *spread.attrs["notes"]]
    notes += [] if proposed else stops.attrs.get("notes", ())
    assumed = _tell_assumed(spread, stops, proposed=proposed, cameras=seen is not None)
    return briefing, {"assumed": assumed, "notes": notes}


def _measure_work(
    site: Site, units: gpd.GeoDataFrame, stops: gpd.GeoDataFrame, wanted: pd.DataFrame
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """The streets that some unit may use, and the work of the whole shift on each.

    All streets are driven once, at the speed of the units that may use most of them; the stops are visited; the time
    that is left goes where attention is wanted.
    """
    modes = sorted(set(units["mode"]))
    usable = {mode: site.streets[USABLE[mode]].to_numpy(bool) for mode in modes}
    mode = max(modes, key=lambda each: float(site.streets["length_m"][usable[each]].sum()))
    speed = float(units["speed_kph"][units["mode"] == mode].mean())
    open_to = site.streets[sum(usable.values()) > 0]
    given: dict[str, Any] = {"stops": stops, "mode": mode, "speed_kph": speed}
    least = float(measure_work(open_to, wanted.loc[open_to.index], **given)["work_s"].sum())
    duty = float(((units["end_at"] - units["start_at"]).dt.total_seconds() - units["break_s"]).sum())
    return open_to, measure_work(open_to, wanted.loc[open_to.index], presence_s=max(duty - least, 0.0), **given)


def _observe(site: Site, seen: Coverage | None) -> pd.DataFrame:
    """What cameras see of each street: nothing of all of it where there are none."""
    if seen is None:
        return site.streets[["length_m"]].rename(columns={"length_m": "observable_m"}).assign(observed_m=0.0)
    return seen.streets


def _tell_assumed(spread: gpd.GeoDataFrame, stops: gpd.GeoDataFrame, *, proposed: bool, cameras: bool) -> list[str]:
    """What the figures rest on."""
    counted = int(spread["count"].sum())
    incidents = "1 incident" if counted == 1 else f"{counted:,} incidents"
    happened = f"risk is the severity of {incidents} on their street; those patrols found are left out"
    places = int((stops["category"] != "hot_spot").sum())
    told = f"stops are proposed: {places:,} places of the site, {len(stops) - places:,} streets by their attention"
    return [
        happened if counted else "no incidents were given: every metre of street has the same risk",
        "attention is the risk that cameras do not see, a tenth of it spread over all streets by length",
        *([] if cameras else ["the site has no cameras: all of every street counts as observable, none as seen"]),
        told if proposed else f"the {len(stops):,} stops are those given",
        "a street counts as looked at by patrols if a unit passes it at least once in the shift",
        "units keep the speed they are given, turns and traffic cost no time, and all units are free for a call",
        "beats tell who answers for which streets; routes may leave them",
    ]
