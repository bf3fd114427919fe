"""What a network needs to know of each street: how fast a car drives, how much of it cameras see, an id of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sightgrid.errors import InputError
from sightgrid.gis.streets import number_edges

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray


def observed_share(streets: gpd.GeoDataFrame, observed: pd.DataFrame | None) -> pd.Series[float]:
    """Share of each street's length that cameras see; what lies under roofs or outside the study area counts as unseen.

    Parameters
    ----------
    streets : GeoDataFrame
        The street layer of a site.
    observed : DataFrame or None
        ``observed_m`` indexed as `streets`, such as ``coverage.measure(site).streets``; None: no camera.

    Returns
    -------
    Series
        Values in [0, 1], indexed as `streets`, 0 for a street without length.

    Raises
    ------
    InputError
        `observed` has no ``observed_m``, another index, or lengths below 0.
    """
    if observed is None:
        return pd.Series(0.0, index=streets.index, name="observed_share")
    if "observed_m" not in observed.columns:
        raise InputError("observed: missing column observed_m")
    if not observed.index.equals(streets.index):
        raise InputError("observed: its index is not that of the streets")
    seen, length = observed["observed_m"].to_numpy(float), streets["length_m"].to_numpy(float)
    wrong = ~(seen >= 0.0)
    if wrong.any():
        first = ", ".join(map(str, observed.index[wrong][:5]))
        raise InputError(f"observed: observed_m: must be at least 0 ({wrong.sum()} rows: {first})")
    share = np.divide(seen, length, out=np.zeros(len(seen)), where=length > 0.0)
    return pd.Series(np.minimum(share, 1.0), index=streets.index, name="observed_share")


def drive_speed(streets: gpd.GeoDataFrame, cap_kph: float) -> NDArray[np.float64]:
    """Speed of a car on each street."""
    stated = streets["speed_kph"].astype(float).where(streets["drivable"].astype(bool))
    of_class = stated.groupby(streets["highway"].fillna("")).transform("mean")
    allowed = streets["speed_kph"].astype(float).fillna(of_class).fillna(stated.mean()).fillna(cap_kph)
    return np.minimum(allowed.to_numpy(float), cap_kph)


def tell_apart(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Renumber the keys where a street drawn from u to v and one drawn from v to u share one.

    Otherwise the way back along the first would take the place of the second.
    """
    u, v, key = (frame.index.get_level_values(name).to_numpy() for name in ("u", "v", "key"))
    pairs = pd.MultiIndex.from_arrays([np.minimum(u, v), np.maximum(u, v), key])
    return number_edges(frame.assign(u=u, v=v)) if pairs.has_duplicates else frame
