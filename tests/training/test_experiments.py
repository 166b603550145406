"""The paper's experiments: verdicts, the cache of runs, every system's training, and the command."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rfr_core.errors import ConfigError
from rfr_core.ops.pyramid import pull_push
from rfr_core.training.evaluation.protocol import Row, Table, evaluate_cases, read_cases
from rfr_core.training.experiments import run_experiment as running
from rfr_core.training.experiments.budget import BUDGETS, Budget, Sources
from rfr_core.training.experiments.claims import Claim, Results, judge
from rfr_core.training.experiments.cost import costs_of
from rfr_core.training.experiments.paper import EXPERIMENTS
from rfr_core.training.experiments.run_cache import run_folder, trained
from rfr_core.training.experiments.run_experiment import run_experiment
from rfr_core.training.experiments.runs_left import train_runs
from rfr_core.training.experiments.trained_systems import SYSTEMS
from rfr_core.training.run.architectures import build_network
from rfr_core.training.run.recipe import Phase, Recipe

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    root = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(5)
    for folder, count in (("train", 3), ("eval", 2)):
        (root / folder).mkdir()
        for index in range(count):
            blocks = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
            blocks.resize((96, 72), Image.Resampling.NEAREST).save(root / folder / f"{index}.png")
    for low in (10, 30, 40, 50):
        (root / "holes" / f"{low}-{low + 10}").mkdir(parents=True)
        mask = np.zeros((32, 32), np.uint8)
        mask[: round((low + 5) / 100 * 32)] = 255
        Image.fromarray(mask).save(root / "holes" / f"{low}-{low + 10}" / "0.png")
    return Sources(root / "train", root / "eval", root / "holes")


def tiny(budget: Budget) -> Budget:
    """The minutes budget, cut to what a test can wait for."""
    (phase,) = budget.phases["folder"]
    short = replace(phase, steps=1, batch=2, crop=32, warmup=0)
    base = {"width": 8, "norm": "group", "kernel_size": 3}
    return replace(budget, base=base, phases={"folder": (short,)}, seeds=(1, 2), size=32, limit=2)


@pytest.fixture
def minutes(monkeypatch: pytest.MonkeyPatch) -> Budget:
    budget = tiny(BUDGETS["minutes"])
    monkeypatch.setitem(running.BUDGETS, "minutes", budget)
    return budget


def table(bucket: str = "40-50", **scores: float) -> Table:
    return Table((Row(bucket, 1, scores),))


def results(**systems: list[float]) -> Results:
    return Results({name: [table(psnr=value) for value in values] for name, values in systems.items()}, {})


@pytest.mark.parametrize(
    ("kind", "values", "verdict"),
    [
        ("better", ([20.0, 21.0, 22.0], [19.0, 20.1, 20.9]), "reproduced in order"),
        ("better", ([20.0, 21.0, 22.0], [19.0, 21.1, 20.9]), "not decided here"),  # one seed disagrees
        ("better", ([20.0, 20.0, 20.0], [19.9, 19.9, 17.0]), "not decided here"),  # less than the spread
        ("better", ([19.0, 19.0, 19.0], [20.0, 20.0, 20.0]), "reversed here"),
        ("better", ([19.9, 19.9, 17.0], [20.0, 20.0, 20.0]), "not decided here"),
        ("no gain", ([20.0, 20.0, 20.0], [19.9, 20.2, 20.0]), "reproduced in order"),
        ("no gain", ([20.0, 20.0, 20.0], [20.3, 20.2, 20.3]), "reversed here"),
        ("within", ([20.0, 20.0, 20.0], [20.3, 19.6, 20.2]), "reproduced in order"),
        ("within", ([20.0, 20.0, 20.0], [20.3, 20.2, 20.3]), "reversed here"),
        ("within", ([20.0, 20.0, 20.0], [20.4, 20.0, 20.1]), "not decided here"),  # the limit is within the spread
    ],
)
def test_verdicts(kind: str, values: tuple[list[float], list[float]], verdict: str) -> None:
    claim = Claim("…", ("a", "b"), ("psnr",), ("40-50",), kind, limit=0.1)  # pyright: ignore[reportArgumentType]
    assert judge(claim, results(a=values[0], b=values[1])).verdict == verdict


def test_an_order_takes_every_neighbour() -> None:
    claim = Claim("…", ("a", "b", "c"), ("psnr",), ("40-50",), "ordered")
    high, middle, low = [3.0, 3.1], [2.0, 2.1], [1.0, 1.1]
    assert judge(claim, results(a=high, b=middle, c=low)).verdict == "reproduced in order"
    assert judge(claim, results(a=high, b=low, c=middle)).verdict == "not decided here"  # a part of it holds
    assert judge(claim, results(a=low, b=middle, c=high)).verdict == "reversed here"


@pytest.mark.parametrize("kind", ["better", "ordered", "no gain", "within"])
@pytest.mark.parametrize("lead", [3.0, 0.05, -3.0])
def test_one_seed_decides_nothing_but_costs(kind: str, lead: float) -> None:
    claim = Claim("…", ("a", "b"), ("psnr",), ("40-50",), kind, limit=0.1)  # pyright: ignore[reportArgumentType]
    assert judge(claim, results(a=[20.0 + lead], b=[20.0])).verdict == "not decided here"
    costs = Results({}, {"a": {"macs": 1.0}, "b": {"macs": 2.0}})
    assert judge(replace(claim, metrics=("macs",), kind="better"), costs).verdict == "reproduced in order"


def test_lower_is_better_for_errors_and_costs() -> None:
    given = Results(
        {"a": [table(l1=0.1), table(l1=0.1)], "b": [table(l1=0.2), table(l1=0.3)]},
        {"a": {"parameters": 31.0}, "b": {"parameters": 33.0}},
    )
    for metric in ("l1", "parameters"):
        (lead,) = judge(Claim("…", ("a", "b"), (metric,), ("40-50",)), given).leads
        assert lead.gain.is_clear
    assert judge(Claim("…", ("a", "b"), ("l1", "parameters"), ("40-50",)), given).verdict == "reproduced in order"


def test_every_claim_speaks_of_what_is_measured() -> None:
    for name, experiment in EXPERIMENTS.items():
        assert set(experiment.untrained) <= set(experiment.systems)
        for claim in experiment.claims:
            assert set(claim.systems) <= set(experiment.systems), name
            assert set(claim.buckets) <= set(experiment.buckets), name
            if claim.kind == "untestable":
                assert claim.reason
                continue
            assert set(claim.metrics) <= {*experiment.metrics, *experiment.costs}, name
            if not set(claim.metrics) <= set(experiment.costs):
                assert claim.buckets, name
                assert not set(claim.systems) & set(experiment.untrained), name
        for numbers in experiment.paper.values():
            for scores in numbers.values():
                assert all(len(values) == len(experiment.buckets) for values in scores.values()), name
    assert {system for e in EXPERIMENTS.values() for system in e.systems} == set(SYSTEMS)


def test_sizes_at_the_published_width() -> None:
    measured = {name: costs_of(SYSTEMS[name], ("parameters", "macs")) for name in ("bare", "pconv", "downsamp-2")}
    assert measured["bare"]["parameters"] == pytest.approx(30.7, abs=0.05)
    assert measured["pconv"]["parameters"] == pytest.approx(32.9, abs=0.05)
    # The feature map has a quarter of the positions, and encoder and decoder a layer more.
    assert 3 < measured["bare"]["macs"] / measured["downsamp-2"]["macs"] < 4


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_trains_one_step(system: str, sources: Sources, minutes: Budget, tmp_path: Path) -> None:
    recipe = minutes.recipe(SYSTEMS[system], 1, sources, tmp_path)
    assert recipe.architecture == SYSTEMS[system].architecture
    for name, value in SYSTEMS[system].differs.items():
        assert getattr(recipe.network, name) == value
    network = trained(replace(recipe, output=str(tmp_path / "run")))
    assert not network.training
    (line,) = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert np.isfinite(json.loads(line)["loss"])


def test_an_experiment_trains_once_and_reports(sources: Sources, minutes: Budget, tmp_path: Path) -> None:
    first: list[str] = []
    report = run_experiment("table2", "minutes", sources, tmp_path, first.append)
    assert first[0].startswith("run 1 of 6, Coarse-To-Fine, seed 1: ")
    assert re.match(r"run 2 of 6, Coarse-To-Fine, seed 2 \(about \d+ (s|min) more for all\): ", first[1])
    markdown = (tmp_path / "table2.md").read_text(encoding="utf-8")
    assert markdown == report.to_markdown()
    assert "| PSNR | PConv |" in markdown
    assert "| 23.69 |" in markdown  # the paper's
    assert "| Bare RFR-Net has the fewest parameters (31 M, 33 M, 100 M+). | **reproduced in order** |" in markdown
    data = json.loads((tmp_path / "table2.json").read_text(encoding="utf-8"))
    assert list(data["systems"]["PConv"]["seeds"]) == ["1", "2"]
    assert data["systems"]["PConv"]["seeds"]["1"]["40-50"]["pictures"] == 2
    assert len(data["claims"]) == len(EXPERIMENTS["table2"].claims)
    with Image.open(tmp_path / "table2.jpg") as sheet:
        assert sheet.width > 5 * 192  # input, three systems, ground truth

    states = {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/*/state.pt")}
    assert len(states) == 6
    told: list[str] = []
    again = run_experiment("table2", "minutes", sources, tmp_path, told.append)
    assert again.to_dict() == report.to_dict()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/*/state.pt")} == states
    assert not any(text.startswith("run ") for text in told)


def test_scores_kept_in_a_file_stand_for_their_runs(sources: Sources, minutes: Budget, tmp_path: Path) -> None:
    scores = tmp_path / "kept" / "scores.json"
    told: list[str] = []
    run_experiment("table2", "minutes", sources, tmp_path / "a", told.append, seeds=1, scores=scores)
    assert len([text for text in told if text.startswith("run ")]) == 3
    kept = json.loads(scores.read_text(encoding="utf-8"))
    assert {entry["system"] for entry in kept.values()} == {"Coarse-To-Fine", "PConv", "bare RFR-Net"}

    told.clear()  # elsewhere, with another seed: only its runs are trained
    more = run_experiment("table2", "minutes", sources, tmp_path / "b", told.append, scores=scores)
    assert [text.split(":")[0].split(" (")[0] for text in told if text.startswith("run ")] == [
        "run 1 of 3, Coarse-To-Fine, seed 2",
        "run 2 of 3, PConv, seed 2",
        "run 3 of 3, bare RFR-Net, seed 2",
    ]
    assert not (tmp_path / "b" / "table2.jpg").exists()  # the networks of the first seed are not here
    whole = run_experiment("table2", "minutes", sources, tmp_path / "c", lambda text: None)
    assert more.to_dict() == whole.to_dict()


@pytest.mark.parametrize("text", ["no json", "[1]", '{"run": 1}', '{"run": {"cases": {"a": {}}}}'])
def test_a_file_of_other_things_is_no_file_of_scores(
    text: str, sources: Sources, minutes: Budget, tmp_path: Path
) -> None:
    path = tmp_path / "scores.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"scores\.json holds no scores of runs"):
        run_experiment("table2", "minutes", sources, tmp_path / "out", lambda text: None, scores=path)
    assert path.read_text() == text
    assert not (tmp_path / "out").exists()


def test_a_budget_has_only_its_seeds(sources: Sources, minutes: Budget, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Budget minutes has 2 seeds; choose 1 to 2 of them"):
        run_experiment("table2", "minutes", sources, tmp_path, lambda text: None, seeds=3)


def test_several_runs_at_once_give_the_same_networks(sources: Sources, minutes: Budget, tmp_path: Path) -> None:
    def recipes(folder: str) -> dict[Recipe, str]:
        seeds = [minutes.recipe(SYSTEMS["pconv"], seed, sources, tmp_path) for seed in (1, 2)]
        return {replace(recipe, output=str(tmp_path / folder / str(recipe.seed))): "PConv" for recipe in seeds}

    told: list[str] = []
    train_runs(recipes("one"), 1, told.append)
    train_runs(recipes("two"), 2, told.append)
    assert [text.split(",")[0] for text in told] == ["run 1 of 2", "run 2 of 2"] * 2
    for seed in (1, 2):
        one, two = (tmp_path / folder / str(seed) for folder in ("one", "two"))
        model = "model/model.safetensors"
        assert (one / model).read_bytes() == (two / model).read_bytes()
        assert "1 of 1 steps" in (two / "output.txt").read_text(encoding="utf-8")


def test_what_stops_one_of_several_runs_stops_them_all(sources: Sources, minutes: Budget, tmp_path: Path) -> None:
    broken = replace(minutes.recipe(SYSTEMS["pconv"], 1, sources, tmp_path), output=str(tmp_path / "run"))
    broken = replace(broken, data=replace(broken.data, pictures=(str(tmp_path / "gone"),)))
    with pytest.raises(ConfigError, match="gone"):
        train_runs({broken: "PConv"}, 2, lambda text: None)


def test_a_budget_of_hours_is_judged_on_its_way(
    sources: Sources, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hours = BUDGETS["hours"]
    phases = tuple(replace(phase, steps=1, batch=2, crop=32, warmup=0) for phase in hours.phases["folder"])
    base = {**hours.base, "width": 8}
    data = {**hours.data, "bank": 0}
    short = replace(hours, base=base, phases={"folder": phases}, seeds=(1, 2), size=32, judged_every=1, data=data)
    monkeypatch.setitem(running.BUDGETS, "hours", short)
    report = run_experiment("table2", "hours", sources, tmp_path, lambda text: None)
    assert report.interpolation is not None
    written = json.loads((tmp_path / "table2.json").read_text(encoding="utf-8"))
    assert list(written["curves"]["PConv"]) == ["2", "4"]
    entries = [
        json.loads(line)["psnr"]
        for path in tmp_path.glob("runs/pconv-unet-*/log.jsonl")
        for line in path.read_text().splitlines()
        if "psnr" in line
    ]
    assert len(entries) == 4
    last = entries[1::2]
    mean = np.mean([[one[bucket] for bucket in ("10-20", "30-40", "50-60")] for one in last])
    cases = read_cases(sources.pictures, sources.holes, size=32, buckets=("10-20", "30-40", "50-60"))
    smooth = evaluate_cases(lambda image, hole: pull_push(image, 1 - hole), cases)
    expected = mean - np.mean([row.scores["psnr"] for row in smooth.rows])
    assert written["curves"]["PConv"]["4"] == pytest.approx(expected, abs=1e-3)
    assert f"| PConv | {written['curves']['PConv']['2']:+.2f} | {expected:+.2f} |" in report.to_markdown()
    assert "| PSNR | (interpolation, no network) | " in report.to_markdown()


@pytest.mark.parametrize("system", [name for name, system in SYSTEMS.items() if "edges-" not in system.architecture])
def test_colours_of_every_system_can_be_matched(system: str) -> None:
    config = SYSTEMS[system].config(width=8, norm="group", colour_match=True)
    network = build_network(SYSTEMS[system].architecture, config).eval()
    generator = torch.Generator().manual_seed(3)
    image = torch.rand(2, 3, 50, 44, generator=generator)
    known = (torch.rand(2, 1, 50, 44, generator=generator) > 0.3).float()
    with torch.no_grad():
        output = network(image, known)
    assert ((output - image) * known).abs().max() < 1e-5
    assert (output - image).abs().max() > 0.01


def test_experiments_share_runs_and_edges_have_scores_of_their_own(
    sources: Sources, minutes: Budget, tmp_path: Path
) -> None:
    running.BUDGETS["minutes"] = replace(minutes, seeds=(1,))
    run_experiment("fig9", "minutes", sources, tmp_path, lambda text: None)
    before = set(tmp_path.glob("runs/*"))
    run_experiment("table3", "minutes", sources, tmp_path, lambda text: None)
    assert len(before) == 3
    assert len(set(tmp_path.glob("runs/*")) - before) == 2  # IterNum 7 and 8
    run_experiment("fig10", "minutes", sources, tmp_path, lambda text: None)
    edges = json.loads((tmp_path / "fig10.json").read_text(encoding="utf-8"))
    assert set(edges["systems"]["EdgeConnect"]["seeds"]["1"]["10-20"]) <= {"pictures", "ap", "precision", "recall"}


def test_a_stopped_run_goes_on(sources: Sources, minutes: Budget, tmp_path: Path) -> None:
    (phase,) = minutes.phases["folder"]

    def run(name: str, steps: int) -> Path:
        plan = replace(minutes, phases={"folder": (replace(phase, steps=steps, final_learning_rate=None),)})
        recipe = replace(plan.recipe(SYSTEMS["pconv"], 1, sources, tmp_path), output=str(tmp_path / name))
        trained(recipe)
        return tmp_path / name

    whole, part = run("whole", 3), run("part", 2)
    (part / "finished.json").unlink()  # as a run has it that was stopped after its last save
    run("part", 3)
    assert (part / "log.jsonl").read_text().count("\n") == 3
    ours, theirs = ((folder / "model" / "model.safetensors").read_bytes() for folder in (part, whole))
    assert ours == theirs


def test_a_run_is_known_by_its_settings_and_pictures(sources: Sources, minutes: Budget, tmp_path: Path) -> None:
    def folder(system: str = "rfr", seed: int = 1, plan: Budget = minutes, source: Sources = sources) -> str:
        return run_folder(plan.recipe(SYSTEMS[system], seed, source, tmp_path), tmp_path).name

    (phase,) = minutes.phases["folder"]
    longer = replace(minutes, phases={"folder": (replace(phase, steps=9),)})
    saved_more_often = replace(minutes, run={**minutes.run, "save_every": 1})
    other = replace(sources, train=sources.pictures)
    names = [folder(), folder("bare"), folder(seed=2), folder(plan=longer), folder(source=other)]
    assert len(set(names)) == 5
    assert folder(plan=saved_more_often) == folder()


def test_the_full_budget_is_the_published_one(sources: Sources) -> None:
    steps = {"folder": 600_000, "paris_streetview": 600_000, "celeba": 500_000, "places2": 3_000_000}
    for layout, number in steps.items():
        phases = BUDGETS["full"].phases_for(layout)  # pyright: ignore[reportArgumentType]
        assert sum(phase.steps for phase in phases) == number
        assert phases[0] == Phase(steps=phases[0].steps, batch=6, crop=256, learning_rate=2e-4)
        assert phases[1].freeze_batchnorm
        assert phases[1].new_optimizer
    recipe = BUDGETS["full"].recipe(SYSTEMS["rfr"], 2020, replace(sources, shards=("a/*.tar",)), Path("out"))
    assert recipe.network.width == 64
    assert (recipe.data.form, recipe.initial_weights, recipe.ema) == ("released", "torch", 0.0)
    assert recipe.data.shards == ("a/*.tar",)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["table4"], "There is no experiment 'table4'; known are table1"),
        (["table2", "--pictures", "missing"], "missing is not a folder"),
        (["table2", "--holes", "missing"], "missing is not a folder"),
        (["table2", "--train", "missing"], "missing, which is no folder"),
        (["table2", "--dataset", "celeba"], "CelebA's aligned pictures are not in"),
    ],
)
def test_mistakes_end_with_one_sentence(arguments: list[str], match: str, sources: Sources, tmp_path: Path) -> None:
    given = {"--train": sources.train, "--pictures": sources.pictures, "--holes": sources.holes}
    rest = [text for name, path in given.items() if name not in arguments for text in (name, str(path))]
    command = [sys.executable, "-m", "train", "experiment", *arguments, *rest, "-o", str(tmp_path)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert result.returncode == 2, result.stderr
    assert match in result.stderr
    assert "Traceback" not in result.stderr


def test_the_plug_in_example_learns() -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "examples/plug_in.py", "30"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    losses = [float(line.split()[3]) for line in result.stdout.splitlines()]
    assert len(losses) == 30
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:3])
    assert len((ROOT / "examples" / "plug_in.py").read_text().splitlines()) < 60
