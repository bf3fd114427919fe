"""Tours, orienteering and idleness on public instances, beside known values and a policy that reacts.

    python -m benchmarks.patrol_tours [--seconds 60] [--only tsp orienteering idleness]

- ``tsp``: TSPLIB files against their optimal lengths.
- ``orienteering``: OPLib files against the scores of the EA4OP solutions, read from their files and counted anew.
- ``idleness``: patrol graphs of patrolling_sim against a conscientious-reactive policy (Machado, Ramalho, Zucker and
  Drogoul, MABS 2002): at a vertex, go to the neighbour that waits longest. It is simulated with each agent's own memory
  and with one the team shares, from several starts; the best of all runs is the reference, for the worst and for the
  mean on its own. Our plan is walked edge by edge on the same clock at the same speed, and every vertex that either of
  them passes counts as visited.

Gaps tell how much worse than the reference, as a share of it; negative is better. The last line is one JSON object:
family -> instance -> ours, reference, gap, seconds.
"""

from __future__ import annotations

import argparse
import csv
import heapq
import json
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from sightgrid.patrol.tours.orienteering import plan_orienteering
from sightgrid.patrol.tours.recurrent import plan_recurrent
from sightgrid.patrol.tours.tours import measure_tour, plan_tour

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sightgrid.patrol.tours.recurrent import RecurrentPlan

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "patrol"
FAMILIES = ("tsp", "orienteering", "idleness")
UNITS = (1, 2, 4)
SPEED_M_S = 1.0
STARTS = 3
WARM_ROUNDS, ROUNDS = 10, 40  # in times of a round of one unit: not measured, measured
Visit = tuple[float, int]  # time in s, vertex


def read_sections(path: Path) -> tuple[dict[str, str], dict[str, list[list[str]]]]:
    """Header and sections of a TSPLIB or OPLib file."""
    header: dict[str, str] = {}
    sections: dict[str, list[list[str]]] = {}
    current = None
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if not words or words[0] in {"EOF", "-1"}:
            current = None
        elif words[0].endswith("_SECTION"):
            current = sections.setdefault(words[0].removesuffix("_SECTION"), [])
        elif current is not None:
            current.append(words)
        else:
            name, _, value = line.partition(":")
            header[name.strip()] = value.strip()
    return header, sections


def measure_plane(rows: list[list[str]]) -> np.ndarray:
    """Distances of TSPLIB's EUC_2D: straight lines, rounded to whole numbers."""
    xy = np.array([[float(x), float(y)] for _, x, y in rows])
    return np.floor(np.hypot(*(xy[:, None] - xy).transpose(2, 0, 1)) + 0.5)


def read_tsp(name: str) -> np.ndarray:
    return measure_plane(read_sections(DATA / "tsp" / f"{name}.tsp")[1]["NODE_COORD"])


def read_orienteering(name: str) -> tuple[np.ndarray, np.ndarray, float, int]:
    """Distances, scores, limit and depot."""
    header, sections = read_sections(DATA / "orienteering" / f"{name}.oplib")
    scores = np.array([float(score) for _, score in sections["NODE_SCORE"]])
    depot = int(sections["DEPOT"][0][0]) - 1
    return measure_plane(sections["NODE_COORD"]), scores, float(header["COST_LIMIT"]), depot


def read_solution(name: str) -> tuple[list[int], float, float]:
    """Nodes in order, and the score and cost that the file claims."""
    header, sections = read_sections(DATA / "orienteering" / f"{name}.sol")
    nodes = [int(words[0]) - 1 for words in sections["NODE_SEQUENCE"]]
    return nodes, float(header["ROUTE_SCORE"]), float(header["ROUTE_COST"])


def read_graph(name: str) -> nx.DiGraph:
    """A patrol graph with ``seconds`` on its edges, at walking speed.

    The file holds the number of vertices, width, height, resolution and offset, then for each vertex its number, x, y,
    number of neighbours, and for each neighbour its number, the compass direction and the length in cells.
    """
    words = iter((DATA / "graphs" / f"{name}.graph").read_text(encoding="utf-8").split())
    count, _, _, resolution_m, _, _ = (float(next(words)) for _ in range(6))
    graph = nx.DiGraph()
    for _ in range(int(count)):
        vertex, _, _, degree = (int(next(words)) for _ in range(4))
        graph.add_node(vertex)
        for _ in range(degree):
            neighbour, _, cells = int(next(words)), next(words), float(next(words))
            graph.add_edge(vertex, neighbour, seconds=cells * resolution_m / SPEED_M_S)
    return graph


