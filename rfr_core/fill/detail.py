"""Detail: finished fills made anew from patches of the picture's known part, and refined where the network can."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rfr_core.fill.canvas import FilledBox
from rfr_core.fill.detail_settings import (
    BROAD_BLUR,
    COLOUR_BLUR,
    CROSSING,
    FAINT,
    FAR_INSIDE,
    GRAIN,
    LARGEST,
    MOST_SHIFT,
    NOISE_RANK,
    NOISE_SAMPLE,
    TILE,
)
from rfr_core.fill.planning import Part
from rfr_core.fill.regions import around, tile_boxes
from rfr_core.fill.scene import CELL, Scene
from rfr_core.inference.devices import to_device
from rfr_core.ops.box import Box
from rfr_core.ops.pyramid import box_blur, enlarged, pull_push, share_within, spread
from rfr_core.ops.quantile import quantile
from rfr_core.texture.exemplar import synthesize
from rfr_core.texture.refinement import MISMATCH, PATCHED
from rfr_core.texture.settings import MULTIPLE, REACH

BATCH_PIXELS = 2**18  # of small regions that are refined in one call
GPU_PIXELS = 2**14  # of holes, from which on their patches are searched on a GPU
_CPU = torch.device("cpu")

Finish = Callable[[Tensor, Tensor], Tensor]  # of pictures with a blurry fill, and what is known


class Refine(Protocol):
    """As `Refinement.forward`, on the CPU."""

    def __call__(self, stack: Tensor, known: Tensor, *, texture: float, box: Box | None) -> Tensor: ...


def add_detail(
    scene: Scene, parts: Sequence[Part], filled: Sequence[FilledBox], refine: Refine | None, device: torch.device
) -> list[FilledBox]:
    """The same pixels filled with the texture of their surroundings, or as exactly as the network can.

    filled: the finished fill of all regions. refine: None where the network has no refinement. device: the network's,
    where patches for large holes are searched, if it is a CUDA device.
    """
    fills = _Fills(filled)
    detailed: list[FilledBox] = []
    for batch in _batches(parts):
        # Where a hole was cut, it goes on from what has been made of the piece before.
        finished = _Fills(detailed) if batch[0].piece else None
        seen = [_seen(scene, part, fills, finished) for part in batch]
        pictures, knowns = (torch.cat(tensors) for tensors in zip(*seen, strict=True))
        # Between known pixels so near, colours are right as they are.
        broad = not batch[0].region.thin
        finish = partial(_detailed, refine=refine, exact=scene.exact, broad=broad, device=device)
        made = _made(pictures, knowns, finish)
        for part, picture in zip(batch, made.split(1), strict=True):
            detailed += _in_cells(scene, part, picture)
    return detailed


class _Fills:
    """Fills, found by their place."""

    def __init__(self, filled: Sequence[FilledBox]) -> None:
        self._filled = filled
        self._places = np.array([(fill.item, *fill.box) for fill in filled], dtype=int).reshape(-1, 5)

    def near(self, item: int, box: Box) -> list[FilledBox]:
        """Those of a picture that have pixels in ``box``."""
        items, top, left, bottom, right = self._places.T
        rows, columns = (top < box.bottom) & (bottom > box.top), (left < box.right) & (right > box.left)
        return [self._filled[i] for i in np.flatnonzero((items == item) & rows & columns).tolist()]


def _batches(parts: Sequence[Part]) -> list[list[Part]]:
    """Large parts and pieces one by one, then small ones, whose windows have one size, together."""
    alone = [[part] for part in parts if part.piece or not part.region.thin]
    small: dict[tuple[int, int], list[list[Part]]] = {}
    for part in parts:
        if part.region.thin and not part.piece:
            alike = small.setdefault((part.window.height, part.window.width), [[]])
            if alike[-1] and (len(alike[-1]) + 1) * part.window.area > BATCH_PIXELS:
                alike.append([])
            alike[-1].append(part)
    return alone + [batch for alike in small.values() for batch in alike]


def _in_cells(scene: Scene, part: Part, picture: Tensor) -> Iterator[FilledBox]:
    """What the picture of a part's window shows of the part."""
    for cell in tile_boxes(part.box, CELL, 0):
        weight = scene.weight_of(part.region, cell)
        if bool(weight.any()):
            fill = picture[(..., *cell.within(part.window).slices)].clone()
            yield FilledBox(part.region.item, cell, fill, weight)


