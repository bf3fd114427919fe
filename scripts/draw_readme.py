"""Draws the README's pictures in docs/images from the bundled site. Needs the ``notebook`` extra.

    python scripts/draw_readme.py [NAME ...]

Without a name all of them are drawn: ``helsinki`` (coverage), ``placement`` (eight more cameras; a minute).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import sightgrid
from sightgrid import coverage
from sightgrid.report.figures import draw_coverage
from sightgrid.report.plan_figure import draw_placement

if TYPE_CHECKING:
    from matplotlib.figure import Figure

IMAGES = Path(__file__).parent.parent / "docs" / "images"


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


PICTURES = {"helsinki": draw_helsinki, "placement": draw_eight_more}


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
