"""The frames around the one in work, and the motion between any two of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from rfr_core.fill.canvas import Canvas
from rfr_core.ops.box import Box
from rfr_core.sequence.motion import after, reverse, still
from rfr_core.sequence.registration import SmallFrame, motion_between


@dataclass
class Frame:
    """One frame. picture: (1, 3, H, W) in [0, 1], right where known. hole: (1, 1, H, W) bool."""

    index: int
    canvas: Canvas
    hole: Tensor
    picture: Tensor
    small: SmallFrame = field(repr=False)

    @classmethod
    def of(cls, index: int, canvas: Canvas, hole: Tensor) -> Frame:
        picture = canvas.crop(0, Box(0, 0, canvas.height, canvas.width)).clamp(0, 1)
        picture = torch.where(hole, 0.5, picture)
        return cls(index, canvas, hole, picture, SmallFrame(picture, ~hole))


class Motions:
    """From frame to frame: measured between neighbours, put together for others."""

    def __init__(self) -> None:
        self._from_before: dict[int, Tensor] = {}  # of the frame before to this one

    def measure(self, before: Frame, frame: Frame) -> None:
        self._from_before[frame.index] = motion_between(before.small, frame.small)

    def between(self, start: int, end: int) -> Tensor:
        """The motion from one frame to another."""
        if start > end:
            return reverse(self.between(end, start))
        motion = still()
        for index in range(start + 1, end + 1):
            motion = after(self._from_before[index], motion)
        return motion

    def forget(self, before: int) -> None:
        """Drops what frames before one of that number need."""
        for index in [index for index in self._from_before if index <= before]:
            del self._from_before[index]
