"""Drawn pictures whose lines go on through any hole: edges, horizons, stripes, grids, checkers and polygons.

Each is made of two fillings (a colour, a gradient or a piece of a photograph) and of a shape with straight borders. A
photograph holds few long lines, and a network learns slowly from them alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image

from rfr_core.training.data.photo_crop import crop_photograph

_LEAST_CONTRAST = 0.12  # of two fillings' mean colours


def synthetic_picture(photograph: Image.Image, size: int, rng: np.random.Generator) -> np.ndarray:
    """A drawn picture with pieces of a photograph in it: (size, size, 3) float32 in [0, 1]."""
    shape = _SHAPES[rng.integers(len(_SHAPES))]
    first = _filling(photograph, size, rng)
    second = _contrasting(first, photograph, size, rng)
    share = shape(size, rng)[..., None]
    return (first + (second - first) * share).astype(np.float32)


def _contrasting(first: np.ndarray, photograph: Image.Image, size: int, rng: np.random.Generator) -> np.ndarray:
    for _ in range(3):
        second = _filling(photograph, size, rng)
        if np.abs(first.mean((0, 1)) - second.mean((0, 1))).max() >= _LEAST_CONTRAST:
            return second
    return 1 - first


def _filling(photograph: Image.Image, size: int, rng: np.random.Generator) -> np.ndarray:
    kind = rng.random()
    if kind < 0.45:
        return np.broadcast_to(_colour(photograph, rng), (size, size, 3))
    if kind < 0.7:
        along = _along(size, rng)[..., None]
        start, end = _colour(photograph, rng), _colour(photograph, rng)
        return start + (end - start) * (along - along.min()) / max(1e-6, float(np.ptp(along)))
    return np.asarray(crop_photograph(photograph, size, (0.3, 1.0), rng), np.float32) / 255


def _colour(photograph: Image.Image, rng: np.random.Generator) -> np.ndarray:
    """A colour of the photograph, or any."""
    if rng.random() < 0.3:
        return rng.random(3).astype(np.float32)
    place = int(rng.integers(photograph.width)), int(rng.integers(photograph.height))
    return np.array(photograph.getpixel(place), np.float32) / 255


def _along(size: int, rng: np.random.Generator, angle: float | None = None) -> np.ndarray:
    """Each pixel's place along a direction, in pixels from the centre: (size, size)."""
    angle = _angle(rng) if angle is None else angle
    place = np.arange(size, dtype=np.float32) - (size - 1) / 2
    return place[:, None] * np.float32(math.sin(angle)) + place * np.float32(math.cos(angle))


def _angle(rng: np.random.Generator) -> float:
    """A direction; most lines that people build are level or upright, or nearly."""
    if rng.random() < 0.4:
        return float(rng.uniform(0, 2 * math.pi))
    lean = float(rng.normal(0, 0.05)) if rng.random() < 0.5 else 0.0
    return int(rng.integers(4)) * math.pi / 2 + lean


def _inside(distance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The share of a shape in each pixel, from the signed distance to its border."""
    return np.clip(distance / rng.uniform(0.7, 1.6) + 0.5, 0, 1)


def _edge(size: int, rng: np.random.Generator) -> np.ndarray:
    return _inside(_along(size, rng) - rng.uniform(-0.35, 0.35) * size, rng)


def _band(size: int, rng: np.random.Generator) -> np.ndarray:
    half = rng.uniform(0.01, 0.12) * size
    return _inside(half - np.abs(_along(size, rng) - rng.uniform(-0.35, 0.35) * size), rng)


def _stripes(size: int, rng: np.random.Generator) -> np.ndarray:
    return _waves(_along(size, rng), size, rng)


def _waves(place: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    period, share = rng.uniform(0.06, 0.4) * size, rng.uniform(0.2, 0.8)
    phase = (place + rng.uniform(0, period)) % period
    return _inside(np.minimum(phase, share * period - phase), rng)


def _grid(size: int, rng: np.random.Generator) -> np.ndarray:
    angle = float(rng.normal(0, 0.05) if rng.random() < 0.6 else rng.uniform(0, math.pi))
    rows, columns = (_waves(_along(size, rng, angle + turn), size, rng) for turn in (0, math.pi / 2))
    return np.maximum(rows, columns) if rng.random() < 0.5 else rows + columns - 2 * rows * columns


def _polygon(size: int, rng: np.random.Generator) -> np.ndarray:
    """The part of the plane that three to six half planes share, as roofs and tables have it."""
    share = np.ones((size, size), np.float32)
    turn = rng.uniform(0, 2 * math.pi)
    count = int(rng.integers(3, 7))
    centre = rng.uniform(-0.25, 0.25, 2) * size
    for i in range(count):
        angle = turn + 2 * math.pi * (i + rng.uniform(-0.25, 0.25)) / count
        offset = centre[0] * math.cos(angle) + centre[1] * math.sin(angle)
        share = np.minimum(share, _inside(rng.uniform(0.15, 0.45) * size - _along(size, rng, angle) + offset, rng))
    return share


def _perspective(size: int, rng: np.random.Generator) -> np.ndarray:
    """Rays from a vanishing point."""
    x, y = (np.arange(size, dtype=np.float32) - rng.uniform(-0.3, 1.3) * size for _ in range(2))
    angle = np.arctan2(y[:, None], x)
    distance = np.hypot(y[:, None], x)
    period = 2 * math.pi / int(rng.integers(8, 40))
    phase = (angle + rng.uniform(0, period)) % period
    return _inside(np.minimum(phase, period / 2 - phase) * distance, rng)


_SHAPES: tuple[Callable[[int, np.random.Generator], np.ndarray], ...] = (
    *(_edge, _edge, _band, _stripes, _grid, _polygon, _polygon, _perspective),
)
