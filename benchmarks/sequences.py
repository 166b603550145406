"""Frames with a hole, made from photographs with a still camera, a pan and a zoom: how steady they are filled."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.photographs import as_bytes, photographs
from benchmarks.report import Table, Value
from benchmarks.setting import Setting
from rfr_core.inpainter import Inpainter
from rfr_core.sequence import fill_sequence

SIZE = (192, 256)  # height and width of a frame
_FRAMES, _PICTURES = 24, 2
_NOISE = 2 / 255  # of a camera, so that frames differ where nothing moves
_STEPS = {"still": (0.0, 0.0, 1.0), "pan": (3.3, 0.7, 1.0), "zoom": (0.0, 0.0, 0.988)}  # right, down, scale per frame


def run(setting: Setting) -> Table:
    inpainter = Inpainter.from_pretrained(device="cpu")
    rows: list[list[Value]] = []
    for camera in _STEPS:
        scores = []
        for seed, photo in enumerate(islice(photographs(setting.pictures, 1280), _PICTURES)):
            truth = clip(photo, camera, seed)
            holes = [moving_hole(index) for index in range(_FRAMES)]
            frames = [
                np.where(hole[..., None], 0, frame).astype(np.uint8) for frame, hole in zip(truth, holes, strict=True)
            ]
            ways = {
                "sequence": list(fill_sequence(inpainter, frames, holes)),
                "one by one": [inpainter(frame, hole) for frame, hole in zip(frames, holes, strict=True)],
            }
            true = _difference(truth, holes)
            scores.append(
                [score for way in ways.values() for score in (_difference(way, holes) / true, _psnr(way, truth, holes))]
            )
        rows.append([camera, *np.mean(scores, axis=0).tolist()])
    columns = ("camera", "sequence: difference", "PSNR dB", "one by one: difference", "PSNR dB ")
    notes = ["Difference: between neighbouring frames inside the hole, as a multiple of that of the true frames."]
    return Table(f"{_FRAMES} frames of {SIZE[1]}×{SIZE[0]} with a moving hole, bundled model", columns, rows, notes)


def clip(photo: Tensor, camera: str, seed: int) -> list[np.ndarray]:
    """Frames (H, W, 3) uint8 of a camera that looks at a photograph."""
    right, down, scale = _STEPS[camera]
    height, width = photo.shape[-2:]
    photo = F.avg_pool2d(photo, 3, 1, 1)  # so that half the size shows no steps
    noise = torch.Generator().manual_seed(seed)
    frames = []
    for index in range(_FRAMES):
        place = index - _FRAMES / 2
        y = (torch.arange(SIZE[0]) - SIZE[0] / 2 + 0.5) * 2 * scale**index + height / 2 + down * place
        x = (torch.arange(SIZE[1]) - SIZE[1] / 2 + 0.5) * 2 * scale**index + width / 2 + right * place
        grid = torch.stack(torch.meshgrid(2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1, indexing="xy"), -1)
        frame = F.grid_sample(photo, grid[None], mode="bicubic", align_corners=True, padding_mode="reflection")
        frames.append(as_bytes(frame + _NOISE * torch.randn(frame.shape, generator=noise)).numpy())
    return frames


def moving_hole(index: int) -> np.ndarray:
    """An ellipse that crosses the frame."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return ((y - 95) / 26) ** 2 + ((x - 60 - 130 * index / _FRAMES) / 24) ** 2 < 1


def _difference(frames: Sequence[np.ndarray], holes: Sequence[np.ndarray]) -> float:
    steps = [
        np.abs(a.astype(float) - b)[h | k].mean()
        for (a, b), (h, k) in zip(pairwise(frames), pairwise(holes), strict=True)
    ]
    return float(np.mean(steps))


def _psnr(frames: Sequence[np.ndarray], truth: Sequence[np.ndarray], holes: Sequence[np.ndarray]) -> float:
    """Inside the hole, dB, the mean over frames."""
    errors = [((a.astype(float) - b)[h] ** 2).mean() for a, b, h in zip(frames, truth, holes, strict=True)]
    return float(np.mean([10 * np.log10(255**2 / max(error, 1e-9)) for error in errors]))
