"""Draws the README's picture, docs/images/helsinki.png, from the bundled site. Needs the ``notebook`` extra."""

from __future__ import annotations

from pathlib import Path

import sightgrid
from sightgrid import coverage
from sightgrid.report.figures import draw_coverage

PICTURE = Path(__file__).parent.parent / "docs" / "images" / "helsinki.png"


def main() -> None:
    """Measure Helsinki and draw it."""
    seen = coverage.measure(sightgrid.open_site("helsinki"))
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure = draw_coverage(seen, coverage.blind_spots(seen.site, seen))
    figure.savefig(PICTURE, dpi=115, metadata={"Software": None}, pil_kwargs={"optimize": True})


if __name__ == "__main__":
    main()
