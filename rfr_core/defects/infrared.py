"""Dust and scratches from a film scan's infrared channel, which film dyes let through and dirt does not."""

from __future__ import annotations

import torch
from torch import Tensor

from rfr_core.defects.morphology import dilated, top_hat, windowed_mean
from rfr_core.errors import ImageError

_WINDOW = 24  # pixels around one within which the channel's noise is measured


def find_in_infrared(infrared: Tensor, *, sensitivity: float = 0.5) -> Tensor:
    """Where the infrared channel is darker than around: (1, 1, H, W) in [0, 1] -> (1, 1, H, W) bool.

    sensitivity: 0 to 1; at 0.5 what takes a tenth of the light. Raises ImageError for another shape.
    """
    if infrared.ndim != 4 or infrared.shape[:2] != (1, 1):
        raise ImageError(f"The infrared channel has shape {tuple(infrared.shape)}; expected (1, 1, H, W).")
    radius = max(4, min(infrared.shape[-2:]) // 100)
    hidden = top_hat(1 - infrared, radius)
    absorbed = hidden / (infrared + hidden).clamp(min=0.05)
    usual = (absorbed <= 3 * windowed_mean(absorbed, _WINDOW) + 0.03).float()
    noise = windowed_mean(absorbed * usual, _WINDOW) / windowed_mean(usual, _WINDOW).clamp(min=1e-3)
    least = torch.clamp(4 * noise, min=0.2 * (1 - sensitivity))
    return dilated((absorbed > least).float(), 1) > 0
