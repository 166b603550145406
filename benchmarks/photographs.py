"""The photographs of a folder, as they are measured on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from torch import Tensor

from rfr_core.images.picture_files import picture_paths, read_picture
from rfr_core.images.pixels import to_tensor
from rfr_core.images.values import to_bytes


def photographs(folder: Path, longest: int) -> Iterator[Tensor]:
    """Each in turn, (1, 3, H, W) in [0, 1], scaled so that no side is longer; masks among the examples are left out."""
    for path in picture_paths(folder):
        if path.stem.endswith("_mask"):
            continue
        image = read_picture(path).image.convert("RGB")
        image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
        yield to_tensor(image)


def as_bytes(picture: Tensor) -> Tensor:
    """(1, 3, H, W) in [0, 1] -> (H, W, 3) uint8."""
    return to_bytes(picture[0]).permute(1, 2, 0).contiguous()
