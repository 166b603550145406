"""Inpainter: picture + hole -> filled picture, step by step or at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from rfr_core.attention_map import AttentionMap
from rfr_core.canvas import Box, Canvas, Patch, to_canvas
from rfr_core.config import RFRConfig
from rfr_core.devices import resolve_device, resolve_dtype
from rfr_core.errors import ConfigError, HoleError
from rfr_core.holes import Channel, MaskLike, feather, grow, hole_from_alpha, to_hole
from rfr_core.network import RFRNet, Step
from rfr_core.reasoning import check_recurrences
from rfr_core.regions import Region, crop_box, find_regions

MIN_CONTEXT = 64  # pixels; less shows the network too little of what surrounds a small hole


@dataclass(frozen=True)
class _Options:
    """How to read the hole and what to do with it; see :meth:`Inpainter.__call__`."""

    recurrences: int | str = "auto"
    context: float = 1.0
    grow: int = 0
    feather: int = 0
    threshold: float = 0.5
    invert: bool = False
    channel: Channel = "auto"
    resize: bool = False


@dataclass(frozen=True)
class _Job:
    """One region being run: its crop ``box``, its own hole pixels there and their weights (1, 1, h, w)."""

    region: Region
    box: Box
    own: Tensor
    weight: Tensor


@dataclass(frozen=True)
class _Progress:
    job: _Job
    step: Step


@dataclass(frozen=True)
class InpaintStep:
    """One recurrence over a whole picture or batch; nothing is decoded until asked for.

    index: 1 to ``total``. open_ratio: the share of the hole not yet reached, 0 to 1.
    """

    index: int
    total: int
    open_ratio: float
    _canvas: Canvas = field(repr=False)
    _hole: Tensor = field(repr=False)
    _progress: Sequence[_Progress] = field(repr=False)

    def picture(self) -> Any:
        """The picture so far, in the kind that was given; known pixels are bit-identical."""
        return self._canvas.pasted(self._patches())

    def tensor(self) -> Tensor:
        """The picture so far, composited: (N, 3, H, W) float32 in [0, 1], on the CPU."""
        return self._canvas.tensor(self._patches())

    def open_hole(self) -> Tensor:
        """What is still open: (N, 1, H, W) float32 in {0, 1}, 1 = not yet reached."""
        hole = torch.zeros_like(self._hole)
        for progress in self._progress:
            job = progress.job
            open_part = job.own * (1 - _at_picture_size(progress.step.known, job.box))
            hole[(slice(job.region.item, job.region.item + 1), slice(None), *job.box.slices)] += open_part
        return hole

    def attention(self, x: int, y: int, item: int = 0) -> Tensor | None:
        """Where the attention of this recurrence fetched pixel (x, y) of picture ``item`` from.

        Returns (H, W) float32 >= 0 that sums to 1, or None where (x, y) lies outside every region that was run or the
        network has no attention.
        """
        n, _, height, width = self._hole.shape
        if not (0 <= x < width and 0 <= y < height and 0 <= item < n):
            raise ConfigError(f"pixel ({x}, {y}) of picture {item} is outside {n} picture(s) of {width}×{height}.")
        for progress in self._progress:
            box = progress.job.box
            inside = box.top <= y < box.bottom and box.left <= x < box.right
            if inside and progress.job.region.item == item and progress.step.memory is not None:
                spread = torch.zeros(height, width)
                spread[box.slices] = _attention_row(progress.step, box, x - box.left, y - box.top)
                return spread
        return None

    def attention_maps(self) -> list[AttentionMap]:
        """Where this recurrence fetched each region's hole from, small enough to keep; none without an attention."""
        maps = []
        for job, step in ((progress.job, progress.step) for progress in self._progress):
            if step.memory is not None:
                columns = step.memory.known.shape[-1]
                cell = _attention_scale(step, job.box)
                scores = step.memory.scores[0]
                maps.append(AttentionMap.strongest(job.region.item, job.box, cell, scores, columns, job.own))
        return maps

    @torch.inference_mode()
    def _patches(self) -> list[Patch]:
        patches = []
        for job, step in ((progress.job, progress.step) for progress in self._progress):
            fill = step.decode().float().clamp(0, 1).cpu()
            patches.append(Patch(job.region.item, job.box, fill, job.weight))
        return patches


