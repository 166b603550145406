"""The steps of a fill: how far each region has come, each batch of crops, and the whole picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from rfr_core.errors import ConfigError
from rfr_core.fill.attention_map import AttentionMap
from rfr_core.fill.canvas import Canvas, FilledBox
from rfr_core.fill.detail import add_detail
from rfr_core.fill.level import CropTask, Level, TileFill, compose
from rfr_core.fill.planning import Part, decoded_box
from rfr_core.fill.regions import Region, tile_boxes
from rfr_core.fill.scene import CELL, Scene
from rfr_core.fill.sizes import FRONT
from rfr_core.inference.memory import memory_errors
from rfr_core.inference.runner import Run, Runner
from rfr_core.network.rfr_net import NetworkStep
from rfr_core.ops.box import Box
from rfr_core.ops.colour_match import match_colours, matched_cell
from rfr_core.ops.pyramid import at_size, pull_push, share_within


@dataclass(frozen=True)
class RegionFill:
    """How far a region has come: the level in work, the composition of the coarser one, and the tiles done.

    coarse: (1, 3, h, w) for ``level.coarser.box``, or None where there is no coarser level.
    """

    level: Level
    coarse: Tensor | None
    tiles: tuple[TileFill, ...] = ()

    def composition(self) -> Tensor:
        """Colours and fill of the level's box."""
        return compose(self.level, self.coarse, self.tiles, self.level.box)

    def filled(self, scene: Scene) -> list[FilledBox]:
        """The fill so far at the picture's size."""
        level = self.level
        if level.halvings == 0:
            cells = tile_boxes(level.hole_box, CELL, 0)
            return [box for cell in cells if (box := self._in_cell(scene, cell)) is not None]
        whole = level.at_picture_size(self.composition(), level.box, smooth=True)
        place = level.in_picture(level.box)
        box = level.region.box
        fill = whole[(..., *box.within(place).slices)]
        return [FilledBox(level.region.item, box, fill, scene.weight_of(level.region, box))]

    def _in_cell(self, scene: Scene, cell: Box) -> FilledBox | None:
        region = self.level.region
        box = self.level.in_picture(cell)
        weight = scene.weight_of(region, box)
        if not bool(weight.any()):
            return None
        return FilledBox(region.item, box, compose(self.level, self.coarse, self.tiles, cell), weight)


@dataclass(frozen=True)
class BatchStep:
    """One recurrence of the network on crops of one size. step: the network's own, on what ``run`` shows it."""

    tasks: Sequence[CropTask]
    step: NetworkStep
    run: Run = field(repr=False)
    _made: list[TileFill] | None = field(default=None, repr=False)

    def decoded(self) -> BatchStep:
        """The same with its fills, and without what making them took."""
        return replace(self, step=self.step.without_features(), _made=self.fills)

    @cached_property
    def fills(self) -> list[TileFill]:
        """What each task has made by now."""
        if self._made is not None:
            return self._made
        image, known = self.run.image, self.run.known
        box = Box(0, 0, *known.shape[-2:])
        if self.run.runner.decodes_boxes:
            box = decoded_box((~known).any(0)[0].numpy(), matched_cell(known))
        inside = (..., *box.slices)
        decoded = self.run.decode(self.step, box)
        if self.run.runner.config.colour_match:
            decoded = match_colours(decoded, image[inside], known[inside])
        there = known | at_size(self.step.known, *known.shape[-2:])
        filled = image.clone()
        filled[inside] = torch.where(known[inside], image[inside], decoded.clamp(0, 1))
        complete = bool(there.all())
        if not complete:
            filled = pull_push(filled, there.float())
        filled = filled.clamp(0, 1).cpu()
        # A coarser fill shows where the network has not come yet, and without one the interpolation does.
        share = None if complete else (2 * share_within(there, FRONT) - 1).clamp(min=0).cpu()
        fills = []
        for i, task in enumerate(self.tasks):
            place = (slice(i, i + 1), slice(None), *task.part.within(task.crop).slices)
            counts = None if share is None or task.level.coarser is None else share[place]
            fills.append(TileFill(task, filled[place].clone(), counts))
        return fills

    def reached(self, i: int) -> Tensor:
        """Which pixels of task i's part the network has reached by now: (1, 1, h, w) bool, on the CPU."""
        task = self.tasks[i]
        known = at_size(self.step.known[i : i + 1], task.crop.height, task.crop.width)
        return known[(..., *task.part.within(task.crop).slices)].cpu()


@dataclass(frozen=True)
class GroupStart:
    """What a group of tasks starts from.

    done: regions that are finished. begun: the others. earlier: finished batches, kept for their attention. open_hole:
    (N, 1, H, W) bool, what is not reached yet. parts: what detail is added to at once.
    """

    scene: Scene
    runner: Runner
    parts: Sequence[Part]
    done: Sequence[FilledBox]
    begun: Sequence[RegionFill]
    earlier: Sequence[BatchStep]
    open_hole: Tensor


