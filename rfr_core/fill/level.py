"""A region of a hole at one scale, and the crops of it that are run there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from rfr_core.fill.canvas import Canvas
from rfr_core.fill.planning import at_full_size
from rfr_core.fill.regions import Region, tile_window
from rfr_core.fill.sizes import MARGIN, OVERLAP
from rfr_core.ops.box import Box
from rfr_core.ops.pyramid import doubled, enlarged, halve, pull_push, share_within, spread

STRIP = 512  # rows that are read at once where the whole would take too much memory


@dataclass(frozen=True)
class Level:
    """A region at 1 / 2^halvings of the picture's size. All boxes are in its own pixels, unless said otherwise.

    window: the part of the picture that it shows, in the picture's pixels.
    known: (1, 1, h, w) bool, what may be looked at.
    coarser: the level of half the size that is filled before this one, if any. This one's rim alone is run then: what
        is within ``rim`` pixels of a known one.
    """

    region: Region
    halvings: int
    window: Box
    known: Tensor
    coarser: Level | None
    rim: int
    _canvas: Canvas = field(repr=False)
    _colour: Tensor | None = field(repr=False)

    @property
    def stage(self) -> int:
        """How many levels are filled before this one."""
        return self.coarser.stage + 1 if self.coarser else 0

    @property
    def height(self) -> int:
        return self.known.shape[-2]

    @property
    def width(self) -> int:
        return self.known.shape[-1]

    @property
    def hole_box(self) -> Box:
        """The region's box."""
        return self.region.box.within(self.window).reduced(2**self.halvings)

    @property
    def box(self) -> Box:
        """The part that is composed: the region's box and a margin."""
        return self.hole_box.grown(MARGIN, self.height, self.width)

    def colour(self, box: Box) -> Tensor:
        """The picture's own colours in ``box``, (1, 3, h, w), of no meaning where nothing is known."""
        if self._colour is not None:
            return self._colour[(..., *box.slices)]
        return self._canvas.crop(self.region.item, box.shifted(self.window.top, self.window.left))

    def to_run(self, box: Box) -> Tensor:
        """What of ``box`` is to be filled here, (1, 1, h, w) bool; a hole beside the region always is."""
        unknown = ~self.known[(..., *box.slices)]
        inside = self.box.common(box) if self.coarser else None
        if inside is not None:
            place = (..., *inside.within(box).slices)
            unknown[place] &= self._near(inside, self.rim)
        return unknown

    def freshness(self, box: Box) -> Tensor:
        """How far the fill of this scale counts against the coarser one, (1, 1, h, w) in [0, 1], for part of `box`."""
        fade = self.rim // 4  # on either side of the middle of the transition
        around = box.grown(fade, self.height, self.width)
        near = share_within(self._near(around, self.rim - fade), fade)
        return near[(..., *box.within(around).slices)]

    def in_picture(self, box: Box) -> Box:
        """A box of this level in the picture's pixels."""
        return at_full_size(box, self.halvings, self.window)

    def at_picture_size(self, values: Tensor, box: Box, *, smooth: bool) -> Tensor:
        """Values (1, C, h, w) of ``box`` for the pixels of ``in_picture(box)``."""
        place = self.in_picture(box)
        scale = 2**self.halvings
        large = enlarged(values, scale) if smooth else values.repeat_interleave(scale, -2).repeat_interleave(scale, -1)
        return large[..., : place.height, : place.width]

    def _near(self, box: Box, radius: int) -> Tensor:
        """Which pixels of ``box`` have a known one within ``radius``."""
        around = box.grown(radius, self.height, self.width)
        return spread(self.known[(..., *around.slices)], radius)[(..., *box.within(around).slices)]


@dataclass(frozen=True)
class CropTask:
    """A crop that is run: the box ``crop`` of a level, for the pixels ``part`` of its ``tile``.

    recurrences: how many.
    """

    level: Level
    crop: Box
    part: Box
    tile: Box
    recurrences: int


@dataclass(frozen=True)
class TileFill:
    """What a task made: the fill (1, 3, h, w) of its part, and how far it counts there; ``None`` = fully."""

    task: CropTask
    fill: Tensor
    share: Tensor | None

    def window(self) -> Tensor:
        """Its weights (1, 1, h, w) against other tiles of the level."""
        weight = tile_window(self.task.part, self.task.tile, self.task.level.hole_box, OVERLAP)
        return weight if self.share is None else weight * self.share


def build_levels(
    canvas: Canvas, known: Tensor, region: Region, window: Box, halvings: tuple[int, int], rim: int
) -> list[Level]:
    """A region's levels, the coarsest first, at 1 / 2^n of the picture's size.

    known: (N, 1, H, W) bool, what the network may look at. halvings: n of the coarsest and of the finest.
    """
    known = known[(slice(region.item, region.item + 1), slice(None), *window.slices)]
    scales: list[tuple[Tensor | None, Tensor]] = [(None, known)]
    colour, coverage = None, known
    coarsest, finest = halvings
    for _ in range(coarsest):
        if colour is None:
            colour, coverage = _halved_strips(canvas, region.item, window, known)
        else:
            colour, coverage = halve(colour, coverage)
        enough = coverage >= 0.5
        scales.append((colour, enough if bool(enough.any()) else coverage > 0))
    levels: list[Level] = []
    for scale in range(coarsest, finest - 1, -1):
        colour, known = scales[scale]
        levels.append(Level(region, scale, window, known, levels[-1] if levels else None, rim, canvas, colour))
    return levels


def compose(level: Level, coarse: Tensor | None, fills: Sequence[TileFill], box: Box) -> Tensor:
    """A level's own colours and its fill in ``box``, within ``level.box``: (1, 3, h, w).

    coarse: what this gives for all of the coarser level's box, if there is such a level. Where there is neither that
    nor a fill, colours are interpolated from what there is.
    """
    summed, weight = torch.zeros(1, 3, box.height, box.width), torch.zeros(1, 1, box.height, box.width)
    for fill in fills:
        common = fill.task.part.common(box)
        if common is not None:
            place, source = (..., *common.within(box).slices), (..., *common.within(fill.task.part).slices)
            window = fill.window()[source]
            summed[place] += fill.fill[source] * window
            weight[place] += window
    blended = summed / weight.clamp(min=1e-6)
    known = level.known[(..., *box.slices)]
    if coarse is None:
        values = torch.where(known, level.colour(box), blended)
        there = known | (weight > 0)
        return values if bool(there.all()) else pull_push(values, there.float())
    share = level.freshness(box) * (weight > 0)
    return torch.where(known, level.colour(box), torch.lerp(coarse_fill(level, coarse, box), blended, share))


def coarse_fill(level: Level, coarse: Tensor, box: Box) -> Tensor:
    """What the coarser level's composition ``coarse`` shows of ``box``, within ``level.box``, at this level's size."""
    assert level.coarser is not None
    corner = level.coarser.box
    return doubled(coarse, box.shifted(-2 * corner.top, -2 * corner.left))


def _strips(box: Box) -> Iterator[Box]:
    for top in range(box.top, box.bottom, STRIP):
        yield Box(top, box.left, min(box.bottom, top + STRIP), box.right)


def _halved_strips(canvas: Canvas, item: int, window: Box, known: Tensor) -> tuple[Tensor, Tensor]:
    """:func:`halve` of a part of the picture, which is never held in full as floats."""
    halves = []
    for strip in _strips(window):
        coverage = known[(..., *strip.within(window).slices)].float()
        halves.append(halve(canvas.crop(item, strip), coverage))
    return torch.cat([colour for colour, _ in halves], -2), torch.cat([coverage for _, coverage in halves], -2)
