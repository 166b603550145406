"""Scores of finished runs in one small file: what was trained and judged on another day or machine counts as done."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rfr_core.errors import ConfigError
from rfr_core.training.evaluation.protocol import Table, write_json
from rfr_core.training.experiments.curves import OnTheWay


@dataclass(frozen=True)
class RunScores:
    """Of one run: its scores on an experiment's cases, and its PSNR while it trained, where it was judged then."""

    table: Table
    on_the_way: OnTheWay


class ScoreFile:
    """The scores of runs, by the run's name and the name of the cases that it was judged on.

    path: a JSON file to keep them in; one that does not exist is begun, ``None`` = they are not kept.

    Raises:
        ConfigError: the file holds something else, or cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._runs: dict[str, dict[str, Any]] = {}
        if path is not None and path.exists():
            self._runs = _read(path)

    def find(self, run: str, cases: str) -> RunScores | None:
        """The scores of a run on some cases, if they are known."""
        entry = self._runs.get(run)
        return None if entry is None or cases not in entry["cases"] else _scores(entry, cases)

    def add(self, run: str, system: str, cases: str, scores: RunScores) -> None:
        """Keeps the scores of a run of a system, by its title. Raises ConfigError where the file cannot be written."""
        entry = self._runs.setdefault(run, {"system": system, "on_the_way": {}, "cases": {}})
        entry["on_the_way"] = {str(crops): dict(psnr) for crops, psnr in scores.on_the_way.items()}
        entry["cases"][cases] = scores.table.to_dict()
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self.path, dict(sorted(self._runs.items())))


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        runs = json.loads(path.read_text(encoding="utf-8"))
        for entry in runs.values():
            for cases in entry["cases"]:
                _scores(entry, cases)
    except (OSError, ValueError, AttributeError, TypeError, KeyError):
        raise ConfigError(f"{path} holds no scores of runs; name a file that --scores wrote, or a new one.") from None
    return runs


def _scores(entry: dict[str, Any], cases: str) -> RunScores:
    on_the_way = {int(crops): psnr for crops, psnr in entry["on_the_way"].items()}
    return RunScores(Table.from_dict(entry["cases"][cases]), on_the_way)
