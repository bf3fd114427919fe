"""Layers of sites as OGC API - Features: read, filtered and edited by the programs that people have."""
