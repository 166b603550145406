"""What a model is worth without its network: the pull-push interpolation in the place of the network's picture."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from rfr_core.network.residual_network import NetworkInput, ResidualDecoder
from rfr_core.network.rfr_net import Decoder, RFRNet
from rfr_core.ops.box import Box


class _Interpolating(ResidualDecoder):
    """A decoder that gives the interpolated picture."""

    def forward(self, stack: NetworkInput, features: Tensor, box: Box | None = None) -> Tensor:
        return stack.interpolated if box is None else stack.interpolated[(..., *box.slices)]


class _Silent(Decoder):
    """A decoder that gives 0, which the colour match turns into the interpolated picture."""

    def forward(self, image: Tensor, known: Tensor, features: Tensor, reached: Tensor) -> Tensor:
        return torch.zeros_like(image)


def without_network(network: RFRNet) -> RFRNet:
    """The network, changed so that its picture is always the interpolated one; all that follows is as it was."""
    residual = isinstance(network.decoder, ResidualDecoder)
    network.decoder = _Interpolating(network.config) if residual else _Silent(network.config)
    network.config = replace(network.config, colour_match=True)
    return network.eval()
