"""Drawn street scenes for the tests of the health checks: houses, windows, kerbs, lamps and the grain of asphalt."""

from __future__ import annotations

import cv2
import numpy as np

HEIGHT, WIDTH, FPS = 360, 640, 10.0


def draw_street(seed=0, *, height=HEIGHT, width=WIDTH):
    """One picture in colour with structure everywhere."""
    rng = np.random.default_rng(seed)
    grain = rng.normal(0.0, 12.0, (height // 2, width // 2, 3)).astype(np.float32)
    picture = 110.0 + cv2.GaussianBlur(cv2.resize(grain, (width, height)), (0, 0), 1.0)
    picture += np.linspace(30.0, -30.0, height, dtype=np.float32)[:, None, None]
    for _ in range(120):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        size = (int(rng.integers(8, 50)), int(rng.integers(8, 40)))
        cv2.rectangle(picture, (x, y), (x + size[0], y + size[1]), rng.uniform(30.0, 220.0, 3).tolist(), -1)
    return to_levels(picture)


def to_levels(picture):
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def add_noise(picture, sigma, seed=0):
    cv2.setRNGSeed(1 + seed)
    noise = np.empty(picture.shape, np.float32)
    channels = picture.shape[2] if picture.ndim > 2 else 1
    cv2.randn(noise, (0.0,) * channels, (sigma,) * channels)
    return to_levels(picture + noise)


def film(picture, *, count=10, sigma=1.0, seed=0, fps=FPS):
    """Several pictures of one scene with the noise of the sensor, and their times."""
    frames = [add_noise(picture, sigma, seed=100 * seed + i) for i in range(count)]
    return frames, [i / fps for i in range(count)]


def shift(picture, dx, dy=0.0, roll_deg=0.0):
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2.0, height / 2.0), roll_deg, 1.0)
    matrix[:, 2] += (dx, dy)
    return cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)


def draw_truck(picture, left, *, share=0.45, seed=5):
    """A lorry with its own texture in front of the scene, its left side at `left`."""
    lorry = draw_street(seed, width=round(share * picture.shape[1]), height=round(0.8 * picture.shape[0]))
    out = picture.copy()
    begin, end = max(0, left), min(out.shape[1], left + lorry.shape[1])
    if begin < end:
        out[-lorry.shape[0] :, begin:end] = lorry[:, begin - left : end - left]
    return out


def hang_cloth(picture, share, *, level=90.0):
    """A cloth out of focus over a share of the picture, from the left."""
    mask = np.zeros(picture.shape[:2], np.float32)
    mask[:, : round(share * picture.shape[1])] = 1.0
    mask = cv2.GaussianBlur(mask, (0, 0), 8.0)[..., None] if share < 1.0 else mask[..., None]
    return to_levels(picture * (1.0 - mask) + level * mask)
