"""Training samples: a crop of a photograph and a hole, each a function of the seed and the sample's number alone.

Nothing else decides a sample: neither the worker that makes it, nor the process, nor what was drawn before. So a run
continues where it stood by knowing one number, and two processes see what one with a doubled batch would see.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from rfr_core.errors import ConfigError, ImageError, RFRError
from rfr_core.holes.masks import read_hole
from rfr_core.holes.random_holes import RATIO_BUCKETS, random_irregular_hole, random_object_hole
from rfr_core.holes.random_strokes import random_stroke_hole
from rfr_core.images.picture_files import FORMAT_BY_SUFFIX, picture_paths, read_picture
from rfr_core.training.data.paper_datasets import Layout, Split, dataset_files
from rfr_core.training.data.photo_crop import crop_photograph
from rfr_core.training.data.synthetic import synthetic_picture

_FLAT_TRIES = 4
_HOLE_TRIES = 8
_BANK = 7  # seed of the bank's holes


@dataclass(frozen=True)
class DataConfig:
    """Where pictures and holes come from and how they are varied.

    Attributes:
        pictures: folders of photographs, searched through all their subfolders; with another ``layout``, roots of
            that data set, of which the ``split`` is taken (see :mod:`rfr_core.training.data.paper_datasets`).
        shards: tar files of photographs, or patterns such as ``places2/*.tar``, that are streamed in place of
            ``pictures`` (see :mod:`rfr_core.training.data.shards`).
        stacks: folder of input stacks, which were made of ``pictures`` and are used in their place to train a
            refinement (see :mod:`rfr_core.training.data.input_stacks`).
        holes: folders of masks, white = fill (``invert``: black = fill); used with the share ``folder``.
        irregular, object, folder, strokes: shares of holes that are drawn brush strokes (spread evenly over the six
            ratio buckets), drawn blobs, files of ``holes``, and strokes as the authors' code draws them, which are made
            for crops of 256 px and may take nearly all of smaller ones.
        zoom: a drawn hole is made for a picture ``zoom`` times the crop's size (drawn evenly from this range) and
            cropped, so that small crops meet the thick strokes of large pictures.
        most: largest share of a crop that its hole takes: strokes are drawn no larger, others are drawn anew, and cut
            where they are too large each time.
        scale: factor by which a photograph is scaled before cropping, drawn from this range (even in its logarithm);
            ``None`` scales the largest square that fits (published).
        form: ``"free"``; or ``"released"``, how the authors' code varies its data: a square crop whose side is drawn
            evenly from the crop's size to the shorter side, and holes flipped left to right alone.
        jitter: largest random change of brightness, contrast and each channel's gain; 0.1 = 10 %.
        deviation: crops flatter than this standard deviation (of 0-255) are drawn anew, 4 times at most.
        cache: keep decoded photographs in memory, in each worker.
        bank: holes are drawn from so many, which are made once and kept, each turned, flipped and cropped anew; 0 =
            every sample's hole is drawn for it alone.
        synthetic: share of the samples that are drawn pictures of edges, stripes, grids and polygons (see
            :mod:`rfr_core.training.data.synthetic`).

    Raises:
        ConfigError: a range or share makes no sense.
    """

    pictures: tuple[str, ...] = ()
    layout: Layout = "folder"
    split: Split = "train"
    shards: tuple[str, ...] = ()
    stacks: str | None = None
    holes: tuple[str, ...] = ()
    invert: bool = False
    irregular: float = 1.0
    object: float = 0.0
    folder: float = 0.0
    strokes: float = 0.0
    zoom: tuple[float, float] = (1.0, 1.0)
    most: float = 0.75
    scale: tuple[float, float] | None = None
    form: Literal["free", "released"] = "free"
    jitter: float = 0.0
    deviation: float = 0.0
    cache: bool = False
    bank: int = 0
    synthetic: float = 0.0

    def __post_init__(self) -> None:
        if min(self.shares) < 0 or sum(self.shares) <= 0:
            raise ConfigError(
                f"The shares irregular, object, folder and strokes are {self.shares}; they must add up to above 0."
            )
        if self.pictures and self.shards:
            raise ConfigError("Pictures and shards both name training pictures; leave one of them out.")
        if self.folder and not self.holes:
            raise ConfigError("The share folder is above 0 but holes names no folder of masks; name one.")
        for name, bounds, lowest in (("zoom", self.zoom, 1.0), ("scale", self.scale, 1e-3)):
            if bounds is not None and (len(bounds) != 2 or not lowest <= bounds[0] <= bounds[1]):
                raise ConfigError(
                    f"{name} is {bounds}; it must be two numbers, the first no larger, from {lowest:g} on."
                )
        if self.form == "released" and self.scale is not None:
            raise ConfigError("form is 'released', which has a scale of its own; leave scale out.")
        if self.bank < 0 or not 0 <= self.synthetic <= 1:
            raise ConfigError(f"bank is {self.bank} and synthetic {self.synthetic}; they must be 0 or more and 0 to 1.")
        if not 0 < self.most <= 1 or not 0 <= self.jitter < 1:
            raise ConfigError(f"most is {self.most} and jitter {self.jitter}; each must lie between 0 and 1.")

    @property
    def shares(self) -> tuple[float, float, float, float]:
        """The shares of the kinds of holes, as given."""
        return self.irregular, self.object, self.folder, self.strokes


class Sample(NamedTuple):
    """One training sample.

    image: (3, S, S) float32 in [0, 1]. known: (1, S, S) float32 in {0, 1}, 1 = known.
    skipped: files that could not be read, one sentence each, empty as a rule; another photograph took their place.
    """

    image: Tensor
    known: Tensor
    skipped: list[str]


class TrainingPictures(Dataset[Sample]):
    """Samples by number, without end: ``dataset[i]`` for any i >= 0.

    Every photograph is used once before any is used again, in an order that changes with each round.

    Raises:
        ConfigError: a folder is missing or holds no picture.
    """

    def __init__(self, config: DataConfig, crop: int, seed: int) -> None:
        self.config = config
        self.crop = crop
        self.seed = seed
        self.pictures = training_files(config)
        self.holes = TrainingHoles(config, crop)
        self._cache: dict[Path, Image.Image] = {}

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng((self.seed, index))
        skipped: list[str] = []
        image = self.picture(index, rng, skipped)
        hole = self.holes.draw(index, rng, skipped)
        return Sample(image, 1 - hole[0], skipped)

    def picture(self, index: int, rng: np.random.Generator, skipped: list[str]) -> Tensor:
        """The picture (3, S, S) of sample ``index``; files that cannot be read are named in ``skipped``."""
        photograph = self._photograph(index, skipped)
        if self.config.synthetic and rng.random() < self.config.synthetic:
            return as_image(synthetic_picture(photograph, self.crop, rng))
        return random_crop(photograph, self.crop, self.config, rng)

    def _photograph(self, index: int, skipped: list[str]) -> Image.Image:
        count = len(self.pictures)
        round_, place = divmod(index, count)
        order = np.random.default_rng((self.seed, round_, 1)).permutation(count)
        for step in range(count):
            path = self.pictures[order[(place + step) % count]]
            try:
                return self._decoded(path)
            except ImageError as error:
                skipped.append(str(error))
        raise ImageError(f"None of the {count} pictures can be read; the last: {skipped[-1]}")

    def _decoded(self, path: Path) -> Image.Image:
        image = self._cache.get(path) or read_picture(path).image.convert("RGB")
        if self.config.cache:
            self._cache[path] = image
        return image


class TrainingHoles:
    """Holes for square crops, drawn or from files as the configuration's shares say.

    Raises:
        ConfigError: a folder is missing or holds no mask.
    """

    def __init__(self, config: DataConfig, crop: int) -> None:
        self.config = config
        self.crop = crop
        self.files = pictures_of(config.holes, "holes") if config.folder else []
        self._bank: dict[int, np.ndarray] = {}

    def draw(self, index: int, rng: np.random.Generator, skipped: list[str]) -> Tensor:
        """A hole (1, 1, S, S) for sample ``index`` whose share of the crop is above 0 and at most ``most``."""
        hole = torch.zeros(1, 1, self.crop, self.crop)
        for _ in range(_HOLE_TRIES):
            hole = self._drawn_hole(index, rng, skipped)
            if 0 < hole.mean() <= self.config.most:
                return hole
        return _cut(hole, self.config.most)

    def _drawn_hole(self, index: int, rng: np.random.Generator, skipped: list[str]) -> Tensor:
        if self.config.bank:
            hole = self._banked(int(rng.integers(self.config.bank)), skipped)
            hole = hole.transpose(2, 3) if rng.random() < 0.5 else hole
        else:
            hole = self._new_hole(index, rng, skipped)
        top, left = rng.integers(0, hole.shape[-1] - self.crop + 1, 2)
        hole = hole[..., top : top + self.crop, left : left + self.crop].clone()
        axes = (3,) if self.config.form == "released" else (2, 3)
        return hole.flip([axis for axis in axes if rng.random() < 0.5])

    def _banked(self, number: int, skipped: list[str]) -> Tensor:
        """A hole of the bank, at the size that it was drawn at."""
        if number not in self._bank:
            hole = self._new_hole(number, np.random.default_rng((_BANK, number)), skipped)
            self._bank[number] = np.packbits(hole[0, 0].numpy() > 0, axis=1)
        bits = np.unpackbits(packed := self._bank[number], axis=1, count=len(packed))
        return torch.from_numpy(bits)[None, None].float()

    def _new_hole(self, index: int, rng: np.random.Generator, skipped: list[str]) -> Tensor:
        shares = np.array(self.config.shares) / sum(self.config.shares)
        kind = rng.choice(("irregular", "object", "folder", "strokes"), p=shares)
        size = round(self.crop * rng.uniform(*self.config.zoom))
        if kind == "folder":
            hole = self._hole_of_folder(rng, skipped)
        elif kind == "object":
            hole = random_object_hole(size, size, generator=rng)
        elif kind == "strokes":
            hole = random_stroke_hole(size, size, generator=rng)
        else:
            hole = random_irregular_hole(size, size, ratio=_ratio(index, self.config.most), generator=rng)
        return hole

    def _hole_of_folder(self, rng: np.random.Generator, skipped: list[str]) -> Tensor:
        for place in rng.permutation(len(self.files)):
            size = (self.crop, self.crop)
            try:
                return read_hole(self.files[place], size=size, resize=True, invert=self.config.invert)
            except RFRError as error:
                skipped.append(str(error))
        raise ImageError(f"None of the {len(self.files)} masks can be read; the last: {skipped[-1]}")


def _ratio(index: int, most: float) -> tuple[float, float]:
    """The range that sample ``index`` draws the ratio of its strokes from: the six buckets in turn, up to ``most``."""
    buckets = [(low, min(high, most)) for low, high in RATIO_BUCKETS if low < most]
    return buckets[index % len(buckets)]


def _cut(hole: Tensor, most: float) -> Tensor:
    """The left part of a hole (1, 1, S, S), at most ``most`` of the crop; a pixel in the middle where that is empty."""
    columns = hole.mean((0, 1, 2)).cumsum(0) / hole.shape[-1]  # the share that all columns up to each take
    cut = torch.where(columns <= most, hole, 0)
    if not cut.any():
        cut[..., cut.shape[-2] // 2, cut.shape[-1] // 2] = 1
    return cut


class Position(Sampler[int]):
    """The sample numbers of one process, batch after batch, from a step of a run on.

    Step s of a run of P processes takes the numbers ``start + s*P*B`` to ``start + (s+1)*P*B - 1``, B of them for each
    process; what is drawn in a step does not depend on how many processes share it.
    """

    def __init__(self, start: int, batch: int, steps: int, rank: int = 0, processes: int = 1) -> None:
        self.start, self.batch, self.steps, self.rank, self.processes = start, batch, steps, rank, processes

    def __len__(self) -> int:
        return self.steps * self.batch

    def __iter__(self) -> Iterator[int]:
        for step in range(self.steps):
            first = self.start + (step * self.processes + self.rank) * self.batch
            yield from range(first, first + self.batch)


def collate(samples: Sequence[Sample]) -> Sample:
    """Samples -> a batch: image (N, 3, S, S), known (N, 1, S, S), skipped of all."""
    images, known, skipped = zip(*samples, strict=True)
    return Sample(torch.stack(images), torch.stack(known), [text for texts in skipped for text in texts])


def training_files(config: DataConfig) -> list[Path]:
    """The photographs that a configuration names, without its shards.

    Raises:
        ConfigError: a folder or a part of a data set is missing.
    """
    if config.layout == "folder":
        return pictures_of(config.pictures, "pictures")
    return [path for root in config.pictures for path in dataset_files(config.layout, root, config.split)]


def pictures_of(folders: Sequence[str], name: str) -> list[Path]:
    """All picture files below some folders, sorted.

    Raises:
        ConfigError: none is named, one does not exist or holds no picture; ``name`` says which setting it was.
    """
    if not folders:
        raise ConfigError(f"{name} names no folder; set data.{name} to a list of folders.")
    files: list[Path] = []
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise ConfigError(f"{name} names {folder}, which is no folder; correct data.{name}.")
        found = picture_paths(folder, deep=True)
        if not found:
            raise ConfigError(f"{name} names {folder}, which holds no picture ({', '.join(FORMAT_BY_SUFFIX)}).")
        files += found
    return files


def random_crop(photograph: Image.Image, size: int, config: DataConfig, rng: np.random.Generator) -> Tensor:
    """A square of an RGB photograph, scaled, flipped and varied -> (3, size, size) float32 in [0, 1]."""
    values, released = np.zeros((size, size, 3), np.float32), config.form == "released"
    for _ in range(_FLAT_TRIES):
        values = np.asarray(crop_photograph(photograph, size, config.scale, rng, released=released), np.float32)
        if values.std() >= config.deviation:
            break
    values = values / np.float32(255)
    if rng.random() < 0.5:
        values = values[:, ::-1]
    if config.jitter:
        values = _jittered(values, config.jitter, rng)
    return as_image(values)


def as_image(values: np.ndarray) -> Tensor:
    """(S, S, 3) float32 -> (3, S, S)."""
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))


def _jittered(values: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """(S, S, 3) in [0, 1] with contrast, brightness and channel gains changed a little."""
    contrast, *gains = rng.uniform(1 - amount, 1 + amount, 4).astype(np.float32)
    shift = np.float32(rng.uniform(-amount, amount) / 2)
    mean = values.mean()
    return (((values - mean) * contrast + mean + shift) * np.array(gains, np.float32)).clip(0, 1)
