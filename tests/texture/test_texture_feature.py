"""Patches come from where there is as much fine detail as around the hole, though coarse scales average it away."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from rfr_core.portable.array_texture_feature import texture_feature as feature_of_array
from rfr_core.texture.exemplar import synthesize
from rfr_core.texture.settings import FEATURE_WEIGHT
from rfr_core.texture.texture_feature import texture_feature


def grain(height: int, width: int, strength: float) -> Tensor:
    """Grey noise of single pixels around a middle grey, (1, 3, height, width)."""
    drawn = torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(2))
    return (0.5 + strength * (drawn - 0.5)).repeat(1, 3, 1, 1)


def square_hole(height: int, width: int, top: int, left: int, side: int) -> Tensor:
    hole = torch.zeros(1, 1, height, width, dtype=torch.bool)
    hole[..., top : top + side, left : left + side] = True
    return hole


def test_a_hole_in_a_rough_part_becomes_rough_beside_a_larger_smooth_one_of_its_colour() -> None:
    size = 160, 320
    truth = torch.where(torch.arange(320) < 130, grain(*size, strength=0.3), grain(*size, strength=0.02))
    hole = square_hole(*size, 40, 30, 70)
    inside = square_hole(*size, 50, 40, 50).expand(1, 3, *size)
    soft = torch.where(hole, 0.5, truth)
    assert float(synthesize(soft, ~hole).copies[inside].std()) > 0.07  # as all around, .087
    smooth = torch.where(torch.arange(320) < 130, grain(*size, strength=0.02), grain(*size, strength=0.3))
    assert float(synthesize(torch.where(hole, 0.5, smooth), ~hole).copies[inside].std()) < 0.02


def test_it_is_the_mean_of_gradients_between_known_pixels() -> None:
    ramp = (torch.arange(40) / 100).expand(1, 3, 30, 40)
    hole = square_hole(30, 40, 10, 15, 8)
    feature = texture_feature(torch.where(hole, 1.0, ramp), ~hole)
    assert feature.shape == (1, 1, 30, 40)
    assert not bool(feature[hole].any())
    far = feature[..., 4:6, 5:-5]  # from the hole and the picture's border
    torch.testing.assert_close(far, torch.full_like(far, 0.01 * FEATURE_WEIGHT**0.5))
    assert torch.equal(feature, texture_feature(torch.where(hole, 0.2, ramp), ~hole))  # whatever the hole shows
    assert not bool(texture_feature(torch.full((1, 3, 20, 20), 0.4), torch.ones(1, 1, 20, 20, dtype=torch.bool)).any())


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1), (24, 31)])
def test_arrays_have_the_same_feature(size: tuple[int, int]) -> None:
    picture = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
    known = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(1)) > 0.3
    made = feature_of_array(picture[0].numpy(), known[0, 0].numpy())
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, texture_feature(picture, known)[0].numpy(), rtol=1e-5, atol=1e-7)
