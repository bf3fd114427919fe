"""All benchmarks of patrols: arc routing and street coverage, tours, orienteering, idleness.

    python -m benchmarks.patrol [--seconds 30]

The last line printed is one JSON object: family -> instance -> ours, reference, gap, seconds.
"""

from __future__ import annotations

import argparse
import json

from benchmarks import patrol_arcs, patrol_tours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="time limit of each instance")
    seconds = parser.parse_args().seconds
    print(json.dumps({**patrol_arcs.run(seconds=seconds), **patrol_tours.run(seconds=seconds)}))


if __name__ == "__main__":
    main()
