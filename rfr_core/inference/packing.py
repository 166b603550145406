"""Convolutions whose weights are brought into the order that the CPU's kernels read once, not at every call.

oneDNN computes on weights in blocks that suit the processor's vector and matrix registers. PyTorch's convolutions keep
them in the usual order and reorder them at every call, which for deep layers takes longer than the arithmetic.

Of numbers of channels that are no powers of two, such as 192, blocks of several sizes come out even, and which one is
taken depends on the size of the input. Weights in the blocks of another size are reordered at every call, which takes
ten times as long as the arithmetic. So these layers keep a form for each of the sizes that they met last.
"""

from __future__ import annotations

from threading import Lock
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.inference.memory import is_out_of_memory, need_memory
from rfr_core.network.residual_network import RESIDUAL_PARTS

Network = TypeVar("Network", bound=nn.Module)

_DTYPES = (torch.float32, torch.bfloat16)
_SIZES = 8  # that a layer keeps forms for: a fill of one hole has two or three, and the next of its kind the same
_KERNELS = 16 << 20  # bytes, more than a convolution's machine code and its working memory take
_PACKING = Lock()  # a module packs itself when it is first called, perhaps by several threads


def pack(network: Network) -> Network:
    """Replaces the convolutions of ``network`` that are called as modules, for inference alone; returns the network.

    Those are the ones in a row of layers and the residual form's own.
    """
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential):
            _pack_sequence(module)
        elif isinstance(module, RESIDUAL_PARTS):
            _pack_children(module)
    return network


def _pack_children(module: nn.Module) -> None:
    for name, child in list(module.named_children()):
        if isinstance(child, (nn.Conv2d, nn.ConvTranspose2d)):
            setattr(module, name, PackedConv2d(child))


def _pack_sequence(sequence: nn.Sequential) -> None:
    _pack_children(sequence)
    match list(sequence):
        case [PackedConv2d() as conv, nn.Identity(), nn.ReLU() | nn.LeakyReLU() as activation]:
            conv.slope = getattr(activation, "negative_slope", 0.0)
            sequence[2] = nn.Identity()


class PackedConv2d(nn.Module):
    """A convolution, transposed or not, then a leaky ReLU of ``slope`` unless that is ``None``.

    The weight is packed at the first call and from then on kept in that form alone, where one serves all sizes; moving
    or copying the module unpacks it. Where the kernels cannot be had (another device, number format or build of
    PyTorch) it works as usual.
    """

    def __init__(self, conv: nn.Conv2d | nn.ConvTranspose2d) -> None:
        super().__init__()
        self.conv = conv
        self.slope: float | None = None
        self._packed: dict[tuple[int, ...], Tensor] = {}  # by the input's size, or one form under ()
        self._packable = True

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H', W')."""
        size = tuple(input.shape) if _blocks_vary(self.conv) else ()
        packed = self._packed.get(size)
        if packed is None and self._packable and input.device.type == "cpu" and input.dtype in _DTYPES:
            packed = self._pack(input, size)
        if packed is not None:
            return _convolve(self.conv, packed, self.slope, input)
        convolved = self.conv(input)
        return convolved if self.slope is None else F.leaky_relu_(convolved, self.slope)

    def _pack(self, input: Tensor, size: tuple[int, ...]) -> Tensor | None:
        with _PACKING:
            if size not in self._packed and self._packable:
                try:
                    packed = _pack(self.conv, input)
                    if not self._packed:
                        _convolve(self.conv, packed, self.slope, input)
                except (AttributeError, RuntimeError) as error:  # an older CPU, or a PyTorch without these kernels
                    if is_out_of_memory(error):
                        raise
                    self._packable = False
                else:
                    self._keep(packed, size)
            return self._packed.get(size)

    def _keep(self, packed: Tensor, size: tuple[int, ...]) -> None:
        if not size:
            self.conv.weight = _parameter(packed.new_empty(0, layout=torch.strided))
        elif len(self._packed) == _SIZES:
            del self._packed[next(iter(self._packed))]
        self._packed[size] = packed

    def unpack(self) -> None:
        """Brings the weight back into the usual order."""
        with _PACKING:
            if () in self._packed:
                weight = self._packed[()].to_dense()
                transposed = isinstance(self.conv, nn.ConvTranspose2d)
                self.conv.weight = _parameter(weight.transpose(0, 1).contiguous() if transposed else weight)
            self._packed, self._packable = {}, True

    def _apply(self, fn: Any, recurse: bool = True) -> PackedConv2d:
        self.unpack()
        return super()._apply(fn, recurse)

    def __getstate__(self) -> dict[str, Any]:
        self.unpack()  # packed tensors can be neither copied nor saved
        return self.__dict__


def _blocks_vary(conv: nn.Conv2d | nn.ConvTranspose2d) -> bool:
    """Whether the order that the kernels read depends on the input's size: a power of two has one bit."""
    return conv.in_channels.bit_count() > 1 or conv.out_channels.bit_count() > 1


def _parameter(weight: Tensor) -> nn.Parameter:
    return nn.Parameter(weight, requires_grad=False)


def _pack(conv: nn.Conv2d | nn.ConvTranspose2d, input: Tensor) -> Tensor:
    """The weight in the order that suits inputs like ``input``."""
    weight, size = conv.weight.detach(), list(input.shape)
    stride, dilation = list(conv.stride), list(conv.dilation)
    if isinstance(conv, nn.ConvTranspose2d):
        reorder = torch.ops.mkldnn._reorder_convolution_transpose_weight
        return reorder(weight, list(conv.padding), list(conv.output_padding), stride, dilation, 1, size)
    reorder = torch.ops.aten.mkldnn_reorder_conv2d_weight
    return reorder(weight.to_mkldnn(), list(conv.padding), stride, dilation, 1, size)


def _convolve(conv: nn.Conv2d | nn.ConvTranspose2d, packed: Tensor, slope: float | None, input: Tensor) -> Tensor:
    activation = ("none", []) if slope is None else ("leaky_relu", [slope]) if slope else ("relu", [])
    geometry = list(conv.stride), list(conv.dilation), 1
    if isinstance(conv, nn.ConvTranspose2d):
        padding = list(conv.padding), list(conv.output_padding)
        _need_memory(conv, input)
        compute = torch.ops.mkldnn._convolution_transpose_pointwise
        return compute(input, packed, conv.bias, *padding, *geometry, *activation, "")
    compute = torch.ops.mkldnn._convolution_pointwise
    return compute(input, packed, conv.bias, list(conv.padding), *geometry, *activation, "")


def _need_memory(conv: nn.ConvTranspose2d, input: Tensor) -> None:
    """Asked first, since oneDNN does not look whether it got the memory for a transposed convolution's machine code."""
    positions = input.numel() // conv.in_channels * conv.stride[0] * conv.stride[1]
    need_memory(positions * conv.out_channels * input.element_size() + _KERNELS)
