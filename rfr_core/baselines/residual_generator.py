"""The generator of EdgeConnect (Nazeri et al. 2019), for edges and for pictures alike.

Its residual blocks work at a quarter of the size, as those of Johnson et al. 2016, "Perceptual losses for real-time
style transfer and super-resolution".
"""

from __future__ import annotations

from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.config import RFRConfig
from rfr_core.network.blocks import conv, deconv, norm
from rfr_core.network.reasoning import RecurrentFeatureReasoning
from rfr_core.ops.initialization import initialize
from rfr_core.ops.padding import pad_to

RESIDUAL_BLOCKS = 8
_HALVINGS = 2
_MULTIPLE = 2**_HALVINGS * 8  # of a side: the module halves its features as well


class ResidualGenerator(nn.Module):
    """Two halvings, a middle part, two doublings.

    Of the configuration it takes ``width``, the channels of the first layer (64 as published), and ``norm``; with
    ``reasoning`` the middle part is the :class:`RecurrentFeatureReasoning` that the rest of it describes, on
    4 x ``width`` channels at every scale, in place of eight dilated residual blocks. EdgeConnect normalises each
    picture by itself (InstanceNorm); here ``norm`` is over the batch or groups of channels, as in the rest.
    """

    def __init__(self, config: RFRConfig, n_in: int, n_out: int, *, reasoning: bool) -> None:
        super().__init__()
        self.config = config
        kind, width = config.norm, config.width
        self.encoder = nn.Sequential(
            conv(n_in, width, kind, kernel_size=7),
            conv(width, 2 * width, kind, stride=2),
            conv(2 * width, 4 * width, kind, stride=2),
        )
        self.middle: nn.Module
        if reasoning:
            channels = config.channels or (4 * width,) * 3
            self.middle = RecurrentFeatureReasoning.from_config(replace(config, width=4 * width, channels=channels))
        else:
            self.middle = nn.Sequential(*(_NormalizedBlock(4 * width, kind) for _ in range(RESIDUAL_BLOCKS)))
        self.decoder = nn.Sequential(deconv(4 * width, 2 * width, kind, 0.0), deconv(2 * width, width, kind, 0.0))
        self.out = nn.Conv2d(width, n_out, 7, padding=3)
        self.apply(initialize)

    def generate(self, inputs: Tensor, known: Tensor, recurrences: int | str | None = None) -> Tensor:
        """Inputs (N, n_in, H, W) of any size, and what of them is known (N, 1, H, W) -> (N, n_out, H, W)."""
        height, width = inputs.shape[-2:]
        features = self.encoder(pad_to(inputs, _MULTIPLE))  # (N, 4C, h, w)
        if isinstance(self.middle, RecurrentFeatureReasoning):
            features = self._reason(features, pad_to(known, _MULTIPLE), recurrences)
        else:
            features = self.middle(features)
        return self.out(self.decoder(features))[..., :height, :width]

    def _reason(self, features: Tensor, known: Tensor, recurrences: int | str | None) -> Tensor:
        assert isinstance(self.middle, RecurrentFeatureReasoning)
        # A position is known where all pixels below it are: ordinary convolutions mix the hole into the others.
        reached = -F.max_pool2d(-known, 2**_HALVINGS)
        return self.middle(features, reached, recurrences or self.config.recurrences).merged


class _NormalizedBlock(nn.Module):
    def __init__(self, channels: int, kind: str) -> None:
        super().__init__()
        plain = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.layers = nn.Sequential(conv(channels, channels, kind, dilation=2), plain, norm(kind, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)
