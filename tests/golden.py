"""Golden data made by the released network, and the rule that fills its weights."""

from __future__ import annotations

import math
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rfr_core.checkpoints.released import our_name
from rfr_core.config import RFRConfig
from rfr_core.network.rfr_net import RFRNet

GOLDEN = Path(__file__).parent / "data" / "golden"
MODULES = ("Pconv1", "bn1", "Pconv2", "bn20", "Pconv21", "Pconv22", "bn2", "Tconv", "bn3", "tail1", "out")


def released_names(network: RFRNet) -> dict[str, str]:
    """Our tensor names -> the released ones, by trying every released prefix."""
    prefixes = [*MODULES, "RFRModule.att.att", "RFRModule.att.combiner"]
    prefixes += [f"RFRModule.enc_{i}" for i in range(1, 7)] + [f"RFRModule.dec_{i}" for i in range(1, 6)]
    prefixes += [f"tail2.{kind}{i}" for kind in ("conv", "bn") for i in (1, 2, 3)]
    suffixes = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked", "ratio"]
    suffixes += [f"{i}.{suffix}" for i in (0, 1) for suffix in suffixes[:5]]
    ours = set(network.state_dict())
    candidates = (f"{prefix}.{suffix}" for prefix in prefixes for suffix in suffixes)
    return {our_name(name): name for name in candidates if our_name(name) in ours}


def golden_weight(name: str, shape: torch.Size, seed: int) -> Tensor:
    """The golden rule for one tensor of the released network."""
    random = np.random.RandomState((zlib.crc32(name.encode()) + seed) % 2**32)
    if name.endswith("ratio"):
        value = np.full(shape, 0.7)
    elif name.endswith("num_batches_tracked"):
        return torch.tensor(100)
    elif name.endswith("bias"):
        value = random.standard_normal(shape) * 0.1
    elif len(shape) == 4:
        value = random.standard_normal(shape) * math.sqrt(2 / (shape[1] * shape[2] * shape[3]))
    else:
        value = random.uniform(0.5, 1.5, shape)
    return torch.from_numpy(value.astype(np.float32))


def released_state(variant: str, seed: int = 2020) -> dict[str, Tensor]:
    """A state dictionary under the released names, filled by the golden rule."""
    network = RFRNet(RFRConfig.small_hole() if variant == "small_hole" else RFRConfig())
    statistics = np.load(GOLDEN / f"batchnorm_{variant}.npz")
    names = released_names(network)
    state = {}
    for ours, value in network.state_dict().items():
        name = names[ours]
        if name in statistics.files:
            state[name] = torch.from_numpy(statistics[name])
        else:
            state[name] = golden_weight(name, value.shape, seed)
    return state


def empty_released_state(variant: str) -> dict[str, Tensor]:
    """As :func:`released_state`, all zeros, which take no space in memory or in a file."""
    with torch.device("meta"):
        network = RFRNet(RFRConfig.small_hole() if variant == "small_hole" else RFRConfig())
    tensors = network.state_dict()
    return {
        name: torch.zeros((), dtype=tensors[ours].dtype).expand(tensors[ours].shape)
        for ours, name in released_names(network).items()
    }
