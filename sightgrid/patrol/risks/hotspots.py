"""Hot spots along streets: kernel density and Getis-Ord Gi*, with distances measured on the network.

Distances ignore one-way rules: an incident concerns the street behind the corner, whichever way it is driven.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse import csgraph

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

LIXEL_M = 10.0  # longest piece of street on which the kernel counts as constant
BLOCK = 1 << 23  # distances held at once


class Paths(NamedTuple):
    """Streets as an undirected graph of lengths.

    Attributes
    ----------
    matrix : scipy.sparse.csr_array
        Metres between neighbouring nodes, by the shortest of parallel streets.
    u, v : ndarray of int
        Number of the first and last node of each street.
    length_m : ndarray of float
    """

    matrix: sparse.csr_array
    u: NDArray[np.intp]
    v: NDArray[np.intp]
    length_m: NDArray[np.float64]


def measure_paths(streets: gpd.GeoDataFrame) -> Paths:
    """Build the graph of lengths of a street layer."""
    names = np.concatenate([streets.index.get_level_values("u"), streets.index.get_level_values("v")])
    codes, nodes = pd.factorize(names)
    u, v = codes[: len(streets)], codes[len(streets) :]
    length = streets["length_m"].to_numpy(float)
    table = pd.DataFrame({"a": np.minimum(u, v), "b": np.maximum(u, v), "length": length})
    shortest = table[u != v].groupby(["a", "b"])["length"].min()
    a, b = (shortest.index.get_level_values(name).to_numpy() for name in ("a", "b"))
    both = (np.tile(shortest.to_numpy(float), 2), (np.concatenate([a, b]), np.concatenate([b, a])))
    return Paths(sparse.csr_array(both, shape=(len(nodes), len(nodes))), u, v, length)


def spread_kernel(
    paths: Paths,
    row: NDArray[np.intp],
    along_m: NDArray[np.float64],
    amount: NDArray[np.float64],
    *,
    bandwidth_m: float,
) -> NDArray[np.float64]:
    """Spread incidents along the network: simple network kernel density, summed up over each street.

    The kernel is the quartic one, ``k(d) = (1 - (d / bandwidth)^2)^2``, of the shortest network distance ``d``,
    without splitting at junctions (Xie & Yan 2008, doi:10.1016/j.compenvurbsys.2008.05.001), on lixels of at most
    10 m. That kernel alone counts an incident more often the more streets leave a junction (Okabe et al. 2009,
    doi:10.1080/13658810802475491); here each incident's kernel is scaled so that it sums up to the incident's amount.

    Parameters
    ----------
    paths : Paths
    row : ndarray of int
        Street of each incident.
    along_m : ndarray of float
        How far along that street the incident lies.
    amount : ndarray of float
        What each incident counts.
    bandwidth_m : float
        Reach of the kernel.

    Returns
    -------
    ndarray of float
        Amount on each street; sums up to that of the incidents.
    """
    pieces = np.maximum(np.ceil(paths.length_m / LIXEL_M), 1).astype(np.int64)
    start = np.concatenate([[0], np.cumsum(pieces)])
    street = np.repeat(np.arange(len(pieces)), pieces)
    size = (paths.length_m / pieces)[street]
    centre = (np.arange(len(street)) - start[street] + 0.5) * size
    rest = paths.length_m[street] - centre
    total = np.zeros(len(pieces))
    order = np.argsort(row, kind="stable")
    step = max(1, BLOCK // (2 * paths.matrix.shape[0]))
    for first in range(0, len(order), step):
        block = order[first : first + step]
        here, which = np.unique(row[block], return_inverse=True)
        from_u, from_v = (_reach(paths.matrix, end[here], bandwidth_m) for end in (paths.u, paths.v))
        for incident, n in zip(block, which, strict=True):
            own, at = row[incident], along_m[incident]
            away = np.minimum(from_u[n] + at, from_v[n] + (paths.length_m[own] - at))
            near = (away[paths.u] < bandwidth_m) | (away[paths.v] < bandwidth_m)
            near[own] = True
            lixels = _list_ranges(start[:-1][near], pieces[near])
            d = np.minimum(away[paths.u[street[lixels]]] + centre[lixels], away[paths.v[street[lixels]]] + rest[lixels])
            mine = street[lixels] == own
            d[mine] = np.minimum(d[mine], np.abs(centre[lixels][mine] - at))
            mass = np.square(np.maximum(1.0 - np.square(d / bandwidth_m), 0.0)) * size[lixels]
            if mass.sum() > 0.0:
                total += np.bincount(street[lixels], mass, len(total)) * (amount[incident] / mass.sum())
            else:  # a street without length, on its own
                total[own] += amount[incident]
    return total


def score_getis_ord(paths: Paths, values: NDArray[np.float64], *, bandwidth_m: float) -> NDArray[np.float64]:
    """Getis-Ord Gi* of the streets, as standard deviations from what chance alone would give.

    With binary weights ``w``: streets whose middles are within `bandwidth_m` of each other along the network, the
    street itself among them, ``Gi* = (sum w x - W mean) / (s sqrt((n W - W^2) / (n - 1)))``
    (Ord & Getis 1995, doi:10.1111/j.1538-4632.1995.tb00912.x).

    Parameters
    ----------
    paths : Paths
    values : ndarray of float
        One for each street.
    bandwidth_m : float
        Reach of the neighbourhood.

    Returns
    -------
    ndarray of float
        0 where all streets are neighbours, or all values are equal.
    """
    n, mean, deviation = len(values), values.mean(), values.std()
    count, local = np.empty(n), np.empty(n)
    step = max(1, BLOCK // (2 * paths.matrix.shape[0]))
    for first in range(0, n, step):
        rows = np.arange(first, min(first + step, n))
        near = find_neighbours(paths, rows, bandwidth_m=bandwidth_m)
        count[rows], local[rows] = near.sum(axis=1), near @ values
    spread = deviation * np.sqrt(np.maximum(n * count - count**2, 0.0) / max(n - 1, 1))
    return np.divide(local - count * mean, spread, out=np.zeros(n), where=spread > 0.0)


def find_neighbours(paths: Paths, rows: NDArray[np.intp], *, bandwidth_m: float) -> sparse.csr_array:
    """For some streets, which streets have their middle within reach of theirs; each is its own neighbour.

    Returns
    -------
    scipy.sparse.csr_array, shape (rows, streets)
        1.0 for neighbours.
    """
    half, (nodes, streets) = paths.length_m / 2.0, (paths.matrix.shape[0], len(paths.length_m))
    from_u, from_v = (_reach(paths.matrix, end[rows], bandwidth_m) for end in (paths.u, paths.v))
    away = np.minimum(from_u, from_v) + half[rows, None]
    here, node = np.nonzero(away <= bandwidth_m)
    # streets by the nodes they meet
    ends = np.concatenate([paths.u, paths.v])
    meeting = np.argsort(ends, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(ends, minlength=nodes))])
    degree = start[node + 1] - start[node]
    there = meeting[_list_ranges(start[node], degree)] % streets
    within = np.repeat(away[here, node], degree) + half[there] <= bandwidth_m
    row = np.concatenate([np.repeat(here, degree)[within], np.arange(len(rows))])
    near = sparse.csr_array(
        (np.ones(len(row)), (row, np.concatenate([there[within], rows]))), shape=(len(rows), streets)
    )
    near.sum_duplicates()  # reached by both ends
    near.data[:] = 1.0
    return near


def _list_ranges(start: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whole numbers from each start on, as many as counted there."""
    return np.repeat(start - np.cumsum(count) + count, count) + np.arange(count.sum())


def _reach(matrix: sparse.csr_array, nodes: NDArray[np.intp], limit_m: float) -> NDArray[np.float64]:
    """Metres from some nodes to all others, inf beyond the limit."""
    first, again = np.unique(nodes, return_inverse=True)
    return csgraph.dijkstra(matrix, directed=True, indices=first, limit=limit_m)[again]
