"""The networks that a recipe can name, how each is trained, and their checkpoints."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

from rfr_core.baselines.coarse_to_fine import CoarseToFine
from rfr_core.baselines.edge_connect import EdgeConnect
from rfr_core.baselines.edge_generator import EdgeGenerator
from rfr_core.baselines.gated_conv_net import GatedConvNet
from rfr_core.baselines.pconv_unet import PConvUNet
from rfr_core.baselines.pluralistic_net import PluralisticNet, TwoPaths
from rfr_core.baselines.prvs_net import PRVSNet
from rfr_core.baselines.structured_network import StructuredFill
from rfr_core.checkpoints.loading import CONFIG_NAME, MODEL_NAME, load_network
from rfr_core.checkpoints.model import RFRModel
from rfr_core.checkpoints.saving import save_pretrained
from rfr_core.config import RFRConfig
from rfr_core.defects.segmentation_network import DefectNet
from rfr_core.errors import CheckpointError, ConfigError
from rfr_core.files import appearing
from rfr_core.network.rfr_net import RFRNet
from rfr_core.training.data.defect_samples import LabelledCrop, collate_defects
from rfr_core.training.data.input_stacks import (
    StackRefiner,
    StackSample,
    collate_stacks,
    joint_preview,
    stack_preview,
)
from rfr_core.training.data.sample_grid import preview_grid
from rfr_core.training.data.samples import Sample, collate
from rfr_core.training.losses.adversary import Shown
from rfr_core.training.losses.inpainting import Judges, PhaseLosses, inpainting_loss
from rfr_core.training.run.defects import defect_loss, defect_preview
from rfr_core.training.run.edges import EdgeBatch, collate_edges, edge_loss, edge_preview
from rfr_core.training.run.joint_training import JointModel
from rfr_core.training.run.pluralistic import pluralistic_loss, pluralistic_preview
from rfr_core.training.run.structure import (
    StructureBatch,
    collate_structure,
    shown_edges,
    structure_loss,
    structure_preview,
)

Architecture = Literal[
    "rfr",
    "pconv-unet",
    "coarse-to-fine",
    "gated-conv",
    "pluralistic",
    "edges-rfr",
    "edges-residual",
    "edge-connect",
    "edge-connect-rfr",
    "prvs",
    "refinement",
    "joint",
    "defects",
]
ARCHITECTURES: tuple[Architecture, ...] = get_args(Architecture)

Output = Tensor | tuple[Tensor, ...]
Judged = tuple[Tensor, dict[str, Tensor]]  # the loss and its terms


@dataclass(frozen=True)
class Task:
    """What the trainer needs to know of what a network is for; a batch is what ``collate`` makes.

    collate: samples -> a batch. run: network, batch, number of recurrences -> its output; and with the number of an
    earlier recurrence, for a network that has them, that one's output and the last's. loss: output, batch, weights of
    the phase, judges -> the loss and its terms. shown: output, batch, weights -> what a discriminator judges; None
    where there can be none. preview: network and batch -> a grid (3, H, W). shown_edges: as ``shown``, for a
    discriminator of edges, at each of their sizes, without the weights.
    """

    collate: Callable[[Sequence[Any]], Any]
    run: Callable[..., Any]
    loss: Callable[[Any, Any, PhaseLosses, Judges], Judged]
    preview: Callable[[nn.Module, Any], Tensor]
    shown: Callable[[Any, Any, PhaseLosses], Shown] | None = None
    shown_edges: Callable[[Any, Any], Sequence[Shown]] | None = None

    @property
    def takes_judges(self) -> bool:
        """Whether its loss has terms that need a `Judges`."""
        return self.shown is not None


def picture_loss(output: Output, batch: Sample, weights: PhaseLosses, judges: Judges) -> Judged:
    """:func:`inpainting_loss` of every picture that the network gave, summed; the terms are the last one's."""
    outputs = (output,) if isinstance(output, Tensor) else output
    judged = [inpainting_loss(one, batch.image, batch.known, weights.output, judges) for one in outputs]
    return sum((loss for loss, _ in judged[1:]), judged[0][0]), judged[-1][1]


