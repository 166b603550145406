"""Training of a `DefectNet`: its loss and its preview."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.training.data.defect_samples import LabelledCrop
from rfr_core.training.data.sample_grid import tiled
from rfr_core.training.losses.inpainting import LossWeights


def defect_loss(output: Tensor, truth: Tensor, weights: LossWeights) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross entropy over all pixels, and 1 - Dice's coefficient of "any defect" over the batch.

    output: logits (N, CLASSES, H, W). truth: (N, H, W), as `LabelledCrop` has it. Of the weights ``valid`` is the
    entropy's and ``hole`` Dice's; the first makes probabilities of the output, the second cares for what is rare.
    """
    logits = output.float()
    entropy = F.cross_entropy(logits, truth)
    found, there = 1 - logits.softmax(1)[:, 0], (truth > 0).float()
    dice = 1 - (2 * (found * there).sum() + 1) / (found.sum() + there.sum() + 1)
    return weights.valid * entropy + weights.hole * dice, {"entropy": entropy, "dice": dice}


@torch.inference_mode()
def defect_preview(network: nn.Module, batch: LabelledCrop) -> Tensor:
    """One row per picture: the picture, what is found, what is there; (3, H, W) in [0, 1] on the CPU."""
    device = next(network.parameters()).device
    found = 1 - network(batch.picture.to(device)).softmax(1)[:, :1].cpu()
    there = (batch.truth.cpu() > 0)[:, None].float()
    columns = [batch.picture.cpu(), found, there]
    return tiled(torch.stack([column.expand(-1, 3, -1, -1) for column in columns], 1))
