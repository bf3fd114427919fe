"""What the browser gets: the pages of the shared map and the libraries they stand on."""
