"""A light record of every recurrence over one picture: what was filled, and what was still open."""

from __future__ import annotations

import torch
from torch import Tensor

from rfr_core.errors import ConfigError
from rfr_core.inpainter import InpaintStep

NEVER = 255  # in `Recording.reached`: no recurrence has reached this pixel


class Recording:
    """The pictures of all recurrences of one picture, on the CPU, at the cost of the hole's pixels alone.

    image: (1, 3, H, W) in [0, 1], as it was given. hole: (1, 1, H, W) of 0 and 1, 1 = filled. `add` takes one step
    after another. Pictures come back exactly as the last step made them, those of earlier ones to within 1/4096.
    """

    def __init__(self, image: Tensor, hole: Tensor) -> None:
        self.image = image
        self.hole = hole
        self.reached = torch.where(hole > 0, NEVER, 0).to(torch.uint8)
        self._inside = hole[0, 0] > 0
        self._fills: list[Tensor] = []
        self._final = image

    def __len__(self) -> int:
        """How many recurrences there are."""
        return len(self._fills)

    def add(self, step: InpaintStep) -> Tensor:
        """Record a step and return its picture (1, 3, H, W)."""
        picture = step.tensor()
        self._fills.append(picture[0, :, self._inside].to(torch.float16))  # (3, K)
        newly = (self.reached == NEVER) & (step.open_hole() == 0)
        self.reached[newly] = len(self._fills)
        self._final = picture
        return picture

    @property
    def final(self) -> Tensor:
        """The last picture (1, 3, H, W); the one given where nothing was recorded."""
        return self._final

    def picture(self, index: int) -> Tensor:
        """The picture (1, 3, H, W) after recurrence `index`, 1 to `len`; 0 is the one given."""
        self._check(index)
        if index == len(self):
            return self._final
        picture = self.image.to("cpu", torch.float32, copy=True)
        if index > 0:
            picture[0, :, self._inside] = self._fills[index - 1].float()
        return picture

    def open_hole(self, index: int) -> Tensor:
        """What was still open after recurrence `index`: (1, 1, H, W) float32 of 0 and 1; 0 is the whole hole."""
        self._check(index)
        return (self.reached > index).to(torch.float32)

    def _check(self, index: int) -> None:
        if not 0 <= index <= len(self):
            raise ConfigError(f"recurrence {index} was asked for; expected a number from 0 to {len(self)}.")
