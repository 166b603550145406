"""The networks that are measured, and what they are run on."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.reference import PlainNetwork
from rfr_core.checkpoints.loading import load_network
from rfr_core.inference.optimize import optimized
from rfr_core.network.rfr_net import RFRNet

Run = Callable[[], Tensor]


def full_network() -> RFRNet:
    """The released form at its full width, with random weights."""
    torch.manual_seed(0)
    network = RFRNet().eval().requires_grad_(False)
    # Random features are so unlike each other that most scores of the attention vanish, as numbers that a processor is
    # slow at and of which ours drops all; a trained network has few. Smaller features, more equal scores.
    network.reasoning.reason.get_submodule("dec_3.1").get_parameter("weight").mul_(0.1)
    return network


def bundled_network() -> RFRNet:
    return load_network().requires_grad_(False)


def sample(size: int, batch: int = 1) -> tuple[Tensor, Tensor]:
    """Smooth pictures (N, 3, size, size) in [0, 1] with a hole a third of their side; known (N, 1, size, size)."""
    generator = torch.Generator().manual_seed(0)
    image = torch.nn.functional.interpolate(
        torch.rand(batch, 3, 16, 16, generator=generator), (size, size), mode="bicubic"
    )
    known = torch.ones(batch, 1, size, size)
    known[..., size // 3 : 2 * size // 3, size // 3 : 2 * size // 3] = 0
    return image.clamp(0, 1), known


def plain(network: RFRNet, image: Tensor, known: Tensor) -> Run:
    """The plain form."""
    form, recurrences = PlainNetwork(network), network.config.recurrences
    return lambda: form(image, known, recurrences)


def inference_form(network: RFRNet, image: Tensor, known: Tensor, dtype: torch.dtype = torch.float32) -> Run:
    """The inference form, as `Inpainter` runs it."""
    form = optimized(network).to(dtype)
    image = image.to(dtype).contiguous(memory_format=torch.channels_last)
    return lambda: form(image, known.to(dtype)).float()


def difference(output: Tensor, expected: Tensor) -> float:
    """The largest difference, relative to the largest expected value."""
    return float((output - expected).abs().max() / expected.abs().max())
