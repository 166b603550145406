"""Colours of a hole interpolated along straight lines: between the two known pixels that a line meets on either side.

A line along an edge of the picture meets the same colour twice; so how far both colours differ tells which of several
directions goes on with what is there. Where a line leaves the picture before it meets anything known, its other end
alone gives the colour.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

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
    where = _unknown(known)
    pictures, fills = (picture.transpose(0, 1).flatten(1) for picture in (image, fill))  # (3, N * H * W)
    colours, trusts = zip(*(_along(pictures, known, fills, where, *step) for step in DIRECTIONS), strict=True)
    n, _, height, width = image.shape
    shown = torch.stack(colours).view(len(DIRECTIONS), 3, n, height, width).permute(2, 0, 1, 3, 4)
    return LineInterpolation(shown, torch.cat(trusts, 1))


def _unknown(known: Tensor) -> Tensor:
    """Places among N * H * W that are computed: the unknown ones; all where their number must not depend on the mask.

    A GPU would have to be waited for to count them, and a graph has fixed shapes.
    """
    if known.device.type != "cpu" or torch.compiler.is_compiling():
        return torch.arange(known.numel(), device=known.device)
    return (known <= 0).flatten().nonzero().squeeze(1)


def _along(
    pictures: Tensor, known: Tensor, fills: Tensor, where: Tensor, rows: int, columns: int
) -> tuple[Tensor, Tensor]:
    """One direction: colours (3, N * H * W) and trust (N, 1, H, W)."""
    step = (rows**2 + columns**2) ** 0.5
    stride = rows * known.shape[-1] + columns
    ahead, behind = (_distance(known, sign * rows, sign * columns).flatten()[where] for sign in (1, -1))  # (M,)
    meets_one, meets_other = ahead < _NOWHERE, behind < _NOWHERE
    one = pictures.index_select(1, where - torch.where(meets_one, ahead, 0).long() * stride)  # (3, M)
    other = pictures.index_select(1, where + torch.where(meets_other, behind, 0).long() * stride)
    share = ahead / (ahead + behind).clamp(min=1)  # of the end behind
    colour = torch.where(meets_one & meets_other, torch.lerp(one, other, share), torch.where(meets_one, one, other))
    colour = torch.where(meets_one | meets_other, colour, fills.index_select(1, where))
    difference = torch.where(meets_one & meets_other, (one - other).square().mean(0), _CONTRAST**2)
    blurred = _blur(_put(torch.zeros_like(known), where, difference)).flatten()[where]
    length = torch.minimum(ahead, behind) + _FARTHER * torch.maximum(ahead, behind).clamp(max=2.0**REACH)
    trust = -blurred / _CONTRAST**2 - (step * length).clamp(min=1, max=_NOWHERE).log()
    trust = _put(torch.zeros_like(known), where, trust)
    return pictures.index_copy(1, where, colour), torch.where(known > 0, 0, trust)


def _put(zeros: Tensor, where: Tensor, values: Tensor) -> Tensor:
    """Zeros (N, 1, H, W) with ``values`` (M,) at the places ``where``."""
    return zeros.flatten().index_copy(0, where, values).view_as(zeros)


def _blur(values: Tensor) -> Tensor:
    """Box blur of 3x3 pixels with replicate padding, (N, C, H, W); many times as quick as a pooling on a CPU."""
    rows = F.pad(values, (0, 0, 1, 1), mode="replicate")
    rows = rows[..., :-2, :] + rows[..., 1:-1, :] + rows[..., 2:, :]
    columns = F.pad(rows, (1, 1, 0, 0), mode="replicate")
    return (columns[..., :-2] + columns[..., 1:-1] + columns[..., 2:]) / 9


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
