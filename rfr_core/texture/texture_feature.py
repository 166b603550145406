"""The texture feature: how much fine detail a picture has around each pixel.

At coarse scales fine texture is averaged away, and patches of a smooth part are as near as those of a rough one. So
each pixel carries there what it has at full size: Newson et al. 2014, "Video Inpainting of Complex Scenes".
"""

from __future__ import annotations

import torch
from torch import Tensor

from rfr_core.ops.pyramid import box_blur
from rfr_core.texture.settings import FEATURE_RADIUS, FEATURE_WEIGHT


def texture_feature(colour: Tensor, known: Tensor) -> Tensor:
    """The mean of absolute gradients around each known pixel, weighted as a fourth channel of its colour.

    colour: (N, 3, H, W). known: (N, 1, H, W) bool; the difference of neighbours counts where both are. Returns
    (N, 1, H, W), 0 where not known.
    """
    grey = torch.where(known, colour, 0).sum(1, keepdim=True) / 3
    gradient = torch.zeros_like(grey)
    for axis in (-1, -2):
        length = grey.shape[axis] - 1
        here, before = (known.narrow(axis, start, length) for start in (1, 0))
        step = (grey.narrow(axis, 1, length) - grey.narrow(axis, 0, length)).abs()
        gradient.narrow(axis, 1, length).add_(torch.where(here & before, step, 0))
    share = box_blur(known.float(), FEATURE_RADIUS)
    mean = box_blur(gradient, FEATURE_RADIUS) / share.clamp(min=1e-6)
    return torch.where(known, mean * FEATURE_WEIGHT**0.5, 0)
