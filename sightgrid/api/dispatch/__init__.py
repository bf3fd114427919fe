"""Patrol plans over HTTP: listed, shown for a map that moves the units, renamed, deleted, taken along."""
