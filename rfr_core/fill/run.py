"""Fills the holes of a batch: which crops are run at which scale, in what order, and how they make one picture."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate

import torch
from torch import Tensor

from rfr_core.config import MAX_RECURRENCES
from rfr_core.errors import ImageError
from rfr_core.fill.attention_map import AttentionMap
from rfr_core.fill.canvas import Patch
from rfr_core.fill.detail import add_detail
from rfr_core.fill.level import OVERLAP, Job, Layer, TileFill, build_layers, coarse_fill, compose
from rfr_core.fill.regions import BLOCK, Region, around, crop_cost, find_regions, tile_boxes
from rfr_core.fill.scene import CELL, Scene
from rfr_core.inference.devices import to_device
from rfr_core.inference.memory import free_memory, is_out_of_memory, memory_errors
from rfr_core.inference.runner import Runner, RunStep
from rfr_core.ops.box import Box
from rfr_core.ops.colour_match import match_colours
from rfr_core.ops.pyramid import membrane, softened

MIN_CONTEXT = 64  # pixels; less shows the network too little of what surrounds a small hole
TILE_CONTEXT = 96  # pixels that a tile sees around itself; more costs time and shows it little of use
LARGEST_CROP = 640 * 640  # pixels
TILE = 320  # pixels a side of the tiles that a larger crop is cut into
SMALLEST_TILE = 48  # pixels a side, below which less memory is a lost cause
BATCH_PIXELS = 2**18  # in one call of the network
GROUP_COST = 2**21  # of crops that advance together, each holding its features between recurrences
KEPT_PIXELS = 2**19  # of finished crops whose attention can still be asked for
SLACK = 1.15  # a hole that is deeper than the network reaches by less than this gets more recurrences, not a layer
DETAIL_COST = 4  # of adding detail, in recurrences of the last group of jobs; what it takes, roughly
FRONT = 8  # pixels over which a finer fill fades in behind the front that the network has reached


@dataclass(frozen=True)
class RegionFill:
    """How far a region has come: the layer in work, the composition of the coarser one, and the tiles done.

    coarse: (1, 3, h, w) for ``layer.coarser.box``, or None where there is no coarser layer.
    """

    layer: Layer
    coarse: Tensor | None
    tiles: tuple[TileFill, ...] = ()

    def composition(self) -> Tensor:
        """Colours and fill of the layer's box."""
        return compose(self.layer, self.coarse, self.tiles, self.layer.box)

    def patches(self, scene: Scene) -> list[Patch]:
        """The fill so far at the picture's size."""
        layer = self.layer
        if layer.level == 0:
            cells = tile_boxes(layer.hole_box, CELL, 0)
            return [patch for cell in cells if (patch := self._patch(scene, cell)) is not None]
        whole = layer.at_picture_size(self.composition(), layer.box, smooth=True)
        place = layer.in_picture(layer.box)
        box = layer.region.box
        fill = whole[(..., *box.within(place).slices)]
        return [Patch(layer.region.item, box, fill, scene.weight_of(layer.region, box))]

    def _patch(self, scene: Scene, cell: Box) -> Patch | None:
        region = self.layer.region
        box = self.layer.in_picture(cell)
        weight = scene.weight_of(region, box)
        if not bool(weight.any()):
            return None
        return Patch(region.item, box, compose(self.layer, self.coarse, self.tiles, cell), weight)


