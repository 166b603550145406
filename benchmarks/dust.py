"""Many small holes, or a long thin one, in a scan of 24 megapixels: the whole command."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.pictures import save_photo
from benchmarks.process import peak_of, run_python
from benchmarks.report import Table, Value
from benchmarks.setting import Setting
from benchmarks.timing import Times

_SIZE, _SPOTS, _SPOT, _WIRE = (6000, 4000), 200, 12, 7


def run(setting: Setting) -> Table:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo, _ = save_photo(folder, "scan", _SIZE, _SPOT)
        masks = {"spots": _spots(), "wire": _wire()}
        commands = {}
        for what, mask in masks.items():
            mask.save(folder / f"{what}.png")
            commands[what] = ("inpaint", photo, folder / f"{what}.png", "-o", folder / f"{what}.jpg", "--device", "cpu")
        words = {what: ("-m", "rfr_core", *command) for what, command in commands.items()}
        seconds = {
            what: [run_python(*command).seconds(setting.clock) for _ in range(setting.rounds)]
            for what, command in words.items()
        }
        times = Times(seconds)
        rows: list[list[Value]] = [
            [what, times.of(what), peak_of("benchmarks.command", *command) / 2**30]
            for what, command in commands.items()
        ]
    title = f"`rfr inpaint` of {_SPOTS} spots of {_SPOT} pixels, and of a wire, in {_SIZE[0]}×{_SIZE[1]}, whole process"
    return Table(title, ("hole", "s", "peak GiB"), rows)


def _spots() -> Image.Image:
    mask, rng = Image.new("L", _SIZE), np.random.default_rng(0)
    draw = ImageDraw.Draw(mask)
    for left, top in rng.integers(0, np.array(_SIZE) - _SPOT, (_SPOTS, 2)).tolist():
        draw.ellipse((left, top, left + _SPOT - 1, top + _SPOT - 1), fill=255)
    return mask


def _wire() -> Image.Image:
    mask = Image.new("L", _SIZE)
    ImageDraw.Draw(mask).line((0, 300, _SIZE[0] - 1, _SIZE[1] - 300), fill=255, width=_WIRE)
    return mask
