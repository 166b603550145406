"""Gated convolution (Yu et al. 2019, "Free-form image inpainting with gated convolution") as area identification."""

from __future__ import annotations

from torch import Tensor, nn

from rfr_core.network.partial_conv import Coverage, PartialConv2d


class GatedConv2d(PartialConv2d):
    """A convolution whose every output value is scaled by a gate in (0, 1) that is learned from the same features.

    The gate takes the place of the partial convolution's ratio. Which positions count as known stays a matter of the
    window's reach (Eq. 2), so that the number of recurrences can be planned and features be merged.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride)
        self.gate = nn.Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2)

    def forward(self, input: Tensor, coverage: Coverage) -> Tensor:
        """Convolves features (N, C, H, W) that are 0 at unknown positions -> (N, C', H', W')."""
        return self.renormalize(self._conv_forward(input, self.weight, None), self.gate(input).sigmoid())