class Inpainter:
    """Fills holes in pictures with an RFR network.

    Pictures are PIL images, NumPy arrays or tensors, one or a batch; holes are whatever `holes.to_hole` takes, white
    = fill. Known pixels come back bit-identical. One inpainter may be used from several threads at once.
    """

    def __init__(
        self, network: RFRNet, *, device: str | torch.device = "auto", dtype: str | torch.dtype = "auto"
    ) -> None:
        """Moves the network to the device and number format, in evaluation mode.

        Raises DeviceError: a device or dtype that this machine does not have.
        """
        self.device = resolve_device(device)
        self.dtype = resolve_dtype(dtype, self.device)
        self.network = network.eval().to(self.device, self.dtype)
        self.network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path | None = None,
        *,
        revision: str | None = None,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype = "auto",
        local_files_only: bool = False,
    ) -> Inpainter:
        """An inpainter with trained weights: None = the bundled ones, a folder, a .safetensors file or a Hub id.

        Raises CheckpointError: the checkpoint cannot be found or read. DeviceError: as for the constructor.
        """
        from rfr_core.checkpoints import load_network

        network = load_network(source, revision=revision, local_files_only=local_files_only)
        return cls(network, device=device, dtype=dtype)

    @property
    def config(self) -> RFRConfig:
        return self.network.config

    def __call__(
        self,
        image: Any,
        hole: MaskLike | None = None,
        *,
        recurrences: int | str = "auto",
        context: float = 1.0,
        grow: int = 0,
        feather: int = 0,
        threshold: float = 0.5,
        invert: bool = False,
        channel: Channel = "auto",
        resize: bool = False,
    ) -> Any:
        """The picture with its hole filled, in the kind, size and dtype it was given.

        Args:
            image: a PIL image; an array (H, W, 3) or (N, H, W, 3), uint8 or float in [0, 1]; a tensor (3, H, W) or
                (N, 3, H, W), float in [0, 1].
            hole: white = fill, one for all pictures or one for each; None = what is transparent in the picture.
            recurrences: "auto" = as many as reach the middle of the hole, or 1 to 64.
            context: surroundings that the network sees on every side, as a multiple of the hole's longer side.
            grow: pixels that the hole grows by before it is filled; negative shrinks it.
            feather: pixels, inside the hole, over which the fill blends in.
            threshold, invert, channel, resize: how the mask is read, see `holes.to_hole`.

        Raises:
            ImageError: the picture is of an unsupported kind or its values are.
            HoleError: the mask cannot be read, has another size, or covers the whole picture.
            ConfigError: recurrences or context is out of range.
        """
        options = _Options(recurrences, context, grow, feather, threshold, invert, channel, resize)
        last = None
        for step in self._steps(image, hole, options):
            last = step
        return _copy(image) if last is None else last.picture()

    def steps(
        self,
        image: Any,
        hole: MaskLike | None = None,
        *,
        recurrences: int | str = "auto",
        context: float = 1.0,
        grow: int = 0,
        feather: int = 0,
        threshold: float = 0.5,
        invert: bool = False,
        channel: Channel = "auto",
        resize: bool = False,
    ) -> Iterator[InpaintStep]:
        """As :meth:`__call__`, one :class:`InpaintStep` per recurrence, none for an empty hole.

        Bad input raises at once; stopping early leaves nothing behind.
        """
        options = _Options(recurrences, context, grow, feather, threshold, invert, channel, resize)
        return self._steps(image, hole, options)

    def _steps(self, image: Any, hole: MaskLike | None, options: _Options) -> Iterator[InpaintStep]:
        check_recurrences(options.recurrences)
        if not 0 <= options.context <= 100:
            raise ConfigError(f"context is {options.context!r}; it must be a number from 0 to 100.")
        canvas = to_canvas(image)
        read = _read_hole(image, hole, canvas, options)
        weight = feather(read, options.feather)
        return self._run(canvas, read, weight, options)

    @torch.inference_mode()
    def _run(self, canvas: Canvas, hole: Tensor, weight: Tensor, options: _Options) -> Iterator[InpaintStep]:
        jobs = [self._job(region, hole, weight, options.context) for region in find_regions(hole)]
        area = float(hole.sum())
        runs = [self._recur(canvas, hole, job, options.recurrences) for job in jobs]
        latest: list[_Progress] = []
        while runs:
            advanced = [next(run, None) for run in runs]
            if not any(advanced):
                return
            pairs = zip(advanced, latest or advanced, strict=True)
            latest = [progress for new, old in pairs if (progress := new or old)]
            index = max(progress.step.index for progress in latest)
            total = max(progress.step.total for progress in latest)
            still = sum(float((p.job.own * (1 - _at_picture_size(p.step.known, p.job.box))).sum()) for p in latest)
            yield InpaintStep(index, total, still / area, canvas, hole, tuple(latest))

    def _job(self, region: Region, hole: Tensor, weight: Tensor, context: float) -> _Job:
        box = region.box
        margin = max(MIN_CONTEXT, round(context * max(box.height, box.width)))
        box = crop_box(box, margin, self.config.multiple_of, *hole.shape[-2:])
        own = region.own(hole, box)
        item = region.item
        return _Job(region, box, own, own * weight[(slice(item, item + 1), slice(None), *box.slices)])

    def _recur(self, canvas: Canvas, hole: Tensor, job: _Job, recurrences: int | str) -> Iterator[_Progress]:
        item = job.region.item
        known = 1 - hole[(slice(item, item + 1), slice(None), *job.box.slices)]
        image = canvas.crop(item, job.box).to(self.device, self.dtype, memory_format=torch.channels_last)
        for step in self.network.steps(image, known.to(self.device), recurrences):
            yield _Progress(job, step)


