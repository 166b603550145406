"""Runs an experiment: train what is missing, judge it, measure costs, write the report."""

from __future__ import annotations

import io
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from torch import nn

from rfr_core.errors import ConfigError
from rfr_core.files import appearing
from rfr_core.ops.pyramid import pull_push
from rfr_core.training.data.paper_datasets import evaluation_files
from rfr_core.training.evaluation.protocol import Case, Table, evaluate_cases, read_cases, write_json, write_text
from rfr_core.training.experiments.budget import BUDGETS, Budget, BudgetName, Sources
from rfr_core.training.experiments.claims import Results, judge
from rfr_core.training.experiments.cost import costs_of
from rfr_core.training.experiments.curves import Curve, curve_of
from rfr_core.training.experiments.figure import figure
from rfr_core.training.experiments.paper import EXPERIMENTS, Experiment
from rfr_core.training.experiments.pictures import prepared
from rfr_core.training.experiments.report import Report
from rfr_core.training.experiments.run_cache import judged, run_folder, trained
from rfr_core.training.experiments.runs_left import train_runs
from rfr_core.training.experiments.trained_systems import SYSTEMS
from rfr_core.training.losses.inpainting import TERMS
from rfr_core.training.run.edges import EDGE_TERMS
from rfr_core.training.run.recipe import EvaluationConfig, Recipe

Tell = Callable[[str], None]


def run_experiment(
    name: str, budget: BudgetName, sources: Sources, out: Path, tell: Tell = print, jobs: int = 1
) -> Report:
    """Runs an experiment, ``jobs`` trainings at once, and writes ``<name>.md``, ``.json`` and ``.jpg`` to ``out``.

    Runs lie in ``out / "runs"`` and serve every experiment that asks for the same training; one that was stopped goes
    on where its last save stands.

    Raises:
        ConfigError: the name, a folder or a data set is unknown or missing. And whatever training raises.
    """
    if name not in EXPERIMENTS:
        raise ConfigError(f"There is no experiment {name!r}; known are {', '.join(EXPERIMENTS)}.")
    experiment, plan = EXPERIMENTS[name], BUDGETS[budget]
    out.mkdir(parents=True, exist_ok=True)
    cases = list(_cases(experiment, plan, sources))
    training = prepared(plan, sources, out / "pictures")
    tables: dict[str, list[Table]] = {}
    shown: dict[str, nn.Module] = {}
    systems = [system for system in experiment.systems if system not in experiment.untrained]
    judging = plan.judging(sources)
    recipes = {system: _recipes(system, plan, training, out / "runs", judging) for system in systems}
    train_runs({recipe: SYSTEMS[system].title for system in systems for recipe in recipes[system]}, jobs, tell)
    tell("judging")
    for system, of_system in recipes.items():
        networks = [trained(recipe) for recipe in of_system]
        tables[system] = [judged(*pair, cases) for pair in zip(of_system, networks, strict=True)]
        shown[system] = networks[0]
    tell("measuring costs")
    results = Results(tables, {system: costs_of(SYSTEMS[system], experiment.costs) for system in experiment.systems})
    findings = [judge(claim, results) for claim in experiment.claims]
    setting = _setting(budget, plan, sources, cases, _has_edges(experiment))
    interpolation, curves = None, {}
    if not _has_edges(experiment):
        interpolation = _interpolation(cases)
        curves = _curves(recipes, judging)
    report = Report(name, experiment, setting, plan.seeds, results, findings, interpolation, curves)
    _write(report, shown, [case for case in cases if case.bucket == experiment.buckets[-1]], out)
    return report


def _cases(experiment: Experiment, plan: Budget, sources: Sources) -> list[Case]:
    files = evaluation_files(sources.layout, sources.pictures)
    buckets = list(experiment.buckets)
    return list(read_cases(files, sources.holes, size=plan.size, buckets=buckets, limit=plan.limit))


def _interpolation(cases: Iterable[Case]) -> Table:
    """The scores of colours that are extended smoothly into the hole, without any network."""
    return evaluate_cases(lambda image, hole: pull_push(image, 1 - hole), cases)


def _curves(recipes: Mapping[str, Sequence[Recipe]], judging: EvaluationConfig | None) -> dict[str, Curve]:
    if judging is None:
        return {}
    assert judging.pictures is not None
    assert judging.holes is not None
    files = evaluation_files(judging.layout, judging.pictures)
    cases = read_cases(files, Path(judging.holes), size=judging.size, buckets=judging.buckets, limit=judging.limit)
    interpolation = _interpolation(cases)
    return {system: curve_of(of_system, interpolation) for system, of_system in recipes.items()}


def _recipes(system: str, plan: Budget, sources: Sources, runs: Path, judging: EvaluationConfig | None) -> list[Recipe]:
    """The runs of a system, one of each seed."""
    recipes = [plan.recipe(SYSTEMS[system], seed, sources, runs, judging) for seed in plan.seeds]
    return [replace(recipe, output=str(run_folder(recipe, runs))) for recipe in recipes]


def _has_edges(experiment: Experiment) -> bool:
    return any(SYSTEMS[system].completes_edges for system in experiment.systems)


def _setting(budget: BudgetName, plan: Budget, sources: Sources, cases: list[Case], edges: bool) -> str:
    phases = plan.phases_for(sources.layout)
    steps, first = sum(phase.steps for phase in phases), phases[0]
    pictures = len({case.picture for case in cases})
    seeds = "one seed" if len(plan.seeds) == 1 else f"{len(plan.seeds)} seeds, given as mean ± standard deviation"
    base = ", ".join(f"{name} {value}" for name, value in plan.base.items()) or "the released configuration"
    terms = EDGE_TERMS if edges else [name for name in TERMS if getattr(first.loss, name)]
    return (
        f"Budget `{budget}`: {base}; every system {steps:,} steps of {first.batch} crops of {first.crop} px, the same "
        f"samples in the same order, loss terms {', '.join(terms)}; judged on {pictures} pictures per bucket at "
        f"{plan.size} px; {seeds}. {platform.system()}, Python {platform.python_version()}."
    )


def _write(report: Report, networks: dict[str, nn.Module], cases: list[Case], out: Path) -> None:
    sheet = figure(
        {report.title(system): network for system, network in networks.items()}, cases, _has_edges(report.experiment)
    )
    with io.BytesIO() as buffer:
        sheet.save(buffer, format="JPEG", quality=90)
        with appearing(out / f"{report.name}.jpg") as file:
            file.write(buffer.getvalue())
    write_json(out / f"{report.name}.json", report.to_dict())
    write_text(out / f"{report.name}.md", report.to_markdown())
