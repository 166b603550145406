"""One forward of the full network, for `memory`: ``python -m benchmarks.forward FORM SIZE RECURRENCES``.

FORM is ``nothing`` (the network alone), ``plain``, ``float32``, or ``auto`` for the device's own number format.
"""

from __future__ import annotations

import sys

import torch

from benchmarks.networks import full_network, sample
from benchmarks.reference import PlainNetwork
from rfr_core.inference.devices import resolve_dtype
from rfr_core.inference.optimize import optimized


@torch.inference_mode()
def main(form: str, size: int, recurrences: int) -> None:
    network, (image, known) = full_network(), sample(size)
    if form == "plain":
        PlainNetwork(network)(image, known, recurrences)
    elif form != "nothing":
        dtype = resolve_dtype(form, torch.device("cpu"))
        optimized(network).to(dtype)(image.to(dtype), known, recurrences)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
