"""Training runs and folder runs that are killed at random moments, and go on as if nothing had been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from rfr_core.checkpoints.loading import load_network
from rfr_core.checkpoints.saving import save_pretrained
from rfr_core.config import RFRConfig
from rfr_core.images.picture_files import read_picture
from rfr_core.network.rfr_net import RFRNet

from .attempts import ROOT
from .figures import Figures
from .pictures import photograph

SMOKE = ROOT / "train" / "recipes" / "smoke.toml"
PICTURES = 12
_STARTED = 0.3  # share of a whole run after which the first kill may come: before it there is only loading


def run(figures: Figures, seed: int, runs: int, seconds: float) -> None:
    """Kills so many runs, training and folders in turn, until the time is over."""
    random = np.random.default_rng(seed)
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="rfr-stress-") as name:
        folder = Path(name)
        kills, trials = 0, (_Training(folder), _Folder(folder))
        for index in range(runs):
            if time.monotonic() > end:
                break
            trial = trials[index % len(trials)]
            with figures.trial(f"{trial.name} {index} of seed {seed}") as ended:
                kills += trial.killed(folder / str(index), random)
                ended.append(f"{trial.name} unharmed")
    figures.notes.append(f"{kills} times killed")


class _Training:
    """``python -m train fit`` of a few steps, against one that was left alone."""

    name = "training run"

    def __init__(self, folder: Path) -> None:
        self._pictures = folder / "photographs"
        self._pictures.mkdir()
        for index in range(3):
            photograph(96, 72, index).save(self._pictures / f"{index}.png")
        started = time.monotonic()
        _finish(self._command(folder / "whole", resume=False))
        self._seconds = time.monotonic() - started
        self._whole = folder / "whole"

    def _command(self, output: Path, resume: bool) -> list[str]:
        settings = [f'data.pictures=["{self._pictures.as_posix()}"]', f"output={output.as_posix()}"]
        options = [part for setting in settings for part in ("--set", setting)]
        return [sys.executable, "-m", "train", "fit", str(SMOKE), *options, *(["--resume"] if resume else [])]

    def killed(self, output: Path, random: np.random.Generator) -> int:
        """Kills a run up to three times, lets it end, and compares; returns how often it was killed."""
        kills = 0
        for _ in range(int(random.integers(1, 4))):
            resume = (output / "state.pt").exists()
            kills += _kill(self._command(output, resume), self._seconds * random.uniform(_STARTED, 1.0))
            if (output / "state.pt").exists():
                torch.load(output / "state.pt", weights_only=True)
            if (output / "model" / "config.json").exists():
                load_network(output / "model")
        _finish(self._command(output, resume=(output / "state.pt").exists()))
        assert losses(output) == losses(self._whole), "another sequence of losses"
        weights, expected = (load_network(run / "model").state_dict() for run in (output, self._whole))
        assert all(torch.equal(weights[name], expected[name]) for name in expected), "other weights"
        _assert_tidy(output)
        return kills


class _Folder:
    """``rfr inpaint`` of a folder, against one that was left alone."""

    name = "folder run"

    def __init__(self, folder: Path) -> None:
        torch.manual_seed(0)
        self._model = save_pretrained(RFRNet(RFRConfig(width=8, norm="group", recurrences=3)), folder / "model")
        self._photos, self._masks = folder / "photos", folder / "masks"
        for path in (self._photos, self._masks):
            path.mkdir()
        for index in range(PICTURES):
            photo = photograph(300, 200, index)
            photo.save(self._photos / f"{index:02}.png")
            mask = np.zeros((200, 300), dtype=np.uint8)
            mask[40 + index : 90, 60:140] = 255
            Image.fromarray(mask).save(self._masks / f"{index:02}.png")
        self._whole = folder / "filled"
        started = time.monotonic()
        _finish(self._command(self._whole))
        self._seconds = time.monotonic() - started

    def _command(self, out: Path) -> list[str]:
        paths = [str(self._photos), str(self._masks), "-o", str(out), "--model", str(self._model)]
        return [sys.executable, "-m", "rfr_core", "inpaint", *paths, "--device", "cpu", "--dtype", "float32", "--json"]

    def killed(self, out: Path, random: np.random.Generator) -> int:
        """Kills a run up to three times, lets it end, and compares; returns how often it was killed."""
        kills = 0
        for _ in range(int(random.integers(1, 4))):
            kills += _kill(self._command(out), self._seconds * random.uniform(_STARTED, 1.0))
            for path in _visible(out):
                read_picture(path)
        done = {path.name: path.stat().st_mtime_ns for path in _visible(out)}
        for path in out.glob(".*.tmp"):
            os.utime(path, (0, 0))  # as if an hour had passed, after which they are cleared away
        facts = [json.loads(line) for line in _finish(self._command(out)).splitlines()]
        skipped = {Path(fact["out"]).name for fact in facts if fact["status"] == "skipped"}
        assert skipped == set(done), "what was done was done again"
        assert {path.name: path.stat().st_mtime_ns for path in _visible(out) if path.name in done} == done
        for path in _visible(self._whole):
            assert (out / path.name).read_bytes() == path.read_bytes(), f"{path.name} is another"
        assert len(_visible(out)) == PICTURES
        _assert_tidy(out)
        return kills


def _environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def _finish(command: list[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-600:]
    return done.stdout


def _kill(command: list[str], seconds: float) -> int:
    """Starts a command and kills it after a while; returns 0 if it was quicker."""
    process = subprocess.Popen(
        command, cwd=ROOT, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return int(process.returncode == -signal.SIGKILL)


def losses(output: Path) -> list[tuple[int, float]]:
    """The steps of a training run and their losses."""
    lines = [json.loads(line) for line in (output / "log.jsonl").read_text("utf-8").splitlines()]
    return [(line["step"], line["loss"]) for line in lines]


def _visible(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!.]*.png"))


def _assert_tidy(folder: Path) -> None:
    left = [str(path.relative_to(folder)) for path in folder.rglob("*.tmp")]
    assert not left, f"left behind: {', '.join(left)}"
