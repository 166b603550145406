"""DefectNet: a small U-Net (Ronneberger et al. 2015) that tells defects from the picture's own detail, pixel by pixel.

It works at half the picture's size; what two by two pixels show comes in as channels, and goes out as such. So it sees
single pixels at a quarter of the cost.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.config import RFRConfig
from rfr_core.defects.kinds import KINDS

CLASSES = 1 + len(KINDS)  # 0 = no defect, then the kinds in their order
MULTIPLE = 16  # of which height and width are multiples
_GROWTH = (1.0, 1.5, 2.0, 2.5)  # of the width, from one scale to the next
_RARE = 4.0  # logit of "no defect" at the start: nearly every pixel is none


class DefectNet(nn.Module):
    """Picture -> how likely each pixel is a defect, by kind. Of the configuration it takes ``width``."""

    def __init__(self, config: RFRConfig) -> None:
        super().__init__()
        self.config = config
        widths = [round(config.width * growth) for growth in _GROWTH]
        self.enter = _convolutions(4 * 3, widths[0])
        self.down = nn.ModuleList(_convolutions(a, b) for a, b in pairwise(widths))
        self.up = nn.ModuleList(_convolutions(a + b, a) for a, b in pairwise(widths))
        self.leave = nn.Conv2d(widths[0], 4 * CLASSES, 3, padding=1)
        nn.init.zeros_(self.leave.bias)  # pyright: ignore[reportArgumentType]
        with torch.no_grad():
            self.leave.bias[:4] = _RARE  # pyright: ignore[reportOptionalSubscript]

    def forward(self, picture: Tensor) -> Tensor:
        """Logits (N, CLASSES, H, W) of a picture (N, 3, H, W) in [0, 1]; H and W multiples of `MULTIPLE`."""
        features = [self.enter(F.pixel_unshuffle(picture - 0.5, 2))]
        for down in self.down:
            features.append(down(F.max_pool2d(features[-1], 2)))
        values = features.pop()
        for up in reversed(self.up):
            values = F.interpolate(values, scale_factor=2.0, mode="nearest")
            values = up(torch.cat((features.pop(), values), 1))
        return F.pixel_shuffle(self.leave(values), 2)


def _convolutions(before: int, after: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (before, after):
        layers += [nn.Conv2d(channels, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers)
