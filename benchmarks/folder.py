"""Many pictures: reading, filling and writing overlapped, against one after another."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.pictures import save_photo
from benchmarks.report import Table
from benchmarks.setting import Setting
from benchmarks.timing import in_turns
from rfr_core.command.batch import Job, plan_jobs, run_jobs
from rfr_core.holes.masks import read_hole
from rfr_core.images.picture_files import read_picture, save_picture
from rfr_core.inpainter import Inpainter
from rfr_core.options import Options

_PICTURES, _SIZE, _HOLE = 200, (1600, 1200), 120  # pictures of all rounds together


def run(setting: Setting) -> Table:
    inpainter = Inpainter.from_pretrained(device="cpu")
    count = _PICTURES // (setting.rounds + 1)  # with the round that warms up
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for index in range(count):
            save_photo(folder, f"{index:03}", _SIZE, _HOLE, shift=index)
        jobs = plan_jobs(folder / "photos", folder / "masks", folder / "out")
        (folder / "out").mkdir()
        ways = {
            "one after another": lambda: _one_by_one(inpainter, jobs),
            "as rfr inpaint does": lambda: list(run_jobs(jobs, lambda: inpainter, Options())),
        }
        times = in_turns(ways, setting.rounds, "wall")
    rows = [[way, count / times.of(way), times.ratio("one after another", way)] for way in ways]
    title = f"A folder of {count} JPEGs of {_SIZE[0]}×{_SIZE[1]} with a {_HOLE}-pixel hole each, bundled model"
    return Table(title, ("way", "pictures per second", "times as fast"), rows)


def _one_by_one(inpainter: Inpainter, jobs: Sequence[Job]) -> None:
    for job in jobs:
        assert job.masks is not None
        picture = read_picture(job.image)
        filled = inpainter(picture.image, read_hole(job.masks[0]))
        save_picture(picture.filled(filled), job.out)
