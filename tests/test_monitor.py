"""The monitor: who is looked at when, what has to be seen twice, and what a restart remembers."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightgrid.errors import UnitRangeError
from sightgrid.health import monitoring
from sightgrid.health.monitoring import DEEP_FRAMES, Timing, monitor
from sightgrid.health.probes import Probe
from sightgrid.health.records import Notebook, frame_records
from sightgrid.health.schedule import Schedule, Task, next_slot, patience, spread
from sightgrid.health.sources import read_sources

HEALTHY = {"mean_level": 100.0, "peak_level": 250.0, "saturation": 20.0, "frames": 8.0, "changed_share": 0.3}
BLACK = {**HEALTHY, "mean_level": 3.0, "peak_level": 9.0}
START_S = 1_700_000_000.0


def sources(count=3, host="cam-{}.example"):
    urls = {f"c{n}": f"rtsp://{host.format(n)}/live" for n in range(count)}
    return read_sources(pd.DataFrame({"stream_url": urls.values()}, index=pd.Index(urls, name="camera_id")))


class Town:
    """Stands in for the worker processes: a clock, and cameras that do as they are told."""

    def __init__(self, monkeypatch, *, take_s=0.2):
        self.now, self.take_s = START_S, take_s
        self.answers = lambda *_: {"measures": dict(HEALTHY)}
        self.jobs: list[tuple[float, str, str, int]] = []
        self.most_of_a_host: Counter[str] = Counter()
        monkeypatch.setattr(monitoring, "Pool", self.open)
        monkeypatch.setattr(monitoring.time, "time", lambda: self.now)

    def open(self, *, workers, **_):
        self.workers = workers
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def run(self, jobs):
        under_way = []
        for job in jobs:
            if job is not None:
                self.jobs.append((self.now, job.camera_id, job.kind, job.frames))
                under_way.append(job)
                busy = Counter(each.address.host for each in under_way)
                self.most_of_a_host |= busy
                if len(under_way) < self.workers:
                    continue
            elif not under_way:
                self.now += 1.0
                continue
            done = under_way.pop(0)
            self.now += self.take_s / self.workers
            yield Probe(
                camera_id=done.camera_id,
                checked_at=datetime.fromtimestamp(self.now, UTC),
                seconds=self.take_s,
                **self.answers(done, self.now),
            )

    def times(self, camera, kind):
        return [at for at, name, what, _ in self.jobs if (name, what) == (camera, kind)]


@pytest.fixture
def town(monkeypatch):
    return Town(monkeypatch)


def run_until(town, records, *, ends):
    kept = []
    for record in records:
        kept.append(record)
        if town.now >= ends:
            break
    records.close()
    return kept


DEAD = {"stage": "connect", "fault": "no answer"}


def test_what_is_well_is_looked_at_once_and_what_is_not_again(town):
    town.answers = lambda job, _: {"c0": {"measures": HEALTHY}, "c1": DEAD, "c2": {"measures": BLACK}}[job.camera_id]
    records = list(monitor(sources(), Notebook()))
    assert Counter(record.camera_id for record in records) == {"c0": 1, "c1": 2, "c2": 2}
    last = frame_records(records).groupby(level="camera_id").last()
    assert last["status"].to_dict() == {"c0": "ok", "c1": "offline", "c2": "fault"}
    assert last["condition"].to_dict() == {"c0": "", "c1": "offline", "c2": "black"}
    assert last["consequence"].tolist() == ["none", "nothing", "nothing"]
    assert last.loc["c1", "reason"] == "offline: the probe failed at the stage connect: no answer"
    frames = {name: [count for _, camera, _, count in town.jobs if camera == name] for name in ("c0", "c2")}
    assert frames == {"c0": [8], "c2": [8, DEEP_FRAMES]}  # a suspicion is looked into more deeply


def test_one_bad_probe_is_no_fault(town):
    answers = iter([DEAD, {"measures": HEALTHY}, {"measures": HEALTHY}])
    town.answers = lambda *_: next(answers)
    records = list(monitor(sources(1), Notebook()))
    assert [record.status for record in records] == ["ok", "ok"]
    assert records[0].reason.startswith("suspected, not yet confirmed: offline")


def test_a_repair_is_confirmed_as_well(town):
    keeper = Notebook()
    town.answers = lambda *_: DEAD
    assert list(monitor(sources(1), keeper))[-1].status == "offline"
    town.answers = lambda *_: {"measures": HEALTHY}
    assert [record.status for record in monitor(sources(1), keeper)] == ["offline", "ok"]


def test_doubt_ends(town):
    """A camera that is black in every other picture: no endless looking."""
    flips = [0]

    def flicker(*_):
        flips[0] += 1
        return {"measures": BLACK if flips[0] % 2 else HEALTHY}

    town.answers = flicker
    assert len(list(monitor(sources(1), Notebook()))) <= 5


def test_a_crash_costs_one_not_checkable(town):
    crash = {"checkable": False, "fault": "the worker crashed (SIGSEGV)"}
    town.answers = lambda *_: crash
    keeper = Notebook()
    (record,) = monitor(sources(1), keeper)
    assert (record.status, record.reason, record.consequence) == (
        "not_checkable",
        "the worker crashed (SIGSEGV)",
        "none",
    )
    town.answers = lambda *_: {"measures": HEALTHY}
    assert [record.status for record in monitor(sources(1), keeper)] == ["ok"]


def test_cameras_without_address_are_told_and_never_asked(town):
    table = sources(2)
    table.loc["c1", "address"], table.loc["c1", "reason"] = None, "no stream address"
    records = {record.camera_id: record for record in monitor(table, Notebook())}
    assert (records["c1"].status, records["c1"].reason) == ("not_checkable", "no stream address")
    assert [name for _, name, _, _ in town.jobs] == ["c0"]


def test_every_camera_has_its_slot_and_is_asked_in_between(town):
    timing = Timing(every_s=600.0, sweep_s=60.0)
    run_until(town, monitor(sources(20), Notebook(), timing=timing, workers=4), ends=START_S + 6 * 600)
    for camera in (f"c{n}" for n in range(20)):
        images, asked = town.times(camera, "image"), town.times(camera, "reach")
        assert images[0] < START_S + 5  # nobody has to wait for the first look
        slots = [at - next_slot(camera, at - 2.0, every_s=600.0) for at in images[1:]]
        assert all(-2.0 <= late <= 5.0 for late in slots)
        assert 7 <= len(images) <= 8
        assert 40 <= len(asked) <= 60  # every 60 s, but not right before the pictures
    offsets = {round(next_slot(f"c{n}", START_S, every_s=600.0) - START_S) for n in range(20)}
    assert len(offsets) > 15  # spread


def test_a_server_that_does_not_answer_is_looked_at_at_once(town):
    fails_at = START_S + 900.0
    town.answers = lambda job, now: DEAD if now >= fails_at else {"measures": HEALTHY} if job.kind == "image" else {}
    timing = Timing(every_s=600.0, sweep_s=30.0)
    records = run_until(town, monitor(sources(1), Notebook(), timing=timing), ends=fails_at + 300.0)
    offline = next(record for record in records if record.status == "offline")
    assert offline.checked_at.timestamp() <= fails_at + 40.0


def test_the_dead_are_looked_at_ever_more_seldom_and_at_once_when_they_answer(town):
    lives_at = START_S + 200 * 60.0
    town.answers = lambda job, now: DEAD if now < lives_at else {"measures": HEALTHY} if job.kind == "image" else {}
    timing = Timing(every_s=60.0, sweep_s=1000.0)
    records = run_until(town, monitor(sources(1), Notebook(), timing=timing), ends=lives_at + 70.0)
    images = [at for at in town.times("c0", "image") if START_S + 60 < at < lives_at]
    slots = [round((later - before) / 60.0) for before, later in pairwise(images)]
    assert slots[:3] == sorted(slots[:3])
    assert set(slots[5:]) == {16}
    well = next(record for record in records if record.status == "ok" and record.checked_at.timestamp() > lives_at)
    assert well.checked_at.timestamp() <= lives_at + 70.0
    # each slot has its finding, so that nobody has to guess what was in between
    times = pd.Series([record.checked_at for record in records])
    assert times.diff().max() <= pd.Timedelta("65s")


def test_patience_doubles_to_a_limit():
    assert [patience(n) for n in (0, 1, 2, 3, 4, 5, 6, 7, 1000)] == [1, 1, 1, 2, 4, 8, 16, 16, 16]


def test_a_restart_goes_on_where_it_was(town):
    keeper, timing = Notebook(), Timing(every_s=600.0, sweep_s=math.inf)
    run_until(town, monitor(sources(10), keeper, timing=timing), ends=START_S + 0.55)
    done = {record.camera_id for record in keeper.records}
    assert 0 < len(done) < 10
    town.jobs.clear()
    restart = town.now = town.now + 5.0
    run_until(town, monitor(sources(10), keeper, timing=timing), ends=town.now + 1200.0)
    first = {name: at for at, name, _, _ in reversed(town.jobs)}
    for name in (f"c{n}" for n in range(10)):
        waits_for = next_slot(name, START_S + 1.0, every_s=600.0) if name in done else restart
        assert -0.1 <= first[name] - max(waits_for, restart) < 5.0
    assert keeper.load_memory("c0").baseline.usual["day"].probes == len(
        [record for record in keeper.records if record.camera_id == "c0"]
    )


def test_the_cap_of_a_host_holds_for_ten_thousand_cameras(town):
    table = sources(10_000, host="recorder.example")
    other = sources(5).rename(index=lambda name: f"x{name}")
    records = list(monitor(pd.concat([table, other]), Notebook(), timing=Timing(per_host=3), workers=16))
    assert len(records) == 10_005
    assert town.most_of_a_host["recorder.example"] == 3
    # the others did not have to wait for ten thousand
    assert max(at for at, name, _, _ in town.jobs if name.startswith("x")) < START_S + 10.0


def test_files_have_no_cap(town, tmp_path):
    table = pd.DataFrame({"stream_url": [str(tmp_path / "clip.mp4")] * 30}, index=[f"f{n}" for n in range(30)])
    assert len(list(monitor(read_sources(table), Notebook(), timing=Timing(per_host=1), workers=8))) == 30
    assert town.most_of_a_host[""] == 8


def test_nothing_grows_with_the_rounds(town):
    table, timing = sources(20), Timing(every_s=10.0, sweep_s=4.0)
    broken = {"c3": DEAD, "c4": {"measures": BLACK}}
    town.answers = lambda job, _: broken.get(job.camera_id, {"measures": HEALTHY} if job.kind == "image" else {})
    watch = monitoring._Round(table, Notebook(), timing)
    sizes = []
    for count, _ in enumerate(watch.run(town.open(workers=4))):
        if count % 500 == 499:
            sizes.append((len(watch.schedule) + len(watch.under_way), len(watch.images_at), len(watch.confirmations)))
        if count == 3000:
            break
    assert all(size[0] <= 20 and size[1] <= 20 and size[2] <= 2 for size in sizes)


@given(
    hosts=st.lists(st.sampled_from(["a", "b", "c", ""]), min_size=1, max_size=40),
    per_host=st.integers(1, 3),
    choices=st.lists(st.integers(0, 3), max_size=200),
)
def test_a_schedule_begins_every_task_once_and_keeps_the_cap(hosts, per_host, choices):
    names = [f"c{n}" for n in range(len(hosts))]
    home = dict(zip(names, hosts, strict=True))
    schedule = Schedule(home, per_host=per_host)
    for n, name in enumerate(names):
        schedule.add(Task(name, "image" if n % 3 else "reach"), float(n % 5))
    now, busy, begun = 0.0, defaultdict(list), []
    for choice in [*choices, *[1, 0] * (2 * len(hosts) + 5)]:
        if choice == 0 and any(busy.values()):
            host = next(host for host, running in busy.items() if running)
            schedule.release(busy[host].pop())
        elif choice == 3:
            now += 1.0
        else:
            now += choice == 1
            task = schedule.take(now)
            due = [n for n, name in enumerate(names) if n % 5 <= now and name not in begun]
            room = [n for n in due if not hosts[n] or len(busy[hosts[n]]) < per_host]
            assert (task is None) == (not room)
            if task is not None:
                begun.append(task.camera_id)
                busy[home[task.camera_id]].append(task.camera_id)
        assert all(len(running) <= per_host for host, running in busy.items() if host)
        assert len(schedule) == len(names) - len(begun)
    assert sorted(begun) == sorted(names)


@given(st.text(max_size=20), st.floats(0, 4e9), st.floats(1.0, 1e5))
def test_slots_lie_on_a_grid(name, after, every_s):
    slot = next_slot(name, after, every_s=every_s)
    assert after - 1e-5 <= slot <= after + every_s * (1 + 1e-9) + 1e-5
    assert abs((slot / every_s - spread(name) + 0.5) % 1.0 - 0.5) < 1e-5


@pytest.mark.parametrize(
    "wrong", [{"every_s": 0.0}, {"every_s": math.inf}, {"sweep_s": 0.0}, {"confirm_s": -1.0}, {"per_host": 0}]
)
def test_timing_is_checked(wrong):
    with pytest.raises(UnitRangeError, match=next(iter(wrong))):
        Timing(**wrong)


def test_a_view_is_kept_and_a_turned_camera_found(tmp_path):
    """Real workers, real clips: a reference from the first healthy probe; a picture of something else is told."""
    import cv2
    import numpy as np

    def write(seed):
        rng = np.random.default_rng(seed)
        path = tmp_path / "clip.avi"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (320, 180))
        # blots of many sizes and colours give corners in plenty
        scene = np.full((180, 320, 3), 90, np.uint8)
        for _ in range(250):
            x, y = (int(value) for value in rng.integers(0, (320, 180)))
            size = tuple(int(value) for value in rng.integers(3, 25, 2))
            cv2.rectangle(scene, (x, y), (x + size[0], y + size[1]), rng.integers(0, 255, 3).tolist(), -1)
        for _ in range(12):
            writer.write(np.clip(scene.astype(int) + rng.integers(-9, 10, scene.shape), 0, 255).astype(np.uint8))
        writer.release()
        return path

    clip = write(1)
    table = read_sources(pd.DataFrame({"stream_url": [str(clip)]}, index=pd.Index(["c"], name="camera_id")))
    keeper, timing = Notebook(), Timing(confirm_s=0.0)
    for _ in range(6):
        (record,) = monitor(table, keeper, timing=timing, workers=1)
    assert record.status == "ok", record.reason
    assert record.measures["inliers"] > 100
    assert (record.measures["width_px"], record.measures["height_px"]) == (320.0, 180.0)
    write(2)
    *_, last = monitor(table, keeper, timing=timing, workers=1)
    assert (last.condition, last.consequence) == ("moved", "void"), last.reason
