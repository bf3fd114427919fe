"""Coverage: what cameras see, how much of each cell that is, where nobody looks, and where the next cameras go."""

# ruff: noqa: E402  (stale kernels must go before the modules that load them)
from sightgrid.gis.compiled import drop_stale_kernels

drop_stale_kernels()

from sightgrid.coverage.blindspots import blind_spots, criticality
from sightgrid.coverage.candidates import propose_mounts
from sightgrid.coverage.demand import sample_demand
from sightgrid.coverage.losses import find_losses
from sightgrid.coverage.optics import density_classes
from sightgrid.coverage.placement import place
from sightgrid.coverage.plan import Placement
from sightgrid.coverage.poses import pose_cameras, read_catalogue
from sightgrid.coverage.rasters import class_areas, count_raster, raster_shape
from sightgrid.coverage.rates import Coverage, measure
from sightgrid.coverage.visibility import view_areas

__all__ = [
    "Coverage",
    "Placement",
    "blind_spots",
    "class_areas",
    "count_raster",
    "criticality",
    "density_classes",
    "find_losses",
    "measure",
    "place",
    "pose_cameras",
    "propose_mounts",
    "raster_shape",
    "read_catalogue",
    "sample_demand",
    "view_areas",
]
