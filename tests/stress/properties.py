"""What holds for every picture and every hole, as properties for hypothesis."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import hypothesis
import numpy as np
import torch
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from rfr_core.config import RFRConfig
from rfr_core.errors import HoleError
from rfr_core.holes.masks import to_hole
from rfr_core.holes.shaping import feather, grow
from rfr_core.inpainter import Inpainter
from rfr_core.network.rfr_net import RFRNet

from .attempts import refused
from .figures import Figures
from .pictures import in_mode

Box = tuple[int, int, int, int]  # top, left, bottom, right

MODES = ("1", "L", "LA", "RGB", "RGBA", "I;16", "CMYK", "P")
DTYPES = ("float32", "float16", "bfloat16")
TOLERANCE = 1e-3  # the order in which sums are taken differs between a batch and its pictures


@cache
def inpainter(dtype: str = "float32", device: str = "cpu") -> Inpainter:
    """The smallest network, with random weights."""
    torch.manual_seed(0)
    network = RFRNet(RFRConfig(width=8, channels=(8, 8, 16), kernel_size=3, norm="group"))
    return Inpainter(network, device=device, dtype=dtype)


@st.composite
def sizes(draw: st.DrawFn, most: int = 1500) -> tuple[int, int]:
    """Height and width, of two pixels at least, often small and often one less or more than a multiple of 16."""
    side = st.one_of(
        st.integers(1, 40),
        st.integers(1, most // 16).flatmap(lambda n: st.integers(-1, 1).map(lambda d: min(most, 16 * n + d))),
        st.integers(1, most),
    )
    height, width = draw(side), draw(side)
    assume(height * width > 1)
    return height, width


@st.composite
def boxes(draw: st.DrawFn, size: tuple[int, int], most: int = 60) -> Box:
    """A box of at most so many pixels a side, often at an edge or in a corner."""
    sides = []
    for length in size:
        extent = draw(st.integers(1, min(most, length)))
        start = draw(st.one_of(st.just(0), st.just(length - extent), st.integers(0, length - extent)))
        sides.append((start, start + extent))
    (top, bottom), (left, right) = sides
    return top, left, bottom, right


@st.composite
def holes(draw: st.DrawFn, size: tuple[int, int], count: int = 3) -> np.ndarray:
    """A hole (H, W) bool of boxes and single pixels that leaves something known."""
    hole = np.zeros(size, dtype=bool)
    for top, left, bottom, right in draw(st.lists(boxes(size), min_size=1, max_size=count)):
        hole[top:bottom, left:right] = True
    if draw(st.booleans()):
        scattered = np.random.default_rng(draw(st.integers(0, 99))).random((min(size[0], 50), min(size[1], 50)))
        hole[:50, :50] |= scattered < 0.05
    assume(not hole.all())
    return hole


def pixels(size: tuple[int, int], seed: int) -> np.ndarray:
    """Noise (H, W, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def noise(size: tuple[int, int], seed: int) -> torch.Tensor:
    """Noise (3, H, W) in [0, 1]."""
    return torch.from_numpy(np.random.default_rng(seed).random((3, *size), dtype=np.float32))


seeds = st.integers(0, 2**32 - 1)

PROPERTIES: dict[str, tuple[tuple[st.SearchStrategy[Any], ...], Callable[..., None]]] = {}


def holds(*strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Enters a function among the properties: it must not raise for any values of these kinds."""

    def entered(function: Callable[..., None]) -> Callable[..., None]:
        PROPERTIES[function.__name__] = strategies, function
        return function

    return entered


# Pictures


@holds(st.data(), sizes(), st.sampled_from(MODES), seeds)
def known_pixels_mode_and_size_stay(data: st.DataObject, size: tuple[int, int], mode: str, seed: int) -> None:
    """Every pixel outside the hole comes back with its own bytes, in a picture of the same size and mode."""
    image, hole = in_mode(Image.fromarray(pixels(size, seed)), mode), data.draw(holes(size))
    if mode in ("LA", "RGBA"):
        image.putalpha(255)
    filled = inpainter()(image, hole, recurrences=2)
    expected = image.convert("RGB") if mode == "P" else image
    assert (filled.mode, filled.size) == (expected.mode, expected.size)
    assert (np.asarray(filled)[~hole] == np.asarray(expected)[~hole]).all()


@holds(st.data(), sizes(400), st.sampled_from(DTYPES), st.sampled_from(("float32", "float16", "bfloat16")), seeds)
def results_are_finite_and_in_range(
    data: st.DataObject, size: tuple[int, int], dtype: str, compute: str, seed: int
) -> None:
    """A picture of any number format, computed in any, comes back in its own, finite and from 0 to 1."""
    image = noise(size, seed).to(getattr(torch, dtype))
    hole = torch.from_numpy(data.draw(holes(size)))
    filled = inpainter(compute)(image, hole, recurrences=2)
    assert (filled.dtype, filled.shape) == (image.dtype, image.shape)
    assert bool(torch.isfinite(filled).all())
    assert bool(((filled >= 0) & (filled <= 1)).all())
    assert torch.equal(filled[:, ~hole], image[:, ~hole])


@holds(st.data(), sizes(300), seeds)
def the_open_hole_only_shrinks(data: st.DataObject, size: tuple[int, int], seed: int) -> None:
    """No recurrence opens what was closed, and as many as are planned close all of it."""
    hole = torch.from_numpy(data.draw(holes(size)))
    before, ratio = hole, 1.0
    index = 0
    for index, step in enumerate(inpainter().steps(noise(size, seed), hole), 1):
        now = step.open_hole()[0, 0] > 0
        assert step.index == index
        assert not bool((now & ~before).any())
        assert step.open_ratio <= ratio
        before, ratio = now, step.open_ratio
    assert index
    assert ratio == 0


@holds(st.data(), sizes(120), st.integers(2, 4), seeds)
def a_batch_is_its_pictures(data: st.DataObject, size: tuple[int, int], count: int, seed: int) -> None:
    """Pictures of a batch come back as each alone."""
    images = torch.stack([noise(size, seed + i) for i in range(count)])
    masks = torch.from_numpy(np.stack([data.draw(holes(size, 2)) for _ in range(count)]))
    together = inpainter()(images, masks, recurrences=3)
    for image, mask, filled in zip(images, masks, together, strict=True):
        torch.testing.assert_close(inpainter()(image, mask, recurrences=3), filled, atol=TOLERANCE, rtol=0)


@holds(st.data(), st.integers(0, 40), seeds)
def far_holes_are_filled_as_each_alone(data: st.DataObject, shift: int, seed: int) -> None:
    """A hole farther away than the network looks changes nothing."""
    size = (200 + shift, 620)
    first, second = data.draw(boxes((size[0], 150), 40)), data.draw(boxes((size[0], 150), 40))
    second = (second[0], second[1] + 470, second[2], second[3] + 470)
    image, together = noise(size, seed), np.zeros(size, dtype=bool)
    for top, left, bottom, right in (first, second):
        together[top:bottom, left:right] = True
    filled = inpainter()(image, together)
    for top, left, bottom, right in (first, second):
        mask = np.zeros(size, dtype=bool)
        mask[top:bottom, left:right] = True
        alone = inpainter()(image, mask)[:, top:bottom, left:right]
        torch.testing.assert_close(filled[:, top:bottom, left:right], alone, atol=TOLERANCE, rtol=0)


@holds(st.data(), sizes(700), seeds)
def a_fill_is_pasted_exactly_where_the_hole_is(data: st.DataObject, size: tuple[int, int], seed: int) -> None:
    """At every edge and corner the pixels that change are those of the hole, each of them."""
    top, left, bottom, right = data.draw(boxes(size))
    hole = torch.zeros(size, dtype=torch.bool)
    hole[top:bottom, left:right] = True
    assume(not bool(hole.all()))
    image = noise(size, seed)
    image[:, hole] = -0.5  # no fill has that value
    filled = inpainter()(image, hole, recurrences=2)
    assert torch.equal((filled != image).all(0), hole)


# Holes


@holds(st.data(), sizes(200), st.integers(-12, 12), st.integers(0, 20), seeds)
def grow_and_feather_touch_what_they_are_asked_to(
    data: st.DataObject, size: tuple[int, int], pixels_grown: int, feathered: int, seed: int
) -> None:
    """Only pixels of the hole as it was asked to grow change, and feathering changes none beyond it."""
    hole = torch.from_numpy(data.draw(holes(size)))
    grown = grow(hole[None, None].float(), pixels_grown)[0, 0] > 0
    assume(not bool(grown.all()))
    image = noise(size, seed)
    filled = inpainter()(image, hole, grow=pixels_grown, feather=feathered, recurrences=2)
    assert torch.equal(filled[:, ~grown], image[:, ~grown])
    assert bool((grown >= hole).all() if pixels_grown >= 0 else (grown <= hole).all())
    weight = feather(hole[None, None].float(), feathered)
    assert torch.equal(weight[0, 0] > 0, hole)
    assert float(weight.max()) <= 1


@holds(
    st.sampled_from(("bool", "uint8", "int16", "uint16", "int64", "float16", "float32", "float64", "complex64", "U3")),
    st.lists(st.integers(0, 6), min_size=0, max_size=5),
    st.sampled_from((0.0, 0.5, 1.0, 1.5, -1.0, 255.0, float("nan"), float("inf"), 65535.0)),
    st.booleans(),
    st.booleans(),
    seeds,
)
def any_mask_is_a_hole_or_refused(
    dtype: str, shape: list[int], high: float, as_tensor: bool, invert: bool, seed: int
) -> None:
    """An array or tensor of any shape and type is a hole of zeros and ones, or refused in a sentence."""
    values: Any = np.random.default_rng(seed).random(shape) * high
    with np.errstate(invalid="ignore", over="ignore"):
        values = np.asarray(values).astype(dtype)
    if as_tensor:
        assume(dtype not in ("U3",))
        values = torch.from_numpy(values)
    try:
        hole = to_hole(values, invert=invert)
    except HoleError as error:
        refused(error)
        return
    assert hole.ndim == 4
    assert hole.shape[1] == 1
    assert set(hole.unique().tolist()) <= {0.0, 1.0}


@holds(st.data(), sizes(200), seeds)
def a_gpu_fills_as_the_cpu_does(data: st.DataObject, size: tuple[int, int], seed: int) -> None:
    """The same in float32 on both."""
    image, hole = noise(size, seed), torch.from_numpy(data.draw(holes(size)))
    filled = inpainter()(image, hole, recurrences=3)
    torch.testing.assert_close(inpainter(device="cuda")(image, hole, recurrences=3), filled, atol=2e-2, rtol=0)


if not torch.cuda.is_available():
    del PROPERTIES[a_gpu_fills_as_the_cpu_does.__name__]


def check(name: str, examples: int, seed: int = 0, tried: Callable[[], None] = lambda: None) -> None:
    """Tries a property on so many examples; raises what breaks it, with the example in its notes."""
    strategies, function = PROPERTIES[name]

    @functools.wraps(function)
    def counted(**values: Any) -> None:
        function(**values)
        tried()

    chosen = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large),
        phases=(Phase.generate, Phase.shrink),
    )
    hypothesis.seed(seed)(chosen(given(*strategies)(counted)))()


def run(figures: Figures, seed: int, seconds: float) -> None:
    """Tries every property in turn on new examples until the time is over."""
    end = time.monotonic() + seconds
    turn = 0
    while turn == 0 or time.monotonic() < end:
        for name in PROPERTIES:
            try:
                check(name, 20, seed + turn, lambda name=name: figures.count(name.replace("_", " ")))
            except Exception as error:
                notes = " ".join(getattr(error, "__notes__", ()))  # the example, from Python 3.11 on
                figures.fault(f"{name}, seed {seed + turn}: {error!r} {notes}"[:1500])
        turn += 1