def _run_on_pictures(network: nn.Module, batch: Sample, *recurrences: int) -> Any:
    return network(batch.image, batch.known, *recurrences)


def _shown_picture(output: Output, batch: Sample, weights: PhaseLosses) -> Shown:
    return _shown(output if isinstance(output, Tensor) else output[-1], batch.image, batch.known)


def _pluralistic_loss(output: TwoPaths, batch: Sample, weights: PhaseLosses, judges: Judges) -> Judged:
    return pluralistic_loss(output, batch.image, batch.known, weights.output, judges)


def _shown_generated(output: TwoPaths, batch: Sample, weights: PhaseLosses) -> Shown:
    return _shown(output.generated[-1], batch.image, batch.known)


def _run_on_edges(network: nn.Module, batch: EdgeBatch, recurrences: int) -> Output:
    return network(batch.picture, batch.known, recurrences)


def _edge_loss(output: Tensor, batch: EdgeBatch, weights: PhaseLosses, judges: Judges) -> Judged:
    return edge_loss(output, batch.edges, batch.known, weights.output)


def _run_on_structure(network: nn.Module, batch: StructureBatch, recurrences: int) -> StructuredFill:
    return network(batch.image, batch.known, recurrences, batch.edges)


def _shown_fill(output: StructuredFill, batch: StructureBatch, weights: PhaseLosses) -> Shown:
    return _shown(output.picture, batch.image, batch.known)


def _run_on_defects(network: nn.Module, batch: LabelledCrop, recurrences: int) -> Tensor:
    return network(batch.picture)


def _defect_loss(output: Tensor, batch: LabelledCrop, weights: PhaseLosses, judges: Judges) -> Judged:
    return defect_loss(output, batch.truth, weights.output)


def _run_on_stacks(network: nn.Module, batch: StackSample, recurrences: int) -> Output:
    return network(batch.stack, batch.known, batch.texture)


def _run_jointly(network: nn.Module, batch: StackSample, recurrences: int) -> Output:
    return network(batch.truth, batch.stack, batch.known, batch.texture, recurrences)


def _refinement_loss(output: tuple[Tensor, Tensor], batch: StackSample, weights: PhaseLosses, judges: Judges) -> Judged:
    """The loss of the L2 output, and of the perceptual one where the phase has one for it.

    The perceptual output learns from both, each as far as texture is asked for or not.
    """
    (least_error, perceptual), truth, known = output, batch.truth, batch.known
    total, terms = inpainting_loss(least_error, truth, known, weights.output, judges)
    if weights.perceptual_output is not None:
        texture = batch.texture[..., None, None]  # (N, 1, 1, 1)
        rest, _ = inpainting_loss(_learning(perceptual, 1 - texture), truth, known, weights.output, judges)
        few = slice(_judged(batch, weights))
        learning = _learning(perceptual, texture)[few]
        loss, judged = inpainting_loss(learning, truth[few], known[few], weights.perceptual_output, judges)
        total, terms = total + rest + loss, terms | {f"perceptual_{name}": value for name, value in judged.items()}
    return total, terms


def _joint_loss(
    output: tuple[Tensor, Tensor, Tensor], batch: StackSample, weights: PhaseLosses, judges: Judges
) -> Judged:
    """The refinement's loss and, where the network learns, that of its own fill."""
    least_error, perceptual, fill = output
    total, terms = _refinement_loss((least_error, perceptual), batch, weights, judges)
    if weights.network_output is not None:
        loss, judged = inpainting_loss(fill, batch.truth, batch.known, weights.network_output, judges)
        total, terms = total + loss, terms | {f"network_{name}": value for name, value in judged.items()}
    return total, terms


def _shown_refinement(output: tuple[Tensor, ...], batch: StackSample, weights: PhaseLosses) -> Shown:
    few = slice(_judged(batch, weights))
    return _shown(output[1][few], batch.truth[few], batch.known[few])


