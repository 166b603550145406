"""What `rfr_core.fill.detail` does, on arrays: fills made anew from patches of the picture's known part, and refined.

Each part is worked on by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

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
from rfr_core.ops.box import Box
from rfr_core.portable.array_pyramid import box_blur, enlarged, lerp, pull_push, share_within, spread
from rfr_core.portable.array_synthesis import quantile, synthesized
from rfr_core.portable.picture_arrays import PictureArray
from rfr_core.texture.settings import MULTIPLE, REACH

RefineArray = Callable[[np.ndarray, np.ndarray, float], np.ndarray]  # of a stack, what is known, and texture


class PlacedFill(NamedTuple):
    """A fill (3, h, w) in [0, 1] for ``box`` of the picture, and which pixels of it count (h, w) bool."""

    box: Box
    fill: np.ndarray
    own: np.ndarray


def with_detail(
    picture: PictureArray,
    hole: np.ndarray,
    parts: Sequence[Part],
    filled: Sequence[PlacedFill],
    refine: RefineArray,
    *,
    exact: bool,
) -> list[PlacedFill]:
    """The same pixels filled with the texture of their surroundings, or as exactly as the network can.

    hole: (H, W) bool. filled: the finished fill of all regions.
    """
    fills, detailed = _Placed(filled), []
    for part in sorted(parts, key=lambda part: part.region.thin and not part.piece):
        # Where a hole was cut, it goes on from what has been made of the piece before.
        finished = _Placed(detailed) if part.piece else None
        shown, known = _shown(picture, hole, part.window, fills, finished)
        # Between known pixels so near, colours are right as they are.
        made = _made(shown, known, _Finish(refine, exact, broad=not part.region.thin))
        own = hole[part.box.slices] & part.region.own_pixels(part.box)
        place = (..., *part.box.within(part.window).slices)
        detailed.append(PlacedFill(part.box, made[place].copy(), own))
    return detailed


class _Finish(NamedTuple):
    """How fills are refined. broad: whether a textured one gets the broad colours of the exact one."""

    refine: RefineArray
    exact: bool
    broad: bool


class _Placed:
    """Fills, found by their place."""

    def __init__(self, filled: Sequence[PlacedFill]) -> None:
        self._filled = filled
        self._places = np.array([fill.box for fill in filled], dtype=int).reshape(-1, 4)

    def near(self, box: Box) -> list[PlacedFill]:
        """Those that have pixels in ``box``."""
        top, left, bottom, right = self._places.T
        rows, columns = (top < box.bottom) & (bottom > box.top), (left < box.right) & (right > box.left)
        return [self._filled[i] for i in np.flatnonzero(rows & columns).tolist()]


def _shown(
    picture: PictureArray, hole: np.ndarray, window: Box, fills: _Placed, finished: _Placed | None
) -> tuple[np.ndarray, np.ndarray]:
    """The picture with its fill in a window, (3, h, w), and what is known there, (h, w) bool.

    What is neither known nor filled is interpolated. finished: fills that count as known.
    """
    known = ~hole[window.slices]
    shown, there = picture.crop(window), known.copy()
    for fill in fills.near(window):
        _show(shown, there, fill, window)
    if finished is not None:
        for fill in finished.near(window):
            known |= _show(shown, there, fill, window)
    if not bool(there.all()):
        shown = pull_push(np.where(there, shown, np.float32(0)), there[None].astype(np.float32))
    return shown.clip(0, 1), known


def _show(shown: np.ndarray, there: np.ndarray, fill: PlacedFill, window: Box) -> np.ndarray:
    """Puts a fill into the picture of a window and into what is there; returns its pixels, (h, w) bool."""
    common = fill.box.common(window)
    marked = np.zeros_like(there)
    if common is not None:
        place, source = common.within(window).slices, common.within(fill.box).slices
        marked[place] = fill.own[source]
        shown[(..., *place)] = np.where(marked[place], fill.fill[(..., *source)], shown[(..., *place)])
        there |= marked
    return marked


def _made(picture: np.ndarray, known: np.ndarray, finish: _Finish) -> np.ndarray:
    """A picture (3, h, w) made anew where it is not known; a very large one at a smaller scale."""
    levels = 0
    while known.size > LARGEST * 4**levels:
        levels += 1
    if not levels:
        return _finished(picture, known, finish)
    side = 2**levels
    small, surely = _squares_of(picture, side), _squares_of(known.astype(np.float32), side) == 1
    change = enlarged(_finished(small, surely, finish) - small, side)
    return (picture + change[..., : picture.shape[-2], : picture.shape[-1]]).clip(0, 1)


def _squares_of(values: np.ndarray, side: int) -> np.ndarray:
    """Means over squares of ``side`` pixels, (..., H, W) -> the same of 1 / side, rounded up; only what is there."""
    rows, columns = (np.arange(0, length, side) for length in values.shape[-2:])
    sums = np.add.reduceat(np.add.reduceat(values, rows, -2), columns, -1)
    counts = np.minimum(side, values.shape[-2] - rows)[:, None] * np.minimum(side, values.shape[-1] - columns)
    return sums / counts.astype(np.float32)


def _finished(blurry: np.ndarray, known: np.ndarray, finish: _Finish) -> np.ndarray:
    detailed, copies, mismatch = synthesized(blurry, known, exact=finish.exact)
    if not bool(mismatch.any()):  # an exact copy cannot be made better
        return detailed
    stack = np.concatenate([blurry, detailed, copies, mismatch])
    refined = _refined(stack, detailed, known, finish)
    if finish.exact:
        return refined
    return _with_sharp_interior(detailed, _without_grain(refined, detailed, known), known)


def _refined(stack: np.ndarray, detailed: np.ndarray, known: np.ndarray, finish: _Finish) -> np.ndarray:
    """What the refinement makes of a stack (10, h, w), tile by tile."""
    box = around(~known)
    assert box is not None
    height, width = known.shape
    refined = detailed.copy()
    for tile in tile_boxes(box, TILE, 0):
        if not bool(known[tile.slices].all()):
            seen = _aligned(tile.grown(REACH, height, width), height, width)
            shown, known_there = stack[(..., *seen.slices)], known[seen.slices]
            made = finish.refine(shown, known_there, 0.0 if finish.exact else 1.0)
            if finish.broad and not finish.exact:
                difference = np.where(known_there, np.float32(0), finish.refine(shown, known_there, 0.0) - made)
                made = made + box_blur(box_blur(difference, BROAD_BLUR), BROAD_BLUR)
            refined[(..., *tile.slices)] = made[(..., *tile.within(seen).slices)]
    return np.where(known, detailed, refined.clip(0, 1))


def _without_grain(refined: np.ndarray, detailed: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The refined fill without most of its grain: its finest detail where that is faint or where patches have none."""
    if not bool(known.any()):
        return refined
    fine, strength = _finest(refined)
    _, theirs = _finest(detailed)
    sample = strength[known]
    noise = quantile(sample[:: 1 + len(sample) // NOISE_SAMPLE], NOISE_RANK)
    energy = np.square(strength)
    kept = np.maximum(energy / (energy + np.float32(FAINT**2)), noise / strength)
    kept = np.minimum(np.minimum(kept, np.float32(GRAIN) * theirs / strength), 1)
    return np.where(known, detailed, refined - fine * (1 - kept))


def _finest(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The detail of a pixel or two in a picture (3, h, w), and how strong it is around each pixel (h, w)."""
    fine = picture - box_blur(picture, 1)
    return fine, np.sqrt(np.maximum(box_blur(np.square(fine).mean(0), 2), np.float32(1e-8)))


def _with_sharp_interior(detailed: np.ndarray, refined: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The refined fill and, far inside, the detailed one in nearly its colours: patches are sharper there."""
    if bool(spread(known, FAR_INSIDE - CROSSING).all()):
        return refined
    shift = box_blur(box_blur(refined - detailed, COLOUR_BLUR), COLOUR_BLUR)
    shift = shift.clip(np.float32(-MOST_SHIFT), np.float32(MOST_SHIFT))
    nearness = share_within(spread(known, FAR_INSIDE), CROSSING)
    return np.where(known, detailed, lerp(detailed + shift, refined, nearness).clip(0, 1))


def _aligned(box: Box, height: int, width: int) -> Box:
    """Grown until it begins and ends where a refinement's coarsest pixels do, or with the picture."""
    top, left, bottom, right = (MULTIPLE * place for place in box.reduced(MULTIPLE))
    return Box(top, left, min(bottom, height), min(right, width))
