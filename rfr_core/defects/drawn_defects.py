"""Defects drawn over a clean picture, with the truth known: for measuring, fitting and training.

Sizes are in thousandths of the picture's shorter side, so that a defect covers the same part of any scan.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from rfr_core.defects.kinds import KINDS, check_kinds
from rfr_core.errors import ImageError
from rfr_core.ops.pyramid import box_blur

VISIBLE = 1 / 16  # the least change of a channel, white being 1, that counts as a defect
_OVERSAMPLING = 3
_ASPECT = 1.5  # of the picture that a crop is a part of
_STAMP_COLOURS = ((1.0, 0.47, 0.12), (1.0, 0.62, 0.2), (0.98, 0.3, 0.12), (1.0, 0.78, 0.3))
_SEGMENTS = {  # of a seven-segment display: a top, b upper right, ... clockwise, g the middle
    "0": "abcdef", "1": "bc", "2": "abged", "3": "abgcd", "4": "fgbc", "5": "afgcd", "6": "afgedc", "7": "abc",
    "8": "abcdefg", "9": "abfgcd",
}  # fmt: skip


class Damaged(NamedTuple):
    """A picture with defects (1, 3, H, W) in [0, 1], and by kind where they are visible (1, 1, H, W) bool."""

    picture: Tensor
    truth: dict[str, Tensor]

    @property
    def hole(self) -> Tensor:
        """Where any defect is visible: (1, 1, H, W) bool."""
        return torch.stack(list(self.truth.values())).any(0)


@dataclass(frozen=True)
class Whole:
    """What a crop is a part of, for defects of its size and number.

    side: the whole picture's shorter side in pixels. amount: how many defects the crop gets, as a share of what is
    drawn over a whole picture.
    """

    side: float
    amount: float


def draw_defects(
    picture: Tensor,
    *,
    kinds: Sequence[str] = KINDS,
    generator: np.random.Generator | int | None = None,
    whole: Whole | None = None,
) -> Damaged:
    """Draws dust, hairs, scratches, creases and a date stamp over a picture, a random number of each.

    picture: (1, 3, H, W) in [0, 1]. generator: a NumPy generator or a seed; the same gives the same. whole: what the
    picture is a crop of; ``None`` = it is whole. Raises ImageError for another shape, ConfigError for an unknown kind.
    """
    if picture.ndim != 4 or picture.shape[:2] != (1, 3):
        raise ImageError(f"The picture has shape {tuple(picture.shape)}; expected (1, 3, H, W).")
    wanted = check_kinds(kinds)
    rng = np.random.default_rng(generator)
    dark = rng.random() < 0.4  # dust on a slide or a print's surface is dark, dust on a negative white
    height, width = picture.shape[-2:]
    damaged, changes = picture, dict[str, Tensor]()
    for kind in (kind for kind in KINDS if kind in wanted):
        opacity = _opacity(kind, height, width, rng, whole)
        before = damaged
        damaged = _covered(before, opacity, _colour(kind, dark, rng))
        changes[kind] = (damaged - before).abs().amax(1, keepdim=True)
    # What is not visible in the end is none; what only several kinds together make visible is the strongest's.
    changed = (damaged - picture).abs().amax(1, keepdim=True) >= VISIBLE
    strongest = torch.stack(list(changes.values())).argmax(0)
    truth = {
        kind: changed & ((change >= VISIBLE) | (strongest == number))
        for number, (kind, change) in enumerate(changes.items())
    }
    return Damaged((damaged * 255).round() / 255, truth)


def _covered(picture: Tensor, opacity: Tensor, colour: tuple[float, float, float]) -> Tensor:
    return picture + opacity * (picture.new_tensor(colour).view(1, 3, 1, 1) - picture)


def _colour(kind: str, dark: bool, rng: np.random.Generator) -> tuple[float, float, float]:
    if kind == "stamp":
        return _STAMP_COLOURS[rng.integers(len(_STAMP_COLOURS))]
    level = rng.uniform(0.0, 0.15) if dark and kind != "crease" else rng.uniform(0.85, 1.0)
    warmth = rng.uniform(-0.02, 0.02)
    return level + warmth, level, level - warmth


def _opacity(kind: str, height: int, width: int, rng: np.random.Generator, whole: Whole | None) -> Tensor:
    """How far the defects of a kind cover the picture: (1, 1, height, width) in [0, 1]."""
    layer = _Layer(height, width, whole)
    _DRAW[kind](layer, rng)
    return layer.opacity(rng)


class _Layer:
    """What the defects of one kind are drawn on, larger than the picture, so that their edges are smooth."""

    def __init__(self, height: int, width: int, whole: Whole | None) -> None:
        self.height, self.width, self.whole = height, width, whole
        side = min(height, width) if whole is None else whole.side
        self.unit = _OVERSAMPLING * side / 1000  # of the layer's pixels
        self.size = np.array([width, height]) * _OVERSAMPLING
        self.longest = self.size.max() if whole is None else _ASPECT * _OVERSAMPLING * side
        self.image = Image.new("L", (width * _OVERSAMPLING, height * _OVERSAMPLING))
        self.draw = ImageDraw.Draw(self.image)

    def count(self, low: int, high: int, rng: np.random.Generator) -> int:
        """How many to draw: from ``low`` to ``high`` - 1 in a whole picture."""
        number = int(rng.integers(low, high))
        return number if self.whole is None else int(rng.poisson(number * self.whole.amount))

    def place(self, rng: np.random.Generator) -> np.ndarray:
        """A random point (x, y)."""
        return rng.uniform((0, 0), self.size)

    def placed(self, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A line's points (n, 2); in a crop any of them lies where the first did, for lines come in from outside."""
        return points if self.whole is None else points + points[0] - points[rng.integers(len(points))]

    def line(self, points: np.ndarray, widths: np.ndarray, opacity: float) -> None:
        """A line through points (n, 2), of a width in units at each of them."""
        value = round(255 * opacity)
        for start, end, width in zip(points[:-1], points[1:], widths, strict=False):
            pixels = max(_OVERSAMPLING, round(width * self.unit))
            self.draw.line((*start, *end), fill=value, width=pixels)
            if pixels > 2:
                radius = (pixels - 1) / 2
                self.draw.ellipse((*(end - radius), *(end + radius)), fill=value)

    def opacity(self, rng: np.random.Generator) -> Tensor:
        small = self.image.resize((self.width, self.height), Image.Resampling.BOX)
        values = torch.from_numpy(np.array(small, dtype=np.float32) / 255)[None, None]
        sharpness = rng.uniform(0.3, 1.0)  # the scanner's optics blur edges by a part of a pixel
        return sharpness * values + (1 - sharpness) * box_blur(values, 1)


