"""Learnable attention maps (Xie et al. 2019, forward maps) as area identification."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.network.partial_conv import PartialConv2d

_EXPONENT = 0.8  # of the map's update
_PEAK, _CENTRE = 1.1, 2.0  # as initialised by Xie et al.


class LearnableAttentionMap(PartialConv2d):
    """A convolution whose renormalisation is learned: a function of a convolved map, in place of Eq. 1's ratio.

    Which positions count as known stays a matter of the window's reach (Eq. 2), so that the number of recurrences can
    be planned and features be merged. The map starts as the mask at each recurrence and softens within it.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride)
        # A window that is all known starts at twice the centre, where the map is flat and close to 1.
        self.map_weight = nn.Parameter(torch.full((1, 1, kernel_size, kernel_size), 2 * _CENTRE / kernel_size**2))
        self.peak = nn.Parameter(torch.tensor(_PEAK))
        self.centre = nn.Parameter(torch.tensor(_CENTRE))
        self.rise = nn.Parameter(torch.ones(()))
        self.fall = nn.Parameter(torch.ones(()))

    def attend(self, attention: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, 1, H, W) in [0, 1] -> the ratio (N, 1, H', W') above 0, and the map for the next layer.

        With c the convolved map: ratio = peak * exp(-rise * (c - centre)^2) below the centre, and
        1 + (peak - 1) * exp(-fall * (c - centre)^2) above it; next map = min(1, max(0, c)^0.8).
        """
        weight = self.map_weight.to(attention.dtype)
        convolved = F.conv2d(attention, weight, None, self.stride, self.padding)
        offset = (convolved - self.centre).square()
        rising = self.peak * torch.exp(-self.rise * offset)
        falling = 1 + (self.peak - 1) * torch.exp(-self.fall * offset)
        ratio = torch.where(convolved < self.centre, rising, falling)
        # A power below 1 has no slope at 0; the floor keeps the gradient finite.
        return ratio, convolved.clamp(min=1e-6).pow(_EXPONENT).clamp(max=1)
