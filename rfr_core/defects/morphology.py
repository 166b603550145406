"""Gray-scale morphology with square structuring elements: (N, C, H, W) -> the same shape."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def dilated(values: Tensor, radius: int) -> Tensor:
    """The largest value in the square of ``radius`` around each pixel."""
    size = 2 * radius + 1
    values = F.max_pool2d(values, (1, size), 1, (0, radius))
    return F.max_pool2d(values, (size, 1), 1, (radius, 0))


def eroded(values: Tensor, radius: int) -> Tensor:
    """The least value in the square of ``radius`` around each pixel."""
    return -dilated(-values, radius)


def top_hat(values: Tensor, radius: int) -> Tensor:
    """What is brighter than its surroundings and nowhere holds a square of 2 * ``radius`` + 1: values minus opening."""
    return values - dilated(eroded(values, radius), radius)
