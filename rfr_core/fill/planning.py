"""What planning a fill takes besides its pictures: boxes and numbers; shared by the fill without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from rfr_core.fill.regions import Region, around
from rfr_core.fill.sizes import BATCH_PIXELS, DETAILED_CROP, MATCHED_MARGIN, SLACK
from rfr_core.ops.box import Box


class Crop(Protocol):
    """A crop that is run: its box, and how often."""

    @property
    def crop(self) -> Box: ...

    @property
    def recurrences(self) -> int: ...


C = TypeVar("C", bound=Crop)


@dataclass(frozen=True)
class Part:
    """Pixels of a region that detail is added to at once.

    box: around them. window: what may be looked at. piece: whether the region goes on beside it.
    """

    region: Region
    box: Box
    window: Box
    piece: bool


def coarsest_scale(depth: int, reach: int) -> int:
    """At 1 / 2^n of the picture's size a network that reaches so many pixels fills a hole so deep: n."""
    return max(0, math.ceil(math.log2(depth / (SLACK * reach))))


def finest_scale(area: int) -> int:
    """At 1 / 2^n of the picture's size a crop of so many pixels is run in the end where detail follows: n.

    What patches and refinement add is as good where the fill that they are given has no finer structure than that.
    """
    return max(0, math.ceil(math.log(area / DETAILED_CROP, 4)))


def at_full_size(box: Box, halvings: int, window: Box) -> Box:
    """A box of what lies in ``window`` of a picture, at 1 / 2^halvings of its size, in the picture's pixels."""
    scaled = box.enlarged(2**halvings).shifted(window.top, window.left)
    common = scaled.common(window)
    assert common is not None
    return common


def tight(marked: np.ndarray, box: Box) -> Box | None:
    """The least box, within ``box``, around what is marked in it, (h, w) bool; None where nothing is."""
    found = around(marked)
    return None if found is None else found.shifted(box.top, box.left)


def decoded_box(unknown: np.ndarray, cell: int) -> Box:
    """What of a crop is decoded: around what is unknown, (h, w) bool, as much as colours are matched to.

    cell: see `rfr_core.ops.colour_match.matched_cell`.
    """
    height, width = unknown.shape
    box = around(unknown)
    if box is None:
        return Box(0, 0, height, width)
    top, left, bottom, right = box.grown(MATCHED_MARGIN, height, width).reduced(cell).enlarged(cell)
    return Box(top, left, min(bottom, height), min(right, width))


def batched(crops: Sequence[C]) -> list[list[C]]:
    """Crops in batches for one call of the network: of one size, as often."""
    batches: dict[tuple[int, int, int], list[list[C]]] = {}
    for crop in crops:
        alike = batches.setdefault((crop.crop.height, crop.crop.width, crop.recurrences), [[]])
        if alike[-1] and (len(alike[-1]) + 1) * crop.crop.area > BATCH_PIXELS:
            alike.append([])
        alike[-1].append(crop)
    return [batch for alike in batches.values() for batch in alike]
