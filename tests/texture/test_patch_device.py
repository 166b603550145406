"""Patches are searched on a CUDA device as on the CPU, with nothing left behind on either."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from pretended_device import DEVICE, OnDevice, PretendedDevice
from torch import Tensor

from rfr_core.fill.detail import GPU_PIXELS, input_stack
from rfr_core.texture.exemplar import synthesize


def pictures(count: int, side: int, hole: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    picture = F.interpolate(torch.rand(count, 3, side // 6, side // 6, generator=generator), (side, side))
    known = torch.ones(count, 1, side, side, dtype=torch.bool)
    for item in range(count):
        start = 8 + 4 * item
        known[item, :, start : start + hole, start + 2 : start + 2 + hole] = False
    return picture, known


@pytest.mark.parametrize(("count", "side", "hole"), [(1, 90, 40), (2, 64, 20), (1, 48, 46)])
def test_all_of_a_search_is_on_the_device(count: int, side: int, hole: int) -> None:
    picture, known = pictures(count, side, hole)
    expected = synthesize(picture, known)
    with PretendedDevice():
        made = synthesize(picture.to(DEVICE), known.to(DEVICE))
        assert all(isinstance(part, OnDevice) for part in made)
        made = [part.cpu() for part in made]
    for one, other in zip(made, expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("hole", [100, 140])
def test_large_holes_go_to_the_device_and_come_back(hole: int) -> None:
    picture, known = pictures(1, 200, hole)
    with PretendedDevice() as pretended:
        stack = input_stack(picture, known, DEVICE)
    assert not isinstance(stack, OnDevice)
    assert (pretended.created > 0) == (hole**2 >= GPU_PIXELS)
    torch.testing.assert_close(stack, input_stack(picture, known))


def test_the_pretended_device_is_as_strict_as_a_real_one() -> None:
    with PretendedDevice():
        there = torch.ones(3, device=DEVICE)
        with pytest.raises(RuntimeError, match="same device"):
            there.add(torch.ones(3))
        with pytest.raises(TypeError, match="can't convert cuda"):
            there.numpy()
        assert (there + 1).device == DEVICE
        assert (there * torch.tensor(2.0)).cpu().tolist() == [2, 2, 2]
