"""Shares of attention as colours over a picture."""

from __future__ import annotations

import torch
from torch import Tensor

from rfr_core.errors import ImageError

# From nothing to most: dark violet, magenta, orange, pale yellow; brightness rises throughout, so that it also
# reads in gray and with any kind of colour vision.
_COLOURS = ((0.05, 0.03, 0.2), (0.55, 0.1, 0.45), (0.97, 0.45, 0.2), (1.0, 0.95, 0.65))
_DIMMED = 0.35  # brightness of the gray picture beneath


def heat_map(pictures: Tensor, shares: Tensor) -> Tensor:
    """Shares in colour over dimmed gray pictures: (N, 3, H, W) float32 in [0, 1].

    pictures: (N, 3, H, W) in [0, 1]. shares: (N, H, W) >= 0; each is taken relative to its own largest value, and its
    root is shown, so that weak shares are seen too. Raises ImageError: sizes that differ.
    """
    if pictures.ndim != 4 or pictures[:, 0].shape != shares.shape:
        raise ImageError(
            f"The shares have shape {tuple(shares.shape)}; expected (N, H, W) of pictures {tuple(pictures.shape)}."
        )
    largest = shares.flatten(1).amax(1).clamp(min=1e-12)
    strength = (shares / largest[:, None, None]).sqrt()  # (N, H, W), 0 to 1
    gray = pictures.float().mean(1, keepdim=True) * _DIMMED
    return torch.lerp(gray.expand(-1, 3, -1, -1), _coloured(strength), strength[:, None])


def _coloured(strength: Tensor) -> Tensor:
    """(N, H, W) in [0, 1] -> (N, 3, H, W), linear between the colours."""
    colours = torch.tensor(_COLOURS, device=strength.device)
    place = strength.clamp(0, 1) * (len(_COLOURS) - 1)
    below = place.floor().long().clamp(max=len(_COLOURS) - 2)
    mixed = torch.lerp(colours[below], colours[below + 1], (place - below)[..., None])
    return mixed.movedim(-1, 1)
