"""What is to be filled, and how."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from rfr_core.fill.canvas import Canvas
from rfr_core.fill.regions import Region
from rfr_core.ops.box import Box

CELL = 512  # pixels a side of the parts in which the result is put together


@dataclass(frozen=True)
class Scene:
    """What is to be done.

    hole: (N, 1, H, W) bool. unknown: the same and what else the network may not look at. weight: (N, 1, H, W) in
    [0, 1], how far the fill counts, or None = fully in the whole hole. recurrences: "auto", "early" or a number.
    detail: whether the finished fill is made anew from patches of the known part. exact: whether it is then refined for
    the least error, not for texture.
    """

    canvas: Canvas
    hole: Tensor
    unknown: Tensor
    weight: Tensor | None
    recurrences: int | str
    context: float
    detail: bool
    exact: bool

    def weight_of(self, region: Region, box: Box) -> Tensor:
        """How far the fill counts in ``box`` of the picture: (1, 1, h, w) in [0, 1]."""
        place = (slice(region.item, region.item + 1), slice(None), *box.slices)
        own = (self.hole[place] & region.owns(box)).float()
        return own if self.weight is None else own * self.weight[place]
