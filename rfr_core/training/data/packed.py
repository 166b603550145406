"""A small copy of a folder of photographs: scaled down, stored as WebP, quick to decode and small enough to travel."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from rfr_core.errors import ConfigError
from rfr_core.files import appearing
from rfr_core.images.picture_files import read_picture
from rfr_core.training.data.samples import pictures_of


def pack(source: Path, target: Path, *, side: int = 384, quality: int = 75) -> tuple[int, int]:
    """Writes every picture below ``source`` to ``target`` as WebP; pictures that are there already are left alone.

    side: shortest side in pixels; smaller pictures keep theirs. quality: of WebP, 1-100.
    Returns how many pictures ``target`` then holds and their bytes.

    Raises:
        ConfigError: a folder is missing or holds no picture, or a number is out of range.
        ImageError: a picture cannot be read.
    """
    if side < 16 or not 1 <= quality <= 100:
        raise ConfigError(f"side is {side} and quality {quality}; they must be 16 or more and 1 to 100.")
    files = pictures_of([str(source)], "pictures")
    total = 0
    for file in files:
        place = target / file.relative_to(source).with_suffix(".webp")
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            picture = _scaled(read_picture(file).image.convert("RGB"), side)
            with appearing(place) as opened:
                picture.save(opened, "WEBP", quality=quality, method=4)
        total += place.stat().st_size
    return len(files), total


def _scaled(picture: Image.Image, side: int) -> Image.Image:
    scale = side / min(picture.size)
    if scale >= 1:
        return picture
    width, height = (max(side, round(extent * scale)) for extent in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
