"""Training steps of the full network, for `training`.

    python -m benchmarks.training_step FORM SIZE BATCH ROUNDS CLOCK

FORM is ``plain``, ``ours`` or ``recomputed``. Prints the median seconds of a step, and the bytes that the most memory
held in it lies above what network and pictures take.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.networks import full_network, sample
from benchmarks.process import peak_memory
from benchmarks.reference import PlainNetwork
from benchmarks.timing import in_turns
from rfr_core.network.rfr_net import RFRNet


def main(form: str, size: int, batch: int, rounds: int, clock: str) -> None:
    network = full_network().requires_grad_(True)  # batch statistics are kept, as in the plain form
    image, known = sample(size, batch)
    run = _run(form, network, image, known)

    def step() -> None:
        run().sub(image).abs().mean().backward()
        for parameter in network.parameters():
            parameter.grad = None

    before = peak_memory()
    seconds = in_turns({form: step}, rounds, clock).of(form)
    print(seconds, peak_memory() - before)


def _run(form: str, network: RFRNet, image: Tensor, known: Tensor) -> Callable[[], Tensor]:
    if form == "plain":
        plain = PlainNetwork(network)
        return lambda: plain(image, known)
    network.reasoning.recompute = form == "recomputed"
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return lambda: network(image.contiguous(memory_format=torch.channels_last), known)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
