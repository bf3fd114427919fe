"""Tracks: what was driven, matched to streets, and compared with the plan."""
