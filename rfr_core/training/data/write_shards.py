"""Packs a folder of pictures into tar files that can be streamed (webdataset shards)."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np

from rfr_core.errors import ConfigError
from rfr_core.files import appearing
from rfr_core.training.data.paper_datasets import Layout, Split, dataset_files


def write_shards(
    root: Path, out: Path, per_shard: int = 5000, layout: Layout = "folder", split: Split = "train", seed: int = 0
) -> list[Path]:
    """Writes ``000000.tar``, ``000001.tar`` … to ``out``, the pictures in random order, their bytes as they are.

    A shard that lies there already is kept, so that packing can go on where it stopped; each appears when complete.

    Raises:
        ConfigError: the folder or data set is missing, or ``per_shard`` is below 1.
    """
    if per_shard < 1:
        raise ConfigError(f"per_shard is {per_shard}; it must be 1 or more.")
    files = dataset_files(layout, root, split)
    order = np.random.default_rng(seed).permutation(len(files))
    out.mkdir(parents=True, exist_ok=True)
    shards = []
    for first in range(0, len(files), per_shard):
        shard = out / f"{first // per_shard:06d}.tar"
        if not shard.exists():
            _write(shard, first, [files[i] for i in order[first : first + per_shard]])
        shards.append(shard)
    return shards


def _write(shard: Path, first: int, files: list[Path]) -> None:
    # Numbered names: equal ones in different folders of the data set would count as one sample.
    with appearing(shard) as file, tarfile.open(fileobj=file, mode="w") as archive:
        for number, path in enumerate(files, first):
            archive.add(path, f"{number:08d}{path.suffix.lower()}", recursive=False)
