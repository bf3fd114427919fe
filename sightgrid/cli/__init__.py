"""The command line: thin commands, one clear line for what goes wrong.

Heavy modules are imported inside the commands, so that ``sightgrid --help`` answers at once.
"""

from sightgrid.cli import audit_log, measure, patrol, place, probe, serve, store, users
from sightgrid.cli.app import app, main

__all__ = ["app", "audit_log", "main", "measure", "patrol", "place", "probe", "serve", "store", "users"]
