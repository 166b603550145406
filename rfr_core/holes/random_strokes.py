"""Random free-form strokes as the authors' training code draws them, after Yu et al. 2019 (GatedConv)."""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image, ImageDraw

from rfr_core.holes.shaping import check_size

_MOST_STROKES, _MOST_CORNERS = 15, 25
_LONGEST = 100  # pixels from one corner to the next, whatever the picture's size
_WIDTHS = (10, 24)  # pixels, even numbers


def random_stroke_hole(height: int, width: int, *, generator: np.random.Generator | int | None = None) -> torch.Tensor:
    """A random hole (1, 1, height, width) of 1 to 15 strokes that turn sharply, some of them mere dots.

    Its share is what it comes to: of a 256 px picture half on average, and mostly from a twentieth to nine tenths, as
    in the released code. generator: a NumPy generator or a seed; the same gives the same. Raises HoleError for a size
    below 1.
    """
    check_size(height, width)
    rng = np.random.default_rng(generator)
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(1, _MOST_STROKES + 1))):
        _draw_stroke(draw, height, width, rng)
    return torch.from_numpy((np.asarray(canvas) > 0).astype(np.float32))[None, None]


def _draw_stroke(draw: ImageDraw.ImageDraw, height: int, width: int, rng: np.random.Generator) -> None:
    y, x = int(rng.integers(height)), int(rng.integers(width))
    draw.point((x, y), fill=255)
    for corner in range(int(rng.integers(_MOST_CORNERS + 1))):
        angle = math.radians(int(rng.integers(361)))
        angle = -angle if corner % 2 == 0 else angle
        length, thickness = int(rng.integers(_LONGEST + 1)), int(rng.integers(_WIDTHS[0], _WIDTHS[1] + 1)) // 2 * 2
        to_y = min(max(int(y + length * math.cos(angle)), 0), height - 1)
        to_x = min(max(int(x + length * math.sin(angle)), 0), width - 1)
        draw.line((x, y, to_x, to_y), fill=255, width=thickness)
        for end_x, end_y in ((x, y), (to_x, to_y)):
            radius = thickness // 2
            draw.ellipse((end_x - radius, end_y - radius, end_x + radius, end_y + radius), fill=255)
        y, x = to_y, to_x
