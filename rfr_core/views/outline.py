"""The border of a hole, drawn on a picture."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_COLOUR = (1.0, 0.72, 0.1)  # amber: seen on sky, skin, foliage and in shadow


def draw_outline(pictures: Tensor, hole: Tensor, thickness: int = 1) -> Tensor:
    """Pictures (N, 3, H, W) with a line of `thickness` pixels inside the border of a hole (N, 1, H, W), on copies."""
    colour = pictures.new_tensor(_COLOUR)[:, None, None]
    return torch.where(outline(hole, thickness) > 0, colour, pictures)


def outline(hole: Tensor, thickness: int = 1) -> Tensor:
    """The hole's pixels within `thickness` of a known one: (N, 1, H, W) of 0 and 1.

    Distance counts along rows, columns and diagonals alike. The picture's border is no border of the hole.
    """
    known = (hole <= 0).to(torch.float32)
    near = F.max_pool2d(known, 2 * thickness + 1, stride=1, padding=thickness)
    return near * (1 - known)
