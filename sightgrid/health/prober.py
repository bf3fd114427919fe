"""What a worker process does: one stream at a time, from the name of its host to the numbers of its pictures.

It is started by `sightgrid.health.workers` and told everything through its input; whatever a library prints goes
nowhere, for it may repeat an address. It ends when its input ends, so that none outlives the program that started it.
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import json
import math
import os
import pickle
import queue
import signal
import struct
import threading
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Literal

from sightgrid.errors import hide
from sightgrid.health.addresses import parse_address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sightgrid.health.addresses import Address
    from sightgrid.health.probes import Deadlines

LENGTH = struct.Struct("!I")
THUMBNAIL_PX = 160
JPEG_QUALITY = 70
BLUR = 0.04  # of the thumbnail's width: faces and number plates are gone, the scene is not
MEMORY_BYTES = 1 << 30  # what a worker may take on top of what its libraries need
MAX_TEXT = 200


@dataclass(frozen=True)
class Setup:
    """How a worker works; the same for all its probes."""

    deadlines: Deadlines
    measure: str
    backend: Literal["cv2", "av"]
    thumbnail: Literal["clear", "blurred", "none"]


@dataclass(frozen=True)
class Order:
    """A job as it is sent to a worker, with its address in full."""

    address: str = field(repr=False)
    kind: str
    frames: int
    seconds: float
    transport: Literal["tcp", "udp"]
    options: Mapping[str, Any]


def serve() -> None:
    """Work off what comes in until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    orders: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(source, orders), daemon=True).start()
    setup: Setup = orders.get()
    try:
        module, _, name = setup.measure.partition(":")
        measure = getattr(importlib.import_module(module), name)
        importlib.import_module("sightgrid.health.capture" if setup.backend == "cv2" else "sightgrid.health.capture_av")
    except Exception as error:  # noqa: BLE001 - libraries fail to load in many ways
        _send(sink, {"broken": f"{type(error).__name__}: {error}"})
        return
    _limit_memory()
    _send(sink, {"ready": True})
    while True:
        order = orders.get()
        _send(sink, {"result": _probe(order, setup, measure, lambda stage: _send(sink, {"stage": stage}))})


def _listen(source: IO[bytes], orders: queue.SimpleQueue[Any]) -> None:
    """Pass on what comes in; end the process when the parent is gone, even in the middle of a probe."""
    try:
        while head := source.read(LENGTH.size):
            orders.put(pickle.loads(source.read(LENGTH.unpack(head)[0])))  # noqa: S301 - from our own parent
    finally:
        os._exit(0)


def _send(sink: IO[bytes], message: dict[str, Any]) -> None:
    """Answer in JSON: whoever takes over a decoder must not be able to run code in the parent."""
    data = json.dumps(message).encode()
    try:
        sink.write(LENGTH.pack(len(data)) + data)
        sink.flush()
    except OSError:
        os._exit(0)


def _probe(
    order: Order, setup: Setup, measure: Callable[..., Mapping[str, float | bytes]], enter: Callable[[str], None]
) -> dict[str, Any]:
    """Take all the steps of a probe; whatever goes wrong in them is an answer."""
    from sightgrid.health.names import count_stuck  # noqa: PLC0415
    from sightgrid.health.reach import reach  # noqa: PLC0415

    try:
        address = parse_address(order.address)
        found = reach(address, deadlines=setup.deadlines, enter=enter)
        if found.stage or order.kind == "reach":
            answer: dict[str, Any] = {"stage": found.stage, "fault": found.fault}
        else:
            answer = _look(address, order, setup, measure, enter)
    except Exception as error:  # noqa: BLE001 - a probe never ends the worker; what it says may repeat an address
        answer = {"checkable": False, "fault": f"the probe broke off ({type(error).__name__})"}
    # a thread that hangs in the resolver goes with its process
    return answer | {"spent": count_stuck() > 0}


def _look(
    address: Address,
    order: Order,
    setup: Setup,
    measure: Callable[..., Mapping[str, float | bytes]],
    enter: Callable[[str], None],
) -> dict[str, Any]:
    from sightgrid.health.capture import capture  # noqa: PLC0415
    from sightgrid.health.reach import describe  # noqa: PLC0415

    limits = setup.deadlines
    clip = capture(
        address,
        open_s=limits.open_s,
        read_s=limits.read_s,
        frames=order.frames,
        seconds=order.seconds,
        transport=order.transport,
        backend=setup.backend,
        enter=enter,
    )
    stage, fault = clip.stage, clip.fault
    if stage == "stream" and not clip.width_px:
        told = describe(address, deadlines=limits, enter=enter)
        stage, fault = (told.stage, told.fault) if told.stage else (stage, fault)
    measures: dict[str, float] = {}
    data: dict[str, str] = {}
    thumbnail = None
    if clip.frames:
        enter("measure")
        try:
            found = measure(clip.frames, clip.times_s, **order.options)
            measures = {name: float(value) for name, value in found.items() if not isinstance(value, bytes)}
            data = {name: _pack(value) for name, value in found.items() if isinstance(value, bytes)}
        except Exception as error:  # noqa: BLE001 - whoever measures knows no address
            return {"checkable": False, "fault": hide(f"measuring failed: {type(error).__name__}: {error}")[:MAX_TEXT]}
        # the pictures may be smaller than sent, and some may have waited: here the capture knows better
        measures |= {"fps": clip.fps, "width_px": float(clip.width_px), "height_px": float(clip.height_px)}
        measures["first_frame_s"] = clip.first_frame_s
        told_by_some = {"size_changes": clip.size_changes, "corrupt_share": clip.corrupt_share}
        measures |= {name: value for name, value in told_by_some.items() if not math.isnan(value)}
        thumbnail = _draw_thumbnail(clip.frames[-1], setup.thumbnail)
    return {
        "stage": stage,
        "fault": fault,
        "fps": clip.fps,
        "width_px": clip.width_px,
        "height_px": clip.height_px,
        "measures": measures,
        "data": data,
        "thumbnail": thumbnail,
    }


def _draw_thumbnail(frame: Any, kind: str) -> str | None:
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    from sightgrid.health.capture import shrink  # noqa: PLC0415

    if kind == "none":
        return None
    small = shrink(frame, edge_px=THUMBNAIL_PX)
    if kind == "blurred":
        small = np.asarray(cv2.GaussianBlur(small, (0, 0), max(1.0, BLUR * small.shape[1])), np.uint8)
    done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return _pack(data.tobytes()) if done else None


def _pack(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _limit_memory() -> None:
    """Let a picture that is too large fail in this process instead of in the whole machine."""
    with contextlib.suppress(ImportError, OSError, ValueError, StopIteration):
        import resource  # noqa: PLC0415 - not on every system

        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123
            used_kib = next(int(line.split()[1]) for line in status if line.startswith("VmData"))
        limit = used_kib * 1024 + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
