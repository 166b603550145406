"""The folder of a training run: the state to resume from, the network so far, the log and the previews."""

from __future__ import annotations

import itertools
import json
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from rfr_core.errors import CheckpointError, ConfigError
from rfr_core.files import appearing, remove_left_overs
from rfr_core.images.values import to_bytes
from rfr_core.training.run.recipe import Recipe, to_table


class RunFolder:
    """What a run writes, every file by rename or by whole lines, so that a run killed at any moment can go on.

    ``state.pt``: weights, average, moments and position. ``model/``: the kept network, ready for
    :meth:`Inpainter.from_pretrained`. ``best/``: the same of the best evaluation. ``snapshots/``: of earlier steps.
    ``log.jsonl``: a line per step. ``recipe.json``: all settings of the last start; ``recipe.1.json`` and so on: those
    of earlier ones that differed. ``profile/``: times and memory of a few steps.
    ``skipped.txt``: files that could not be read. ``previews/``: picture grids.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = path / "state.pt"
        self.model = path / "model"
        self.best = path / "best"
        self.profile = path / "profile"
        self._log = path / "log.jsonl"
        self._skipped: set[str] = set()

    @property
    def skipped_count(self) -> int:
        """Different files skipped since this start."""
        return len(self._skipped)

    def prepare(self, recipe: Recipe, resume: bool) -> None:
        """Makes the folder and notes the settings.

        Raises:
            ConfigError: it holds a run already and ``resume`` is off, or none and ``resume`` is on.
        """
        if resume and not self.state.is_file():
            raise ConfigError(f"There is nothing to resume: {self.state} does not exist; start without --resume.")
        if not resume and self.state.exists():
            raise ConfigError(f"{self.path} holds a run already; continue it with --resume, or set another output.")
        with self.writing():
            (self.path / "previews").mkdir(parents=True, exist_ok=True)
            for folder in (self.path, self.model, self.path / "previews"):
                remove_left_overs(folder, older_than=0)
            self._note(json.dumps(to_table(recipe), indent=2).encode())
            if not resume:
                self._log.write_text("", encoding="utf-8")

    def snapshot(self, step: int) -> Path:
        """The folder of the network that is kept of a step."""
        return self.path / "snapshots" / f"{step:07d}"

    def _note(self, recipe: bytes) -> None:
        """Writes ``recipe.json``; one with other settings is kept under a number."""
        path = self.path / "recipe.json"
        if path.is_file() and path.read_bytes() != recipe:
            number = next(n for n in itertools.count(1) if not path.with_name(f"recipe.{n}.json").exists())
            path.replace(path.with_name(f"recipe.{number}.json"))
        with appearing(path) as file:
            file.write(recipe)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turns whatever keeps files from being written, such as a full disk, into a CheckpointError."""
        try:
            yield
        except OSError as error:
            raise CheckpointError(
                f"{self.path} cannot be written to ({error.strerror or error}); what was saved before is whole: "
                "make room, and go on with --resume."
            ) from error

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Replaces ``state.pt`` once the new one is complete."""
        with self.writing(), appearing(self.state) as file:
            try:
                torch.save(dict(state), file)
            except RuntimeError as error:  # torch cannot end its file either, and so hides what the system said
                raise error.__context__ if isinstance(error.__context__, OSError) else OSError(str(error)) from error

    def load_state(self) -> dict[str, Any]:
        """What :meth:`save_state` kept, in the main memory, read without running any pickled code.

        Raises:
            CheckpointError: the file is damaged.
        """
        try:
            return torch.load(self.state, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
            raise CheckpointError(
                f"{self.state} cannot be read ({error}); train into another output folder."
            ) from error

    def log(self, values: Mapping[str, Any]) -> None:
        """Appends a line to the log."""
        with self.writing(), self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")

    def rewind(self, step: int) -> None:
        """Drops log lines of steps after ``step``, and a last line that was cut off."""
        kept = []
        for line in self._log.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line)["step"] <= step:
                    kept.append(line + "\n")
            except ValueError:
                continue
        with self.writing(), appearing(self._log) as file:
            file.write("".join(kept).encode())

    def new_skips(self, sentences: list[str]) -> list[str]:
        """Those of the sentences that were not seen before; they are appended to ``skipped.txt``."""
        fresh = [s for s in dict.fromkeys(sentences) if s not in self._skipped]
        self._skipped.update(fresh)
        if fresh:
            with self.writing(), (self.path / "skipped.txt").open("a", encoding="utf-8") as file:
                file.writelines(sentence + "\n" for sentence in fresh)
        return fresh

    def save_preview(self, grid: Tensor, step: int) -> None:
        """Writes a picture (3, H, W) in [0, 1] to ``previews/``."""
        pixels = to_bytes(grid).permute(1, 2, 0).contiguous()
        with self.writing(), appearing(self.path / "previews" / f"{step:07d}.jpg") as file:
            Image.fromarray(pixels.cpu().numpy()).save(file, format="JPEG", quality=90)
