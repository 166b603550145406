"""Gray-scale morphology with square structuring elements: (N, C, H, W) -> the same shape."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def dilated(values: Tensor, radius: int) -> Tensor:
    """The largest value in the square of ``radius`` around each pixel."""
    padded = F.pad(values, (radius,) * 4, value=-torch.inf)
    return _largest(_largest(padded, 2 * radius + 1, -1), 2 * radius + 1, -2)


def _largest(values: Tensor, size: int, axis: int) -> Tensor:
    """The largest of ``size`` values in a row; windows that double are quicker than a pooling."""
    reach = 1
    while reach < size:
        step = min(reach, size - reach)
        rest = values.shape[axis] - step
        values = torch.maximum(values.narrow(axis, 0, rest), values.narrow(axis, step, rest))
        reach += step
    return values


def eroded(values: Tensor, radius: int) -> Tensor:
    """The least value in the square of ``radius`` around each pixel."""
    return -dilated(-values, radius)


def top_hat(values: Tensor, radius: int) -> Tensor:
    """What is brighter than its surroundings and nowhere holds a square of 2 * ``radius`` + 1: values minus opening."""
    return values - dilated(eroded(values, radius), radius)


def windowed_mean(values: Tensor, radius: int) -> Tensor:
    """Means over the square of ``radius`` around each pixel, with replicate padding; quick for large ones."""
    padded = F.pad(values, (radius,) * 4, mode="replicate").double()
    size = 2 * radius + 1
    for axis in (-1, -2):
        sums = F.pad(padded.cumsum(axis), (1, 0) if axis == -1 else (0, 0, 1, 0))
        rest = sums.shape[axis] - size
        padded = sums.narrow(axis, size, rest) - sums.narrow(axis, 0, rest)
    return (padded / size**2).to(values.dtype)
