"""Many pictures: read ahead within bounds, told in order, and never done twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from rfr_core import Inpainter, RFRConfig, RFRNet
from rfr_core.checkpoints.saving import save_pretrained
from rfr_core.command.batch import Job, Outcome, plan_jobs, run_jobs
from rfr_core.images import jpeg
from rfr_core.options import Options

ROOT = Path(__file__).parents[2]
COUNT = 24


@pytest.fixture(scope="module")
def inpainter() -> Inpainter:
    torch.manual_seed(0)
    return Inpainter(RFRNet(RFRConfig(width=8, norm="group", recurrences=2)), device="cpu", dtype="float32")


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    """As many pictures as `COUNT`, with a hole each."""
    for folder in ("photos", "masks", "out"):
        (tmp_path / folder).mkdir()
    ImageDraw.Draw(mask := Image.new("L", (64, 48))).rectangle((20, 20, 35, 30), fill=255)
    random = np.random.default_rng(0)
    for index in range(COUNT):
        Image.fromarray(random.integers(0, 256, (48, 64, 3), np.uint8)).save(tmp_path / "photos" / f"{index:02}.png")
        mask.save(tmp_path / "masks" / f"{index:02}.png")
    return plan_jobs(tmp_path / "photos", tmp_path / "masks", tmp_path / "out")


def outcomes(jobs: list[Job], inpainter: Inpainter) -> Iterator[Outcome]:
    return (event for event in run_jobs(jobs, lambda: inpainter, Options()) if isinstance(event, Outcome))


def test_pictures_are_read_ahead_but_not_all_at_once(jobs: list[Job], inpainter: Inpainter) -> None:
    taken: list[Job] = []

    def counted() -> Iterator[Job]:
        for job in jobs:
            taken.append(job)
            yield job

    for told, _ in enumerate(run_jobs(counted(), lambda: inpainter, Options()), 1):
        assert 1 < len(taken) <= told + 10
    assert taken == jobs


def test_a_model_is_loaded_once_and_only_for_pictures(jobs: list[Job], inpainter: Inpainter) -> None:
    loaded: list[Inpainter] = []

    def load() -> Inpainter:
        loaded.append(inpainter)
        return inpainter

    assert len([event for event in run_jobs(jobs, load, Options()) if isinstance(event, Outcome)]) == COUNT
    assert list(run_jobs([], load, Options())) == []
    assert loaded == [inpainter]


def test_outcomes_come_in_order_and_a_failure_keeps_its_place(jobs: list[Job], inpainter: Inpainter) -> None:
    jobs[3].image.write_bytes(b"no picture")
    found = list(outcomes(jobs, inpainter))
    order = [outcome.job for outcome in found if outcome.status == "filled"]
    assert order == jobs[:3] + jobs[4:]
    assert [outcome.job for outcome in found if outcome.status == "failed"] == [jobs[3]]
    written = {path.name for path in jobs[0].out.parent.iterdir()}
    assert written == {job.out.name for job in jobs if job != jobs[3]}


def test_whoever_stops_early_leaves_whole_pictures_alone(jobs: list[Job], inpainter: Inpainter) -> None:
    running = outcomes(jobs, inpainter)
    first = next(running)
    running.close()  # pyright: ignore[reportAttributeAccessIssue]
    written = list(first.job.out.parent.iterdir())
    assert first.job.out in written
    assert len(written) < COUNT
    for path in written:
        with Image.open(path) as picture:
            picture.load()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_folder_is_finished_without_doing_a_picture_twice(jobs: list[Job], tmp_path: Path) -> None:
    model = save_pretrained(RFRNet(RFRConfig(width=8, norm="group", recurrences=2)), tmp_path / "model")
    command = [sys.executable, "-m", "rfr_core", "inpaint", tmp_path / "photos", tmp_path / "masks"]
    command += ["-o", tmp_path / "out", "--model", model, "--device", "cpu", "--json"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()  # the first picture is done
        process.send_signal(signal.SIGKILL)
    done = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.png")}
    assert done
    again = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    status = [json.loads(line)["status"] for line in again.stdout.splitlines()]
    assert status.count("skipped") == len(done)
    assert status.count("filled") == COUNT - len(done)
    for name, modified in done.items():
        assert (tmp_path / "out" / name).stat().st_mtime_ns == modified


@pytest.mark.parametrize("damaged", [0, 1])
def test_a_jpeg_that_no_coefficients_can_be_read_of_fails_alone(
    tmp_path: Path, inpainter: Inpainter, monkeypatch: pytest.MonkeyPatch, damaged: int
) -> None:
    pytest.importorskip("jpeglib")
    for folder in ("photos", "out"):
        (tmp_path / folder).mkdir()
    ImageDraw.Draw(mask := Image.new("L", (64, 48))).rectangle((20, 20, 35, 30), fill=255)
    mask.save(tmp_path / "mask.png")
    for number in range(3):
        Image.new("RGB", (64, 48), (80 * number, 90, 100)).save(tmp_path / "photos" / f"{number}.jpg")
    unreadable, read = (tmp_path / "photos" / f"{damaged}.jpg").read_bytes(), jpeg._coefficients

    def refusing(data: bytes) -> object:
        if data == unreadable:
            raise OSError("reading failed")
        return read(data)

    monkeypatch.setattr(jpeg, "_coefficients", refusing)
    made = list(outcomes(plan_jobs(tmp_path / "photos", tmp_path / "mask.png", tmp_path / "out"), inpainter))
    assert [outcome.status == "failed" for outcome in made] == [number == damaged for number in range(3)]
    assert [(tmp_path / "out" / f"{number}.jpg").exists() for number in range(3)] == [n != damaged for n in range(3)]


def test_pictures_are_read_while_torch_starts(jobs: list[Job]) -> None:
    code = """
import sys
from pathlib import Path
from rfr_core.command.batch import plan_jobs, run_jobs
from rfr_core.errors import RFRError
from rfr_core.options import Options
def load():
    print("torch" in sys.modules)
    raise RFRError("that was all")
try:
    next(run_jobs(plan_jobs(Path("photos"), Path("masks"), Path("out")), load, Options()))
except RFRError as error:
    print(error)
"""
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=jobs[0].image.parents[1],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.split("\n") == ["False", "that was all", ""]
