"""Plan and audit public video coverage: what cameras see, how much of a city, and where nobody looks."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sightgrid.errors import (
        CRSError,
        InfeasibleError,
        InputError,
        SchemaError,
        SightgridError,
        SourceError,
        StoreError,
        UnitRangeError,
    )
    from sightgrid.gis.io import open_site
    from sightgrid.gis.tables import read_cameras
    from sightgrid.report import explore
    from sightgrid.site import Site

__version__ = "0.1.0"

# Loaded when first asked for, so that `import sightgrid` stays quick and light.
_HOMES = {
    "CRSError": "sightgrid.errors",
    "InfeasibleError": "sightgrid.errors",
    "InputError": "sightgrid.errors",
    "SchemaError": "sightgrid.errors",
    "SightgridError": "sightgrid.errors",
    "Site": "sightgrid.site",
    "SourceError": "sightgrid.errors",
    "StoreError": "sightgrid.errors",
    "UnitRangeError": "sightgrid.errors",
    "explore": "sightgrid.report",
    "open_site": "sightgrid.gis.io",
    "read_cameras": "sightgrid.gis.tables",
}

__all__ = [
    "CRSError",
    "InfeasibleError",
    "InputError",
    "SchemaError",
    "SightgridError",
    "Site",
    "SourceError",
    "StoreError",
    "UnitRangeError",
    "__version__",
    "explore",
    "open_site",
    "read_cameras",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        text = f"module 'sightgrid' has no attribute {name!r}"
        raise AttributeError(text)
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
