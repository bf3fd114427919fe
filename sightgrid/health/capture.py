"""Pictures from a stream, with a deadline for each of them. The only module that opens a ``cv2.VideoCapture``.

Opening a stream holds up every other one of the process, and a decoder may crash: `sightgrid.health.workers` calls
this in processes of its own.
"""

from __future__ import annotations

import math
import os
import time
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from sightgrid.errors import InputError
from sightgrid.health.pictures import Picture, Stream, StreamError, check_size, fit_size, is_stamped
from sightgrid.health.timing import settle_times

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sightgrid.health.addresses import Address

MAX_CLIP_BYTES = 128 << 20  # pictures are kept as sent if all that are asked for fit into this, else shrunk
SMALL_EDGE_PX = 640
TIMED_OUT = 0.9  # OpenCV reports success twice after a read timed out: so long a wait is a failure whatever it says
_OPTIONS = "rtsp_transport;{transport}|analyzeduration;100000|probesize;50000"


@dataclass(frozen=True)
class Clip:
    """Pictures of a stream, or how far it got.

    Attributes
    ----------
    frames : list of (H, W, 3) uint8 ndarray
        BGR, all of one size: as sent, or no edge longer than 640 pixels where many or large ones were asked for.
    times_s : list of float
        When each was taken, from the first one on: as the stream says, else as they came.
    fps : float
        Pictures per second, NaN if it cannot be told.
    width_px, height_px : int
        Size as sent, of the first picture.
    size_changes : float
        How often the size changed; NaN where the backend hides it (OpenCV scales to the first picture's size).
    corrupt_share : float
        Share of the pictures with decoding errors; NaN where the backend cannot tell.
    first_frame_s : float
        Time from the start to the first picture, NaN if none came.
    stage, fault : str
        What failed, ``""`` if nothing did.
    """

    frames: list[NDArray[np.uint8]] = field(default_factory=list, repr=False)
    times_s: list[float] = field(default_factory=list, repr=False)
    fps: float = math.nan
    width_px: int = 0
    height_px: int = 0
    size_changes: float = math.nan
    corrupt_share: float = math.nan
    first_frame_s: float = math.nan
    stage: str = ""
    fault: str = ""


def capture(
    address: Address,
    *,
    open_s: float,
    read_s: float,
    frames: int = 8,
    seconds: float = 2.0,
    transport: Literal["tcp", "udp"] = "tcp",
    backend: Literal["cv2", "av"] = "cv2",
    enter: Callable[[str], None] = lambda _: None,
) -> Clip:
    """Read pictures from a stream.

    Parameters
    ----------
    address : Address
        The stream.
    open_s, read_s : float
        Deadlines for opening it and for each picture. They do not cover the host's name: look it up before.
    frames : int
        Stop after so many pictures.
    seconds : float
        Stop after so many seconds from the first picture on.
    transport : {"tcp", "udp"}
        How RTSP carries the pictures.
    backend : {"cv2", "av"}
        OpenCV, or PyAV, which also tells corrupt pictures.
    enter : callable
        Told each stage as it begins.

    Returns
    -------
    Clip
        What came, up to the stage that failed.

    Examples
    --------
    >>> from sightgrid.health.addresses import parse_address
    >>> capture(parse_address("/no/such/clip.mp4"), open_s=1, read_s=1).fault
    'the stream cannot be opened, or holds no pictures'
    """
    began = time.monotonic()
    enter("stream")
    try:
        stream = _open(address, open_s, read_s, transport, backend)
    except StreamError as error:
        late = time.monotonic() - began >= TIMED_OUT * open_s
        return Clip(stage="stream", fault=f"the stream did not open within {open_s:g} s" if late else str(error))
    with closing(stream):
        return _read(stream, read_s, frames, seconds, began, enter)


def shrink(frame: NDArray[np.uint8], *, edge_px: int) -> NDArray[np.uint8]:
    """Scale a picture down so that no edge is longer than `edge_px`; smaller ones stay as they are."""
    width, height = fit_size(frame.shape[1], frame.shape[0], edge_px=edge_px)
    if (height, width) == frame.shape[:2]:
        return frame
    return np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _open(address: Address, open_s: float, read_s: float, transport: str, backend: str) -> Stream:
    if backend == "cv2":
        return _CvStream(address, open_s, read_s, transport)
    if backend == "av":
        from sightgrid.health.capture_av import AvStream  # noqa: PLC0415 - PyAV is optional

        return AvStream(address, open_s, read_s, transport)
    raise InputError(f"backend: {backend!r} is not known; choose cv2 or av")


