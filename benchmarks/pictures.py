"""Photographs to fill, made from an example of the project's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageOps
from torch import Tensor

_PHOTO = Path(__file__).parents[1] / "examples" / "creek.jpg"


def photograph(size: tuple[int, int]) -> Tensor:
    """The example, cut and scaled to a size (H, W), as (1, 3, H, W) in [0, 1]."""
    with Image.open(_PHOTO) as opened:
        photo = ImageOps.fit(opened.convert("RGB"), (size[1], size[0]), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None].float() / 255


def example(name: str) -> tuple[Tensor, Tensor]:
    """An example as it is, (1, 3, H, W) in [0, 1], and its hole (1, 1, H, W) of 0 and 1."""
    with Image.open(_PHOTO.with_name(f"{name}.jpg")) as photo, Image.open(_PHOTO.with_name(f"{name}_mask.png")) as mask:
        picture, hole = np.array(photo.convert("RGB")), np.array(mask.convert("L")) >= 128
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255, torch.from_numpy(hole)[None, None].float()


def save_photo(folder: Path, name: str, size: tuple[int, int], hole: int, shift: int = 0) -> tuple[Path, Path]:
    """A JPEG of size (width, height) and a PNG mask with a square hole of so many pixels in its middle.

    shift: by how many pixels the photograph is moved, so that pictures of a folder differ.
    """
    width, height = size
    with Image.open(_PHOTO) as opened:
        photo = opened.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    photo = photo.transform(size, Image.Transform.AFFINE, (1, 0, shift, 0, 1, shift))
    mask = Image.new("L", size)
    left, top = (width - hole) // 2, (height - hole) // 2
    ImageDraw.Draw(mask).rectangle((left, top, left + hole - 1, top + hole - 1), fill=255)
    return _saved(photo, folder / "photos" / f"{name}.jpg"), _saved(mask, folder / "masks" / f"{name}.png")


def save_crop(folder: Path, photo: Path, mask: Path, margin: int) -> tuple[Path, Path]:
    """The surroundings of the hole alone, ``margin`` pixels on every side."""
    with Image.open(photo) as picture, Image.open(mask) as hole:
        left, top, right, bottom = hole.getbbox() or (0, 0, *hole.size)
        box = (left - margin, top - margin, right + margin, bottom + margin)
        return (
            _saved(picture.crop(box), folder / "photos" / "crop.jpg"),
            _saved(hole.crop(box), folder / "masks" / "crop.png"),
        )


def _saved(image: Image.Image, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=92)
    return path
