"""``python -m sightgrid`` is the same as ``sightgrid``."""

from sightgrid.cli import main

if __name__ == "__main__":
    main()