def _dust(layer: _Layer, rng: np.random.Generator) -> None:
    for _ in range(layer.count(15, 90, rng)):
        radius = max(0.7 * _OVERSAMPLING, rng.lognormal(0.5, 0.6) * layer.unit)
        angles = np.linspace(0, 2 * math.pi, 10, endpoint=False)
        radii = radius * rng.lognormal(0, 0.25, 10)
        stretch = rng.uniform(0.5, 1.0, 2)
        outline = layer.place(rng) + np.stack((np.cos(angles), np.sin(angles)), 1) * radii[:, None] * stretch
        layer.draw.polygon(outline.ravel().tolist(), fill=round(255 * rng.uniform(0.5, 1.0)))


def _hairs(layer: _Layer, rng: np.random.Generator) -> None:
    for _ in range(layer.count(1, 7, rng)):
        steps = 40
        length = rng.uniform(30, 250) * layer.unit
        turns = rng.normal(0, 0.03) + rng.normal(0, 0.08, steps).cumsum() * 0.5
        angles = rng.uniform(0, 2 * math.pi) + turns.cumsum()
        points = layer.placed(_walk(layer.place(rng), angles, length / steps), rng)
        layer.line(points, np.full(steps, rng.uniform(1.0, 2.5)), rng.uniform(0.5, 0.95))


