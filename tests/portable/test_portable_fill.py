"""The fill without PyTorch against the fill with it, and what it takes and refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from rfr_core import CheckpointError, ConfigError, HoleError, ImageError, Inpainter
from rfr_core.portable import PortableInpainter

pytest.importorskip("onnxruntime")

EXAMPLES = Path(__file__).parents[2] / "examples"
# Where two patches are alike to the last digit, rounding decides which is copied, and further ones follow it.
MOST_OFF = 0.02  # share of a hole's pixels that may differ by more than a level


@pytest.fixture(scope="module")
def portable() -> PortableInpainter:
    return PortableInpainter(threads=1)


@pytest.fixture(scope="module")
def usual() -> Inpainter:
    return Inpainter.from_pretrained("lite", device="cpu", dtype="float32")


def photograph(name: str, width: int, height: int) -> Image.Image:
    with Image.open(EXAMPLES / f"{name}.jpg") as image:
        return image.convert("RGB").crop((60, 40, 60 + width, 40 + height))


def boxes(width: int, height: int, *places: tuple[int, int, int, int]) -> Image.Image:
    mask = Image.new("L", (width, height))
    for place in places:
        ImageDraw.Draw(mask).rectangle(place, fill=255)
    return mask


def strokes(width: int, height: int, seed: int) -> Image.Image:
    mask, rng = Image.new("L", (width, height)), np.random.default_rng(seed)
    for _ in range(4):
        corners = [(int(rng.integers(width)), int(rng.integers(height))) for _ in range(4)]
        ImageDraw.Draw(mask).line(corners, fill=255, width=7)
    return mask


def spots(width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(2)
    places = [(int(rng.integers(width - 9)), int(rng.integers(height - 9))) for _ in range(40)]
    return boxes(width, height, *((x, y, x + 5, y + 3) for x, y in places))


HOLES = {
    "small": boxes(160, 130, (60, 50, 75, 70)),
    "large": boxes(160, 130, (20, 15, 140, 115)),
    "two": boxes(160, 130, (5, 5, 30, 40), (110, 70, 159, 100)),
    "strokes": strokes(160, 130, 5),
}


def compare(portable: PortableInpainter, usual: Inpainter, image: Any, mask: Any, **options: Any) -> np.ndarray:
    """By how many levels both differ in the hole; known pixels are compared with the picture's."""
    filled, expected = (np.asarray(fills(image, mask, **options)) for fills in (portable, usual))
    inside = np.asarray(mask) > 127
    assert filled.dtype == np.asarray(image).dtype
    assert (filled[~inside] == np.asarray(image)[~inside]).all()
    return np.abs(filled.astype(int) - expected.astype(int))[inside]


@pytest.mark.parametrize("hole", HOLES)
@pytest.mark.parametrize("picture", ["creek", "flower"])
def test_it_is_the_fill_of_pytorch(portable: PortableInpainter, usual: Inpainter, picture: str, hole: str) -> None:
    off = compare(portable, usual, photograph(picture, 160, 130), HOLES[hole])
    assert (off > 1).mean() <= MOST_OFF


@pytest.mark.parametrize("detail", ["exact", "off"])
def test_it_has_the_other_kinds_of_detail(portable: PortableInpainter, usual: Inpainter, detail: str) -> None:
    off = compare(portable, usual, photograph("creek", 160, 130), HOLES["large"], detail=detail)
    assert (off > 1).mean() <= (0 if detail == "off" else MOST_OFF)


def test_spots_are_filled_as_well(portable: PortableInpainter, usual: Inpainter) -> None:
    off = compare(portable, usual, photograph("creek", 400, 300), spots(400, 300))
    assert (off > 1).mean() <= MOST_OFF


@pytest.mark.parametrize("detail", ["auto", "off"])
def test_deep_holes_are_filled_small_first(portable: PortableInpainter, usual: Inpainter, detail: str) -> None:
    off = compare(portable, usual, photograph("flower", 500, 360), boxes(500, 360, (60, 40, 440, 330)), detail=detail)
    assert (off > 1).mean() <= MOST_OFF


def test_a_long_thin_hole_is_cut_into_pieces(portable: PortableInpainter, usual: Inpainter) -> None:
    mask = Image.new("L", (880, 560))
    ImageDraw.Draw(mask).line((5, 10, 870, 540), fill=255, width=4)
    off = compare(portable, usual, photograph("creek", 880, 560), mask)
    assert (off > 1).mean() <= MOST_OFF


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "RGBA", "I;16"])
def test_pictures_of_other_modes_keep_them(portable: PortableInpainter, usual: Inpainter, mode: str) -> None:
    image, mask = photograph("flower", 60, 50), boxes(60, 50, (20, 20, 35, 30))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    else:
        image = image.quantize(32) if mode == "P" else image.convert(mode)
    filled, expected = portable(image, mask), usual(image, mask)
    assert (filled.mode, filled.size) == (image.mode, image.size)
    off = np.abs(np.asarray(filled).astype(int) - np.asarray(expected).astype(int))
    assert (off > (257 if mode == "I;16" else 1)).mean() <= MOST_OFF
    assert (np.asarray(filled)[np.asarray(mask) == 0] == np.asarray(image)[np.asarray(mask) == 0]).all()


