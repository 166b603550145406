"""Drafts: pictures with a finished network's soft fill and what patches make of it, to train a refinement from.

They cost far more to make than to learn from, so they are made once and varied when they are drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn
from torch.utils.data import Dataset

from rfr_core.checkpoints.model import RFRModel
from rfr_core.checkpoints.state import assemble
from rfr_core.config import RFRConfig
from rfr_core.errors import ConfigError
from rfr_core.files import appearing
from rfr_core.fill.detail import input_stack
from rfr_core.inpainter import Inpainter
from rfr_core.network.rfr_net import RFRNet
from rfr_core.texture.refinement import STACK_CHANNELS, Refinement
from rfr_core.training.data.preview import tiled
from rfr_core.training.data.samples import DataConfig, Sample, TrainingPictures

SIDE = 256  # pixels of a draft
PLANES = 3 + STACK_CHANNELS  # of the truth and of what a refinement makes a fill from
PREFIX = "refinement."  # of its tensors in a network's state

_PER_FILE = 64
_NAMES = ("pictures", "known")
_LEAST_HOLE, _MOST_HOLE = 0.01, 0.9  # shares of a crop
_TRIES = 8
_LEAST_TEXTURE = 0.2  # that is asked for at the textured end, so that all between both ends is learned


class DraftRefiner(nn.Module):
    """A refinement as the trainer calls a network; its state dictionary has the names it has in an RFR-Net's."""

    def __init__(self, config: RFRConfig) -> None:
        super().__init__()
        if not config.refinement:
            raise ConfigError("the recipe trains a refinement, but network.refinement is 0; set it to 64, say.")
        self.config = config
        self.refinement = Refinement(config.refinement)

    def forward(self, drafts: Tensor, known: Tensor, recurrences: int | str | None = None) -> tuple[Tensor, Tensor]:
        """Drafts (N, 14, S, S) as `Drafts` gives them, known (N, 1, S, S) -> exact and textured fill (N, 3, S, S)."""
        draft, wanted = drafts[:, 3:PLANES], texture_of(drafts).flatten()
        exact, textured = (self.refinement(draft, known, texture=texture) for texture in (0.0, wanted))
        return exact, textured


def texture_of(drafts: Tensor) -> Tensor:
    """How much texture is asked for, see `Refinement.forward`: (N, 14, S, S) -> (N, 1, 1, 1)."""
    return drafts[:, PLANES:, :1, :1]


class Drafts(Dataset[Sample]):
    """Samples by number, without end, whose image is (14, S, S): truth, draft and the texture that is asked for.

    Each is a square of a draft, turned, mirrored and with its colours exchanged, as its number and the seed say.

    Raises:
        ConfigError: the folder holds no drafts or damaged ones, or ``crop`` is larger than they are.
    """

    def __init__(self, folder: Path, crop: int, seed: int) -> None:
        if crop > SIDE:
            raise ConfigError(f"crop is {crop}; drafts have {SIDE} pixels a side, so it must not be larger.")
        self.crop = crop
        self.seed = seed
        parts = [_read(file) for file in draft_files(folder)]
        self._pictures = torch.cat([pictures for pictures, _ in parts])  # (N, 13, SIDE, SIDE) uint8
        self._known = torch.cat([known for _, known in parts])  # (N, 1, SIDE, SIDE) bool

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng((self.seed, index))
        known, pictures = self._known[:1], self._pictures[:1]
        for _ in range(_TRIES):
            number = rng.integers(len(self._known))
            top, left = rng.integers(0, SIDE - self.crop + 1, 2)
            place = (number, slice(None), slice(top, top + self.crop), slice(left, left + self.crop))
            known, pictures = self._known[place], self._pictures[place]
            if _LEAST_HOLE < 1 - known.float().mean() < _MOST_HOLE:
                break
        colours = pictures[:-1].view(-1, 3, self.crop, self.crop)[:, torch.from_numpy(rng.permutation(3))].flatten(0, 1)
        planes = torch.cat([colours.float() / 255, pictures[-1:].float() / 255, known.float()])
        planes = planes.flip(-1) if rng.random() < 0.5 else planes
        planes = torch.rot90(planes, int(rng.integers(4)), (-2, -1)).contiguous()
        texture = torch.full_like(planes[:1], rng.uniform(_LEAST_TEXTURE, 1))
        return Sample(torch.cat([planes[:PLANES], texture]), planes[PLANES:], [])


