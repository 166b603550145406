"""The attention's scores and its memory of those of earlier recurrences.

The memory is a value that goes in and comes out; nothing is kept on the modules. The scores grow with the fourth power
of a picture's side. While gradients are recorded they are held whole. Otherwise they are computed in blocks of rows,
held in half precision beyond ``EXACT_SCORES`` of them, and beyond ``STORED_SCORES`` not held at all: each recurrence
then computes the earlier ones again from their features.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

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
            raise RuntimeError("The attention's scores were not kept; run the network with keep_scores=True.")
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
