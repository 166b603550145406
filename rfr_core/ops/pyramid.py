"""Pictures with holes at falling scales: averages of what is known, smooth interpolation of what is not."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rfr_core.ops.box import Box

# An exported graph has a fixed number of scales: enough for 4096 pixels a side, where its attention would take 256 GiB.
GRAPH_SCALES = 12


def halve(colour: Tensor, coverage: Tensor) -> tuple[Tensor, Tensor]:
    """Half the size, each colour the mean of the known ones alone.

    Args:
        colour: (N, C, H, W). coverage: (N, 1, H, W) in [0, 1], the known share of each pixel.

    Returns:
        The same of (N, C, ceil(H/2), ceil(W/2)); the colour is 0 where nothing is known.
    """
    halved, summed = average_2x2(coverage), average_2x2(colour * coverage)
    return torch.where(halved > 0, summed / halved.clamp(min=1e-6), 0), halved


def average_2x2(values: Tensor) -> Tensor:
    """Means over squares of 2x2 pixels, (N, C, H, W) -> (N, C, ceil(H/2), ceil(W/2)); what lies beyond does not count.

    Four times as quick as a pooling on a CPU.
    """
    if torch.compiler.is_compiling():
        return F.avg_pool2d(values, 2, ceil_mode=True)  # for a graph, odd sides are no case of their own
    height, width = values.shape[-2:]
    if height % 2 or width % 2:
        values = F.pad(values, (0, width % 2, 0, height % 2), mode="replicate")
    rows = values[..., ::2, :] + values[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]).div_(4)


def doubled(small: Tensor, box: Box) -> Tensor:
    """The part ``box`` of ``small`` (N, C, h, w) at twice its size, bicubic: (N, C, box.height, box.width)."""
    height, width = small.shape[-2:]
    around = box.reduced(2).grown(2, height, width)  # what the filter looks at
    large = F.interpolate(small[(..., *around.slices)], scale_factor=2, mode="bicubic")
    inside = box.shifted(-2 * around.top, -2 * around.left)
    return large[(..., *inside.slices)].clamp(0, 1)


def enlarged(small: Tensor, factor: int) -> Tensor:
    """(N, C, h, w) -> (N, C, factor * h, factor * w), bilinear."""
    return F.interpolate(small, scale_factor=factor, mode="bilinear") if factor > 1 else small


def pull_push(values: Tensor, weight: Tensor) -> Tensor:
    """Extends values smoothly to where there are none, by averages at falling scales (pull-push).

    Args:
        values: (N, C, H, W). weight: (N, 1, H, W) in [0, 1], how far each value counts.

    Returns:
        (N, C, H, W): the values where weight is 1, blended with the extension where it is less, 0 where there is no
        value at all. Source: Gortler et al. 1996, "The Lumigraph", Sec. 3.4.
    """
    # Scales beyond that of a single pixel change nothing.
    scales = GRAPH_SCALES if torch.compiler.is_compiling() else (max(values.shape[-2:]) - 1).bit_length()
    return _pull_push(values, weight, scales)


def _pull_push(values: Tensor, weight: Tensor, scales: int) -> Tensor:
    if not scales:
        return values
    small, coverage = halve(values, weight)
    small = _pull_push(small, (4 * coverage).clamp(max=1), scales - 1)
    large = F.interpolate(small, (2 * small.shape[-2], 2 * small.shape[-1]), mode="bilinear")
    large = large[..., : values.shape[-2], : values.shape[-1]]
    return torch.where(weight > 0, values * weight, 0) + large * (1 - weight)


def at_size(known: Tensor, height: int, width: int) -> Tensor:
    """A mask of the feature map (N, 1, h, w) for each pixel: (N, 1, height, width) bool."""
    scale = max(-(-height // known.shape[-2]), -(-width // known.shape[-1]))  # a side of 1 does not tell
    large = (known > 0).repeat_interleave(scale, -2).repeat_interleave(scale, -1)
    return large[..., :height, :width]


def spread(marked: Tensor, radius: int) -> Tensor:
    """Marks (N, 1, H, W) bool grown by ``radius`` pixels along rows, columns and diagonals (a square)."""
    return _spread_along(_spread_along(marked, radius, -1), radius, -2)


def share_within(marked: Tensor, radius: int) -> Tensor:
    """The share of marked pixels in the square of ``radius`` around each: (N, 1, H, W) bool -> float32 in [0, 1]."""
    return box_blur(marked.float(), radius).clamp(0, 1)


def box_blur(values: Tensor, radius: int) -> Tensor:
    """Box blur over the square of ``radius`` around each pixel, with replicate padding: (N, C, H, W) -> the same."""
    if not radius:
        return values
    size = 2 * radius + 1
    values = F.pad(values, (radius, radius, radius, radius), mode="replicate")
    return _window_sums(_window_sums(values, size, -2), size, -1).div_(size**2)


def _window_sums(values: Tensor, size: int, axis: int) -> Tensor:
    """Sums over all windows of ``size`` along an axis, of windows that double; ten times as quick as a pooling."""
    length = values.shape[axis] - size + 1
    width, done, total = 1, 0, None
    while True:
        if size & width:
            part = values.narrow(axis, done, length)
            total = part if total is None else total + part
            done += width
        if done == size:
            assert total is not None
            return total
        count = values.shape[axis] - width
        values = values.narrow(axis, 0, count) + values.narrow(axis, width, count)
        width *= 2


def _spread_along(marked: Tensor, radius: int, axis: int) -> Tensor:
    """Grown along one axis; windows that double need few passes, whatever the radius."""
    marked, length, reach = marked.clone(), marked.shape[axis], 0
    radius = min(radius, length - 1)
    while reach < radius:
        step = min(reach + 1, radius - reach)
        before = marked.clone()
        size = length - step
        marked.narrow(axis, step, size).logical_or_(before.narrow(axis, 0, size))
        marked.narrow(axis, 0, size).logical_or_(before.narrow(axis, step, size))
        reach += step
    return marked
