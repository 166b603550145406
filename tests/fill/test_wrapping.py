"""Pictures that are filled through their border: what is seen, what is filled, where it comes back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from rfr_core import ConfigError, Inpainter
from rfr_core.fill.canvas import FilledBox, to_canvas
from rfr_core.fill.wrapping import WrappedCanvas
from rfr_core.ops.box import Box

SIDE = 72
HOLES = {
    "across one border": (range(20, 50), (*range(10), *range(62, 72))),
    "across the corner": ((*range(8), *range(64, 72)), (*range(8), *range(64, 72))),
    "all the way round": (range(72), range(30, 44)),
}


@pytest.fixture(scope="module")
def lite() -> Inpainter:
    return Inpainter.from_pretrained(device="cpu", dtype="float32")


def tile() -> np.ndarray:
    """A smooth picture that repeats without a seam."""
    y, x = np.mgrid[:SIDE, :SIDE] * (2 * np.pi / SIDE)
    waves = [np.sin(x + 0.5) * np.cos(y), np.cos(2 * x) * np.sin(y + 1), np.sin(x + 2 * y)]
    return ((np.stack(waves, -1) + 1.2) * 100).round().astype(np.uint8)


def masked(name: str) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    mask[np.ix_(*HOLES[name])] = True
    return mask


def step_at_border(picture: np.ndarray, mask: np.ndarray) -> float:
    """The mean difference between pixels of the hole that meet when the picture is laid beside itself."""
    steps = []
    for axis in (0, 1):
        both = mask.take(0, axis) & mask.take(-1, axis)
        steps.append(np.abs(picture.take(0, axis).astype(float) - picture.take(-1, axis))[both])
    return float(np.concatenate(steps).mean())


@pytest.mark.parametrize("name", list(HOLES))
def test_a_tile_shows_no_seam_and_keeps_what_is_known(lite: Inpainter, name: str) -> None:
    truth, mask = tile(), masked(name)
    damaged = np.where(mask[..., None], 0, truth).astype(np.uint8)
    plain = lite(damaged, mask, detail=False)
    wrapped = lite(damaged, mask, detail=False, wrap="xy")
    np.testing.assert_array_equal(wrapped[~mask], damaged[~mask])
    inside = np.abs(np.diff(truth.astype(float), axis=1)).mean()
    assert step_at_border(wrapped, mask) < 1.5 * inside
    assert step_at_border(wrapped, mask) < step_at_border(plain, mask)


def test_steps_are_told_at_the_size_of_the_picture(lite: Inpainter) -> None:
    mask = masked("across one border")
    picture = Image.fromarray(tile())
    steps = list(lite.steps(picture, mask, wrap="x", detail=False))
    assert all(step.open_hole().shape == (1, 1, SIDE, SIDE) for step in steps)
    assert not (steps[0].open_hole()[0, 0].bool().numpy() & ~mask).any()
    assert steps[0].hole_ratio == pytest.approx(mask.mean())
    assert steps[-1].open_ratio == 0
    shares = steps[-1].attention(2, 30)
    assert shares is not None
    assert shares.shape == (SIDE, SIDE)
    assert float(shares.sum()) == pytest.approx(1, abs=1e-4)
    with pytest.raises(ConfigError, match=f"of {SIDE}×{SIDE} pixels"):
        steps[-1].attention(SIDE, 0)


def test_what_beyond_the_border_is_seen_and_pasted_back() -> None:
    image = torch.arange(12.0).reshape(1, 3, 4).expand(3, 3, 4)[None] / 12
    hole = torch.zeros(1, 1, 3, 4, dtype=torch.bool)
    hole[..., 0] = True
    canvas = WrappedCanvas(to_canvas(image), hole, "x")
    assert (canvas.height, canvas.width) == (3, 12)
    assert torch.equal(canvas.unpadded(canvas.padded(hole)), hole)
    whole = Box(0, 0, canvas.height, canvas.width)
    seen = canvas.crop(0, whole)
    assert torch.equal(seen[..., :4], seen[..., 4:8])
    x, y = canvas.place_of(3, 2)
    assert torch.equal(seen[..., y, x], image[..., 2, 3])
    ones = torch.ones(1, 1, *seen.shape[-2:])
    pasted = canvas.pasted([FilledBox(0, whole, torch.ones_like(seen), ones * canvas.padded(hole))])
    assert torch.equal(pasted, torch.where(hole, 1, image))


def test_an_unknown_way_to_wrap_is_refused(lite: Inpainter) -> None:
    with pytest.raises(ConfigError, match="Wrap is 'z'; expected one of none, x, y, xy"):
        lite(tile(), masked("across one border"), wrap="z")  # type: ignore[arg-type]
