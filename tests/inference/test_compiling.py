"""Compiled networks: equal to the others at every size, and told of where there is no compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from rfr_core import Inpainter, RFRConfig, RFRNet
from rfr_core.checkpoints.saving import save_pretrained

CONFIG = RFRConfig(width=8, recurrences=2)


@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # PyTorch's compiler uses it itself
def test_a_compiled_network_fills_as_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))  # what was compiled earlier proves nothing
    torch.manual_seed(0)
    network = RFRNet(CONFIG)
    ways = [Inpainter(network, device="cpu", dtype="float32", compile=compile) for compile in (False, True)]
    random = np.random.default_rng(0)
    for height, width in ((72, 96), (96, 136)):
        picture, hole = random.random((height, width, 3), np.float32), np.zeros((height, width), bool)
        hole[20:44, 30:60] = True
        usual, compiled = ([step.tensor() for step in way.steps(picture, hole)] for way in ways)
        assert len(compiled) == len(usual) == 2
        for one, other in zip(usual, compiled, strict=True):
            assert not torch.equal(other, torch.from_numpy(picture).permute(2, 0, 1)[None])
            assert (one - other).abs().max() < 1e-5


@pytest.mark.skipif(sys.platform == "win32", reason="there the compiler is not chosen by a variable")
def test_without_a_compiler_the_command_says_so(tmp_path: Path) -> None:
    save_pretrained(RFRNet(CONFIG), tmp_path / "model")
    Image.new("RGB", (48, 40), "gray").save(tmp_path / "photo.png")
    ImageDraw.Draw(mask := Image.new("L", (48, 40))).rectangle((20, 16, 30, 24), fill=255)
    mask.save(tmp_path / "mask.png")
    command = "-m rfr_core inpaint photo.png mask.png -o out.png --model model --device cpu --dtype float32 --compile"
    variables = {"CXX": str(tmp_path / "none"), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    process = subprocess.run(
        [sys.executable, *command.split()],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 2
    assert "cannot be compiled here" in process.stderr
    assert "Traceback" not in process.stderr
    assert not (tmp_path / "out.png").exists()