def react(graph: nx.DiGraph, agents: int, end_s: float, *, shared: bool, seed: int) -> list[Visit]:
    """Visits of agents that always go to the neighbour that, as they know it, waits longest; ties are drawn."""
    rng = np.random.default_rng(seed)
    memories = [np.zeros(len(graph)) for _ in range(1 if shared else agents)]
    near = {v: [(w, graph[v][w]["seconds"]) for w in graph[v]] for v in graph}
    queue = [(0.0, agent, int(v)) for agent, v in enumerate(rng.choice(len(graph), agents, replace=False))]
    visits = []
    while queue:
        now, agent, at = heapq.heappop(queue)
        visits.append((now, at))
        memory = memories[0 if shared else agent]
        memory[at] = now
        oldest = min(memory[w] for w, _ in near[at])
        choices = [(w, seconds) for w, seconds in near[at] if memory[w] == oldest]
        goal, seconds = choices[int(rng.integers(len(choices)))]
        if now + seconds <= end_s:
            heapq.heappush(queue, (now + seconds, agent, goal))
    return visits


def walk_plan(graph: nx.DiGraph, plan: RecurrentPlan, end_s: float) -> list[Visit]:
    """Visits of the plan's units, walked edge by edge along shortest ways."""
    visits = []
    for cycle in plan.cycles:
        stops = cycle.stops.tolist()
        way = [stops[0]]
        for u, v in pairwise([*stops, stops[0]]):
            way += nx.dijkstra_path(graph, u, v, weight="seconds")[1:]
        steps = [graph[u][v]["seconds"] for u, v in pairwise(way)]
        offsets = np.concatenate([[0.0], np.cumsum(steps)])
        round_s = float(offsets[-1])
        if round_s == 0.0:  # a unit that stays
            visits += [(float(now), stops[0]) for now in np.arange(0.0, end_s)]
            continue
        for follower in range(cycle.units):
            begin_s = (follower / cycle.units - 1.0) * round_s
            while begin_s <= end_s:
                arrivals = zip(begin_s + offsets[:-1], way[:-1], strict=True)
                visits += [(float(now), v) for now, v in arrivals if 0.0 <= now <= end_s]
                begin_s += round_s
    return visits


def score_visits(visits: list[Visit], vertices: int, begin_s: float, end_s: float) -> tuple[float, float]:
    """Worst and mean idleness from begin to end: a clock that goes from visit to visit."""
    last, area, worst = np.zeros(vertices), 0.0, 0.0
    ends = [(end_s, v) for v in range(vertices)]
    for now, v in [*sorted(visits), *ends]:
        if now > begin_s:
            from_s = max(begin_s, last[v])
            area += ((now - last[v]) ** 2 - (from_s - last[v]) ** 2) / 2.0
            worst = max(worst, now - last[v])
        last[v] = now
    return worst, area / (vertices * (end_s - begin_s))


def tell_gap(ours: float, reference: float) -> float:
    """How much more than the reference, as a share of it; sums of times differ in the last digits."""
    return round(ours / reference - 1.0, 9) + 0.0


def solve_tsp(seconds: float) -> Iterator[tuple[str, Callable[[], dict]]]:
    with (DATA / "tsp" / "optima.csv").open(encoding="utf-8") as file:
        optima = {row["instance"]: float(row["optimum"]) for row in csv.DictReader(file)}

    def solve(name: str) -> dict:
        distance = read_tsp(name)
        order = plan_tour(distance, stop_s=seconds)
        if sorted(order.tolist()) != list(range(len(distance))):
            raise AssertionError(f"{name}: not a tour of all nodes")
        ours = measure_tour(order, distance)
        return {"ours": ours, "reference": optima[name], "gap": tell_gap(ours, optima[name])}

    for name in optima:
        yield name, lambda name=name: solve(name)


