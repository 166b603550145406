"""Holes given as rectangles: x,y,width,height, also counted from the right or lower border."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from rfr_core.errors import HoleError

if TYPE_CHECKING:
    from torch import Tensor

_BOX = re.compile(r"\s*(-?\d{1,6})\s*,\s*(-?\d{1,6})\s*,\s*(\d{1,6})\s*,\s*(\d{1,6})\s*")


class HoleBox(NamedTuple):
    """A rectangle to fill, in pixels. x, y: its left upper corner; negative numbers count from the right or bottom."""

    x: int
    y: int
    width: int
    height: int


def parse_box(text: str) -> HoleBox:
    """A box from "x,y,width,height". Raises HoleError for anything else, or a side below 1."""
    match = _BOX.fullmatch(text)
    box = HoleBox(*map(int, match.groups())) if match else None
    if box is None or not box.width or not box.height:
        raise HoleError(f"The box is {text!r}; expected x,y,width,height in pixels, such as -160,-60,150,50.")
    return box


def hole_from_boxes(boxes: Iterable[HoleBox], size: tuple[int, int]) -> Tensor:
    """A hole (1, 1, H, W) bool, True inside the boxes, for a picture of ``size`` (H, W).

    Raises HoleError for a box that lies outside the picture altogether; what reaches beyond it is cut off.
    """
    import torch

    height, width = size
    hole = torch.zeros(1, 1, height, width, dtype=torch.bool)
    for box in boxes:
        left = box.x + (width if box.x < 0 else 0)
        top = box.y + (height if box.y < 0 else 0)
        inside = hole[..., max(0, top) : max(0, top + box.height), max(0, left) : max(0, left + box.width)]
        if not inside.numel():
            raise HoleError(
                f"The box {','.join(map(str, box))} lies outside the picture of {width}×{height} pixels; move it."
            )
        inside.fill_(True)
    return hole
