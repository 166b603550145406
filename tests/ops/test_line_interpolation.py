"""Colours along straight lines: edges go on through holes, and known pixels stay."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rfr_core.ops.line_interpolation import DIRECTIONS, interpolate_along_lines

SIDE = 48


def hole() -> Tensor:
    known = torch.ones(1, 1, SIDE, SIDE)
    known[..., 12:36, 14:34] = 0
    return known


def stripes(rows: int, columns: int) -> Tensor:
    """A picture whose colours are the same along lines of that many rows and columns a step."""
    place = torch.arange(SIDE)
    across = place[:, None] * columns - place * rows
    wave = torch.sin(across / 7.0) / 2 + 0.5
    return torch.stack([wave, 1 - wave, wave.square()])[None]


@pytest.mark.parametrize("direction", range(len(DIRECTIONS)))
def test_stripes_go_on_along_their_own_direction_which_is_trusted_most(direction: int) -> None:
    image, known = stripes(*DIRECTIONS[direction]), hole()
    lines = interpolate_along_lines(torch.where(known > 0, image, 9.0), known, torch.zeros_like(image))
    torch.testing.assert_close(lines.colours[:, direction], image)
    weight = lines.trust.softmax(1)[:, direction][known[:, 0] == 0].mean()
    assert float(weight) > 2 / len(DIRECTIONS)


def test_known_pixels_stay_and_what_is_not_known_is_not_looked_at() -> None:
    image, known = torch.rand(1, 3, SIDE, SIDE), hole()
    lines = interpolate_along_lines(torch.where(known > 0, image, torch.nan), known, torch.zeros_like(image))
    assert bool(lines.colours.isfinite().all())
    assert bool(lines.trust.isfinite().all())
    for colours in lines.colours.unbind(1):
        assert torch.equal(torch.where(known > 0, colours, 0), torch.where(known > 0, image, 0))


def test_colours_change_evenly_between_both_ends() -> None:
    image, known = torch.zeros(1, 3, 5, 9), torch.ones(1, 1, 5, 9)
    image[..., 8] = 1
    known[..., 1:8] = 0
    lines = interpolate_along_lines(image, known, torch.zeros_like(image))
    torch.testing.assert_close(lines.colours[0, 0, 0, 2], torch.arange(9) / 8)


def test_a_line_that_leaves_the_picture_has_one_end_and_one_that_meets_nothing_the_fill() -> None:
    image, known = torch.zeros(1, 3, 6, 6), torch.zeros(1, 1, 6, 6)
    image[..., 0], known[..., 0] = 0.25, 1
    fill = torch.full_like(image, 0.75)
    lines = interpolate_along_lines(image, known, fill)
    across, down = lines.colours[:, DIRECTIONS.index((0, 1))], lines.colours[:, DIRECTIONS.index((1, 0))]
    assert bool((across == 0.25).all())
    assert bool((down[..., 1:] == 0.75).all())
    assert bool((lines.trust[:, DIRECTIONS.index((1, 0)), :, 1:] < lines.trust[:, 0, :, 1:]).all())


def traced(known: Tensor, row: int, column: int, rows: int, columns: int) -> tuple[int, int] | None:
    """The first known pixel of a mask (H, W) on the line from a pixel on."""
    while 0 <= row < known.shape[0] and 0 <= column < known.shape[1]:
        if known[row, column]:
            return row, column
        row, column = row + rows, column + columns
    return None


def test_holes_anywhere_are_filled_as_lines_followed_step_by_step() -> None:
    random = torch.Generator().manual_seed(0)
    image, fill = torch.rand(2, 3, 23, 31, generator=random), torch.rand(2, 3, 23, 31, generator=random)
    known = torch.ones(2, 1, 23, 31)
    known[0, :, 15:, 20:29] = 0  # at the border, so that some lines leave the picture
    known[1, :, 6:13, 5:12] = 0
    lines = interpolate_along_lines(image * known, known, fill)
    for item, _, row, column in (known == 0).nonzero().tolist():
        for direction, (rows, columns) in enumerate(DIRECTIONS):
            mask = known[item, 0] > 0
            ends = [traced(mask, row, column, sign * rows, sign * columns) for sign in (1, -1)]
            seen = [image[item, :, end[0], end[1]] for end in ends if end]
            far = [max(abs(end[0] - row), abs(end[1] - column)) for end in ends if end]
            if len(seen) == 2:
                expected = (seen[0] * far[1] + seen[1] * far[0]) / sum(far)
            else:
                expected = seen[0] if seen else fill[item, :, row, column]
            torch.testing.assert_close(lines.colours[item, direction, :, row, column], expected)
