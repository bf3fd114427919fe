"""Patrols that look where cameras do not: streets, risk, beats, routes, response, and how much of a plan was driven.

Names are loaded when they are first asked for: reading a track needs none of the search kernels of routes.
"""

import lazy_loader

from sightgrid.gis.compiled import drop_stale_kernels

drop_stale_kernels()

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
