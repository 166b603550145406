"""How long `rfr inpaint` takes for a small picture, as a whole process, against ``import torch`` plus the forward."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.pictures import save_photo
from benchmarks.process import run_python
from benchmarks.report import Table, Value
from benchmarks.setting import Setting
from benchmarks.timing import Times, in_turns
from rfr_core.holes.masks import read_hole
from rfr_core.images.picture_files import read_picture
from rfr_core.inpainter import Inpainter

_SIDE, _HOLE = 256, 64


def run(setting: Setting) -> Table:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo, mask = save_photo(folder, "small", (_SIDE, _SIDE), _HOLE)
        commands = {
            "rfr --help": ("-m", "rfr_core", "--help"),
            "import torch": ("-c", "import torch"),
            "rfr inpaint": ("-m", "rfr_core", "inpaint", photo, mask, "-o", folder / "out.jpg", "--device", "cpu"),
        }
        seconds: dict[str, list[float]] = {what: [] for what in commands}
        for _ in range(1 + setting.rounds):
            for what, words in commands.items():
                seconds[what].append(run_python(*words).seconds(setting.clock))
        times = Times({what: taken[1:] for what, taken in seconds.items()})  # the first reads files into the cache
        inpainter, picture, hole = Inpainter.from_pretrained(device="cpu"), read_picture(photo).image, read_hole(mask)
        fill = in_turns({"fill": lambda: inpainter(picture, hole)}, setting.rounds, setting.clock).of("fill")
    floor = times.of("import torch") + fill
    rows: list[list[Value]] = [[what, times.of(what), times.of(what) / floor] for what in commands]
    rows.append(["the fill alone", fill, fill / floor])
    title = f"Start-up: a {_SIDE}×{_SIDE} picture with a {_HOLE}-pixel hole, bundled model"
    return Table(title, ("what", "s", "times (import torch + fill)"), rows)
