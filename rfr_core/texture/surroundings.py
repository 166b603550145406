"""Patches of pictures: the squares of pixels around others, which are copied only where they are asked for.

Pixels are numbered row by row, one picture of a batch after the other.
"""

from __future__ import annotations

import torch
from torch import Tensor


def corners(pixels: Tensor, shape: tuple[int, int, int], radius: int) -> Tensor:
    """Where the square around each pixel (n,) begins, once its picture has ``radius`` pixels more on every side: (n,).

    shape: N, H and W of the pictures, without these.
    """
    pictures, height, width = shape
    rows = pixels // width
    begun = pixels + rows * (2 * radius)
    if pictures > 1:
        begun += rows // height * (2 * radius * (width + 2 * radius))
    return begun


class Surroundings:
    """The squares of pixels around those of pictures, gone on outwards at the border; none is copied before asked for.

    values: how many values a square holds.
    """

    def __init__(self, picture: Tensor, radius: int) -> None:
        """picture: (N, C, H, W). radius: at least 1."""
        pictures, channels, height, width = picture.shape
        self._radius, self._shape = radius, (pictures, height, width)
        side, self._stride = 2 * radius + 1, width + 2 * radius
        self.values = side**2 * channels
        self._padded = picture.new_empty(pictures, height + 2 * radius, self._stride, channels)
        self._padded[:, radius:-radius, radius:-radius] = picture.movedim(1, -1)
        self._extend()
        # Row i: ``side`` pixels from pixel i of the padded pictures on, which overlap with those of row i + 1.
        rows = self._padded.shape[:-1].numel() - side + 1
        self._rows = self._padded.flatten().as_strided((rows, side * channels), (channels, 1))
        self._steps = torch.arange(side) * self._stride

    def __call__(self, pixels: Tensor) -> Tensor:
        """The squares around pixels (n,): (n, values), row by row, the channels of a pixel together."""
        rows = corners(pixels, self._shape, self._radius)[:, None] + self._steps
        return self._rows.index_select(0, rows.flatten()).view(len(pixels), self.values)

    def put(self, pixels: Tensor, values: Tensor) -> None:
        """Gives pixels (n,) other values (n, C)."""
        places = corners(pixels, self._shape, self._radius) + self._radius * (self._stride + 1)
        self._padded.view(-1, values.shape[1]).index_copy_(0, places, values)
        self._extend()

    def _extend(self) -> None:
        """Puts the border's values beyond it."""
        first, last = self._radius, -self._radius - 1
        inner = self._padded[:, first : last + 1]
        inner[:, :, :first] = inner[:, :, first : first + 1]
        inner[:, :, last + 1 :] = inner[:, :, last, None]
        self._padded[:, :first] = self._padded[:, first : first + 1]
        self._padded[:, last + 1 :] = self._padded[:, last, None]
