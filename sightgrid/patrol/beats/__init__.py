"""Beats: contiguous, compact areas along streets, balanced in work."""
