"""One look at one camera: what was asked, and what came of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from sightgrid.errors import InputError, UnitRangeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sightgrid.health.addresses import Address

# how far a probe can get, in order; a probe that failed names the stage where it did
STAGES = ("name", "connect", "authorisation", "stream", "first_frame", "read")
NO_ADDRESS = "no stream address"
KINDS = ("image", "reach")
TRANSPORTS = ("tcp", "udp")
MAX_FRAMES = 250  # what a worker keeps of them fits into 300 MB
MAX_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Deadlines:
    """How long each step of a probe may take, in seconds.

    Attributes
    ----------
    name_s, connect_s, reply_s : float
        For the host's name, for the connection, and for the answer to the first request.
    open_s : float
        For opening the stream.
    read_s : float
        For each picture.
    probe_s : float
        For the whole probe.

    Raises
    ------
    UnitRangeError
        One of them is not a positive number.
    """

    name_s: float = 3.0
    connect_s: float = 3.0
    reply_s: float = 3.0
    open_s: float = 5.0
    read_s: float = 5.0
    probe_s: float = 20.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not (0.0 < value < math.inf):
                raise UnitRangeError(f"{item.name} must be a positive number of seconds, not {value:g}")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a worker is asked to do.

    Attributes
    ----------
    camera_id : str
        Whose stream it is.
    address : Address
        Where it is found.
    kind : {"image", "reach"}
        Look at pictures, or only ask whether the server answers (name, connection, one request).
    frames : int
        Stop after so many pictures, 1 to 250.
    seconds : float
        Stop reading after so many seconds, up to 60, even with fewer pictures; one picture is always waited for.
    transport : {"tcp", "udp"}
        How RTSP carries the pictures.
    options : mapping
        Handed to the measuring function as keyword arguments.

    Raises
    ------
    UnitRangeError, InputError
        A value lies outside its range, or is none of the choices.
    """

    camera_id: str
    address: Address
    kind: Literal["image", "reach"] = "image"
    frames: int = 8
    seconds: float = 2.0
    transport: Literal["tcp", "udp"] = "tcp"
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= self.frames <= MAX_FRAMES:
            raise UnitRangeError(f"frames must lie in [1, {MAX_FRAMES}], not {self.frames}")
        if not 0.0 < self.seconds <= MAX_SECONDS:
            raise UnitRangeError(f"seconds must lie in (0, {MAX_SECONDS:g}], not {self.seconds:g}")
        for name, choices in (("kind", KINDS), ("transport", TRANSPORTS)):
            if getattr(self, name) not in choices:
                raise InputError(f"{name}: {getattr(self, name)!r} is not known; choose {' or '.join(choices)}")


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What a probe found out.

    Attributes
    ----------
    camera_id : str
        The camera.
    checked_at : datetime
        When the probe began, in UTC.
    stage : str
        The stage that failed, one of ``STAGES``; ``""`` if all were passed.
    fault : str
        What failed, in words and without any secret; ``""`` if nothing did.
    checkable : bool
        False if the probe says nothing about the camera: no address, or the worker crashed. `fault` tells why.
    seconds : float
        How long the probe took.
    fps : float
        Pictures per second, NaN if unknown.
    width_px, height_px : int
        Size of the pictures as sent; 0 if none came.
    measures : dict of str to float
        What the measuring function found, and the capture's own ``fps``, ``width_px``, ``height_px``,
        ``first_frame_s``; with PyAV also ``size_changes`` (how often the size changed midway) and ``corrupt_share``
        (of the pictures).
    data : dict of str to bytes
        What the measuring function gave beside numbers, such as the description of the view.
    thumbnail : bytes or None
        A JPEG at most 160 pixels wide.
    """

    camera_id: str
    checked_at: datetime
    stage: str = ""
    fault: str = ""
    checkable: bool = True
    seconds: float = 0.0
    fps: float = float("nan")
    width_px: int = 0
    height_px: int = 0
    measures: dict[str, float] = field(default_factory=dict)
    data: dict[str, bytes] = field(default_factory=dict, repr=False)
    thumbnail: bytes | None = field(default=None, repr=False)


def skip_probe(camera_id: str, reason: str) -> Probe:
    """Make the probe of a camera that cannot be checked now, with the reason."""
    return Probe(camera_id=camera_id, checked_at=datetime.now(UTC), fault=reason, checkable=False)