@dataclass(frozen=True)
class BatchStep:
    """One recurrence of jobs whose crops have one size."""

    jobs: Sequence[Job]
    run: RunStep
    _image: Tensor = field(repr=False)  # (N, 3, h, w) float32, what the network was shown
    _known: Tensor = field(repr=False)  # (N, 1, h, w) bool, both on the network's device

    @cached_property
    def fills(self) -> list[TileFill]:
        """What each job has made by now."""
        decoded = self.run.decode()
        if self.run.config.colour_match:
            decoded = match_colours(decoded, self._image, self._known)
        reached = _at_size(self.run.step.known, *decoded.shape[-2:]) & ~self._known
        there = self._known | reached
        filled = torch.where(self._known, self._image, decoded.clamp(0, 1))
        complete = bool(there.all())
        if not complete:
            filled = membrane(filled, there.float())
        filled = filled.clamp(0, 1).cpu()
        # A coarser fill shows where the network has not come yet, and without one the interpolation does.
        share = None if complete else (2 * softened(there, FRONT) - 1).clamp(min=0).cpu()
        fills = []
        for i, job in enumerate(self.jobs):
            place = (slice(i, i + 1), slice(None), *job.part.within(job.crop).slices)
            counts = None if share is None or job.layer.coarser is None else share[place]
            fills.append(TileFill(job, filled[place].clone(), counts))
        return fills

    def reached(self, i: int) -> Tensor:
        """Which pixels of job i's part the network has reached by now: (1, 1, h, w) bool, on the CPU."""
        job = self.jobs[i]
        known = _at_size(self.run.step.known[i : i + 1], job.crop.height, job.crop.width)
        return known[(..., *job.part.within(job.crop).slices)].cpu()


@dataclass(frozen=True)
class FillStep:
    """The whole batch of pictures after one recurrence. index: 1 to total. share: of all work that is done by now."""

    index: int
    total: int
    share: float
    scene: Scene
    _done: Sequence[Patch] = field(repr=False)  # regions that are finished
    _begun: Sequence[RegionFill] = field(repr=False)  # the others, before this group of jobs
    _current: Sequence[BatchStep] = field(repr=False)
    _earlier: Sequence[BatchStep] = field(repr=False)  # finished, kept for their attention
    _open: Tensor = field(repr=False)  # (N, 1, H, W) bool, before this group of jobs
    _windows: Mapping[Region, Box] = field(repr=False)  # what the network sees of each region's surroundings
    _runner: Runner = field(repr=False)

    @cached_property
    def patches(self) -> list[Patch]:
        """What has been filled by now; after the last recurrence with detail, if wanted."""
        with torch.inference_mode(), memory_errors():
            begun = _with_tiles(self._begun, self._current)
            patches = [*self._done, *(patch for fill in begun for patch in fill.patches(self.scene))]
            if self.scene.detail and self.index == self.total:
                refine = self._runner.refine if self._runner.config.refinement else None
                return add_detail(self.scene, self._windows, patches, refine)
            return patches

    @cached_property
    def open_ratio(self) -> float:
        """The share of the hole that the network has not reached yet; to ask for it is to wait for the device."""
        return float(self.open_hole().count_nonzero() / self.scene.hole.count_nonzero())

    @torch.inference_mode()
    def open_hole(self) -> Tensor:
        """What the network has not reached yet: (N, 1, H, W) float32 in {0, 1}."""
        return _without_reached(self._open, self._current).float()

    @torch.inference_mode()
    def attention(self, x: int, y: int, item: int) -> Tensor | None:
        """Where this recurrence fetched a pixel from: (H, W) float32 that sums to 1, ``None`` where it did not."""
        found = self._job_at(x, y, item)
        if found is None:
            return None
        batch, i, place = found
        layer, crop = batch.jobs[i].layer, batch.jobs[i].crop
        shares = batch.run.attention(place.left - crop.left, place.top - crop.top, i)
        if shares is None:
            return None
        shares = layer.at_picture_size(shares[None, None].cpu(), crop, smooth=False)[0, 0]
        spread = torch.zeros(self.scene.canvas.height, self.scene.canvas.width)
        spread[layer.in_picture(crop).slices] = shares / shares.sum().clamp(min=1e-12)
        return spread

    @torch.inference_mode()
    def attention_maps(self) -> list[AttentionMap]:
        """Where this recurrence fetched each crop's hole from, none without an attention."""
        maps = []
        for batch in self._current:
            cell = batch.run.attention_cell
            if not cell:
                continue
            scores, columns = batch.run.step.memory.scores, batch.run.step.memory.known.shape[-1]
            for i, job in enumerate(batch.jobs):
                layer, item = job.layer, job.layer.region.item
                box = layer.in_picture(job.crop)
                own = layer.at_picture_size(layer.to_run(job.crop).float(), job.crop, smooth=False)
                own = own * (self.scene.weight_of(layer.region, box) > 0)
                maps.append(AttentionMap.strongest(item, box, cell * 2**layer.level, scores[i], columns, own))
        return maps

    def _job_at(self, x: int, y: int, item: int) -> tuple[BatchStep, int, Box] | None:
        """What ran the pixel at the finest scale: the batch, the number in it and the pixel there."""
        found = []
        for batch in (*self._current, *self._earlier):
            for i, job in enumerate(batch.jobs):
                layer = job.layer
                if layer.region.item == item and layer.window.contains(x, y):
                    place = Box(y, x, y + 1, x + 1).within(layer.window).reduced(2**layer.level)
                    if job.crop.contains(place.left, place.top):
                        ran = job.part.contains(place.left, place.top) and bool(layer.to_run(place))
                        found.append((not ran, layer.level, len(found), (batch, i, place)))
        return min(found)[-1] if found else None


