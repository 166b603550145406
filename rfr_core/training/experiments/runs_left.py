"""The runs of an experiment: those that are missing are trained, several at once where that is wanted."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import torch

from rfr_core.training.experiments.run_cache import is_finished, trained
from rfr_core.training.run.recipe import Recipe

OUTPUT = "output.txt"  # in a run's folder: what it printed, where several are trained at once

Tell = Callable[[str], None]


def train_runs(recipes: Mapping[Recipe, str], jobs: int, tell: Tell) -> None:
    """Trains those of the recipes, each with the title of its system, whose runs are not finished.

    jobs: how many are trained at once, each in a process of its own with its share of the cores; they share one
    GPU. tell: gets a sentence for every run, with about how long the rest takes. Whatever stops one run stops all, and
    what is raised is its error; a later call goes on where the last saves stand.
    """
    left = _Left({recipe.output: recipe for recipe in recipes if not is_finished(recipe)})
    if jobs == 1:
        for recipe in left.recipes.values():
            tell(left.beginning(recipe, recipes[recipe]))
            trained(recipe)
            left.done += 1
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _take_share, (jobs,)) as pool:
        running: set[Future[None]] = set()
        try:
            for recipe in left.recipes.values():
                if len(running) == jobs:
                    running = _one_fewer(running, left)
                tell(left.beginning(recipe, recipes[recipe]))
                running.add(pool.submit(_train, recipe))
            while running:
                running = _one_fewer(running, left)
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            raise


@dataclass
class _Left:
    recipes: Mapping[str, Recipe]  # by their folders, for systems may share a run
    done: int = 0
    begun: int = 0
    started: float = field(default_factory=time.monotonic)

    def beginning(self, recipe: Recipe, title: str) -> str:
        self.begun += 1
        return f"run {self.begun} of {len(self.recipes)}, {title}, seed {recipe.seed}{self._rest()}: {recipe.output}"

    def _rest(self) -> str:
        if not self.done:
            return ""
        seconds = (time.monotonic() - self.started) / self.done * (len(self.recipes) - self.done)
        return f" (about {duration(seconds)} more for all)"


def _one_fewer(running: set[Future[None]], left: _Left) -> set[Future[None]]:
    """Those that still run once one has ended; what stopped one is raised."""
    ended, others = wait(running, return_when=FIRST_COMPLETED)
    for future in ended:
        future.result()
        left.done += 1
    return others


def _take_share(jobs: int) -> None:
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // jobs))


def _train(recipe: Recipe) -> None:
    folder = Path(recipe.output)
    folder.mkdir(parents=True, exist_ok=True)
    with (
        (folder / OUTPUT).open("a", encoding="utf-8") as file,
        contextlib.redirect_stdout(file),
        contextlib.redirect_stderr(file),
    ):
        trained(recipe)


def duration(seconds: float) -> str:
    """A length of time as a person says it: ``"45 s"``, ``"12 min"``, ``"3 h 05 min"``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
