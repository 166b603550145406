"""The few building blocks that encoder, reasoning network and decoder share."""

from __future__ import annotations

from torch import nn

GROUPS = 8


def norm(kind: str, channels: int) -> nn.Module:
    """``"batch"`` normalisation, ``"group"``: the same for any batch, recurrence and picture size, or ``"none"``."""
    if kind == "none":
        return nn.Identity()
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
