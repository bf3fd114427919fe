"""Units proposed where nobody tells who is on duty: so many of each mode, placed near where risk is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from sightgrid.patrol.streets.network import build_network

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    from numpy.typing import NDArray

SPEED_KPH = {"foot": 4.5, "bicycle": 14.0, "car": 30.0}  # assumptions: what a unit keeps up over a shift
BREAK = {"break_min": 30, "break_after_min": 180, "break_before_min": 300}
BREAK_FROM_S = 6 * 3600.0  # of a shift: shorter ones have no break
SAMPLES, PLACES = 2000, 400  # of the streets by their risk; of the crossings of a mode


def propose_units(
    spread: gpd.GeoDataFrame, streets: gpd.GeoDataFrame, counts: Mapping[str, int], *, shift_s: float, seed: int = 0
) -> list[dict[str, Any]]:
    """Propose units: each starts at the crossing that, with the units before it, brings help nearest to risk.

    Distances are straight lines.

    Parameters
    ----------
    spread : GeoDataFrame
        Risk of each street: see `sightgrid.patrol.risk`.
    streets : GeoDataFrame
        The street layer.
    counts : mapping of str to int
        How many units of each mode: ``foot``, ``bicycle``, ``car``.
    shift_s : float
        Length of the shift; long ones have a break.
    seed : int
        The same seed places the units alike.

    Returns
    -------
    list of dict
        Tables of units, as `sightgrid.patrol.shift.unit_files.parse_units` reads them.

    Raises
    ------
    InputError
        Nobody may pass any street in a mode.

    Examples
    --------
    >>> import sightgrid as sg
    >>> from sightgrid.patrol import risk
    >>> streets = sg.open_site("helsinki").streets
    >>> units = propose_units(risk(None, streets, method="length"), streets, {"foot": 1, "car": 2}, shift_s=3600.0)
    >>> [(unit["id"], unit["speed_kph"]) for unit in units]
    [('foot-1', 4.5), ('car-1', 30.0), ('car-2', 30.0)]
    """
    chance = np.random.default_rng(seed)
    risky = chance.choice(len(spread), min(SAMPLES, len(spread)), p=spread["risk"].to_numpy(float))
    middle = shapely.line_interpolate_point(spread.geometry.to_numpy()[risky], 0.5, normalized=True)
    wanted = shapely.get_coordinates(middle)
    nearest = np.full(len(wanted), np.inf)
    units: list[dict[str, Any]] = []
    for mode, count in counts.items():
        network = build_network(streets, mode=mode, speed_kph=SPEED_KPH[mode])
        inside = network.xy[network.components == 0]
        places = inside[np.sort(chance.permutation(len(inside))[:PLACES])]
        away = np.hypot(*(places[:, None, :] - wanted[None, :, :]).transpose(2, 0, 1))
        for number in range(1, count + 1):
            at, nearest = _choose(away, nearest)
            unit = {"id": f"{mode}-{number}", "kind": mode, "speed_kph": SPEED_KPH[mode], "depot": places[at].tolist()}
            units.append(unit | (BREAK if shift_s >= BREAK_FROM_S else {}))
    return units


def _choose(away: NDArray[np.float64], nearest: NDArray[np.float64]) -> tuple[int, NDArray[np.float64]]:
    """Choose the place that leaves least to go; also how far everything is then."""
    then = np.minimum(away, nearest)
    at = int(then.sum(axis=1).argmin())
    return at, then[at]
