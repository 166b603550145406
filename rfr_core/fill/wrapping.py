"""Pictures that go on beyond their border where they begin on the other side: tiles and panoramas.

The picture is rolled until its border runs where there is least to fill, and padded with what lies on the other side.
Regions, interpolation, patches and the network then see through the border without knowing of it. Where a hole reaches
all the way round, it is filled a little beyond the border, and that part is faded into what lies on the other side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rfr_core.fill.attention_map import AttentionMap
from rfr_core.fill.canvas import Canvas, FilledBox
from rfr_core.fill.steps import InpaintStep, check_pixel
from rfr_core.ops.box import Box

PAD = 256  # pixels of the other side that are seen beyond the border, at most
FADE = 48  # pixels, beyond the border, over which a hole that reaches all the way round meets itself


class _Segment(NamedTuple):
    """Pixels ``start`` to before ``end`` of the padded axis, which are those from ``source`` on of the picture's."""

    start: int
    end: int
    source: int
    beyond: bool  # whether they lie in the part that fades


@dataclass(frozen=True)
class _Axis:
    """One axis. shift: the picture's pixel that comes first when it is rolled. pad, fade: 0 where it does not wrap."""

    length: int
    shift: int
    pad: int
    fade: int

    @property
    def padded(self) -> int:
        return self.length + 2 * self.pad

    @cached_property
    def sources(self) -> Tensor:
        """The picture's pixel at each place of the padded axis."""
        return (torch.arange(self.padded) - self.pad + self.shift) % self.length

    @cached_property
    def weight(self) -> Tensor:
        """How far a fill counts at each place: 1 within the picture, falling to 0 beyond its border."""
        weight = torch.zeros(self.padded)
        weight[self.pad : self.pad + self.length] = 1
        end = self.pad + self.length
        weight[end : end + self.fade] = 1 - (torch.arange(self.fade) + 0.5) / max(1, self.fade)
        return weight

    @cached_property
    def segments(self) -> list[_Segment]:
        end = self.pad + self.length
        starts = {0, self.pad, end, end + self.fade, *(self.sources == 0).nonzero()[:, 0].tolist()}
        bounds = [*sorted(start for start in starts if start < self.padded), self.padded]
        return [_Segment(start, stop, int(self.sources[start]), start >= end) for start, stop in pairwise(bounds)]


