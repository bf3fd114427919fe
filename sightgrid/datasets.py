"""The real sites that come with the package."""

from __future__ import annotations

from pathlib import Path

from sightgrid.errors import SourceError

NAMES = ("helsinki",)


def find(name: str) -> Path:
    """Return the file of a bundled site: inside an installed package, or in the checkout's ``data`` folder.

    Raises
    ------
    SourceError
        There is no bundled site of that name, or its file has been removed.
    """
    if name not in NAMES:
        raise SourceError(f"no bundled site is called {name!r}; there is {', '.join(NAMES)}")
    package = Path(__file__).resolve().parent
    for folder in (package / "data", package.parent / "data"):
        path = folder / f"{name}.gpkg"
        if path.is_file():
            return path
    raise SourceError(f"the file {name}.gpkg of the bundled site {name!r} is missing from this installation")
