"""What `rfr_core.fill.level` does, on arrays: a region of a hole at one scale, and the crops of it that are run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rfr_core.fill.planning import at_full_size
from rfr_core.fill.regions import Region, tile_weights
from rfr_core.fill.sizes import MARGIN, OVERLAP
from rfr_core.ops.box import Box
from rfr_core.portable.array_pyramid import doubled, enlarged, halve, lerp, pull_push, share_within, spread
from rfr_core.portable.picture_arrays import PictureArray

_ROWS = 512  # that are read at once where the whole would take too much memory


@dataclass(frozen=True, eq=False)
class ArrayLevel:
    """A region at 1 / 2^halvings of the picture's size. All boxes are in its own pixels, unless said otherwise.

    window: the part of the picture that it shows, in the picture's pixels. known: (h, w) bool, what may be looked at.
    coarser: the level of half the size that is filled before this one, if any. This one's rim alone is run then: what
    is within ``rim`` pixels of a known one.
    """

    region: Region
    halvings: int
    window: Box
    known: np.ndarray
    coarser: ArrayLevel | None
    rim: int
    _picture: PictureArray = field(repr=False)
    _colour: np.ndarray | None = field(repr=False)

    @property
    def stage(self) -> int:
        """How many levels are filled before this one."""
        return self.coarser.stage + 1 if self.coarser else 0

    @property
    def size(self) -> tuple[int, int]:
        return self.known.shape[0], self.known.shape[1]

    @property
    def hole_box(self) -> Box:
        """The region's box."""
        return self.region.box.within(self.window).reduced(2**self.halvings)

    @property
    def box(self) -> Box:
        """The part that is composed: the region's box and a margin."""
        return self.hole_box.grown(MARGIN, *self.size)

    def colour(self, box: Box) -> np.ndarray:
        """The picture's own colours in ``box``, (3, h, w), of no meaning where nothing is known."""
        if self._colour is not None:
            return self._colour[(..., *box.slices)]
        return self._picture.crop(box.shifted(self.window.top, self.window.left))

    def to_run(self, box: Box) -> np.ndarray:
        """What of ``box`` is to be filled here, (h, w) bool; a hole beside the region always is."""
        unknown = ~self.known[box.slices]
        inside = self.box.common(box) if self.coarser else None
        if inside is not None:
            unknown[inside.within(box).slices] &= self._near(inside, self.rim)
        return unknown

    def freshness(self, box: Box) -> np.ndarray:
        """How far the fill of this scale counts against the coarser one, (h, w) in [0, 1], for part of `box`."""
        fade = self.rim // 4  # on either side of the middle of the transition
        around = box.grown(fade, *self.size)
        near = share_within(self._near(around, self.rim - fade), fade)
        return near[box.within(around).slices]

    def in_picture(self, box: Box) -> Box:
        """A box of this level in the picture's pixels."""
        return at_full_size(box, self.halvings, self.window)

    def at_picture_size(self, values: np.ndarray, box: Box) -> np.ndarray:
        """Values (C, h, w) of ``box`` for the pixels of ``in_picture(box)``."""
        place = self.in_picture(box)
        return enlarged(values, 2**self.halvings)[..., : place.height, : place.width]

    def _near(self, box: Box, radius: int) -> np.ndarray:
        """Which pixels of ``box`` have a known one within ``radius``."""
        around = box.grown(radius, *self.size)
        return spread(self.known[around.slices], radius)[box.within(around).slices]


@dataclass(frozen=True, eq=False)
class ArrayTask:
    """A crop that is run: the box ``crop`` of a level, for the pixels ``part`` of its ``tile``, and how often."""

    level: ArrayLevel
    crop: Box
    part: Box
    tile: Box
    recurrences: int


@dataclass(frozen=True, eq=False)
class ArrayTile:
    """What a task made: the fill (3, h, w) of its part, and how far it counts there (h, w), None = fully."""

    task: ArrayTask
    fill: np.ndarray
    share: np.ndarray | None

    def window(self) -> np.ndarray:
        """Its weights (h, w) against other tiles of the level."""
        weight = tile_weights(self.task.part, self.task.tile, self.task.level.hole_box, OVERLAP)
        return weight if self.share is None else weight * self.share


def array_levels(
    picture: PictureArray, known: np.ndarray, region: Region, window: Box, halvings: tuple[int, int], rim: int
) -> list[ArrayLevel]:
    """A region's levels, the coarsest first, at 1 / 2^n of the picture's size.

    known: (H, W) bool, what the network may look at. halvings: n of the coarsest and of the finest.
    """
    known = known[window.slices]
    scales: list[tuple[np.ndarray | None, np.ndarray]] = [(None, known)]
    colour, coverage = None, known[None].astype(np.float32)
    coarsest, finest = halvings
    for _ in range(coarsest):
        colour, coverage = _halved(picture, window, coverage) if colour is None else halve(colour, coverage)
        enough = coverage[0] >= 0.5
        scales.append((colour, enough if bool(enough.any()) else coverage[0] > 0))
    levels: list[ArrayLevel] = []
    for scale in range(coarsest, finest - 1, -1):
        colour, known = scales[scale]
        levels.append(ArrayLevel(region, scale, window, known, levels[-1] if levels else None, rim, picture, colour))
    return levels


def composed(level: ArrayLevel, coarse: np.ndarray | None, tiles: Sequence[ArrayTile], box: Box) -> np.ndarray:
    """A level's own colours and its fill in ``box``, within ``level.box``: (3, h, w).

    coarse: the same of all of the coarser level's box, if there is such a level. Where there is neither that nor a
    fill, colours are interpolated from what there is.
    """
    summed = np.zeros((3, box.height, box.width), dtype=np.float32)
    weight = np.zeros((box.height, box.width), dtype=np.float32)
    for tile in tiles:
        common = tile.task.part.common(box)
        if common is not None:
            place, source = common.within(box).slices, common.within(tile.task.part).slices
            window = tile.window()[source]
            summed[(..., *place)] += tile.fill[(..., *source)] * window
            weight[place] += window
    blended = summed / np.maximum(weight, np.float32(1e-6))
    known = level.known[box.slices]
    if coarse is None:
        values = np.where(known, level.colour(box), blended)
        there = known | (weight > 0)
        return values if bool(there.all()) else pull_push(values, there[None].astype(np.float32))
    share = level.freshness(box) * (weight > 0)
    return np.where(known, level.colour(box), lerp(coarse_colours(level, coarse, box), blended, share))


def coarse_colours(level: ArrayLevel, coarse: np.ndarray, box: Box) -> np.ndarray:
    """What the coarser level's composition ``coarse`` shows of ``box``, within ``level.box``, at this level's size."""
    assert level.coarser is not None
    corner = level.coarser.box
    return doubled(coarse, box.shifted(-2 * corner.top, -2 * corner.left))


def _halved(picture: PictureArray, window: Box, coverage: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`halve` of a part of the picture, which is never held in full as floats."""
    halves = []
    for top in range(window.top, window.bottom, _ROWS):
        strip = Box(top, window.left, min(window.bottom, top + _ROWS), window.right)
        halves.append(halve(picture.crop(strip), coverage[(..., *strip.within(window).slices)]))
    return np.concatenate([colour for colour, _ in halves], -2), np.concatenate([share for _, share in halves], -2)