class WrappedCanvas(Canvas):
    """A canvas rolled and padded; what is pasted into it comes back at the picture's own place and size."""

    def __init__(self, inner: Canvas, hole: Tensor, wrap: str) -> None:
        """hole: (N, 1, H, W) bool, what is to be filled. wrap: "x", "y" or "xy"."""
        self.inner = inner
        self._rows = _axis(hole.flatten(0, 1).sum((0, 2)), "y" in wrap)
        self._columns = _axis(hole.flatten(0, 1).sum((0, 1)), "x" in wrap)
        self.count, self.height, self.width = inner.count, self._rows.padded, self._columns.padded

    def padded(self, values: Tensor) -> Tensor:
        """(N, 1, H, W) at the picture's size -> the same seen through the border, at the canvas's size."""
        return values[..., self._rows.sources[:, None], self._columns.sources]

    def fillable(self) -> Tensor:
        """How far a fill counts: (1, 1, h, w) in [0, 1]; 0 in what is only looked at."""
        return (self._rows.weight[:, None] * self._columns.weight)[None, None]

    def unpadded(self, values: Tensor) -> Tensor:
        """(..., h, w) at the canvas's size -> (..., H, W), as far as it lies within the picture."""
        rows, columns = self._rows, self._columns
        inside = values[..., rows.pad : rows.pad + rows.length, columns.pad : columns.pad + columns.length]
        return inside.roll((rows.shift, columns.shift), (-2, -1))

    def place_of(self, x: int, y: int) -> tuple[int, int]:
        """A pixel of the picture on the canvas."""
        rows, columns = self._rows, self._columns
        return (
            (x - columns.shift) % columns.length + columns.pad,
            (y - rows.shift) % rows.length + rows.pad,
        )

    def folded(self, values: Tensor) -> Tensor:
        """(h, w) at the canvas's size -> (H, W), the values of pixels that are there several times added up."""
        folded = values.new_zeros(self._rows.length, values.shape[1]).index_add_(0, self._rows.sources, values)
        return folded.new_zeros(len(folded), self._columns.length).index_add_(1, self._columns.sources, folded)

    def crop(self, item: int, box: Box) -> Tensor:
        crop = torch.empty(1, 3, box.height, box.width)
        for part, source, _ in self._pieces(box):
            crop[(..., *part.within(box).slices)] = self.inner.crop(item, source)
        return crop

    def hidden(self) -> Tensor:
        hidden = self.inner.hidden()
        return self.padded(hidden) if hidden.shape[-2:] == (self._rows.length, self._columns.length) else hidden

    def pasted(self, filled: Sequence[FilledBox]) -> Any:
        return self.inner.pasted(self._unwrapped(filled))

    def tensor(self, filled: Sequence[FilledBox], within: Box | None = None) -> Tensor:
        return self.inner.tensor(self._unwrapped(filled), within)

    def _unwrapped(self, filled: Sequence[FilledBox]) -> list[FilledBox]:
        """The fills at the picture's own places, those beyond the border last, to be faded in."""
        placed = []
        for item, box, fill, weight in filled:
            for part, source, order in self._pieces(box):
                place = (..., *part.within(box).slices)
                share = weight[place] * self._fade(part)
                if bool(share.any()):
                    placed.append((order, len(placed), FilledBox(item, source, fill[place], share)))
        return [box for *_, box in sorted(placed, key=lambda entry: entry[:2])]

    def _fade(self, part: Box) -> Tensor:
        rows, columns = (axis.weight[span] for axis, span in zip((self._rows, self._columns), part.slices, strict=True))
        return rows[:, None] * columns

    def _pieces(self, box: Box) -> list[tuple[Box, Box, int]]:
        """A box of the canvas cut at the picture's border: each part, where it lies in the picture, and its order."""
        pieces = []
        for row in self._rows.segments:
            for column in self._columns.segments:
                part = Box(row.start, column.start, row.end, column.end).common(box)
                if part is not None:
                    source = part.shifted(row.source - row.start, column.source - column.start)
                    pieces.append((part, source, 2 * row.beyond + column.beyond))
        return pieces


@dataclass(frozen=True)
class WrappedStep(InpaintStep):
    """A step on a wrapped canvas, told in the picture's own places and size."""

    @classmethod
    def of(cls, step: InpaintStep) -> WrappedStep:
        return cls(**{field.name: getattr(step, field.name) for field in fields(step)})

    @cached_property
    def open_ratio(self) -> float:
        return float(self.open_hole().count_nonzero() / self._own_hole.count_nonzero())

    @property
    def hole_ratio(self) -> float:
        return float(self._own_hole.count_nonzero() / self._own_hole.numel())

    def open_hole(self, within: Box | None = None) -> Tensor:
        left = self._canvas.unpadded(super().open_hole())
        return left if within is None else left[(..., *within.slices)]

    def attention(self, x: int, y: int, item: int = 0) -> Tensor | None:
        check_pixel(self._canvas.inner, x, y, item)
        shares = super().attention(*self._canvas.place_of(x, y), item)
        return None if shares is None else self._canvas.folded(shares)

    def attention_maps(self) -> list[AttentionMap]:
        """None: a map is a box of the picture, which a region across the border is not."""
        return []

    @property
    def _canvas(self) -> WrappedCanvas:
        canvas = self._scene.canvas
        assert isinstance(canvas, WrappedCanvas)
        return canvas

    @property
    def _own_hole(self) -> Tensor:
        return self._canvas.unpadded(self._scene.hole)


def _axis(holes: Tensor, wraps: bool) -> _Axis:
    """holes: how many pixels of each row or column are to be filled."""
    length = len(holes)
    if not wraps:
        return _Axis(length, 0, 0, 0)
    pad = min(PAD, length)
    shift = int(holes.argmin())
    return _Axis(length, shift, pad, min(FADE, pad) if bool(holes[shift]) else 0)
