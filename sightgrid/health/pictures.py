"""Pictures as every backend gives them, and what is asked of a backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sightgrid.health.addresses import Address

MAX_PIXELS = 8192 * 4608  # of a picture as sent: 8K in every common shape


class Picture(NamedTuple):
    """A picture; its size as sent and whether it is corrupt, None where the backend cannot tell."""

    frame: NDArray[np.uint8]
    size: tuple[int, int] | None = None
    corrupt: bool | None = None


class Stream(Protocol):
    """What a backend gives: pictures one after the other."""

    width_px: int
    height_px: int
    nominal_fps: float
    is_file: bool  # it may end
    is_stamped: bool  # its pictures carry their time

    def grab(self) -> bool:
        """Wait for the next picture; False if there is none."""
        ...

    def stamp_s(self) -> float:
        """Time of the picture, as the stream tells it."""
        ...

    def retrieve(self, edge_px: int) -> Picture:
        """Return the picture with no edge longer than `edge_px`, and what is known of it."""
        ...

    def close(self) -> None:
        """Let the stream go."""
        ...


class StreamError(Exception):
    """A stream does not open, or gives no pictures; the text says why, without the address."""


def fit_size(width: int, height: int, *, edge_px: int) -> tuple[int, int]:
    """Return the size at which no edge is longer than `edge_px`."""
    scale = min(1.0, edge_px / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def check_size(width: int, height: int) -> None:
    """Raise a StreamError if a picture is larger than memory is spent on."""
    if width * height > MAX_PIXELS:
        raise StreamError(f"a picture of {width} x {height} pixels is larger than is read here")


def is_stamped(address: Address, *, jpegs: bool, is_file: bool) -> bool:
    """Tell whether pictures carry their time. JPEGs over HTTP do not: FFmpeg invents 25 a second."""
    return is_file or not jpegs or not address.scheme.startswith("http")
