"""PConv-UNet (Liu et al. 2018): the one-shot network of partial convolutions that the paper compares with."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.baselines.colours import matched
from rfr_core.config import RFRConfig
from rfr_core.network.blocks import activation, norm
from rfr_core.network.partial_conv import PartialConv2d, masked
from rfr_core.ops.initialization import initialize

_KERNELS = (7, 5, 5, 3, 3, 3, 3, 3)  # of the eight layers that halve the size
_FACTORS = (1, 2, 4, 8, 8, 8, 8, 8)  # their channels, in widths


class PConvUNet(nn.Module):
    """A U-Net of partial convolutions whose masks follow the features through every layer.

    Of the configuration it takes ``width``, the channels of the first layer (64: 32.9 million parameters), ``norm``
    and ``colour_match``. Halving rounds up and nothing is padded, so pictures may have any size.
    """

    def __init__(self, config: RFRConfig) -> None:
        super().__init__()
        self.config = config
        channels = [3, *(factor * config.width for factor in _FACTORS)]
        pairs = list(pairwise(channels))
        self.down = nn.ModuleList(PartialConv2d(a, b, k, 2) for (a, b), k in zip(pairs, _KERNELS, strict=True))
        outer = nn.Identity()  # the first layer has no norm, as published
        self.down_norms = nn.ModuleList([outer, *(norm(config.norm, b) for _, b in pairs[1:])])
        self.up = nn.ModuleList(PartialConv2d(a + b, a, 3) for a, b in reversed(pairs))
        self.up_norms = nn.ModuleList([*(norm(config.norm, a) for a, _ in reversed(pairs[1:])), nn.Identity()])
        self.up_activation = activation(0.2)
        self.apply(initialize)

    def forward(self, image: Tensor, known: Tensor, recurrences: int | str | None = None) -> Tensor:
        """Fills pictures (N, 3, H, W) where ``known`` (N, 1, H, W) is 0; there are no ``recurrences`` to choose.

        Returns (N, 3, H, W), before compositing and not clamped.
        """
        known = known.to(image.dtype)
        image = torch.where(known > 0, image, 0)
        features, skips, of_image = image, [], known
        for layer, normalize in zip(self.down, self.down_norms, strict=True):
            assert isinstance(layer, PartialConv2d)
            skips.append((features, known))
            coverage = layer.cover(known)
            features = F.relu(normalize(layer(features, coverage)))
            known = coverage.known
            features = masked(features, known)
        return matched(self.config, self._decode(features, known, skips), image, of_image)

    def _decode(self, features: Tensor, known: Tensor, skips: list[tuple[Tensor, Tensor]]) -> Tensor:
        for index, (layer, normalize) in enumerate(zip(self.up, self.up_norms, strict=True), 1):
            assert isinstance(layer, PartialConv2d)
            skip, skip_known = skips.pop()
            features, known = (F.interpolate(x, skip.shape[-2:]) for x in (features, known))
            coverage = layer.cover_groups([(known, features.shape[1]), (skip_known, skip.shape[1])])
            features = normalize(layer.forward_groups([features, skip], coverage))
            known = coverage.known
            if index < len(self.up):
                features = masked(self.up_activation(features), known)
        return features
