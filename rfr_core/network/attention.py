"""Attention over a feature map: knowledge consistent attention (paper Sec. 3.2) and contextual attention.

The memory of earlier scores is a value that goes in and comes out; nothing is kept on the modules. The scores grow with
the fourth power of a picture's side. While gradients are recorded they are held whole. Otherwise they are computed in
blocks of rows, held in half precision beyond ``EXACT_SCORES`` of them, and beyond ``STORED_SCORES`` not held at all:
each recurrence then computes the earlier ones again from their features.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.config import RFRConfig
from rfr_core.network.blocks import wide

BLOCK = 2**21  # scores computed at once: few enough for a processor's cache, enough for an efficient product
BLOCK_ROWS = 128  # but never fewer rows than this
EXACT_SCORES = 2**26  # 256 MiB in float32; one picture of 720 x 720 pixels
STORED_SCORES = 2**29  # 1 GiB in half precision; one picture of 1200 x 1200 pixels
VANISHING = 1e-30  # a score that changes nothing; numbers below 1e-38 slow a processor's products in float32
NEGLIGIBLE = 2**-12  # a share of earlier scores that isn't worth computing again
ALL = slice(None)


@dataclass(frozen=True)
class Attended:
    """What the scores of one recurrence are computed from.

    query: (N, h*w, C). keys: (N, h*w, C). dtype: of the scores.
    kept: (N, h*w, 1) in [0, 1], the share of the earlier scores that each position keeps; ``None`` = nothing.
    """

    query: Tensor
    keys: Tensor
    dtype: torch.dtype
    kept: Tensor | None = None

    def scores(self, rows: slice) -> Tensor:
        """Softmax over all keys of the similarity (Eq. 5), not blended yet, for some positions: (N, rows, h*w)."""
        scores = torch.bmm(self.query[:, rows], self.keys.transpose(1, 2)).softmax(-1)
        if scores.dtype == torch.float32:
            scores = F.threshold(scores, VANISHING, 0.0, inplace=not torch.is_grad_enabled())
        return scores.to(self.dtype)

    def blend(self, scores: Tensor, earlier: Tensor, rows: slice, out: Tensor | None = None) -> Tensor:
        """Those scores with the ones of the recurrence before (Eq. 6-7)."""
        assert self.kept is not None
        return torch.lerp(scores, earlier.to(scores.dtype), self.kept[:, rows].to(scores.dtype), out=out)


@dataclass(frozen=True)
class AttentionMemory:
    """What the attention of one recurrence leaves to the next.

    known: (N, 1, h, w) in {0, 1}, the mask which that recurrence was given, at the attention's size; ``None`` before
        the first.
    keep_scores: whether :attr:`scores` can still be asked for later; if not, the next recurrence may overwrite them.
    """

    known: Tensor | None = None
    keep_scores: bool = True
    _scores: Tensor | None = field(default=None, repr=False)  # (N, h*w, h*w)
    _history: tuple[Attended, ...] = field(default=(), repr=False)  # or else what they are computed from

    @property
    def scores(self) -> Tensor:
        """(N, h*w, h*w), how much of each key position (last axis) a query position took; rows sum to 1.

        Raises RuntimeError: they were not kept.
        """
        return self.rows(0, None)

    def without_scores(self) -> AttentionMemory:
        """The same for those who need no scores, so that they don't hold on to them."""
        return AttentionMemory(self.known, keep_scores=False)

    def rows(self, start: int, stop: int | None) -> Tensor:
        """:attr:`scores` of the query positions from ``start`` up to ``stop`` alone: (N, stop - start, h*w)."""
        if not self.keep_scores:
            raise RuntimeError("the attention's scores were not kept; run the network with keep_scores=True.")
        rows = slice(start, stop)
        return _recomputed(self._history, rows) if self._scores is None else self._scores[:, rows]


