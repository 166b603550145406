"""A small U-Net that says of each pixel which kind of defect covers it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.defects.kinds import KINDS

_WIDTHS = (16, 32, 48, 64)  # channels at full size, 1/2, 1/4, 1/8
MULTIPLE_OF = 8


class DefectNet(nn.Module):
    """Picture -> for each pixel, the logits of "no defect" and of each kind in `KINDS`.

    Source of the layout: Ronneberger et al. 2015, "U-Net".
    """

    def __init__(self) -> None:
        super().__init__()
        first, *others = _WIDTHS
        self.enter = _pair(3, first)
        self.down = nn.ModuleList(_pair(a, b) for a, b in zip(_WIDTHS[:-1], others, strict=True))
        self.up = nn.ModuleList(_pair(a + b, a) for a, b in zip(_WIDTHS[:-1], others, strict=True))
        self.leave = nn.Conv2d(first, 1 + len(KINDS), 1)

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 3, H, W) in [0, 1], sides multiples of 8 -> (N, 6, H, W)."""
        levels = [self.enter(picture - 0.5)]
        for block in self.down:
            levels.append(block(F.max_pool2d(levels[-1], 2)))
        features = levels.pop()
        for block in reversed(self.up):
            features = F.interpolate(features, scale_factor=2, mode="nearest")
            features = block(torch.cat((levels.pop(), features), 1))
        return self.leave(features)


def _pair(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(*_conv(n_in, n_out), *_conv(n_out, n_out))


def _conv(n_in: int, n_out: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)
