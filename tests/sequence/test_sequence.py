"""Frames of one shot: what others show is taken from there, and nothing flickers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rfr_core import ConfigError, HoleError, Inpainter, RFRConfig, RFRNet
from rfr_core.ops.box import Box
from rfr_core.sequence import fill_sequence
from rfr_core.sequence.motion import after, at_scale, places, reverse, shift, still, zoom
from rfr_core.sequence.registration import SmallFrame, motion_between

HEIGHT, WIDTH, FRAMES = 96, 128, 6
PANS = {"still": (0.0, 0.0, 1.0), "pan": (4.0, 1.5, 1.0), "zoom": (0.0, 0.0, 0.97)}


@pytest.fixture(scope="module")
def inpainter() -> Inpainter:
    torch.manual_seed(0)
    return Inpainter(RFRNet(RFRConfig(width=8, norm="group", recurrences=2)), device="cpu", dtype="float32")


def clip(kind: str) -> list[np.ndarray]:
    """Frames of a camera that looks at a picture with detail everywhere."""
    right, down, scale = PANS[kind]
    noise = torch.rand(1, 3, 40, 50, generator=torch.Generator().manual_seed(1))
    scene = torch.nn.functional.interpolate(noise, (200, 250), mode="bicubic").clamp(0, 1)
    frames = []
    for index in range(FRAMES):
        y = (torch.arange(HEIGHT) - HEIGHT / 2) * scale**index + 90 + down * index
        x = (torch.arange(WIDTH) - WIDTH / 2) * scale**index + 105 + right * index
        grid = torch.stack(torch.meshgrid(2 * x / 249 - 1, 2 * y / 199 - 1, indexing="xy"), -1)[None]
        frame = torch.nn.functional.grid_sample(scene, grid, mode="bicubic", align_corners=True)
        frames.append(frame[0].permute(1, 2, 0).clamp(0, 1).mul(255).round().byte().numpy())
    return frames


def hole(index: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[30:54, 20 + 14 * index : 38 + 14 * index] = True
    return mask


def covered(frames: list[np.ndarray], holes: list[np.ndarray]) -> list[np.ndarray]:
    return [np.where(mask[..., None], 255, frame).astype(np.uint8) for frame, mask in zip(frames, holes, strict=True)]


@pytest.mark.parametrize("kind", list(PANS))
def test_what_other_frames_show_comes_back(inpainter: Inpainter, kind: str) -> None:
    truth, holes = clip(kind), [hole(index) for index in range(FRAMES)]
    frames = covered(truth, holes)
    filled = list(fill_sequence(inpainter, frames, holes))
    assert len(filled) == FRAMES
    for result, frame, true, mask in zip(filled, frames, truth, holes, strict=True):
        np.testing.assert_array_equal(result[~mask], frame[~mask])
        assert np.abs(result.astype(float) - true)[mask].mean() < 4


def test_what_no_frame_shows_is_filled_once_and_stays(inpainter: Inpainter) -> None:
    truth, holes = clip("still"), [hole(2)] * FRAMES
    filled = list(fill_sequence(inpainter, covered(truth, holes), holes))
    alone = inpainter(covered(truth, holes)[0], holes[0])
    for result in filled:
        assert np.abs(result.astype(float) - alone)[holes[0]].mean() < 2


def test_frames_are_read_no_further_ahead_than_the_window(inpainter: Inpainter) -> None:
    truth, holes = clip("still") * 3, [hole(index % FRAMES) for index in range(3 * FRAMES)]
    read = 0

    def frames() -> object:
        nonlocal read
        for frame in covered(truth, holes):
            read += 1
            yield frame

    index = 0
    for index, _ in enumerate(fill_sequence(inpainter, frames(), holes, window=2)):  # type: ignore[arg-type]
        assert read <= index + 3
    assert index + 1 == read == 3 * FRAMES


def test_bad_input_is_told_in_a_sentence(inpainter: Inpainter) -> None:
    frames, holes = clip("still"), [hole(0)] * FRAMES
    with pytest.raises(ConfigError, match="window is 0"):
        fill_sequence(inpainter, frames, holes, window=0)
    with pytest.raises(HoleError, match="no mask for frame 3"):
        list(fill_sequence(inpainter, frames, holes[:2]))
    with pytest.raises(ConfigError, match="Frame 2 is 127×96 pixels, the first 128×96"):
        list(fill_sequence(inpainter, [frames[0], frames[1][:, 1:]], holes))
    with pytest.raises(ConfigError, match="leave wrap out"):
        fill_sequence(inpainter, frames, holes, wrap="x")


def test_motions_combine_and_are_measured() -> None:
    motion = after(shift(3, -2), zoom(0.9, 50, 80))
    assert torch.allclose(after(reverse(motion), motion), still(), atol=1e-9)
    corner = places(at_scale(motion, 2), Box(0, 0, 1, 1))[0, 0]
    small = motion @ torch.tensor([-0.25, -0.25, 1.0], dtype=torch.float64)
    assert torch.allclose(corner, small * 2 + 0.5, atol=1e-9)
    frames = [torch.from_numpy(f.copy()).permute(2, 0, 1)[None] / 255 for f in clip("pan")[:2]]
    known = torch.ones(1, 1, HEIGHT, WIDTH, dtype=torch.bool)
    measured = motion_between(*(SmallFrame(frame, known) for frame in frames))
    assert torch.allclose(measured, shift(-4, -1.5), atol=0.05)


def test_a_folder_of_frames_is_filled_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rfr_core.command.cli import main

    truth = clip("pan")
    for index, frame in enumerate(truth):
        for folder, pixels in (("frames", covered([frame], [hole(index)])[0]), ("masks", hole(index))):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / folder / f"frame_{index + 7}.png")
    paths = [str(tmp_path / name) for name in ("frames", "masks", "out")]
    with pytest.raises(SystemExit) as ended:
        main(["inpaint", *paths[:2], "-o", paths[2], "--sequence", "--device", "cpu", "--dtype", "float32"])
    assert not ended.value.code
    assert capsys.readouterr().out == f"{FRAMES} filled, 0 skipped, 0 failed\n"
    for index, true in enumerate(truth):
        with Image.open(tmp_path / "out" / f"frame_{index + 7}.png") as opened:
            assert np.abs(np.asarray(opened).astype(float) - true)[hole(index)].mean() < 4
