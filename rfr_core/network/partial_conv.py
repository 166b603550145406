"""Partial convolution (Liu et al. 2018; paper Eq. 1-2) and the arithmetic of its masks, on one channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.ops.precision import wide


class Coverage(NamedTuple):
    """What a partial convolution does to a mask, known before any feature is computed.

    ratio: (N, 1, H', W') float32 or float64, window size / known share of it; 0 where nothing is known (Eq. 1).
    known: (N, 1, H', W') likewise, in {0, 1}, 1 where the window holds any known position (Eq. 2).
    """

    ratio: Tensor
    known: Tensor


def cover(groups: Sequence[tuple[Tensor, int]], kernel_size: int, stride: int, padding: int) -> Coverage:
    """Renormalisation and new mask of a partial convolution over channel groups that share a mask each.

    Args:
        groups: pairs of a mask (N, 1, H, W) in {0, 1}, 1 = known, and the number of channels that carry it.
            Zero padding counts as unknown.

    The released code sums all channels of a repeated mask; counting one and multiplying is the same number, exact in
    float32 whatever the features' dtype. Its 1e-8 beside a sum of at least 1 is nothing in float32.
    """
    total = torch.zeros(())
    for known, channels in groups:
        count = _window_sum(wide(known), kernel_size, stride, padding)  # (N, 1, H', W')
        total = total.to(count.device) + channels * count
    window = kernel_size**2 * sum(channels for _, channels in groups)
    updated = (total > 0).to(total.dtype)
    return Coverage(window / total.clamp(min=1) * updated, updated)


def _window_sum(x: Tensor, size: int, stride: int, padding: int) -> Tensor:
    """How many ones each window holds; columns first and then rows: 2 * size additions instead of size * size."""
    columns = F.avg_pool2d(x, (size, 1), (stride, 1), (padding, 0))
    return (F.avg_pool2d(columns, (1, size), (1, stride), (0, padding)) * size**2).round_()


class PartialConv2d(nn.Conv2d):
    """A convolution that sees only known positions: ``conv(x * known) * ratio``, plus the bias where there is one."""

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
        return self.renormalize(self._conv_forward(input, self.weight, None), coverage.ratio.to(input.dtype))

    def forward_groups(self, inputs: Sequence[Tensor], coverage: Coverage) -> Tensor:
        """As :meth:`forward` for an input in groups of channels, which are not copied together first."""
        weights = self.weight.split([x.shape[1] for x in inputs], 1)
        total = self._conv_forward(inputs[0], weights[0], None)
        for x, weight in zip(inputs[1:], weights[1:], strict=True):
            total += self._conv_forward(x, weight, None)
        return self.renormalize(total, coverage.ratio.to(inputs[0].dtype))

    def renormalize(self, convolved: Tensor, ratio: Tensor) -> Tensor:
        """``convolved * ratio + bias``; overwrites ``convolved`` where it can."""
        if self.bias is not None:
            out = None if torch.is_grad_enabled() or convolved.dtype != ratio.dtype else convolved
            return torch.addcmul(self.bias.view(-1, 1, 1), convolved, ratio, out=out)
        return convolved.mul_(ratio) if convolved.dtype == ratio.dtype else convolved * ratio


def masked(features: Tensor, known: Tensor) -> Tensor:
    """Features (N, C, H, W) with 0 where ``known`` (N, 1, H, W) is 0; overwrites them where no gradient is recorded."""
    known = known.to(features.dtype)
    return features * known if torch.is_grad_enabled() else features.mul_(known)
