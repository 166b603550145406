"""Compilation of a network's parts: few large kernels instead of many small ones, whose start takes a GPU longer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from rfr_core.errors import DeviceError

if TYPE_CHECKING:
    from rfr_core.network.rfr_net import RFRNet


def compile_parts(network: RFRNet) -> RFRNet:
    """Makes encoder, decoder and both modules of a recurrence compile when first called; returns the network.

    One compilation serves pictures of all sizes, but single pictures, square ones and batches have their own. The
    attention stays as it is: it works in blocks whose number depends on the size. Calls raise DeviceError where
    ``torch.compile`` finds no compiler.
    """
    reason = network.reasoning.reason
    attention: Any = getattr(reason, "attention", None)
    if attention is not None:
        attention.forward = torch.compiler.disable(attention.forward)
    for part in (network.encoder, network.reasoning.area, reason, network.decoder):
        part.forward = _explained(torch.compile(part.forward, dynamic=True))
    return network


def _explained(compiled: Callable[..., Any]) -> Callable[..., Any]:
    from torch._dynamo.exc import TorchDynamoException

    def call(*arguments: Any) -> Any:
        try:
            return compiled(*arguments)
        except TorchDynamoException as error:
            raise DeviceError(
                f"The network cannot be compiled here ({_first_line(error)}); install what torch.compile needs (Triton "
                "for a GPU, a C++ compiler for a CPU) or go without."
            ) from error

    return call


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
