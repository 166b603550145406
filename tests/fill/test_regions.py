"""Regions, tiles and the arithmetic of masks and scales, without a network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rfr_core.fill.regions import BLOCK, connected, find_regions, tile_boxes, tile_window
from rfr_core.ops.box import Box
from rfr_core.ops.pyramid import doubled, halve, pull_push, share_within, spread


def _hole(height: int, width: int, *boxes: tuple[int, int, int, int]) -> torch.Tensor:
    hole = torch.zeros(1, 1, height, width, dtype=torch.bool)
    for top, left, bottom, right in boxes:
        hole[..., top:bottom, left:right] = True
    return hole


def _regions(hole: torch.Tensor, margin: int = 64):
    height, width = hole.shape[-2:]
    return find_regions(hole, hole, lambda box, thin: box.grown(margin, height, width), 640 * 640)


def _flood(marked: np.ndarray) -> np.ndarray:
    """8-connected labels in reading order, the slow way."""
    labels = np.zeros(marked.shape, dtype=int)
    for start in zip(*np.nonzero(marked), strict=True):
        if labels[start]:
            continue
        label, stack = labels.max() + 1, [start]
        while stack:
            y, x = stack.pop()
            if 0 <= y < marked.shape[0] and 0 <= x < marked.shape[1] and marked[y, x] and not labels[y, x]:
                labels[y, x] = label
                stack += [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return labels


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.45, 0.6, 1.0])
def test_connected_components_are_those_of_a_flood_fill(share: float) -> None:
    marked = np.random.default_rng(int(share * 100)).random((37, 53)) < share
    assert (connected(marked) == _flood(marked)).all()


def test_a_spiral_is_one_component() -> None:
    marked = np.zeros((41, 41), dtype=bool)
    y, x, step, (dy, dx) = 0, 0, 40, (0, 1)
    while step > 0:
        for _ in range(step):
            marked[y, x] = True
            y, x = y + dy, x + dx
        dy, dx = dx, -dy
        step -= 1 if dy == 0 else 3
    assert connected(marked).max() == 1


@pytest.mark.parametrize("size", [(5, 9), (16, 33), (37, 48), (61, 79)])
def test_a_hole_at_a_border_that_cuts_a_block_is_found_to_the_pixel(size: tuple[int, int]) -> None:
    height, width = size
    boxes = (0, width - 2, 1, width), (height - 1, 0, height, 1), (height - 3, width - 4, height, width - 1)
    for box in boxes:
        hole = _hole(height, width, box)
        assert [region.box for region in _regions(hole)] == [Box(*box)]
        transposed = hole.numpy().transpose(0, 1, 3, 2)  # whose rows do not lie one behind the other
        [region] = find_regions(transposed, transposed, lambda box, thin: box.grown(64, width, height), 640 * 640)
        assert region.box == Box(box[1], box[0], box[3], box[2])


def test_no_hole_has_no_region() -> None:
    assert _regions(_hole(50, 60)) == []


def test_a_region_has_the_exact_box_of_its_hole() -> None:
    (region,) = _regions(_hole(301, 299, (17, 33, 40, 299)))
    assert region.box == Box(17, 33, 40, 299)


def test_near_holes_are_joined_and_far_ones_are_not() -> None:
    assert len(_regions(_hole(300, 300, (10, 10, 60, 60), (10, 90, 60, 140)))) == 1
    assert len(_regions(_hole(900, 900, (10, 10, 60, 60), (800, 800, 850, 850)))) == 2


def test_every_hole_pixel_belongs_to_one_region() -> None:
    rng = np.random.default_rng(3)
    boxes = [(int(y), int(x), int(y) + 30, int(x) + 25) for y, x in rng.integers(0, 1500, (40, 2))]
    hole = _hole(1501, 1502, *boxes)
    owners = torch.zeros(hole.shape, dtype=torch.int)
    regions = _regions(hole)
    assert len(regions) > 3
    for region in regions:
        place = (..., *region.box.slices)
        owners[place] += region.owns(region.box) & hole[place]
    assert torch.equal(owners, hole.int())


@pytest.mark.parametrize("side", [1, 20, 100, 161, 400])
def test_depth_is_the_distance_to_what_is_known_to_within_a_block(side: int) -> None:
    (region,) = _regions(_hole(700, 700, (101, 77, 101 + side, 77 + side)))
    assert abs(region.depth - (side + 1) // 2) <= BLOCK


def test_the_border_of_the_picture_is_no_end_of_a_hole() -> None:
    (region,) = _regions(_hole(320, 320, (0, 0, 320, 240)))
    assert abs(region.depth - 240) <= BLOCK


@pytest.mark.parametrize("shape", [(1, 1), (320, 320), (321, 1000), (77, 3001)])
def test_tiles_cover_and_their_weights_can_be_shared_out(shape: tuple[int, int]) -> None:
    whole = Box(5, 9, 5 + shape[0], 9 + shape[1])
    total = torch.zeros(shape)
    tiles = tile_boxes(whole, 320, 32)
    for tile in tiles:
        assert tile.common(whole) == tile
        assert max(tile.height, tile.width) <= 320
        weight = tile_window(tile, tile, whole, 32)
        assert weight.min() > 0
        assert torch.equal(tile_window(Box(tile.top, tile.left, *tile[2:]), tile, whole, 32), weight)
        total[tile.within(whole).slices] += weight[0, 0]
    assert total.min() > 0.4
    assert len({(tile.height, tile.width) for tile in tiles}) == 1


def test_a_box_grows_to_a_multiple_where_the_picture_has_room() -> None:
    assert Box(100, 100, 110, 130).grown(20, 1000, 1000, 16) == Box(73, 75, 137, 155)
    assert Box(0, 0, 10, 10).grown(5, 1000, 1000, 16) == Box(0, 0, 16, 16)
    assert Box(990, 990, 1000, 1000).grown(5, 1000, 1000, 16) == Box(984, 984, 1000, 1000)
    assert Box(0, 0, 3, 5).grown(5, 7, 9, 16) == Box(0, 0, 7, 9)


def test_halving_averages_known_colours_alone() -> None:
    colour = torch.rand(1, 3, 7, 9)
    known = (torch.rand(1, 1, 7, 9) < 0.6).float()
    half, coverage = halve(torch.where(known > 0, colour, 1e9), known)
    assert half.shape == (1, 3, 4, 5)
    for y in range(4):
        for x in range(5):
            place = (..., slice(2 * y, 2 * y + 2), slice(2 * x, 2 * x + 2))
            share, count = known[place].mean(), known[place].sum()
            assert coverage[0, 0, y, x] == pytest.approx(float(share))
            mean = (colour[place] * known[place]).sum((2, 3)) / count if count else torch.zeros(1, 3)
            torch.testing.assert_close(half[:, :, y, x], mean)


def test_doubling_a_part_is_that_part_of_the_doubled_whole() -> None:
    small = torch.rand(1, 3, 20, 30)
    whole = doubled(small, Box(0, 0, 40, 60))
    for box in (Box(0, 0, 5, 5), Box(7, 9, 22, 41), Box(33, 50, 40, 60)):
        torch.testing.assert_close(doubled(small, box), whole[(..., *box.slices)])


def test_pull_push_keeps_what_is_there_and_extends_a_constant() -> None:
    weight = (torch.rand(1, 1, 45, 67) < 0.1).float()
    values = torch.rand(1, 2, 45, 67)
    extended = pull_push(values, weight)
    assert torch.equal(torch.where(weight > 0, extended, 0), torch.where(weight > 0, values, 0))
    assert extended.min() >= values.min()
    assert extended.max() <= values.max()
    torch.testing.assert_close(pull_push(torch.full((1, 2, 45, 67), 0.3), weight), torch.full((1, 2, 45, 67), 0.3))


@pytest.mark.parametrize("radius", [0, 1, 2, 5, 11, 300])
def test_spreading_marks_a_square_around_each(radius: int) -> None:
    marked = torch.rand(1, 1, 40, 50) < 0.01
    expected = torch.zeros_like(marked)
    for _, _, y, x in marked.nonzero().tolist():
        expected[..., max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1] = True
    assert torch.equal(spread(marked, radius), expected)


def test_softening_is_the_share_in_a_square() -> None:
    marked = torch.zeros(1, 1, 31, 31, dtype=torch.bool)
    marked[..., 15:, :] = True
    soft = share_within(marked, 4)
    torch.testing.assert_close(soft[0, 0, :, 7], ((torch.arange(31) - 10) / 9).clamp(0, 1))


def test_many_spots_need_little_context_and_a_few_get_as_much_as_any_hole() -> None:
    places = [(int(y), int(x), int(y) + 12, int(x) + 12) for y in range(100, 2000, 400) for x in range(100, 2000, 400)]
    assert all(region.thin for region in _regions(_hole(2000, 2000, *places)))
    assert not any(region.thin for region in _regions(_hole(2000, 2000, *places[:10])))


def test_a_large_hole_among_many_spots_is_not_thin() -> None:
    places = [(int(y), int(x), int(y) + 12, int(x) + 12) for y in range(100, 2000, 400) for x in range(100, 2000, 400)]
    regions = _regions(_hole(2000, 2600, *places, (800, 2300, 1000, 2500)))
    assert [region.box for region in regions if not region.thin] == [Box(800, 2300, 1000, 2500)]


def test_a_long_line_is_thin_and_a_short_or_thick_one_or_a_net_is_not() -> None:
    y, x = np.mgrid[:2000, :2000]
    distance = torch.from_numpy(np.abs(y - x))[None, None]
    (line,) = _regions(distance < 4)
    assert line.thin
    (thick,) = _regions(distance < 60)
    (short,) = _regions((distance < 4)[..., :300, :300])
    (net,) = _regions(torch.from_numpy((y % 64 < 4) | (x % 64 < 4))[None, None])
    assert not any(region.thin for region in (thick, short, net))
