"""Hot-spot dosage: short random stops, spread over the shift, with a cap per place.

Koper (1995, Justice Quarterly 12) found that a stop of 10 to 16 minutes at a hot spot keeps its effect longest for the
time spent, and that it wears off: hence random stops of that length, at least every two hours.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sightgrid.errors import UnitRangeError

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

SHORTEST_S, LONGEST_S = 600.0, 960.0
EVERY_S = 7200.0


def dose(
    places: gpd.GeoDataFrame,
    *,
    shift_s: float,
    shortest_s: float = SHORTEST_S,
    longest_s: float = LONGEST_S,
    every_s: float = EVERY_S,
    most_s: float = math.inf,
    priority: int = 1,
    required: bool = False,
) -> gpd.GeoDataFrame:
    """Turn hot spots into stops with a dosage.

    Parameters
    ----------
    places : GeoDataFrame
        Points indexed by ``stop_id``; other columns are kept.
    shift_s : float
        Length of the shift: a visit at least every `every_s` of it.
    shortest_s, longest_s : float
        Each visit lasts a random time between them.
    every_s : float
        Longest time from leaving a spot to the next arrival.
    most_s : float
        Cap on the time spent at one place in the shift; fewer visits are wanted where it would be passed.
    priority : int
        Of all of them.
    required : bool
        Whether they must be served, or as time allows.

    Returns
    -------
    GeoDataFrame
        Stops, as `check_stops` describes them.

    Raises
    ------
    UnitRangeError
        A time is not above 0, or the cap does not allow a single visit.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd
    >>> index = pd.Index(["a"], name="stop_id")
    >>> spots = gpd.GeoDataFrame(index=index, geometry=gpd.points_from_xy([0], [0]), crs=32635)
    >>> dose(spots, shift_s=8 * 3600)["visits"].tolist()
    [3]
    >>> dose(spots, shift_s=8 * 3600, most_s=1800)["visits"].tolist()
    [1]
    """
    if not 0.0 < shortest_s <= longest_s:
        raise UnitRangeError(f"shortest_s: {shortest_s} must lie in (0, longest_s = {longest_s}]")
    for name, value in (("shift_s", shift_s), ("every_s", every_s)):
        if not value > 0.0:
            raise UnitRangeError(f"{name}: {value} must be above 0")
    if most_s < longest_s:
        raise UnitRangeError(f"most_s: {most_s} does not allow one visit of {longest_s} s")
    # a gap before each visit and one after the last, none longer than every_s
    mean_s = (shortest_s + longest_s) / 2.0
    visits = max(1, math.ceil((shift_s - every_s) / (every_s + mean_s)))
    capped = visits if math.isinf(most_s) else min(visits, int(most_s // longest_s))
    return places.assign(
        visits=capped,
        dwell_s=shortest_s,
        dwell_max_s=longest_s,
        min_gap_s=0.0,
        max_gap_s=every_s if capped == visits else 0.0,
        priority=priority,
        required=required,
    )


def draw_dwells(stops: gpd.GeoDataFrame, stop: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.float64]:
    """Whole seconds each visit lasts, drawn evenly between its stop's ``dwell_s`` and ``dwell_max_s``.

    Parameters
    ----------
    stops : GeoDataFrame
        Checked stops.
    stop : ndarray of int
        Row of the stop of each visit.
    rng : numpy.random.Generator
        The source of chance.
    """
    low, high = (stops[name].to_numpy(float)[stop] for name in ("dwell_s", "dwell_max_s"))
    drawn = low + np.floor(rng.random(len(stop)) * (high - low + 1.0))
    return np.minimum(drawn, high)
