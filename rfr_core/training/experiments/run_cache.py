"""The cache of runs: what has been trained and judged once is not trained or judged again, whichever asks for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

from torch import nn

from rfr_core.training.data.samples import training_files
from rfr_core.training.evaluation.protocol import Case, Table, evaluate_cases, write_json
from rfr_core.training.run.architectures import EDGES, read_network, task_of
from rfr_core.training.run.edges import evaluate_edges
from rfr_core.training.run.recipe import Recipe
from rfr_core.training.run.trainer import fill, fit

_NO_MATTER = (
    "output",
    "save_every",
    "preview_every",
    "workers",
    "evaluation",
    "profile",
)  # change nothing in the weights
_FINISHED = "finished.json"


def run_folder(recipe: Recipe, runs: Path) -> Path:
    """Where a recipe's run lies: its name tells the settings that decide its weights, the data among them."""
    table = {name: value for name, value in _chosen(recipe).items() if name not in _NO_MATTER}
    table["data"] = {name: value for name, value in table.get("data", {}).items() if name != "pictures"}
    key = _digest({"recipe": table, "files": _files(recipe)})
    return runs / f"{recipe.architecture}-{recipe.seed}-{key}"


def is_finished(recipe: Recipe) -> bool:
    """Whether a recipe's run needs no more training."""
    return (Path(recipe.output) / _FINISHED).is_file()


def trained(recipe: Recipe) -> nn.Module:
    """The network of a recipe: read if its run is finished, else trained from where it stands."""
    folder = Path(recipe.output)
    if not is_finished(recipe):
        fit(recipe, resume=(folder / "state.pt").is_file())
        write_json(folder / _FINISHED, {"steps": recipe.steps})
    return read_network(folder / "model")


def cases_name(cases: Sequence[Case]) -> str:
    """A name for pictures and holes to judge on, which others do not share."""
    return _digest([[case.bucket, case.picture, *case.truth.shape, float(case.hole.sum())] for case in cases])


def judged(recipe: Recipe, cases: Sequence[Case]) -> Table:
    """The scores of a recipe's network, trained where it is not yet; they are kept beside it."""
    path = Path(recipe.output) / f"scores-{cases_name(cases)}.json"
    if path.is_file():
        return Table.from_dict(json.loads(path.read_text(encoding="utf-8")))
    network = trained(recipe)
    if task_of(recipe.architecture) is EDGES:
        table = evaluate_edges(network, cases)
    else:
        table = evaluate_cases(lambda image, hole: fill(network, image, hole), cases)
    write_json(path, table.to_dict())
    return Table.from_dict(table.to_dict())


def _chosen(settings: Any) -> dict[str, Any]:
    """The settings of a dataclass that are not the default, so that an option added later changes no run's name."""
    chosen = {}
    for field in fields(settings):
        value = getattr(settings, field.name)
        default = field.default if field.default_factory is MISSING else field.default_factory()
        if value != default:
            chosen[field.name] = _plain(value)
    return chosen


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return _chosen(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _files(recipe: Recipe) -> list[int]:
    """Number and bytes of the training pictures: enough to tell that a folder holds others now."""
    if recipe.data.shards:
        return []
    paths = training_files(recipe.data)
    return [len(paths), sum(path.stat().st_size for path in paths[:10_000])]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]
