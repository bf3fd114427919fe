"""The command line: thin commands, one clear line for what goes wrong.

Heavy modules are imported inside the commands, so that ``sightgrid --help`` answers at once.
"""

from sightgrid.cli import measure, patrol, place, probe, store
from sightgrid.cli.app import app, main

__all__ = ["app", "main", "measure", "patrol", "place", "probe", "store"]
