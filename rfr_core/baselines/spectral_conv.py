"""Convolutions with spectral normalisation (Miyato et al. 2018): their weights never stretch a vector."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.ops.precision import wide

_SMALLEST = 1e-12  # norm that is divided by


class SpectralConv2d(nn.Conv2d):
    """A convolution that keeps the size; its weight, as a matrix of a row per output channel, has norm 1.

    Torch's own ``spectral_norm`` would hide the weight from what sets initial weights, and trusts two vectors that an
    average over steps shortens; here one direction is kept, whose length does not matter.
    """

    direction: Tensor

    def __init__(
        self, n_in: int, n_out: int, kernel_size: int = 3, padding_mode: Literal["zeros", "reflect"] = "zeros"
    ) -> None:
        super().__init__(n_in, n_out, kernel_size, padding=kernel_size // 2, padding_mode=padding_mode)
        self.register_buffer("direction", torch.randn(n_out))

    def forward(self, input: Tensor) -> Tensor:
        """(N, n_in, h, w) -> (N, n_out, h, w)."""
        return self._conv_forward(input, _normalized(self.weight, self.direction, self.training), self.bias)


class SpectralUpConv2d(nn.ConvTranspose2d):
    """A transposed 3x3 convolution that doubles the size, otherwise as :class:`SpectralConv2d`.

    Its weight is a matrix of a row per input channel, as in PIC's code.
    """

    direction: Tensor

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__(n_in, n_out, 3, stride=2, padding=1, output_padding=1)
        self.register_buffer("direction", torch.randn(n_in))

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(N, n_in, h, w) -> (N, n_out, 2h, 2w)."""
        weight = _normalized(self.weight, self.direction, self.training)
        return F.conv_transpose2d(input, weight, self.bias, stride=2, padding=1, output_padding=1)


def _normalized(weight: Tensor, direction: Tensor, turn: bool) -> Tensor:
    """The weight over its largest singular value, estimated along a direction, which ``turn`` brings nearer first."""
    matrix = wide(weight).flatten(1)
    with torch.no_grad():
        along = wide(direction)
        if turn:
            # Sums of products by hand, here and below: autocast would round a matrix product's.
            along = (matrix * (matrix * along[:, None]).sum(0)).sum(1)
        along = F.normalize(along, dim=0)
        if turn:
            direction.copy_(along)
    largest = torch.linalg.vector_norm((matrix * along[:, None]).sum(0)).clamp(min=_SMALLEST)
    return (wide(weight) / largest).to(weight.dtype)
