"""Two pictures in one frame, one on each side of a line."""

from __future__ import annotations

import torch
from torch import Tensor

from rfr_core.errors import ImageError


def split_view(left: Tensor, right: Tensor, position: float = 0.5) -> Tensor:
    """The left part of one picture and the right part of another, a white line between: (N, 3, H, W).

    left, right: (N, 3, H, W) in [0, 1]. position: where the line stands, 0 (all right) to 1 (all left).
    Raises ImageError: shapes that differ, or a position out of range.
    """
    if left.shape != right.shape or left.ndim != 4:
        raise ImageError(f"The pictures have shapes {tuple(left.shape)} and {tuple(right.shape)}; expected the same.")
    if not 0 <= position <= 1:
        raise ImageError(f"The position of the line is {position}; expected a number from 0 to 1.")
    width = left.shape[-1]
    column = round(position * width)
    joined = torch.cat([left[..., :column], right[..., column:]], -1)
    half = max(1, round(width / 512))
    if 0 < column < width:
        joined[..., max(0, column - half) : column + half] = 1.0
    return joined
