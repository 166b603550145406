"""Partial convolution (Liu et al. 2018; paper Eq. 1-2) and the arithmetic of its masks, on one channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Coverage(NamedTuple):
    """What a partial convolution does to a mask, known before any feature is computed.

    ratio: (N, 1, H', W') float32, window size / known share of it; 0 where nothing is known (Eq. 1).
    known: (N, 1, H', W') float32 in {0, 1}, 1 where the window holds any known position (Eq. 2).
    """

    ratio: Tensor
    known: Tensor


def cover(groups: Sequence[tuple[Tensor, int]], kernel_size: int, stride: int, padding: int) -> Coverage:
    """Renormalisation and new mask of a partial convolution over channel groups that share a mask each.

    Args:
        groups: pairs of a mask (N, 1, H, W) in {0, 1}, 1 = known, and the number of channels that carry it.
            Zero padding counts as unknown.

    The released code sums all channels of a repeated mask; counting one and multiplying is the same number, exact in
    float32 whatever the features' dtype.
    """
    total = torch.zeros(())
    for known, channels in groups:
        count = F.avg_pool2d(known.float(), kernel_size, stride, padding, divisor_override=1)  # (N, 1, H', W')
        total = total.to(count.device) + channels * count
    window = kernel_size**2 * sum(channels for _, channels in groups)
    updated = (total > 0).float()
    return Coverage(window / (total + 1e-8) * updated, updated)


class PartialConv2d(nn.Conv2d):
    """A convolution without bias that sees only known positions: ``conv(x * known) * ratio``."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, kernel_size // 2, bias=False)

    def cover(self, known: Tensor) -> Coverage:
        """:func:`cover` for a mask (N, 1, H, W) that all input channels share."""
        return self.cover_groups([(known, self.in_channels)])

    def cover_groups(self, groups: Sequence[tuple[Tensor, int]]) -> Coverage:
        """:func:`cover` with this layer's geometry."""
        return cover(groups, int(self.kernel_size[0]), int(self.stride[0]), int(self.kernel_size[0]) // 2)

    def forward(self, input: Tensor, coverage: Coverage) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Convolves features (N, C, H, W) that are already 0 at unknown positions -> (N, C', H', W')."""
        return super().forward(input) * coverage.ratio.to(input.dtype)
