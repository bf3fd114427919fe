"""Vector tiles of layers, scenarios and results."""

from sightgrid.gis.compiled import drop_stale_kernels

drop_stale_kernels()