def _seen(scene: Scene, part: Part, fills: _Fills, finished: _Fills | None) -> tuple[Tensor, Tensor]:
    """The picture with its fill in a part's window, (1, 3, h, w), and what is known there, (1, 1, h, w) bool.

    What is neither known nor filled is interpolated. finished: fills that count as known.
    """
    item, window = part.region.item, part.window
    known = ~scene.unknown[(slice(item, item + 1), slice(None), *window.slices)]
    picture, there = scene.canvas.crop(item, window), known.clone()
    for fill in fills.near(item, window):
        _show(picture, there, fill, window)
    if finished is not None:
        for fill in finished.near(item, window):
            known |= _show(picture, there, fill, window)
    if not bool(there.all()):
        picture = pull_push(torch.where(there, picture, 0), there.float())
    return picture.clamp_(0, 1), known


def _show(picture: Tensor, there: Tensor, fill: FilledBox, window: Box) -> Tensor:
    """Puts a fill into the picture of a window and into what is there; returns its pixels, (1, 1, h, w) bool."""
    common = fill.box.common(window)
    shown = torch.zeros_like(there)
    if common is not None:
        place, source = (..., *common.within(window).slices), (..., *common.within(fill.box).slices)
        shown[place] = fill.weight[source] > 0
        picture[place] = torch.where(shown[place], fill.fill[source], picture[place])
        there |= shown
    return shown


def _made(picture: Tensor, known: Tensor, finish: Finish) -> Tensor:
    """Finished pictures (N, 3, H, W), of larger ones than `LARGEST` what finishing changes at a smaller size."""
    levels = 0
    while known[0].numel() > LARGEST * 4**levels:
        levels += 1
    if not levels:
        return finish(picture, known)
    side = 2**levels
    small = F.avg_pool2d(picture, side, ceil_mode=True)
    surely = -F.max_pool2d(-known.float(), side, ceil_mode=True) > 0
    difference = enlarged(finish(small, surely) - small, side)
    return difference[..., : picture.shape[-2], : picture.shape[-1]].add_(picture).clamp_(0, 1)


def _detailed(
    blurry: Tensor, known: Tensor, *, refine: Refine | None, exact: bool, broad: bool, device: torch.device
) -> Tensor:
    stack = input_stack(blurry, known, device, exact=exact)
    return _finished(stack, known, refine=refine, exact=exact, broad=broad)


def input_stack(blurry: Tensor, known: Tensor, device: torch.device = _CPU, *, exact: bool = False) -> Tensor:
    """What a refinement is given: blurry fills (N, 3, H, W) and what PatchMatch makes of them, (N, 10, H, W).

    All on the CPU. device: to search patches on, if it is a CUDA device and many are searched: for few, the CPU is done
    before a GPU has begun. exact: as `synthesize` has it.
    """
    if device.type == "cuda" and int((~known).count_nonzero()) >= GPU_PIXELS:
        made = synthesize(to_device(blurry, device), to_device(known, device), exact=exact)
        return torch.cat([blurry, *(part.cpu() for part in made)], 1)
    return torch.cat([blurry, *synthesize(blurry, known, exact=exact)], 1)


def _finished(stack: Tensor, known: Tensor, *, refine: Refine | None, exact: bool, broad: bool) -> Tensor:
    """Pictures (N, 3, H, W) made of their input stacks; broad: see `_refined`."""
    detailed = stack[:, PATCHED]
    better = [bool(mismatch.any()) for mismatch in stack[:, MISMATCH]]  # an exact copy cannot be made better
    if refine is None or not any(better):
        return detailed
    refined = _refined(stack, known, refine, exact=exact, broad=broad)
    parts = zip(better, *(values.split(1) for values in (detailed, refined, known)), strict=True)
    return torch.cat([_textured(*part, exact=exact) if wanted else part[0] for wanted, *part in parts])


