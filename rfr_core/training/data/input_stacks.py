"""Input stacks: what a refinement works on, made once of training pictures by a finished network.

A stack holds the network's fill, what PatchMatch makes of it and the truth. Stacks cost far more to make than to learn
from, so they are made once, kept in files and varied when they are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn
from torch.utils.data import Dataset

from rfr_core.checkpoints.model import RFRModel
from rfr_core.checkpoints.state import assemble
from rfr_core.config import RFRConfig
from rfr_core.errors import ConfigError
from rfr_core.files import appearing
from rfr_core.fill.detail import input_stack
from rfr_core.images.values import to_bytes
from rfr_core.inpainter import Inpainter
from rfr_core.network.rfr_net import RFRNet
from rfr_core.texture.refinement import BLURRY, PATCHED, STACK_CHANNELS, Refinement
from rfr_core.training.data.sample_grid import tiled
from rfr_core.training.data.samples import DataConfig, Sample, TrainingPictures

SIDE = 256  # pixels of a stack
PREFIX = "refinement."  # of its tensors in a network's state

_CHANNELS = 3 + STACK_CHANNELS  # of the truth and the stack, as they lie in a file
_PER_FILE = 64
_NAMES = ("pictures", "known")
_FORMS = (([_CHANNELS, SIDE, SIDE], "U8"), ([1, SIDE, SIDE], "BOOL"))  # of each sample
_LEAST_HOLE, _MOST_HOLE = 0.01, 0.9  # shares of a crop
_TRIES = 8
_LEAST_TEXTURE = 0.2  # that the perceptual output is asked for, so that every share between both outputs is learned


class StackSample(NamedTuple):
    """One sample, or a batch of them, to train a refinement from.

    truth: (3, S, S) in [0, 1]. stack: (10, S, S) in [0, 1], as :class:`Refinement` takes it. texture: (1,), the share
    of texture that the perceptual output is asked for. known: (1, S, S) in {0, 1}, 1 = known. skipped: always empty.
    """

    truth: Tensor
    stack: Tensor
    texture: Tensor
    known: Tensor
    skipped: list[str]


class StackRefiner(nn.Module):
    """A refinement as the trainer calls a network; its state dictionary has the names it has in an RFR-Net's."""

    def __init__(self, config: RFRConfig) -> None:
        super().__init__()
        if not config.refinement:
            raise ConfigError("The recipe trains a refinement, but network.refinement is 0; set it to 64, say.")
        self.config = config
        self.refinement = Refinement(config.refinement)

    def forward(self, stack: Tensor, known: Tensor, texture: Tensor) -> tuple[Tensor, Tensor]:
        """Stack (N, 10, S, S), known (N, 1, S, S), texture (N, 1) -> L2 and perceptual output (N, 3, S, S)."""
        least_error, perceptual = (self.refinement(stack, known, texture=share) for share in (0.0, texture.flatten()))
        return least_error, perceptual


