"""What is kept between runs, in one file or in PostGIS: sites, scenarios, results, plans, jobs, the cameras' health."""
