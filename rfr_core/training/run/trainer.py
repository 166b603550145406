"""The training loop, on accelerate: one process, several GPUs or several machines.

Everything random is a function of the recipe's seed and of the number of the sample or step, and the learning rate one
of the step; so weights, averages and the optimiser's moments, with the step, are all that a run has to remember.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.profiler import profile, schedule, tensorboard_trace_handler
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from rfr_core.checkpoints.model import RFRModel
from rfr_core.config import RFRConfig
from rfr_core.errors import CheckpointError, ConfigError
from rfr_core.network.reasoning import RecurrentFeatureReasoning
from rfr_core.network.residual_network import ResidualBlock
from rfr_core.training.data.defect_samples import DefectSamples
from rfr_core.training.data.input_stacks import PREFIX, InputStacks, StackRefiner, stack_files
from rfr_core.training.data.paper_datasets import evaluation_files
from rfr_core.training.data.samples import Position, TrainingPictures, pictures_of, training_files
from rfr_core.training.data.shards import ShardPictures, StreamPlace, shard_files
from rfr_core.training.evaluation.protocol import check_folders, evaluate
from rfr_core.training.losses.adversary import Adversary, Shown
from rfr_core.training.losses.inpainting import Judges
from rfr_core.training.losses.lpips import ShiftTolerantLPIPS, is_available
from rfr_core.training.losses.vgg import VGG16Features
from rfr_core.training.run.architectures import (
    DEFECTS,
    build_network,
    read_network,
    reset_parameters,
    save_network,
    task_of,
)
from rfr_core.training.run.joint_training import JointModel
from rfr_core.training.run.launch import start
from rfr_core.training.run.recipe import Phase, Recipe, load_recipe, to_table
from rfr_core.training.run.run_folder import RunFolder

_PREVIEWED = 4  # samples of a preview
_PICTURES, _EDGES = "discriminator", "edge_discriminator"  # losses of those that tell fills, or edges, from true ones
_UNPROFILED = 10  # steps at the start, which compile and fill caches
_COMPILED_FORMS = 64  # that torch.compile makes of one function before it gives up

TrainingSet = TrainingPictures | ShardPictures | InputStacks | DefectSamples


def fit(recipe: str | Path | Recipe, overrides: list[str] | None = None, resume: bool = False) -> Path:
    """Trains as a recipe says and returns the folder of the finished network (config.json, model.safetensors).

    Args:
        recipe: a TOML file or a :class:`Recipe`; ``overrides`` as for :func:`load_recipe`.
        resume: continue the run in the recipe's output folder where its last save stands; the sequence of losses is
            that of a run that was never interrupted. Later phases may have been changed meanwhile.

    Raises:
        ConfigError: the recipe or its folders are wrong, or the output folder holds a run and ``resume`` is off.
        CheckpointError: the initial weights, VGG or the state to resume cannot be read.
    """
    if not isinstance(recipe, Recipe):
        recipe = load_recipe(recipe, overrides or [])
    return Trainer(recipe, resume).run()


@dataclass
class Place:
    """Where a run stands: optimiser steps done, samples drawn by all processes, and the best evaluation so far."""

    step: int = 0
    samples: int = 0
    best: float = -math.inf


class Trainer:
    """One training run; see :func:`fit`."""

    def __init__(self, recipe: Recipe, resume: bool = False) -> None:
        self.recipe = recipe
        self.task = task_of(recipe.architecture)
        source = _check_folders(recipe)
        # The released network leaves the attention's blend unused in a single recurrence.
        unused = any((p.recurrences or (recipe.network.recurrences,))[0] == 1 for p in recipe.phases)
        output = Path(recipe.output)
        self.accelerator = start(recipe.precision, output, unused_parameters=unused, trackers=recipe.trackers)
        self.main = self.accelerator.is_main_process
        self.folder = RunFolder(output)
        if self.main:
            self.folder.prepare(recipe, resume)
        self.accelerator.wait_for_everyone()
        self.network = self._network(resume)
        self.average = _average(self.network, recipe.ema)
        self.judges = self._judges()
        optimizer = self._new_optimizer(recipe.phases[0].learning_rate)
        self.model, self.optimizer = self.accelerator.prepare(self.network, optimizer)
        self.place = Place()
        if resume:
            self._restore()
        if self.main:
            print(self._summary(source), file=sys.stderr, flush=True)

    def run(self) -> Path:
        """Trains to the end and returns the folder of the network."""
        # What was logged after the last save is logged again.
        writer = SummaryWriter(self.folder.path, purge_step=self.place.step + 1) if self.main else None
        if self.recipe.trackers:
            self.accelerator.init_trackers("rfr", {"recipe": json.dumps(to_table(self.recipe))})
        profiler = self._profiler()
        bar = tqdm(total=self.recipe.steps, initial=self.place.step, disable=not self.main, unit="step", smoothing=0.1)
        try:
            with profiler:
                for phase, done in self._phases_left():
                    self._run_phase(phase, done, writer, bar, profiler)
                    self._keep_snapshot()
            self._save()
        finally:
            bar.close()
            if writer is not None:
                writer.close()
        self.accelerator.wait_for_everyone()
        self.accelerator.end_training()
        return self.folder.model

    def _phases_left(self) -> Iterator[tuple[Phase, int]]:
        """The phases not finished yet, each with the steps of it that are done."""
        before = 0
        for phase in self.recipe.phases:
            done = max(0, self.place.step - before)
            before += phase.steps
            if done < phase.steps:
                yield phase, done

    def _profiler(self) -> profile | contextlib.nullcontext[None]:
        """A profiler of the main process's first steps, once they take the time that all do."""
        if not self.recipe.profile or not self.main:
            return contextlib.nullcontext()
        return profile(
            schedule=schedule(wait=_UNPROFILED - 1, warmup=1, active=self.recipe.profile, repeat=1),
            on_trace_ready=tensorboard_trace_handler(str(self.folder.profile)),
            profile_memory=True,
        )

    def _run_phase(
        self,
        phase: Phase,
        done: int,
        writer: SummaryWriter | None,
        bar: tqdm,
        profiler: profile | contextlib.nullcontext[None],
    ) -> None:
        if phase.new_optimizer and done == 0:
            self.optimizer = self.accelerator.prepare(self._new_optimizer(phase.learning_rate))
        dataset = self._dataset(phase, done)
        batches = iter(self._loader(dataset, phase, done))
        for step_of_phase in range(done, phase.steps):
            started = time.perf_counter()
            losses = self._step(phase, step_of_phase, batches)
            if isinstance(profiler, profile):
                profiler.step()
            self.place.step += 1
            self.place.samples += phase.batch * phase.accumulate * self.accelerator.num_processes
            step = self.place.step
            if self.main and writer is not None:
                seconds = time.perf_counter() - started
                self._log(writer, bar, losses | {"seconds": seconds, "learning_rate": self._rate()})
            if step % self.recipe.preview_every == 0 and writer is not None:
                self._preview(writer, phase, dataset)
            if step % self.recipe.evaluation.every == 0 and writer is not None:
                self._evaluate(writer, bar)
            if step % self.recipe.save_every == 0:
                self._save()
            if self.recipe.snapshot_every and step % self.recipe.snapshot_every == 0:
                self._keep_snapshot()

    def _loader(self, dataset: TrainingSet, phase: Phase, done: int) -> DataLoader[Any]:
        # What is streamed comes in its own order.
        sampler = None if isinstance(dataset, ShardPictures) else self._position(phase, done)
        return DataLoader(
            dataset,
            phase.batch,
            sampler=sampler,
            num_workers=self.recipe.workers,
            collate_fn=self.task.collate,
            pin_memory=self.accelerator.device.type == "cuda",
        )

    def _dataset(self, phase: Phase, done: int) -> TrainingSet:
        data, seed = self.recipe.data, self.recipe.seed
        if data.stacks is not None:
            return InputStacks(Path(data.stacks), phase.crop, seed)
        if self.task is DEFECTS:
            return DefectSamples(data, phase.crop, seed)
        if data.shards:
            return ShardPictures(data, phase.crop, seed, self._stream_place(phase, done))
        return TrainingPictures(data, phase.crop, seed)

    def _position(self, phase: Phase, done: int) -> Position:
        batches = (phase.steps - done) * phase.accumulate
        rank, processes = self.accelerator.process_index, self.accelerator.num_processes
        return Position(self.place.samples, phase.batch, batches, rank, processes)

    def _stream_place(self, phase: Phase, done: int) -> StreamPlace:
        drawn = done * phase.accumulate * phase.batch * self.accelerator.num_processes
        return StreamPlace(
            self.place.samples - drawn,
            phase.batch,
            done * phase.accumulate,
            self.accelerator.process_index,
            self.accelerator.num_processes,
            max(1, self.recipe.workers),
        )

    def _step(self, phase: Phase, step_of_phase: int, batches: Iterator[Any]) -> dict[str, float]:
        """One optimiser step; returns the losses, averaged over the batches and processes that share it."""
        self._set_mode(phase)
        self._seed_noise()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(phase, step_of_phase)
        recurrences = self._recurrences(phase)
        sums: dict[str, Tensor] = {}
        shown: dict[str, list[Shown]] = {name: [] for name in self._adversaries}
        for index in range(phase.accumulate):
            batch = next(batches)
            self._report_skipped(batch.skipped)
            last = index == phase.accumulate - 1
            for name, value in self._backward(phase, batch, recurrences, last, shown).items():
                sums[name] = sums.get(name, torch.zeros((), device=value.device)) + value / phase.accumulate
        gradient = self.accelerator.clip_grad_norm_(self.model.parameters(), self.recipe.clip or math.inf)
        losses = self._reduced(sums | {"gradient": torch.as_tensor(gradient)})
        self._check_finite(losses)
        self.optimizer.step()
        self.optimizer.zero_grad()
        for name, adversary in self._adversaries.items():
            check = partial(self._check_adversary, name)
            losses |= self._reduced({name: adversary.learn(shown[name], self._rate(), check)})
        if self.average is not None:
            self.average.update_parameters(self.network)
        return losses

    def _check_adversary(self, name: str, loss: Tensor, gradient: Tensor) -> None:
        found = self._reduced({"loss": loss, "gradient": gradient})
        self._check_finite(found, of=f"{name.replace('_', ' ')}'s ")

    def _check_finite(self, losses: Mapping[str, float], of: str = "") -> None:
        """Before weights are touched; a gradient of float16 may be infinite, its step is then left out."""
        for name in ("loss",) if self.recipe.precision == "fp16" else ("loss", "gradient"):
            number = losses[name]
            if not math.isfinite(number):
                raise ConfigError(
                    f"The {of}{name} is {number} at step {self.place.step + 1}, before which training has stopped; "
                    "lower the learning rate, set clip, or train without mixed precision, and go on from the last save "
                    "with --resume."
                )

    def _reduced(self, values: dict[str, Tensor]) -> dict[str, float]:
        """The means over all processes."""
        reduced = self.accelerator.reduce(torch.stack([value.float() for value in values.values()]), "mean")
        assert isinstance(reduced, Tensor)
        return dict(zip(values, reduced.tolist(), strict=True))

    def _backward(
        self, phase: Phase, batch: Any, recurrences: int, last: bool, shown: dict[str, list[Shown]]
    ) -> dict[str, Tensor]:
        """Adds a batch's gradients to those there are, and what each discriminator is to learn from to ``shown``."""
        batch = _moved(batch, self.accelerator.device, self.recipe.channels_last)
        # Gradients travel between processes once a step, with the last batch.
        with contextlib.nullcontext() if last else self.accelerator.no_sync(self.model):
            earlier = self._earlier(phase, recurrences)
            if earlier is None:
                before, output = None, self.task.run(self.model, batch, recurrences)
            else:
                before, output = self.task.run(self.model, batch, recurrences, earlier)
            with self.accelerator.autocast():
                loss, terms = self.task.loss(output, batch, phase.losses, self.judges)
                if before is not None:
                    loss = loss + phase.earlier * self.task.loss(before, batch, phase.losses, self.judges)[0]
            self.accelerator.backward(loss / phase.accumulate)
        if _PICTURES in shown and self.task.shown is not None:
            shown[_PICTURES].append(self.task.shown(output, batch, phase.losses))
        if _EDGES in shown and self.task.shown_edges is not None:
            shown[_EDGES] += self.task.shown_edges(output, batch)
        return {"loss": loss.detach()} | {name: value.detach() for name, value in terms.items()}

    @property
    def _adversaries(self) -> dict[str, Adversary]:
        """Those that there are, by the name of their loss."""
        named = {_PICTURES: self.judges.adversary, _EDGES: self.judges.edge_adversary}
        return {name: adversary for name, adversary in named.items() if adversary is not None}

    def _recurrences(self, phase: Phase) -> int:
        if phase.recurrences is None:
            return self.recipe.network.recurrences
        low, high = phase.recurrences
        return int(np.random.default_rng((self.recipe.seed, self.place.step, 2)).integers(low, high + 1))

    def _earlier(self, phase: Phase, recurrences: int) -> int | None:
        """A recurrence before the last that is learned from as well, if the phase wants that."""
        if not phase.earlier or recurrences == 1:
            return None
        return int(np.random.default_rng((self.recipe.seed, self.place.step, 3)).integers(1, recurrences))

    def _set_mode(self, phase: Phase) -> None:
        self.model.train()
        if phase.freeze_batchnorm:
            for module in self.network.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()

    def _seed_noise(self) -> None:
        """What a network draws by itself in a step is another in each step and process, and the same when resumed."""
        numbers = (self.recipe.seed, self.place.step, 4, self.accelerator.process_index)
        torch.manual_seed(int(np.random.default_rng(numbers).integers(2**63)))

    def _report_skipped(self, skipped: list[str]) -> None:
        for sentence in self.folder.new_skips(skipped):
            tqdm.write(f"skipped ({self.folder.skipped_count} so far): {sentence}")

    def _rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    def _log(self, writer: SummaryWriter, bar: tqdm, values: dict[str, float]) -> None:
        step = self.place.step
        self.folder.log({"step": step} | values)
        self._plot(writer, {f"train/{name}": value for name, value in values.items()})
        bar.update()
        bar.set_postfix(loss=f"{values['loss']:.4f}", refresh=False)

    def _preview(self, writer: SummaryWriter, phase: Phase, dataset: TrainingSet) -> None:
        if isinstance(dataset, ShardPictures):
            place = StreamPlace(batch=_PREVIEWED)
            stream = ShardPictures(self.recipe.data, phase.crop, self.recipe.seed, place)
            samples: list[Any] = list(itertools.islice(stream, _PREVIEWED))
        else:
            samples = [dataset[number] for number in range(_PREVIEWED)]
        with _evaluating(self.kept) as network:
            grid = self.task.preview(network, self.task.collate(samples))  # (3, H, W)
        writer.add_image("preview", grid, self.place.step)
        self.folder.save_preview(grid, self.place.step)

    def _evaluate(self, writer: SummaryWriter, bar: tqdm) -> None:
        config = self.recipe.evaluation
        if config.pictures is None or config.holes is None:
            return
        with _evaluating(self.kept) as network:
            table = evaluate(
                lambda image, hole: fill(network, image, hole),
                evaluation_files(config.layout, config.pictures),
                Path(config.holes),
                size=config.size,
                buckets=config.buckets,
                limit=config.limit,
                lpips=ShiftTolerantLPIPS() if is_available() else None,
            )
        scores = {
            name: {row.bucket: round(row.scores[name], 4) for row in table.rows}
            for name in ("psnr", "ssim", "lpips")
            if name in table.rows[0].scores
        }
        self._plot(writer, {f"{name}/{bucket}": value for name, by in scores.items() for bucket, value in by.items()})
        self.folder.log({"step": self.place.step} | scores)
        bar.write(f"Step {self.place.step}: PSNR {scores['psnr']}")
        self._keep_best(sum(row.scores["psnr_hole"] for row in table.rows) / len(table.rows))

    def _keep_best(self, psnr: float) -> None:
        """Keeps the network where it is the best so far, by the mean PSNR inside the holes."""
        if psnr > self.place.best:
            self.place.best = psnr
            save_network(self.recipe.architecture, self.kept, self.folder.best)

    def _plot(self, writer: SummaryWriter, values: dict[str, float]) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, self.place.step)
        if self.recipe.trackers:
            self.accelerator.log(values, step=self.place.step)

    @property
    def kept(self) -> nn.Module:
        """The network that is evaluated and kept: the average of the weights where there is one."""
        return self.average.module if self.average is not None else self.network

    def _save(self) -> None:
        self.accelerator.wait_for_everyone()
        if not self.main:
            return
        scaler = self.accelerator.scaler
        self.folder.save_state(
            {
                "network": self.network.state_dict(),
                "average": None if self.average is None else self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "scaler": None if scaler is None else scaler.state_dict(),
                "adversaries": {name: adversary.state_dict() for name, adversary in self._adversaries.items()},
                "step": self.place.step,
                "samples": self.place.samples,
                "best": self.place.best,
            }
        )
        save_network(self.recipe.architecture, self.kept, self.folder.model)

    def _keep_snapshot(self) -> None:
        """Keeps the network of this step for good: at the end of every phase, and each ``snapshot_every`` steps."""
        if self.main and self.place.step < self.recipe.steps:
            save_network(self.recipe.architecture, self.kept, self.folder.snapshot(self.place.step))

    def _restore(self) -> None:
        state = self.folder.load_state()
        try:
            self.network.load_state_dict(state["network"])
            if self.average is not None:
                if state["average"] is None:
                    self.average.module.load_state_dict(state["network"])
                else:
                    self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            if self.accelerator.scaler is not None and state["scaler"] is not None:
                self.accelerator.scaler.load_state_dict(state["scaler"])
            adversaries = state.get("adversaries", {_PICTURES: state.get("adversary")})  # the latter in earlier saves
            for name, adversary in self._adversaries.items():
                if adversaries.get(name) is not None:
                    adversary.load_state_dict(adversaries[name])
            self.place = Place(int(state["step"]), int(state["samples"]), float(state.get("best", -math.inf)))
        except (RuntimeError, KeyError, ValueError, TypeError) as error:
            raise CheckpointError(
                f"{self.folder.state} is of another network or version; train into another output folder."
            ) from error
        if self.main:
            self.folder.rewind(self.place.step)

    def _summary(self, source: str) -> str:
        """What is about to be trained, on what and where to: one sentence."""
        processes, recipe = self.accelerator.num_processes, self.recipe
        parameters = sum(parameter.numel() for parameter in self.network.parameters())
        left = recipe.steps - self.place.step
        return (
            f"Training {recipe.architecture} ({parameters:,} parameters) on {self.accelerator.device.type}, "
            f"{processes} {'process' if processes == 1 else 'processes'}, precision {recipe.precision}: {left:,} of "
            f"{recipe.steps:,} steps, samples from {source}, into {self.folder.path}."
        )

    def _new_optimizer(self, learning_rate: float) -> torch.optim.Optimizer:
        kind = torch.optim.AdamW if self.recipe.weight_decay else torch.optim.Adam
        decay = self.recipe.weight_decay
        return kind(self.network.parameters(), lr=learning_rate, betas=self.recipe.betas, weight_decay=decay)

    def _network(self, resume: bool) -> nn.Module:
        torch.manual_seed(self.recipe.seed)
        network = build_network(self.recipe.architecture, self.recipe.network)
        if self.recipe.initial_weights == "torch":
            torch.manual_seed(self.recipe.seed)
            network.apply(reset_parameters)
        if self.recipe.init is not None and not resume:  # the state to resume holds all weights
            start = read_network(self.recipe.init)
            state, config = start.state_dict(), start.config
            assert isinstance(config, RFRConfig)
            if isinstance(network, StackRefiner):  # a part of that network
                state = {name: value for name, value in state.items() if name.startswith(PREFIX)}
            try:
                (network.model if isinstance(network, JointModel) else network).load_state_dict(state)
            except RuntimeError as error:
                raise CheckpointError(
                    f"{self.recipe.init} does not fit the recipe's network, {self.recipe.architecture}; give its own "
                    f"architecture, and [network] its configuration: {json.dumps(config.to_dict())}."
                ) from error
        if isinstance(network, RFRModel) and network.refinement is not None:
            network.refinement.requires_grad_(False)  # it is trained by itself
        if isinstance(network, JointModel) and self.recipe.phases[0].network_output is None:
            network.freeze_network()
        network = network.to(self.accelerator.device)
        if self.recipe.recompute:
            _set_recompute(network)
        if self.recipe.channels_last:
            network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self.accelerator.num_processes > 1 and self.accelerator.device.type == "cuda":
            nn.SyncBatchNorm.convert_sync_batchnorm(network)
        if self.recipe.compile:
            _compile_blocks(network)
        return network

    def _judges(self) -> Judges:
        """Those that a term of any phase needs."""
        losses = [loss for phase in self.recipe.phases for loss in phase.losses.given] if self.task.takes_judges else []
        of_edges = [phase.edge_output for phase in self.recipe.phases if phase.edge_output is not None]
        device, rate = self.accelerator.device, self.recipe.phases[0].learning_rate
        vgg, lpips, adversary, edge_adversary = None, None, None, None
        if any(loss.needs_features for loss in losses):
            vgg = VGG16Features.from_pretrained(self.recipe.vgg, self.recipe.vgg_input).to(device)
            vgg = vgg.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if any(loss.lpips for loss in losses):
            lpips = ShiftTolerantLPIPS("vgg", device)
        if any(loss.needs_adversary for loss in losses):
            adversary = Adversary(self.accelerator, rate)
        if any(loss.needs_adversary for loss in of_edges):
            edge_adversary = Adversary(self.accelerator, rate, channels=2)
        return Judges(vgg, lpips, adversary, edge_adversary)


