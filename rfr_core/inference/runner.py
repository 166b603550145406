"""Runs the network on crops, in half precision where that is faster, and in float32 where half does not suffice."""

from __future__ import annotations

import copy
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from rfr_core.config import RFRConfig
from rfr_core.errors import CheckpointError
from rfr_core.inference.devices import to_device
from rfr_core.network.rfr_net import RFRNet, Step

PIXEL_BYTES = 28  # that a pixel takes, times width and bytes a number; measured at width 64, attention included


@dataclass(frozen=True)
class RunStep:
    """One recurrence on a batch of crops.

    index: from 1. step: the network's own.
    """

    index: int
    step: Step
    _run: _Run = field(repr=False)

    def decode(self) -> Tensor:
        """The network's pictures by now: (N, 3, H, W) float32, neither clamped nor composited, all of them finite."""
        decoded = self.step.decode().float()
        if not bool(decoded.isfinite().all()):
            decoded = self._run.decode_precisely(self.index)
        return decoded

    @property
    def config(self) -> RFRConfig:
        return self._run.runner.config

    @property
    def attention_cell(self) -> int:
        """Pixels a side that one position of the attention stands for; 0 where the network has none."""
        if self.step.memory is None:
            return 0
        padded = -(-self._run.image.shape[-2] // (multiple := self.config.multiple_of)) * multiple
        return padded // self.step.memory.known.shape[-2]

    def attention(self, x: int, y: int, i: int) -> Tensor | None:
        """How much of each pixel of crop i was taken for its pixel (x, y): (H, W) float32, the same within a cell.

        What was taken of the padding is left out. ``None`` where the network has no attention.
        """
        cell = self.attention_cell
        if not cell:
            return None
        rows, columns = self.step.memory.known.shape[-2:]
        place = y // cell * columns + x // cell
        shares = self.step.memory.rows(place, place + 1)[i, 0].float().view(rows, columns)
        shares = shares.repeat_interleave(cell, 0).repeat_interleave(cell, 1)
        return shares[: self._run.image.shape[-2], : self._run.image.shape[-1]]


class Runner:
    """A network on a device, in a number format; safe to use from several threads at once."""

    def __init__(self, network: RFRNet, device: torch.device, dtype: torch.dtype, *, compile: bool = False) -> None:
        self.network = network.eval().to(device, dtype)
        self._quick = self.network.optimized(compile=compile)
        self.config = network.config
        self.device = device
        self.dtype = dtype
        self._precise: RFRNet | None = None
        self._lock = threading.Lock()

    def run(self, image: Tensor, known: Tensor, recurrences: int, *, keep_scores: bool = True) -> Iterator[RunStep]:
        """The recurrences for image (N, 3, H, W) float32 in [0, 1] and known (N, 1, H, W) bool.

        keep_scores: whether their attention will be asked for; if not, it takes less memory.
        """
        self._check_memory(known.numel())
        run = _Run(self, to_device(image, self.device), to_device(known, self.device), recurrences)
        for step in run.steps(self._quick, self.dtype, keep_scores):
            yield RunStep(step.index, step, run)

    @torch.inference_mode()
    def refine(self, draft: Tensor, known: Tensor, *, texture: float) -> Tensor:
        """What the network's refinement makes of a draft, see `Refinement.forward`: on the CPU, all of it finite."""
        assert self._quick.refinement is not None
        draft, known = to_device(draft, self.device), to_device(known, self.device)
        refined = self._quick.refinement(draft, known, texture=texture)
        if not bool(refined.isfinite().all()):
            precise = self.precise_network().refinement
            assert precise is not None
            refined = precise(draft, known, texture=texture)
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
                self._precise = copy.deepcopy(self.network).float()
            return self._precise


@dataclass(frozen=True)
class _Run:
    runner: Runner
    image: Tensor
    known: Tensor
    recurrences: int

    def steps(self, network: RFRNet, dtype: torch.dtype, keep_scores: bool) -> Iterator[Step]:
        image = self.image.to(dtype).contiguous(memory_format=torch.channels_last)
        return network.steps(image, self.known.to(dtype), self.recurrences, keep_scores=keep_scores)

    def decode_precisely(self, index: int) -> Tensor:
        decoded = self.image
        if self.runner.dtype != torch.float32:
            for step in self.steps(self.runner.precise_network(), torch.float32, False):
                if step.index == index:
                    decoded = step.decode()
                    break
        if self.runner.dtype == torch.float32 or not bool(decoded.isfinite().all()):
            raise CheckpointError("the network's result is not finite even in float32; its weights are damaged.")
        return decoded
