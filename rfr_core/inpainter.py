"""Inpainter: picture + hole -> filled picture, step by step or at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rfr_core.checkpoints.loading import load_network
from rfr_core.config import RFRConfig
from rfr_core.errors import ConfigError, HoleError
from rfr_core.fill.canvas import Canvas, to_canvas
from rfr_core.fill.run import Filling
from rfr_core.fill.scene import Scene
from rfr_core.fill.steps import InpaintStep
from rfr_core.fill.wrapping import WrappedCanvas, WrappedStep
from rfr_core.holes.masks import MaskLike, to_hole
from rfr_core.holes.shaping import feather, shaped
from rfr_core.inference.devices import resolve_device, resolve_dtype
from rfr_core.inference.memory import memory_errors
from rfr_core.inference.runner import Runner
from rfr_core.network.rfr_net import RFRNet
from rfr_core.options import Channel, Detail, Options, Wrap, check_without_mask
from rfr_core.texture.refinement import refinement_of


class Inpainter:
    """Fills holes in pictures with an RFR network.

    Pictures are PIL images, NumPy arrays or tensors, one or a batch; holes are whatever `holes.to_hole` takes, white
    = fill. Known pixels come back bit-identical. One inpainter may be used from several threads at once.
    """

    def __init__(
        self,
        network: RFRNet | None = None,
        *,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype = "auto",
        compile: bool = False,
    ) -> None:
        """Makes copies of the network for the device and number format; the one given stays as it is.

        network: None = that of the bundled model.
        compile: whether it's compiled by `torch.compile`, at the first pictures, which then take some 40 s; for
        many pictures on a GPU. Raises DeviceError: a device or dtype that this machine does not have.
        """
        self.device = resolve_device(device)
        self.dtype = resolve_dtype(dtype, self.device)
        network = load_network() if network is None else network
        self._runner = Runner(network, self.device, self.dtype, compile=compile)

    @property
    def network(self) -> RFRNet:
        return self._runner.network

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path | None = None,
        *,
        revision: str | None = None,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype = "auto",
        compile: bool = False,
        local_files_only: bool = False,
    ) -> Inpainter:
        """An inpainter with trained weights: None = the bundled ones, a folder, a .safetensors file or a Hub id.

        device, dtype, compile: as for the constructor.

        Raises CheckpointError: the checkpoint cannot be found or read. DeviceError: as for the constructor.
        """
        network = load_network(source, revision=revision, local_files_only=local_files_only)
        return cls(network, device=device, dtype=dtype, compile=compile)

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
        detail: Detail | bool = "auto",
        grow: int = 0,
        feather: int = 0,
        threshold: float = 0.5,
        invert: bool = False,
        channel: Channel = "auto",
        resize: bool = False,
        wrap: Wrap = "none",
        fill_gaps: bool = False,
        avoid: MaskLike | None = None,
        mask: MaskLike | None = None,
    ) -> Any:
        """The picture with its hole filled, in the kind, size and dtype it was given.

        Args:
            image: a PIL image; an array (H, W, 3) or (N, H, W, 3), uint8 or float in [0, 1]; a tensor (3, H, W) or
                (N, 3, H, W), float in [0, 1].
            hole: white = fill, one for all pictures or one for each; None = what is transparent in the picture.
            recurrences: "auto" = as many as it was trained with, more where that does not reach the middle of the hole,
                fewer in spots and thin lines that get detail; "early" = fewer everywhere, as soon as they reach it; or
                1 to 64.
            context: surroundings that the network sees on every side, as a multiple of the hole's longer side.
            detail: "texture" = the finished fill is made anew from patches of the surroundings, for their texture
                (see `rfr_core.texture.exemplar`); "exact" = for the least error instead, blurry where nothing is
                certain, for scratches in smooth parts; "off" = neither; "auto" = as the network's configuration says.
                True and False stand for "texture" and "off".
            grow: pixels that the hole grows by before it is filled; negative shrinks it.
            feather: pixels, inside the hole, over which the fill blends in.
            threshold, invert, channel, resize: how the mask is read, see `holes.to_hole`.
            wrap: "x", "y" or "xy" = the picture goes on beyond its right and left, its lower and upper, or all borders
                where it begins on the other side, as a tile or a panorama does, and is filled without a seam.
            fill_gaps: fill what the hole encloses as well, such as the inside of an outline.
            avoid: another mask; white = neither looked at nor copied from, and left as it is.
            mask: another name for hole.

        Raises:
            ImageError: the picture is of an unsupported kind or its values are.
            HoleError: the mask cannot be read, has another size, covers the whole picture, or is given by both names.
            ConfigError: recurrences, context, detail or wrap is out of range, or detail is "exact" and the network has
                no refinement.
            DeviceError: the memory does not suffice.
        """
        options = Options(
            recurrences, context, detail, grow, feather, threshold, invert, channel, resize, wrap, fill_gaps
        )
        last = None
        with memory_errors():
            steps = self._steps(image, _one_mask(hole, mask), avoid, options, keep_scores=False)
        for step in steps:
            last = step
        return to_canvas(image).pasted(()) if last is None else last.picture()

    def steps(
        self,
        image: Any,
        hole: MaskLike | None = None,
        *,
        recurrences: int | str = "auto",
        context: float = 1.0,
        detail: Detail | bool = "auto",
        grow: int = 0,
        feather: int = 0,
        threshold: float = 0.5,
        invert: bool = False,
        channel: Channel = "auto",
        resize: bool = False,
        wrap: Wrap = "none",
        fill_gaps: bool = False,
        avoid: MaskLike | None = None,
        mask: MaskLike | None = None,
    ) -> Iterator[InpaintStep]:
        """As :meth:`__call__`, one :class:`InpaintStep` per recurrence, none for an empty hole.

        Bad input raises at once; stopping early leaves nothing behind.
        """
        options = Options(
            recurrences, context, detail, grow, feather, threshold, invert, channel, resize, wrap, fill_gaps
        )
        with memory_errors():
            return self._steps(image, _one_mask(hole, mask), avoid, options, keep_scores=True)

    def _steps(
        self, image: Any, mask: MaskLike | None, avoid: MaskLike | None, options: Options, *, keep_scores: bool
    ) -> Iterator[InpaintStep]:
        detail = self.config.detail if options.detail == "auto" else options.detail != "off"
        exact = options.detail == "exact"
        if exact and refinement_of(self.network) is None:
            raise ConfigError("Detail is 'exact', but this network has no refinement for that; choose texture or off.")
        canvas = to_canvas(image)
        hole = _read_hole(image, mask, canvas, options)
        unknown = (hole | canvas.hidden()).expand(canvas.count, -1, -1, -1)
        if bool(unknown.flatten(1).all(1).any()):
            raise HoleError("The hole covers the whole picture; leave some of it known (is the mask inverted?).")
        if avoid is not None:
            unknown = unknown | _read_masks(avoid, canvas, replace(options, invert=False), "masks of what to avoid")
            if bool(unknown.flatten(1).all(1).any()):
                raise HoleError("Hole and avoid cover the whole picture together; leave some of it to look at.")
        canvas.check_values(~unknown)
        canvas.keep(hole, unknown)
        if not bool(hole.any()):
            return iter(())
        if options.wrap == "none":
            scene = Scene(canvas, hole, unknown, _weight(hole, options), *_way(options), detail, exact)
            return Filling(scene, self._runner, keep_scores=keep_scores).steps()
        wrapped = WrappedCanvas(canvas, hole, options.wrap)
        unknown, seen = wrapped.padded(unknown), wrapped.padded(hole)
        counts = wrapped.fillable()
        weight = _weight(seen, options)
        weight = counts.expand(len(seen), -1, -1, -1) if weight is None else weight * counts
        scene = Scene(wrapped, seen & (counts > 0), unknown, weight, *_way(options), detail, exact)
        return map(WrappedStep.of, Filling(scene, self._runner, keep_scores=keep_scores).steps())


def _one_mask(hole: MaskLike | None, mask: MaskLike | None) -> MaskLike | None:
    if hole is not None and mask is not None:
        raise HoleError("Both hole and mask are given, two names of one thing; give one of them.")
    return mask if hole is None else hole


def _weight(hole: Tensor, options: Options) -> Tensor | None:
    return feather(hole.float(), options.feather) if options.feather else None


def _way(options: Options) -> tuple[int | str, float]:
    return options.recurrences, options.context


def _read_hole(image: Any, mask: MaskLike | None, canvas: Canvas, options: Options) -> Tensor:
    """The hole (N, 1, H, W) bool, one for each picture of the canvas, on the CPU."""
    if mask is None:
        check_without_mask(options.invert, options.resize)
        hole = canvas.missing()
    else:
        hole = _read_masks(mask, canvas, options, "masks")
    hole = shaped(hole, gaps=options.fill_gaps, pixels=options.grow)
    return hole.expand(canvas.count, -1, -1, -1).contiguous()


def _read_masks(mask: MaskLike, canvas: Canvas, options: Options, what: str) -> Tensor:
    """Masks (1 or N, 1, H, W) bool of a canvas's N pictures, on the CPU; ``what`` names them in an error."""
    masks = to_hole(
        mask,
        size=(canvas.height, canvas.width),
        threshold=options.threshold,
        invert=options.invert,
        channel=options.channel,
        resize=options.resize,
        dtype=torch.bool,
    ).cpu()
    if len(masks) not in (1, canvas.count):
        raise HoleError(f"There are {len(masks)} {what} for {canvas.count} picture(s); expected one, or one for each.")
    return masks
