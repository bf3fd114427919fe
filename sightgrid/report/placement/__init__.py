"""A plan for new cameras, for people: layers, map, costs, pictures."""
