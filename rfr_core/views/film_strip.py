"""All recurrences of a picture side by side."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rfr_core.views.outline import draw_outline
from rfr_core.views.recording import Recording

_GAP = 4  # pixels between two pictures
_BACKGROUND = 0.08


def film_strip(recording: Recording, height: int = 256) -> Tensor:
    """The picture given and the one after each recurrence, in a row: (1, 3, H, W) float32 in [0, 1].

    Each has its still open hole outlined, and is scaled down to at most `height` pixels of height.
    """
    frames = [_scaled(recording, index, height) for index in range(len(recording) + 1)]
    gap = torch.full((1, 3, frames[0].shape[-2], _GAP), _BACKGROUND)
    pieces = [piece for frame in frames for piece in (gap, frame)]
    return torch.cat(pieces[1:], -1)


def stack_strips(strips: list[Tensor]) -> Tensor:
    """Strips (1, 3, h, w) of several pictures below each other, the shorter ones continued in the background."""
    width = max(strip.shape[-1] for strip in strips)
    padded = [F.pad(strip, (0, width - strip.shape[-1], 0, _GAP), value=_BACKGROUND) for strip in strips]
    return torch.cat(padded, -2)[..., :-_GAP, :]


def _scaled(recording: Recording, index: int, height: int) -> Tensor:
    picture, hole = recording.picture(index), recording.open_hole(index)
    if picture.shape[-2] > height:
        size = (height, max(1, round(picture.shape[-1] * height / picture.shape[-2])))
        picture = F.interpolate(picture, size, mode="area")
        hole = (F.interpolate(hole, size, mode="area") >= 0.5).to(torch.float32)
    return draw_outline(picture, hole)
