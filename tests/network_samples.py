"""Small networks and samples for the tests of networks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rfr_core import RFRConfig, RFRNet


def build(seed: int = 0, **options: Any) -> RFRNet:
    """A small network with random weights, and batch statistics that are not the neutral ones."""
    torch.manual_seed(seed)
    network = RFRNet(RFRConfig.from_dict({"width": 8} | options))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.8, 1.2)
    return network.eval()


def sample(*shape: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Pictures (N, 3, H, W), each with another rectangular hole."""
    generator = torch.Generator().manual_seed(seed)
    n, height, width = shape
    known = torch.ones(n, 1, height, width)
    for item in range(n):
        known[item, :, height // 4 : height // 2 + 2 * item + 1, width // 4 : 3 * width // 4 - 3 * item] = 0
    return torch.rand(n, 3, height, width, generator=generator), known


def assert_close(actual: Tensor, expected: Tensor, tolerance: float = 1e-5) -> None:
    error = (actual - expected).abs().max()
    assert error <= tolerance * expected.abs().max(), f"off by {error:g} of {expected.abs().max():g}"


def spoken(network: RFRNet) -> RFRNet:
    """The network with an output that is not 0, as it is after some training."""
    out = network.decoder.out
    assert isinstance(out, nn.Conv2d)
    nn.init.normal_(out.weight, std=0.1)
    return network
