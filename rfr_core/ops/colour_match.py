"""Colour match: what a network's output misses at the known pixels is made up for inside the hole as well."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rfr_core.ops.colour_match_settings import LEAST_CELL
from rfr_core.ops.pyramid import pull_push


def match_colours(output: Tensor, image: Tensor, known: Tensor) -> Tensor:
    """The output plus a smooth extension, into the hole, of its error at the known pixels around it.

    A fill thus meets its surroundings without a step in colour, and a network has to get right how colours change,
    not what they are. Differentiable in ``output``.

    Args:
        output: (N, 3, H, W), a network's output before compositing.
        image: (N, 3, H, W) in [0, 1], right where known.
        known: (N, 1, H, W) in {0, 1}, 1 = known.

    Returns:
        (N, 3, H, W) float32: the image where known (to rounding), the matched output elsewhere; not clamped. Where a
        picture has nothing known the output is as it was.
    """
    output, known = output.float(), known.float()
    error = torch.where(known > 0, image.float() - output, 0)
    return output + pull_push(error, known)


def matched_cell(known: Tensor) -> int:
    """Pixels a side of the squares of pictures whose colours are matched by themselves; counted from their corners.

    Each square holds something known (N, 1, H, W) bool. Of a part that is made of whole squares, at least those that
    hold something unknown and a few known pixels around it, the match is that of the whole, but for next to nothing.
    """
    cell = LEAST_CELL
    while cell < max(known.shape[-2:]) and not bool(F.max_pool2d(known.float(), cell, ceil_mode=True).all()):
        cell *= 2
    return cell
