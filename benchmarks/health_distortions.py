"""Healthy and distorted pictures for the benchmark of the health checks: twelve conditions in three strengths."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

SETTLE_S = 15.0
BITRATES = (2_000_000, 800_000, 300_000)
Clip = tuple[list[np.ndarray], list[float]]  # pictures and their times


def read_clip(path: Path) -> Clip:
    """All pictures of a clip and their times."""
    video = cv2.VideoCapture(str(path))
    fps = video.get(cv2.CAP_PROP_FPS)
    frames = []
    while True:
        there, frame = video.read()
        if not there:
            break
        frames.append(frame)
    return frames, [number / fps for number in range(len(frames))]


def _each(change: Callable[[np.ndarray, int], np.ndarray]) -> Callable[[Clip], Clip]:
    return lambda clip: ([change(frame, number) for number, frame in enumerate(clip[0])], clip[1])


def _clip_levels(picture: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _noisy(frame: np.ndarray, rng: np.random.Generator, sigma: float) -> np.ndarray:
    noise = np.empty(frame.shape, np.float32)
    cv2.setRNGSeed(int(rng.integers(1 << 30)))
    cv2.randn(noise, (0.0, 0.0, 0.0), (sigma, sigma, sigma))
    return _clip_levels(frame + noise)


def freeze(clip: Clip, strength: int, rng: np.random.Generator) -> Clip:
    """Weak: a clock goes on; middle: encoded anew, by an encoder that has settled; strong: bit for bit."""
    still = [clip[0][0].copy() for _ in clip[0]]
    if strength == 0:
        for number, frame in enumerate(still):
            cv2.putText(frame, f"12:00:{number % 60:02d}", (10, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2)
    elif strength == 1:
        lead = round(SETTLE_S / (clip[1][1] - clip[1][0]))  # before that it goes on refining the picture
        still = encode(([still[0]] * lead + still, clip[1]), int(rng.choice(BITRATES)))[0][lead:]
    return still, clip[1]


def darken(clip: Clip, strength: int, rng: np.random.Generator) -> Clip:
    """The picture fades to a share of its levels, with the noise of the sensor."""
    share = (0.12, 0.04, 0.0)[strength]
    return _each(lambda frame, _: _noisy(frame * share, rng, 1.5))(clip)


def overexpose(clip: Clip, strength: int, rng: np.random.Generator) -> Clip:
    """Levels raised until they clip."""
    add = float(rng.uniform(0.95, 1.05)) * (120.0, 200.0, 255.0)[strength]
    return _each(lambda frame, _: _clip_levels(frame * 1.2 + add))(clip)


def fog(clip: Clip, strength: int, rng: np.random.Generator) -> Clip:
    """Levels drawn towards grey."""
    share, grey = (0.65, 0.35, 0.15)[strength], float(rng.uniform(120.0, 170.0))
    return _each(lambda frame, _: _clip_levels(grey + share * (frame - grey)))(clip)


def defocus(clip: Clip, strength: int, rng: np.random.Generator) -> Clip:
    """A Gaussian blur; the sensor's noise, of one level, stays."""
    sigma = (1.2, 3.0, 8.0)[strength]
    return _each(lambda frame, _: _noisy(cv2.GaussianBlur(frame, (0, 0), sigma), rng, 1.0))(clip)


def snow(clip: Clip, strength: int, rng: np.random.Generator) -> Clip:
    """White noise, new in every picture."""
    sigma = (6.0, 15.0, 40.0)[strength]
    return _each(lambda frame, _: _noisy(frame.astype(np.float32), rng, sigma))(clip)


def tint(clip: Clip, strength: int, rng: np.random.Generator) -> Clip:
    """One channel gains, another loses."""
    share = (0.12, 0.3, 0.6)[strength]
    gain = np.ones(3)
    up, down = rng.permutation(3)[:2]
    gain[up], gain[down] = 1.0 + share, 1.0 - share
    return _each(lambda frame, _: _clip_levels(frame * gain))(clip)


def cover(clip: Clip, strength: int, rng: np.random.Generator) -> Clip:
    """A defocused cloth hangs over part of the picture, from one side."""
    share = (0.5, 0.8, 1.0)[strength]
    height, width = clip[0][0].shape[:2]
    base = rng.uniform(50.0, 180.0, 3)
    folds = cv2.GaussianBlur(rng.normal(0.0, 1.0, (height, width)).astype(np.float32), (0, 0), 40.0)
    cloth = base + 12.0 * (folds / folds.std())[..., None]
    mask = np.zeros((height, width), np.float32)
    if rng.random() < 0.5:
        mask[: round(share * height)] = 1.0
    else:
        mask[:, : round(share * width)] = 1.0
    if share < 1.0:
        mask = cv2.GaussianBlur(mask, (0, 0), 12.0)
    if rng.random() < 0.5:
        mask = mask[::-1, ::-1]
    mask = mask[..., None]
    return _each(lambda frame, _: _noisy(frame * (1.0 - mask) + cloth * mask, rng, 1.0))(clip)


