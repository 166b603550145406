"""What holds for every picture file: docs/pictures_and_masks.md as properties."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from stress.properties import holes, inpainter

from rfr_core.images.deep import view_of_8_bits
from rfr_core.images.picture_files import Picture, losses, read_picture, save_picture

SUFFIXES = {
    "1": (".png", ".tif"),
    "L": (".png", ".tif", ".bmp", ".webp"),
    "LA": (".png", ".tif", ".webp"),
    "P": (".png", ".tif", ".bmp"),
    "RGB": (".png", ".tif", ".bmp", ".webp"),
    "RGBA": (".png", ".tif", ".webp"),
    "CMYK": (".tif",),
    "I;16": (".png", ".tif"),
}
DEEP = {2: (".png",), 3: (".png", ".tif"), 4: (".png", ".tif")}  # by number of channels
SIZE = (22, 27)

few = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much),
)


def photo(mode: str, seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 256, (*SIZE, 4), dtype=np.uint8)
    if mode in ("RGBA", "LA"):
        return Image.fromarray(values, "RGBA").convert(mode)
    if mode == "P":
        image = Image.fromarray(values[..., 0] % 5, "P")
        image.putpalette(rng.integers(0, 256, 15, dtype=np.uint8).tobytes())
        return image
    if mode == "I;16":
        return Image.fromarray(rng.integers(0, 2**16, SIZE, dtype=np.uint16))
    return Image.fromarray(values, "CMYK") if mode == "CMYK" else Image.fromarray(values[..., :3]).convert(mode)


def filled_file(source: Path, hole: np.ndarray) -> tuple[Picture, Picture]:
    """A picture, and its filled file of the same kind read again."""
    picture = read_picture(source, as_it_is=True)
    *_, step = inpainter().steps(picture.pixels, hole, recurrences=1)
    result = save_picture(picture.filled(step.picture()), source.with_stem("filled"))
    return picture, read_picture(result, as_it_is=True)


def values(picture: Picture) -> np.ndarray:
    image = picture.image
    if image.mode == "P":  # by colour: a writer may order them anew
        return np.asarray(image.convert("RGBA"))
    return np.asarray(picture.pixels)


@few
@given(
    st.sampled_from([(mode, suffix) for mode in SUFFIXES for suffix in SUFFIXES[mode]]), holes(SIZE), st.integers(0, 99)
)
def test_known_pixels_and_mode_stay(kind: tuple[str, str], hole: np.ndarray, seed: int) -> None:
    mode, suffix = kind
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"photo{suffix}"
        options: dict[str, Any] = {"lossless": True, "exact": True} if suffix == ".webp" else {}
        photo(mode, seed).save(source, **options)
        before, after = filled_file(source, hole)
    assert after.image.mode == before.image.mode
    assert (values(after)[~hole] == values(before)[~hole]).all()
    if mode == "P":
        assert {tuple(v) for v in values(after)[hole]} <= {tuple(v) for v in values(before).reshape(-1, 4)}


@few
@given(st.sampled_from([(n, suffix) for n in DEEP for suffix in DEEP[n]]), holes(SIZE), st.integers(0, 99))
def test_known_16_bits_stay(kind: tuple[int, str], hole: np.ndarray, seed: int) -> None:
    channels, suffix = kind
    pixels = np.random.default_rng(seed).integers(0, 2**16, (*SIZE, channels), dtype=np.uint16)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"photo{suffix}"
        save_picture(Picture(view_of_8_bits(pixels), deep=pixels), source)
        before, after = filled_file(source, hole)
    assert before.deep is not None
    assert (before.deep == pixels).all()
    assert after.deep is not None
    assert (after.deep[~hole] == pixels[~hole]).all()


@few
@given(holes(SIZE), st.sampled_from(("RGB", "RGBA")), st.integers(0, 255), st.integers(0, 99))
def test_gray_stays_gray_and_a_constant_alpha_constant(hole: np.ndarray, mode: str, alpha: int, seed: int) -> None:
    image = photo("L", seed).convert(mode)
    if mode == "RGBA":
        image.putalpha(alpha)
    filled = np.asarray(inpainter()(image, hole, recurrences=1))
    assert (filled[..., :1] == filled[..., :3]).all()
    if mode == "RGBA":
        assert (filled[..., 3] == alpha).all()


@few
@given(st.sampled_from((".png", ".tif", ".webp", ".bmp", ".jpg")), st.booleans(), st.booleans(), st.integers(1, 8))
def test_metadata_stays_or_is_named(suffix: str, artist: bool, dpi: bool, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    options: dict[str, Any] = {"dpi": (300, 300)} if dpi else {}
    if artist:
        exif[ExifTags.Base.Artist] = "Ada"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "photo.jpg"
        photo("RGB", 0).save(source, exif=exif, **options)
        before = read_picture(source)
        result = Path(folder) / f"result{suffix}"
        lost = losses(before, result)
        after = read_picture(save_picture(before, result))
    assert after.image.size == before.image.size
    kept_artist = Image.Exif()
    kept_artist.load(after.exif or b"")
    assert (kept_artist.get(ExifTags.Base.Artist) == "Ada") == (artist and "EXIF" not in lost)
    if dpi:
        kept = after.image.info.get("dpi", (0, 0))[0] == pytest.approx(300, abs=0.1)
        assert kept == ("the resolution (dpi)" not in lost)
