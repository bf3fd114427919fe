"""Every kind of long work, by name; `sightgrid.api.roles.PROCESSES` says who may ask for it."""

from __future__ import annotations

from typing import Any

from sightgrid.api.work.blindspots import BLINDSPOTS
from sightgrid.api.work.comparison import COMPARISON
from sightgrid.api.work.coverage import COVERAGE
from sightgrid.api.work.health import HEALTH
from sightgrid.api.work.patrol import PATROL
from sightgrid.api.work.placement import PLACEMENT
from sightgrid.api.work.process import Process

PROCESSES: dict[str, Process[Any]] = {
    process.name: process for process in (COVERAGE, BLINDSPOTS, PLACEMENT, COMPARISON, PATROL, HEALTH)
}