def turn(clip: Clip, strength: int, rng: np.random.Generator) -> Clip:
    """The camera looks aside by so many pixels and rolls a little; what comes into view mirrors the rest."""
    shift, roll = (20.0, 73.0, 250.0)[strength], (0.5, 2.0, 6.0)[strength] * float(rng.choice([-1.0, 1.0]))
    height, width = clip[0][0].shape[:2]
    aim = float(rng.uniform(0.0, 2.0 * np.pi))
    matrix = cv2.getRotationMatrix2D((width / 2.0, height / 2.0), roll, 1.0)
    matrix[:, 2] += shift * width / 640.0 * np.array([np.cos(aim), np.sin(aim)])
    return _each(lambda frame, _: cv2.warpAffine(frame, matrix, (width, height), borderMode=cv2.BORDER_REFLECT))(clip)


def stripe(clip: Clip, strength: int, rng: np.random.Generator) -> Clip:
    """Bars across the picture, as mains hum and broken read-out make them; they roll."""
    level, period = (2.5, 8.0, 30.0)[strength], float(rng.uniform(6.0, 40.0))
    rows = np.arange(clip[0][0].shape[0])[:, None, None]

    def change(frame: np.ndarray, number: int) -> np.ndarray:
        return _clip_levels(frame + level * np.sin(2.0 * np.pi * (rows / period + 0.07 * number)))

    return _each(change)(clip)


def shake(clip: Clip, strength: int, rng: np.random.Generator) -> Clip:
    """Every picture is shifted by chance."""
    deviation = (0.8, 3.0, 10.0)[strength]

    def change(frame: np.ndarray, _: int) -> np.ndarray:
        dx, dy = rng.normal(0.0, deviation, 2)
        matrix = np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]])
        return cv2.warpAffine(frame, matrix, frame.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)

    return _each(change)(clip)


def lose_frames(clip: Clip, strength: int, rng: np.random.Generator) -> Clip:
    """A share of the pictures does not come."""
    share = (0.85, 0.5, 0.25)[strength]
    kept = [i for i in range(len(clip[0])) if int((i + 1) * share) > int(i * share)]
    first = int(rng.integers(0, 2))
    return [clip[0][i] for i in kept[first:]], [clip[1][i] for i in kept[first:]]


DISTORTIONS: dict[str, Callable[[Clip, int, np.random.Generator], Clip]] = {
    "frozen": freeze, "black": darken, "white_out": overexpose, "low_contrast": fog, "blur": defocus, "noise": snow,
    "colour_cast": tint, "covered": cover, "moved": turn, "stripes": stripe, "jitter": shake, "low_fps": lose_frames,
}  # fmt: skip


def encode(clip: Clip, bitrate: int) -> Clip:
    """Encode pictures with H.264 and decode them again."""
    import av

    frames, times = clip
    fps = round(1.0 / (times[1] - times[0]), 3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with av.open(str(path), "w") as sink:
            stream = sink.add_stream("libx264", rate=round(fps * 2), options={"preset": "veryfast"})
            stream.height, stream.width = frames[0].shape[:2]
            stream.bit_rate, stream.pix_fmt = bitrate, "yuv420p"
            for frame in frames:
                sink.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
            sink.mux(stream.encode())
        return read_clip(path)[0], times


def vary(frame: np.ndarray, *, gain: float, noise: np.ndarray, thing: np.ndarray | None, at: float) -> np.ndarray:
    """A healthy picture under another light, with the noise of a small sensor and maybe a large thing passing by."""
    levels = _clip_levels(255.0 * (np.arange(256) / 255.0) ** (1.0 / gain))
    picture = cv2.LUT(frame, levels)
    if thing is not None:
        height, width = frame.shape[:2]
        left = round(at * (width + thing.shape[1])) - thing.shape[1]
        begin, end = max(0, left), min(width, left + thing.shape[1])
        if begin < end:
            picture[height - thing.shape[0] :, begin:end] = thing[:, begin - left : end - left]
    return cv2.add(picture, noise, dtype=cv2.CV_8U)


def draw_thing(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Something the size of a near lorry: 45 % of the width, 75 % of the height, with windows, letters and dirt."""
    shape = (round(0.75 * height), round(0.45 * width), 3)
    thing = np.full(shape, rng.uniform(60.0, 200.0, 3), np.float32) + 8.0 * rng.normal(size=shape)
    thing = cv2.GaussianBlur(thing.astype(np.float32), (0, 0), 1.0)
    for _ in range(12):
        x, y = int(rng.integers(shape[1] - 60)), int(rng.integers(shape[0] - 40))
        cv2.rectangle(thing, (x, y), (x + int(rng.integers(10, 60)), y + 30), rng.uniform(0, 255, 3).tolist(), -1)
    return _clip_levels(thing)


def draw_noise(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Sensor noise of one level."""
    return np.rint(rng.normal(0.0, 1.0, shape)).astype(np.int8).astype(np.int16)
