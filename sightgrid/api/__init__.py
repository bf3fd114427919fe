"""The server: the shared map, its data and its long jobs, over one store."""
