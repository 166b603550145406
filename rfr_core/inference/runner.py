"""Runs the network on crops, in half precision where that is faster, and in float32 where half does not suffice."""

from __future__ import annotations

import copy
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from rfr_core.errors import CheckpointError
from rfr_core.inference.devices import to_device
from rfr_core.inference.optimize import optimized
from rfr_core.network.rfr_net import NetworkStep, RFRNet
from rfr_core.ops.box import Box
from rfr_core.texture.refinement import refinement_of

PIXEL_BYTES = 28  # that a pixel takes, times width and bytes a number; measured at width 64, attention included


@dataclass(frozen=True)
class Run:
    """A network at work on a batch of crops.

    image: (N, 3, H, W) float32 in [0, 1], with ``known`` (N, 1, H, W) bool, both on the runner's device. keep_scores:
    whether the steps' attention will be asked for; if not, it takes less memory.
    """

    runner: Runner
    image: Tensor
    known: Tensor
    recurrences: int
    keep_scores: bool

    def steps(self) -> Iterator[NetworkStep]:
        """The network's steps, one per recurrence, in the runner's number format."""
        return self._steps(self.runner.quick, self.runner.dtype, self.keep_scores)

    def decode(self, step: NetworkStep, box: Box | None = None) -> Tensor:
        """The network's pictures by then, colours not matched: (N, 3, H, W) float32, not clamped, all finite.

        box: the pixels that are wanted; None = all. Raises CheckpointError where they are not finite in float32 either.
        """
        decoded = step.decode(matched=False, box=box).float()
        return decoded if bool(decoded.isfinite().all()) else self._decode_precisely(step.index, box)

    def attention_cell(self, step: NetworkStep) -> int:
        """Pixels a side that one position of the attention stands for; 0 where the network has none."""
        if step.memory is None:
            return 0
        padded = -(-self.image.shape[-2] // (multiple := self.runner.config.multiple_of)) * multiple
        return padded // step.memory.known.shape[-2]

    def attention(self, step: NetworkStep, x: int, y: int, i: int) -> Tensor | None:
        """How much of each pixel of crop i was taken for its pixel (x, y): (H, W) float32, the same within a cell.

        What was taken of the padding is left out. ``None`` where the network has no attention.
        """
        cell = self.attention_cell(step)
        if not cell:
            return None
        rows, columns = step.memory.known.shape[-2:]
        place = y // cell * columns + x // cell
        shares = step.memory.rows(place, place + 1)[i, 0].float().view(rows, columns)
        shares = shares.repeat_interleave(cell, 0).repeat_interleave(cell, 1)
        return shares[: self.image.shape[-2], : self.image.shape[-1]]

    def _steps(self, network: RFRNet, dtype: torch.dtype, keep_scores: bool) -> Iterator[NetworkStep]:
        # The residual form adds to the interpolated picture, which half precision would round.
        exact = network.config.blocks == "residual"
        image = (self.image if exact else self.image.to(dtype)).contiguous(memory_format=torch.channels_last)
        return network.steps(image, self.known.to(dtype), self.recurrences, keep_scores=keep_scores)

    def _decode_precisely(self, index: int, box: Box | None) -> Tensor:
        decoded = self.image
        if self.runner.dtype != torch.float32:
            for step in self._steps(self.runner.precise_network(), torch.float32, False):
                if step.index == index:
                    decoded = step.decode(matched=False, box=box)
                    break
        if self.runner.dtype == torch.float32 or not bool(decoded.isfinite().all()):
            raise CheckpointError("The network's result is not finite even in float32; its weights are damaged.")
        return decoded


class Runner:
    """A network on a device, in a number format; safe to use from several threads at once.

    Works on copies: the network that it is given stays as it is.
    """

    def __init__(self, network: RFRNet, device: torch.device, dtype: torch.dtype, *, compile: bool = False) -> None:
        self.network = network
        self.quick = optimized(network, device, dtype, compile=compile)
        self.config = network.config
        self.device = device
        self.dtype = dtype
        # A GPU would have to be waited for to find a box, and code is compiled for all sizes of a whole crop alone.
        self.decodes_boxes = device.type == "cpu" and not compile
        self._precise: RFRNet | None = None
        self._lock = threading.Lock()

    @property
    def refines(self) -> bool:
        """Whether there is a refinement for `refine`."""
        return refinement_of(self.network) is not None

    def run(self, image: Tensor, known: Tensor, recurrences: int, *, keep_scores: bool = True) -> Run:
        """The run for image (N, 3, H, W) float32 in [0, 1] and known (N, 1, H, W) bool; see `Run`.

        Raises RuntimeError or MemoryError where the device has too little memory for it.
        """
        self._check_memory(known.numel())
        return Run(self, to_device(image, self.device), to_device(known, self.device), recurrences, keep_scores)

    @torch.inference_mode()
    def refine(self, stack: Tensor, known: Tensor, *, texture: float, box: Box | None = None) -> Tensor:
        """What the refinement makes of an input stack, see `Refinement.forward`: on the CPU, all of it finite."""
        quick = refinement_of(self.quick)
        assert quick is not None
        stack, known = to_device(stack, self.device), to_device(known, self.device)
        refined = quick(stack, known, texture=texture, box=box)
        if not bool(refined.isfinite().all()):
            precise = refinement_of(self.precise_network())
            assert precise is not None
            refined = precise(stack, known, texture=texture, box=box)
        return refined.cpu()

    def _check_memory(self, pixels: int) -> None:
        """Asks for what the recurrences on so many pixels need at most, so that a lack of it is an error here.

        Within oneDNN's kernels the process would crash. Memory that is not written to costs nothing.
        """
        if self.device.type == "cpu":
            share = 4.0 ** (1 - self.config.downsamples)  # of the feature map, to that of the published network
            torch.empty(int(pixels * share * PIXEL_BYTES * self.config.width * self.dtype.itemsize), dtype=torch.uint8)

    def precise_network(self) -> RFRNet:
        """The network in float32, made when it is first needed."""
        with self._lock:
            if self._precise is None:
                warnings.warn(
                    f"The network's result in {str(self.dtype).removeprefix('torch.')} was not finite; such crops are "
                    "run again in float32 (dtype='float32' avoids the first run).",
                    stacklevel=2,
                )
                self._precise = copy.deepcopy(self.network).eval().to(self.device, torch.float32)
            return self._precise
