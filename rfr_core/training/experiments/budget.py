"""How much an experiment may cost: minutes on a CPU, or what the paper spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rfr_core.training.data.paper_datasets import Layout
from rfr_core.training.data.samples import DataConfig
from rfr_core.training.experiments.trained_systems import System
from rfr_core.training.losses.inpainting import LossWeights
from rfr_core.training.run.recipe import Phase, Recipe

BudgetName = Literal["minutes", "full"]


@dataclass(frozen=True)
class Sources:
    """Where an experiment's pictures and holes lie.

    train, pictures: folders to train and to judge on, or the root of a data set whose ``layout`` is named, which is
    then split as published. holes: a folder of masks per bucket. train_holes: masks to train with; left out, they are
    drawn. shards: tar files to stream the training pictures from, instead. vgg, vgg_input: as in a recipe.
    """

    train: Path
    pictures: Path
    holes: Path
    train_holes: Path | None = None
    layout: Layout = "folder"
    shards: tuple[str, ...] = ()
    vgg: str | None = None
    vgg_input: Literal["rgb", "caffe"] = "rgb"


@dataclass(frozen=True)
class Budget:
    """The same for all systems of an experiment: steps, samples, seeds and the cases that they are judged on.

    base: configuration of every network, on which a system's own choices come. phases: by layout, or under
    ``"folder"`` for all others. size, limit: of the judged pictures, and how many per bucket. shrink: shorter side
    that training pictures are scaled to beforehand, as many of them as a run can see; ``None`` = they are used as they
    are.
    """

    base: Mapping[str, Any]
    phases: Mapping[str, tuple[Phase, ...]]
    seeds: tuple[int, ...]
    size: int
    limit: int | None
    shrink: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)

    def phases_for(self, layout: Layout) -> tuple[Phase, ...]:
        """The phases of a data set."""
        return self.phases.get(layout, self.phases["folder"])

    def recipe(self, system: System, seed: int, sources: Sources, output: Path) -> Recipe:
        """The training of one system with one seed."""
        data = DataConfig(
            pictures=() if sources.shards else (str(sources.train),),
            shards=sources.shards,
            layout=sources.layout,
            holes=() if sources.train_holes is None else (str(sources.train_holes),),
            irregular=0.0 if sources.train_holes else 1.0,
            folder=1.0 if sources.train_holes else 0.0,
            **self.data,
        )
        return Recipe(
            output=str(output),
            phases=self.phases_for(sources.layout),
            network=system.config(**self.base),
            architecture=system.architecture,
            data=data,
            seed=seed,
            vgg=sources.vgg,
            vgg_input=sources.vgg_input,
            **self.run,
        )


def _published(steps: int, tuning: int) -> tuple[Phase, ...]:
    return (
        Phase(steps=steps, learning_rate=2e-4),
        Phase(steps=tuning, learning_rate=5e-5, freeze_batchnorm=True),
    )


# Pixel terms alone, so that nothing has to be downloaded; group normalisation, since batch statistics that all
# recurrences share need far longer to settle.
_SHORT = Phase(
    steps=100,
    batch=6,
    crop=64,
    learning_rate=2e-3,
    final_learning_rate=0.0,
    warmup=10,
    loss=LossWeights(perceptual=0.0, style=0.0),
)

BUDGETS: dict[BudgetName, Budget] = {
    "minutes": Budget(
        base={"width": 16, "norm": "group"},
        phases={"folder": (_SHORT,)},
        seeds=(1, 2, 3),
        size=64,
        limit=24,
        shrink=160,
        data={"scale": (0.4, 1.0), "deviation": 12.0, "cache": True},
        run={"ema": 0.0, "clip": 1.0, "workers": 0, "save_every": 50, "preview_every": 100},
    ),
    "full": Budget(
        base={},
        phases={
            "folder": _published(400_000, 200_000),
            "paris_streetview": _published(400_000, 200_000),
            "celeba": _published(350_000, 150_000),
            "places2": _published(2_000_000, 1_000_000),
        },
        seeds=(2020,),
        size=256,
        limit=None,
        run={"ema": 0.0, "workers": 4, "save_every": 5000, "preview_every": 10_000},
    ),
}
