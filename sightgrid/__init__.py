"""Plan and audit a city's public video coverage and patrols.

`sightgrid.coverage` measures what cameras see and where nobody looks, and places new ones; `sightgrid.patrol` plans how
patrols look where cameras do not; `sightgrid.health` tells which cameras work; `sightgrid.store` keeps sites, plans and
results between runs.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
