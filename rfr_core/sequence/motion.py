"""The motion of a picture between two frames: shift, zoom and turn, as matrices (2, 3) float64.

A motion maps pixels (x, y) of one frame, counted from the centre of the first, to where the same is in another.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rfr_core.ops.box import Box


def still() -> Tensor:
    """No motion."""
    return torch.eye(2, 3, dtype=torch.float64)


def shift(x: float, y: float) -> Tensor:
    """A motion by (x, y) pixels."""
    return torch.tensor([[1, 0, x], [0, 1, y]], dtype=torch.float64)


def zoom(scale: float, height: int, width: int) -> Tensor:
    """A zoom about the middle of a frame."""
    x, y = (1 - scale) * (width - 1) / 2, (1 - scale) * (height - 1) / 2
    return torch.tensor([[scale, 0, x], [0, scale, y]], dtype=torch.float64)


def after(second: Tensor, first: Tensor) -> Tensor:
    """The motion that is ``first`` and then ``second``."""
    turned = second[:, :2] @ first
    turned[:, 2] += second[:, 2]
    return turned


def reverse(motion: Tensor) -> Tensor:
    """The motion back."""
    inverse = torch.linalg.inv(motion[:, :2])
    return torch.cat((inverse, -(inverse @ motion[:, 2:])), 1)


def at_scale(motion: Tensor, factor: float) -> Tensor:
    """The same motion in frames whose sides are ``factor`` times as long."""
    # Pixel centres: x of the small frame is (x + 0.5) * factor - 0.5 of the large one.
    offset = 0.5 * factor - 0.5
    scaled = motion.clone()
    scaled[:, 2] = motion[:, 2] * factor + offset - motion[:, :2].sum(1) * offset
    return scaled


def places(motion: Tensor, box: Box) -> Tensor:
    """Where the pixels of a box are in the other frame: (h, w, 2), x and y."""
    y, x = torch.meshgrid(
        torch.arange(box.top, box.bottom, dtype=torch.float64),
        torch.arange(box.left, box.right, dtype=torch.float64),
        indexing="ij",
    )
    return torch.stack((x, y), -1) @ motion[:, :2].T + motion[:, 2]


def sampled(values: Tensor, at: Tensor, mode: str = "bicubic") -> Tensor:
    """Values (1, C, H, W) at places (h, w, 2): (1, C, h, w); beyond the border the border's own."""
    height, width = values.shape[-2:]
    size = at.new_tensor([max(1, width - 1), max(1, height - 1)])
    grid = (2 * at / size - 1).to(values.dtype)[None]
    return F.grid_sample(values, grid, mode=mode, padding_mode="border", align_corners=True)


def within(at: Tensor, height: int, width: int) -> Tensor:
    """Which places (h, w, 2) lie in a frame: (1, 1, h, w) bool."""
    x, y = at.unbind(-1)
    return ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))[None, None]