def write_drafts(
    inpainter: Inpainter,
    data: DataConfig,
    folder: Path,
    count: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Makes ``count`` drafts of the pictures and holes of ``data``, in files that appear by rename.

    Files that lie in the folder already are kept: a run that was stopped goes on where it stood.

    Raises:
        ConfigError: as `TrainingPictures`, or the folder cannot be written to.
    """
    dataset = TrainingPictures(data, SIDE, seed)
    for first in range(0, count, _PER_FILE):
        numbers = range(first, min(count, first + _PER_FILE))
        path = folder / f"{first:06d}.safetensors"
        if not path.exists():
            drafts = [_draft(inpainter, dataset[number]) for number in numbers]
            state = {name: torch.stack(parts) for name, parts in zip(_NAMES, zip(*drafts, strict=True), strict=True)}
            try:
                folder.mkdir(parents=True, exist_ok=True)
                with appearing(path) as file:
                    file.write(to_safetensors(state))
            except OSError as error:
                raise ConfigError(f"{path} could not be written: {error.strerror}; name another folder.") from error
        progress(numbers.stop, count)


def draft_files(folder: Path) -> list[Path]:
    """The files of a folder of drafts. Raises ConfigError where there are none."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ConfigError(f"{folder} holds no drafts; make them by python -m train drafts RECIPE.")
    return files


def _draft(inpainter: Inpainter, sample: Sample) -> tuple[Tensor, Tensor]:
    """Truth and draft of a sample (13, S, S) uint8, and what is known (1, S, S) bool."""
    truth, known = sample.image.mul(255).round().byte(), sample.known > 0
    soft = inpainter(truth, ~known, detail=False)  # (3, S, S)
    draft = input_stack(soft[None].float() / 255, known[None])[0]
    return torch.cat([truth, draft.mul(255).round().byte()]), known


def with_refinement(network: RFRNet, refinement: Refinement) -> RFRModel:
    """A copy of the network that refines its fills so, in place of the refinement that it may have."""
    state = {name: value for name, value in network.state_dict().items() if not name.startswith(PREFIX)}
    state |= {PREFIX + name: value for name, value in refinement.state_dict().items()}
    return assemble(replace(network.config, refinement=refinement.head.out_channels), state, "the refined network")


@torch.inference_mode()
def draft_preview(network: nn.Module, drafts: Tensor, known: Tensor) -> Tensor:
    """One row per draft: hole, soft, detailed, exact, textured fill, truth: (3, H, W) in [0, 1] on the CPU."""
    device = next(network.parameters()).device
    drafts, known = drafts.to(device), known.to(device)
    drafts = torch.cat([drafts[:, :PLANES], torch.ones_like(known)], 1)
    truth, soft, detailed = drafts[:, :9].split(3, 1)
    refined = [torch.where(known > 0, truth, end.clamp(0, 1)) for end in network(drafts, known)]
    return tiled(torch.stack([truth * known, soft, detailed, *refined, truth], 1)).cpu()


def _read(path: Path) -> tuple[Tensor, Tensor]:
    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise _no_drafts(path) from error
    parts = [state.get(name) for name in _NAMES]
    shapes = ((PLANES, SIDE, SIDE), torch.uint8), ((1, SIDE, SIDE), torch.bool)
    if any(part is None or (part.shape[1:], part.dtype) != shape for part, shape in zip(parts, shapes, strict=True)):
        raise _no_drafts(path)
    return state["pictures"], state["known"]


def _no_drafts(path: Path) -> ConfigError:
    return ConfigError(f"{path} holds no drafts; delete it and make them anew by python -m train drafts.")
