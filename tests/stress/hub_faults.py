"""Downloads from a Hub that stalls, cuts, lies about sizes and changes files: the right file, or a sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hub_server import HubServer

from rfr_core.checkpoints.saving import save_pretrained
from rfr_core.config import RFRConfig
from rfr_core.errors import CheckpointError
from rfr_core.network.rfr_net import RFRNet

from .attempts import ROOT, refused
from .figures import Figures
from .mutation import Random, mutated

REPO = "owner/tiny"


def run(figures: Figures, seed: int, seconds: float) -> None:
    """One fault after another until the time is over, each kind at least once."""
    end = time.monotonic() + seconds
    index = 0
    with tempfile.TemporaryDirectory(prefix="rfr-stress-") as name:
        torch.manual_seed(0)
        config = RFRConfig(width=8, channels=(8, 8, 16), kernel_size=3, norm="group")
        source = save_pretrained(RFRNet(config), Path(name) / "source")
        files = {path.name: path.read_bytes() for path in source.iterdir()}
        while index < len(FAULTS) or time.monotonic() < end:
            fault = list(FAULTS)[index % len(FAULTS)]
            with figures.trial(f"{fault}, {index} of seed {seed}") as ended, HubServer() as hub:
                hub.add(REPO, files)
                random = np.random.default_rng((seed, index))
                FAULTS[fault](hub, files["model.safetensors"], random)
                ended.append(_outcome(hub, files, Path(name) / str(index)))
            index += 1


def _cut(hub: HubServer, model: bytes, random: Random) -> None:
    hub.cut_at, hub.cuts = int(random.integers(1, len(model))), int(random.choice([1, 2, 1000]))


def _stall(hub: HubServer, model: bytes, random: Random) -> None:
    hub.cut_at, hub.stalls = int(random.integers(0, len(model))), int(random.choice([1, 1000]))


def _lie(hub: HubServer, model: bytes, random: Random) -> None:
    hub.announced = max(0, len(model) + int(random.choice([-len(model), -9, -1, 1, 9, 10**6])))


def _change(hub: HubServer, model: bytes, random: Random) -> None:
    """Another content, as often as not of the size that was announced."""
    changed = bytearray(mutated(model, random))
    if random.random() < 0.5:
        changed = (changed + model[len(changed) :])[: len(model)]
    changed[-1:] = bytes([changed[-1] ^ 1]) if changed else b""
    hub.replacement = bytes(changed)


FAULTS: dict[str, Callable[[HubServer, bytes, Random], None]] = {
    "cut": _cut,
    "stall": _stall,
    "false size": _lie,
    "changed file": _change,
}


def _outcome(hub: HubServer, files: dict[str, bytes], home: Path) -> str:
    """The download from the faulty Hub, and another once it is well again."""
    answer = download(hub.url, home)
    if "error" in answer:
        refused(CheckpointError(answer["error"]))
    else:
        _assert_right(answer, files)
    hub.cuts = hub.stalls = 0
    hub.announced = hub.replacement = None
    hub.healed.set()
    _assert_right(download(hub.url, home), files)
    return "told in a sentence" if "error" in answer else "got over"


def _assert_right(answer: dict[str, Any], files: dict[str, bytes]) -> None:
    assert "paths" in answer, answer
    contents = [Path(path).read_bytes() for path in answer["paths"]]
    assert contents == [files["config.json"], files["model.safetensors"]], "another file than the Hub's"


def download(url: str, home: Path) -> dict[str, Any]:
    """What a process that downloads the repository into the cache ``home`` says, within two minutes."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment |= {"HF_ENDPOINT": url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1"}
    environment |= {"HF_HUB_DOWNLOAD_TIMEOUT": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "tests" / "hub_client.py"), "download", json.dumps({"source": REPO})]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-600:]
    return json.loads(done.stdout)
