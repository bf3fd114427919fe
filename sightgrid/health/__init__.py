"""Camera health: which cameras see, which do not, and why. It looks at pictures' health, never at people.

Names are loaded when they are first asked for: only what looks at pictures needs OpenCV (the ``health`` extra).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sightgrid.health.baselines import Baseline
    from sightgrid.health.checks import measure_frames
    from sightgrid.health.hysteresis import Hysteresis
    from sightgrid.health.ledgers import read_ledger, read_maintenance
    from sightgrid.health.monitoring import Timing, monitor
    from sightgrid.health.outages import find_outages, time_repairs
    from sightgrid.health.probes import Job, Probe
    from sightgrid.health.rates import rate_now, rate_periods, rate_recordings
    from sightgrid.health.records import Notebook, frame_records
    from sightgrid.health.rules import describe_rules, judge
    from sightgrid.health.secrets import read_secrets
    from sightgrid.health.sources import read_sources
    from sightgrid.health.workers import Pool

_HOMES = {
    "Baseline": "baselines",
    "Hysteresis": "hysteresis",
    "Job": "probes",
    "Notebook": "records",
    "Pool": "workers",
    "Probe": "probes",
    "Timing": "monitoring",
    "describe_rules": "rules",
    "find_outages": "outages",
    "frame_records": "records",
    "judge": "rules",
    "measure_frames": "checks",
    "monitor": "monitoring",
    "rate_now": "rates",
    "rate_periods": "rates",
    "rate_recordings": "rates",
    "read_ledger": "ledgers",
    "read_maintenance": "ledgers",
    "read_secrets": "secrets",
    "read_sources": "sources",
    "time_repairs": "outages",
}

__all__ = [
    "Baseline",
    "Hysteresis",
    "Job",
    "Notebook",
    "Pool",
    "Probe",
    "Timing",
    "describe_rules",
    "find_outages",
    "frame_records",
    "judge",
    "measure_frames",
    "monitor",
    "rate_now",
    "rate_periods",
    "rate_recordings",
    "read_ledger",
    "read_maintenance",
    "read_secrets",
    "read_sources",
    "time_repairs",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        text = f"module 'sightgrid.health' has no attribute {name!r}"
        raise AttributeError(text)
    return getattr(import_module(f"sightgrid.health.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