def learning_rate(phase: Phase, step: int) -> float:
    """The rate at a step of a phase, from 0: a linear rise over ``warmup``, then half a cosine to the final rate."""
    if step < phase.warmup:
        return phase.learning_rate * (step + 1) / (phase.warmup + 1)
    if phase.final_learning_rate is None:
        return phase.learning_rate
    share = (step - phase.warmup) / max(1, phase.steps - phase.warmup)
    span = phase.learning_rate - phase.final_learning_rate
    return phase.final_learning_rate + span * (1 + math.cos(math.pi * share)) / 2


@torch.inference_mode()
def fill(network: nn.Module, image: Tensor, hole: Tensor) -> Tensor:
    """Fills pictures (N, 3, H, W) in [0, 1] where ``hole`` (N, 1, H, W) is 1, by the bare network, composited."""
    device = next(network.parameters()).device
    known = 1 - hole
    output = network(image.to(device), known.to(device), "auto").cpu()
    return torch.where(known > 0, image, output.clamp(0, 1))


@contextlib.contextmanager
def _evaluating(network: nn.Module) -> Iterator[nn.Module]:
    """The network in eval mode, which it leaves as it came."""
    training = network.training
    try:
        yield network.eval()
    finally:
        network.train(training)


def _moved(batch: Any, device: torch.device, channels_last: bool) -> Any:
    """A batch, which is a named tuple, with its tensors on a device."""
    moved = {}
    for name, value in batch._asdict().items():
        if isinstance(value, Tensor):
            value = value.to(device, non_blocking=True)
            if channels_last and value.ndim == 4:
                value = value.contiguous(memory_format=torch.channels_last)
        moved[name] = value
    return batch._replace(**moved)


