"""The networks that a recipe can name, how each is trained, and their checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

from rfr_core.baselines.coarse_to_fine import CoarseToFine
from rfr_core.baselines.edge_generator import EdgeGenerator
from rfr_core.baselines.pconv_unet import PConvUNet
from rfr_core.checkpoints.loading import CONFIG_NAME, MODEL_NAME, load_network
from rfr_core.checkpoints.model import RFRModel
from rfr_core.checkpoints.saving import save_pretrained
from rfr_core.config import RFRConfig
from rfr_core.errors import CheckpointError, ConfigError
from rfr_core.files import appearing
from rfr_core.network.rfr_net import RFRNet
from rfr_core.training.data.drafts import DraftRefiner, draft_preview, texture_of
from rfr_core.training.data.preview import preview_grid
from rfr_core.training.data.samples import Sample, collate
from rfr_core.training.losses.inpainting import Judges, LossWeights, inpainting_loss
from rfr_core.training.run.edges import collate_edges, edge_loss, edge_preview

Architecture = Literal["rfr", "pconv-unet", "coarse-to-fine", "edges-rfr", "edges-residual", "refinement"]
ARCHITECTURES: tuple[Architecture, ...] = get_args(Architecture)

Output = Tensor | tuple[Tensor, ...]
Judged = tuple[Tensor, dict[str, Tensor]]  # the loss and its terms
Loss = Callable[[Output, Tensor, Tensor, Sequence[LossWeights], Judges], Judged]


@dataclass(frozen=True)
class Task:
    """What the trainer needs to know of what a network is for.

    collate: samples -> the batch that the network is given. loss: as :func:`inpainting_loss`, for one output or
    several, with the weights of a phase (see `Phase.losses`). takes_judges: whether its terms can need any. preview:
    network, batch of pictures and masks -> a grid (3, H, W) to look at.
    """

    collate: Callable[[Sequence[Sample]], Sample]
    loss: Loss
    preview: Callable[[nn.Module, Tensor, Tensor], Tensor]
    takes_judges: bool = True


def picture_loss(
    output: Output, truth: Tensor, known: Tensor, weights: Sequence[LossWeights], judges: Judges
) -> Judged:
    """:func:`inpainting_loss` of every picture that the network gave, summed; the terms are the last one's."""
    outputs = (output,) if isinstance(output, Tensor) else output
    judged = [inpainting_loss(one, truth, known, weights[0], judges) for one in outputs]
    return sum((loss for loss, _ in judged[1:]), judged[0][0]), judged[-1][1]


def _edge_loss(output: Output, truth: Tensor, known: Tensor, weights: Sequence[LossWeights], judges: Judges) -> Judged:
    assert isinstance(output, Tensor)
    return edge_loss(output, truth, known, weights[0])


def _refinement_loss(
    output: Output, drafts: Tensor, known: Tensor, weights: Sequence[LossWeights], judges: Judges
) -> Judged:
    """The loss of the exact end, and of the textured one where the phase has one for it.

    The textured end learns from both, each as far as texture is asked for or not.
    """
    assert isinstance(output, tuple)
    exact, textured = output
    truth, texture = drafts[:, :3], texture_of(drafts)
    total, terms = inpainting_loss(exact, truth, known, weights[0], judges)
    if len(weights) > 1:
        rest, _ = inpainting_loss(_learning(textured, 1 - texture), truth, known, weights[0], judges)
        loss, judged = inpainting_loss(_learning(textured, texture), truth, known, weights[1], judges)
        total, terms = total + rest + loss, terms | {f"textured_{name}": value for name, value in judged.items()}
    return total, terms


def _learning(output: Tensor, share: Tensor) -> Tensor:
    """The same, of whose gradient a share (N, 1, 1, 1) gets through."""
    return torch.lerp(output.detach(), output, share)


PICTURES = Task(collate, picture_loss, preview_grid)
REFINEMENT = Task(collate, _refinement_loss, draft_preview)
EDGES = Task(collate_edges, _edge_loss, edge_preview, takes_judges=False)


def task_of(architecture: Architecture) -> Task:
    """Filling pictures, refining what has been filled, or completing edges."""
    if architecture == "refinement":
        return REFINEMENT
    return EDGES if architecture.startswith("edges") else PICTURES


def build_network(architecture: Architecture, config: RFRConfig) -> nn.Module:
    """A network by name with random weights; each says in its docstring what it takes of the configuration.

    All are called as ``network(image, known, recurrences)``.
    """
    if architecture == "pconv-unet":
        return PConvUNet(config)
    if architecture == "coarse-to-fine":
        return CoarseToFine(config)
    if architecture == "refinement":
        return DraftRefiner(config)
    if task_of(architecture) is EDGES:
        return EdgeGenerator(config, reasoning=architecture == "edges-rfr")
    return RFRModel(config)


def save_network(architecture: Architecture, network: nn.Module, folder: Path) -> None:
    """Writes ``model.safetensors`` and ``config.json``, each by rename; RFR-Net's are a checkpoint as usual."""
    if isinstance(network, RFRNet):
        save_pretrained(network, folder)
        return
    config = network.config
    assert isinstance(config, RFRConfig)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    described = {"architecture": architecture, "network": config.to_dict()}
    folder.mkdir(parents=True, exist_ok=True)
    with appearing(folder / MODEL_NAME) as file:
        file.write(to_safetensors(state, {"format": "pt"}))
    with appearing(folder / CONFIG_NAME) as file:
        file.write((json.dumps(described, indent=2) + "\n").encode())


def read_network(folder: str | Path) -> nn.Module:
    """A network that :func:`save_network` wrote, in eval mode.

    Raises:
        CheckpointError: the files are missing, damaged or do not belong together.
    """
    folder = Path(folder)
    described = _described(folder)
    if described is None:
        return load_network(folder).eval()
    architecture, config = described
    network = build_network(architecture, config)
    try:
        network.load_state_dict(load_file(folder / MODEL_NAME))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"{folder / MODEL_NAME} holds no {architecture} of its configuration.") from error
    return network.eval()


def _described(folder: Path) -> tuple[Architecture, RFRConfig] | None:
    """Name and configuration of another network than RFR-Net; ``None`` where the folder is no such checkpoint."""
    try:
        data = json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # whatever is wrong, the usual loader says it better
    if not isinstance(data, dict) or "architecture" not in data:
        return None
    if data["architecture"] not in ARCHITECTURES:
        raise ConfigError(
            f"{folder / CONFIG_NAME} names the architecture {data['architecture']!r}; known are "
            f"{', '.join(ARCHITECTURES)}."
        )
    return data["architecture"], RFRConfig.from_dict(data.get("network", {}))
