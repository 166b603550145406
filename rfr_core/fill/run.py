"""The run of a fill: crops through the network, group by group, and what they make of each region."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from rfr_core.errors import ImageError
from rfr_core.fill.canvas import FilledBox, in_range
from rfr_core.fill.level import CropTask, coarse_fill
from rfr_core.fill.plan import Planner, most_recurrences, pixels, smaller, work_shares
from rfr_core.fill.planning import Part, batched
from rfr_core.fill.regions import Region
from rfr_core.fill.scene import Scene
from rfr_core.fill.steps import BatchStep, GroupStart, InpaintStep, RegionFill, with_tiles, without_reached
from rfr_core.inference.devices import to_device
from rfr_core.inference.memory import free_memory, is_out_of_memory, memory_errors
from rfr_core.inference.runner import Runner

KEPT_PIXELS = 2**19  # of finished crops whose attention can still be asked for


class Filling:
    """A fill that is planned, and its run.

    total: how many steps it takes. keep_scores: whether the steps' attention will be asked for; if not, it takes less
    memory.
    """

    def __init__(self, scene: Scene, runner: Runner, *, keep_scores: bool = True) -> None:
        self._scene = scene
        self._keep_scores = keep_scores
        self._runner = runner
        self._plan = Planner(scene, runner.network)
        self._shares = work_shares(self._plan.groups, scene.detail)
        self.total = sum(most_recurrences(group) for group in self._plan.groups)

    @torch.inference_mode()
    def steps(self) -> Iterator[InpaintStep]:
        """Runs all of it, one step per recurrence of each group of tasks."""
        left = self._scene.hole
        state = _State(self._scene, self._plan.groups, KEPT_PIXELS if self._keep_scores else 0)
        index = 0
        for group in self._plan.groups:
            with memory_errors():
                state.begin(group)
            start, current = state.start(self._runner, self._plan.parts, left), []
            batches = [_Batch(self._runner, tasks, state.begun, self._keep_scores) for tasks in batched(group)]
            for recurrence in range(1, most_recurrences(group) + 1):
                with memory_errors():
                    batches = [part for batch in batches for part in self._advanced(batch, recurrence)]
                current = [batch.latest for batch in batches if batch.latest is not None]
                index += 1
                yield InpaintStep(index, self.total, self._shares[index - 1], start, current)
            with memory_errors():
                left = without_reached(left, current)
                state.finish(group, current)

    def _advanced(self, batch: _Batch, recurrence: int) -> list[_Batch]:
        """The batch, or smaller ones in its place where memory does not suffice, after that many recurrences."""
        try:
            batch.advance(recurrence)
            return [batch]
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            parts = smaller(batch.tasks, self._runner.config.multiple_of)
            if not parts:
                raise
        begun = batch.begun
        del batch
        free_memory()
        return [
            part
            for tasks in parts
            for part in self._advanced(_Batch(self._runner, tasks, begun, self._keep_scores), recurrence)
        ]


class _State:
    """What has been filled, between groups of tasks."""

    def __init__(self, scene: Scene, groups: Sequence[Sequence[CropTask]], to_keep: int) -> None:
        self.done: list[FilledBox] = []
        self.begun: dict[Region, RegionFill] = {}
        self.kept: list[BatchStep] = []
        self._scene = scene
        self._to_keep = to_keep
        self._left = Counter(task.level.region for group in groups for task in group)

    def begin(self, group: Sequence[CropTask]) -> None:
        """Moves regions on to the levels of these tasks."""
        for task in group:
            region, earlier = task.level.region, self.begun.get(task.level.region)
            if earlier is None:
                self.begun[region] = RegionFill(task.level, None)
            elif earlier.level is not task.level:
                self.begun[region] = RegionFill(task.level, earlier.composition())

    def start(self, runner: Runner, parts: Sequence[Part], open_hole: Tensor) -> GroupStart:
        """What a group of tasks starts from, once `begin` was called for it."""
        begun = tuple(self.begun.values())
        return GroupStart(self._scene, runner, parts, tuple(self.done), begun, tuple(self.kept), open_hole)

    def finish(self, group: Sequence[CropTask], current: Sequence[BatchStep]) -> None:
        """Takes over what a group of tasks has made."""
        self.begun.update((fill.level.region, fill) for fill in with_tiles(tuple(self.begun.values()), current))
        self._left.subtract(task.level.region for task in group)
        for region in {task.level.region: None for task in group}:
            if not self._left[region]:
                self.done += self.begun.pop(region).filled(self._scene)
        room = self._to_keep - sum(pixels(batch.tasks) for batch in self.kept)
        for batch in current:
            if pixels(batch.tasks) <= room:
                room -= pixels(batch.tasks)
                self.kept.append(batch)


class _Batch:
    """Jobs whose crops have one size, advancing together."""

    def __init__(
        self, runner: Runner, tasks: Sequence[CropTask], begun: Mapping[Region, RegionFill], keep_scores: bool
    ) -> None:
        self.tasks = tasks
        self.begun = begun
        self.latest: BatchStep | None = None
        self._steps = _run(runner, tasks, begun, keep_scores)  # not a method: a cycle would keep its tensors alive

    def advance(self, recurrence: int) -> None:
        """Runs up to a recurrence, at most its last, which is decoded as well: that, too, takes memory."""
        last = self.tasks[0].recurrences
        while (self.latest.step.index if self.latest else 0) < min(recurrence, last):
            self.latest = next(self._steps)
            if self.latest.step.index == last:
                self.latest = self.latest.decoded()
                self._steps = iter(())  # it holds what the network was shown


def _run(
    runner: Runner, tasks: Sequence[CropTask], begun: Mapping[Region, RegionFill], keep_scores: bool
) -> Iterator[BatchStep]:
    images, knowns = zip(*(_input(task, begun[task.level.region].coarse) for task in tasks), strict=True)
    image, known = (to_device(torch.cat(parts), runner.device) for parts in (images, knowns))
    run = runner.run(image, known, tasks[0].recurrences, keep_scores=keep_scores)
    for step in run.steps():
        yield BatchStep(tasks, step, run)


def _input(task: CropTask, coarse: Tensor | None) -> tuple[Tensor, Tensor]:
    """What the network is shown of a crop: image (1, 3, h, w), and what of it is known (1, 1, h, w) bool."""
    level, crop = task.level, task.crop
    known = ~level.to_run(crop)
    image = _checked(torch.where(known, level.colour(crop), 0))
    inside = level.box.common(crop)
    if coarse is not None and inside is not None:
        place = (..., *inside.within(crop).slices)
        own = level.known[(..., *inside.slices)]
        image[place] = torch.where(own, image[place], coarse_fill(level, coarse, inside))
    return image, known


def _checked(image: Tensor) -> Tensor:
    """The image clamped to [0, 1]; ImageError where its values are not meant to lie there."""
    low, high = (bound.item() for bound in torch.aminmax(image))  # NaN comes through
    if not in_range(low, high):
        raise ImageError(f"The picture holds values from {low:g} to {high:g}; expected 0 to 1: rescale it.")
    return image.clamp(0, 1)
