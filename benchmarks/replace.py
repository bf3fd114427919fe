"""How long it takes to turn one camera: its view, the cells, streets and places it touches.

    python -m benchmarks.replace [--cameras 60]

The cameras of the bundled Helsinki are turned one after the other. The last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

import sightgrid as sg
from sightgrid import coverage


def main() -> None:
    """Turn cameras and time it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=60)
    options = parser.parse_args()
    site = sg.open_site("helsinki")
    seen = coverage.measure(site)
    rows = np.linspace(0, len(site.cameras) - 1, options.cameras).astype(int)
    seen.replace(site.cameras.iloc[[0]])
    milliseconds = []
    for row in rows:
        camera = site.cameras.iloc[[row]].assign(azimuth_deg=30.0)
        begin = time.perf_counter()
        seen.replace(camera)
        milliseconds.append(1000.0 * (time.perf_counter() - begin))
    median, most = np.percentile(milliseconds, [50, 95])
    print(json.dumps({"cameras": len(rows), "median_ms": round(float(median), 1), "p95_ms": round(float(most), 1)}))


if __name__ == "__main__":
    main()
