"""Padding of tensors to sides that a network can halve."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def pad_to(x: Tensor, multiple: int) -> Tensor:
    """Repeats the last row and column until both sides are multiples; a real border, unlike one of zeros."""
    bottom, right = -x.shape[-2] % multiple, -x.shape[-1] % multiple
    return F.pad(x, (0, right, 0, bottom), mode="replicate") if bottom or right else x
