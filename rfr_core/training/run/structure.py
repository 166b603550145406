"""Training of networks that complete edges and fill pictures along them: batches, losses, previews."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.baselines.canny_edges import canny_edges
from rfr_core.baselines.structured_network import StructuredFill, StructuredNetwork
from rfr_core.images.values import luminance
from rfr_core.training.data.sample_grid import tiled
from rfr_core.training.data.samples import Sample, collate
from rfr_core.training.losses.adversary import Shown
from rfr_core.training.losses.inpainting import (
    Judges,
    LossWeights,
    PhaseLosses,
    adversary_terms,
    inpainting_loss,
)
from rfr_core.training.run.edges import edge_loss

EDGE_WEIGHTS = LossWeights(hole=0.1, valid=0.02)  # of edges, where a recipe says nothing: PRVS weighs its own by 0.1


class StructureBatch(NamedTuple):
    """Pictures and their edges.

    image: (N, 3, S, S) in [0, 1]. edges: (N, 1, S, S) in {0, 1}, of all of the picture. known: (N, 1, S, S), 1 = known.
    skipped: as in :class:`~rfr_core.training.data.samples.Sample`.
    """

    image: Tensor
    edges: Tensor
    known: Tensor
    skipped: list[str]


def collate_structure(samples: Sequence[Sample]) -> StructureBatch:
    """As :func:`~rfr_core.training.data.samples.collate`, with the pictures' edges."""
    batch = collate(samples)
    return StructureBatch(batch.image, canny_edges(batch.image), batch.known, batch.skipped)


def structure_loss(
    output: StructuredFill, batch: StructureBatch, weights: PhaseLosses, judges: Judges
) -> tuple[Tensor, dict[str, Tensor]]:
    """The picture's terms, and those of its edges at each size: cross entropy, and what their discriminator asks."""
    total, terms = inpainting_loss(output.picture, batch.image, batch.known, weights.output, judges)
    of_edges = weights.edge_output or EDGE_WEIGHTS
    for logits, shown in zip(output.edges, shown_edges(output, batch), strict=True):
        known = 1 - shown.hole
        loss, parts = edge_loss(logits, shown.truth[:, :1], known, of_edges)
        if of_edges.needs_adversary:
            assert judges.edge_adversary is not None
            parts |= adversary_terms(judges.edge_adversary, shown)
            loss = loss + of_edges.feature_matching * parts["feature_matching"]
            loss = loss + of_edges.adversarial * parts["adversarial"]
        total = total + loss
        terms |= {f"edge_{name}": value + terms.get(f"edge_{name}", 0) for name, value in parts.items()}
    return total, terms


def shown_edges(output: StructuredFill, batch: StructureBatch) -> list[Shown]:
    """What a discriminator of edges judges at each size: completed and true edges, each beside the true gray values."""
    return [_shown(logits, batch) for logits in output.edges]


def _shown(logits: Tensor, batch: StructureBatch) -> Shown:
    """A pixel has an edge where one of those that it stands for has; it is known where all are."""
    size = (logits.shape[-2], logits.shape[-1])
    edges, hole = (F.adaptive_max_pool2d(values, size) for values in (batch.edges, 1 - batch.known))
    gray = F.adaptive_avg_pool2d(luminance(batch.image), size)
    completed = torch.where(hole > 0, logits.float().sigmoid(), edges)
    return Shown(torch.cat([completed, gray], 1), torch.cat([edges, gray], 1), hole)


@torch.inference_mode()
def structure_preview(network: nn.Module, batch: StructureBatch) -> Tensor:
    """One row per picture: known part, its edges, completed edges, fill, truth; (3, H, W) in [0, 1] on the CPU."""
    device = next(network.parameters()).device
    image, edges, known = (values.to(device) for values in batch[:3])
    assert isinstance(network, StructuredNetwork)
    output = network.complete(image * known, known, edges * known)
    completed = torch.where(known > 0, edges, output.edges[-1].float().sigmoid())
    filled = torch.where(known > 0, image, output.picture.float().clamp(0, 1))
    columns = [image * known, edges * known, completed, filled, image]
    return tiled(torch.stack([column.expand(-1, 3, -1, -1).cpu() for column in columns], 1))
