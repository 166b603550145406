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

from rfr_core.ops.box import Box
from rfr_core.ops.line_settings import CONTRAST, DIRECTIONS, FARTHER, NOWHERE, REACH, STEP


class LineInterpolation(NamedTuple):
    """What lines make of a hole; in memory, all values of a pixel lie together.

    colours: (N, D, 3, H, W) of D directions; the picture's own where known, ``fill`` where a line meets nothing.
    trust: (N, D, H, W), up to 0: how far each is to be trusted, as the logarithm of a weight.
    """

    colours: Tensor
    trust: Tensor


@torch.no_grad()
def interpolate_along_lines(image: Tensor, known: Tensor, fill: Tensor) -> LineInterpolation:
    """Interpolates along all `DIRECTIONS`; no gradient goes through it.

    image: (N, 3, H, W), of any value where unknown. known: (N, 1, H, W) in {0, 1}. fill: (N, 3, H, W).
    """
    if known.device.type != "cpu" or torch.compiler.is_compiling():
        # All pixels: a GPU would have to be waited for to find the unknown ones, and shapes in a graph know no values.
        return _interpolate(image, known, fill, torch.arange(known.numel(), device=known.device))
    return _interpolate(image, known, fill, (known <= 0).flatten().nonzero().squeeze(1))


def lines_box(known: Tensor) -> Box:
    """A box around what is unknown in any picture of (N, 1, H, W), with the known pixels that lines meet first."""
    height, width = known.shape[-2:]
    unknown = known <= 0
    rows, columns = unknown.any(-1).flatten(0, 1).any(0).nonzero(), unknown.any(-2).flatten(0, 1).any(0).nonzero()
    if not len(rows):
        return Box(0, 0, 1, 1)
    box = Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    return box.grown(STEP, height, width)


def _interpolate(image: Tensor, known: Tensor, fill: Tensor, where: Tensor) -> LineInterpolation:
    """Interpolates at the places ``where`` (M,) among N * H * W; what is known there stays."""
    n, _, height, width = image.shape
    count = len(DIRECTIONS)
    pictures = _by_pixel(torch.where(known > 0, image, fill)).flatten(0, 2)  # (N * H * W, 3)
    lines = [_along(pictures, known, where, *step) for step in DIRECTIONS]
    colour, difference, length = (torch.stack(values, 1) for values in zip(*lines, strict=True))  # (M, D, ...)
    compared = image.new_zeros(n * height * width, count).index_copy_(0, where, difference)
    # Over 3x3 pixels, so that grain does not decide.
    blurred = _blur(compared.view(n, height, width, count)).flatten(0, 2).index_select(0, where)
    trust = image.new_zeros(n * height * width, count)
    trust.index_copy_(0, where, -blurred / CONTRAST**2 - length.log_())
    trust = torch.where(_by_pixel(known) > 0, 0, trust.view(n, height, width, count))
    colours = pictures.repeat(1, count).index_copy_(0, where, colour.flatten(1)).view(n, height, width, count, 3)
    return LineInterpolation(colours.permute(0, 3, 4, 1, 2), trust.permute(0, 3, 1, 2))


def _along(pictures: Tensor, known: Tensor, where: Tensor, rows: int, columns: int) -> tuple[Tensor, Tensor, Tensor]:
    """One direction: colours (M, 3), how far both ends differ (M,) and how long the line is (M,).

    pictures: (N * H * W, 3), with the fill where unknown, which a line that meets nothing shows.
    """
    step, stride = (rows**2 + columns**2) ** 0.5, rows * known.shape[-1] + columns
    ahead, behind = (_distance(known, sign * rows, sign * columns).flatten()[where] for sign in (1, -1))
    meets_one, meets_other = ahead < NOWHERE, behind < NOWHERE
    meets_both = meets_one & meets_other
    one = pictures.index_select(0, where - torch.where(meets_one, ahead, 0).long() * stride)
    other = pictures.index_select(0, where + torch.where(meets_other, behind, 0).long() * stride)
    share = torch.where(meets_both, ahead / (ahead + behind).clamp_(min=1), meets_other.to(ahead.dtype))
    colour = torch.lerp(one, other, share[:, None])
    difference = torch.where(meets_both, one.sub_(other).square_().mean(1), CONTRAST**2)
    length = torch.minimum(ahead, behind) + FARTHER * torch.maximum(ahead, behind).clamp_(max=2.0**REACH)
    return colour, difference, length.mul_(step).clamp_(min=1.0, max=NOWHERE)  # one type: the ONNX exporter needs it


def _by_pixel(values: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, H, W, C)."""
    return values.permute(0, 2, 3, 1).contiguous()


def _blur(values: Tensor) -> Tensor:
    """Box blur of 3x3 pixels with replicate padding, (N, H, W, C); many times as quick as a pooling on a CPU."""
    for axis in (1, 2):
        summed, last = values.clone(), values.shape[axis] - 1
        summed.narrow(axis, 1, last).add_(values.narrow(axis, 0, last))
        summed.narrow(axis, 0, 1).add_(values.narrow(axis, 0, 1))
        summed.narrow(axis, 0, last).add_(values.narrow(axis, 1, last))
        summed.narrow(axis, last, 1).add_(values.narrow(axis, last, 1))
        values = summed
    return values.div_(9)


def _distance(known: Tensor, rows: int, columns: int) -> Tensor:
    """Steps back along a direction to the first known pixel: (N, 1, H, W)."""
    distance = torch.where(known > 0, 0.0, NOWHERE)
    if torch.compiler.is_compiling():
        return _distance_in_graph(distance, rows, columns)
    height, width = known.shape[-2:]
    for doubling in range(min(REACH, (max(height, width) - 1).bit_length())):
        size = 2**doubling
        down = max(-height, min(height, size * rows))
        right = max(-width, min(width, size * columns))
        here = (..., slice(max(down, 0), height + min(down, 0)), slice(max(right, 0), width + min(right, 0)))
        there = (..., slice(max(-down, 0), height + min(-down, 0)), slice(max(-right, 0), width + min(-right, 0)))
        distance[here].clamp_(max=distance[there] + size)
    return distance.clamp_(max=NOWHERE)


def _distance_in_graph(distance: Tensor, rows: int, columns: int) -> Tensor:
    """The same of pictures of any size: ends of slices that depend on it would take an exporter minutes each."""
    height, width = distance.shape[-2:]
    for doubling in range(REACH):
        size = 2**doubling
        down, right = size * rows, size * columns
        around = F.pad(distance, (abs(right), abs(right), abs(down), abs(down)), value=NOWHERE)
        there = around.narrow(-2, abs(down) - down, height).narrow(-1, abs(right) - right, width)
        distance = torch.minimum(distance, there + size)
    return distance.clamp(max=NOWHERE)
