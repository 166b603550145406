"""The colour match: an output meets its surroundings, whatever its own colours are."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from rfr_core.config import RFRConfig
from rfr_core.fill.planning import decoded_box
from rfr_core.network.rfr_net import RFRNet
from rfr_core.ops.colour_match import match_colours, matched_cell


def scene(n: int = 2, height: int = 40, width: int = 52) -> tuple[torch.Tensor, torch.Tensor]:
    rows = torch.linspace(0, 1, height).view(1, 1, -1, 1).expand(n, 3, height, width)
    known = torch.ones(n, 1, height, width)
    known[0, :, 10:30, 12:40] = 0
    known[1:, :, 30:, :] = 0
    return rows.clone(), known


def test_known_pixels_become_the_images() -> None:
    image, known = scene()
    matched = match_colours(torch.rand(image.shape), image, known)
    torch.testing.assert_close(matched * known, image * known, atol=1e-6, rtol=0)


@pytest.mark.parametrize("shift", [-0.4, 0.25])
def test_a_fill_that_is_right_but_for_its_colour_becomes_right(shift: float) -> None:
    image, known = scene()
    tint = torch.tensor([shift, 0.0, -shift]).view(1, 3, 1, 1)
    torch.testing.assert_close(match_colours(image + tint, image, known), image, atol=1e-5, rtol=0)
    torch.testing.assert_close(match_colours(image, image, known), image, atol=1e-6, rtol=0)


def test_only_what_is_known_of_the_image_counts() -> None:
    image, known = scene()
    output = torch.rand(image.shape)
    spoilt = torch.where(known > 0, image, torch.rand(image.shape))
    torch.testing.assert_close(match_colours(output, spoilt, known), match_colours(output, image, known))


def test_without_known_pixels_the_output_stays() -> None:
    output = torch.rand(1, 3, 17, 9)
    torch.testing.assert_close(match_colours(output, torch.rand(1, 3, 17, 9), torch.zeros(1, 1, 17, 9)), output)


@pytest.mark.parametrize("hole", [(70, 100, 100, 137), (64, 192, 60, 200), (0, 90, 130, 256)])
def test_squares_that_hold_something_known_match_as_the_whole_picture_does(hole: tuple[int, int, int, int]) -> None:
    place = torch.arange(256) / 256
    image = torch.stack([place[:, None] * place, place[:, None].expand(256, 256), place.expand(256, 256)])[None]
    output, known = image + 0.1 * torch.sin(9 * place) + 0.02 * torch.rand(image.shape), torch.ones(1, 1, 256, 256)
    top, bottom, left, right = hole
    known[..., top:bottom, left:right] = 0
    cell = matched_cell(known > 0)
    squares = F.max_pool2d(known, cell, ceil_mode=True)
    assert bool((squares > 0).all())
    box = decoded_box((known[0, 0] == 0).numpy(), cell)
    assert box.contains(left, top)
    assert box.contains(right - 1, bottom - 1)
    part = [values[(..., *box.slices)] for values in (output, image, known)]
    matched = match_colours(output, image, known)[(..., *box.slices)]
    torch.testing.assert_close(match_colours(*part), matched, atol=1e-3, rtol=0)


def test_where_nothing_is_known_there_is_one_square() -> None:
    assert matched_cell(torch.zeros(1, 1, 90, 50, dtype=torch.bool)) >= 90


def test_gradients_flow_through_the_known_pixels_too() -> None:
    image, known = scene()
    output = torch.rand(image.shape, requires_grad=True)
    (match_colours(output, image, known) * (1 - known)).sum().backward()
    assert output.grad is not None
    assert bool((output.grad * (1 - known) != 0).any())
    assert bool((output.grad[0, :, 9, 12:40] < 0).all())


def test_a_network_of_that_form_shows_the_known_pixels_in_every_step() -> None:
    torch.manual_seed(0)
    plain = RFRNet(RFRConfig(width=8, norm="group", recurrences=2)).eval()
    matched = RFRNet(RFRConfig(width=8, norm="group", recurrences=2, colour_match=True)).eval()
    matched.load_state_dict(plain.state_dict())
    image, known = scene()
    with torch.inference_mode():
        expected = match_colours(plain(image, known), image, known)
        torch.testing.assert_close(matched(image, known), expected, atol=1e-3, rtol=1e-3)
        for step in matched.steps(image, known):
            torch.testing.assert_close(step.decode() * known, image * known, atol=1e-5, rtol=0)