def _read_hole(image: Any, mask: MaskLike | None, canvas: Canvas, options: _Options) -> Tensor:
    """The hole (N, 1, H, W), one for each picture of the canvas, on the CPU."""
    size = (canvas.height, canvas.width)
    if mask is None:
        if not isinstance(image, Image.Image):
            raise HoleError("no mask was given, and only a PIL image says by transparency what to fill; give a mask.")
        hole = hole_from_alpha(image)
    else:
        hole = to_hole(
            mask,
            size=size,
            threshold=options.threshold,
            invert=options.invert,
            channel=options.channel,
            resize=options.resize,
        ).cpu()
    if len(hole) not in (1, canvas.count):
        raise HoleError(f"{len(hole)} masks were given for {canvas.count} picture(s); expected one, or one for each.")
    hole = grow(hole, options.grow).expand(canvas.count, -1, -1, -1)
    if bool(hole.flatten(1).all(1).any()):
        raise HoleError("the hole covers the whole picture; leave some of it known (is the mask inverted?).")
    return hole.contiguous()


def _at_picture_size(known: Tensor, box: Box) -> Tensor:
    """What is known on the feature map (1, 1, h, w), for each pixel of the crop."""
    scale = -(-box.height // known.shape[-2])
    known = known.float().cpu().repeat_interleave(scale, -2).repeat_interleave(scale, -1)
    return known[..., : box.height, : box.width]


def _attention_row(step: Step, box: Box, x: int, y: int) -> Tensor:
    """Scores of the crop's pixel (x, y) over the crop (h, w), summing to 1."""
    rows, columns = step.memory.known.shape[-2:]
    scale = _attention_scale(step, box)
    row = step.memory.scores[0, (y // scale) * columns + x // scale].float().cpu().view(1, 1, rows, columns)
    spread = F.interpolate(row, scale_factor=scale)[0, 0, : box.height, : box.width]
    return spread / spread.sum().clamp(min=1e-12)


def _attention_scale(step: Step, box: Box) -> int:
    """Pixels of the crop to a position of the attention."""
    rows, columns = step.memory.known.shape[-2:]
    scale = 1
    while rows * scale < box.height or columns * scale < box.width:
        scale *= 2
    return scale


def _copy(image: Any) -> Any:
    return image.clone() if isinstance(image, Tensor) else image.copy()
