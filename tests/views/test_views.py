import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from rfr_core import ImageError, Inpainter, RFRConfig, RFRNet
from rfr_core.images.values import to_pil
from rfr_core.ops.box import Box
from rfr_core.views.film_strip import film_strip, stack_strips
from rfr_core.views.heat_map import heat_map
from rfr_core.views.outline import draw_outline, outline
from rfr_core.views.recording import Recording
from rfr_core.views.split_view import split_view
from rfr_core.views.thumbnail import Thumbnail


def test_a_heat_map_is_brightest_where_the_share_is_largest() -> None:
    shares = torch.zeros(2, 8, 10)
    shares[0, 3, 4], shares[0, 5, 5], shares[1, 0, 0] = 0.8, 0.1, 1e-6
    shown = heat_map(torch.full((2, 3, 8, 10), 0.5), shares)
    assert shown.shape == (2, 3, 8, 10)
    assert 0 <= float(shown.min()) <= float(shown.max()) <= 1
    brightness = shown.mean(1)
    assert brightness[0].flatten().argmax() == 3 * 10 + 4
    assert brightness[1].flatten().argmax() == 0  # each relative to its own largest share
    assert not torch.equal(shown[0, :, 5, 5], shown[0, :, 7, 7])


def test_a_heat_map_without_shares_is_the_dimmed_picture() -> None:
    picture = torch.rand(1, 3, 4, 4)
    shown = heat_map(picture, torch.zeros(1, 4, 4))
    assert torch.equal(shown[:, 0], shown[:, 2])
    assert float(shown.mean()) < float(picture.mean())


def test_a_heat_map_refuses_another_size() -> None:
    with pytest.raises(ImageError, match=r"expected \(N, H, W\)"):
        heat_map(torch.rand(1, 3, 4, 4), torch.zeros(1, 4, 5))


def test_an_outline_lies_inside_the_hole_along_its_border() -> None:
    hole = torch.zeros(1, 1, 9, 9)
    hole[..., 2:7, 2:7] = 1
    line = outline(hole)
    assert int(line.sum()) == 16
    assert line[0, 0, 4, 4] == 0
    picture = torch.rand(1, 3, 9, 9)
    drawn = draw_outline(picture, hole)
    assert torch.equal(drawn * (1 - line), picture * (1 - line))
    assert bool((drawn[:, 0][line[:, 0] > 0] == 1).all())


def test_the_border_of_the_picture_is_no_outline() -> None:
    hole = torch.zeros(1, 1, 6, 6)
    hole[..., :3] = 1
    line = outline(hole)
    assert int(line.sum()) == 6
    assert bool((line[0, 0, :, 2] == 1).all())


def _recorded(height: int, width: int, recurrences: int) -> Recording:
    torch.manual_seed(0)
    network = Inpainter(RFRNet(RFRConfig(width=8, norm="group")), device="cpu", dtype="float32")
    picture, hole = torch.rand(1, 3, height, width), torch.zeros(1, 1, height, width)
    hole[..., 10:30, 10:40] = 1
    recording = Recording(picture, hole)
    for step in network.steps(picture, hole, recurrences=recurrences):
        recording.add(step)
    return recording


def test_a_film_strip_shows_the_start_and_every_recurrence() -> None:
    recording = _recorded(64, 80, 3)
    strip = film_strip(recording)
    assert strip.shape == (1, 3, 64, 4 * 80 + 3 * 4)
    untouched = recording.picture(0)[..., 40:, :]
    assert torch.equal(strip[..., 40:, :80], untouched)
    assert torch.equal(strip[..., 40:, -80:], untouched)
    assert not torch.equal(strip[..., :80], recording.picture(0))  # the hole is outlined


def test_film_strips_are_scaled_down_and_stacked() -> None:
    long, short = (film_strip(_recorded(64, 80, recurrences), height=32) for recurrences in (3, 2))
    assert long.shape == (1, 3, 32, 4 * 40 + 3 * 4)
    both = stack_strips([long, short])
    assert both.shape == (1, 3, 32 + 4 + 32, long.shape[-1])
    assert torch.equal(both[..., -32:, : short.shape[-1]], short)


def test_a_split_view_has_each_picture_on_its_side() -> None:
    left, right = torch.zeros(2, 3, 10, 40), torch.full((2, 3, 10, 40), 0.5)
    view = split_view(left, right, 0.25)
    assert torch.equal(view[..., :9], left[..., :9])
    assert torch.equal(view[..., 11:], right[..., 11:])
    assert float(view[..., 9:11].min()) == 1
    assert torch.equal(split_view(left, right, 0), right)
    assert torch.equal(split_view(left, right, 1), left)


def test_a_split_view_refuses_what_does_not_fit() -> None:
    with pytest.raises(ImageError, match="expected the same"):
        split_view(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 5))
    with pytest.raises(ImageError, match="position"):
        split_view(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4), 1.5)


@pytest.mark.parametrize(("height", "width", "side"), [(90, 120, 40), (200, 61, 64), (64, 80, 512)])
def test_a_thumbnail_with_a_new_region_is_that_of_the_whole_picture(height: int, width: int, side: int) -> None:
    picture, changed = torch.rand(2, 1, 3, height, width, generator=torch.Generator().manual_seed(0))
    box = Box(11, 17, 52, 50)
    whole = picture.clone()
    whole[(..., *box.slices)] = changed[(..., *box.slices)]
    small = Thumbnail(picture, box, side).image(whole[(..., *box.slices)])
    expected = Thumbnail(whole, None, side).image()
    difference = np.abs(np.asarray(small).astype(int) - np.asarray(expected).astype(int))
    assert small.size == expected.size
    assert difference.max() <= 1


@pytest.mark.parametrize(
    ("height", "width", "side"), [(96, 128, 128), (300, 400, 128), (611, 397, 128), (1200, 900, 64)]
)
def test_a_thumbnail_looks_as_one_that_is_scaled_at_once(height: int, width: int, side: int) -> None:
    coarse = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    picture = F.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    small = Thumbnail(picture, None, side).image()
    expected = to_pil(picture).resize(small.size, Image.Resampling.LANCZOS)
    assert max(small.size) == side
    assert np.abs(np.asarray(small).astype(int) - np.asarray(expected).astype(int)).max() <= 4
