"""The health checks on two real clips, distorted: recall, delay, false alarms per camera-hour, and what a probe costs.

    python -m benchmarks.health_checks [--hours 5] [--clip entrance] [--episodes 6]

Every second of video is a probe of 1.5 s. The baseline is learnt from the first half of a clip; each of the twelve
conditions begins at several moments of the second half, in three strengths. The thresholds were set on the car park;
the figures that count are those of the entrance. False alarms are counted on hours made of the whole clip, over and
over, with a probe every three seconds: three cameras, each encoded anew at a bitrate of its own (H.264), with a slow
change of brightness, some noise, and, in every second pass, a large textured thing that passes close by the lens within
four seconds.
The last line printed is one JSON object.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from benchmarks.health_distortions import BITRATES, DISTORTIONS, draw_noise, draw_thing, encode, read_clip, vary
from sightgrid.health.baselines import Baseline
from sightgrid.health.checks import measure_frames
from sightgrid.health.conditions import CONDITIONS, tell_lighting
from sightgrid.health.hysteresis import Hysteresis
from sightgrid.health.rules import judge
from sightgrid.health.view import describe_view

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.health_distortions import Clip

CLIPS = Path(__file__).parents[2] / "shared" / "data" / "clips"
TUNED_ON, REPORTED_ON = "car_park", "entrance"
WINDOW_S, STRIDE_S, FOLLOW_S = 1.5, 1.0, 8.0
IN_TIME_S = 5.0
STRENGTHS = ("weak", "middle", "strong")


class Camera:
    """What the monitor does for one camera, without the network: measure, judge, settle, learn."""

    def __init__(self) -> None:
        self.baseline, self.memory = Baseline(), Hysteresis()

    def probe(self, frames: list[np.ndarray], times_s: list[float]) -> tuple[set[str], str]:
        """Take in a probe; the conditions that stand after it and the reason."""
        measures = measure_frames(frames, times_s, reference=self.baseline.reference())
        lighting = tell_lighting(measures["saturation"], measures["mean_level"])
        raw = judge(measures, baseline=self.baseline.medians(lighting), last=self.baseline.last, lighting=lighting)
        settled = self.memory.settle(raw)
        healthy = not raw.findings and not settled.findings
        wanted = healthy and self.baseline.needs_view(lighting)
        view = describe_view(frames[len(frames) // 2]) if wanted else None
        self.baseline.update(measures, lighting=lighting, healthy=healthy, view=view)
        return {finding.condition for finding in settled.findings}, settled.reason


def cut_probes(clip: Clip, begin_s: float, end_s: float) -> Iterator[tuple[list[np.ndarray], list[float], float]]:
    """The pictures, times and end of each probe."""
    frames, times = clip
    at = np.asarray(times)
    for start in np.arange(begin_s, end_s - WINDOW_S + 1e-9, STRIDE_S):
        inside = np.flatnonzero((at >= start - 1e-9) & (at < start + WINDOW_S - 1e-9))
        if len(inside) > 1:
            yield [frames[i] for i in inside], [times[i] for i in inside], float(start + WINDOW_S)


def run_episodes(clip: Clip, episodes: int) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Let each condition begin in the second half; what was seen, how late, and what was said of the clean clip."""
    frames, times = clip
    middle, end = times[-1] / 2.0, times[-1] + times[1]
    camera, clean_alarms = Camera(), []
    onsets = np.linspace(middle, end - FOLLOW_S, episodes)
    states, waiting = [], list(onsets)
    for window, at, ends in cut_probes(clip, 0.0, end):
        while waiting and ends > waiting[0]:
            states.append((waiting.pop(0), copy.deepcopy(camera), ends - WINDOW_S))
        standing, reason = camera.probe(window, at)
        if standing:
            clean_alarms.append(f"{ends:.1f} s: {reason}")
    found: dict[str, dict[str, Any]] = {}
    for number, (name, distort) in enumerate(DISTORTIONS.items()):
        rows: dict[str, Any] = {}
        for strength, label in enumerate(STRENGTHS):
            delays, first, others = [], 0, defaultdict(int)
            for episode, (onset, state, start) in enumerate(states):
                rng = np.random.default_rng([number, strength, episode])
                split = int(np.searchsorted(times, onset - 1e-9))
                last = int(np.searchsorted(times, onset + FOLLOW_S - 1e-9))
                after = distort((frames[split:last], times[split:last]), strength, rng)
                mixed = (frames[:split] + after[0], times[:split] + after[1])
                delay, leading, wrong = _watch(copy.deepcopy(state), mixed, start, onset, name)
                delays.append(delay)
                first += leading
                for other in wrong:
                    others[other] += 1
            in_time = [delay for delay in delays if delay <= IN_TIME_S]
            rows[label] = {
                "recall": round(len(in_time) / len(delays), 3), "named_first": round(first / len(delays), 3),
                "delay_s": round(max(in_time), 1) if in_time else None, "also_named": dict(others),
            }  # fmt: skip
        found[name] = rows
        recalls = "  ".join(f"{label} {row['recall']:.2f} ({row['delay_s']} s)" for label, row in rows.items())
        middle_row = rows["middle"]
        more = f"named first {middle_row['named_first']:.2f}, also {middle_row['also_named']}"
        print(f"  {name:13}{recalls}   {more}", flush=True)
    return found, clean_alarms


