"""Initial weights of convolutions."""

from __future__ import annotations

from torch import nn


def initialize(module: nn.Module) -> None:
    """Initial weights of a convolution, for :meth:`torch.nn.Module.apply`."""
    # On the device "meta" there is nothing to fill, and trying to would load torch's whole compiler.
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)) and not module.weight.is_meta:
        nn.init.kaiming_normal_(module.weight, a=0.0, mode="fan_in")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
