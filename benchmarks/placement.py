"""Covering solvers on public instances: the best known values, a bound, and spopt on the same matrices.

    python -m benchmarks.placement [--seconds 60] [--only NAME ...]

Names are those of the instances (AC_12, rail507, ...) and ``spopt``. Every cover is checked apart from the solver.
The last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import importlib.util
import json
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from sightgrid.coverage.covering import Problem, Seconds, solve_lscp, solve_mclp

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED = Path(__file__).parents[2] / "shared"
GENERATOR = SHARED / "prototypes" / "gecco_ocp.py"
SET_COVER = SHARED / "data" / "placement" / "set_cover"
# Best known number of cameras of the academic instances of the GECCO 2020/21 camera placement benchmark.
GECCO = {
    "AC_01": 7, "AC_02": 4, "AC_03": 3, "AC_04": 5, "AC_05": 7, "AC_06": 10, "AC_10": 20, "AC_11": 64, "AC_12": 136,
}  # fmt: skip
SMALL, LARGE = (400, 300), (2000, 5000)
# at these service radii spopt proves its answers within the time
RADII_SMALL = {"MCLP": 0.1, "LSCP": 0.1}
RADII_LARGE = {"MCLP": 0.06, "LSCP": 0.02}


def read_gecco(name: str) -> sparse.csc_array:
    """Points x candidates of one of the camera placement instances."""
    spec = importlib.util.spec_from_file_location("gecco_ocp", GENERATOR)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(GENERATOR)
    gecco = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gecco)
    number = int(name.removeprefix("AC_"))
    seen = [points.astype(np.int32) for points in gecco.generate(number)]
    ends = np.concatenate([[0], np.cumsum([len(points) for points in seen])]).astype(np.int32)
    shape = (gecco.narcs(number)[0], len(seen))
    matrix = sparse.csc_array((np.ones(ends[-1], np.int8), np.concatenate(seen), ends), shape=shape)
    matrix.sort_indices()
    return matrix


def read_set_cover(name: str) -> sparse.csc_array:
    """Rows x columns of a set cover file, costs left out; the three formats of the collection."""
    numbers = np.array((SET_COVER / f"{name}.txt").read_text("ascii").split(), np.int64)
    if name.startswith("sts"):  # variables, triples; then the triples
        columns, rows = numbers[:2]
        lists = list(numbers[2 : 2 + 3 * rows].reshape(-1, 3) - 1)
    elif name.startswith("rail"):  # rows, columns; then each column's cost, length and rows
        rows, columns = numbers[:2]
        lists = list(_read_lists(numbers, 3, columns, skip=1))
    else:  # rows, columns, costs; then each row's length and columns
        rows, columns = numbers[:2]
        lists = list(_read_lists(numbers, 2 + columns, rows, skip=0))
    major = np.repeat(np.arange(len(lists)), [len(one) for one in lists])
    minor = np.concatenate(lists)
    row, column = (minor, major) if name.startswith("rail") else (major, minor)
    return sparse.csc_array((np.ones(len(row), np.int8), (row, column)), shape=(int(rows), int(columns)))


def _read_lists(numbers: np.ndarray, at: int, count: int, *, skip: int) -> Iterator[np.ndarray]:
    for _ in range(count):
        length = numbers[at]
        yield numbers[at + 1 : at + 1 + length] - 1
        at += 1 + length + skip


def read_best_known() -> dict[str, int]:
    """Best known values of all instances that are here, smallest file first."""
    best = dict(GECCO) if GENERATOR.is_file() else {}
    if SET_COVER.is_dir():
        with (SET_COVER / "best_known.csv").open(newline="", encoding="utf-8") as file:
            best |= {row["instance"]: int(row["best_known"]) for row in csv.DictReader(file)}
    return best


def is_cover(matrix: sparse.csc_array, chosen: np.ndarray) -> bool:
    """Whether the chosen columns, each once, meet every row: by sets, not by the solver's arithmetic."""
    seen: set[int] = set()
    for column in chosen.tolist():
        seen.update(matrix.indices[matrix.indptr[column] : matrix.indptr[column + 1]].tolist())
    return len(set(chosen.tolist())) == len(chosen) and len(seen) == matrix.shape[0]


