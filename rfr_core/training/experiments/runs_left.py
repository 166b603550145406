"""The runs of an experiment in turn, with how many there are and about how long the rest takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from torch import nn

from rfr_core.training.experiments.run_cache import is_finished, trained
from rfr_core.training.run.recipe import Recipe


class RunsLeft:
    """Trains one run after another, each once, and says before each where the experiment stands."""

    def __init__(self, recipes: Sequence[Recipe], tell: Callable[[str], None]) -> None:
        self._folders = list(dict.fromkeys(recipe.output for recipe in recipes))
        self._left = {recipe.output for recipe in recipes if not is_finished(recipe)}
        self._tell = tell
        self._seconds: list[float] = []  # that runs of this start took

    def next(self, recipe: Recipe, title: str) -> nn.Module:
        """The trained network of one of the recipes."""
        number = self._folders.index(recipe.output) + 1
        self._tell(f"run {number} of {len(self._folders)}, {title}, seed {recipe.seed}{self._rest()}: {recipe.output}")
        started = time.monotonic()
        network = trained(recipe)
        if recipe.output in self._left:
            self._left.remove(recipe.output)
            self._seconds.append(time.monotonic() - started)
        return network

    def _rest(self) -> str:
        if not self._left:
            return ""
        if not self._seconds:
            return f" ({len(self._left)} to train)"
        seconds = len(self._left) * sum(self._seconds) / len(self._seconds)
        return f" ({len(self._left)} to train, about {duration(seconds)} more)"


def duration(seconds: float) -> str:
    """A length of time as a person says it: ``"45 s"``, ``"12 min"``, ``"3 h 05 min"``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
