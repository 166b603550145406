"""The plan of a fill: which crops of which regions are run at which scale, how often, and in what order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate

import torch
from torch import Tensor

from rfr_core.config import MAX_RECURRENCES
from rfr_core.fill.level import CropTask, Level, build_levels
from rfr_core.fill.planning import Part, coarsest_scale, finest_scale, tight
from rfr_core.fill.regions import BLOCK, Region, crop_cost, find_regions, tile_boxes
from rfr_core.fill.scene import Scene
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
from rfr_core.network.rfr_net import RFRNet
from rfr_core.ops.box import Box
from rfr_core.ops.pyramid import at_size

SMALLEST_TILE = 48  # pixels a side, below which less memory is a lost cause
GROUP_COST = 2**21  # of crops that advance together, each holding its features between recurrences

DETAIL_COST = 4  # of adding detail, in recurrences of the last group of tasks; what it takes, roughly


class Planner:
    """Plans a fill, from the hole alone.

    groups: tasks that advance together, in the order in which they are run. parts: what detail is added to at once.
    """

    def __init__(self, scene: Scene, network: RFRNet) -> None:
        self._scene = scene
        self._network = network
        self._reach = reach(network, None)
        asked_for = scene.recurrences if isinstance(scene.recurrences, int) else None
        self._rim = min(self._reach, reach(network, asked_for))
        known = ~scene.unknown
        regions = find_regions(scene.hole, scene.unknown, partial(self._window, halvings=0), LARGEST_CROP)
        tasks = [task for region in regions for level in self._levels(region, known) for task in self._tasks(level)]
        windows = {task.level.region: task.level.window for task in tasks}
        self.parts = [part for region, window in windows.items() for part in self._parts(region, window)]
        self.groups = _grouped(tasks)

    def _window(self, box: Box, thin: bool, halvings: int) -> Box:
        """A region's box with its surroundings, in the picture's pixels, to be run at 1 / 2^halvings of its size."""
        scale = 2**halvings
        longer = -(-max(box.height, box.width) // scale)
        most = max(MIN_CONTEXT, round(2 * self._reach * self._scene.context))
        context = self._thin_context if thin else min(max(MIN_CONTEXT, round(self._scene.context * longer)), most)
        canvas = self._scene.canvas
        return box.grown(context * scale, canvas.height, canvas.width, self._network.config.multiple_of * scale)

    def _levels(self, region: Region, known: Tensor) -> list[Level]:
        deep = coarsest_scale(region.depth, self._reach)
        finest = self._finest(region)
        halvings = max(deep, finest)
        window = self._window(region.box, region.thin, halvings)
        return build_levels(self._scene.canvas, known, region, window, (halvings, finest), self._rim)

    def _finest(self, region: Region) -> int:
        """At 1 / 2^n of the picture's size a region is run in the end."""
        if not self._scene.detail or region.thin:
            return 0
        crop = self._window(region.box, region.thin, halvings=0)
        return finest_scale(crop.area)

    def _tasks(self, level: Level) -> Iterator[CropTask]:
        whole = Box(0, 0, level.height, level.width)
        if level.coarser is None and whole.area <= LARGEST_CROP:
            yield self._task(level, whole, level.hole_box, level.hole_box)
            return
        thin = level.region.thin
        context = self._thin_context if thin else max(MIN_CONTEXT, round(TILE_CONTEXT * min(2.0, self._scene.context)))
        side = THIN_TILE if thin else max(LEAST_TILE, LARGEST_SIDE - 2 * context)
        for tile in tile_boxes(level.hole_box, side, OVERLAP):
            wanted = level.to_run(tile)
            if level.halvings == 0:
                wanted = wanted & level.region.owns(level.in_picture(tile))
            part = tight(wanted[0, 0].numpy(), tile)
            if part is not None:
                yield self._task(level, part.grown(context, *whole[2:], self._network.config.multiple_of), part, tile)

    def _parts(self, region: Region, window: Box) -> Iterator[Part]:
        """A region as a whole, or a long thin one in pieces along itself."""
        if not region.thin or window.area <= LARGEST_CROP:
            yield Part(region, region.box, window, piece=False)
            return
        canvas = self._scene.canvas
        for cell in tile_boxes(region.box, THIN_TILE, 0):
            own = self._scene.hole[(slice(region.item, region.item + 1), slice(None), *cell.slices)] & region.owns(cell)
            box = tight(own[0, 0].numpy(), cell)
            if box is not None:
                yield Part(region, box, box.grown(self._thin_context, canvas.height, canvas.width), piece=True)

    @property
    def _thin_context(self) -> int:
        return round(THIN_CONTEXT * min(2.0, max(1.0, self._scene.context)))

    def _task(self, level: Level, crop: Box, part: Box, tile: Box) -> CropTask:
        return CropTask(level, crop, part, tile, self._recurrences(level, crop, part))

    def _recurrences(self, level: Level, crop: Box, part: Box) -> int:
        """As many as were trained, more where the hole is deeper, or fewer where they suffice and that is wanted.

        Fewer will do in spots and thin lines that get detail: so near to known pixels, patches need no better guide.
        """
        if isinstance(self._scene.recurrences, int):
            return self._scene.recurrences
        early = self._scene.recurrences == "early" or (level.region.thin and self._scene.detail)
        trained = self._network.config.recurrences
        # The depth is counted in whole blocks, and what is left of one may be deep, too.
        deep = level.coarser is None and (level.region.depth + BLOCK) / 2**level.halvings > self._reach
        if not deep and not early:
            return trained
        known = ~level.to_run(crop)
        place = (..., *part.within(crop).slices)
        most = MAX_RECURRENCES if deep else trained
        plan = self._network.plan(known.float(), "auto" if deep else trained)
        for recurrence, reached in enumerate(plan, 1):
            enough = early or recurrence >= trained
            if enough and bool(at_size(reached, crop.height, crop.width)[place].all()):
                return recurrence
        return most


