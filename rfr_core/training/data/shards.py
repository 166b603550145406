"""Training samples streamed from tar files (webdataset shards), for data sets of millions of pictures.

Every process and worker reads shards of its own, one after another, so nothing seeks and no list of files is kept. The
sequence is a function of the seed, the processes and the workers; a run that goes on reads past what it has used.
"""

from __future__ import annotations

import io
import random
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from torch.utils.data import IterableDataset, get_worker_info

from rfr_core.errors import ConfigError, ImageError
from rfr_core.images.picture_files import DEFAULT_MAX_PIXELS, FORMAT_BY_SUFFIX, READ_FORMATS
from rfr_core.training.data.samples import DataConfig, Sample, TrainingHoles, random_crop

BUFFER = 500  # encoded pictures from which the next is drawn


@dataclass(frozen=True)
class StreamPlace:
    """Where in the stream a process stands.

    start: samples that all processes had drawn before this phase. batch: samples that a process takes at a time. done:
    batches that it has taken in this phase. rank, processes, workers: which process it is, of how many, and how many
    workers read for each.
    """

    start: int = 0
    batch: int = 1
    done: int = 0
    rank: int = 0
    processes: int = 1
    workers: int = 1

    def lane(self, worker: int) -> tuple[int, int]:
        """The stream that a worker reads on, and how many of its samples have been used.

        Batches come from the workers in turn, beginning with worker 0; a run that goes on has to begin with the stream
        whose turn it is.
        """
        lane = (self.done + worker) % self.workers
        return lane * self.processes + self.rank, len(range(lane, self.done, self.workers)) * self.batch


def shard_files(patterns: Sequence[str]) -> list[str]:
    """The tar files that patterns such as ``places2/*.tar`` name, sorted.

    Raises:
        ConfigError: a pattern fits no file.
    """
    files: list[str] = []
    for pattern in patterns:
        folder, name = Path(pattern).parent, Path(pattern).name
        found = sorted(str(path) for path in folder.glob(name) if path.is_file())
        if not found:
            raise ConfigError(f"shards names {pattern}, which fits no file; correct data.shards.")
        files += found
    return files


class ShardPictures(IterableDataset[Sample]):
    """Samples without end from shards; each sample of a tar file is one picture (``.jpg``, ``.png`` …).

    Every shard is read once before any is read again, in an order that changes with each round.

    Raises:
        ConfigError: there are fewer shards than readers. ImageError, while reading: a shard is damaged, or no
            picture in any can be read.
    """

    def __init__(self, config: DataConfig, crop: int, seed: int, place: StreamPlace) -> None:
        self.config = config
        self.crop = crop
        self.seed = seed
        self.place = place
        self.shards = shard_files(config.shards)
        self.holes = TrainingHoles(config, crop)
        readers = place.processes * place.workers
        if len(self.shards) < readers:
            raise ConfigError(
                f"shards names {len(self.shards)} files for {readers} readers (processes times workers); "
                "make more shards, or use fewer workers."
            )

    def __iter__(self) -> Iterator[Sample]:
        worker = get_worker_info()
        stream, used = self.place.lane(worker.id if worker is not None else 0)
        readers = self.place.processes * self.place.workers
        skipped: list[str] = []
        position = 0
        for round_ in count():
            before = position
            for entry in self._entries(stream, readers, round_):
                # Not decoded again: pictures that cannot be read shift what follows by their number.
                if position < used:
                    position += 1
                    continue
                photograph = _decoded(entry, skipped)
                if photograph is None:
                    continue
                index = self.place.start + position * readers + stream
                rng = np.random.default_rng((self.seed, index))
                image = random_crop(photograph, self.crop, self.config, rng)
                hole = self.holes.draw(index, rng, skipped)
                yield Sample(image, 1 - hole[0], skipped)
                skipped, position = [], position + 1
            if position == before:
                reason = skipped[-1] if skipped else "they are empty"
                raise ImageError(f"No picture in the shards can be read ({reason}).")

    def _entries(self, stream: int, readers: int, round_: int) -> Iterator[dict[str, Any]]:
        """The encoded samples of one reader, each once."""
        from webdataset.filters import shuffle
        from webdataset.tariterators import group_by_keys, tar_file_expander

        rng = np.random.default_rng((self.seed, self.place.start, round_, 3))
        shards = [self.shards[i] for i in rng.permutation(len(self.shards))[stream::readers]]
        order = random.Random(f"{self.seed} {self.place.start} {round_} {stream}")
        entries = group_by_keys(tar_file_expander(_opened(shards)))
        try:
            yield from shuffle(BUFFER, initial=BUFFER, rng=order)(entries)
        except tarfile.TarError as error:
            raise ImageError(f"A shard is damaged ({error.args[0]} in {error.args[-1]}); get it anew.") from error


def _opened(shards: Sequence[str]) -> Iterator[dict[str, Any]]:
    for shard in shards:
        with Path(shard).open("rb") as stream:
            yield {"url": shard, "stream": stream}


def _decoded(entry: dict[str, Any], skipped: list[str]) -> Image.Image | None:
    """The upright RGB picture of a sample; ``None``, and a sentence in ``skipped``, where it holds none."""
    name = f"{entry['__key__']} of {entry['__url__']}"
    data = next((value for suffix, value in entry.items() if f".{suffix}".lower() in FORMAT_BY_SUFFIX), None)
    if data is None:
        skipped.append(f"{name} holds no picture ({', '.join(FORMAT_BY_SUFFIX)}).")
        return None
    try:
        with Image.open(io.BytesIO(data), formats=READ_FORMATS) as opened:
            if opened.width * opened.height > DEFAULT_MAX_PIXELS:
                raise ValueError(f"it has more than {DEFAULT_MAX_PIXELS:,} pixels")
            return ImageOps.exif_transpose(opened).convert("RGB")
    except Exception as error:  # decoders meet damaged files with errors of every class
        skipped.append(f"{name} cannot be read ({error}).")
        return None