def _judged(batch: StackSample, weights: PhaseLosses) -> int:
    """How many samples of a batch the perceptual output's own terms are taken of."""
    return math.ceil(len(batch.truth) * weights.perceptual_share)


def _shown(output: Tensor, truth: Tensor, known: Tensor) -> Shown:
    truth = truth.float()
    return Shown(torch.where(known > 0, truth, output.detach().float()), truth, 1 - known)


def _learning(output: Tensor, share: Tensor) -> Tensor:
    """The same, of whose gradient a share (N, 1, 1, 1) gets through."""
    return torch.lerp(output.detach(), output, share)


PICTURES = Task(collate, _run_on_pictures, picture_loss, preview_grid, _shown_picture)
PLURALISTIC = Task(collate, _run_on_pictures, _pluralistic_loss, pluralistic_preview, _shown_generated)
REFINEMENT = Task(collate_stacks, _run_on_stacks, _refinement_loss, stack_preview, _shown_refinement)
JOINT = Task(collate_stacks, _run_jointly, _joint_loss, joint_preview, _shown_refinement)
EDGES = Task(collate_edges, _run_on_edges, _edge_loss, edge_preview)
STRUCTURE = Task(collate_structure, _run_on_structure, structure_loss, structure_preview, _shown_fill, shown_edges)
DEFECTS = Task(collate_defects, _run_on_defects, _defect_loss, defect_preview)


# Those that are no network for filling pictures in one way and at once.
_TASKS: dict[Architecture, Task] = {
    "pluralistic": PLURALISTIC,
    "edges-rfr": EDGES,
    "edges-residual": EDGES,
    "edge-connect": STRUCTURE,
    "edge-connect-rfr": STRUCTURE,
    "prvs": STRUCTURE,
    "refinement": REFINEMENT,
    "joint": JOINT,
    "defects": DEFECTS,
}
_NETWORKS: dict[Architecture, Callable[[RFRConfig], nn.Module]] = {
    "rfr": RFRModel,
    "pconv-unet": PConvUNet,
    "coarse-to-fine": CoarseToFine,
    "gated-conv": GatedConvNet,
    "pluralistic": PluralisticNet,
    "edges-rfr": partial(EdgeGenerator, reasoning=True),
    "edges-residual": partial(EdgeGenerator, reasoning=False),
    "edge-connect": partial(EdgeConnect, reasoning=False),
    "edge-connect-rfr": partial(EdgeConnect, reasoning=True),
    "prvs": PRVSNet,
    "refinement": StackRefiner,
    "joint": JointModel,
    "defects": DefectNet,
}


def task_of(architecture: Architecture) -> Task:
    """Filling pictures, at once, in many ways or along edges; refining fills; completing edges, or finding defects."""
    return _TASKS.get(architecture, PICTURES)


def build_network(architecture: Architecture, config: RFRConfig) -> nn.Module:
    """A network by name with random weights; each says in its docstring what it takes of the configuration."""
    return _NETWORKS[architecture](config)


def reset_parameters(module: nn.Module) -> None:
    """Torch's own initial weights of a convolution, for :meth:`torch.nn.Module.apply`, as the released code has them.

    The network's own (He et al. 2015) have 2.45 times their standard deviation.
    """
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        module.reset_parameters()


def save_network(architecture: Architecture, network: nn.Module, folder: Path) -> None:
    """Writes ``model.safetensors`` and ``config.json``, each by rename; RFR-Net's are a checkpoint as usual."""
    network = network.model if isinstance(network, JointModel) else network
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


def read_network(source: str | Path) -> nn.Module:
    """A network that :func:`save_network` wrote, in eval mode; or an RFR checkpoint by all that `load_network` takes.

    Raises:
        CheckpointError: the files are missing, damaged or do not belong together.
    """
    folder = Path(source)
    described = _described(folder)
    if described is None:
        return load_network(source).eval()
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
