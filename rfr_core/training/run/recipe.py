"""A training run as a TOML file: network, data, phases. Every setting has a type, a default and a check."""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal

from rfr_core.config import MAX_RECURRENCES, RFRConfig
from rfr_core.errors import ConfigError
from rfr_core.training.data.paper_datasets import Layout
from rfr_core.training.data.samples import DataConfig
from rfr_core.training.losses.inpainting import LossWeights, PhaseLosses
from rfr_core.training.run.architectures import (
    DEFECTS,
    JOINT,
    PICTURES,
    PLURALISTIC,
    REFINEMENT,
    STRUCTURE,
    Architecture,
    task_of,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]  (not installed where tomllib exists)

# Earlier names of settings, which recipes may go on using.
_RENAMED = {
    "drafts": "stacks",
    "textured": "perceptual_output",
    "exactness": "log_mse",
    "structure": "ssim",
    "likeness": "lpips",
    "matching": "feature_matching",
}


@dataclass(frozen=True)
class Phase:
    """A stretch of training with settings of its own.

    Attributes:
        steps: optimiser steps.
        batch: samples a step takes in each process.
        accumulate: batches whose gradients are added up for one step.
        crop: side of the training square in pixels.
        learning_rate: Adam's, after ``warmup`` steps; falls to ``final_learning_rate`` along half a cosine.
        freeze_batchnorm: keep every BatchNorm's statistics as they are (the released fine-tuning).
        new_optimizer: forget Adam's moments at the start of the phase (the released fine-tuning).
        recurrences: the number, or a range that one is drawn from at each step; left out = the network's own.
        earlier: weight of the loss of one earlier recurrence, drawn at each step, where it has come; 0 = none.
        loss: the terms and their weights.
        perceptual_output: those of a refinement's perceptual output, besides ``loss`` for its L2 output; left out, it
            is not trained.
        perceptual_share: of each batch that those terms are taken of, rounded up to whole samples; they cost most of
            a step.
        network_output: in a joint training, those of the network's own fill; left out, the network stays as it is.
        edge_output: those of the edges that a network completes before it fills (``hole``, ``valid``,
            ``feature_matching`` and ``adversarial``, for which edges have a discriminator of their own); left out,
            cross entropy with small weights.
    """

    steps: int
    batch: int = 6
    accumulate: int = 1
    crop: int = 256
    learning_rate: float = 2e-4
    final_learning_rate: float | None = None
    warmup: int = 0
    freeze_batchnorm: bool = False
    new_optimizer: bool = False
    recurrences: tuple[int, int] | None = None
    earlier: float = 0.0
    loss: LossWeights = field(default_factory=LossWeights)
    perceptual_output: LossWeights | None = None
    perceptual_share: float = 1.0
    network_output: LossWeights | None = None
    edge_output: LossWeights | None = None

    def __post_init__(self) -> None:
        for name, lowest in (("steps", 1), ("batch", 1), ("accumulate", 1), ("crop", 16), ("warmup", 0)):
            if getattr(self, name) < lowest:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be {lowest} or more.")
        if self.learning_rate <= 0 or (self.final_learning_rate or 0) < 0:
            raise ConfigError(f"learning_rate is {self.learning_rate}; learning rates must be above 0.")
        if self.earlier < 0:
            raise ConfigError(f"earlier is {self.earlier}; it must be 0 or more.")
        if not 0 < self.perceptual_share <= 1:
            raise ConfigError(f"perceptual_share is {self.perceptual_share}; it must be above 0 and at most 1.")
        bounds = self.recurrences
        if bounds is not None and not 1 <= bounds[0] <= bounds[1] <= MAX_RECURRENCES:
            raise ConfigError(f"recurrences is {list(bounds)}; it must be two numbers from 1 to {MAX_RECURRENCES}.")

    @property
    def losses(self) -> PhaseLosses:
        """The terms of each output."""
        return PhaseLosses(
            self.loss, self.perceptual_output, self.network_output, self.edge_output, self.perceptual_share
        )


@dataclass(frozen=True)
class EvaluationConfig:
    """Pictures and holes that a run is judged on while it trains; no pictures = no judging.

    Attributes:
        pictures, holes: folders as ``python -m train evaluate`` takes them.
        layout: with another than ``"folder"``, ``pictures`` is the root of that data set.
        size: side that pictures and holes are scaled to.
        buckets: folders of ``holes`` that are used.
        limit: pictures per bucket.
        every: steps between two evaluations.
    """

    pictures: str | None = None
    holes: str | None = None
    layout: Layout = "folder"
    size: int = 256
    buckets: tuple[str, ...] = ("10-20", "30-40", "50-60", "object")
    limit: int = 16
    every: int = 1000


