"""What `rfr_core.fill.plan` does, on arrays and for default options: which crops are run at which scale, how often."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from rfr_core.config import MAX_RECURRENCES, RFRConfig
from rfr_core.fill.planning import Part, coarsest_scale, finest_scale, tight
from rfr_core.fill.regions import BLOCK, Region, find_regions, tile_boxes
from rfr_core.fill.sizes import (
    LARGEST_CROP,
    LARGEST_SIDE,
    LEAST_TILE,
    MIN_CONTEXT,
    OVERLAP,
    THIN_CONTEXT,
    THIN_TILE,
    TILE_CONTEXT,
)
from rfr_core.ops.box import Box
from rfr_core.portable.array_levels import ArrayLevel, ArrayTask, array_levels
from rfr_core.portable.array_pyramid import at_size, padded, spread
from rfr_core.portable.picture_arrays import PictureArray

_LONG = 2048  # pixels; no recurrences reach so far


class ArrayPlanner:
    """Plans a fill, from the hole alone.

    tasks: those of each level follow each other, the coarsest of all regions first. parts: what detail is added to.
    """

    def __init__(self, picture: PictureArray, hole: np.ndarray, config: RFRConfig, detail: bool) -> None:
        """hole: (H, W) bool."""
        self._picture, self._hole, self._config, self._detail = picture, hole, config, detail
        self._reach = _reach(config)
        masks = hole[None, None]
        regions = find_regions(masks, masks, partial(self._window, halvings=0), LARGEST_CROP)
        tasks = [task for region in regions for level in self._levels(region) for task in self._tasks(level)]
        self.tasks = sorted(tasks, key=lambda task: task.level.stage)
        windows = {task.level.region: task.level.window for task in tasks}
        self.parts = [part for region, window in windows.items() for part in self._parts(region, window)]

    @property
    def recurrences(self) -> int:
        """How many run one after another; crops of one stage run at once."""
        stages: dict[int, int] = {}
        for task in self.tasks:
            stages[task.level.stage] = max(task.recurrences, stages.get(task.level.stage, 0))
        return sum(stages.values())

    def _window(self, box: Box, thin: bool, halvings: int) -> Box:
        """A region's box with its surroundings, in the picture's pixels, to be run at 1 / 2^halvings of its size."""
        scale = 2**halvings
        longer = -(-max(box.height, box.width) // scale)
        context = THIN_CONTEXT if thin else min(max(MIN_CONTEXT, longer), max(MIN_CONTEXT, 2 * self._reach))
        return box.grown(context * scale, self._picture.height, self._picture.width, self._config.multiple_of * scale)

    def _levels(self, region: Region) -> list[ArrayLevel]:
        deep = coarsest_scale(region.depth, self._reach)
        finest = self._finest(region)
        halvings = max(deep, finest)
        window = self._window(region.box, region.thin, halvings)
        return array_levels(self._picture, ~self._hole, region, window, (halvings, finest), self._reach)

    def _finest(self, region: Region) -> int:
        """At 1 / 2^n of the picture's size a region is run in the end."""
        if not self._detail or region.thin:
            return 0
        crop = self._window(region.box, region.thin, halvings=0)
        return finest_scale(crop.area)

    def _tasks(self, level: ArrayLevel) -> Iterator[ArrayTask]:
        whole = Box(0, 0, *level.size)
        if level.coarser is None and whole.area <= LARGEST_CROP:
            yield self._task(level, whole, level.hole_box, level.hole_box)
            return
        thin = level.region.thin
        context = THIN_CONTEXT if thin else max(MIN_CONTEXT, TILE_CONTEXT)
        side = THIN_TILE if thin else max(LEAST_TILE, LARGEST_SIDE - 2 * context)
        for tile in tile_boxes(level.hole_box, side, OVERLAP):
            wanted = level.to_run(tile)
            if level.halvings == 0:
                wanted = wanted & level.region.own_pixels(level.in_picture(tile))
            part = tight(wanted, tile)
            if part is not None:
                yield self._task(level, part.grown(context, *level.size, self._config.multiple_of), part, tile)

    def _parts(self, region: Region, window: Box) -> Iterator[Part]:
        """A region as a whole, or a long thin one in pieces along itself."""
        if not region.thin or window.area <= LARGEST_CROP:
            yield Part(region, region.box, window, piece=False)
            return
        for cell in tile_boxes(region.box, THIN_TILE, 0):
            box = tight(self._hole[cell.slices] & region.own_pixels(cell), cell)
            if box is not None:
                yield Part(region, box, box.grown(THIN_CONTEXT, self._picture.height, self._picture.width), piece=True)

    def _task(self, level: ArrayLevel, crop: Box, part: Box, tile: Box) -> ArrayTask:
        return ArrayTask(level, crop, part, tile, self._recurrences(level, crop, part))

    def _recurrences(self, level: ArrayLevel, crop: Box, part: Box) -> int:
        """As many as were trained, more where the hole is deeper, or fewer in thin ones that get detail."""
        early = level.region.thin and self._detail
        trained = self._config.recurrences
        # The depth is counted in whole blocks, and what is left of one may be deep, too.
        deep = level.coarser is None and (level.region.depth + BLOCK) / 2**level.halvings > self._reach
        if not deep and not early:
            return trained
        place = part.within(crop).slices
        most = MAX_RECURRENCES if deep else trained
        for recurrence, reached in enumerate(_fronts(~level.to_run(crop), self._config, most), 1):
            enough = early or recurrence >= trained
            if enough and bool(at_size(reached, crop.height, crop.width)[place].all()):
                return recurrence
        return most


def _reach(config: RFRConfig) -> int:
    """How many pixels deep a hole the network fills in the recurrences that it is trained with."""
    known = np.zeros((config.multiple_of, _LONG), dtype=bool)
    known[:, 0] = True
    *_, reached = _fronts(known, config, config.recurrences)
    return int(np.count_nonzero(at_size(reached, config.multiple_of, _LONG)[0])) - 1


def _fronts(known: np.ndarray, config: RFRConfig, recurrences: int) -> Iterator[np.ndarray]:
    """What is known on the feature map (h, w) bool after each recurrence, from the mask (H, W) bool alone."""
    scale = 2**config.downsamples
    known = padded(known, 0, 0, -known.shape[0] % config.multiple_of, -known.shape[1] % config.multiple_of)
    cells = known.reshape(known.shape[0] // scale, scale, known.shape[1] // scale, scale)
    reached = spread(np.asarray(cells.any((1, 3))), 1)  # the encoder sees squares of three positions
    for _ in range(recurrences):
        reached = spread(reached, config.kernel_size // 2 * 2)  # two convolutions
        yield reached