def solve_instance(name: str, best_known: int, seconds: float) -> dict[str, Any]:
    """Cover one instance and check the cover."""
    matrix = read_gecco(name) if name.startswith("AC_") else read_set_cover(name)
    begin = time.perf_counter()
    answer = solve_lscp(Problem(matrix), stop=Seconds(seconds))
    took = time.perf_counter() - begin
    if not is_cover(matrix, answer.chosen):
        raise AssertionError(f"{name}: what was claimed to be a cover is none")
    print(f"{name:9} {matrix.shape[0]:6} x {matrix.shape[1]:6}: {len(answer.chosen):4} (best known {best_known}, "
          f"bound {answer.bound:g}, {answer.status}) in {took:.1f} s", flush=True)  # fmt: skip
    return {
        "ours": len(answer.chosen), "best_known": best_known, "bound": answer.bound, "gap": round(answer.gap, 4),
        "seconds": round(took, 1),
    }  # fmt: skip


def draw_town(points: int, candidates: int, *, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Distances of random points and candidates in a unit square, and the points' whole weights; all can be seen."""
    rng = np.random.default_rng(points)
    at, mounts = rng.random((points, 2)), rng.random((candidates, 2))
    distance = np.hypot(*(at[:, None, :] - mounts[None]).transpose(2, 0, 1))
    nearest = distance.argmin(axis=1)
    distance[np.arange(points), nearest] = np.minimum(distance[np.arange(points), nearest], radius)
    return distance, rng.integers(1, 100, points)


def solve_peer(model: str, distance: np.ndarray, weight: np.ndarray, radius: float, count: int, seconds: float) -> Any:
    """The same problem by spopt, which builds and solves it with PuLP and CBC."""
    import pulp
    from spopt.locate import LSCP, MCLP

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # spopt calls what PuLP is about to drop
        if model == "MCLP":
            peer = MCLP.from_cost_matrix(distance, weight, service_radius=radius, p_facilities=count)
        else:
            peer = LSCP.from_cost_matrix(distance, service_radius=radius)
        peer.problem.solve(pulp.PULP_CBC_CMD(msg=False, timeLimit=seconds))
        return pulp.value(peer.problem.objective), peer.problem.sol_status == pulp.LpSolutionOptimal


def compare_with_spopt(seconds: float) -> float | None:
    """Same matrices, same optimum; how many times faster, at the least, ours is on the large ones."""
    try:
        importlib.import_module("pulp")
        importlib.import_module("spopt.locate")
    except ImportError as error:
        print(f"spopt: skipped ({error})")
        return None
    ratios = []
    for (points, candidates), radii, count in ((SMALL, RADII_SMALL, 10), (LARGE, RADII_LARGE, 25)):
        for model, radius in radii.items():
            distance, weight = draw_town(points, candidates, radius=radius)
            problem = Problem(sparse.csc_array(distance <= radius), weight=weight)
            begin = time.perf_counter()
            theirs, proven = solve_peer(model, distance, weight, radius, count, 10 * seconds)
            peer_seconds = time.perf_counter() - begin
            begin = time.perf_counter()
            if model == "MCLP":
                answer = solve_mclp(problem, count=count, stop=Seconds(seconds))
            else:
                answer = solve_lscp(problem, stop=Seconds(seconds))
            took = time.perf_counter() - begin
            ratio = peer_seconds / took
            print(f"{model} {points} x {candidates}: ours {answer.objective:g} ({answer.status}, bound "
                  f"{answer.bound:g}) in {took:.2f} s, spopt {theirs:g} ({'optimal' if proven else 'not proven'}) in "
                  f"{peer_seconds:.2f} s, {ratio:.1f} times", flush=True)  # fmt: skip
            worse = answer.objective < theirs if model == "MCLP" else answer.objective > theirs
            if worse or (proven and answer.objective != theirs):
                raise AssertionError(f"{model} {points} x {candidates}: spopt and ours disagree")
            if (points, candidates) == LARGE:
                ratios.append(ratio)
    return round(min(ratios), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="time limit of each instance")
    parser.add_argument("--only", nargs="+", help="instances, or spopt")
    options = parser.parse_args()
    solve_lscp(Problem(sparse.csc_array(np.eye(3))))  # compiles
    solve_mclp(Problem(sparse.csc_array(np.eye(3))), count=2)
    best = read_best_known()
    if not best:
        print(f"instances: skipped (no {SHARED.name} folder beside the project)")
    wanted = options.only or [*best, "spopt"]
    instances = {name: solve_instance(name, value, options.seconds) for name, value in best.items() if name in wanted}
    ratio = compare_with_spopt(options.seconds) if "spopt" in wanted else None
    print(json.dumps({"instances": instances, "spopt_ratio": ratio}))


if __name__ == "__main__":
    main()