def _scratches(layer: _Layer, rng: np.random.Generator) -> None:
    upright = rng.random() < 0.7  # film is scratched along its way through the camera
    for _ in range(layer.count(1, 6, rng)):
        steps = 60
        length = rng.uniform(0.1, 1.0) * layer.longest
        angle = math.pi / 2 + rng.integers(2) * rng.normal(0, 0.02) if upright else rng.uniform(0, math.pi)
        start = layer.place(rng) * (1, 0.5 if layer.whole is None else 1)
        uneven = rng.integers(2)  # half of them are straight and even all along
        angles = angle + uneven * rng.normal(0, 0.01, steps)
        points = layer.placed(_walk(start, angles, length / steps), rng)
        widths = rng.lognormal(0.3, 0.5) * rng.lognormal(0, 0.1 * uneven, steps)
        opacity = rng.uniform(0.4, 1.0)
        gap = uneven * rng.uniform(0, 0.25)
        for part in range(steps):
            if rng.random() >= gap:
                strength = opacity * rng.uniform(1 - 0.2 * uneven, 1.0)
                layer.line(points[part : part + 2], widths[part : part + 1], strength)


def _creases(layer: _Layer, rng: np.random.Generator) -> None:
    for _ in range(layer.count(0, 3, rng)):
        steps = 80
        length = rng.uniform(0.2, 0.9) * layer.longest
        angles = rng.uniform(0, 2 * math.pi) + rng.normal(0, 0.45, steps) + rng.normal(0, 0.05, steps).cumsum()
        points = layer.placed(_walk(layer.place(rng), angles, length / steps), rng)
        widths = rng.uniform(1.5, 5.0) * rng.lognormal(0, 0.35, steps)
        layer.line(points, widths, rng.uniform(0.7, 1.0))


def _stamp(layer: _Layer, rng: np.random.Generator) -> None:
    """A camera's date in a lower corner, in the digits of a seven-segment display; in a third of pictures none."""
    if rng.random() < 1 / 3 or (layer.whole is not None and rng.random() > 4 * layer.whole.amount):
        return
    text = f"{rng.integers(0, 100):02} {rng.integers(1, 13):2} {rng.integers(1, 29):2}"
    height = rng.uniform(22, 45) * layer.unit
    advance = 0.8 * height
    left = rng.uniform(0.03, 0.08) * layer.size[0]
    if rng.random() < 0.8:
        left = layer.size[0] - left - advance * len(text)
    top = layer.size[1] * rng.uniform(0.9, 0.95) - height
    thickness = max(_OVERSAMPLING, round(height * rng.uniform(0.1, 0.16)))
    opacity = round(255 * rng.uniform(0.8, 1.0))
    for place, digit in enumerate(text):
        for segment in _SEGMENTS.get(digit, ""):
            layer.draw.line(_segment(segment, left + place * advance, top, height), fill=opacity, width=thickness)


def _segment(name: str, left: float, top: float, height: float) -> tuple[float, float, float, float]:
    """The ends of a digit's segment, (x, y, x, y)."""
    right, middle, bottom = left + 0.5 * height, top + 0.5 * height, top + height
    ends = {
        "a": (left, top, right, top), "b": (right, top, right, middle), "c": (right, middle, right, bottom),
        "d": (left, bottom, right, bottom), "e": (left, middle, left, bottom), "f": (left, top, left, middle),
        "g": (left, middle, right, middle),
    }  # fmt: skip
    return ends[name]


def _walk(start: np.ndarray, angles: np.ndarray, step: float) -> np.ndarray:
    """The points (n + 1, 2) reached by steps of one length in n directions."""
    steps = np.stack((np.cos(angles), np.sin(angles)), 1) * step
    return np.concatenate((start[None], start + steps.cumsum(0)))


_DRAW: dict[str, Callable[[_Layer, np.random.Generator], None]] = {
    "dust": _dust,
    "hair": _hairs,
    "scratch": _scratches,
    "crease": _creases,
    "stamp": _stamp,
}
