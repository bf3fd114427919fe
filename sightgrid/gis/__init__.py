"""Layers of a city: coordinate systems, files, grids, obstacles, streets, places, ground."""
