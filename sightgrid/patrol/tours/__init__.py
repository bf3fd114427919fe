"""Tours between points: the shortest, the most worthwhile, and those that come round again and again."""
