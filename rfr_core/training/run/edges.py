"""Structure estimation: training and judging edge generators (paper Sec. B.3; Nazeri et al. 2019)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.baselines.canny_edges import canny_edges
from rfr_core.images.values import luminance
from rfr_core.training.data.sample_grid import tiled
from rfr_core.training.data.samples import Sample, collate
from rfr_core.training.evaluation.protocol import Case, Table, average
from rfr_core.training.losses.inpainting import LossWeights

_MAX_WEIGHT = 20.0  # of an edge pixel: a batch may hold hardly any
EDGE_TERMS = ("hole", "valid")  # of the loss
EDGE = 0.5  # probability from which on a pixel counts as an edge


def gray_and_edges(image: Tensor) -> Tensor:
    """Picture (3, H, W) in [0, 1] -> its gray values and its Canny edges in {0, 1}: (2, H, W)."""
    return torch.cat([luminance(image), canny_edges(image[None])[0]])


class EdgeBatch(NamedTuple):
    """A batch to learn edges from.

    gray: (N, 1, S, S) in [0, 1]. edges: (N, 1, S, S) in {0, 1}. known: (N, 1, S, S), 1 = known. skipped: as in
    :class:`~rfr_core.training.data.samples.Sample`.
    """

    gray: Tensor
    edges: Tensor
    known: Tensor
    skipped: list[str]

    @property
    def picture(self) -> Tensor:
        """What an edge generator is given: (N, 2, S, S)."""
        return torch.cat([self.gray, self.edges], 1)


def collate_edges(samples: Sequence[Sample]) -> EdgeBatch:
    """As :func:`~rfr_core.training.data.samples.collate`, the pictures as gray values and edges."""
    batch = collate([sample._replace(image=gray_and_edges(sample.image)) for sample in samples])
    gray, edges = batch.image.split(1, 1)
    return EdgeBatch(gray, edges, batch.known, batch.skipped)


def edge_loss(output: Tensor, edges: Tensor, known: Tensor, weights: LossWeights) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross entropy over the hole and over the known part, edges and the rest counting alike.

    output: logits (N, 1, H, W). edges: (N, 1, H, W) in {0, 1}. known: (N, 1, H, W). Of the weights ``hole`` and
    ``valid`` count. EdgeConnect trains against a discriminator; this loss needs none.
    """
    share = edges.mean().clamp(min=1e-6)
    weight = torch.where(edges > 0, ((1 - share) / share).clamp(max=_MAX_WEIGHT), 1.0)
    error = F.binary_cross_entropy_with_logits(output.float(), edges, weight, reduction="none")
    terms = {"hole": (error * (1 - known)).mean(), "valid": (error * known).mean()}
    return weights.hole * terms["hole"] + weights.valid * terms["valid"], terms


@torch.inference_mode()
def complete_edges(network: nn.Module, case: Case) -> tuple[Tensor, Tensor]:
    """Edges that a network puts into a case's hole, and the true ones: probabilities and {0, 1}, (1, 1, S, S) each."""
    device = next(network.parameters()).device
    truth = gray_and_edges(case.truth[0])[None]
    known = 1 - case.hole
    probability = network(truth.to(device), known.to(device)).sigmoid().cpu()
    return torch.where(known > 0, truth[:, 1:], probability), truth[:, 1:]


def evaluate_edges(network: nn.Module, cases: Iterable[Case]) -> Table:
    """Scores inside the hole per bucket: average precision, and precision and recall (EdgeConnect's scores).

    A picture without an edge in its hole has no recall and no average precision, and is left out of their means.
    """
    return average((case.bucket, _edge_scores(*complete_edges(network, case), case.hole)) for case in cases)


def _edge_scores(probability: Tensor, truth: Tensor, hole: Tensor) -> dict[str, float]:
    shown = probability[hole > 0].numpy()
    right = truth[hole > 0].numpy() > 0
    marked = shown >= EDGE
    hits = float((marked & right).sum())
    return {
        "ap": _average_precision(shown, right),
        "precision": hits / marked.sum() if marked.any() else 0.0,
        "recall": hits / right.sum() if right.any() else float("nan"),
    }


def _average_precision(shown: np.ndarray, right: np.ndarray) -> float:
    """The mean, over true edge pixels, of the precision at the threshold that just admits each."""
    if not right.any():
        return float("nan")
    ordered = right[np.argsort(-shown, kind="stable")]
    precision = ordered.cumsum() / np.arange(1, ordered.size + 1)
    return float(precision[ordered].mean())


@torch.inference_mode()
def edge_preview(network: nn.Module, batch: EdgeBatch) -> Tensor:
    """One row per picture: known gray, known edges, completed and true edges; (3, H, W) in [0, 1] on the CPU."""
    device = next(network.parameters()).device
    completed = network(batch.picture.to(device), batch.known.to(device)).sigmoid().cpu()
    gray, edges, known = batch.gray.cpu(), batch.edges.cpu(), batch.known.cpu()
    columns = [gray * known, edges * known, torch.where(known > 0, edges, completed), edges]
    return tiled(torch.stack([column.expand(-1, 3, -1, -1) for column in columns], 1))