def _watch(camera: Camera, clip: Clip, start: float, onset: float, name: str) -> tuple[float, bool, set[str]]:
    """How late a condition stands, whether it stands first at the end, and what else was ever named."""
    delay, others, standing = np.inf, set(), set()
    for window, at, ends in cut_probes(clip, start, onset + FOLLOW_S):
        standing, _ = camera.probe(window, at)
        if name in standing:
            delay = min(delay, ends - onset)
        others |= standing - {name}
    first = min(standing, key=lambda held: CONDITIONS[held].priority, default="")
    return delay, first == name, others


def count_false_alarms(clip: Clip, hours: float, *, stride_s: float) -> dict[str, Any]:
    """Alarms on healthy pictures: three cameras, one for each bitrate, that watch the clip over and over."""
    frames, times = clip
    height, width = frames[0].shape[:2]
    length = times[-1] + times[1]
    passes = max(1, round(hours * 3600.0 / length / len(BITRATES)))
    alarms: list[str] = []
    probes = 0
    for bitrate in BITRATES:
        coded, _ = encode(clip, bitrate)
        rng = np.random.default_rng(bitrate)
        fields = [draw_noise(rng, (height, width, 3)) for _ in range(7)]
        camera, before = Camera(), set()
        for number in range(passes):
            offset = number * length
            thing = draw_thing(height, width, rng) if number % 2 else None
            enters = float(rng.uniform(10.0, length - 10.0))
            for start in np.arange(0.0, length - WINDOW_S, stride_s):
                first, last = (int(np.searchsorted(times, t - 1e-9)) for t in (start, start + WINDOW_S))
                window = []
                for i in range(first, last):
                    gain = 1.0 + 0.2 * np.sin(2.0 * np.pi * (offset + times[i]) / 1700.0)  # as clouds and hours do
                    at = (times[i] - enters) / 4.0
                    here = thing if 0.0 <= at <= 1.0 else None
                    window.append(vary(coded[i], gain=gain, noise=fields[int(rng.integers(7))], thing=here, at=at))
                standing, reason = camera.probe(window, [offset + t for t in times[first:last]])
                probes += 1
                alarms += (
                    [f"{bitrate // 1000} kbit/s, pass {number}, {start:.0f} s: {reason}"] if standing - before else []
                )
                before = standing
        del coded
    watched = passes * len(BITRATES) * length / 3600.0
    for line in alarms:
        print("  false alarm:", line, flush=True)
    return {
        "camera_hours": round(watched, 2), "probes": probes, "stride_s": stride_s, "false_alarms": len(alarms),
        "per_camera_hour": round(len(alarms) / watched, 3), "reasons": alarms[:10],
    }  # fmt: skip


def time_probe(clip: Clip, *, frames: int = 10, repeats: int = 15) -> dict[str, float]:
    """CPU milliseconds of `measure_frames` on pictures of 1920 x 1080, one thread, with a reference view."""
    from sightgrid.health.view import Reference

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    large = [cv2.resize(frame, (1920, 1080), interpolation=cv2.INTER_CUBIC) for frame in clip[0][:frames]]
    reference = Reference({"day": describe_view(large[0])})
    took = []
    for _ in range(repeats):
        begin = time.process_time()
        measure_frames(large, clip[1][:frames], reference=reference)
        took.append(1e3 * (time.process_time() - begin))
    cv2.setNumThreads(threads)
    return {"frames": frames, "cpu_ms": round(float(np.median(took)), 1), "cpu_ms_least": round(min(took), 1)}


def run(*, clips: tuple[str, ...] = (TUNED_ON, REPORTED_ON), hours: float = 5.0, episodes: int = 6) -> dict[str, Any]:
    """Run everything; an empty answer where the clips are absent."""
    result: dict[str, Any] = {"tuned_on": TUNED_ON, "reported_on": REPORTED_ON}
    if not CLIPS.is_dir():
        print("the clips are not on this machine")
        return result
    for name in clips:
        clip = read_clip(next(CLIPS.glob(f"{name}_*.mp4")))
        role = "thresholds were set on this clip" if name == TUNED_ON else "not used to set thresholds"
        print(f"{name}: {clip[1][-1]:.0f} s, {role}", flush=True)
        conditions, clean = run_episodes(clip, episodes)
        false_alarms = count_false_alarms(clip, hours if name == REPORTED_ON else min(hours, 0.3), stride_s=3.0)
        worst = [k for k, v in conditions.items() if v["middle"]["recall"] < 0.85]
        result[name] = {
            "episodes_each": episodes, "recall_middle_least": min(v["middle"]["recall"] for v in conditions.values()),
            "below_target": worst,
            "delay_s_middle_most": max(v["middle"]["delay_s"] or 0.0 for v in conditions.values()),
            "alarms_on_the_untouched_clip": clean, "healthy": false_alarms, "conditions": conditions,
        }  # fmt: skip
        print(f"  healthy: {false_alarms}", flush=True)
        result["probe_1080p"] = time_probe(clip)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=5.0)
    parser.add_argument("--episodes", type=int, default=6)
    parser.add_argument("--clip", choices=(TUNED_ON, REPORTED_ON), action="append")
    given = parser.parse_args()
    clips = tuple(given.clip) if given.clip else (TUNED_ON, REPORTED_ON)
    print(json.dumps(run(clips=clips, hours=given.hours, episodes=given.episodes)))


if __name__ == "__main__":
    main()
