"""Saving to a file system that is full: a sentence, nothing half-written, and all is well once there is room."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hub_server import HubServer
from PIL import Image

from rfr_core.checkpoints.loading import load_network
from rfr_core.checkpoints.saving import save_pretrained
from rfr_core.config import RFRConfig
from rfr_core.errors import CheckpointError, ImageError
from rfr_core.images.picture_files import Picture, read_picture, save_picture
from rfr_core.network.rfr_net import RFRNet

from .attempts import ROOT, refused
from .figures import Figures
from .kills import SMOKE, losses
from .pictures import photograph

SIZE = 4 << 20
REPO = "owner/tiny"
CONFIG = RFRConfig(width=8, channels=(8, 8, 16), kernel_size=3, recurrences=2, norm="group")


def run(figures: Figures, seed: int, seconds: float) -> str | None:
    """Runs the trials in a process that has a small file system of its own; returns why, where it may not have one."""
    with tempfile.TemporaryDirectory(prefix="rfr-stress-") as name:
        mount = f'mount -t tmpfs -o size={SIZE} tmpfs "$0" && exec "$@"'
        own = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, name]
        try:
            subprocess.run([*own, "true"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return "since this user may not have a file system of its own."
        trials = [sys.executable, "-m", "tests.stress.disk_full", name, str(seed), str(seconds)]
        done = subprocess.run([*own, *trials], cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, check=True)
        found = json.loads(done.stdout)
    figures.tried, figures.faults = found["tried"], found["faults"]
    figures.outcomes.update(found["outcomes"])
    return None


def _environment(**more: str) -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""} | more


class _Disk:
    """The small file system: a folder to save to, and a file beside it that leaves only so much room."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "folder"
        self._ballast = root / "ballast"

    def empty(self) -> None:
        subprocess.run(["rm", "-rf", str(self.folder)], check=True)
        self.folder.mkdir()

    @contextlib.contextmanager
    def with_room(self, room: int) -> Iterator[None]:
        """No more than so many bytes can be written."""
        facts = os.statvfs(self.folder)
        with self._ballast.open("wb") as file:
            file.write(bytes(max(0, facts.f_bavail * facts.f_frsize - room)))
        yield
        self._ballast.unlink()

    def files(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("*.*")}


def save_a_picture(disk: _Disk, elsewhere: Path, random: np.random.Generator) -> str:
    """Over an older one, which stays."""
    suffix = (".png", ".jpg", ".webp", ".tif", ".bmp")[int(random.integers(5))]
    path = disk.folder / f"photo{suffix}"
    save_picture(Picture(photograph(20, 20)), path)
    before, outcome = disk.files(), "saved"
    with disk.with_room(int(random.integers(0, 90_000))):
        try:
            save_picture(Picture(photograph(160, 160, seed=1)), path)
        except ImageError as error:
            outcome = refused(error)
            assert disk.files() == before
    assert sorted(disk.files()) == [path.name]
    read_picture(path)
    return outcome


def save_a_checkpoint(disk: _Disk, elsewhere: Path, random: np.random.Generator) -> str:
    """Over an older one, which stays or is seen to be mixed."""
    torch.manual_seed(0)
    save_pretrained(RFRNet(CONFIG), disk.folder)
    before, outcome = disk.files(), "saved"
    with disk.with_room(int(random.integers(0, 220_000))):
        try:
            save_pretrained(RFRNet(CONFIG), disk.folder, card="# A card\n" + "-" * 9000)
        except CheckpointError as error:
            outcome = refused(error)
            changed = [name for name, content in disk.files().items() if content != before[name]]
            assert changed in ([], ["model.safetensors"], ["model.safetensors", "config.json"]), changed
    load_network(disk.folder)
    assert sorted(disk.files()) == ["README.md", "config.json", "model.safetensors"]
    return outcome


