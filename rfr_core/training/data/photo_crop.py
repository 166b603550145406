"""Square crops of a photograph at a random place and scale."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image


def crop_photograph(
    photograph: Image.Image,
    size: int,
    scale: tuple[float, float] | None,
    rng: np.random.Generator,
    *,
    released: bool = False,
) -> Image.Image:
    """A square of ``size`` pixels, from the photograph scaled by a factor drawn from ``scale``.

    scale: even in its logarithm; ``None`` scales the largest square that fits. released: instead, the side of the
    square is drawn evenly from ``size`` to the shorter side, as in the authors' code.
    """
    shorter = min(photograph.size)
    side = float(shorter)
    if released:
        side = float(rng.integers(min(size, shorter), shorter + 1))
    elif scale is not None:
        side = min(side, size / math.exp(rng.uniform(math.log(scale[0]), math.log(scale[1]))))
    left, top = (float(rng.uniform(0, extent - side)) if extent > side else 0.0 for extent in photograph.size)
    # Whole pixels where nothing is to be scaled: interpolation would only blur.
    if side == size:
        left, top = round(left), round(top)
    box = (left, top, left + side, top + side)
    return photograph.resize((size, size), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)
