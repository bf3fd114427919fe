"""Draws the README's pictures in docs/images from the bundled site. Needs the ``notebook`` extra.

    python scripts/draw_readme.py [NAME ...]

Without a name all of them are drawn: ``helsinki`` (coverage), ``placement`` (eight more cameras; a minute), ``patrol``
(a shift of six units).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import sightgrid
from sightgrid import coverage, patrol
from sightgrid.report.coverage.figures import draw_coverage
from sightgrid.report.patrol.briefing import brief
from sightgrid.report.patrol.patrol_figure import draw_shift
from sightgrid.report.placement.plan_figure import draw_placement

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROOT = Path(__file__).parent.parent
IMAGES, DATA = ROOT / "docs" / "images", ROOT / "data"


def draw_helsinki() -> Figure:
    """Measure Helsinki."""
    seen = coverage.measure(sightgrid.open_site("helsinki"))
    return draw_coverage(seen, coverage.blind_spots(seen.site, seen))


def draw_eight_more() -> Figure:
    """Plan eight more cameras."""
    site = sightgrid.open_site("helsinki")
    plan = coverage.place(site, budget=8)
    print(plan.summary())
    return draw_placement(plan, coverage.measure(site), coverage.measure(plan.planned_site))


def draw_six_units() -> Figure:
    """Plan a shift of six units."""
    site = sightgrid.open_site("helsinki")
    units = patrol.read_units(DATA / "units_helsinki.toml", site=site, shift="2026-11-23T08:00/16:00")
    seen = coverage.measure(site)
    wanted = patrol.attention(patrol.risk(None, site.streets, method="length"), seen.streets)
    stops = patrol.propose_stops(site, wanted)
    plan = patrol.plan_routes(
        site.streets, units, stops, attention=wanted, observed=seen.streets, engine="own", seconds=60.0
    )
    print(plan.figures)
    return draw_shift(brief(site, plan, wanted, clock=units.attrs["zone"], seen=seen))


PICTURES = {"helsinki": draw_helsinki, "placement": draw_eight_more, "patrol": draw_six_units}


def main() -> None:
    """Draw the pictures that are asked for."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or PICTURES:
        figure = PICTURES[name]()
        file = IMAGES / f"{name}.png"
        figure.savefig(file, dpi=115, metadata={"Software": None}, pil_kwargs={"optimize": True})
        print(file.name)


if __name__ == "__main__":
    main()
