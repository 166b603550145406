"""Detail: finished fills made anew from patches of the picture's known part, and refined where the network can."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from rfr_core.fill.canvas import FilledBox
from rfr_core.fill.regions import Region, around, tile_boxes
from rfr_core.fill.scene import CELL, Scene
from rfr_core.ops.box import Box
from rfr_core.ops.pyramid import box_blur, enlarged, pull_push, share_within, spread
from rfr_core.texture.exemplar import synthesize
from rfr_core.texture.refinement import MISMATCH, MULTIPLE, PATCHED, REACH

TEXTURE = 0.9  # how much of it is wanted, see `Refinement.forward`
LARGEST = 2**22  # pixels around a region that are worked on at once; what is larger is worked on at a smaller scale
FAR_INSIDE, CROSSING = 18, 6  # pixels from the known part that are far inside, and around there to cross over within
COLOUR_BLUR = 8  # radius of the square over which colours are compared; less takes texture away, more leaves stains
GRAIN = 1.5  # times as strong as that of the patches, the finest detail may be; beyond, it is grain
FAINT = 3 / 255  # finest detail so strong is halved, stronger less so: what does not fit costs more than it gives
NOISE_RANK, NOISE_SAMPLE = 0.005, 2**16  # which of so many places, by strength of detail, is taken for noise alone
TILE = 512  # pixels a side of the parts that are refined at once, each with what counts around it

Finish = Callable[[Tensor, Tensor], Tensor]  # of an input stack and what is known


class Refine(Protocol):
    """As `Refinement.forward`, on the CPU."""

    def __call__(self, stack: Tensor, known: Tensor, *, texture: float) -> Tensor: ...


def add_detail(
    scene: Scene, windows: Mapping[Region, Box], filled: Sequence[FilledBox], refine: Refine | None
) -> list[FilledBox]:
    """The same pixels filled with the texture of their surroundings, or as exactly as the network can.

    windows: what may be looked at around each region. filled: the finished fill of all regions. refine: None where the
    network has no refinement.
    """

    def finish(stack: Tensor, known: Tensor) -> Tensor:
        detailed = stack[:, PATCHED]
        if refine is None or not bool(stack[:, MISMATCH].any()):  # an exact copy cannot be made better
            return detailed
        refined = _refined(stack, known, refine, 0.0 if scene.exact else TEXTURE)
        return refined if scene.exact else _crisp(detailed, _calmed(refined, detailed, known), known)

    return [box for region in windows for box in _detailed(scene, region, windows[region], filled, finish)]


def _detailed(
    scene: Scene, region: Region, window: Box, filled: Sequence[FilledBox], finish: Finish
) -> Iterator[FilledBox]:
    known = ~scene.unknown[(slice(region.item, region.item + 1), slice(None), *window.slices)]
    picture = _synthesized(_filled(scene, region.item, window, known, filled), known, finish)
    for cell in tile_boxes(region.box, CELL, 0):
        weight = scene.weight_of(region, cell)
        if bool(weight.any()):
            yield FilledBox(region.item, cell, picture[(..., *cell.within(window).slices)].clone(), weight)


def _filled(scene: Scene, item: int, window: Box, known: Tensor, filled: Sequence[FilledBox]) -> Tensor:
    """The picture with its fill in a window, (1, 3, h, w); what is neither known nor filled is interpolated."""
    picture, there = scene.canvas.crop(item, window), known.clone()
    for box in filled:
        common = box.box.common(window) if box.item == item else None
        if common is not None:
            place, source = (..., *common.within(window).slices), (..., *common.within(box.box).slices)
            counts = box.weight[source] > 0
            picture[place] = torch.where(counts, box.fill[source], picture[place])
            there[place] |= counts
    if not bool(there.all()):
        picture = pull_push(torch.where(there, picture, 0), there.float())
    return picture.clamp_(0, 1)


def _synthesized(picture: Tensor, known: Tensor, finish: Finish) -> Tensor:
    levels = 0
    while known.numel() > LARGEST * 4**levels:
        levels += 1
    if not levels:
        return finish(input_stack(picture, known), known)
    side = 2**levels
    small = F.avg_pool2d(picture, side, ceil_mode=True)
    surely = -F.max_pool2d(-known.float(), side, ceil_mode=True) > 0
    difference = enlarged(finish(input_stack(small, surely), surely) - small, side)
    return (picture + difference[..., : picture.shape[-2], : picture.shape[-1]]).clamp_(0, 1)


def input_stack(blurry: Tensor, known: Tensor) -> Tensor:
    """What a refinement is given: a blurry fill (1, 3, H, W) and what PatchMatch makes of it, (1, 10, H, W)."""
    return torch.cat([blurry, *synthesize(blurry, known)], 1)


def _refined(stack: Tensor, known: Tensor, refine: Refine, texture: float) -> Tensor:
    """What the refinement makes of a stack, tile by tile."""
    box = around((~known[0, 0]).numpy())
    assert box is not None
    height, width = known.shape[-2:]
    detailed = stack[:, PATCHED]
    refined = detailed.clone()
    for tile in tile_boxes(box, TILE, 0):
        if not bool(known[(..., *tile.slices)].all()):
            seen = _aligned(tile.grown(REACH, height, width), height, width)
            crops = (part[(..., *seen.slices)] for part in (stack, known))
            refined[(..., *tile.slices)] = refine(*crops, texture=texture)[(..., *tile.within(seen).slices)]
    return torch.where(known, detailed, refined.clamp_(0, 1))


def _calmed(refined: Tensor, detailed: Tensor, known: Tensor) -> Tensor:
    """The refined fill without most of its grain: its finest detail where that is faint or where patches have none.

    What is as faint in the known part, as a photograph's noise is, stays.
    """
    if not bool(known.any()):
        return refined
    fine, strength = _finest(refined)
    _, theirs = _finest(detailed)
    sample = strength[known]
    noise = sample[:: 1 + len(sample) // NOISE_SAMPLE].quantile(NOISE_RANK)
    energy = strength.square()
    kept = torch.maximum(energy / (energy + FAINT**2), noise / strength)
    kept = torch.minimum(kept, GRAIN * theirs / strength).clamp_(max=1)
    return torch.where(known, detailed, refined - fine * (1 - kept))


def _finest(picture: Tensor) -> tuple[Tensor, Tensor]:
    """The detail of a pixel or two in a picture (1, 3, H, W), and how strong it is around each pixel (1, 1, H, W)."""
    fine = picture - box_blur(picture, 1)
    return fine, box_blur(fine.square().mean(1, keepdim=True), 2).clamp_(min=1e-8).sqrt_()


def _crisp(detailed: Tensor, refined: Tensor, known: Tensor) -> Tensor:
    """The refined fill and, far inside, the detailed one in its colours: it is softer there than patches are."""
    if bool(spread(known, FAR_INSIDE - CROSSING).all()):
        return refined
    shift = box_blur(box_blur(refined - detailed, COLOUR_BLUR), COLOUR_BLUR)
    nearness = share_within(spread(known, FAR_INSIDE), CROSSING)
    return torch.where(known, detailed, torch.lerp(detailed + shift, refined, nearness).clamp_(0, 1))


def _aligned(box: Box, height: int, width: int) -> Box:
    """Grown until it begins and ends where a refinement's coarsest pixels do, or with the picture."""
    top, left, bottom, right = (MULTIPLE * place for place in box.reduced(MULTIPLE))
    return Box(top, left, min(bottom, height), min(right, width))