@dataclass(frozen=True)
class InpaintStep:
    """One recurrence over a whole picture or batch; nothing is decoded until asked for.

    index: 1 to ``total``. share: of all work that is done by now, estimated: above 0 up to 1, or less where detail is
    to come.
    """

    index: int
    total: int
    share: float
    _start: GroupStart = field(repr=False)
    _current: Sequence[BatchStep] = field(repr=False)

    @cached_property
    def open_ratio(self) -> float:
        """The share of the hole not yet reached, 0 to 1, which never rises; to ask for it is to wait for the device."""
        return float(self.open_hole().count_nonzero() / self._scene.hole.count_nonzero())

    @property
    def hole_ratio(self) -> float:
        """The share of the pictures that is filled, above 0 up to 1."""
        return float(self._scene.hole.count_nonzero() / self._scene.hole.numel())

    def picture(self) -> Any:
        """The picture so far, in the kind that was given; known pixels are bit-identical."""
        with memory_errors():
            return self._scene.canvas.pasted(self._filled)

    def tensor(self, within: Box | None = None) -> Tensor:
        """The picture so far, or the part of it in a box: (N, 3, H, W) float32 in [0, 1], on the CPU."""
        with memory_errors():
            return self._scene.canvas.tensor(self._filled, within)

    @torch.inference_mode()
    def open_hole(self, within: Box | None = None) -> Tensor:
        """What is still open, or that in a box: (N, 1, H, W) float32 in {0, 1}, 1 = not yet reached; on the CPU."""
        left = without_reached(self._start.open_hole, self._current)
        return (left if within is None else left[(..., *within.slices)]).float()

    @torch.inference_mode()
    def attention(self, x: int, y: int, item: int = 0) -> Tensor | None:
        """Where the attention fetched pixel (x, y) of picture ``item`` from, in the recurrence that filled it last.

        Returns (H, W) float32 >= 0 that sums to 1, or None where (x, y) lies outside every region that was run or the
        network has no attention. Raises ConfigError for a pixel outside the picture.
        """
        canvas = self._scene.canvas
        check_pixel(canvas, x, y, item)
        found = self._task_at(x, y, item)
        if found is None:
            return None
        batch, i, place = found
        level, crop = batch.tasks[i].level, batch.tasks[i].crop
        shares = batch.run.attention(batch.step, place.left - crop.left, place.top - crop.top, i)
        if shares is None:
            return None
        shares = level.at_picture_size(shares[None, None].cpu(), crop, smooth=False)[0, 0]
        spread = torch.zeros(canvas.height, canvas.width)
        spread[level.in_picture(crop).slices] = shares / shares.sum().clamp(min=1e-12)
        return spread

    @torch.inference_mode()
    def attention_maps(self) -> list[AttentionMap]:
        """Where this recurrence fetched each crop's hole from, small enough to keep; none without an attention."""
        maps = []
        for batch in self._current:
            cell = batch.run.attention_cell(batch.step)
            if not cell:
                continue
            scores, columns = batch.step.memory.scores, batch.step.memory.known.shape[-1]
            for i, task in enumerate(batch.tasks):
                level, item = task.level, task.level.region.item
                box = level.in_picture(task.crop)
                own = level.at_picture_size(level.to_run(task.crop).float(), task.crop, smooth=False)
                own = own * (self._scene.weight_of(level.region, box) > 0)
                maps.append(AttentionMap.strongest(item, box, cell * 2**level.halvings, scores[i], columns, own))
        return maps

    @property
    def _scene(self) -> Scene:
        return self._start.scene

    @cached_property
    def _filled(self) -> list[FilledBox]:
        """What has been filled by now; after the last recurrence with detail, if wanted."""
        start = self._start
        with torch.inference_mode(), memory_errors():
            begun = with_tiles(start.begun, self._current)
            filled = [*start.done, *(box for fill in begun for box in fill.filled(start.scene))]
            if start.scene.detail and self.index == self.total:
                refine = start.runner.refine if start.runner.refines else None
                return add_detail(start.scene, start.parts, filled, refine, start.runner.device)
            return filled

    def _task_at(self, x: int, y: int, item: int) -> tuple[BatchStep, int, Box] | None:
        """What ran the pixel at the finest scale: the batch, the number in it and the pixel there."""
        found = []
        for batch in (*self._current, *self._start.earlier):
            for i, task in enumerate(batch.tasks):
                level = task.level
                if level.region.item == item and level.window.contains(x, y):
                    place = Box(y, x, y + 1, x + 1).within(level.window).reduced(2**level.halvings)
                    if task.crop.contains(place.left, place.top):
                        ran = task.part.contains(place.left, place.top) and bool(level.to_run(place))
                        found.append((not ran, level.halvings, len(found), (batch, i, place)))
        return min(found)[-1] if found else None


def check_pixel(canvas: Canvas, x: int, y: int, item: int) -> None:
    """Raises ConfigError for a pixel outside the picture, or a picture that there is none of."""
    if not (0 <= x < canvas.width and 0 <= y < canvas.height and 0 <= item < canvas.count):
        raise ConfigError(
            f"Pixel ({x}, {y}) of picture {item} was asked for; there are {canvas.count} of "
            f"{canvas.width}×{canvas.height} pixels, counted from 0."
        )


def with_tiles(begun: Sequence[RegionFill], current: Sequence[BatchStep]) -> list[RegionFill]:
    """The regions with what the current tasks have made by now."""
    tiles: dict[Region, list[TileFill]] = {}
    for batch in current:
        for fill in batch.fills:
            tiles.setdefault(fill.task.level.region, []).append(fill)
    return [replace(fill, tiles=(*fill.tiles, *tiles.get(fill.level.region, ()))) for fill in begun]


def without_reached(hole: Tensor, current: Sequence[BatchStep]) -> Tensor:
    """What has not been reached of a hole (N, 1, H, W) bool."""
    left = hole.clone()
    for batch in current:
        for i, task in enumerate(batch.tasks):
            level, region = task.level, task.level.region
            if level.coarser is None:  # finer levels refine what was reached before
                box = level.in_picture(task.part)
                reached = level.at_picture_size(batch.reached(i), task.part, smooth=False)
                left[(slice(region.item, region.item + 1), slice(None), *box.slices)] &= ~(reached & region.owns(box))
    return left
