"""Convolutions whose weights are brought into the order that the CPU's kernels read once, not at every call.

oneDNN computes on weights in blocks that suit the processor's vector and matrix registers. PyTorch's convolutions keep
them in the usual order and reorder them at every call, which for deep layers takes longer than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)

_DTYPES = (torch.float32, torch.bfloat16)


def pack(network: Network) -> Network:
    """Replaces every convolution in a row of layers of ``network``, for inference alone; returns the network."""
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential):
            _pack_sequence(module)
    return network


def _pack_sequence(sequence: nn.Sequential) -> None:
    for name, child in list(sequence.named_children()):
        if isinstance(child, (nn.Conv2d, nn.ConvTranspose2d)):
            setattr(sequence, name, PackedConv2d(child))
    match list(sequence):
        case [PackedConv2d() as conv, nn.Identity(), nn.ReLU() | nn.LeakyReLU() as activation]:
            conv.slope = getattr(activation, "negative_slope", 0.0)
            sequence[2] = nn.Identity()


class PackedConv2d(nn.Module):
    """A convolution, transposed or not, then a leaky ReLU of ``slope`` unless that is ``None``.

    Where the kernels cannot be had (another device, number format or build of PyTorch) it computes as usual.
    """

    def __init__(self, conv: nn.Conv2d | nn.ConvTranspose2d) -> None:
        super().__init__()
        self.conv = conv
        self.slope: float | None = None
        self._packed: Callable[[Tensor], Tensor] | None = None

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H', W')."""
        if input.device.type != "cpu" or input.dtype not in _DTYPES or torch.compiler.is_compiling():
            return self._plain(input)
        if self._packed is None:
            self._packed = self._pack(tuple(input.shape))
        return self._packed(input)

    def _plain(self, input: Tensor) -> Tensor:
        convolved = self.conv(input)
        return convolved if self.slope is None else F.leaky_relu_(convolved, self.slope)

    def _pack(self, shape: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
        try:
            packed = _packed_kernel(self.conv, self.slope, shape)
            packed(torch.zeros(shape, dtype=self.conv.weight.dtype))
        except (AttributeError, RuntimeError):  # an older CPU, or a PyTorch built without oneDNN
            return self._plain
        return packed

    def _apply(self, fn: Any, recurse: bool = True) -> PackedConv2d:
        self._packed = None  # made for one number format and device
        return super()._apply(fn, recurse)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_packed": None}  # oneDNN's tensors can be neither copied nor saved


def _packed_kernel(
    conv: nn.Conv2d | nn.ConvTranspose2d, slope: float | None, shape: tuple[int, ...]
) -> Callable[[Tensor], Tensor]:
    """A function that convolves with packed weights, packed for inputs of about ``shape``."""
    activation = ("none", []) if slope is None else ("leaky_relu", [slope]) if slope else ("relu", [])
    padding, stride, dilation = list(conv.padding), list(conv.stride), list(conv.dilation)
    weight, size = conv.weight.detach(), list(shape)
    ops = torch.ops.mkldnn
    if isinstance(conv, nn.ConvTranspose2d):
        extra = list(conv.output_padding)
        packed = ops._reorder_convolution_transpose_weight(weight, padding, extra, stride, dilation, 1, size)
        options = (conv.bias, padding, extra, stride, dilation, 1, *activation, "")
        return lambda x: ops._convolution_transpose_pointwise(x, packed, *options)
    packed = torch.ops.aten.mkldnn_reorder_conv2d_weight(weight.to_mkldnn(), padding, stride, dilation, 1, size)
    options = (conv.bias, padding, stride, dilation, 1, *activation, "")
    return lambda x: ops._convolution_pointwise(x, packed, *options)