def _average(network: nn.Module, decay: float) -> AveragedModel | None:
    if not decay:
        return None
    average = AveragedModel(network, multi_avg_fn=_warmed_up(decay), use_buffers=True)
    return average.requires_grad_(False)


def _warmed_up(decay: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    """torch's exponential average with a decay that starts low, or the first, random weights would stay for long."""

    def update(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
        now = min(decay, (1 + int(count)) / (10 + int(count)))
        get_ema_multi_avg_fn(now)(averaged, current, count)  # pyright: ignore[reportArgumentType]

    return update


def _set_recompute(network: nn.Module) -> None:
    reasonings = [module for module in network.modules() if isinstance(module, RecurrentFeatureReasoning)]
    if not reasonings:
        raise ConfigError("recompute is on, but this network has no recurrences; leave it out.")
    for reasoning in reasonings:
        reasoning.recompute = True


def _compile_blocks(network: nn.Module) -> None:
    """Has every residual block compiled when it is first called; copies of the network are not."""
    blocks = [module for module in network.modules() if isinstance(module, ResidualBlock)]
    if not blocks:
        raise ConfigError("compile is on, but this network has no residual blocks; leave it out.")
    # The blocks share their code, and each width, dilation and crop has a compiled form of its own.
    from torch._dynamo import config  # takes seconds to import

    config.recompile_limit = _COMPILED_FORMS
    for block in blocks:
        block.compile(dynamic=False)


def _check_folders(recipe: Recipe) -> str:
    """What the samples come from; names a missing folder before anything heavy is loaded."""
    if recipe.data.folder:
        pictures_of(recipe.data.holes, "holes")
    judging = recipe.evaluation
    if judging.pictures is not None and judging.holes is not None:
        check_folders(evaluation_files(judging.layout, judging.pictures), Path(judging.holes), judging.buckets)
    if recipe.data.stacks is not None:
        return f"{len(stack_files(Path(recipe.data.stacks)))} files of input stacks"
    if recipe.data.shards:
        return f"{len(shard_files(recipe.data.shards))} shards"
    return f"{len(training_files(recipe.data)):,} pictures"
