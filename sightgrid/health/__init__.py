"""Camera health: which cameras see, which do not, and why."""
