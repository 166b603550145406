"""Training samples of defects: crops of photographs with defects drawn over them, and where each kind is."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from rfr_core.defects.drawn_defects import Whole, draw_defects
from rfr_core.defects.kinds import KINDS
from rfr_core.images.pixels import to_tensor
from rfr_core.images.values import luminance, to_bytes
from rfr_core.training.data.samples import DataConfig, TrainingPictures

_SIDES = (350.0, 2500.0)  # pixels of the shorter side of pictures that crops are parts of
_CROWDED = 8.0  # up to so many times as many defects as a crop of its size would have
_CLEAN = 0.25  # share of crops without any
_GRAY = 0.15  # share of black and white crops, half of them toned
_NOISY, _NOISE = 0.3, 0.03  # share of grainy crops, and the largest standard deviation
_COMPRESSED, _QUALITIES = 0.5, (60, 97)  # share of crops that were stored as JPEG, and how


class LabelledCrop(NamedTuple):
    """One sample, or a batch of them.

    picture: (3, S, S) float32 in [0, 1]. truth: (S, S) int64, 0 = no defect, then `KINDS` in their order. skipped: as
    in :class:`~rfr_core.training.data.samples.Sample`.
    """

    picture: Tensor
    truth: Tensor
    skipped: list[str]


class DefectSamples(Dataset[LabelledCrop]):
    """Samples by number, without end, each a function of the seed and its number alone; holes are not drawn."""

    def __init__(self, config: DataConfig, crop: int, seed: int) -> None:
        self.pictures = TrainingPictures(config, crop, seed)
        self.seed = seed

    def __getitem__(self, index: int) -> LabelledCrop:
        rng = np.random.default_rng((self.seed, index))
        skipped: list[str] = []
        picture = _varied(self.pictures.picture(index, rng, skipped)[None], rng)
        truth = torch.zeros(picture.shape[-2:], dtype=torch.int64)
        if rng.random() >= _CLEAN:
            side = float(np.exp(rng.uniform(*np.log(_SIDES))))
            share = picture[0, 0].numel() / (1.5 * side**2)
            amount = min(1.0, share * np.exp(rng.uniform(0, np.log(_CROWDED))))
            damaged = draw_defects(picture, generator=rng, whole=Whole(side, amount))
            picture = damaged.picture
            for number, kind in enumerate(KINDS, 1):
                truth[damaged.truth[kind][0, 0]] = number
        return LabelledCrop(_stored(picture, rng)[0], truth, skipped)


def collate_defects(samples: Sequence[LabelledCrop]) -> LabelledCrop:
    """Samples -> a batch: picture (N, 3, S, S), truth (N, S, S), skipped of all."""
    pictures, truth, skipped = zip(*samples, strict=True)
    return LabelledCrop(torch.stack(pictures), torch.stack(truth), [text for texts in skipped for text in texts])


def _varied(picture: Tensor, rng: np.random.Generator) -> Tensor:
    """(1, 3, S, S) as it might have been taken: black and white, toned, grainy, darker or paler."""
    if rng.random() < _GRAY:
        picture = luminance(picture).expand(-1, 3, -1, -1)
        if rng.random() < 0.5:
            picture = picture ** torch.tensor([rng.uniform(0.7, 1), 1.0, rng.uniform(1, 1.4)]).view(1, 3, 1, 1)
    if rng.random() < _NOISY:
        grain = rng.normal(0, rng.uniform(0, _NOISE), tuple(picture.shape))
        picture = picture + torch.from_numpy(grain.astype(np.float32))
    low, high = rng.uniform(0, 0.1), rng.uniform(0.8, 1.0)
    return (low + (high - low) * picture.clamp(0, 1)) ** rng.uniform(0.75, 1.35)


def _stored(picture: Tensor, rng: np.random.Generator) -> Tensor:
    """(1, 3, S, S) after it was written to a file."""
    if rng.random() >= _COMPRESSED:
        return (picture * 255).round() / 255
    file = io.BytesIO()
    image = Image.fromarray(to_bytes(picture[0]).permute(1, 2, 0).numpy())
    image.save(file, "JPEG", quality=int(rng.integers(*_QUALITIES)))
    return to_tensor(Image.open(file))
