"""Votes: what the matched patches that lie over a pixel put there, on average (Wexler et al. 2007, Sec. 3.2).

Pixels are numbered row by row, one picture of a batch after the other.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rfr_core.texture.settings import AT_ONCE, RADIUS
from rfr_core.texture.surroundings import corners


class Votes:
    """What the matches around a pixel put there."""

    def __init__(self, colour: Tensor, known: Tensor, queries: Tensor) -> None:
        """Takes pictures whose queries will be matched.

        colour: (N, C, H, W). known: (N, 1, H, W) bool, which colours may be taken. queries: (Q,), numbers of pixels.
        """
        pictures, _, height, width = known.shape
        self._channels = colour.shape[1]
        self._shape, self._reach = (pictures, height, width), RADIUS * (width + 1)
        # A pixel's colour, and 1, where known, with room before and after for what lies beyond the picture.
        self._colours = torch.zeros(known.numel() + 2 * self._reach, self._channels + 1)
        within = self._colours[self._reach : len(self._colours) - self._reach].view(*self._shape, -1)
        torch.mul(colour.movedim(1, -1), known.movedim(1, -1), out=within[..., :-1])
        within[..., -1] = known[:, 0]
        self._stride = width + 2 * RADIUS
        padded = pictures * (height + 2 * RADIUS) * self._stride
        self._sources, self._weight = torch.zeros(padded, dtype=torch.long), torch.zeros(padded)
        self._queries = self._places(queries)

    def __call__(self, field: Tensor, pixels: Tensor, radius: int, weight: Tensor | None = None) -> Tensor:
        """Each pixel as the mean of what the matches around it put there; -1 where they put nothing: (n, C).

        Args:
            field: (Q,), the sources of the queries.
            pixels: (n,), their numbers.
            radius: of the middle of each patch that counts, at most `RADIUS`.
            weight: (Q,), how far each query's patch counts; None = alike.
        """
        self._sources[self._queries] = field
        self._weight[self._queries] = torch.ones(len(field)) if weight is None else weight
        moves = torch.arange(-radius, radius + 1)
        queries_around, colours_around = (
            (moves[:, None] * row + moves).flatten() for row in (self._stride, self._shape[2])
        )
        colours_around = colours_around - self._reach
        parts = []
        for part in pixels.split(AT_ONCE):
            queries = self._places(part)[:, None] + queries_around
            taken = self._sources[queries].sub_(colours_around)
            total = F.embedding_bag(taken, self._colours, mode="sum", per_sample_weights=self._weight[queries])
            colours, count = total.split((self._channels, 1), 1)
            parts.append(torch.where(count > 0, colours / count, -1))
        return torch.cat(parts)

    def _places(self, pixels: Tensor) -> Tensor:
        """Where pixels are once there is room around their pictures."""
        return corners(pixels, self._shape, RADIUS) + RADIUS * (self._stride + 1)
