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
from rfr_core.training.experiments.curves import Curve, OnTheWay, curve_of, psnr_on_the_way
from rfr_core.training.experiments.figure import figure
from rfr_core.training.experiments.paper import EXPERIMENTS, Experiment
from rfr_core.training.experiments.pictures import prepared
from rfr_core.training.experiments.report import Report
from rfr_core.training.experiments.run_cache import cases_name, is_finished, judged, run_folder, trained
from rfr_core.training.experiments.runs_left import train_runs
from rfr_core.training.experiments.score_file import RunScores, ScoreFile
from rfr_core.training.experiments.trained_systems import SYSTEMS
from rfr_core.training.losses.inpainting import TERMS
from rfr_core.training.run.edges import EDGE_TERMS
from rfr_core.training.run.recipe import EvaluationConfig, Recipe

Tell = Callable[[str], None]


def run_experiment(
    name: str,
    budget: BudgetName,
    sources: Sources,
    out: Path,
    tell: Tell = print,
    jobs: int = 1,
    seeds: int | None = None,
    scores: Path | None = None,
) -> Report:
    """Runs an experiment, ``jobs`` trainings at once, and writes ``<name>.md``, ``.json`` and ``.jpg`` to ``out``.

    Runs lie in ``out / "runs"`` and serve every experiment that asks for the same training; one that was stopped goes
    on where its last save stands.

    Args:
        seeds: how many of the budget's seeds are run, the first ones; left out, all.
        scores: a JSON file of runs' scores: those that stand in it are not trained, what is missing is added. The
            figure shows the networks that lie in ``out``; without any, none is drawn.

    Raises:
        ConfigError: the name, a folder or a data set is unknown or missing, there are fewer seeds, or the file of
            scores holds something else. And whatever training raises.
    """
    if name not in EXPERIMENTS:
        raise ConfigError(f"There is no experiment {name!r}; known are {', '.join(EXPERIMENTS)}.")
    experiment, plan = EXPERIMENTS[name], _with_seeds(BUDGETS[budget], seeds, budget)
    known = ScoreFile(scores)
    out.mkdir(parents=True, exist_ok=True)
    cases = list(_cases(experiment, plan, sources))
    training = prepared(plan, sources, out / "pictures")
    systems = [system for system in experiment.systems if system not in experiment.untrained]
    judging = plan.judging(sources)
    recipes = {system: _recipes(system, plan, training, out / "runs", judging) for system in systems}
    runs = _scored(recipes, cases, known, jobs, tell)
    tables = {system: [run.table for run in runs[system]] for system in systems}
    tell("measuring costs")
    results = Results(tables, {system: costs_of(SYSTEMS[system], experiment.costs) for system in experiment.systems})
    findings = [judge(claim, results) for claim in experiment.claims]
    setting = _setting(budget, plan, sources, cases, _has_edges(experiment))
    interpolation, curves = None, {}
    if not _has_edges(experiment):
        interpolation = _interpolation(cases)
        curves = _curves({system: [run.on_the_way for run in runs[system]] for system in systems}, judging)
    report = Report(name, experiment, setting, plan.seeds, results, findings, interpolation, curves)
    first = {system: recipes[system][0] for system in systems}
    shown = {system: trained(recipe) for system, recipe in first.items() if is_finished(recipe)}
    _write(report, shown, [case for case in cases if case.bucket == experiment.buckets[-1]], out)
    return report


def _scored(
    recipes: Mapping[str, Sequence[Recipe]], cases: Sequence[Case], known: ScoreFile, jobs: int, tell: Tell
) -> dict[str, list[RunScores]]:
    """The scores of every system's runs: those that are known, the others trained and judged."""
    judged_on = cases_name(cases)
    titles = {recipe: SYSTEMS[system].title for system, of_system in recipes.items() for recipe in of_system}
    train_runs({r: title for r, title in titles.items() if known.find(_name(r), judged_on) is None}, jobs, tell)
    tell("judging")

    def of_run(recipe: Recipe) -> RunScores:
        scores = known.find(_name(recipe), judged_on)
        if scores is None:
            scores = RunScores(judged(recipe, cases), psnr_on_the_way(recipe))
            known.add(_name(recipe), titles[recipe], judged_on, scores)
        return scores

    return {system: [of_run(recipe) for recipe in of_system] for system, of_system in recipes.items()}


def _name(recipe: Recipe) -> str:
    return Path(recipe.output).name


def _with_seeds(plan: Budget, seeds: int | None, budget: str) -> Budget:
    if seeds is None:
        return plan
    if not 1 <= seeds <= len(plan.seeds):
        raise ConfigError(f"Budget {budget} has {len(plan.seeds)} seeds; choose 1 to {len(plan.seeds)} of them.")
    return replace(plan, seeds=plan.seeds[:seeds])


def _cases(experiment: Experiment, plan: Budget, sources: Sources) -> list[Case]:
    files = evaluation_files(sources.layout, sources.pictures)
    buckets = list(experiment.buckets)
    return list(read_cases(files, sources.holes, size=plan.size, buckets=buckets, limit=plan.limit))


def _interpolation(cases: Iterable[Case]) -> Table:
    """The scores of colours that are extended smoothly into the hole, without any network."""
    return evaluate_cases(lambda image, hole: pull_push(image, 1 - hole), cases)


def _curves(runs: Mapping[str, Sequence[OnTheWay]], judging: EvaluationConfig | None) -> dict[str, Curve]:
    if judging is None:
        return {}
    assert judging.pictures is not None
    assert judging.holes is not None
    files = evaluation_files(judging.layout, judging.pictures)
    cases = read_cases(files, Path(judging.holes), size=judging.size, buckets=judging.buckets, limit=judging.limit)
    interpolation = _interpolation(cases)
    return {system: curve_of(of_system, interpolation) for system, of_system in runs.items()}


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
    if networks:
        titles = {report.title(system): network for system, network in networks.items()}
        sheet = figure(titles, cases, _has_edges(report.experiment))
        with io.BytesIO() as buffer:
            sheet.save(buffer, format="JPEG", quality=90)
            with appearing(out / f"{report.name}.jpg") as file:
                file.write(buffer.getvalue())
    write_json(out / f"{report.name}.json", report.to_dict())
    write_text(out / f"{report.name}.md", report.to_markdown())
