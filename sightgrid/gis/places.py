"""Places worth watching: schools, hospitals, stations, squares, … from one table of map tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping


class Category(NamedTuple):
    """A kind of place: its name, the tag that marks it, and its priority (1 first)."""

    name: str
    key: str
    marks: tuple[str, ...]
    priority: int


# the first line that fits counts
CATEGORIES = (
    Category("school", "amenity", ("school",), 1),
    Category("kindergarten", "amenity", ("kindergarten",), 1),
    Category("hospital", "amenity", ("hospital",), 1),
    Category("station", "railway", ("station", "halt"), 1),
    Category("station", "public_transport", ("station",), 1),
    Category("station_entrance", "railway", ("subway_entrance", "train_station_entrance"), 1),
    Category("bus_station", "amenity", ("bus_station",), 1),
    Category("square", "place", ("square",), 1),
    Category("university", "amenity", ("university", "college"), 2),
    Category("clinic", "amenity", ("clinic",), 2),
    Category("marketplace", "amenity", ("marketplace",), 2),
    Category("police", "amenity", ("police",), 2),
    Category("townhall", "amenity", ("townhall",), 2),
    Category("theatre", "amenity", ("theatre", "cinema", "arts_centre"), 3),
    Category("museum", "tourism", ("museum",), 3),
)


def read_category(tags: Mapping[str, str]) -> Category | None:
    """Find the category of a mapped thing, or None if it is no place of interest."""
    return next((category for category in CATEGORIES if tags.get(category.key) in category.marks), None)


def build_places(elements: list[tuple[str, dict[str, str], Any]]) -> gpd.GeoDataFrame:
    """Build the place layer in longitude and latitude from ``(id, tags, shape)``."""
    categories = [read_category(tags) for _, tags, _ in elements]
    kept = [(*element, category) for element, category in zip(elements, categories, strict=True) if category]
    return gpd.GeoDataFrame(
        {
            "name": np.array([tags.get("name") for _, tags, _, _ in kept], object),
            "category": np.array([category.name for *_, category in kept], object),
            "priority": np.array([category.priority for *_, category in kept], np.int64),
        },
        index=pd.Index([name for name, *_ in kept], name="place_id", dtype="str"),
        geometry=[shape for _, _, shape, _ in kept],
        crs=4326,
    )
