"""Copies of a network for inference alone: folded, packed or compiled."""

from __future__ import annotations

import torch

from rfr_core.inference.compiling import compile_parts
from rfr_core.inference.folding import fold
from rfr_core.inference.packing import pack
from rfr_core.network.rfr_net import RFRNet


def optimized(
    network: RFRNet,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
    *,
    compile: bool = False,
) -> RFRNet:
    """A copy for inference alone, equal but for rounding and quicker; ``network`` stays as it is.

    Every batch normalisation with a convolution before it is folded into that; group normalisations stay. Weights lie
    channels last, and on a CPU in the order that its kernels read. Its state dictionary is no checkpoint's.

    device, dtype: of the copy; ``None`` = as the network has them. compile: whether it's compiled when it is first
    called instead, see `compiling.compile_parts`.
    """
    folded = fold(network).to(device=device, dtype=dtype, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return compile_parts(folded) if compile else pack(folded)