def attend(now: Attended, values: Tensor, memory: AttentionMemory, known: Tensor) -> tuple[Tensor, AttentionMemory]:
    """Rebuilds values (N, h*w, C) by the scores of ``now``, blended with those in ``memory`` if ``now`` keeps any.

    Returns:
        The rebuilt values (N, h*w, C), and the memory for the next recurrence; ``known`` is put into it.
    """
    if now.kept is None:
        memory = AttentionMemory(keep_scores=memory.keep_scores)
    if torch.is_grad_enabled() or torch.compiler.is_compiling():
        return _attend_whole(now, values, memory, known)
    if values.shape[0] * values.shape[1] ** 2 > STORED_SCORES:
        return _attend_recomputed(now, values, memory, known)
    return _attend_stored(now, values, memory, known)


def _attend_whole(
    now: Attended, values: Tensor, memory: AttentionMemory, known: Tensor
) -> tuple[Tensor, AttentionMemory]:
    scores = now.scores(ALL)
    if memory._scores is not None:
        scores = now.blend(scores, memory._scores, ALL)
    return torch.bmm(scores, values), AttentionMemory(known, memory.keep_scores, scores)


def _attend_stored(
    now: Attended, values: Tensor, memory: AttentionMemory, known: Tensor
) -> tuple[Tensor, AttentionMemory]:
    n, positions, _ = values.shape
    exact = n * positions**2 <= EXACT_SCORES
    earlier, store = memory._scores, memory._scores
    if store is None or memory.keep_scores:
        store = values.new_empty((n, positions, positions), dtype=now.dtype if exact else torch.float16)
    rebuilt = torch.empty_like(values)
    for rows in _row_blocks(values):
        scores, held = now.scores(rows), store[:, rows]
        if earlier is not None:
            scores = now.blend(scores, earlier[:, rows], rows, out=held if exact else scores)
        if scores is not held:
            held.copy_(scores)
        rebuilt[:, rows] = torch.bmm(scores, values)
    return rebuilt, AttentionMemory(known, memory.keep_scores, store)


def _attend_recomputed(
    now: Attended, values: Tensor, memory: AttentionMemory, known: Tensor
) -> tuple[Tensor, AttentionMemory]:
    history = _relevant((*memory._history, now))
    rebuilt = torch.empty_like(values)
    for rows in _row_blocks(values):
        rebuilt[:, rows] = torch.bmm(_recomputed(history, rows), values)
    return rebuilt, AttentionMemory(known, memory.keep_scores, None, history)


def _recomputed(history: tuple[Attended, ...], rows: slice) -> Tensor:
    """The blended scores of the last recurrence in ``history``: (N, rows, h*w)."""
    scores = history[0].scores(rows)
    for attended in history[1:]:
        scores = attended.blend(attended.scores(rows), scores, rows, out=scores)
    return scores


def _relevant(history: tuple[Attended, ...]) -> tuple[Attended, ...]:
    """The latest part of ``history``, without the recurrences whose scores no longer count."""
    share = 1.0
    for index in range(len(history) - 1, 0, -1):
        kept = history[index].kept
        share *= 0.0 if kept is None else float(kept.max())
        if share < NEGLIGIBLE:
            return history[index:]
    return history


def _row_blocks(values: Tensor) -> Iterator[slice]:
    n, positions, _ = values.shape
    size = max(BLOCK_ROWS, BLOCK // (n * positions))
    return (slice(start, min(start + size, positions)) for start in range(0, positions, size))


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
        self, channels: int, query: str = "raw", values: str = "normalized", fixed: float | None = None
    ) -> None:
        super().__init__(channels)
        self.query = query
        self.values = values
        self.fixed = fixed
        self.ratio = nn.Parameter(torch.ones(1)) if fixed is None else None

    def _attended(self, features: Tensor, known: Tensor, memory: AttentionMemory) -> tuple[Attended, Tensor]:
        normalized = normalize(features)
        query = neighbourhood_sum(normalized if self.query == "normalized" else features)
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
            channels, config.attention_query, config.attention_values, config.attention_lambda
        )
    return ContextualAttention(channels) if config.attention == "contextual" else None
