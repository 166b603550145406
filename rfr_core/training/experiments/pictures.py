"""Small copies of training pictures, made once: decoding large ones would take longer than a short training."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from PIL import Image

from rfr_core.files import appearing
from rfr_core.images.picture_files import read_picture
from rfr_core.training.data.paper_datasets import dataset_files
from rfr_core.training.data.samples import pictures_of
from rfr_core.training.experiments.budget import Budget, Sources


def prepared(budget: Budget, sources: Sources, folder: Path) -> Sources:
    """The sources with their training pictures scaled as the budget wants, below ``folder``.

    At most as many pictures as the first seed's run has samples are taken, spread evenly. Shards stay as they are.

    Raises:
        ConfigError: a folder or data set is missing. ImageError: a picture cannot be read.
    """
    if budget.shrink is None or sources.shards:
        return sources
    files = _files(sources)
    most = sum(phase.steps * phase.batch * phase.accumulate for phase in budget.phases_for(sources.layout))
    count = min(most, len(files))
    chosen = [files[k * len(files) // count] for k in range(count)]
    names = "\n".join(f"{path.resolve()} {path.stat().st_size}" for path in chosen)
    target = folder / f"{budget.shrink}-{hashlib.sha256(names.encode()).hexdigest()[:12]}"
    target.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(chosen):
        copy = target / f"{number:06d}.png"
        if not copy.exists():
            _shrink(path, copy, budget.shrink)
    return replace(sources, train=target, layout="folder")


def _files(sources: Sources) -> list[Path]:
    if sources.layout == "folder":
        return pictures_of([str(sources.train)], "pictures")
    return dataset_files(sources.layout, sources.train, "train")


def _shrink(path: Path, copy: Path, shorter: int) -> None:
    image = read_picture(path).image.convert("RGB")
    factor = min(1.0, shorter / min(image.size))
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    with appearing(copy) as file:
        image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0).save(file, format="PNG")
