"""A grid of pictures that shows what a network does: input, hole, recurrences, result and truth."""

from __future__ import annotations

import torch
from torch import Tensor

from rfr_core.network import RFRNet

GAP = 2


@torch.inference_mode()
def preview_grid(network: RFRNet, truth: Tensor, known: Tensor) -> Tensor:
    """One row per picture: input, hole, three recurrences on the way, result, truth.

    truth: (N, 3, S, S) in [0, 1]; known: (N, 1, S, S), 1 = known. Returns (3, H, W) in [0, 1] on the CPU.
    """
    device = next(network.parameters()).device
    truth, known = truth.to(device), known.to(device)
    steps = list(network.steps(truth, known))
    shown = [steps[round(share * (len(steps) - 1))] for share in (0, 1 / 3, 2 / 3, 1)]
    fills = [torch.where(known > 0, truth, step.decode().clamp(0, 1)) for step in shown]
    hole = (1 - known).expand_as(truth)
    columns = [truth * known, hole, *fills, truth]
    rows = torch.stack(columns, 1)  # (N, 7, 3, S, S)
    return _tiled(rows).cpu()


def _tiled(rows: Tensor) -> Tensor:
    """(R, C, 3, S, S) -> (3, R*(S+GAP), C*(S+GAP)) with white gaps."""
    padded = torch.nn.functional.pad(rows, (0, GAP, 0, GAP), value=1.0)
    r, c, _, height, width = padded.shape
    return padded.permute(2, 0, 3, 1, 4).reshape(3, r * height, c * width)