class InputStacks(Dataset[StackSample]):
    """Samples by number, without end, read from the files when they are drawn.

    Each is a square of a stack, turned, mirrored and with its colours exchanged, as its number and the seed say.

    Raises:
        ConfigError: the folder holds no stacks or damaged ones, or ``crop`` is larger than they are.
    """

    def __init__(self, folder: Path, crop: int, seed: int) -> None:
        if crop > SIDE:
            raise ConfigError(f"crop is {crop}; input stacks have {SIDE} pixels a side, so it must not be larger.")
        self.crop = crop
        self.seed = seed
        self._files = stack_files(folder)
        self._ends = np.cumsum([_count(file) for file in self._files])
        self._open: dict[int, Any] = {}  # by the file's place; opened in the process that reads

    def __getitem__(self, index: int) -> StackSample:
        rng = np.random.default_rng((self.seed, index))
        pictures, known = self._crop(rng)
        for _ in range(_TRIES - 1):
            if _LEAST_HOLE < 1 - known.float().mean() < _MOST_HOLE:
                break
            pictures, known = self._crop(rng)
        colours = pictures[:-1].view(-1, 3, self.crop, self.crop)[:, torch.from_numpy(rng.permutation(3))].flatten(0, 1)
        channels = torch.cat([colours.float() / 255, pictures[-1:].float() / 255, known.float()])
        channels = channels.flip(-1) if rng.random() < 0.5 else channels
        channels = torch.rot90(channels, int(rng.integers(4)), (-2, -1)).contiguous()
        truth, stack, known = channels.split([3, STACK_CHANNELS, 1])
        return StackSample(truth, stack, torch.tensor([rng.uniform(_LEAST_TEXTURE, 1)]).float(), known, [])

    def _crop(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """A square of any stack: its pictures (13, S, S) uint8 and what is known (1, S, S) bool."""
        number = int(rng.integers(self._ends[-1]))
        top, left = rng.integers(0, SIDE - self.crop + 1, 2)
        place = int(np.searchsorted(self._ends, number, side="right"))
        if place not in self._open:
            self._open[place] = safe_open(self._files[place], "pt")
        inside = number - int(self._ends[place - 1] if place else 0)
        rows, columns = slice(int(top), int(top) + self.crop), slice(int(left), int(left) + self.crop)
        pictures, known = (self._open[place].get_slice(name)[inside : inside + 1, :, rows, columns] for name in _NAMES)
        return pictures[0], known[0]


def collate_stacks(samples: Sequence[StackSample]) -> StackSample:
    """Samples -> a batch."""
    truth, stack, texture, known = (torch.stack(parts) for parts in [*zip(*samples, strict=True)][:4])
    return StackSample(truth, stack, texture, known, [])


def write_stacks(
    inpainter: Inpainter,
    data: DataConfig,
    folder: Path,
    count: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Makes ``count`` input stacks of the pictures and holes of ``data``, in files that appear by rename.

    Files that lie in the folder already are kept: a run that was stopped goes on where it stood.

    Raises:
        ConfigError: as `TrainingPictures`, or the folder cannot be written to.
    """
    dataset = TrainingPictures(data, SIDE, seed)
    for first in range(0, count, _PER_FILE):
        numbers = range(first, min(count, first + _PER_FILE))
        path = folder / f"{first:06d}.safetensors"
        if not path.exists():
            stacks = [_stack(inpainter, dataset[number]) for number in numbers]
            state = {name: torch.stack(parts) for name, parts in zip(_NAMES, zip(*stacks, strict=True), strict=True)}
            try:
                folder.mkdir(parents=True, exist_ok=True)
                with appearing(path) as file:
                    file.write(to_safetensors(state))
            except OSError as error:
                raise ConfigError(f"{path} could not be written: {error.strerror}; name another folder.") from error
        progress(numbers.stop, count)


def stack_files(folder: Path) -> list[Path]:
    """The files of a folder of input stacks. Raises ConfigError where there are none."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ConfigError(f"{folder} holds no input stacks; make them by rfr train stacks RECIPE.")
    return files


def _stack(inpainter: Inpainter, sample: Sample) -> tuple[Tensor, Tensor]:
    """Truth and input stack of a sample (13, S, S) uint8, and what is known (1, S, S) bool."""
    truth, known = to_bytes(sample.image), sample.known > 0
    blurry = inpainter(truth, ~known, detail=False)  # (3, S, S)
    stack = input_stack(blurry[None].float() / 255, known[None])[0]
    return torch.cat([truth, to_bytes(stack)]), known


def with_refinement(network: RFRNet, refinement: Refinement) -> RFRModel:
    """A copy of the network whose fills get detail, refined so, in place of the refinement that it may have."""
    state = {name: value for name, value in network.state_dict().items() if not name.startswith(PREFIX)}
    state |= {PREFIX + name: value for name, value in refinement.state_dict().items()}
    return assemble(
        replace(network.config, detail=True, refinement=refinement.head.out_channels), state, "the refined network"
    )


@torch.inference_mode()
def stack_preview(network: nn.Module, batch: StackSample) -> Tensor:
    """One row per stack: hole, fill, PatchMatch's, L2 and perceptual output, truth: (3, H, W) in [0, 1] on the CPU."""
    _, stack, texture, known = _on_device_of(network, batch)
    return _preview(batch, stack[:, BLURRY], *network(stack, known, torch.ones_like(texture)))


@torch.inference_mode()
def joint_preview(network: nn.Module, batch: StackSample) -> Tensor:
    """As :func:`stack_preview`, with the fill that the network makes now."""
    truth, stack, texture, known = _on_device_of(network, batch)
    least_error, perceptual, fill = network(truth, stack, known, torch.ones_like(texture))
    return _preview(batch, fill, least_error, perceptual)


def _on_device_of(network: nn.Module, batch: StackSample) -> list[Tensor]:
    device = next(network.parameters()).device
    return [part.to(device) for part in (batch.truth, batch.stack, batch.texture, batch.known)]


def _preview(batch: StackSample, *outputs: Tensor) -> Tensor:
    """Outputs: the blurry fill, the L2 and the perceptual output."""
    truth, stack, _, known = batch[:4]
    fill, *refined = (torch.where(known > 0, truth, output.cpu().clamp(0, 1)) for output in outputs)
    return tiled(torch.stack([truth * known, fill, stack[:, PATCHED], *refined, truth], 1))


def _count(path: Path) -> int:
    """The stacks in a file. Raises ConfigError for a damaged one."""
    try:
        with safe_open(path, "pt") as file:
            parts = [file.get_slice(name) for name in _NAMES if name in file.keys()]  # noqa: SIM118
            forms = tuple((part.get_shape()[1:], part.get_dtype()) for part in parts)
            counts = {part.get_shape()[0] for part in parts}
    except (SafetensorError, OSError) as error:
        raise _damaged(path) from error
    if forms != _FORMS or len(counts) != 1:
        raise _damaged(path)
    return counts.pop()


def _damaged(path: Path) -> ConfigError:
    return ConfigError(f"{path} holds no input stacks; delete it and make them anew by rfr train stacks.")
