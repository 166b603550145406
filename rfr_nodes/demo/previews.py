"""Small pictures for the page; the full ones never go through it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIDE = 1600
NEAR_SIDE = 1000
THUMBNAIL_SIDE = 320

PILBox = tuple[int, int, int, int]  # left, top, right, bottom


def preview(image: Image.Image, side: int = SIDE) -> Image.Image:
    """An 8-bit RGB or RGBA picture of at most ``side`` pixels on its longer side, from any supported mode."""
    scale = min(1.0, side / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    image = _eight_bit(image)
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return image.convert("RGBA" if image.mode in ("LA", "RGBA") else "RGB")


def renewed(old: Image.Image, image: Image.Image, box: PILBox) -> Image.Image:
    """The preview of ``image``, made from that of a picture that differed from it within ``box`` alone.

    The work depends on the box, not on the picture.
    """
    across, down = image.width / old.width, image.height / old.height
    reach = 3  # pixels of the preview that a resampled one looks beyond itself
    left, top = max(0, int(box[0] / across) - reach), max(0, int(box[1] / down) - reach)
    right, bottom = min(old.width, int(box[2] / across) + 1 + reach), min(old.height, int(box[3] / down) + 1 + reach)
    source = (left * across, top * down, right * across, bottom * down)
    around = (
        max(0, int(source[0] - reach * across)),
        max(0, int(source[1] - reach * down)),
        min(image.width, int(source[2] + reach * across) + 1),
        min(image.height, int(source[3] + reach * down) + 1),
    )
    within = (source[0] - around[0], source[1] - around[1], source[2] - around[0], source[3] - around[1])
    part = _eight_bit(image.crop(around)).convert(old.mode)
    part = part.resize((right - left, bottom - top), Image.Resampling.LANCZOS, box=within, reducing_gap=2.0)
    result = old.copy()
    result.paste(part, (left, top))
    return result


def save_preview(image: Image.Image, folder: Path, name: str, profile: bytes | None = None) -> Path:
    """Writes a preview as JPEG, or as WebP where it is transparent, and returns its path.

    profile: the ICC profile of an RGB picture, so that the browser shows its colours.
    """
    options: dict[str, Any] = {"icc_profile": profile} if profile and profile[16:20] == b"RGB " else {}
    if image.mode == "RGBA":
        path = folder / f"{name}.webp"
        image.save(path, quality=90, method=2, **options)
    else:
        path = folder / f"{name}.jpg"
        image.save(path, quality=90, **options)
    return path


def near_box(box: PILBox, size: tuple[int, int]) -> PILBox | None:
    """Where to look closely: ``box`` and as much around it, or None where that is most of a picture of that size."""
    left, top, right, bottom = box
    margin = max(48, max(right - left, bottom - top) // 2)
    width, height = size
    near = (max(0, left - margin), max(0, top - margin), min(width, right + margin), min(height, bottom + margin))
    share = (near[2] - near[0]) * (near[3] - near[1]) / (width * height)
    return near if share < 0.4 else None


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode == "I;16":
        return Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    return image.convert("RGB") if image.mode == "CMYK" else image
