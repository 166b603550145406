"""How far a system's runs were past interpolation while they trained."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from rfr_core.training.evaluation.protocol import Table
from rfr_core.training.run.recipe import Recipe

OnTheWay = Mapping[int, Mapping[str, float]]  # of one run: crops seen -> share of hole -> PSNR, dB
Curve = Mapping[int, float]  # of a system: crops seen -> PSNR above interpolation's, dB


def psnr_on_the_way(recipe: Recipe) -> OnTheWay:
    """What a run scored while it trained; empty where it was not judged then."""
    path = Path(recipe.output) / "log.jsonl"
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
    return {_crops(recipe, entry["step"]): entry["psnr"] for entry in entries if "psnr" in entry}


def curve_of(runs: Sequence[OnTheWay], interpolation: Table) -> Curve:
    """The mean over runs and shares of hole, at crops where all runs were judged.

    interpolation: its scores on the pictures and holes that the runs were judged on.
    """
    shared = set(runs[0]).intersection(*runs[1:]) if runs else set()
    return {crops: statistics.fmean(_above(run[crops], interpolation) for run in runs) for crops in sorted(shared)}


def _above(psnr: Mapping[str, float], interpolation: Table) -> float:
    return statistics.fmean(value - interpolation[bucket]["psnr"] for bucket, value in psnr.items())


def _crops(recipe: Recipe, step: int) -> int:
    """That one process has drawn by the end of a step."""
    seen = 0
    for phase in recipe.phases:
        seen += min(step, phase.steps) * phase.batch * phase.accumulate
        step = max(0, step - phase.steps)
    return seen