@dataclass(frozen=True)
class Recipe:
    """A whole training run.

    Attributes:
        output: folder that everything the run writes goes to.
        network: the network's configuration.
        architecture: which network it configures: ``"rfr"``, a baseline (``"pconv-unet"``, ``"coarse-to-fine"``,
            ``"gated-conv"``, ``"edge-connect"``, ``"edge-connect-rfr"``, ``"prvs"``, ``"pluralistic"``), an edge
            generator (``"edges-rfr"``, ``"edges-residual"``), the ``"refinement"`` of a finished one, ``"joint"``: a
            refinement with its network in the loop, or ``"defects"``, which finds them.
        init: checkpoint whose weights it starts from (bundled name, folder, file or Hub id); of another network than
            RFR-Net the ``model`` folder of its run.
        data: pictures and holes.
        phases: one after another.
        evaluation: how the run is judged.
        seed: decides initial weights and every sample.
        initial_weights: of convolutions: ``"he"`` (He et al. 2015), or ``"torch"``, torch's own, as released.
        betas: Adam's. weight_decay: decoupled from the gradient (AdamW); 0 = none.
        precision: ``"no"`` = float32, ``"bf16"`` or ``"fp16"`` mixed precision.
        channels_last: memory layout of the convolutions.
        recompute: compute each recurrence again for its gradient instead of keeping it: less memory, more time.
        compile: let torch.compile make one kernel of each residual block; the first steps take longer, and a compiler
            is needed (a C++ compiler on a CPU, Triton on a GPU).
        ema: decay of the running average of the weights that is evaluated and kept; 0 = none.
        clip: largest norm of the gradient; 0 = not clipped.
        workers: processes that make samples; 0 = the training process itself.
        save_every, preview_every: steps between two saves and between two picture grids.
        snapshot_every: steps between two networks that are kept for good; 0 = those at the ends of phases alone.
        profile: steps, after ten, whose times and memory are written to ``profile`` in the run's folder; 0 = none.
        trackers: names of experiment trackers that accelerate knows, such as ``"wandb"``, told all that is logged.
        vgg, vgg_input: VGG-16 weights (a safetensors file; left out = from the Hub) and what they take.
    """

    output: str
    phases: tuple[Phase, ...]
    network: RFRConfig = field(default_factory=RFRConfig)
    architecture: Architecture = "rfr"
    data: DataConfig = field(default_factory=DataConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    init: str | None = None
    seed: int = 2020
    initial_weights: Literal["he", "torch"] = "he"
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    precision: Literal["no", "bf16", "fp16"] = "no"
    channels_last: bool = True
    recompute: bool = False
    compile: bool = False
    ema: float = 0.999
    clip: float = 0.0
    workers: int = 2
    save_every: int = 1000
    preview_every: int = 1000
    snapshot_every: int = 0
    profile: int = 0
    trackers: tuple[str, ...] = ()
    vgg: str | None = None
    vgg_input: Literal["rgb", "caffe"] = "rgb"

    def __post_init__(self) -> None:
        if not self.phases:
            raise ConfigError("The recipe has no [[phases]]; give at least one.")
        if not 0 <= self.ema < 1:
            raise ConfigError(f"ema is {self.ema}; it must be at least 0 and below 1.")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ConfigError(f"betas is {list(self.betas)}; both must be at least 0 and below 1.")
        for name in ("workers", "snapshot_every", "profile", "clip", "weight_decay"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be 0 or more.")
        if self.save_every < 1 or self.preview_every < 1:
            raise ConfigError("save_every and preview_every must be 1 or more.")
        task = task_of(self.architecture)
        from_stacks = task in (REFINEMENT, JOINT)
        if task not in (PICTURES, PLURALISTIC, STRUCTURE) and self.evaluation.pictures is not None:
            how = "train compare, once it is joined to its network" if from_stacks else "train experiment fig10"
            how = "benchmarks defects" if task is DEFECTS else how
            raise ConfigError(f"This architecture is judged by python -m {how}; leave evaluation.pictures out.")
        if task is DEFECTS and self.data.shards:
            raise ConfigError("Defects are drawn over pictures of folders; name data.pictures in place of data.shards.")
        if from_stacks != (self.data.stacks is not None):
            raise ConfigError("A refinement, and nothing else, is trained from data.stacks; correct one of both.")
        if self.architecture != "rfr" and any(phase.earlier for phase in self.phases):
            raise ConfigError("phases.earlier is for RFR-Net, which has recurrences to learn from; leave it out.")
        if not from_stacks and any(phase.perceptual_output is not None for phase in self.phases):
            raise ConfigError("phases.perceptual_output is for a refinement; leave it out.")
        if task is not STRUCTURE and any(phase.edge_output is not None for phase in self.phases):
            raise ConfigError("phases.edge_output is for a network that completes edges and fills; leave it out.")
        network_learns = {phase.network_output is not None for phase in self.phases}
        if True in network_learns and (task is not JOINT or False in network_learns):
            raise ConfigError('phases.network_output is for all phases of architecture = "joint" or for none.')

    @property
    def steps(self) -> int:
        """Optimiser steps of all phases."""
        return sum(phase.steps for phase in self.phases)


# What a recipe may name in place of a table: network = "paper", loss = "paper".
_NAMED: dict[type, dict[str, Callable[[], Any]]] = {
    RFRConfig: {"released": RFRConfig, "small_hole": RFRConfig.small_hole, "paper": RFRConfig.paper},
    LossWeights: {"released": LossWeights, "paper": LossWeights.paper},
}


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Reads a recipe and replaces single settings.

    Args:
        path: the TOML file. Paths inside it are relative to the current folder.
        overrides: ``"data.cache=true"``, ``"phases.0.steps=100"``: a dotted name and a TOML value; what is no TOML
            value is taken as text.

    Raises:
        ConfigError: the file is missing or no TOML, or a setting is unknown or of the wrong type or range.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"There is no recipe {path}; give the path of a TOML file, such as train/recipes/lite.toml.")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no valid TOML: {error}.") from error
    for override in overrides:
        _override(table, override)
    return build(Recipe, table, str(path))


def build(kind: type, table: object, where: str) -> Any:
    """A dataclass from a table of plain values, types checked; ``where`` names the place in messages."""
    if not isinstance(table, Mapping):
        raise ConfigError(f"{where} must be a table of settings, not {table!r}.")
    known = {f.name for f in fields(kind)}
    table = _renamed(table, known, where)
    for name in table:
        if name not in known:
            raise ConfigError(f"{where} has the unknown setting {name!r}; known are {', '.join(sorted(known))}.")
    hints = typing.get_type_hints(kind)
    values = {name: _value(hints[name], value, f"{where}: {name}") for name, value in table.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise ConfigError(f"{where} lacks a setting ({error}).") from error
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _renamed(table: Mapping[Any, Any], known: set[str], where: str) -> dict[Any, Any]:
    """The table with today's names in place of earlier ones."""
    values: dict[Any, Any] = {}
    for name, value in table.items():
        new = _RENAMED.get(name, name)
        new = name if new not in known else new
        if new in values:
            raise ConfigError(f"{where} sets {new} and {name}, which are the same; leave one out.")
        values[new] = value
    return values


def to_table(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain values, all settings named; :func:`build` reads it back."""
    return asdict(recipe)


def _value(hint: Any, value: object, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None or value == "none":  # TOML has no word of its own for it
            return None
        return _value(next(a for a in arguments if a is not type(None)), value, where)
    if is_dataclass(hint) and isinstance(hint, type):
        return _named(hint, value, where) if isinstance(value, str) else build(hint, value, where)
    if origin is tuple:
        return _sequence(arguments, value, where)
    if origin is Literal:
        if value not in arguments:
            raise ConfigError(f"{where} is {value!r}; it must be one of {', '.join(map(repr, arguments))}.")
        return value
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise ConfigError(f"{where} is {value!r}; it must be of type {getattr(hint, '__name__', hint)}.")
    return value


def _named(kind: type, name: str, where: str) -> Any:
    forms = _NAMED.get(kind, {})
    if name not in forms:
        known = f", or one of {', '.join(map(repr, forms))}" if forms else ""
        raise ConfigError(f"{where} is {name!r}; it must be a table of settings{known}.")
    return forms[name]()


def _sequence(arguments: tuple[Any, ...], value: object, where: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise ConfigError(f"{where} is {value!r}; it must be a list.")
    if arguments[-1] is not Ellipsis and len(value) != len(arguments):
        raise ConfigError(f"{where} is {list(value)}; it must be a list of {len(arguments)}.")
    return tuple(_value(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value))


def _override(table: Any, override: str) -> None:
    name, sign, text = override.partition("=")
    if not sign or not name:
        raise ConfigError(f"--set takes name=value, not {override!r}.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *path, last = name.strip().split(".")
    try:
        for part in path:
            table = table[int(part)] if isinstance(table, list) else table.setdefault(part, {})
        table[int(last) if isinstance(table, list) else last] = value
    except (ValueError, IndexError, TypeError, AttributeError) as error:
        raise ConfigError(f"--set {override}: the recipe has no place named {name}.") from error
