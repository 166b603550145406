"""Attention over a feature map: knowledge consistent attention (paper Sec. 3.2) and contextual attention."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.config import RFRConfig
from rfr_core.network.attention_memory import Attended, AttentionMemory, attend
from rfr_core.ops.precision import wide


class _Attention(nn.Module):
    """What both attentions share: from features to the features combined with the rebuilt ones."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.combiner = nn.Conv2d(2 * channels, channels, 1)

    def forward(
        self, features: Tensor, known: Tensor, memory: AttentionMemory | None
    ) -> tuple[Tensor, AttentionMemory]:
        """Attends within a feature map.

        Args:
            features: (N, C, h, w).
            known: (N, 1, H, W) in {0, 1}, the mask of this recurrence, at any size.
            memory: what the last recurrence returned; in the first ``None``, or an empty memory that says whether
                scores are to be kept. One that does not keep them can be passed on once only.

        Returns:
            The combined features (N, C, h, w), and the memory for the next recurrence.
        """
        known = F.interpolate(known, features.shape[-2:]) if known.shape[-2:] != features.shape[-2:] else known
        memory = memory or AttentionMemory()
        rebuilt, memory = attend(*self._attended(features, known, memory), memory, known)
        return self._combine(rebuilt, features), memory

    def _attended(self, features: Tensor, known: Tensor, memory: AttentionMemory) -> tuple[Attended, Tensor]:
        raise NotImplementedError

    def _combine(self, rebuilt: Tensor, features: Tensor) -> Tensor:
        """The 1x1 convolution over (rebuilt, features), without copying them together."""
        n, c, h, w = features.shape
        on_rebuilt, on_features = self.combiner.weight.flatten(1).split(c, 1)  # each (C, C)
        combined = F.linear(rebuilt, on_rebuilt, self.combiner.bias)  # (N, hw, C)
        combined += F.linear(positions(features), on_features)
        return combined.view(n, h, w, -1).permute(0, 3, 1, 2)


class KnowledgeConsistentAttention(_Attention):
    """Rebuilds every position from all others, blending its scores with those of the recurrence before.

    Source: paper Eq. 4-9; the released code leaves the query unnormalised, takes the normalised keys as values and
    blends with weight ``known / (known + r)``, r = |ratio| + 1e-7, so that lambda of Eq. 6 is r / (1 + r). With a
    ``fixed`` lambda there is no ratio to learn.
    """

    def __init__(
        self,
        channels: int,
        query: str = "raw",
        values: str = "normalized",
        fixed: float | None = None,
        smoothing: str = "sum",
    ) -> None:
        super().__init__(channels)
        self.query = query
        self.values = values
        self.smoothing = smoothing
        self.fixed = fixed
        self.ratio = nn.Parameter(torch.ones(1)) if fixed is None else None

    def _attended(self, features: Tensor, known: Tensor, memory: AttentionMemory) -> tuple[Attended, Tensor]:
        normalized = normalize(features)
        query = neighbourhood_sum(normalized if self.query == "normalized" else features)
        if self.smoothing == "mean":
            query = query / 9
        kept = None if memory.known is None else self._kept(memory.known)
        now = Attended(positions(query), positions(normalized), features.dtype, kept)
        return now, now.keys if self.values == "normalized" else positions(features)

    def _kept(self, known: Tensor) -> Tensor:
        # In float32 or better: 1e-7 is nothing in half precision, and a ratio of exactly 0 would divide 0 by 0.
        earlier = wide(known).flatten(1).unsqueeze(2)  # (N, hw, 1)
        if self.ratio is None:
            assert self.fixed is not None
            return earlier * (1 - self.fixed)
        return earlier / (earlier + wide(self.ratio).abs() + 1e-7)


class ContextualAttention(_Attention):
    """Attention of Yu et al. (2018), per recurrence on its own: 3x3 patches, keys only where something is known."""

    softmax_scale = 10.0

    def _attended(self, features: Tensor, known: Tensor, memory: AttentionMemory) -> tuple[Attended, Tensor]:
        patches = F.unfold(wide(features), 3, padding=1).transpose(1, 2)  # (N, hw, 9C)
        keys = F.normalize(patches, dim=2, eps=1e-4)
        # One more channel carries the penalty for unknown keys; it is finite, for an all-hole map must give even
        # weights and not 0 / 0.
        penalty = -1e4 * (1 - known.to(keys.dtype)).flatten(2).transpose(1, 2)
        query = F.pad(keys * self.softmax_scale, (0, 1), value=1.0)
        return Attended(query, torch.cat([keys, penalty], 2), features.dtype), positions(features)


def positions(features: Tensor) -> Tensor:
    """(N, C, h, w) -> (N, h*w, C), without a copy where the channels already lie last in memory."""
    return features.permute(0, 2, 3, 1).flatten(1, 2)


def normalize(features: Tensor) -> Tensor:
    """Each position's feature vector (N, C, h, w) plus 1e-7, divided by its length; computed in float32 or better."""
    shifted = wide(features) + 1e-7
    return (shifted / torch.linalg.vector_norm(shifted, dim=1, keepdim=True)).to(features.dtype)


def neighbourhood_sum(features: Tensor) -> Tensor:
    """Features (N, C, h, w) summed over each position's 3x3 neighbourhood.

    Eq. 5 smooths scores over the query's neighbourhood. That acts on the query alone, so it is done before the product:
    h*w*C sums instead of h*w*h*w.
    """
    return F.avg_pool2d(features, 3, 1, 1) * 9


def build_attention(config: RFRConfig, channels: int) -> KnowledgeConsistentAttention | ContextualAttention | None:
    """The attention that ``config`` names, for maps of ``channels`` channels; ``None`` where it names none."""
    if config.attention == "kca":
        return KnowledgeConsistentAttention(
            channels,
            config.attention_query,
            config.attention_values,
            config.attention_lambda,
            config.attention_smoothing,
        )
    return ContextualAttention(channels) if config.attention == "contextual" else None
