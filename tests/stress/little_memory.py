"""Fills in processes that may take only so much more memory: the result of plenty of it, or a sentence."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time

import numpy as np
import torch

from rfr_core.config import RFRConfig
from rfr_core.errors import DeviceError
from rfr_core.inpainter import Inpainter
from rfr_core.network.rfr_net import RFRNet

from . import memory
from .attempts import ROOT, refused
from .figures import MIB, Figures

MEBIBYTES = (1, 5, 10, 20, 40, 60, 80, 100, 150, 200, 300, 400, 600)


def run(figures: Figures, seed: int, seconds: float) -> None:
    """Fills with each of these limits, and then with others, until the time is over."""
    random = np.random.default_rng(seed)
    end = time.monotonic() + seconds
    for limit in (*MEBIBYTES, *(int(n) for n in random.integers(1, 500, 1000))):
        if time.monotonic() > end:
            break
        with figures.trial(f"{limit} MiB of memory") as ended:
            said = filled_with(limit)
            assert said in ("filled", DeviceError.__name__), said
            ended.append("filled" if said == "filled" else "told in a sentence")


def filled_with(mebibytes: int) -> str:
    """How a fill ends in a process that may take that many more: ``"filled"``, or the name of the error."""
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.stress.little_memory", str(mebibytes)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    if done.returncode:
        return f"exit status {done.returncode}: {done.stderr[-600:]}"
    return json.loads(done.stdout)


def _fill(mebibytes: int) -> str:
    torch.manual_seed(0)
    inpainter = Inpainter(RFRNet(RFRConfig(width=16, norm="group")), device="cpu", dtype="float32")
    image = np.random.default_rng(0).integers(0, 256, (600, 600, 3), dtype=np.uint8)
    hole = np.zeros((600, 600), dtype=bool)
    hole[180:420, 180:420] = True
    before = hashlib.sha256(image[~hole].tobytes()).digest()
    memory.limit_growth(mebibytes * MIB)
    try:
        filled = inpainter(image, hole, recurrences=2)
    except DeviceError as error:
        refused(error)
        return type(error).__name__
    del image
    assert hashlib.sha256(filled[~hole].tobytes()).digest() == before
    return "filled"


if __name__ == "__main__":
    print(json.dumps(_fill(int(sys.argv[1]))))
