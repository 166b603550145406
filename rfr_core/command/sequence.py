"""``rfr inpaint FRAMES --sequence``: the frames of one shot, filled together."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rfr_core.command.batch import Job, Outcome, load_job
from rfr_core.command.marking import Marking
from rfr_core.errors import HoleError
from rfr_core.images.picture_files import Picture, save_picture
from rfr_core.options import Options

if TYPE_CHECKING:
    from rfr_core.inpainter import Inpainter


def in_order(jobs: Sequence[Job]) -> list[Job]:
    """Frames by the numbers in their names, so that frame_10 comes after frame_9."""
    return sorted(jobs, key=lambda job: _parts(job.image))


def run_sequence(
    jobs: Sequence[Job],
    load: Callable[[], Inpainter],
    options: Options,
    *,
    quality: int | None = None,
    marking: Marking | None = None,
) -> Iterator[Outcome]:
    """Fills frames one after another, each with what the others show; yields how each ended.

    As `batch.run_jobs`, but a frame that cannot be used ends it all: raises RFRError.
    """
    from rfr_core.sequence.fill_sequence import fill_sequence

    reader = _Reader(jobs, options, marking)
    names = ("recurrences", "context", "detail", "fill_gaps", "grow", "feather")
    keywords = {name: getattr(options, name) for name in names}
    started = time.perf_counter()
    filled = fill_sequence(load(), reader.frames(), reader.masks(), **keywords)
    for job, image in zip(jobs, filled, strict=True):
        save_picture(replace(reader.files.popleft(), image=image), job.out, quality=quality)
        yield Outcome(job, "filled", seconds=time.perf_counter() - started)
        started = time.perf_counter()


class _Reader:
    """Reads frames with their masks as they are asked for. files: of each frame read, the metadata."""

    def __init__(self, jobs: Sequence[Job], options: Options, marking: Marking | None) -> None:
        self._jobs, self._options, self._marking = jobs, options, marking
        self.files: deque[Picture] = deque()
        self._masks: deque[Any] = deque()

    def frames(self) -> Iterator[Any]:
        for job in self._jobs:
            if job.masks is None and self._marking is None:
                raise HoleError(f"{job.image} has no mask; a sequence needs masks, boxes or colours.")
            loaded = load_job(job, self._options, self._marking or Marking())
            self.files.append(replace(loaded.picture, image=loaded.picture.image.resize((1, 1))))
            self._masks.append(loaded.mask)
            yield loaded.picture.image

    def masks(self) -> Iterator[Any]:
        while True:
            yield self._masks.popleft()


def _parts(path: Path) -> list[tuple[bool, int, str]]:
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"([0-9]+)", path.name)]
