"""Detail: finished fills made anew from patches of the picture's known part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from rfr_core.box import Box
from rfr_core.canvas import Patch
from rfr_core.exemplar import synthesize
from rfr_core.pyramid import enlarged, membrane
from rfr_core.regions import Region, tile_boxes
from rfr_core.scene import CELL, Scene

LARGEST = 2**22  # pixels around a region that are worked on at once; what is larger is worked on at a smaller scale


def add_detail(scene: Scene, windows: Mapping[Region, Box], patches: Sequence[Patch]) -> list[Patch]:
    """Patches for the same pixels, with the texture of their surroundings.

    windows: what may be looked at around each region. patches: the finished fill of all regions.
    """
    return [patch for region in windows for patch in _detailed(scene, region, windows[region], patches)]


def _detailed(scene: Scene, region: Region, window: Box, patches: Sequence[Patch]) -> Iterator[Patch]:
    known = ~scene.unknown[(slice(region.item, region.item + 1), slice(None), *window.slices)]
    picture = _synthesized(_filled(scene, region.item, window, known, patches), known)
    for cell in tile_boxes(region.box, CELL, 0):
        weight = scene.weight_of(region, cell)
        if bool(weight.any()):
            yield Patch(region.item, cell, picture[(..., *cell.within(window).slices)].clone(), weight)


def _filled(scene: Scene, item: int, window: Box, known: Tensor, patches: Sequence[Patch]) -> Tensor:
    """The picture with its fill in a window, (1, 3, h, w); what is neither known nor filled is interpolated."""
    picture, there = scene.canvas.crop(item, window), known.clone()
    for patch in patches:
        common = patch.box.common(window) if patch.item == item else None
        if common is not None:
            place, source = (..., *common.within(window).slices), (..., *common.within(patch.box).slices)
            counts = patch.weight[source] > 0
            picture[place] = torch.where(counts, patch.fill[source], picture[place])
            there[place] |= counts
    if not bool(there.all()):
        picture = membrane(torch.where(there, picture, 0), there.float())
    return picture.clamp_(0, 1)


def _synthesized(picture: Tensor, known: Tensor) -> Tensor:
    levels = 0
    while known.numel() > LARGEST * 4**levels:
        levels += 1
    if not levels:
        return synthesize(picture, known)
    side = 2**levels
    small = F.avg_pool2d(picture, side, ceil_mode=True)
    surely = -F.max_pool2d(-known.float(), side, ceil_mode=True) > 0
    difference = enlarged(synthesize(small, surely) - small, side)
    return (picture + difference[..., : picture.shape[-2], : picture.shape[-1]]).clamp_(0, 1)