def download_a_checkpoint(disk: _Disk, elsewhere: Path, random: np.random.Generator) -> str:
    """Into a cache on the disk."""
    source = save_pretrained(RFRNet(CONFIG), elsewhere / "source")
    files = {path.name: path.read_bytes() for path in source.iterdir()}
    with HubServer() as hub:
        hub.add(REPO, files)
        settings = {"HF_ENDPOINT": hub.url, "HF_HOME": str(disk.folder), "HF_HUB_DISABLE_XET": "1"}
        command = [sys.executable, str(ROOT / "tests" / "hub_client.py"), "download", json.dumps({"source": REPO})]

        def download() -> dict[str, Any]:
            environment = _environment(PYTHONPATH=str(ROOT), **settings)
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr[-600:]
            return json.loads(done.stdout)

        with disk.with_room(int(random.integers(0, 300_000))):
            answer = download()
        outcome = "refused" if "error" in answer else "saved"
        if outcome == "refused":
            refused(CheckpointError(answer["error"]))
        assert [Path(path).read_bytes() for path in download()["paths"]] == [
            files["config.json"],
            files["model.safetensors"],
        ]
    return outcome


def train(disk: _Disk, elsewhere: Path, random: np.random.Generator) -> str:
    """A run that goes on once there is room, with the losses of one that always had it."""
    whole = elsewhere / "whole"
    pictures = elsewhere / "photographs"

    def fit(output: Path, *more: str) -> subprocess.CompletedProcess[str]:
        settings = ["--set", f'data.pictures=["{pictures}"]', "--set", f"output={output}"]
        command = [sys.executable, "-m", "train", "fit", str(SMOKE), *settings, *more]
        return subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False)

    if not whole.exists():
        pictures.mkdir()
        for index in range(3):
            photograph(96, 72, index).save(pictures / f"{index}.png")
        assert fit(whole).returncode == 0
    run = disk.folder / "run"
    with disk.with_room(int(random.integers(0, 2_600_000))):
        done = fit(run)
        if done.returncode:
            assert done.returncode == 2, done.stderr[-600:]
            assert "Traceback" not in done.stderr
            assert done.stderr.strip().endswith(".")
    outcome = "refused" if done.returncode else "saved"
    if done.returncode:
        again = fit(run, *(["--resume"] if (run / "state.pt").exists() else []))
        assert again.returncode == 0, again.stderr[-600:]
    assert losses(run) == losses(whole), "another sequence of losses"
    assert not list(run.rglob("*.tmp"))
    return outcome


def fill_a_folder(disk: _Disk, elsewhere: Path, random: np.random.Generator) -> str:
    """A folder run whose results do not all fit; the others are made once there is room."""
    photos, model = elsewhere / "photos", elsewhere / "model"
    if not photos.exists():
        save_pretrained(RFRNet(CONFIG), model)
        photos.mkdir()
        mask = Image.new("L", (120, 90))
        mask.paste(255, (30, 30, 50, 50))
        mask.save(elsewhere / "mask.png")
        for index in range(6):
            photograph(120, 90, index).save(photos / f"{index}.png")
    out = disk.folder / "out"

    def inpaint() -> subprocess.CompletedProcess[str]:
        paths = [str(photos), str(elsewhere / "mask.png"), "-o", str(out), "--model", str(model)]
        command = [sys.executable, "-m", "rfr_core", "inpaint", *paths, "--device", "cpu"]
        return subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False)

    with disk.with_room(int(random.integers(0, 120_000))):
        done = inpaint()
        assert done.returncode in (0, 1, 2), done.stderr[-600:]
        assert "Traceback" not in done.stderr
    again = inpaint()
    assert again.returncode == 0, again.stderr[-600:]
    for index in range(6):
        assert read_picture(out / f"{index}.png").image.size == (120, 90)
    assert len(list(out.iterdir())) == 6
    return "refused" if done.returncode else "saved"


TRIALS: tuple[Callable[[_Disk, Path, np.random.Generator], str], ...] = (
    save_a_picture,
    save_a_checkpoint,
    download_a_checkpoint,
    train,
    fill_a_folder,
)


def _main(root: Path, seed: int, seconds: float) -> None:
    figures = Figures("disk", root)
    end = time.monotonic() + seconds
    disk, index = _Disk(root), 0
    with tempfile.TemporaryDirectory(prefix="rfr-stress-") as name:
        while index < len(TRIALS) or time.monotonic() < end:
            trial = TRIALS[index % len(TRIALS)]
            for repetition in range(20 if trial in (save_a_picture, save_a_checkpoint) else 1):
                disk.empty()
                with figures.trial(f"{trial.__name__} {index}.{repetition} of seed {seed}") as ended:
                    ended.append(trial(disk, Path(name), np.random.default_rng((seed, index, repetition))))
                (root / "ballast").unlink(missing_ok=True)
            index += 1
    print(json.dumps(figures.to_dict()))


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
