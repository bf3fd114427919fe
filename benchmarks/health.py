"""Camera health: what the checks find and miss, how fast a city is probed, and what ten thousand probes leave behind.

    python -m benchmarks.health [--only checks|speed|growth ...] [--cameras 300] [--workers 12] [--growth 10000]

Speed: a real RTSP server (GStreamer) on this machine sends 1920 x 1080 H.264, the first pictures at once; 3 % of the
cameras are dead (every other one refuses, the others accept and never answer); the whole monitor is at work, with its
history on disk. A camera that paces its pictures keeps a worker waiting longer, not busier. The server shares the cores
with the workers, and so does whatever else runs: CPU time is told beside the wall time.
Growth: memory, processes and handles of monitor and workers while it probes files, sound and broken, over and over.
The last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd

from sightgrid.health.monitoring import Timing, monitor
from sightgrid.health.records import Notebook
from sightgrid.health.sources import read_sources
from sightgrid.store.history import open_history
from tests.stream_servers import HAS_SERVER, HERE, RtspServer, children, listener, make_clip, picture, refusing_port

CLIPS = Path(__file__).parents[2] / "shared" / "data" / "clips"
DEAD_SHARE = 0.03
REPLY_S = 3.0
SAMPLES = 20
MB = 1e6


def make_hd_clip(path: Path, *, seconds: float = 12.0) -> Path:
    """Write a clip of 1920 x 1080 pictures in H.264: a real one scaled up where there is one, else a made-up one."""
    import av

    source = next(iter(sorted(CLIPS.glob("entrance_*.mp4"))), None) if CLIPS.is_dir() else None
    if source is None:
        return make_clip(path, "libx264", width=1920, height=1080, pictures=int(25 * seconds))
    with av.open(str(source)) as given, av.open(str(path), "w") as made:
        old = given.streams.video[0]
        rate = 25  # faster than it was taken: what most cameras send
        new = made.add_stream("libx264", rate=rate, options={"preset": "veryfast", "bf": "0"})
        new.width, new.height, new.pix_fmt, new.gop_size = 1920, 1080, "yuv420p", rate
        for place, frame in enumerate(given.decode(old)):
            if place >= rate * seconds:
                break
            scaled = frame.reformat(1920, 1080, "yuv420p")
            scaled.pts = None
            made.mux(new.encode(scaled))
        made.mux(new.encode())
    return path


def count_cpu_s() -> float:
    """CPU seconds of this process and of the workers that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def measure_start(workers: int) -> float:
    """CPU seconds that starting so many workers takes."""
    urls = pd.DataFrame({"stream_url": ["/no/such/clip.mp4"] * workers}, index=[f"s{n}" for n in range(workers)])
    before = count_cpu_s()
    list(monitor(read_sources(urls), Notebook(), workers=workers, timing=Timing(confirm_s=0.0)))
    return count_cpu_s() - before


def measure_speed(cameras: int, workers: int) -> dict[str, Any]:
    """Probe every camera of a made-up city once."""
    if not HAS_SERVER:
        print("speed: no RTSP server on this machine: run tests/install-rtsp-server")
        return {}
    start_s = measure_start(workers)
    dead = round(DEAD_SHARE * cameras)
    with (
        tempfile.TemporaryDirectory() as folder,
        refusing_port() as closed,
        listener() as hole,
        RtspServer(f"hd={make_hd_clip(Path(folder) / 'hd.mp4')}") as server,
    ):
        urls = [server.url("hd")] * (cameras - dead)
        urls += [f"rtsp://{HERE}:{hole if n % 2 else closed}/live" for n in range(dead)]
        ids = pd.Index([f"cam-{n:05d}" for n in range(cameras)], name="camera_id")
        sources = read_sources(pd.DataFrame({"stream_url": urls}, index=ids))
        with open_history(Path(folder) / "history.sqlite") as history:
            cpu, began = count_cpu_s(), time.perf_counter()
            watch = monitor(sources, history, workers=workers, timing=Timing(per_host=workers), reply_s=REPLY_S)
            records = list(watch)
            wall_s, cpu_s = time.perf_counter() - began, count_cpu_s() - cpu
    cores = len(os.sched_getaffinity(0))
    last = {record.camera_id: record.status for record in records}
    silent = [record.seconds for record in records if "did not answer" in record.reason]
    return {
        "cameras": cameras, "dead": dead, "workers": workers, "cores": cores, "probes": len(records),
        "told_offline": sum(status == "offline" for status in last.values()),
        "told_ok": sum(status == "ok" for status in last.values()),
        "wall_s": round(wall_s, 2), "probes_per_s": round(len(records) / wall_s, 2),
        "probes_per_s_per_core": round(len(records) / wall_s / cores, 2),
        "cpu_ms_per_probe": round(1e3 * cpu_s / len(records), 1),
        "cpu_ms_per_probe_without_start": round(1e3 * (cpu_s - start_s) / len(records), 1),
        "probes_per_cpu_s": round(len(records) / (cpu_s - start_s), 2),
        "start_cpu_s_per_worker": round(start_s / workers, 2),
        "slowest_probe_s": round(max(record.seconds for record in records), 2),
        "overrun_s": round(max(silent) - REPLY_S, 3) if silent else None,
    }  # fmt: skip


