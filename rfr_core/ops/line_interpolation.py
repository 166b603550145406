"""Colours of a hole interpolated along straight lines: between the two known pixels that a line meets on either side.

A line along an edge of the picture meets the same colour twice; so how far both colours differ tells which of several
directions goes on with what is there. Where a line leaves the picture before it meets anything known, its other end
alone gives the colour.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from rfr_core.ops.pyramid import box_blur

DIRECTIONS = ((0, 1), (1, 2), (1, 1), (2, 1), (1, 0), (2, -1), (1, -1), (1, -2))  # rows and columns of a step
REACH = 7  # doublings: lines are followed for 2^7 steps
_NOWHERE = 1e4  # pixels; the distance of what a line does not meet
_CONTRAST = 0.12  # difference of a line's ends, mean over colours, that counts as one
_FARTHER = 0.3  # what the farther end's distance counts beside the nearer one's


class LineInterpolation(NamedTuple):
    """What lines make of a hole.

    colours: (N, D, 3, H, W) of D directions; the picture's own where known, ``fill`` where a line meets nothing.
    trust: (N, D, H, W), up to 0: how far each is to be trusted, as the logarithm of a weight.
    """

    colours: Tensor
    trust: Tensor


def interpolate_along_lines(image: Tensor, known: Tensor, fill: Tensor) -> LineInterpolation:
    """Interpolates along all `DIRECTIONS`.

    image: (N, 3, H, W), of any value where unknown. known: (N, 1, H, W) in {0, 1}. fill: (N, 3, H, W).
    """
    colours, trusts = [], []
    for rows, columns in DIRECTIONS:
        step = (rows**2 + columns**2) ** 0.5
        ahead, behind = _distance(known, rows, columns), _distance(known, -rows, -columns)
        one, other = (_at(image, d, *s) for d, s in ((ahead, (rows, columns)), (behind, (-rows, -columns))))
        meets_one, meets_other = ahead < _NOWHERE, behind < _NOWHERE
        share = ahead / (ahead + behind).clamp(min=1)  # of the end behind
        colour = torch.where(meets_one & meets_other, torch.lerp(one, other, share), torch.where(meets_one, one, other))
        colours.append(torch.where(meets_one | meets_other, colour, fill))
        difference = torch.where(meets_one & meets_other, (one - other).square().mean(1, keepdim=True), _CONTRAST**2)
        length = torch.minimum(ahead, behind) + _FARTHER * torch.maximum(ahead, behind).clamp(max=2.0**REACH)
        trust = -box_blur(difference, 1) / _CONTRAST**2 - (step * length).clamp(min=1, max=_NOWHERE).log()
        trusts.append(torch.where(known > 0, 0, trust))
    return LineInterpolation(torch.stack(colours, 1), torch.cat(trusts, 1))


def _distance(known: Tensor, rows: int, columns: int) -> Tensor:
    """Steps back along a direction to the first known pixel: (N, 1, H, W)."""
    distance = torch.where(known > 0, 0.0, _NOWHERE)
    height, width = known.shape[-2:]
    for doubling in range(REACH):
        size = 2**doubling
        # Never beyond the picture, so that an exported graph serves small ones, too.
        down = max(-height, min(height, size * rows))
        right = max(-width, min(width, size * columns))
        here = (..., slice(max(down, 0), height + min(down, 0)), slice(max(right, 0), width + min(right, 0)))
        there = (..., slice(max(-down, 0), height + min(-down, 0)), slice(max(-right, 0), width + min(-right, 0)))
        farther = distance.clone()
        farther[here] = torch.minimum(distance[here], distance[there] + size)
        distance = farther
    return distance.clamp(max=_NOWHERE)


def _at(image: Tensor, distance: Tensor, rows: int, columns: int) -> Tensor:
    """The colour so many steps back; of no meaning where that is nowhere."""
    n, channels, height, width = image.shape
    steps = torch.where(distance < _NOWHERE, distance, 0).long()
    place = torch.arange(height * width, device=image.device).view(1, 1, height, width) - steps * (
        rows * width + columns
    )
    return image.flatten(2).gather(2, place.flatten(2).expand(n, channels, -1)).view_as(image)
