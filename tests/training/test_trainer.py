"""The trainer, run as its users run it: ``python -m train fit``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import rmtree
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from block_pictures import write_block_pictures
from golden import GOLDEN, golden_weight
from PIL import Image
from safetensors.torch import load_file, save_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch._dynamo.utils import counters

from rfr_core.checkpoints.loading import load_network
from rfr_core.checkpoints.saving import save_pretrained
from rfr_core.config import RFRConfig
from rfr_core.errors import ConfigError, RFRError
from rfr_core.network.rfr_net import RFRNet
from rfr_core.training.losses.adversary import Discriminator
from rfr_core.training.losses.vgg import VGG16Features
from rfr_core.training.run.architectures import PICTURES
from rfr_core.training.run.recipe import Phase, load_recipe
from rfr_core.training.run.trainer import Trainer, fit, learning_rate

ROOT = Path(__file__).parents[2]
SMOKE = ROOT / "train" / "recipes" / "smoke.toml"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    write_block_pictures(folder, 9, 12, Image.Resampling.BICUBIC)
    return folder


def settings(pictures: Path, output: Path, *more: str) -> list[str]:
    return [f'data.pictures=["{pictures.as_posix()}"]', f"output={output.as_posix()}", *more]


def command(pictures: Path, output: Path, *more: str, resume: bool = False) -> list[str]:
    sets = [part for value in settings(pictures, output, *more) for part in ("--set", value)]
    return [sys.executable, "-m", "train", "fit", str(SMOKE), *sets, *(["--resume"] if resume else [])]


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def losses(output: Path) -> list[float]:
    lines = [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    return [line["loss"] for line in lines]


@pytest.fixture(scope="module")
def whole_run(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The uninterrupted smoke run that others are held against."""
    output = tmp_path_factory.mktemp("whole") / "run"
    fit(SMOKE, settings(pictures, output))
    return output


