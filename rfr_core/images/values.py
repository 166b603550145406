"""Values of pixels: what counts as white in each type, luminance, and bytes from numbers in [0, 1]."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rfr_core.images.pasting import LUMA

WHITE = {"bool": 1, "uint8": 255, "uint16": 65535, "float16": 1, "bfloat16": 1, "float32": 1, "float64": 1}


def luminance(colour: Tensor) -> Tensor:
    """BT.601 luminance of (..., 3, H, W) -> (..., 1, H, W); uint8 gives exactly Pillow's gray, others float32."""
    if colour.dtype == torch.uint8:
        gray = [_pillow_gray(picture) for picture in colour.reshape(-1, *colour.shape[-3:])]
        return torch.stack(gray).reshape(*colour.shape[:-3], 1, *colour.shape[-2:])
    red, green, blue = (colour.select(-3, c).to(torch.float32) * share for c, share in enumerate(LUMA))
    return (red + green + blue).unsqueeze(-3)


def _pillow_gray(picture: Tensor) -> Tensor:
    pixels = np.ascontiguousarray(picture.permute(1, 2, 0).cpu().numpy())  # (H, W, 3)
    return torch.from_numpy(np.array(Image.fromarray(pixels).convert("L"))).to(picture.device)


def to_bytes(values: Tensor) -> Tensor:
    """Numbers in [0, 1] (others are clamped) as uint8, 0 to 255, rounded to the nearest."""
    return values.clamp(0, 1).mul_(255).round_().to(torch.uint8)  # in place: new memory takes longer than the sums


def to_pil(picture: Tensor) -> Image.Image:
    """A picture (1, C, H, W) in [0, 1] as a PIL image of 8 bits: L for one channel, RGB for three, RGBA for four."""
    pixels = to_bytes(picture[0].detach()).movedim(0, -1).cpu()
    return Image.fromarray((pixels[..., 0] if pixels.shape[-1] == 1 else pixels).contiguous().numpy())
