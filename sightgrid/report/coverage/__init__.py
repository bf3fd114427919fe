"""What cameras see, for people: map, raster, tables, pictures."""
