"""Arc routing on public instances: capacitated (gdb, val, egl) and min-max k windy rural postman (MM-kWRPP).

    python -m benchmarks.patrol_arcs [--seconds 30] [--only NAME ...]

Names are those of instances (gdb1, val10D, egl-s4-C, P202100-k4) or families. Every plan is laid out as walks on the
graph of the file and checked apart from the solver. The last line printed is one JSON object:
family -> instance -> ours, reference, gap, seconds; null where there is no value to compare with.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import networkx as nx

from sightgrid.patrol.arcs import build_problem, check_walks, cost_walk, lay_walks, solve_arcs

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED = Path(__file__).parents[2] / "shared"
DATA = SHARED / "data"
REFERENCE = DATA / "patrol" / "reference.csv"
FAMILIES = ("gdb", "val", "egl", "MM-kWRPP")
# The small ones of the first family are solved long before the time is up.
SHARE = {"gdb": 0.1, "val": 0.5, "egl": 1.0, "MM-kWRPP": 0.5}
_EDGE = re.compile(r"\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)\s*coste\s+(\S+)(?:\s+demanda\s+(\S+)|\s+(\d\S*))?\s*$")


class Instance(NamedTuple):
    """A file of the collections: its graph, required streets, depot, capacity, and what the header counts."""

    graph: nx.MultiDiGraph[int]
    required: list[tuple[int, int, int]]
    depot: int
    capacity: float


def read_instance(path: Path) -> Instance:
    """Read a file of either collection: edges with one cost and a demand, or with a cost each way.

    The windy files name no depot: it is node 1, as in the papers.
    """
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    required: list[tuple[int, int, int]] = []
    header: dict[str, str] = {}
    listed = {"LISTA_ARISTAS_REQ": 0, "LISTA_ARISTAS_NOREQ": 0}
    section = ""
    for number, line in enumerate(path.read_text("ascii").splitlines(), 1):
        match = _EDGE.match(line)
        if match and section:
            u, v = int(match[1]), int(match[2])
            key = graph.number_of_edges(u, v)
            forth = float(match[3])
            back = float(match[5] or match[3])
            both = {"street": (u, v, key), "demand": float(match[4] or 0.0)}
            graph.add_edge(u, v, key, **both, reversed=False, cost=forth)
            graph.add_edge(v, u, key, **both, reversed=True, cost=back)
            listed[section] += 1
            if section == "LISTA_ARISTAS_REQ":
                required.append((u, v, key))
        elif ":" in line:
            name, value = (part.strip() for part in line.split(":", 1))
            section = name if name in listed else section
            header[name] = value
        elif line.strip():
            raise ValueError(f"{path.name}, line {number}: is neither an edge nor a header")
    counts = int(header["ARISTAS_REQ"]), int(header["ARISTAS_NOREQ"])
    if counts != tuple(listed.values()) or int(header["VERTICES"]) != len(graph):
        raise ValueError(f"{path.name}: the header counts other edges or vertices than the file has")
    return Instance(graph, required, int(header.get("DEPOSITO", 1)), float(header.get("CAPACIDAD", math.inf)))


def list_instances() -> Iterator[tuple[str, str, Path, int | None, float | None]]:
    """Family, name, file, number of routes and reference of all instances that are here."""
    with REFERENCE.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["family"] in {"CARP", "MM-kWRPP"}]
    known = {row["instance"]: float(row["reference"]) for row in rows if row["family"] == "CARP"}
    files = (DATA / "patrol" / "carp").glob("*.dat")
    named = [(f"val{path.stem}" if path.stem[0].isdigit() else path.stem, path) for path in files]
    for name, path in sorted(named, key=lambda one: (FAMILIES.index(one[0][:3]), _natural(one[0]))):
        yield name[:3], name, path, None, known.get(name)
    for row in rows:
        if row["family"] == "MM-kWRPP":
            routes = int(row["k"])
            yield "MM-kWRPP", f"{row['instance']}-k{routes}", DATA / row["file"], routes, float(row["reference"])


def solve_instance(path: Path, routes: int | None, *, seconds: float, rounds: int | None = None) -> float:
    """Solve one instance, check its walks, and return their cost: the sum, or the longest."""
    instance = read_instance(path)
    graph, required, depot, capacity = instance
    problem = build_problem(
        graph, required, depot=depot, weight="cost", demand="demand", capacity=capacity, routes=routes
    )
    solution = solve_arcs(problem, seconds=seconds, rounds=rounds)
    walks = lay_walks(graph, problem, solution, weight="cost")
    faults = check_walks(graph, required, walks, depot=depot, demand="demand", capacity=capacity)
    costs = [cost_walk(graph, walk, weight="cost") for walk in walks]
    value, claimed = (sum(costs), solution.total) if routes is None else (max(costs), solution.longest)
    if faults or not math.isclose(value, claimed) or (routes is not None and len(walks) > routes):
        raise AssertionError(f"{path.name}: {'; '.join(faults) or f'claims a cost of {claimed}, drives {value}'}")
    return value


def run(*, seconds: float, only: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    """Solve all instances, or some of them, each for so many seconds at most (a tenth of them for gdb, half for val).

    Returns
    -------
    dict
        Family -> instance -> ours, reference, gap, seconds.
    """
    found: dict[str, dict[str, Any]] = {}
    if not REFERENCE.is_file():
        print(f"arc routing: skipped (no {SHARED.name} folder beside the project)")
        return found
    compiled = False
    for family, name, path, routes, reference in list_instances():
        if only and not {family, name} & set(only):
            continue
        if not compiled:
            solve_instance(path, routes, seconds=60.0, rounds=10)
            compiled = True
        begin = time.perf_counter()
        ours = solve_instance(path, routes, seconds=seconds * SHARE[family])
        took = time.perf_counter() - begin
        gap = None if reference is None else round(ours / reference - 1.0, 5)
        found.setdefault(family, {})[name] = {
            "ours": ours, "reference": reference, "gap": gap, "seconds": round(took, 2),
        }  # fmt: skip
        known = "no reference" if gap is None else f"reference {reference:g}, gap {gap:+.2%}"
        print(f"{name:11} {ours:8g} ({known}) in {took:.1f} s", flush=True)
    for family, instances in found.items():
        gaps = [one["gap"] for one in instances.values() if one["gap"] is not None]
        if gaps:
            mean = sum(gaps) / len(gaps)
            print(f"{family}: mean gap {mean:+.2%} over {len(gaps)} references, worst {max(gaps):+.2%}")
    return found


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part or 0), text) for part, text in re.findall(r"(\d*)(\D*)", name)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="time limit of the largest instances")
    parser.add_argument("--only", nargs="+", default=(), help="instances or families")
    options = parser.parse_args()
    print(json.dumps(run(seconds=options.seconds, only=tuple(options.only))))


if __name__ == "__main__":
    main()
