"""Peak memory of whole fills by size of picture and hole: the command, each time a process of its own."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.pictures import save_photo
from benchmarks.process import peak_of
from benchmarks.report import Table, Value
from benchmarks.setting import Setting

_CASES = (  # width and height of the picture, side of a square hole in its middle
    ((256, 256), 128),
    ((512, 512), 256),
    ((1024, 1024), 512),
    ((4000, 3000), 200),
    ((4000, 3000), 1000),
    ((6000, 4000), 3000),
)


def run(setting: Setting) -> Table:
    rows: list[list[Value]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size, side in _CASES:
            photo, mask = save_photo(folder, f"photo_{size[0]}_{side}", size, side)
            command = ("inpaint", photo, mask, "-o", folder / f"filled_{size[0]}_{side}.jpg", "--device", "cpu")
            rows.append([f"{size[0]}×{size[1]}", f"{side}×{side}", peak_of("benchmarks.command", *command) / 2**30])
    return Table("Peak memory of `rfr inpaint`, whole process", ("picture", "hole", "peak GiB"), rows)