def solve_orienteering(seconds: float) -> Iterator[tuple[str, Callable[[], dict]]]:
    def solve(name: str) -> dict:
        distance, scores, limit, depot = read_orienteering(name)
        nodes, score, _ = read_solution(name)
        if scores[nodes].sum() != score or measure_tour(nodes, distance) > limit:
            raise AssertionError(f"{name}: the reference is not what its file claims")
        route = plan_orienteering(scores, distance, limit_s=limit, start=depot, stop_s=seconds).routes[0][:-1]
        if len(set(route.tolist())) != len(route) or measure_tour(route, distance) > limit or route[0] != depot:
            raise AssertionError(f"{name}: a node twice, or over the limit")
        ours = float(scores[route].sum())
        return {"ours": ours, "reference": score, "gap": 0.0 - tell_gap(ours, score)}

    for path in sorted((DATA / "orienteering").glob("*.oplib")):
        yield path.stem, lambda name=path.stem: solve(name)


def solve_idleness(_seconds: float) -> Iterator[tuple[str, Callable[[], dict]]]:
    def solve(name: str, units: int) -> dict:
        graph = read_graph(name)
        n = len(graph)
        matrix = np.asarray(nx.floyd_warshall_numpy(graph, nodelist=range(n), weight="seconds"))
        plan = plan_recurrent(matrix, units=units)
        round_s = plan.strategies[1] * units
        begin_s, end_s = WARM_ROUNDS * round_s, (WARM_ROUNDS + ROUNDS) * round_s
        worst, mean = score_visits(walk_plan(graph, plan, end_s), n, begin_s, end_s)
        rivals = [
            score_visits(react(graph, units, end_s, shared=shared, seed=seed), n, begin_s, end_s)
            for shared in (False, True)
            for seed in range(STARTS)
        ]
        their_worst, their_mean = (min(figures) for figures in zip(*rivals, strict=True))
        return {
            "ours": worst, "reference": their_worst, "gap": tell_gap(worst, their_worst),
            "ours_mean": mean, "reference_mean": their_mean, "gap_mean": tell_gap(mean, their_mean),
            "promised": plan.worst_s, "regions": len(plan.cycles),
        }  # fmt: skip

    for path in sorted((DATA / "graphs").glob("*.graph")):
        for units in UNITS:
            yield f"{path.stem} k={units}", lambda name=path.stem, units=units: solve(name, units)


SOLVERS = {"tsp": solve_tsp, "orienteering": solve_orienteering, "idleness": solve_idleness}
FOLDERS = {"tsp": "tsp", "orienteering": "orienteering", "idleness": "graphs"}


def run(*, seconds: float, only: tuple[str, ...] = FAMILIES) -> dict[str, dict[str, dict]]:
    """Solve all instances, each within so many seconds; family -> instance -> figures."""
    found: dict[str, dict[str, dict]] = {}
    place = np.arange(20.0)
    plan_recurrent(np.abs(place[:, None] - place), units=2, rounds=8)  # compiles
    plan_orienteering(place, np.abs(place[:, None] - place), limit_s=9.0, rounds=2)
    for family in only:
        if not (DATA / FOLDERS[family]).is_dir():
            print(f"{family}: skipped (no {FOLDERS[family]} in {DATA.parent.parent.name} beside the project)")
            continue
        found[family] = {}
        for name, solve in SOLVERS[family](seconds):
            begin = time.perf_counter()
            row = solve() | {"seconds": round(time.perf_counter() - begin, 2)}
            found[family][name] = row
            print(f"{family} {name}: " + ", ".join(f"{key} {value:.6g}" for key, value in row.items()), flush=True)
        gaps = [row["gap"] for row in found[family].values()]
        print(f"{family}: mean gap {np.mean(gaps):.3%}, largest {max(gaps):.3%}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="time limit of each instance")
    parser.add_argument("--only", nargs="+", default=FAMILIES, choices=FAMILIES, help="families")
    options = parser.parse_args()
    print(json.dumps(run(seconds=options.seconds, only=tuple(options.only))))


if __name__ == "__main__":
    main()
