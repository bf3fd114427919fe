# The names of the package and where they are; `__init__.py` loads each when it is first asked for.
from .errors import (
    CRSError as CRSError,
    InfeasibleError as InfeasibleError,
    InputError as InputError,
    SchemaError as SchemaError,
    SightgridError as SightgridError,
    SourceError as SourceError,
    StoreError as StoreError,
    UnitRangeError as UnitRangeError,
)
from .gis.io import open_site as open_site
from .gis.tables import read_cameras as read_cameras
from .report import explore as explore
from .site import Site as Site
from .version import __version__ as __version__
