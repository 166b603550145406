"""A camera's date: a row of thin digits in yellow, orange or red, near the upper or lower border."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rfr_core.defects.morphology import dilated, top_hat
from rfr_core.holes.components import label_components

_LEAST_WARMTH = 0.22  # by how much red exceeds blue in a stroke, beyond what lies around it
_EDGE_WARMTH = 0.06  # likewise at a stroke's edge, which a lens and a film have blurred over a pixel
_BORDER = 0.2  # share of the height, at the top and at the bottom, within which a stamp lies
_HEIGHTS = (0.012, 0.08)  # of a digit, as shares of the picture's shorter side
_DIGITS = 4


def find_date_stamp(picture: Tensor) -> np.ndarray:
    """Where the digits of a date are: (1, 3, H, W) in [0, 1] -> (H, W) bool."""
    height, width = picture.shape[-2:]
    side = min(height, width)
    warmth = _warmth(picture, max(2, side // 120))
    strokes = _strokes(picture, warmth)
    labels, count = label_components(strokes)
    boxes = _boxes(labels, count)  # top, left, bottom, right
    tall = boxes[:, 2] - boxes[:, 0]
    wide = boxes[:, 3] - boxes[:, 1]
    near = (boxes[:, 2] <= _BORDER * height) | (boxes[:, 0] >= (1 - _BORDER) * height)
    digit = near & (tall >= _HEIGHTS[0] * side) & (tall <= _HEIGHTS[1] * side) & (wide <= 1.2 * tall)
    rows = np.zeros(count, dtype=bool)
    for number in np.flatnonzero(digit).tolist():
        rows[number] = _in_row(boxes, digit, number)
    # Broken digits: what lies between those of a row is part of it.
    found = np.concatenate(([False], rows))[labels]
    if not rows.any():
        return found
    marked = boxes[rows]
    top, bottom, left, right = marked[:, 0].min(), marked[:, 2].max(), marked[:, 1].min(), marked[:, 3].max()
    margin = int(0.8 * np.median(tall[rows]))
    if bottom - top <= 2 * np.median(tall[rows]):
        place = slice(top, bottom), slice(max(0, left - margin), right + margin)
        found[place] |= strokes[place]
    beside = dilated(torch.from_numpy(found)[None, None].float(), 1)[0, 0].numpy() > 0
    return found | (beside & (warmth >= _EDGE_WARMTH).numpy())


def _warmth(picture: Tensor, radius: int) -> Tensor:
    """By how much red exceeds blue in what is thin, beyond what lies around it: (H, W)."""
    red, _, blue = picture[0]
    return top_hat((red - blue)[None, None], radius)[0, 0]


def _strokes(picture: Tensor, warmth: Tensor) -> np.ndarray:
    red, green, _ = picture[0]
    return ((warmth >= _LEAST_WARMTH) & (red >= green - 0.02) & (red >= 0.45)).numpy()


def _boxes(labels: np.ndarray, count: int) -> np.ndarray:
    """Top, left, bottom and right of each component, the last two beyond it: (count, 4)."""
    rows, columns = np.nonzero(labels)
    owner = labels[rows, columns] - 1
    boxes = np.zeros((count, 4), dtype=np.int64)
    boxes[:, :2] = np.iinfo(np.int64).max
    for place, values in enumerate((rows, columns)):
        np.minimum.at(boxes[:, place], owner, values)
        np.maximum.at(boxes[:, place + 2], owner, values + 1)
    return boxes


def _in_row(boxes: np.ndarray, digit: np.ndarray, number: int) -> bool:
    """Whether enough digits of about this one's height stand beside it."""
    top, left, bottom, _ = boxes[number]
    height = bottom - top
    alike = digit & (np.abs(boxes[:, 2] - bottom) <= 0.3 * height)
    alike &= np.abs((boxes[:, 2] - boxes[:, 0]) - height) <= 0.35 * height
    alike &= np.abs(boxes[:, 1] - left) <= 9 * height
    return int(alike.sum()) >= _DIGITS
