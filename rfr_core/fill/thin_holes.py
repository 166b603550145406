"""Holes that need little of their surroundings: the spots of a picture with many, and long thin ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from rfr_core.ops.box import Box

SPOT = 24  # pixels a side, at most, of a spot
MANY_SPOTS = 16  # in one picture, from which on they are run with less context
CELL_BLOCKS = 8  # blocks a side of the cells by which it is told how much of its box a hole fills
FILLED_SHARE = 0.5  # of the cells in its box that a long thin hole touches; one with more is no line but a net


def are_thin(
    labels: np.ndarray, boxes: Sequence[Box], depths: np.ndarray, crop: Callable[[Box], Box], largest: int
) -> np.ndarray:
    """Which holes are known close to all of their pixels, and are many or long enough for that to matter: (n,) bool.

    labels: (rows, columns) of blocks, 1 to n, 0 = no hole. boxes: of each label, in pixels. depths: (n,), in blocks.
    crop: the crop that would be run for a box. largest: pixels of a crop from which on a hole is long.
    """
    spots = np.array([max(box.height, box.width) <= SPOT for box in boxes], dtype=bool)
    spots &= spots.sum() >= MANY_SPOTS
    long = [
        depth == 0 and crop(box).area > largest and _is_line(labels, label)
        for label, (box, depth) in enumerate(zip(boxes, depths, strict=True), 1)
    ]
    return spots | np.array(long, dtype=bool)


def _is_line(labels: np.ndarray, label: int) -> bool:
    """Whether a hole leaves most of its box free, or the box itself is narrow."""
    rows, columns = (places // CELL_BLOCKS for places in np.nonzero(labels == label))
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    touched = len(np.unique(rows * (columns.max() + 1) + columns))
    return bool(touched <= FILLED_SHARE * height * width or min(height, width) == 1)
