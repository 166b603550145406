"""Number formats for arithmetic that half precision is too coarse for."""

from __future__ import annotations

import torch
from torch import Tensor


def wide(x: Tensor) -> Tensor:
    """In float32, or as it is where it has more digits."""
    return x if x.dtype == torch.float64 else x.float()
