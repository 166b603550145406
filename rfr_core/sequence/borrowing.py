"""Takes what one frame hides from another one that shows it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rfr_core.fill.regions import around
from rfr_core.images.values import luminance
from rfr_core.ops.pyramid import box_blur, pull_push, spread
from rfr_core.sequence.motion import places, sampled, within
from rfr_core.sequence.registration import local_shifts, refined

_MARGIN = 48  # pixels around a hole that tell how well two frames agree
_WORST = 0.06  # mean difference around the hole beyond which they show something else
_LOCAL = 8  # pixels around one over which agreement is measured
_SAFE = 2  # pixels next to another frame's hole that are not taken: codecs blur its edge


@dataclass(frozen=True)
class OtherFrame:
    """Another frame: its number, its picture (1, 3, H, W), and what of it may be taken (1, 1, H, W) bool."""

    index: int
    picture: Tensor
    known: Tensor


def borrow(picture: Tensor, left: Tensor, hole: Tensor, source: OtherFrame, motion: Tensor) -> tuple[Tensor, Tensor]:
    """The picture with what the source shows of its hole, and what is left.

    Args:
        picture: (1, 3, H, W), filled where ``hole`` is but ``left`` is not. left, hole: (1, 1, H, W) bool.
        motion: (2, 3), from the picture to the source.
    """
    found = around(left[0, 0].numpy())
    if found is None:
        return picture, left
    height, width = picture.shape[-2:]
    box = found.grown(_MARGIN, height, width)
    known = ~hole
    usable = ~spread(~source.known, _SAFE)
    motion = refined(picture, known, source.picture, usable, motion, box)
    own, free = picture[(..., *box.slices)], known[(..., *box.slices)]
    at = places(motion, box)
    moved, there = _seen(source.picture, usable, at)
    if not bool((there & left[(..., *box.slices)]).any()):
        return picture, left
    at = at + local_shifts(luminance(own), free, luminance(moved), there)
    moved, there = _seen(source.picture, usable, at)
    compared = free & there
    if not bool(compared.any()):
        return picture, left
    error = (own - moved) * compared
    # Frames that show something else near a part of the hole are of no use there.
    share = box_blur(compared.float(), _LOCAL)
    misfit = pull_push(
        box_blur(error.abs().mean(1, keepdim=True), _LOCAL) / share.clamp(min=1e-3), (share > 0.2).float()
    )
    moved = (moved + pull_push(error, compared.float())).clamp(0, 1)  # exposure and white balance may differ
    taken = left[(..., *box.slices)] & there & (misfit < _WORST)
    picture, left = picture.clone(), left.clone()
    picture[(..., *box.slices)] = torch.where(taken, moved, own)
    left[(..., *box.slices)] &= ~taken
    return picture, left


def _seen(picture: Tensor, usable: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """The picture at places (h, w, 2), and where it may be used."""
    there = within(at, *picture.shape[-2:]) & (sampled(usable.float(), at, "bilinear") > 0.999)
    return sampled(picture, at).clamp(0, 1), there