def test_a_run_leaves_a_usable_network_log_and_previews(whole_run: Path) -> None:
    network = load_network(whole_run / "model")
    assert network.config.width == 8
    assert len(losses(whole_run)) == 8
    assert json.loads((whole_run / "recipe.json").read_text())["seed"] == 2020
    assert sorted(p.name for p in (whole_run / "previews").iterdir()) == ["0000003.jpg", "0000006.jpg"]
    with Image.open(whole_run / "previews" / "0000003.jpg") as grid:
        assert grid.size == (7 * 34, 4 * 34)
    assert list(whole_run.glob("events.out.tfevents.*"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_run_goes_on_with_the_same_losses(pictures: Path, whole_run: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    resume, kills = False, 0
    for lines_before_kill in (3, 5):
        process = subprocess.Popen(
            command(pictures, output, resume=resume), cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL
        )
        log = output / "log.jsonl"
        for _ in range(1200):
            done = len(log.read_text().splitlines()) if log.exists() else 0
            if process.poll() is not None or done >= lines_before_kill:
                break
            time.sleep(0.05)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
        resume = (output / "state.pt").exists()
    assert kills == 2
    assert resume
    fit(SMOKE, settings(pictures, output), resume=True)
    assert losses(output) == losses(whole_run)
    ours, theirs = (load_file(folder / "model" / "model.safetensors") for folder in (output, whole_run))
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=0, atol=0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_run_killed_while_saving_keeps_its_last_save(pictures: Path, whole_run: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    # The process kills itself between writing the second state and renaming it.
    script = (
        "import os, signal, rfr_core.training.run.run_folder as state\n"
        "from rfr_core.training.run.trainer import fit\n"
        "original, count = os.fsync, []\n"
        "def fsync(number):\n"
        "    original(number)\n"
        "    count.append(os.readlink(f'/proc/self/fd/{number}'))\n"
        "    if sum('/run/.' in name for name in count) == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        "os.fsync = fsync\n"
        f"fit({str(SMOKE)!r}, {settings(pictures, output)!r})\n"
    )
    process = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment(), capture_output=True)
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()
    assert list(output.glob(".*.tmp"))
    assert torch.load(output / "state.pt", weights_only=True)["step"] == 2
    fit(SMOKE, settings(pictures, output), resume=True)
    assert not list(output.glob(".*.tmp"))
    assert losses(output) == losses(whole_run)


@pytest.mark.skipif(sys.platform == "win32", reason="gloo on Windows needs a host name set up")
def test_two_processes_train_to_the_weights_of_one_with_a_doubled_batch(pictures: Path, tmp_path: Path) -> None:
    # At the recipe's 32 pixels a group norm sees single values, whose gradients are rounding alone.
    larger = ["phases.0.crop=64", "phases.1.crop=64", "network.channels=[16, 16, 32]"]
    larger += ["phases.0.steps=2", "phases.1.steps=2"]  # few enough for rounding not to have grown
    fit(SMOKE, settings(pictures, tmp_path / "one", *larger, "phases.0.batch=4", "phases.1.batch=4"))
    # On the CPU, accelerate's own launcher starts one process or needs MPI; torch's starts what accelerate then finds.
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--rdzv_backend=c10d"]
    launch += ["--rdzv_endpoint=localhost:0", "-m", *command(pictures, tmp_path / "two", *larger)[2:]]
    result = subprocess.run(launch, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]
    assert "on cpu, 2 processes, precision no: 4 of 4 steps, samples from 3 pictures" in result.stderr
    one, two = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("one", "two"))
    torch.manual_seed(2020)  # the recipe's
    start = RFRNet(load_network(tmp_path / "one" / "model").config).state_dict()
    moved = sum(float((one[name] - value).square().sum()) for name, value in start.items()) ** 0.5
    apart = sum(float((one[name] - two[name]).square().sum()) for name in start) ** 0.5
    # Of all the way that training went: single weights differ by more, as Adam magnifies rounding of small gradients.
    assert moved > 0.1
    assert apart < 1e-3 * moved
    assert losses(tmp_path / "two")[0] == pytest.approx(losses(tmp_path / "one")[0], rel=1e-5)
    np.testing.assert_allclose(losses(tmp_path / "two"), losses(tmp_path / "one"), rtol=2e-3)
    again = subprocess.run([*launch, "--resume"], cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert again.returncode == 0, again.stderr[-3000:]


def test_fine_tuning_freezes_every_batchnorm_and_starts_from_a_checkpoint(pictures: Path, tmp_path: Path) -> None:
    start = RFRNet(RFRConfig(width=8, channels=(8, 8, 16), kernel_size=3, recurrences=2))
    save_pretrained(start, tmp_path / "start")
    more = [
        "network.norm=batch",
        f"init={(tmp_path / 'start').as_posix()}",
        "ema=0.0",
        "phases.0.freeze_batchnorm=true",
    ]
    fit(SMOKE, settings(pictures, tmp_path / "frozen", *more))
    frozen = load_file(tmp_path / "frozen" / "model" / "model.safetensors")
    moved = []
    for name, value in start.state_dict().items():
        if "running" in name:
            assert torch.equal(frozen[name], value), name
        elif not torch.equal(frozen[name], value):
            moved.append(name)
    assert len(moved) > 20
    fit(SMOKE, settings(pictures, tmp_path / "free", *more[:-1], "phases.1.freeze_batchnorm=false"))
    free = load_file(tmp_path / "free" / "model" / "model.safetensors")
    assert not torch.equal(free["encoder.norms.0.running_mean"], frozen["encoder.norms.0.running_mean"])


def test_the_kept_network_is_the_running_average(pictures: Path, tmp_path: Path) -> None:
    weights = []
    for steps in (1, 2, 3):
        more = ["phases.0.steps=1", f"phases.1.steps={steps - 1}", "save_every=9", "ema=0.15"]
        if steps == 1:
            more[1] = (
                "phases=[{steps = 1, batch = 2, crop = 32, learning_rate = 1e-3, warmup = 2, recurrences = [1, 3], "
            )
            more[1] += "loss = {perceptual = 0.0, style = 0.0}}]"
            more = more[1:]
        output = tmp_path / str(steps)
        fit(SMOKE, settings(pictures, output, *more))
        weights.append(torch.load(output / "state.pt", weights_only=True)["network"])
    kept = load_file(tmp_path / "3" / "model" / "model.safetensors")
    for name, value in kept.items():
        first, second, third = (w[name] for w in weights)
        expected = first
        for count, current in ((1, second), (2, third)):
            decay = min(0.15, (1 + count) / (10 + count))  # the average remembers little at first
            expected = decay * expected + (1 - decay) * current
        torch.testing.assert_close(value, expected, msg=lambda m, name=name: f"{name}: {m}")
    assert any(not torch.equal(kept[name], third) for name, third in weights[2].items())


def test_released_and_paper_losses_train_with_a_local_vgg(pictures: Path, tmp_path: Path) -> None:
    vgg = VGG16Features()
    seed = int(np.load(GOLDEN / "loss_terms.npz")["vgg_seed"])
    save_file({k: golden_weight(k, v.shape, seed) for k, v in vgg.state_dict().items()}, tmp_path / "vgg.safetensors")
    more = [f"vgg={(tmp_path / 'vgg.safetensors').as_posix()}", "phases.0.steps=1", "phases.1.steps=1"]
    more += ["phases.0.loss={}", 'phases.1.loss={perceptual = 0.1, style = 180.0, variation = 0.0, against = "output"}']
    fit(SMOKE, settings(pictures, tmp_path / "run", *more))
    first, second = (json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines())
    assert {"style", "perceptual", "variation", "valid", "hole"} <= set(first)
    assert first["loss"] == pytest.approx(
        0.1 * first["variation"]
        + 120 * first["style"]
        + 0.05 * first["perceptual"]
        + first["valid"]
        + 6 * first["hole"],
        rel=1e-4,
    )
    assert "variation" not in second


def test_mixed_precision_trains(pictures: Path, tmp_path: Path) -> None:
    fit(SMOKE, settings(pictures, tmp_path / "half", "precision=bf16"))
    fit(SMOKE, settings(pictures, tmp_path / "full"))
    half, full = losses(tmp_path / "half"), losses(tmp_path / "full")
    assert half != full
    np.testing.assert_allclose(half, full, rtol=0.05)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")  # in torch's own
def test_compiled_blocks_learn_as_any_other(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Traced as ever, but run without a C++ compiler, which takes a minute for a dozen blocks.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    form = "network={width = 8, channels = [8, 8, 16], kernel_size = 3, blocks = 'residual', attention_scale = 4}"
    short = [form, "phases.0.steps=2", "phases.1.steps=1"]
    counters.clear()  # of tests before
    fit(SMOKE, settings(pictures, tmp_path / "no", *short))
    assert not counters["stats"]["unique_graphs"]
    fit(SMOKE, settings(pictures, tmp_path / "compiled", *short, "compile=true"))
    assert counters["stats"]["unique_graphs"] > 10
    np.testing.assert_allclose(losses(tmp_path / "compiled"), losses(tmp_path / "no"), rtol=1e-3)
    with pytest.raises(ConfigError, match="no residual blocks"):
        fit(SMOKE, settings(pictures, tmp_path / "other", "compile=true"))


def test_residual_blocks_learn_from_an_earlier_recurrence_too(pictures: Path, tmp_path: Path) -> None:
    form = "network={width = 8, channels = [8, 8, 16], kernel_size = 3, blocks = 'residual', attention_scale = 4}"
    short = ("phases.0.recurrences=[2, 3]", "phases.1.recurrences=[1, 1]")
    fit(SMOKE, settings(pictures, tmp_path / "last", form, *short))
    fit(SMOKE, settings(pictures, tmp_path / "both", form, *short, "phases.0.earlier=0.5", "phases.1.earlier=0.5"))
    last, both = losses(tmp_path / "last"), losses(tmp_path / "both")
    # At the start each recurrence gives the interpolated picture, and so the loss of the last one.
    assert both[0] == pytest.approx(1.5 * last[0])
    assert both[4] == pytest.approx(last[4], rel=0.2)  # a single recurrence has none before it
    assert load_network(tmp_path / "both" / "model").config.blocks == "residual"


def test_recomputing_changes_no_loss(pictures: Path, whole_run: Path, tmp_path: Path) -> None:
    fit(SMOKE, settings(pictures, tmp_path / "run", "recompute=true"))
    assert losses(tmp_path / "run") == pytest.approx(losses(whole_run), rel=1e-4)
    with pytest.raises(ConfigError, match="no recurrences"):
        fit(SMOKE, settings(pictures, tmp_path / "other", "recompute=true", "architecture=pconv-unet"))


def test_the_learning_rate_warms_up_and_falls() -> None:
    phase = Phase(steps=110, learning_rate=1.0, final_learning_rate=0.1, warmup=10)
    rates = [learning_rate(phase, step) for step in range(110)]
    assert rates[0] == pytest.approx(1 / 11)
    assert max(rates) == rates[10] == pytest.approx(1.0)
    assert rates[60] == pytest.approx(0.55)
    assert 0.1 < rates[109] < 0.11
    assert learning_rate(Phase(steps=5), 4) == Phase(steps=5).learning_rate


@pytest.mark.parametrize(
    ("more", "match"),
    [
        (['data.pictures=["missing"]'], "missing, which is no folder"),
        (["precision=half"], "precision"),
        (["init=missing"], "missing"),
        (["phases.0.loss={style = 1.0}", "vgg=missing.safetensors"], "no VGG-16 file missing.safetensors"),
    ],
)
def test_mistakes_end_with_one_sentence(pictures: Path, tmp_path: Path, more: list[str], match: str) -> None:
    line = command(pictures, tmp_path / "run", *more)
    result = subprocess.run(line, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert result.returncode == 2
    assert match in result.stderr
    assert "Traceback" not in result.stderr


def test_a_finished_run_is_not_overwritten_and_a_missing_one_not_resumed(
    pictures: Path, whole_run: Path, tmp_path: Path
) -> None:
    from rfr_core.errors import ConfigError

    with pytest.raises(ConfigError, match="holds a run already"):
        fit(SMOKE, settings(pictures, whole_run))
    with pytest.raises(ConfigError, match="nothing to resume"):
        fit(SMOKE, settings(pictures, tmp_path / "none"), resume=True)
    assert load_recipe(SMOKE).steps == len(losses(whole_run))


def test_processes_that_would_train_each_by_itself_are_refused(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")  # as accelerate launch --cpu --num_processes 2 sets it
    with pytest.raises(ConfigError, match="asked for several processes, but started one; on CPUs"):
        fit(SMOKE, settings(pictures, tmp_path / "run"))
    monkeypatch.delenv("MASTER_ADDR")
    monkeypatch.setattr("rfr_core.training.run.launch.Accelerator", lambda **_: SimpleNamespace(num_processes=1))
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="2 processes were started, but accelerate counts 1"):
        fit(SMOKE, settings(pictures, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_keeps_every_step_in_its_curves_and_what_it_was_before(pictures: Path, tmp_path: Path) -> None:
    start, output = tmp_path / "start", tmp_path / "run"
    network = load_recipe(SMOKE).network
    save_pretrained(RFRNet(network), start)
    first = settings(pictures, output, f"init={start.as_posix()}", "ema=0.0", "preview_every=100")
    fit(SMOKE, [*first, "phases.1.steps=2"])
    rmtree(start)  # the state replaces it
    fit(SMOKE, [*first, "phases.1.steps=3", "snapshot_every=5"], resume=True)
    curve = EventAccumulator(str(output)).Reload().Scalars("train/loss")
    assert [point.step for point in curve] == list(range(1, 8))
    before = load_network(output / "snapshots" / "0000004")  # as it was before fine-tuning
    assert before.config == network
    assert sorted(path.name for path in (output / "snapshots").iterdir()) == ["0000004"]
    steps = [json.loads((output / name).read_text())["phases"][1]["steps"] for name in ("recipe.1.json", "recipe.json")]
    assert steps == [2, 3]


def test_a_loss_that_is_no_number_leaves_the_weights_alone(pictures: Path, tmp_path: Path) -> None:
    trainer = Trainer(load_recipe(SMOKE, settings(pictures, tmp_path / "run", "clip=0.0")))
    before = {name: value.clone() for name, value in trainer.network.state_dict().items()}

    def broken(*arguments: Any) -> Any:
        loss, terms = PICTURES.loss(*arguments)
        return loss * float("nan"), terms

    trainer.task = replace(PICTURES, loss=broken)
    with pytest.raises(ConfigError, match="The loss is nan at step 1"):
        trainer.run()
    assert all(torch.equal(value, before[name]) for name, value in trainer.network.state_dict().items())


def test_a_gradient_that_is_no_number_leaves_the_weights_alone(pictures: Path, tmp_path: Path) -> None:
    trainer = Trainer(load_recipe(SMOKE, settings(pictures, tmp_path / "run", "clip=0.0")))
    before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    next(trainer.network.parameters()).register_hook(lambda gradient: gradient * float("nan"))
    with pytest.raises(ConfigError, match="The gradient is nan at step 1"):
        trainer.run()
    assert all(torch.equal(value, before[name]) for name, value in trainer.network.state_dict().items())


def test_a_discriminator_that_has_no_number_ends_the_run(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(load_recipe(SMOKE, settings(pictures, tmp_path / "run", "phases.0.loss.adversarial=0.1")))
    assert trainer.judges.adversary is not None
    before = deepcopy(trainer.judges.adversary.state_dict()["discriminator"])

    def broken(self: Discriminator, picture: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        scores, features = forward(self, picture)
        return scores * float("nan") if torch.is_grad_enabled() and not picture.requires_grad else scores, features

    forward = Discriminator.forward
    monkeypatch.setattr(Discriminator, "forward", broken)
    with pytest.raises(ConfigError, match="The discriminator's loss is nan at step 1, before which training"):
        trainer.run()
    after = trainer.judges.adversary.state_dict()["discriminator"]
    weights = [name for name in after if name.endswith(("original", "bias"))]  # spectral norms keep vectors besides
    assert weights
    assert all(torch.equal(after[name], before[name]) for name in weights)
    assert not (tmp_path / "run" / "state.pt").exists()


def test_initial_weights_and_a_new_optimizer_as_released(pictures: Path, tmp_path: Path) -> None:
    deviations = {}
    for form in ("he", "torch"):
        recipe = load_recipe(SMOKE, settings(pictures, tmp_path / form, f"initial_weights={form}"))
        weight = Trainer(recipe).network.get_parameter("reasoning.reason.enc_2.0.weight")
        deviations[form] = float(weight.detach().std())
    assert deviations["he"] == pytest.approx(6**0.5 * deviations["torch"], rel=0.15)
    moments = []
    for number, again in enumerate(("false", "true")):
        output = tmp_path / str(number)
        more = [f"phases.1.new_optimizer={again}", "phases.1.steps=1", "betas=[0.8, 0.95]", "weight_decay=0.01"]
        fit(SMOKE, settings(pictures, output, *more))
        state = torch.load(output / "state.pt", weights_only=True)["optimizer"]
        moments.append(float(state["state"][0]["step"]))
        assert tuple(state["param_groups"][0]["betas"]) == (0.8, 0.95)
        assert state["param_groups"][0]["weight_decay"] == 0.01
    assert moments == [5, 1]


def test_the_best_evaluation_is_kept_and_scored_in_all_ways(pictures: Path, tmp_path: Path) -> None:
    holes = tmp_path / "holes" / "10-20"
    holes.mkdir(parents=True)
    mask = np.zeros((64, 64), np.uint8)
    mask[20:44, 20:44] = 255
    Image.fromarray(mask).save(holes / "a.png")
    more = [f"evaluation.pictures={pictures.as_posix()}", f"evaluation.holes={holes.parent.as_posix()}"]
    more += ["evaluation.every=2", "evaluation.size=64", 'evaluation.buckets=["10-20"]']
    output = tmp_path / "run"
    fit(SMOKE, settings(pictures, output, *more))
    lines = [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]
    scores = [line for line in lines if "psnr" in line]
    assert [line["step"] for line in scores] == [2, 4, 6, 8]
    assert all(set(line) == {"step", "psnr", "ssim", "lpips"} for line in scores)
    assert {"psnr/10-20", "ssim/10-20", "lpips/10-20"} <= set(EventAccumulator(str(output)).Reload().Tags()["scalars"])
    assert load_network(output / "best").config.width == 8


@pytest.mark.parametrize(
    ("evaluation", "match"),
    [
        ({"pictures": "none_such"}, "none_such is not a folder"),
        ({"holes": "none_such"}, "none_such is not a folder"),
        ({"buckets": '["object"]'}, "no bucket 'object' in .*flat; it has 00-10, 10-20"),
        ({"holes": "sorted", "buckets": '["20-30"]'}, "no bucket '20-30' in .*sorted; it has 10-20"),
    ],
)
def test_what_a_run_is_judged_on_is_checked_at_its_start(
    evaluation: dict[str, str], match: str, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("flat", "sorted/10-20"):
        (tmp_path / folder).mkdir(parents=True)
        Image.new("L", (8, 8), 255).save(tmp_path / folder / "a.png")
    given = {"pictures": pictures.as_posix(), "holes": "flat", "buckets": '["10-20"]'} | evaluation
    more = [f"evaluation.{name}={value}" for name, value in given.items()]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RFRError, match=match):
        Trainer(load_recipe(SMOKE, settings(pictures, tmp_path / "run", *more)))
    assert not (tmp_path / "run").exists()


def test_a_tracker_is_told_all_that_is_logged(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, dict[str, float]]] = []
    monkeypatch.setattr(Accelerator, "log", lambda self, values, step: told.append((step, values)))
    monkeypatch.chdir(tmp_path)
    fit(SMOKE, settings(pictures, tmp_path / "run", 'trackers=["tensorboard"]', "phases.1.steps=1"))
    assert [step for step, values in told if "train/loss" in values] == [1, 2, 3, 4, 5]
    with pytest.raises(ConfigError, match="correct trackers"):
        fit(SMOKE, settings(pictures, tmp_path / "other", 'trackers=["nothing"]'))


def test_a_few_steps_are_profiled_on_request(pictures: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    fit(SMOKE, settings(pictures, output, "profile=2", "phases.0.steps=14", "phases.1.steps=1", "preview_every=100"))
    (trace,) = (output / "profile").glob("*.json")
    events = json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]
    names = [event.get("name", "") for event in events]
    assert sum(name.startswith("ProfilerStep") for name in names) >= 2
    assert any("convolution" in name for name in names)
    assert len(losses(output)) == 15
