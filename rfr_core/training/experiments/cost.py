"""What a system costs at the paper's size: parameters, multiply-adds and memory for a 256 x 256 picture."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping

import torch
from torch.utils.flop_counter import FlopCounterMode

from rfr_core.config import RFRConfig
from rfr_core.network.rfr_net import RFRNet
from rfr_core.training.evaluation.measure import peak_mib
from rfr_core.training.experiments.trained_systems import System
from rfr_core.training.run.architectures import STRUCTURE, build_network, task_of

SIZE = 256
_MEASURED = 3


def costs_of(system: System, names: tuple[str, ...]) -> dict[str, float]:
    """``parameters`` in millions, ``macs`` in 10^9 per picture and ``memory`` in MiB, of those that are named."""
    measured: dict[str, float] = {}
    if "parameters" in names or "macs" in names:
        measured |= _counted(system)
    if "memory" in names:
        measured["memory"] = _memory(system)
    return {name: measured[name] for name in names}


@torch.inference_mode()
def _counted(system: System) -> dict[str, float]:
    """Counted without computing anything: on tensors that have a shape alone."""
    with torch.device("meta"):
        config = system.config()
        network = build_network(system.architecture, config).eval()
        channels = 2 if system.completes_edges else 3
        image, known = torch.ones(1, channels, SIZE, SIZE), torch.ones(1, 1, SIZE, SIZE)
        edges = (known,) if task_of(system.architecture) is STRUCTURE else ()  # there is nothing to find them in
        with FlopCounterMode(display=False) as counter:
            network(image, known, config.recurrences, *edges)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return {"parameters": parameters / 1e6, "macs": counter.get_total_flops() / 2e9}


def _memory(system: System) -> float:
    """By how much one fill raises the memory of a process of its own, above that of the network and its libraries.

    In MiB, the least of `_MEASURED` processes: what an allocator happens to hold besides only adds to it.
    """
    config = json.dumps(system.config().to_dict())
    command = [sys.executable, "-m", "rfr_core.training.experiments.cost", config]
    # What an allocator is told to keep would count as well.
    usual = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    results = [subprocess.run(command, capture_output=True, text=True, check=True, env=usual) for _ in range(_MEASURED)]
    return min(float(result.stdout) for result in results)


@torch.inference_mode()
def _memory_here(config: Mapping[str, object]) -> float:
    network = RFRNet(RFRConfig.from_dict(config)).eval()
    if torch.cuda.is_available():
        network = network.cuda()
        network(torch.rand(1, 3, SIZE, SIZE, device="cuda"), torch.ones(1, 1, SIZE, SIZE, device="cuda"))
        return torch.cuda.max_memory_allocated() / 2**20
    network(torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32))  # what the libraries take at their first call
    before = peak_mib() or 0.0
    network(torch.rand(1, 3, SIZE, SIZE), torch.ones(1, 1, SIZE, SIZE))
    return (peak_mib() or 0.0) - before


if __name__ == "__main__":
    print(_memory_here(json.loads(sys.argv[1])))