class Filling:
    """The plan of a fill, and its run.

    keep_scores: whether the steps' attention will be asked for; if not, it takes less memory.
    """

    def __init__(self, scene: Scene, runner: Runner, *, keep_scores: bool = True) -> None:
        self.scene = scene
        self.keep_scores = keep_scores
        self.runner = runner
        self.config = runner.config
        self.reach = reach(runner, None)
        asked_for = scene.recurrences if isinstance(scene.recurrences, int) else None
        self._rim = min(self.reach, reach(runner, asked_for))
        known = ~scene.unknown
        regions = find_regions(scene.hole, scene.unknown, lambda box: self._window(box, 0), LARGEST_CROP)
        jobs = [job for region in regions for layer in self._layers(region, known) for job in self._jobs(layer)]
        self._windows = {job.layer.region: job.layer.window for job in jobs}
        self._groups = _grouped(jobs)
        self.total = sum(_most(group) for group in self._groups)
        self._shares = _shares(self._groups, scene.detail)

    @torch.inference_mode()
    def steps(self) -> Iterator[FillStep]:
        """Runs all of it, one step per recurrence of each group of jobs."""
        left = self.scene.hole
        state = _State(self.scene, self._groups, KEPT_PIXELS if self.keep_scores else 0)
        index = 0
        for group in self._groups:
            with memory_errors():
                state.begin(group)
            before, current = tuple(state.begun.values()), []
            batches = [_Batch(self.runner, jobs, state.begun, self.keep_scores) for jobs in _batched(group)]
            for recurrence in range(1, _most(group) + 1):
                with memory_errors():
                    batches = [part for batch in batches for part in self._advanced(batch, recurrence)]
                current = [batch.latest for batch in batches if batch.latest is not None]
                index += 1
                yield FillStep(
                    index,
                    self.total,
                    self._shares[index - 1],
                    self.scene,
                    tuple(state.done),
                    before,
                    current,
                    tuple(state.kept),
                    left,
                    self._windows,
                    self.runner,
                )
            with memory_errors():
                left = _without_reached(left, current)
                state.finish(group, current)

    def _advanced(self, batch: _Batch, recurrence: int) -> list[_Batch]:
        """The batch, or smaller ones in its place where memory does not suffice, after that many recurrences."""
        try:
            batch.advance(recurrence)
            return [batch]
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            smaller = _smaller(batch.jobs, self.config.multiple_of)
            if not smaller:
                raise
        begun = batch.begun
        del batch
        free_memory()
        return [
            part
            for jobs in smaller
            for part in self._advanced(_Batch(self.runner, jobs, begun, self.keep_scores), recurrence)
        ]

    def _window(self, box: Box, levels: int) -> Box:
        """A region's box with its surroundings, in the picture's pixels, to be run at 1 / 2^levels of its size."""
        scale = 2**levels
        longer = -(-max(box.height, box.width) // scale)
        most = max(MIN_CONTEXT, round(2 * self.reach * self.scene.context))
        context = min(max(MIN_CONTEXT, round(self.scene.context * longer)), most)
        canvas = self.scene.canvas
        return box.grown(context * scale, canvas.height, canvas.width, self.config.multiple_of * scale)

    def _layers(self, region: Region, known: Tensor) -> list[Layer]:
        levels = max(0, math.ceil(math.log2(region.depth / (SLACK * self.reach))))
        return build_layers(self.scene.canvas, known, region, self._window(region.box, levels), levels, self._rim)

    def _jobs(self, layer: Layer) -> Iterator[Job]:
        whole = Box(0, 0, layer.height, layer.width)
        if layer.coarser is None and whole.area <= LARGEST_CROP:
            yield self._job(layer, whole, layer.hole_box, layer.hole_box)
            return
        context = max(MIN_CONTEXT, round(TILE_CONTEXT * min(2.0, self.scene.context)))
        for tile in tile_boxes(layer.hole_box, TILE, OVERLAP):
            wanted = layer.to_run(tile)
            if layer.level == 0:
                wanted = wanted & layer.region.owns(layer.in_picture(tile))
            part = _tight(wanted, tile)
            if part is not None:
                yield self._job(layer, part.grown(context, *whole[2:], self.config.multiple_of), part, tile)

    def _job(self, layer: Layer, crop: Box, part: Box, tile: Box) -> Job:
        return Job(layer, crop, part, tile, self._recurrences(layer, crop, part))

    def _recurrences(self, layer: Layer, crop: Box, part: Box) -> int:
        """As many as were trained, more where the hole is deeper, or fewer where they suffice and that is wanted."""
        if isinstance(self.scene.recurrences, int):
            return self.scene.recurrences
        trained, early = self.config.recurrences, self.scene.recurrences == "early"
        # The depth is counted in whole blocks, and what is left of one may be deep, too.
        deep = layer.coarser is None and (layer.region.depth + BLOCK) / 2**layer.level > self.reach
        if not deep and not early:
            return trained
        known = ~layer.to_run(crop)
        place = (..., *part.within(crop).slices)
        most = MAX_RECURRENCES if deep else trained
        plan = self.runner.network.plan(known.float(), "auto" if deep else trained)
        for recurrence, reached in enumerate(plan, 1):
            enough = early or recurrence >= trained
            if enough and bool(_at_size(reached, crop.height, crop.width)[place].all()):
                return recurrence
        return most


class _State:
    """What has been filled, between groups of jobs."""

    def __init__(self, scene: Scene, groups: Sequence[Sequence[Job]], to_keep: int) -> None:
        self.done: list[Patch] = []
        self.begun: dict[Region, RegionFill] = {}
        self.kept: list[BatchStep] = []
        self._scene = scene
        self._to_keep = to_keep
        self._left = Counter(job.layer.region for group in groups for job in group)

    def begin(self, group: Sequence[Job]) -> None:
        """Moves regions on to the layers of these jobs."""
        for job in group:
            region, earlier = job.layer.region, self.begun.get(job.layer.region)
            if earlier is None:
                self.begun[region] = RegionFill(job.layer, None)
            elif earlier.layer is not job.layer:
                self.begun[region] = RegionFill(job.layer, earlier.composition())

    def finish(self, group: Sequence[Job], current: Sequence[BatchStep]) -> None:
        """Takes over what a group of jobs has made."""
        self.begun.update((fill.layer.region, fill) for fill in _with_tiles(tuple(self.begun.values()), current))
        self._left.subtract(job.layer.region for job in group)
        for region in {job.layer.region: None for job in group}:
            if not self._left[region]:
                self.done += self.begun.pop(region).patches(self._scene)
        room = self._to_keep - sum(_pixels(batch.jobs) for batch in self.kept)
        for batch in current:
            if _pixels(batch.jobs) <= room:
                room -= _pixels(batch.jobs)
                self.kept.append(batch)


class _Batch:
    """Jobs whose crops have one size, advancing together."""

    def __init__(
        self, runner: Runner, jobs: Sequence[Job], begun: Mapping[Region, RegionFill], keep_scores: bool
    ) -> None:
        self.jobs = jobs
        self.begun = begun
        self.latest: BatchStep | None = None
        self._steps = _run(runner, jobs, begun, keep_scores)  # not a method: a cycle would keep its tensors alive

    def advance(self, recurrence: int) -> None:
        """Runs up to a recurrence, at most its last, which is decoded as well: that, too, takes memory."""
        last = self.jobs[0].recurrences
        while (self.latest.run.index if self.latest else 0) < min(recurrence, last):
            self.latest = next(self._steps)
            if self.latest.run.index == last:
                _ = self.latest.fills


def _run(
    runner: Runner, jobs: Sequence[Job], begun: Mapping[Region, RegionFill], keep_scores: bool
) -> Iterator[BatchStep]:
    images, knowns = zip(*(_input(job, begun[job.layer.region].coarse) for job in jobs), strict=True)
    image, known = (to_device(torch.cat(parts), runner.device) for parts in (images, knowns))
    for step in runner.run(image, known, jobs[0].recurrences, keep_scores=keep_scores):
        yield BatchStep(jobs, step, image, known)


def reach(runner: Runner, recurrences: int | str | None) -> int:
    """How many pixels deep a hole the network fills in so many recurrences; ``None`` = those it is trained with."""
    length = 2048
    known = torch.zeros(1, 1, runner.config.multiple_of, length)
    known[..., 0] = 1
    reached = runner.network.plan(known, recurrences)[-1]
    return int(_at_size(reached, known.shape[-2], length)[..., 0, :].count_nonzero()) - 1


def _grouped(jobs: Sequence[Job]) -> list[list[Job]]:
    """Jobs in groups that advance together, the first layers of all regions first."""
    groups: list[list[Job]] = []
    for job in sorted(jobs, key=lambda job: job.layer.stage):
        group = groups[-1] if groups else []
        alike = bool(group) and group[0].layer.stage == job.layer.stage
        if alike and _cost(group) + crop_cost(job.crop.area) <= GROUP_COST:
            group.append(job)
        else:
            groups.append([job])
    return groups


def _batched(group: Sequence[Job]) -> list[list[Job]]:
    """The jobs of a group in batches for one call of the network."""
    batches: dict[tuple[int, int, int], list[list[Job]]] = {}
    for job in group:
        alike = batches.setdefault((job.crop.height, job.crop.width, job.recurrences), [[]])
        if alike[-1] and _pixels(alike[-1]) + job.crop.area > BATCH_PIXELS:
            alike.append([])
        alike[-1].append(job)
    return [batch for alike in batches.values() for batch in alike]


def _smaller(jobs: Sequence[Job], multiple: int) -> list[list[Job]]:
    """The same work in smaller pieces: half the jobs, or a job in smaller tiles; nothing where it is small already."""
    if len(jobs) > 1:
        middle = len(jobs) // 2
        return [list(jobs[:middle]), list(jobs[middle:])]
    job = jobs[0]
    side = max(job.part.height, job.part.width)
    if side <= SMALLEST_TILE:
        return []
    layer, overlap = job.layer, min(OVERLAP, side // 8)
    context = max(MIN_CONTEXT, 0 if layer.coarser else layer.region.depth // 2**layer.level)
    tiles = tile_boxes(job.part, max(SMALLEST_TILE, side // 2 + overlap), overlap)
    crops = [tile.grown(context, layer.height, layer.width, multiple) for tile in tiles]
    return [[replace(job, crop=crop, part=tile, tile=tile)] for crop, tile in zip(crops, tiles, strict=True)]


def _input(job: Job, coarse: Tensor | None) -> tuple[Tensor, Tensor]:
    """What the network is shown of a crop: image (1, 3, h, w), and what of it is known (1, 1, h, w) bool."""
    layer, crop = job.layer, job.crop
    known = ~layer.to_run(crop)
    image = _checked(torch.where(known, layer.colour(crop), 0))
    inside = layer.box.common(crop)
    if coarse is not None and inside is not None:
        place = (..., *inside.within(crop).slices)
        own = layer.known[(..., *inside.slices)]
        image[place] = torch.where(own, image[place], coarse_fill(layer, coarse, inside))
    return image, known


def _checked(image: Tensor) -> Tensor:
    """The image clamped to [0, 1]; ImageError where its values are not meant to lie there."""
    low, high = (bound.item() for bound in torch.aminmax(image))  # NaN comes through
    if not -1 <= low <= high <= 2:  # a little beyond is what other software's filters leave behind
        raise ImageError(f"the picture holds values from {low:g} to {high:g}; expected 0 to 1: rescale it.")
    return image.clamp(0, 1)


def _with_tiles(begun: Sequence[RegionFill], current: Sequence[BatchStep]) -> list[RegionFill]:
    """The regions with what the current jobs have made by now."""
    tiles: dict[Region, list[TileFill]] = {}
    for batch in current:
        for fill in batch.fills:
            tiles.setdefault(fill.job.layer.region, []).append(fill)
    return [replace(fill, tiles=(*fill.tiles, *tiles.get(fill.layer.region, ()))) for fill in begun]


def _without_reached(hole: Tensor, current: Sequence[BatchStep]) -> Tensor:
    """What has not been reached of a hole (N, 1, H, W) bool."""
    left = hole.clone()
    for batch in current:
        for i, job in enumerate(batch.jobs):
            layer, region = job.layer, job.layer.region
            if layer.coarser is None:  # finer layers refine what was reached before
                box = layer.in_picture(job.part)
                reached = layer.at_picture_size(batch.reached(i), job.part, smooth=False)
                left[(slice(region.item, region.item + 1), slice(None), *box.slices)] &= ~(reached & region.owns(box))
    return left


def _at_size(known: Tensor, height: int, width: int) -> Tensor:
    """A mask of the feature map (N, 1, h, w) for each pixel: (N, 1, height, width) bool."""
    scale = max(-(-height // known.shape[-2]), -(-width // known.shape[-1]))  # a side of 1 does not tell
    large = (known > 0).repeat_interleave(scale, -2).repeat_interleave(scale, -1)
    return large[..., :height, :width]


def _tight(marked: Tensor, box: Box) -> Box | None:
    """The least box, within ``box``, around what is marked in it."""
    found = around(marked[0, 0].numpy())
    return None if found is None else found.shifted(box.top, box.left)


def _most(jobs: Sequence[Job]) -> int:
    return max(job.recurrences for job in jobs)


def _shares(groups: Sequence[Sequence[Job]], detail: bool) -> list[float]:
    """The share of all work that is done after each recurrence, in (0, 1]."""
    costs = [
        _cost([job for job in group if job.recurrences >= r]) for group in groups for r in range(1, _most(group) + 1)
    ]
    whole = sum(costs) + (DETAIL_COST * costs[-1] if detail and costs else 0)
    return [done / whole for done in accumulate(costs)]


def _cost(jobs: Sequence[Job]) -> float:
    return sum(crop_cost(job.crop.area) for job in jobs)


def _pixels(jobs: Sequence[Job]) -> int:
    return sum(job.crop.area for job in jobs)
