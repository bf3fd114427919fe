"""Pictures read by PyAV: slower to install, but it tells corrupt ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import av
import av.error
import numpy as np

from sightgrid.health.pictures import Picture, StreamError, check_size, fit_size, is_stamped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sightgrid.health.addresses import Address


class AvStream:
    """A stream read by PyAV's own FFmpeg."""

    def __init__(self, address: Address, open_s: float, read_s: float, transport: str) -> None:
        options = {"analyzeduration": "100000", "probesize": "50000"}
        if address.scheme.startswith("rtsp"):
            options["rtsp_transport"] = transport
        try:
            self.container = av.open(address.reveal(), timeout=(open_s, read_s), options=options)
        except (av.error.FFmpegError, OSError, ValueError):
            # its text repeats the address
            raise StreamError("the stream cannot be opened, or holds no pictures") from None
        if not self.container.streams.video:
            self.container.close()
            raise StreamError("the stream holds no pictures")
        stream = self.container.streams.video[0]
        stream.codec_context.thread_count = 1
        self.width_px, self.height_px = stream.codec_context.width, stream.codec_context.height
        self.nominal_fps = float(stream.average_rate or stream.guessed_rate or 0)
        self.is_file = address.scheme == "file" or bool(self.container.duration)
        jpegs = stream.codec_context.name == "mjpeg"
        self.is_stamped = is_stamped(address, jpegs=jpegs, is_file=self.is_file)
        self.pictures = self._decode()
        self.frame: av.VideoFrame | None = None
        self.broken = False
        try:
            check_size(self.width_px, self.height_px)
        except StreamError:
            self.close()
            raise

    def grab(self) -> bool:
        """Wait for the next picture; False if there is none."""
        self.frame = None
        try:
            self.frame, self.broken = next(self.pictures, (None, False))
        except (av.error.FFmpegError, OSError):
            return False
        return self.frame is not None

    def _decode(self) -> Iterator[tuple[av.VideoFrame, bool]]:
        """Give every picture, and whether it or data before it was corrupt."""
        lost = False
        for packet in self.container.demux(video=0):
            try:
                pictures = packet.decode()
            except av.error.InvalidDataError:
                lost = True
                continue
            for picture in pictures:
                if isinstance(picture, av.VideoFrame):
                    yield picture, lost or bool(picture.is_corrupt)
                    lost = False

    def stamp_s(self) -> float:
        """Time of the picture, NaN if it carries none."""
        time_s = None if self.frame is None else self.frame.time
        return math.nan if time_s is None else time_s

    def retrieve(self, edge_px: int) -> Picture:
        """Return the picture with no edge longer than `edge_px`, and what is known of it."""
        if self.frame is None:
            raise StreamError("a picture cannot be decoded")
        size = self.frame.width, self.frame.height
        check_size(*size)
        width, height = fit_size(*size, edge_px=edge_px)
        small = self.frame.reformat(width=width, height=height, format="bgr24")
        return Picture(np.ascontiguousarray(small.to_ndarray(), np.uint8), size, self.broken)

    def close(self) -> None:
        """Let the stream go."""
        self.container.close()
