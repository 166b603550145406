from itertools import pairwise
from typing import Any

import pytest
import torch

from rfr_core import ConfigError, Inpainter, InpaintStep, RFRConfig, RFRNet
from rfr_core.views.recording import Recording

HEIGHT, WIDTH = 150, 203


@pytest.fixture(scope="module")
def steps() -> list[InpaintStep]:
    return list(_inpainter().steps(*_picture_and_hole()))


@pytest.fixture(scope="module")
def recording(steps: list[InpaintStep]) -> Recording:
    recording = Recording(*_picture_and_hole())
    for step in steps:
        recording.add(step)
    return recording


def _inpainter(**config: Any) -> Inpainter:
    torch.manual_seed(0)
    return Inpainter(RFRNet(RFRConfig(width=8, norm="group", **config)), device="cpu", dtype="float32")


def _picture_and_hole() -> tuple[torch.Tensor, torch.Tensor]:
    image = torch.rand(1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1))
    hole = torch.zeros(1, 1, HEIGHT, WIDTH)
    hole[..., 60:100, 80:140] = 1
    hole[..., 5:12, 5:12] = 1  # far enough away to be a region of its own
    return image, hole


def test_pictures_come_back_as_the_steps_made_them(recording: Recording, steps: list[InpaintStep]) -> None:
    image, hole = _picture_and_hole()
    assert torch.equal(recording.picture(0), image)
    assert torch.equal(recording.picture(len(recording)), steps[-1].tensor())
    for index, step in enumerate(steps, 1):
        picture = recording.picture(index)
        assert torch.equal(picture * (1 - hole), image * (1 - hole))
        torch.testing.assert_close(picture, step.tensor(), rtol=0, atol=1 / 4096)


def test_a_region_is_what_the_picture_shows_in_the_box(recording: Recording, steps: list[InpaintStep]) -> None:
    assert recording.box == (5, 5, 100, 140)
    for frame in range(len(recording) + 1):
        assert torch.equal(recording.region(frame), recording.picture(frame)[..., 5:100, 5:140])
    assert torch.equal(steps[1].tensor(recording.box), steps[1].tensor()[..., 5:100, 5:140])


def test_open_holes_are_those_of_the_steps_and_shrink(recording: Recording, steps: list[InpaintStep]) -> None:
    assert torch.equal(recording.open_hole(0), _picture_and_hole()[1])
    for index, step in enumerate(steps, 1):
        assert torch.equal(recording.open_hole(index), step.open_hole())
    sizes = [float(recording.open_hole(index).sum()) for index in range(len(recording) + 1)]
    assert all(later <= earlier for earlier, later in pairwise(sizes))
    assert sizes[0] > sizes[-1] == 0


def test_attention_is_that_of_the_step(recording: Recording, steps: list[InpaintStep]) -> None:
    wanted = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    wanted[80, 100] = True
    kept, whole = recording.attention(len(recording), wanted), steps[-1].attention(100, 80)
    assert kept is not None
    assert whole is not None
    strongest = whole > 0.5 * whole.max()
    torch.testing.assert_close(kept[strongest], whole[strongest], rtol=0.01, atol=0)
    assert 0.5 < float(kept.sum()) <= 1.001
    assert bool((kept <= whole + 1e-5).all())


def test_attention_over_several_pixels_is_their_mean(recording: Recording) -> None:
    one, other, both = (torch.zeros(HEIGHT, WIDTH, dtype=torch.bool) for _ in range(3))
    one[70, 90] = both[70, 90] = True
    other[8, 8] = both[8, 8] = True  # in the other region
    first, second, mean = (recording.attention(2, wanted) for wanted in (one, other, both))
    assert first is not None
    assert second is not None
    assert mean is not None
    torch.testing.assert_close(mean, (first + second) / 2)


def test_known_pixels_have_no_attention(recording: Recording) -> None:
    wanted = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    wanted[140, 10] = True
    assert recording.attention(1, wanted) is None


def test_a_network_without_attention_has_no_maps() -> None:
    image, hole = _picture_and_hole()
    recording = Recording(image, hole)
    for step in _inpainter(attention=None).steps(image, hole, recurrences=2):
        recording.add(step)
    assert recording.attention_maps(1) == []
    assert recording.attention(1, hole[0, 0] > 0) is None


def test_what_was_not_reached_stays_open() -> None:
    image, hole = torch.rand(1, 3, 200, 200), torch.zeros(1, 1, 200, 200)
    hole[..., 20:180, 20:180] = 1
    recording = Recording(image, hole)
    for step in _inpainter().steps(image, hole, recurrences=1):
        recording.add(step)
    assert recording.open_hole(1)[0, 0, 100, 100] == 1
    assert recording.open_hole(1)[0, 0, 21, 100] == 0


def test_of_many_recurrences_some_are_kept_evenly(steps: list[InpaintStep]) -> None:
    recording = Recording(*_picture_and_hole(), max_frames=4)
    frames = [step.index for step in steps if recording.add(step) is not None]
    assert frames == recording.recurrences == [2, 4, 6]
    assert len(recording) == 3
    assert torch.equal(recording.final, steps[-1].tensor())
    assert torch.equal(recording.open_hole(1), steps[1].open_hole())
    wanted = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    wanted[70, 90] = True
    assert recording.attention(3, wanted) is not None


def test_an_empty_recording_shows_the_picture_given() -> None:
    image, hole = torch.rand(1, 3, 9, 11), torch.zeros(1, 1, 9, 11)
    recording = Recording(image, hole)
    assert len(recording) == 0
    assert torch.equal(recording.final, image)
    assert torch.equal(recording.picture(0), image)


def test_a_recurrence_that_was_not_run_is_refused(recording: Recording) -> None:
    with pytest.raises(ConfigError, match="Frame 7 was asked for"):
        recording.picture(7)
    with pytest.raises(ConfigError, match="from 1 to"):
        recording.attention_maps(0)