def _read(
    stream: Stream, read_s: float, frames: int, seconds: float, began: float, enter: Callable[[str], None]
) -> Clip:
    pictures: list[Picture] = []
    stamps: list[float] = []
    arrivals: list[float] = []
    waits: list[float] = []
    fits = 3 * stream.width_px * stream.height_px * frames <= MAX_CLIP_BYTES
    edge_px = max(stream.width_px, stream.height_px, SMALL_EDGE_PX) if fits else SMALL_EDGE_PX
    stage, fault = "first_frame", ""
    enter(stage)
    while len(pictures) < frames:
        asked = time.monotonic()
        try:
            got = stream.grab()
            now = time.monotonic()
            if now - asked >= TIMED_OUT * read_s:
                fault = f"no picture within {read_s:g} s"
                break
            if not got:
                fault = "" if pictures and stream.is_file else f"the stream ended after {len(pictures)} pictures"
                break
            picture = stream.retrieve(edge_px)
        except StreamError as error:
            fault = str(error)
            break
        except (cv2.error, MemoryError):
            fault = "a picture cannot be decoded in the memory there is"
            break
        if not pictures:
            stage = "read"
            enter(stage)
        elif picture.frame.shape != (first := pictures[0].frame).shape:
            scaled = cv2.resize(picture.frame, first.shape[1::-1], interpolation=cv2.INTER_AREA)
            picture = picture._replace(frame=np.asarray(scaled, np.uint8))
        pictures.append(picture)
        stamps.append(stream.stamp_s())
        arrivals.append(now)
        waits.append(now - asked)
        if now - arrivals[0] >= seconds or stamps[-1] - stamps[0] >= seconds:
            break
    times_s, fps = settle_times(stamps if stream.is_stamped else [], arrivals, waits, stream.nominal_fps)
    sizes = [picture.size for picture in pictures if picture.size]
    corrupt = [picture.corrupt for picture in pictures if picture.corrupt is not None]
    width, height = sizes[0] if sizes else (stream.width_px, stream.height_px)
    return Clip(
        frames=[picture.frame for picture in pictures],
        times_s=times_s,
        fps=fps,
        width_px=width,
        height_px=height,
        size_changes=float(sum(a != b for a, b in pairwise(sizes))) if sizes else math.nan,
        corrupt_share=sum(corrupt) / len(corrupt) if corrupt else math.nan,
        first_frame_s=arrivals[0] - began if arrivals else math.nan,
        stage=stage if fault else "",
        fault=fault,
    )


class _CvStream:
    """A stream read by OpenCV's own FFmpeg."""

    def __init__(self, address: Address, open_s: float, read_s: float, transport: str) -> None:
        # both are read by OpenCV from the environment of the process; what FFmpeg prints repeats the address
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = _OPTIONS.format(transport=transport)
        os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        self.stream = cv2.VideoCapture()
        self.stream.setExceptionMode(enable=False)
        parameters = (
            (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(open_s * 1000)),
            (cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(read_s * 1000)),
            (cv2.CAP_PROP_N_THREADS, 1),
        )
        flat = [number for pair in parameters for number in pair]
        if not self.stream.open(address.reveal(), cv2.CAP_FFMPEG, flat):
            raise StreamError("the stream cannot be opened, or holds no pictures")
        self.width_px, self.height_px = (
            max(0, int(self.stream.get(name))) for name in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        self.nominal_fps = self.stream.get(cv2.CAP_PROP_FPS)
        self.is_file = address.scheme == "file" or self.stream.get(cv2.CAP_PROP_FRAME_COUNT) > 0
        jpegs = int(self.stream.get(cv2.CAP_PROP_FOURCC)) == cv2.VideoWriter.fourcc(*"MJPG")
        self.is_stamped = is_stamped(address, jpegs=jpegs, is_file=self.is_file)
        check_size(self.width_px, self.height_px)

    def grab(self) -> bool:
        return self.stream.grab()

    def stamp_s(self) -> float:
        return self.stream.get(cv2.CAP_PROP_POS_MSEC) / 1000.0

    def retrieve(self, edge_px: int) -> Picture:
        got, frame = self.stream.retrieve()
        if not got:
            raise StreamError("a picture cannot be decoded")
        # OpenCV scales all pictures to the size of the first: what changes midway stays within the bound checked above
        return Picture(shrink(np.asarray(frame, np.uint8), edge_px=edge_px))

    def close(self) -> None:
        self.stream.release()
