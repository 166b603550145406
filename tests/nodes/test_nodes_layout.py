import pytest
import torch
from pretended_device import DEVICE, OnDevice, PretendedDevice

from rfr_core import HoleError, ImageError
from rfr_nodes.host_tensors import hole_for, nothing_to_fill, to_image, to_mask, to_pictures


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_become_pictures_and_back(channels: int) -> None:
    image = torch.rand(2, 5, 7, channels)
    pictures = to_pictures(image)
    assert pictures.shape == (2, 3, 5, 7)
    assert torch.equal(to_image(pictures), image[..., :3].expand(2, 5, 7, 3))
    assert to_image(pictures).is_contiguous()


@pytest.mark.parametrize("shape", [(5, 7, 3), (1, 5, 7, 2), (0, 5, 7, 3)])
def test_what_is_no_image_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ImageError, match="expected a batch of RGB pictures"):
        to_pictures(torch.zeros(shape))


def test_a_mask_is_a_hole_where_it_is_white() -> None:
    mask = torch.zeros(1, 5, 7)
    mask[0, 2, 3], mask[0, 4, 4] = 1, 0.4
    hole, notes = hole_for(mask, torch.zeros(2, 3, 5, 7))
    assert notes == []
    assert int(hole.sum()) == 1
    assert hole[0, 0, 2, 3] == 1
    assert torch.equal(to_mask(hole), hole[:, 0].float())
    assert int(hole_for(mask, torch.zeros(2, 3, 5, 7), threshold=0.4)[0].sum()) == 2


def test_a_single_mask_needs_no_batch_axis() -> None:
    hole, _ = hole_for(torch.ones(5, 7), torch.zeros(1, 3, 5, 7))
    assert hole.shape == (1, 1, 5, 7)


def test_a_mask_of_another_size_is_resized_with_a_note() -> None:
    hole, notes = hole_for(torch.ones(3, 10, 14), torch.zeros(3, 3, 5, 7))
    assert hole.shape == (3, 1, 5, 7)
    assert notes == ["The mask of 14×10 pixels was resized to the picture's 7×5."]


def test_the_placeholder_of_the_host_is_no_mask() -> None:
    with pytest.raises(HoleError, match="There is no mask"):
        hole_for(torch.zeros(1, 64, 64), torch.zeros(1, 3, 80, 80))


@pytest.mark.parametrize("size", [(64, 64), (80, 64)])
def test_an_empty_mask_of_the_picture_is_an_empty_hole(size: tuple[int, int]) -> None:
    hole, _ = hole_for(torch.zeros(1, *size), torch.zeros(1, 3, *size))
    assert hole.shape == (1, 1, *size)
    assert not hole.any()


def test_a_small_mask_with_something_in_it_is_one() -> None:
    hole, notes = hole_for(torch.ones(1, 64, 64), torch.zeros(1, 3, 80, 80))
    assert bool(hole.all())
    assert len(notes) == 1


def test_what_is_on_the_gpu_is_taken_from_there() -> None:
    with PretendedDevice():
        pictures = to_pictures(torch.rand(1, 5, 7, 3).to(DEVICE))
        hole, _ = hole_for(torch.ones(1, 5, 7).to(DEVICE), pictures)
        assert not isinstance(pictures, OnDevice)
        assert not isinstance(hole, OnDevice)


def test_as_many_masks_as_pictures_or_one() -> None:
    with pytest.raises(HoleError, match="There are 3 masks for 2 pictures"):
        hole_for(torch.zeros(3, 5, 7), torch.zeros(2, 3, 5, 7))


def test_several_masks_for_one_picture_are_united() -> None:
    masks = torch.zeros(3, 5, 7)
    masks[0, 1, 1] = masks[2, 3, 5] = 1
    hole, notes = hole_for(masks, torch.zeros(1, 3, 5, 7))
    assert hole.nonzero()[:, 2:].tolist() == [[1, 1], [3, 5]]
    assert notes == ["All 3 masks are filled in the one picture."]


@pytest.mark.parametrize(
    ("value", "threshold", "grow", "sentence"),
    [
        (0.0, 0.5, 0, "the highest value in the mask is 0, and only values of at least 0.5 are filled; paint"),
        (
            0.4,
            0.5,
            0,
            "in the mask is 0.4, and only values of at least 0.5 are filled; lower the threshold",
        ),
        (1.0, 0.5, -256, "the mask vanishes when it shrinks by 256 pixels"),
        (1.0, 0.5, 0, "too small to be seen"),
    ],
)
def test_it_is_said_why_there_is_nothing_to_fill(value: float, threshold: float, grow: int, sentence: str) -> None:
    (said,) = nothing_to_fill(torch.full((1, 8, 8), value), torch.zeros(2, 1, 8, 8, dtype=torch.bool), threshold, grow)
    assert said.startswith("Nothing to fill: ")
    assert sentence in said


def test_it_is_said_how_many_pictures_have_nothing_to_fill() -> None:
    hole = torch.zeros(3, 1, 8, 8, dtype=torch.bool)
    hole[1] = True
    assert nothing_to_fill(torch.ones(3, 8, 8), hole, 0.5, 0) == ["There is nothing to fill in 2 of 3 pictures."]
    assert nothing_to_fill(torch.ones(3, 8, 8), hole[1:2], 0.5, 0) == []
