"""The few building blocks that encoder, reasoning network and decoder share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GROUPS = 8


def norm(kind: str, channels: int) -> nn.Module:
    """``"batch"`` normalisation, or ``"group"``: the same for any batch, recurrence and picture size."""
    return nn.GroupNorm(GROUPS, channels) if kind == "group" else nn.BatchNorm2d(channels)


def activation(slope: float) -> nn.Module:
    """ReLU, or LeakyReLU where ``slope`` is above 0."""
    return nn.LeakyReLU(slope, inplace=True) if slope else nn.ReLU(inplace=True)


def conv(
    n_in: int,
    n_out: int,
    kind: str,
    slope: float = 0.0,
    *,
    kernel_size: int = 3,
    stride: int = 1,
    dilation: int = 1,
) -> nn.Sequential:
    """Convolution without bias, norm, activation; keeps the size at stride 1, halves it at stride 2."""
    padding = dilation * (kernel_size // 2)
    layer = nn.Conv2d(n_in, n_out, kernel_size, stride, padding, dilation=dilation, bias=False)
    return nn.Sequential(layer, norm(kind, n_out), activation(slope))


def deconv(n_in: int, n_out: int, kind: str, slope: float) -> nn.Sequential:
    """Transposed 4x4 convolution that doubles the size, norm, activation."""
    layer = nn.ConvTranspose2d(n_in, n_out, 4, 2, 1, bias=False)
    return nn.Sequential(layer, norm(kind, n_out), activation(slope))


def pad_to(x: Tensor, multiple: int) -> Tensor:
    """Repeats the last row and column until both sides are multiples; a real border, unlike one of zeros."""
    bottom, right = -x.shape[-2] % multiple, -x.shape[-1] % multiple
    return F.pad(x, (0, right, 0, bottom), mode="replicate") if bottom or right else x


def initialize(module: nn.Module) -> None:
    """Initial weights of a convolution, for :meth:`torch.nn.Module.apply`."""
    # On the device "meta" there is nothing to fill, and trying to would load torch's whole compiler.
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)) and not module.weight.is_meta:
        nn.init.kaiming_normal_(module.weight, a=0.0, mode="fan_in")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def wide(x: Tensor) -> Tensor:
    """In float32, or as it is where it has more digits."""
    return x if x.dtype == torch.float64 else x.float()
