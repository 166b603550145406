"""Finds the motion between two frames with holes.

Phase correlation finds the shift, whatever its size; least squares on the known pixels refine it, with zoom and turn,
to a part of a pixel; block matching finds what moves otherwise near a hole. Sources: Kuglin and Hines 1975 for phase
correlation, Lucas and Kanade 1981 for the refinement.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rfr_core.images.values import luminance
from rfr_core.ops.box import Box
from rfr_core.ops.pyramid import box_blur, pull_push
from rfr_core.sequence.motion import after, at_scale, places, sampled, shift, within, zoom

_SIDE = 320  # pixels of the longer side at which whole frames are compared
_ZOOMS = (1.0, 0.95, 1.05)
_ROUNDS = 12
_OUTLIER = 0.1  # a difference beyond which a pixel belongs to something that moves by itself
_BLOCK = 8  # pixels around one that block matching compares
_SEARCH = 3  # pixels that it looks to each side


class SmallFrame:
    """A frame made ready to be compared: small and gray. known: where nothing of it was hidden."""

    def __init__(self, picture: Tensor, known: Tensor) -> None:
        """picture: (1, 3, H, W). known: (1, 1, H, W) bool."""
        height, width = picture.shape[-2:]
        self.factor = max(1.0, max(height, width) / _SIDE)
        size = max(1, round(height / self.factor)), max(1, round(width / self.factor))
        gray = pull_push(luminance(picture), known.float())
        self.gray = F.interpolate(gray, size, mode="area")
        self.known = F.interpolate(known.float(), size, mode="area") > 0.99
        self.factor = width / size[1]


def motion_between(frame: SmallFrame, other: SmallFrame) -> Tensor:
    """The motion (2, 3) from one frame to another of the same size, in the pixels of the frames themselves."""
    height, width = frame.gray.shape[-2:]
    tried = []
    for scale in _ZOOMS:
        enlarged = zoom(scale, height, width)
        whole = Box(0, 0, height, width)
        seen = sampled(other.gray, places(enlarged, whole))
        x, y = _phase_shift(frame.gray, seen)
        start = after(enlarged, shift(x, y))
        tried.append((_error(frame, other, start), start))
        if scale == 1 and tried[0][0] < 0.02:
            break
    _, best = min(tried, key=lambda entry: entry[0])
    small = _refined(frame.gray, frame.known, other.gray, other.known, best, Box(0, 0, height, width), full=True)
    if _error(frame, other, small) > min(error for error, _ in tried):
        small = best
    return at_scale(small, frame.factor)


def refined(picture: Tensor, known: Tensor, other: Tensor, other_known: Tensor, motion: Tensor, box: Box) -> Tensor:
    """A motion made exact for the known pixels of a box, its shift alone: pictures (1, 3, H, W), known bool."""
    gray = luminance(picture[(..., *box.slices)])
    return _refined(gray, known[(..., *box.slices)], luminance(other), other_known, motion, box, full=False)


def local_shifts(gray: Tensor, known: Tensor, moved: Tensor, moved_known: Tensor) -> Tensor:
    """By how much ``moved`` (1, 1, h, w) is still off near each pixel: (h, w, 2) in pixels, by block matching.

    Measured where both are known, extended smoothly to where they are not.
    """
    both = (known & moved_known).float()
    share = box_blur(both, _BLOCK)
    best = torch.full_like(gray, torch.inf)
    found = gray.new_zeros(1, 2, *gray.shape[-2:])
    padded = F.pad(moved, (_SEARCH,) * 4, mode="replicate")
    height, width = gray.shape[-2:]
    for dy in range(-_SEARCH, _SEARCH + 1):
        for dx in range(-_SEARCH, _SEARCH + 1):
            there = padded[..., _SEARCH + dy : _SEARCH + dy + height, _SEARCH + dx : _SEARCH + dx + width]
            cost = box_blur((gray - there).abs() * both, _BLOCK) / share.clamp(min=1e-3)
            cost = cost + 2e-3 * (dx * dx + dy * dy) ** 0.5  # in smooth parts nothing else tells
            better = cost < best
            best = torch.where(better, cost, best)
            found = torch.where(better, found.new_tensor([dx, dy]).view(1, 2, 1, 1), found)
    return pull_push(found, both)[0].permute(1, 2, 0)


def _phase_shift(gray: Tensor, other: Tensor) -> tuple[int, int]:
    """Where the middle of ``gray`` is in ``other``: whole pixels (x, y), from the peak of the phase correlation."""
    height, width = gray.shape[-2:]
    window = torch.hann_window(height, periodic=False)[:, None] * torch.hann_window(width, periodic=False)
    a, b = (torch.fft.rfft2((values[0, 0] - values.mean()) * window) for values in (gray, other))
    power = a.conj() * b
    peak = int(torch.fft.irfft2(power / power.abs().clamp(min=1e-8), (height, width)).argmax())
    y, x = divmod(peak, width)
    return x - width * (x > width // 2), y - height * (y > height // 2)


def _error(frame: SmallFrame, other: SmallFrame, motion: Tensor) -> float:
    """The mean difference of the known pixels after a motion, large differences counting no more than others."""
    height, width = frame.gray.shape[-2:]
    at = places(motion, Box(0, 0, height, width))
    both = frame.known & within(at, height, width) & (sampled(other.known.float(), at, "nearest") > 0.5)
    if int(both.sum()) < 0.2 * both.numel():
        return 1.0
    return float((sampled(other.gray, at, "bilinear") - frame.gray).abs().clamp(max=_OUTLIER)[both].mean())


def _refined(
    gray: Tensor, known: Tensor, other: Tensor, other_known: Tensor, motion: Tensor, box: Box, *, full: bool
) -> Tensor:
    """Least squares over the known pixels of a box. full: zoom and turn, too, or the shift alone.

    gray, known: (1, 1, h, w) of the box; other, other_known: (1, 1, H, W).
    """
    height, width = other.shape[-2:]
    y, x = torch.meshgrid(torch.arange(box.height) / box.width, torch.arange(box.width) / box.width, indexing="ij")
    y, x = y - y.mean(), x - x.mean()
    for _ in range(_ROUNDS):
        at = places(motion, box)
        seen = sampled(other, at)
        both = known & within(at, height, width) & (sampled(other_known.float(), at, "nearest") > 0.5)
        rest = (gray - seen)[0, 0]
        use = both[0, 0] & (rest.abs() < _OUTLIER)
        if int(use.sum()) < 64:
            return motion
        dy, dx = torch.gradient(seen[0, 0])
        columns = [dx, dy, dx * x + dy * y, dy * x - dx * y] if full else [dx, dy]
        slopes = torch.stack([column[use] for column in columns], 1).double()
        normal = slopes.T @ slopes + 1e-4 * torch.eye(len(columns), dtype=torch.float64)
        step = torch.linalg.solve(normal, slopes.T @ rest[use].double())
        motion = after(motion, _small_motion(step, box))
        if float(step[:2].abs().max()) < 0.01:
            break
    return motion


def _small_motion(step: Tensor, box: Box) -> Tensor:
    """The motion that least squares ask for: a shift, and zoom and turn about the middle of the box."""
    grow, turn = (step[2:] / box.width).tolist() if len(step) == 4 else (0.0, 0.0)
    matrix = torch.tensor([[1 + grow, -turn], [turn, 1 + grow]], dtype=torch.float64)
    middle = torch.tensor([(box.left + box.right - 1) / 2, (box.top + box.bottom - 1) / 2], dtype=torch.float64)
    return torch.cat((matrix, (middle - matrix @ middle + step[:2])[:, None]), 1)
