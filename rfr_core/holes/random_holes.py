"""Random holes, irregular and object-shaped, for training and trials."""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image, ImageDraw

from rfr_core.errors import HoleError
from rfr_core.holes.shaping import check_size

RATIO_BUCKETS = ((0.0, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5), (0.5, 0.6))
_MAX_STROKES = 200


def random_irregular_hole(
    height: int,
    width: int,
    *,
    ratio: tuple[float, float] = (0.1, 0.6),
    generator: np.random.Generator | int | None = None,
) -> torch.Tensor:
    """A random irregular hole (1, 1, height, width): brush strokes and ellipses, as in Liu et al. 2018.

    ratio: (low, high); the share of hole is drawn evenly from [low, high) and met to the pixel: the last
    stroke ends where it is reached. At least one pixel is hole. generator: a NumPy generator or a seed; the
    same gives the same. Raises HoleError when no number of pixels lies in the ratio.
    """
    check_size(height, width)
    rng = np.random.default_rng(generator)
    target = _target_pixels(height * width, ratio, rng)
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    before = np.zeros((height, width), dtype=bool)
    for _ in range(_MAX_STROKES):
        start = _draw_shape(draw, height, width, target / (height * width), rng)
        after = np.asarray(canvas) > 0
        if np.count_nonzero(after) >= target:
            return _as_hole(_topped_up(before, after, target, start))
        before = after
    start = rng.uniform((0, 0), (width, height))
    return _as_hole(_topped_up(before, np.ones_like(before), target, start))


def random_object_hole(height: int, width: int, *, generator: np.random.Generator | int | None = None) -> torch.Tensor:
    """A random hole (1, 1, height, width) of an object's kind: one blob with a smooth closed outline.

    It takes a few per cent to 30 % of the picture (at least one pixel) and may be cut by the border.
    generator: a NumPy generator or a seed; the same gives the same. Raises HoleError for a size below 1.
    """
    check_size(height, width)
    rng = np.random.default_rng(generator)
    outline = _blob(rng) * math.sqrt(rng.uniform(0.04, 0.28) * height * width)  # (n, 2), around 0
    centre = np.array([rng.uniform(0.25, 0.75) * (width - 1), rng.uniform(0.25, 0.75) * (height - 1)])
    canvas = Image.new("L", (width, height))
    ImageDraw.Draw(canvas).polygon((outline + centre).ravel().tolist(), fill=255)
    canvas.putpixel((round(centre[0]), round(centre[1])), 255)
    return _as_hole(np.asarray(canvas) > 0)


def _target_pixels(area: int, ratio: tuple[float, float], rng: np.random.Generator) -> int:
    low, high = ratio
    if not 0 <= low < high <= 1:
        raise HoleError(f"Ratio is ({low}, {high}); expected 0 <= low < high <= 1.")
    # The slack keeps the rounding of 0.3 * 100 and its like from moving a limit by a pixel.
    least, end = max(1, math.ceil(low * area - 1e-6)), math.ceil(high * area - 1e-6)
    if least >= end:
        raise HoleError(f"No hole in {area} pixels has a ratio in [{low}, {high}); choose a wider ratio.")
    return int(rng.integers(least, end))


def _draw_shape(
    draw: ImageDraw.ImageDraw, height: int, width: int, share: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw one ellipse or stroke, wider where more is to be covered; returns where it starts, (x, y)."""
    unit = min(height, width)
    start = rng.uniform((0, 0), (width, height))
    if rng.random() < 0.25:
        radii = unit * rng.uniform(0.02, 0.06 + 0.15 * share, 2)
        draw.ellipse((*(start - radii), *(start + radii)), fill=255)
        return start
    thickness = max(1, round(unit * rng.uniform(0.02, 0.06 + 0.12 * share)))
    corners = int(rng.integers(3, 10))
    angles = rng.uniform(0, 2 * math.pi) + rng.normal(0, 0.8, corners).cumsum()
    lengths = unit * rng.uniform(0.04, 0.2, corners)
    steps = np.stack((np.cos(angles), np.sin(angles)), axis=1) * lengths[:, None]
    points = np.concatenate((start[None], start + steps.cumsum(axis=0)))  # (corners + 1, 2)
    draw.line(points.ravel().tolist(), fill=255, width=thickness)
    for x, y in points.tolist() if thickness > 2 else ():
        radius = (thickness - 1) / 2
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return start


def _topped_up(before: np.ndarray, after: np.ndarray, target: int, start: np.ndarray) -> np.ndarray:
    """`before` and as many pixels of `after`, those nearest to `start` first, as make `target` pixels."""
    added = np.flatnonzero(after & ~before)
    rows, columns = np.divmod(added, before.shape[1])
    distance = (columns - start[0]) ** 2 + (rows - start[1]) ** 2
    missing = target - np.count_nonzero(before)
    nearest = added[np.argpartition(distance, missing - 1)[:missing]]
    hole = before.copy()
    hole.reshape(-1)[nearest] = True
    return hole


def _blob(rng: np.random.Generator) -> np.ndarray:
    """A smooth closed outline of area 1 around the origin, (96, 2)."""
    angle = np.linspace(0, 2 * math.pi, 96, endpoint=False)
    waves = np.arange(2, 7)[:, None]
    heights = rng.uniform(0, 0.5, (5, 1)) / waves
    radius = np.exp((heights * np.cos(waves * angle + rng.uniform(0, 2 * math.pi, (5, 1)))).sum(axis=0))
    stretch, turn = math.exp(rng.uniform(-0.4, 0.4)), rng.uniform(0, math.pi)
    x, y = radius * np.cos(angle) * stretch, radius * np.sin(angle) / stretch
    area = 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    cosine, sine = math.cos(turn), math.sin(turn)
    return np.stack((x * cosine - y * sine, x * sine + y * cosine), axis=1) / math.sqrt(area)


def _as_hole(inside: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(inside.astype(np.float32))[None, None]