def look_at_processes() -> dict[str, float]:
    """Memory and handles of this process and of its workers."""
    own, workers = _status(os.getpid()), [_status(pid) for pid in sorted(children())]
    return {
        "own_mb": own[0], "own_handles": own[1], "workers": len(workers),
        "worker_mb": max((mb for mb, _ in workers), default=0.0),
        "worker_handles": max((handles for _, handles in workers), default=0),
    }  # fmt: skip


def _status(pid: int) -> tuple[float, int]:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
        return round(pages * resource.getpagesize() / MB, 1), len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:  # it has just been replaced
        return 0.0, 0


def measure_growth(probes: int, workers: int = 2, cameras: int = 200) -> dict[str, Any]:
    """Probe files, one in ten of them broken, until there were so many probes."""
    import cv2

    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.avi"
        writer = cv2.VideoWriter(str(clip), cv2.VideoWriter_fourcc(*"MJPG"), 25, (320, 240))
        for shift in range(10):
            writer.write(picture(shift=3 * shift))
        writer.release()
        broken = Path(folder) / "broken.avi"
        broken.write_bytes(clip.read_bytes()[:3000])
        ids = pd.Index([f"cam-{n:05d}" for n in range(cameras)], name="camera_id")
        urls = [str(broken if n % 10 == 9 else clip) for n in range(cameras)]
        sources = read_sources(pd.DataFrame({"stream_url": urls}, index=ids))
        seen: list[dict[str, float]] = []
        began = time.perf_counter()
        with open_history(Path(folder) / "history.sqlite") as history:
            timing = Timing(every_s=1.0, sweep_s=1e9)  # more than can be done: everyone is due all the time
            with closing(monitor(sources, history, timing=timing, workers=workers)) as records:
                for count, _ in enumerate(records, start=1):
                    if count % max(probes // SAMPLES, 1) == 0:
                        seen.append({"probes": count, **look_at_processes()})
                        print("  ", seen[-1], flush=True)
                    if count >= probes:
                        break
        left = len(children())
    warm, last = seen[len(seen) // 4], seen[-1]
    return {
        "probes": probes, "wall_s": round(time.perf_counter() - began, 1), "after_a_quarter": warm, "at_the_end": last,
        "own_growth_mb": round(last["own_mb"] - warm["own_mb"], 1), "processes_left": left,
        **{f"most_{name}": max(each[name] for each in seen) for name in ("workers", "worker_mb", "worker_handles")},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("checks", "speed", "growth"), action="append")
    parser.add_argument("--cameras", type=int, default=300)
    parser.add_argument("--workers", type=int, default=12)
    parser.add_argument("--growth", type=int, default=10_000, metavar="PROBES")
    given = parser.parse_args()
    parts = given.only or ("checks", "speed", "growth")
    result: dict[str, Any] = {}
    if "speed" in parts:
        result["speed"] = measure_speed(given.cameras, given.workers)
        print("speed:", result["speed"], flush=True)
    if "growth" in parts:
        result["growth"] = measure_growth(given.growth)
        print("growth:", result["growth"], flush=True)
    if "checks" in parts:
        from benchmarks import health_checks

        result["checks"] = health_checks.run()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
