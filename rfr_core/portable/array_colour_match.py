"""What `rfr_core.ops.colour_match` does, on arrays."""

from __future__ import annotations

import numpy as np

from rfr_core.ops.colour_match_settings import LEAST_CELL
from rfr_core.portable.array_pyramid import padded, pull_push


def matched_colours(output: np.ndarray, image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The output (N, 3, H, W) plus a smooth extension, into the hole, of its error where known, (N, 1, H, W) bool."""
    return output + pull_push(np.where(known, image - output, np.float32(0)), known.astype(np.float32))


def matched_cell(known: np.ndarray) -> int:
    """Pixels a side of the squares of pictures, (N, 1, H, W) bool, whose colours are matched by themselves."""
    height, width = known.shape[-2:]
    cell = LEAST_CELL
    while cell < max(height, width):
        squares = padded(known, 0, 0, -height % cell, -width % cell)
        if squares.reshape(len(known), -(-height // cell), cell, -(-width // cell), cell).any((2, 4)).all():
            break
        cell *= 2
    return cell
