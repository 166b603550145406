"""A light record of every recurrence over one picture: what was filled, and what was still open."""

from __future__ import annotations

import torch
from torch import Tensor

from rfr_core.attention_map import AttentionMap
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
        self._attention: list[list[AttentionMap]] = []
        self._final = image

    def __len__(self) -> int:
        """How many recurrences there are."""
        return len(self._fills)

    def add(self, step: InpaintStep) -> Tensor:
        """Record a step and return its picture (1, 3, H, W)."""
        picture = step.tensor()
        self._fills.append(picture[0, :, self._inside].to(torch.float16))  # (3, K)
        self._attention.append(step.attention_maps())
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

    def attention_maps(self, index: int) -> list[AttentionMap]:
        """Where recurrence `index`, 1 to `len`, fetched each region's hole from; none without an attention."""
        self._check(index, first=1)
        return self._attention[index - 1]

    def attention(self, index: int, wanted: Tensor) -> Tensor | None:
        """Where recurrence `index` fetched the wanted pixels from: (H, W) float32 >= 0 that sums to 1 or a little less.

        wanted: (H, W) bool. None where none of them lies in the hole, or the network has no attention.
        """
        height, width = self.hole.shape[-2:]
        places = (wanted & self._inside).nonzero().tolist()
        total = torch.zeros(height, width)
        cells = 0
        for attention in self.attention_maps(index):
            found = {row for y, x in places if (row := attention.row_of(x, y)) is not None}
            if found:
                total += attention.spread(torch.tensor(sorted(found)), height, width) * len(found)
                cells += len(found)
        return total / cells if cells else None

    def _check(self, index: int, first: int = 0) -> None:
        if not first <= index <= len(self):
            raise ConfigError(f"recurrence {index} was asked for; expected a number from {first} to {len(self)}.")
