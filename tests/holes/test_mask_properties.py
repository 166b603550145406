"""What holds for every mask: docs/pictures_and_masks.md as properties."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PIL import Image
from stress.properties import holes

from rfr_core.errors import HoleError
from rfr_core.holes.masks import to_hole

SIZE = (14, 19)
LUMA = np.array([0.299, 0.587, 0.114])

many = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much),
)
colours = st.tuples(*[st.integers(0, 255)] * 3)
drawn = holes(SIZE).filter(lambda hole: bool(hole.any()))


def through_png(image: Image.Image) -> Image.Image:
    """The image as its file gives it."""
    file = io.BytesIO()
    image.save(file, "PNG")
    with Image.open(file) as opened:
        opened.load()
        return opened


def hole_of(mask: object, **options: object) -> np.ndarray:
    return to_hole(mask, **options)[0, 0].numpy() > 0  # type: ignore[arg-type]


@many
@given(drawn, colours, colours, st.sampled_from(("RGB", "P", "RGBA", "channels first", "array")))
def test_a_mask_of_two_colours_is_the_brighter_one(
    hole: np.ndarray, one: tuple[int, ...], other: tuple[int, ...], layout: str
) -> None:
    shades = LUMA @ one, LUMA @ other
    assume(abs(shades[0] - shades[1]) > 0.5)
    dark, bright = (one, other) if shades[0] < shades[1] else (other, one)
    pixels = np.where(hole[..., None], bright, dark).astype(np.uint8)
    if layout in ("RGB", "RGBA"):
        mask: object = through_png(Image.fromarray(pixels).convert(layout))
    elif layout == "P":
        image = Image.fromarray(hole.astype(np.uint8), "P")
        image.putpalette(bytes((*dark, *bright)))
        mask = through_png(image)
    else:
        mask = pixels.transpose(2, 0, 1) if layout == "channels first" else pixels
        assume(pixels.max() > 1)  # else 1 is white
    assert (hole_of(mask) == hole).all()


@many
@given(drawn, st.integers(0, 65535), st.integers(0, 65535), st.sampled_from(("uint8", "uint16", "float32")))
def test_a_mask_of_two_values_is_the_higher_one(hole: np.ndarray, one: int, other: int, kind: str) -> None:
    assume(one != other)
    low, high = sorted((one, other))
    if kind == "float32":
        assert (hole_of(np.where(hole, high / 65535, low / 65535).astype(np.float32)) == hole).all()
        return
    if kind == "uint8":
        low, high = low >> 8, high >> 8
        assume(low != high)
    pixels = np.where(hole, high, low).astype(kind)
    assert (hole_of(through_png(Image.fromarray(pixels))) == hole).all()
    assert (hole_of(pixels) == hole).all()


@many
@given(drawn, colours, st.integers(0, 2**16))
def test_soft_paint_of_one_colour_is_its_alpha_also_as_a_canvas_rounds_it(
    hole: np.ndarray, colour: tuple[int, ...], seed: int
) -> None:
    alpha = np.where(hole, np.random.default_rng(seed).integers(128, 256, SIZE), 0).astype(np.float64)
    assume(hole.mean() < 0.8)
    alpha[np.nonzero(hole)[0][0], np.nonzero(hole)[1][0]] = 255
    scale = np.maximum(alpha, 1)[..., None]
    premultiplied = np.round(np.asarray(colour) * alpha[..., None] / 255)
    rounded = np.where(alpha[..., None] > 0, np.round(premultiplied * 255 / scale), 0).clip(0, 255)
    layer = Image.fromarray(np.dstack([rounded, alpha]).astype(np.uint8), "RGBA")
    assert (hole_of(through_png(layer)) == hole).all()


@many
@given(drawn, st.integers(0, 2**16))
def test_what_is_transparent_in_a_picture_is_the_hole_whatever_colour_lies_there(hole: np.ndarray, seed: int) -> None:
    assume(hole.mean() < 0.8)
    assume((~hole).sum() > 20)
    pixels = np.random.default_rng(seed).integers(0, 256, (*SIZE, 4), dtype=np.uint8)
    pixels[..., 3] = np.where(hole, 0, 255)
    assert (hole_of(through_png(Image.fromarray(pixels, "RGBA"))) == hole).all()


@many
@given(st.lists(st.integers(0, 127), min_size=3, max_size=9, unique=True), st.sampled_from((1, 256)))
def test_shades_below_the_threshold_are_an_error_that_says_the_highest(shades: list[int], scale: int) -> None:
    kind = np.uint8 if scale == 1 else np.uint16
    pixels = (np.resize(np.array(shades), SIZE) * scale).astype(kind)
    assume(pixels.max() > 1)
    with pytest.raises(HoleError, match=re.escape(f"{pixels.max():g}")):
        hole_of(through_png(Image.fromarray(pixels)))


@many
@given(st.sampled_from(("1", "L", "RGB", "P", "I;16", "RGBA", "LA")))
def test_black_is_nothing_to_fill(mode: str) -> None:
    black = Image.new("RGB", (SIZE[1], SIZE[0]))
    made = Image.fromarray(np.zeros(SIZE, np.uint16)) if mode == "I;16" else black.convert(mode)
    assert not hole_of(through_png(made)).any()
