"""How much an experiment may cost: minutes or hours on a CPU, or what the paper spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from rfr_core.training.data.paper_datasets import Layout
from rfr_core.training.data.samples import DataConfig
from rfr_core.training.experiments.trained_systems import System
from rfr_core.training.losses.inpainting import LossWeights
from rfr_core.training.run.recipe import EvaluationConfig, Phase, Recipe

_CURVE_BUCKETS, _CURVE_PICTURES = ("10-20", "30-40", "50-60"), 22

BudgetName = Literal["minutes", "hours", "full"]


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

    base: configuration of every network, on which a system's own choices come. judged_every: steps after which a
    network that fills pictures is judged while it trains, on the experiment's own pictures, which choose nothing; 0 =
    at the end alone. phases: by layout, or under ``"folder"`` for all others. size, limit: of the judged pictures, and
    how many per bucket. shrink: shorter side that training pictures are scaled to beforehand, as many of them as a run
    can see; ``None`` = they are used as they are.
    """

    base: Mapping[str, Any]
    phases: Mapping[str, tuple[Phase, ...]]
    seeds: tuple[int, ...]
    size: int
    limit: int | None
    shrink: int | None = None
    judged_every: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)

    def phases_for(self, layout: Layout) -> tuple[Phase, ...]:
        """The phases of a data set."""
        return self.phases.get(layout, self.phases["folder"])

    def recipe(
        self, system: System, seed: int, sources: Sources, output: Path, judging: EvaluationConfig | None = None
    ) -> Recipe:
        """The training of one system with one seed. judging: on its way, of a network that fills pictures."""
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
            evaluation=EvaluationConfig() if judging is None or system.completes_edges else judging,
            seed=seed,
            vgg=sources.vgg,
            vgg_input=sources.vgg_input,
            **self.run,
        )

    def judging(self, sources: Sources) -> EvaluationConfig | None:
        """How networks are judged while they train, if they are."""
        if not self.judged_every:
            return None
        return EvaluationConfig(
            pictures=str(sources.pictures),
            holes=str(sources.holes),
            layout=sources.layout,
            size=self.size,
            buckets=_CURVE_BUCKETS,
            limit=_CURVE_PICTURES,
            every=self.judged_every,
        )


def _published(steps: int, tuning: int) -> tuple[Phase, ...]:
    return (
        Phase(steps=steps, learning_rate=2e-4),
        Phase(steps=tuning, learning_rate=5e-5, freeze_batchnorm=True, new_optimizer=True),
    )


_PIXELS = LossWeights(perceptual=0.0, style=0.0)  # nothing has to be downloaded

# Group normalisation, since batch statistics that all recurrences share need far longer to settle.
_SHORT = Phase(
    steps=100,
    batch=6,
    crop=64,
    learning_rate=2e-3,
    final_learning_rate=0.0,
    warmup=10,
    loss=_PIXELS,
)

# Long enough that networks get past interpolation. All start from it: colours are matched to those around the hole, and
# weights are torch's own, as released (with He et al.'s PConv-UNet takes four times the crops). A window of 3 makes
# of 64 pixels what one of 7 makes of the published 256: a hole takes several recurrences to close.
_LONG = Phase(
    steps=1000,
    batch=16,
    crop=64,
    learning_rate=2e-3,
    warmup=100,
    loss=_PIXELS,
)
_LAST = replace(_LONG, steps=500, final_learning_rate=0.0, warmup=0)

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
    "hours": Budget(
        base={"width": 16, "norm": "group", "kernel_size": 3, "colour_match": True},
        phases={"folder": (_LONG, _LAST)},
        seeds=(1, 2, 3),
        size=64,
        limit=44,
        shrink=160,
        judged_every=500,
        data={"scale": (0.4, 1.0), "deviation": 12.0, "cache": True, "bank": 2000},
        run={
            "ema": 0.998,
            "clip": 1.0,
            "workers": 0,
            "save_every": 250,
            "preview_every": 1500,
            "initial_weights": "torch",
        },
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
        data={"form": "released"},
        run={"ema": 0.0, "workers": 4, "save_every": 5000, "preview_every": 10_000, "initial_weights": "torch"},
    ),
}
