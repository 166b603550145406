"""A coarse-to-fine network (Yu et al. 2018, Liu et al. 2019): a coarse network, then one that refines."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from rfr_core.baselines.colours import matched
from rfr_core.config import RFRConfig
from rfr_core.network.attention import ContextualAttention
from rfr_core.network.blocks import conv, deconv
from rfr_core.ops.initialization import initialize

_FACTORS = (1, 2, 4, 8, 8, 8, 8, 8)  # channels of the eight halvings, in widths
_ATTENDED = 3  # the attention works on the map that was halved this often
_DILATED = 4  # and the dilated convolutions on this one
_DILATIONS = (2, 4, 8, 16)


class CoarseToFine(nn.Module):
    """Two U-Nets in a row, with dilated convolutions in the middle and contextual attention in the second.

    Of the configuration it takes ``width``, the channels of the first layers (64: 110.8 million parameters),
    ``norm`` and ``colour_match``. Halving rounds up and nothing is padded, so pictures may have any size.
    """

    def __init__(self, config: RFRConfig) -> None:
        super().__init__()
        self.config = config
        self.coarse = _UNet(config, attend=False)
        self.refine = _UNet(config, attend=True)
        self.apply(initialize)

    def forward(
        self, image: Tensor, known: Tensor, recurrences: int | str | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Fills pictures (N, 3, H, W) where ``known`` (N, 1, H, W) is 0; there are no ``recurrences`` to choose.

        Returns (N, 3, H, W), before compositing and not clamped; in training mode the coarse and the refined picture,
        both of which the loss judges.
        """
        known = known.to(image.dtype)
        image = torch.where(known > 0, image, 0)
        coarse = matched(self.config, self.coarse(torch.cat([image, known], 1), known), image, known)
        composite = torch.where(known > 0, image, coarse)
        refined = self.refine(torch.cat([composite, known], 1), known)
        refined = matched(self.config, refined, image, known)
        return (coarse, refined) if self.training else refined


class _UNet(nn.Module):
    def __init__(self, config: RFRConfig, attend: bool) -> None:
        super().__init__()
        kind, channels = config.norm, [4, *(factor * config.width for factor in _FACTORS)]
        pairs = list(pairwise(channels))
        self.down = nn.ModuleList(conv(a, b, kind, 0.2, stride=2) for a, b in pairs)
        middle = channels[_DILATED]
        self.dilated = nn.Sequential(*(conv(middle, middle, kind, 0.2, dilation=d) for d in _DILATIONS))
        self.attention = ContextualAttention(channels[_ATTENDED]) if attend else None
        # Each layer but the innermost takes the features from below and those of its own level.
        inner = [(b if i == len(pairs) else 2 * b, a) for i, (a, b) in enumerate(pairs, 1)]
        self.up = nn.ModuleList(deconv(a, b, kind, 0.2) for a, b in reversed(inner[1:]))
        self.out = nn.ConvTranspose2d(inner[0][0], 3, 4, 2, 1)

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        """Picture and mask (N, 4, H, W), the mask once more (N, 1, H, W) -> picture (N, 3, H, W)."""
        skips = [x]
        for level, layer in enumerate(self.down, 1):
            x = layer(x)
            if level == _DILATED:
                x = self.dilated(x)
            if level == _ATTENDED and self.attention is not None:
                x, _ = self.attention(x, known, None)
            skips.append(x)
        skips.pop()
        for layer in self.up:
            x = torch.cat([_cut(layer(x), skips[-1]), skips.pop()], 1)
        return _cut(self.out(x), skips[-1])


def _cut(x: Tensor, like: Tensor) -> Tensor:
    """Without the row and column that doubling made too many where halving had rounded up."""
    return x[..., : like.shape[-2], : like.shape[-1]]
