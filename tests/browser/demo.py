"""A running demo for the tests, and a browser in front of it."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import torch
from chromium import CHROMIUM, FLAGS
from PIL import Image

from rfr_core.checkpoints.model import RFRModel
from rfr_core.checkpoints.saving import save_pretrained
from rfr_core.config import RFRConfig

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Demo:
    """A server of the demo. url: its address. folder: everything its visitors' files lie in."""

    url: str
    folder: Path
    process: subprocess.Popen[str]

    @property
    def sessions(self) -> list[Path]:
        """The folders of its visitors."""
        return [photo.parent for photo in self.folder.glob("rfr-demo-*/files/sessions/*/photo")]


@cache
def running_demo() -> Demo:
    """Starts the demo with a tiny random network, once for all tests; it ends with them."""
    folder = Path(tempfile.mkdtemp(prefix="rfr-test-")).resolve()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    torch.manual_seed(0)
    model = save_pretrained(RFRModel(RFRConfig(width=8, norm="group", refinement=8)), folder / "tiny")
    return start_demo(["--model", str(model)], folder, {"OMP_NUM_THREADS": "1"})


def start_demo(arguments: list[str], folder: Path, settings: dict[str, str] | None = None) -> Demo:
    """Starts the demo with its temporary files in ``folder``, and waits until it answers; it ends with this process."""
    command = [sys.executable, "-u", "-m", "rfr_nodes.demo", "--port", str(free_port()), *arguments]
    environment = os.environ | {"TMPDIR": str(folder)} | (settings or {})
    process = subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    atexit.register(_end, process)
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        if found:
            Thread(target=process.stdout.read, daemon=True).start()  # else a full pipe would stop it
            return Demo(found[0], folder, process)
    raise RuntimeError(f"the demo ended with status {process.wait()}: {''.join(said)}")


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """Headless Chromium under Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


def photograph(width: int, height: int, seed: int = 0) -> Image.Image:
    """A smooth picture of many colours, different for every seed."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


class Visitor:
    """Someone in front of the page, who does what people do with it."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.requested: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requested.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        page.goto(url)
        page.get_by_role("heading", name="Remove something from a photo").wait_for()
        page.locator("[data-listening]").wait_for(state="attached")  # the heading is there before the scripts are

    def upload(self, photo: Path) -> None:
        """Chooses a photo and waits until it can be painted on."""
        self.page.locator("#photo input[type=file]").set_input_files(photo)
        self.page.locator("#painter [data-ready]").wait_for()

    def spot(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the photo, in shares of its width and height, is on the screen."""
        box = self.page.locator(".painter-mask").bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def paint(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Draws a stroke with the mouse between two places, in shares of width and height."""
        self.page.mouse.move(*self.spot(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.spot(*end), steps=8)
        self.page.mouse.up()

    def painted(self) -> int:
        """How many pixels of the painting area are painted."""
        return self.page.evaluate(
            """() => {
                const canvas = document.querySelector('.painter-mask');
                const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
                return data.filter((value, i) => i % 4 === 3 && value > 127).length;
            }"""
        )

    def remove(self) -> None:
        """Presses the button and waits for the result."""
        before = self.shown()
        self.page.locator("#remove").click()
        self.wait_until_filled(before)

    def shown(self) -> str:
        """What the viewer shows, by the version's name."""
        return self.page.locator(".viewer").get_attribute("data-id") or "none"

    def wait_until_filled(self, before: str) -> None:
        """Waits until a run has ended that began when the viewer showed ``before``."""
        finished = f".viewer[data-status=finished]:not([data-id='{before}'])"
        self.page.locator(finished).wait_for(state="attached")
        self.page.locator("#remove:not([disabled])").wait_for()

    def wait_for(self, status: str) -> None:
        """Waits until the viewer is in that status."""
        self.page.locator(f".viewer[data-status={status}]").wait_for(state="attached")

    def show(self, mode: str) -> None:
        """Chooses what the viewer shows."""
        self.page.locator(".viewer-modes").get_by_text(mode, exact=True).click()

    def download(self, folder: Path) -> Path:
        """Downloads the result."""
        self.page.locator("#download:not([disabled])").wait_for()
        with self.page.expect_download() as download:
            self.page.locator("#download").click()
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path

    def source(self, image: str) -> str:
        """The address of a picture in the viewer: "under" or "over"."""
        return self.page.locator(f".viewer-{image}").get_attribute("src")
