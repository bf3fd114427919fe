"""Coverage: what cameras see, how much of each cell that is, and where nobody looks."""

# ruff: noqa: E402  (stale kernels must go before the modules that load them)
from sightgrid.gis.compiled import drop_stale_kernels

drop_stale_kernels()

from sightgrid.coverage.blindspots import blind_spots, criticality
from sightgrid.coverage.optics import density_classes
from sightgrid.coverage.rasters import class_areas, count_raster, raster_shape
from sightgrid.coverage.rates import Coverage, measure
from sightgrid.coverage.visibility import view_areas

__all__ = [
    "Coverage",
    "blind_spots",
    "class_areas",
    "count_raster",
    "criticality",
    "density_classes",
    "measure",
    "raster_shape",
    "view_areas",
]
