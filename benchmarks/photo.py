"""A small hole in a large photograph: the whole command, reading and writing the JPEG included."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.pictures import save_crop, save_photo
from benchmarks.process import peak_of, run_python
from benchmarks.report import Table, Value
from benchmarks.setting import Setting
from benchmarks.timing import Times

_SIZE, _HOLE = (4000, 3000), 200


def run(setting: Setting) -> Table:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo = save_photo(folder, "photo", _SIZE, _HOLE)
        # As far around the hole as the network is shown.
        commands = {"photo": photo, "crop": save_crop(folder, *photo, margin=_HOLE)}
        arguments = {
            what: ("inpaint", *paths, "-o", folder / f"{what}.jpg", "--device", "cpu")
            for what, paths in commands.items()
        }
        seconds: dict[str, list[float]] = {what: [] for what in commands}
        for _ in range(setting.rounds):
            for what, words in arguments.items():
                seconds[what].append(run_python("-m", "rfr_core", *words).seconds(setting.clock))
        times = Times(seconds)
        rows: list[list[Value]] = [
            [what, times.of(what), times.ratio(what, "crop"), peak_of("benchmarks.command", *words) / 2**30]
            for what, words in arguments.items()
        ]
    title = f"`rfr inpaint` of a {_HOLE}-pixel hole in a JPEG of {_SIZE[0]}×{_SIZE[1]}, bundled model, whole process"
    return Table(title, ("picture", "s", "times the crop", "peak GiB"), rows)