def test_a_gray_picture_in_colour_stays_gray(portable: PortableInpainter) -> None:
    image = photograph("flower", 60, 50).convert("L").convert("RGB")
    filled = np.asarray(portable(image, boxes(60, 50, (20, 20, 35, 30))))
    assert (filled == filled[..., :1]).all()


@pytest.mark.parametrize("size", [(1, 2), (7, 5), (20, 13)], ids=str)
def test_small_pictures_are_filled(portable: PortableInpainter, usual: Inpainter, size: tuple[int, int]) -> None:
    off = compare(portable, usual, photograph("creek", *size), boxes(*size, (0, 0, size[0] // 3, size[1] // 3)))
    assert (off <= 1).all()


def test_arrays_come_back_as_arrays(portable: PortableInpainter) -> None:
    image, mask = photograph("creek", 80, 60), boxes(80, 60, (30, 20, 50, 40))
    expected = np.asarray(portable(image, mask))
    pixels, inside = np.asarray(image), np.asarray(mask)
    for hole in (inside, inside > 0, inside // 255, inside[..., None], np.repeat(inside[..., None], 3, 2)):
        filled = portable(pixels, hole)
        assert type(filled) is np.ndarray
        assert (filled == expected).all()
    gray = portable(pixels[..., :1], inside)
    assert gray.shape == (60, 80, 1)
    assert (gray[..., 0] == portable(pixels[..., 0], inside)).all()


def test_the_brighter_of_two_colours_and_half_of_white_are_hole(portable: PortableInpainter) -> None:
    image = photograph("creek", 40, 30)
    two = np.full((30, 40, 3), (90, 0, 0), dtype=np.uint8)
    two[10:20, 10:20] = (0, 90, 0)
    soft = np.zeros((30, 40), dtype=np.uint8)
    soft[5:25, 5:25], soft[10:20, 10:20], soft[12:18, 12:18] = 127, 128, 255
    expected = np.asarray(portable(image, boxes(40, 30, (10, 10, 19, 19))))
    for mask in (two, soft, Image.fromarray(two), Image.fromarray(soft)):
        assert (np.asarray(portable(image, mask)) == expected).all()


def test_an_empty_hole_leaves_a_copy(portable: PortableInpainter) -> None:
    image = photograph("creek", 40, 30)
    filled = portable(image, Image.new("L", image.size))
    assert filled is not image
    assert filled.tobytes() == image.tobytes()


@pytest.mark.parametrize(
    ("image", "mask", "error", "said"),
    [
        ("path.png", None, ImageError, "is a str; expected"),
        (np.zeros((4, 4, 3), dtype=np.float32), None, ImageError, "type float32"),
        (np.zeros((1, 4, 4, 3), dtype=np.uint8), None, ImageError, "needs PyTorch"),
        (Image.new("RGBA", (4, 4)), None, ImageError, "transparent pixels"),
        (None, "path.png", HoleError, "is a str; expected"),
        (None, np.zeros((4, 4)), HoleError, "type float64"),
        (None, Image.new("F", (4, 4)), HoleError, "mode is F"),
        (None, Image.new("LA", (4, 4)), HoleError, "transparent pixels"),
        (None, np.zeros((4, 5), dtype=np.uint8), HoleError, "5×4 pixels, the picture 4×4"),
        (None, np.ones((4, 4), dtype=bool), HoleError, "covers the whole picture"),
        (None, np.diag([9, 8, 7, 6]).astype(np.uint8), HoleError, "nothing in it is hole"),
    ],
)
def test_what_it_does_not_take_is_said_in_a_sentence(
    portable: PortableInpainter, image: Any, mask: Any, error: type[Exception], said: str
) -> None:
    image = Image.new("RGB", (4, 4)) if image is None else image
    mask = np.eye(4, dtype=np.uint8) if mask is None else mask
    with pytest.raises(error, match=said):
        portable(image, mask)


def test_another_word_for_detail_is_refused(portable: PortableInpainter) -> None:
    detail: Any = "sharp"
    with pytest.raises(ConfigError, match="Detail is 'sharp'"):
        portable(Image.new("RGB", (4, 4)), np.eye(4, dtype=np.uint8), detail=detail)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        PortableInpainter(tmp_path)
