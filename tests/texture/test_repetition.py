"""Patterns that repeat themselves are found in the known part, and go on in the hole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from pretended_device import DEVICE, OnDevice, PretendedDevice
from torch import Tensor

from rfr_core.portable.array_repetition import repeated as repeated_array
from rfr_core.texture.exemplar import synthesize
from rfr_core.texture.repetition import repeated

SIZE = 120, 150


def noise(height: int, width: int, seed: int) -> Tensor:
    """Soft spots of random colours, (1, 3, height, width), in which nothing is met twice."""
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(1, 3, -(-height // 4), -(-width // 4), generator=generator)
    return F.interpolate(small, scale_factor=4, mode="bilinear")[..., :height, :width]


def facade(height: int, width: int, rows: int = 22, columns: int = 26) -> Tensor:
    """The same tile in rows and columns, under light that falls off to one side, with a camera's noise."""
    tiles = noise(rows, columns, 3).repeat(1, 1, -(-height // rows), -(-width // columns))[..., :height, :width]
    grain = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(1))
    return tiles * torch.linspace(0.8, 1, width) + 0.01 * grain


def hole_of(top: int, left: int, rows: int, columns: int) -> Tensor:
    hole = torch.zeros(1, 1, *SIZE, dtype=torch.bool)
    hole[..., top : top + rows, left : left + columns] = True
    return hole


def error(picture: Tensor, truth: Tensor, hole: Tensor) -> float:
    return float((picture - truth)[hole.expand_as(truth)].square().mean().sqrt())


@pytest.mark.parametrize("hole", [hole_of(40, 50, 16, 20), hole_of(30, 40, 60, 70), hole_of(20, 60, 90, 90)])
def test_a_pattern_goes_on_in_a_hole_of_any_size(hole: Tensor) -> None:
    truth = facade(*SIZE)
    picture, found, clear = repeated(torch.where(hole, 0.3, truth), ~hole)
    assert clear.tolist() == [True]
    assert torch.equal(found, hole)
    assert torch.equal(picture[~hole.expand_as(truth)], truth[~hole.expand_as(truth)])
    assert error(picture, truth, hole) < 0.04
    assert error(torch.full_like(truth, 0.5), truth, hole) > 0.12


def half_tiled() -> Tensor:
    left = torch.arange(SIZE[1]) < 90
    return torch.where(left, facade(*SIZE), noise(*SIZE, seed=5))


NO_PATTERN = {
    "noise": noise(*SIZE, seed=4),
    "flat": torch.full((1, 3, *SIZE), 0.4),
    "gradient": torch.linspace(0, 1, SIZE[1]).expand(1, 3, *SIZE).contiguous(),
    "noise in a flat one": 0.4 + 0.004 * facade(*SIZE),
    "elsewhere": half_tiled(),
}


@pytest.mark.parametrize("picture", NO_PATTERN.values(), ids=NO_PATTERN)
def test_nothing_is_found_where_nothing_repeats(picture: Tensor) -> None:
    hole = hole_of(40, 105, 30, 25)
    made = repeated(picture, ~hole)
    assert not bool(made.found.any())
    assert made.clear.tolist() == [False]


def test_what_is_alike_along_lines_goes_on_but_is_no_lattice() -> None:
    layers = noise(SIZE[0], 4, seed=6)[..., :1] + 0.05 * noise(*SIZE, seed=7)
    hole = hole_of(40, 50, 40, 40)
    made = repeated(layers, ~hole)
    assert torch.equal(made.found, hole)
    assert made.clear.tolist() == [False]
    assert error(made.pictures, layers, hole) < 0.03
    assert bool(synthesize(torch.where(hole, 0.5, layers), ~hole).mismatch.any())


def test_where_a_pattern_is_found_colours_alone_choose_patches() -> None:
    hole = hole_of(40, 50, 40, 40)
    layers = noise(SIZE[0], 4, seed=6)[..., :1] + 0.05 * noise(*SIZE, seed=7)
    pictures = torch.cat([facade(*SIZE), layers, noise(*SIZE, seed=4)])
    soft, known = torch.where(hole, 0.5, pictures), ~hole.expand(3, -1, -1, -1)
    made, exact = synthesize(soft, known), synthesize(soft, known, exact=True)
    same = [torch.equal(one, other) for one, other in zip(made.copies, exact.copies, strict=True)]
    assert same == [True, True, False]


def test_a_shallow_hole_is_not_asked_for() -> None:
    assert not bool(repeated(facade(*SIZE), ~hole_of(40, 50, 4, 60)).found.any())


def test_each_picture_of_a_batch_goes_on_by_itself() -> None:
    pictures, hole = torch.cat([facade(*SIZE), noise(*SIZE, seed=4), facade(*SIZE, 18, 30)]), hole_of(40, 50, 30, 30)
    together = repeated(pictures, ~hole.expand(3, -1, -1, -1))
    assert together.found.flatten(1).any(1).tolist() == [True, False, True]
    assert together.clear.tolist() == [True, False, True]
    for number in (0, 2):
        alone = repeated(pictures[number : number + 1], ~hole)
        assert torch.equal(together.pictures[number : number + 1], alone.pictures)


def test_what_repeats_is_made_of_patches_alone() -> None:
    """The soft fill, which does not know the pattern, says nothing there, and nothing is left to refine."""
    truth, hole = facade(*SIZE), hole_of(30, 40, 60, 70)
    grey = torch.where(hole, 0.5, truth)
    made = synthesize(grey, ~hole)
    assert error(made.picture, truth, hole) < 0.05
    assert not bool(made.mismatch.any())
    assert bool(synthesize(torch.where(hole, 0.5, noise(*SIZE, seed=4)), ~hole).mismatch.any())


@pytest.mark.parametrize("picture", [facade(*SIZE), facade(*SIZE, 9, 40), *NO_PATTERN.values()])
def test_arrays_go_on_alike(picture: Tensor) -> None:
    hole = hole_of(40, 60, 30, 70)
    expected, made = repeated(picture, ~hole), repeated_array(picture[0].numpy(), ~hole[0, 0].numpy())
    assert np.array_equal(made.found, expected.found[0, 0].numpy())
    assert made.clear == bool(expected.clear[0])
    if bool(made.found.any()):
        np.testing.assert_allclose(made.picture, expected.pictures[0].numpy(), atol=2e-3)


def test_all_of_it_is_on_the_device() -> None:
    truth, hole = facade(*SIZE), hole_of(30, 40, 60, 70)
    expected = repeated(truth, ~hole)
    with PretendedDevice():
        made = repeated(truth.to(DEVICE), ~hole.to(DEVICE))
        assert all(isinstance(values, OnDevice) for values in made)
        made = [values.cpu() for values in made]
    for one, other in zip(made, expected, strict=True):
        torch.testing.assert_close(one, other)
