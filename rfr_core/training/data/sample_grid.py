"""A grid of pictures that shows what a network does: input, hole, recurrences, result and truth."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rfr_core.network.rfr_net import RFRNet
from rfr_core.training.data.samples import Sample

GAP = 2


@torch.inference_mode()
def preview_grid(network: nn.Module, batch: Sample) -> Tensor:
    """One row per picture: input, hole, three recurrences on the way (if the network has any), result, truth.

    Returns (3, H, W) in [0, 1] on the CPU.
    """
    device = next(network.parameters()).device
    truth, known = batch.image.to(device), batch.known.to(device)
    fills = [torch.where(known > 0, truth, output.clamp(0, 1)) for output in _outputs(network, truth, known)]
    hole = (1 - known).expand_as(truth)
    columns = [truth * known, hole, *fills, truth]
    return tiled(torch.stack(columns, 1)).cpu()


def _outputs(network: nn.Module, truth: Tensor, known: Tensor) -> list[Tensor]:
    if not isinstance(network, RFRNet):
        return [network(truth, known)]
    steps = list(network.steps(truth, known))
    shown = [steps[round(share * (len(steps) - 1))] for share in (0, 1 / 3, 2 / 3, 1)]
    return [step.decode() for step in shown]


def tiled(rows: Tensor) -> Tensor:
    """Rows of pictures as one: (R, C, 3, S, S) -> (3, R*(S+GAP), C*(S+GAP)) with white gaps."""
    padded = torch.nn.functional.pad(rows, (0, GAP, 0, GAP), value=1.0)
    r, c, _, height, width = padded.shape
    return padded.permute(2, 0, 3, 1, 4).reshape(3, r * height, c * width)
