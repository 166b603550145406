"""How far a system's runs were past interpolation while they trained."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from rfr_core.training.evaluation.protocol import Table
from rfr_core.training.run.recipe import Recipe

Curve = Mapping[int, float]  # crops seen -> PSNR above interpolation's, dB


def curve_of(recipes: Sequence[Recipe], interpolation: Table) -> Curve:
    """The mean over runs and buckets of holes; empty where the runs were not judged on their way.

    interpolation: its scores on the pictures and holes that the runs were judged on.
    """
    curves = [_read(recipe, interpolation) for recipe in recipes]
    shared = set(curves[0]).intersection(*curves[1:]) if curves else set()
    return {crops: statistics.fmean(curve[crops] for curve in curves) for crops in sorted(shared)}


def _read(recipe: Recipe, interpolation: Table) -> Curve:
    path = Path(recipe.output) / "log.jsonl"
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
    return {
        _crops(recipe, entry["step"]): statistics.fmean(
            value - interpolation[bucket]["psnr"] for bucket, value in entry["psnr"].items()
        )
        for entry in entries
        if "psnr" in entry
    }


def _crops(recipe: Recipe, step: int) -> int:
    """That one process has drawn by the end of a step."""
    seen = 0
    for phase in recipe.phases:
        seen += min(step, phase.steps) * phase.batch * phase.accumulate
        step = max(0, step - phase.steps)
    return seen
