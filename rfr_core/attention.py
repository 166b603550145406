"""Attention over a feature map: knowledge consistent attention (paper Sec. 3.2) and contextual attention.

The memory of earlier scores is a value that goes in and comes out; nothing is kept on the modules.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.config import RFRConfig


class AttentionMemory(NamedTuple):
    """What the attention of one recurrence leaves to the next.

    scores: (N, h*w, h*w), how much of each key position (last axis) a query position took; rows sum to 1.
    known: (N, 1, h, w) in {0, 1}, the mask which that recurrence was given, at the attention's size.
    """

    scores: Tensor
    known: Tensor


class KnowledgeConsistentAttention(nn.Module):
    """Rebuilds every position from all others, blending its scores with those of the recurrence before.

    Source: paper Eq. 4-9; the released code leaves the query unnormalised, takes the normalised keys as values and
    blends with weight ``known / (known + r)``, r = |ratio| + 1e-7, so that lambda of Eq. 6 is r / (1 + r).
    """

    def __init__(self, channels: int, query: str = "raw", values: str = "normalized") -> None:
        super().__init__()
        self.query = query
        self.values = values
        self.ratio = nn.Parameter(torch.ones(1))
        self.combiner = nn.Conv2d(2 * channels, channels, 1)

    def forward(
        self, features: Tensor, known: Tensor, memory: AttentionMemory | None
    ) -> tuple[Tensor, AttentionMemory]:
        """Attends within a feature map.

        Args:
            features: (N, C, h, w).
            known: (N, 1, H, W) in {0, 1}, the mask of this recurrence, at any size.
            memory: what the last recurrence returned, ``None`` in the first.

        Returns:
            The combined features (N, C, h, w), and the memory for the next recurrence.
        """
        n, c, h, w = features.shape
        known = F.interpolate(known, (h, w)) if known.shape[-2:] != (h, w) else known
        keys = normalize(features)
        query = keys if self.query == "normalized" else features
        scores = smoothed_scores(query, keys)  # (N, hw, hw)
        if memory is not None:
            scores = self._blend(scores, memory)
        values = keys if self.values == "normalized" else features
        rebuilt = torch.bmm(scores, values.flatten(2).transpose(1, 2))  # (N, hw, C)
        rebuilt = rebuilt.transpose(1, 2).reshape(n, c, h, w)
        return self.combiner(torch.cat([rebuilt, features], 1)), AttentionMemory(scores, known)

    def _blend(self, scores: Tensor, memory: AttentionMemory) -> Tensor:
        # In float32: 1e-7 is nothing in half precision, and a ratio of exactly 0 would divide 0 by 0.
        earlier = memory.known.float().flatten(1).unsqueeze(2)  # (N, hw, 1)
        weight = earlier / (earlier + self.ratio.float().abs() + 1e-7)
        return torch.lerp(scores, memory.scores.to(scores.dtype), weight.to(scores.dtype))


def normalize(features: Tensor) -> Tensor:
    """Each position's feature vector (N, C, h, w) plus 1e-7, divided by its length; computed in float32."""
    shifted = features.float() + 1e-7
    return (shifted / shifted.square().sum(1, keepdim=True).sqrt()).to(features.dtype)


def smoothed_scores(query: Tensor, keys: Tensor) -> Tensor:
    """Softmax over all keys of the similarity summed over the query's 3x3 neighbourhood (Eq. 5) -> (N, hw, hw).

    The sum acts on the query alone, so it is taken before the product: hw*C sums instead of hw*hw.
    """
    smoothed = F.avg_pool2d(query, 3, 1, 1) * 9
    similarity = torch.bmm(smoothed.flatten(2).transpose(1, 2), keys.flatten(2))  # (N, hw, hw)
    return similarity.softmax(-1, dtype=torch.float32).to(query.dtype)


class ContextualAttention(nn.Module):
    """Attention of Yu et al. (2018), per recurrence on its own: 3x3 patches, keys only where something is known."""

    softmax_scale = 10.0

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.combiner = nn.Conv2d(2 * channels, channels, 1)

    def forward(
        self, features: Tensor, known: Tensor, memory: AttentionMemory | None
    ) -> tuple[Tensor, AttentionMemory]:
        """As :meth:`KnowledgeConsistentAttention.forward`; the memory passed in is not used."""
        n, c, h, w = features.shape
        known = F.interpolate(known, (h, w)) if known.shape[-2:] != (h, w) else known
        patches = F.unfold(features.float(), 3, padding=1)  # (N, 9C, hw)
        keys = F.normalize(patches, dim=1, eps=1e-4)
        similarity = torch.bmm(keys.transpose(1, 2), keys) * self.softmax_scale
        # A finite number: an all-hole map must give even weights, not 0 / 0.
        scores = (similarity - 1e4 * (1 - known.float().flatten(2))).softmax(-1).to(features.dtype)
        rebuilt = torch.bmm(scores, features.flatten(2).transpose(1, 2)).transpose(1, 2).reshape(n, c, h, w)
        return self.combiner(torch.cat([rebuilt, features], 1)), AttentionMemory(scores, known)


def build_attention(config: RFRConfig, channels: int) -> KnowledgeConsistentAttention | ContextualAttention | None:
    """The attention that ``config`` names, for maps of ``channels`` channels; ``None`` where it names none."""
    if config.attention == "kca":
        return KnowledgeConsistentAttention(channels, config.attention_query, config.attention_values)
    return ContextualAttention(channels) if config.attention == "contextual" else None
