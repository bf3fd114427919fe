"""Long work: what can be asked for, the jobs that do it, the workers that do the jobs, and the results."""
