"""Drawn scenes with defects whose place is known."""

from __future__ import annotations

import torch
from torch import Tensor


def scene(seed: int = 0, height: int = 240, width: int = 320) -> Tensor:
    """A picture with smooth shapes and an edge, without anything thin."""
    noise = torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(seed)) * 0.5 + 0.15
    smooth = torch.nn.functional.interpolate(noise, (height, width), mode="bicubic").clamp(0, 1)
    smooth[..., width // 2 :] = (smooth[..., width // 2 :] * 0.8 + 0.1).clamp(0, 1)
    return smooth


def marked(*boxes: tuple[slice, slice]) -> Tensor:
    hole = torch.zeros(1, 1, 240, 320, dtype=torch.bool)
    for box in boxes:
        hole[(..., *box)] = True
    return hole