def reach(network: RFRNet, recurrences: int | str | None) -> int:
    """How many pixels deep a hole the network fills in so many recurrences; ``None`` = those it is trained with."""
    length = 2048
    known = torch.zeros(1, 1, network.config.multiple_of, length)
    known[..., 0] = 1
    reached = network.plan(known, recurrences)[-1]
    return int(at_size(reached, known.shape[-2], length)[..., 0, :].count_nonzero()) - 1


def _grouped(tasks: Sequence[CropTask]) -> list[list[CropTask]]:
    """Jobs in groups that advance together, the first levels of all regions first."""
    groups: list[list[CropTask]] = []
    for task in sorted(tasks, key=lambda task: task.level.stage):
        group = groups[-1] if groups else []
        alike = bool(group) and group[0].level.stage == task.level.stage
        if alike and _cost(group) + crop_cost(task.crop.area) <= GROUP_COST:
            group.append(task)
        else:
            groups.append([task])
    return groups


def smaller(tasks: Sequence[CropTask], multiple: int) -> list[list[CropTask]]:
    """The same work in smaller pieces: half the tasks, or a task in smaller tiles; none where it is small already."""
    if len(tasks) > 1:
        middle = len(tasks) // 2
        return [list(tasks[:middle]), list(tasks[middle:])]
    task = tasks[0]
    side = max(task.part.height, task.part.width)
    if side <= SMALLEST_TILE:
        return []
    level, overlap = task.level, min(OVERLAP, side // 8)
    context = max(MIN_CONTEXT, 0 if level.coarser else level.region.depth // 2**level.halvings)
    tiles = tile_boxes(task.part, max(SMALLEST_TILE, side // 2 + overlap), overlap)
    crops = [tile.grown(context, level.height, level.width, multiple) for tile in tiles]
    return [[replace(task, crop=crop, part=tile, tile=tile)] for crop, tile in zip(crops, tiles, strict=True)]


def work_shares(groups: Sequence[Sequence[CropTask]], detail: bool) -> list[float]:
    """The share of all work that is done after each recurrence of each group, in (0, 1]; less than 1 before detail."""
    costs = [
        _cost([task for task in group if task.recurrences >= recurrence])
        for group in groups
        for recurrence in range(1, most_recurrences(group) + 1)
    ]
    whole = sum(costs) + (DETAIL_COST * costs[-1] if detail and costs else 0)
    return [done / whole for done in accumulate(costs)]


def most_recurrences(tasks: Sequence[CropTask]) -> int:
    return max(task.recurrences for task in tasks)


def _cost(tasks: Sequence[CropTask]) -> float:
    return sum(crop_cost(task.crop.area) for task in tasks)


def pixels(tasks: Sequence[CropTask]) -> int:
    return sum(task.crop.area for task in tasks)