def _textured(detailed: Tensor, refined: Tensor, known: Tensor, *, exact: bool) -> Tensor:
    return refined if exact else _with_sharp_interior(detailed, _without_grain(refined, detailed, known), known)


def _refined(stack: Tensor, known: Tensor, refine: Refine, *, exact: bool, broad: bool) -> Tensor:
    """What the refinement makes of a stack, tile by tile.

    broad: whether a textured fill gets the broad colours of the exact one. What looks real is further from the truth in
    its colours, too, which texture does not need.
    """
    box = around((~known).any(0)[0].numpy())
    assert box is not None
    height, width = known.shape[-2:]
    detailed = stack[:, PATCHED]
    refined = detailed.clone()
    for tile in tile_boxes(box, TILE, 0):
        if not bool(known[(..., *tile.slices)].all()):
            seen = _aligned(tile.grown(REACH, height, width), height, width)
            crops = [part[(..., *seen.slices)] for part in (stack, known)]
            wanted = tile.grown(2 * BROAD_BLUR, height, width)
            again = partial(refine, *crops, box=wanted.within(seen))
            made = again(texture=0 if exact else 1)
            if broad and not exact:
                difference = torch.where(known[(..., *wanted.slices)], 0, again(texture=0) - made)
                made = made + box_blur(box_blur(difference, BROAD_BLUR), BROAD_BLUR)
            refined[(..., *tile.slices)] = made[(..., *tile.within(wanted).slices)]
    return torch.where(known, detailed, refined.clamp_(0, 1))


def _without_grain(refined: Tensor, detailed: Tensor, known: Tensor) -> Tensor:
    """The refined fill without most of its grain: its finest detail where that is faint or where patches have none.

    What is as faint in the known part, as a photograph's noise is, stays.
    """
    if not bool(known.any()):
        return refined
    fine, strength = _finest(refined)
    _, theirs = _finest(detailed)
    sample = strength[known]
    noise = quantile(sample[:: 1 + len(sample) // NOISE_SAMPLE], NOISE_RANK)
    energy = strength.square()
    kept = torch.maximum(energy / (energy + FAINT**2), noise / strength)
    kept = torch.minimum(kept, GRAIN * theirs / strength).clamp_(max=1)
    return torch.where(known, detailed, refined - fine * (1 - kept))


def _finest(picture: Tensor) -> tuple[Tensor, Tensor]:
    """The detail of a pixel or two in a picture (1, 3, H, W), and how strong it is around each pixel (1, 1, H, W)."""
    fine = picture - box_blur(picture, 1)
    return fine, box_blur(fine.square().mean(1, keepdim=True), 2).clamp_(min=1e-8).sqrt_()


def _with_sharp_interior(detailed: Tensor, refined: Tensor, known: Tensor) -> Tensor:
    """The refined fill and, far inside, the detailed one in nearly its colours: it is blurrier there than patches are.

    Where colours are further apart than a change of light, patches show something else, which would turn pale.
    """
    if bool(spread(known, FAR_INSIDE - CROSSING).all()):
        return refined
    shift = box_blur(box_blur(refined - detailed, COLOUR_BLUR), COLOUR_BLUR).clamp_(-MOST_SHIFT, MOST_SHIFT)
    nearness = share_within(spread(known, FAR_INSIDE), CROSSING)
    return torch.where(known, detailed, torch.lerp(detailed + shift, refined, nearness).clamp_(0, 1))


def _aligned(box: Box, height: int, width: int) -> Box:
    """Grown until it begins and ends where a refinement's coarsest pixels do, or with the picture."""
    top, left, bottom, right = (MULTIPLE * place for place in box.reduced(MULTIPLE))
    return Box(top, left, min(bottom, height), min(right, width))
