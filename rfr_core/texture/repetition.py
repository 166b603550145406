"""Repetition: how a pattern that repeats itself in a picture, such as tiles, windows or a fence, goes on in holes.

The offsets at which a picture looks like itself are the peaks of its autocorrelation; He and Sun 2012, "Statistics of
Patch Offsets for Image Completion", show that few of them say most of what a hole holds.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from rfr_core.ops.pyramid import box_blur, spread
from rfr_core.texture.settings import (
    COVERED,
    DETAIL_OVERLAP,
    FLAT,
    LOCAL_BLUR,
    MOST_OFFSETS,
    MOST_STEPS,
    NEAREST_OFFSET,
    OVERLAP,
    REPEAT_DEPTH,
    REPEAT_ERROR,
    REPEAT_POWER,
    REPEAT_RING,
    REPEATING,
    SMALLEST_ALIKE,
    STANDS_OUT,
    WEAKEST,
)


class Offset(NamedTuple):
    """A picture looks like itself so many rows and columns further, by a correlation in (0, 1]."""

    rows: int
    columns: int
    correlation: float


class Repetition(NamedTuple):
    """How patterns go on in the holes of pictures.

    pictures: (N, 3, H, W), known pixels as they were. found: (N, 1, H, W) bool, which missing pixels a pattern was
    found for: none in a picture without one, or whose holes are shallow. clear: (N,) bool, in which pictures each
    repetition stands out, as in a lattice: patches know best what belongs there. Elsewhere, as along a horizon, a
    picture is merely alike all the way from one place to another.
    """

    pictures: Tensor
    found: Tensor
    clear: Tensor


def repeated(colour: Tensor, known: Tensor) -> Repetition:
    """Continues the pattern of each picture, if it has one, in its holes.

    colour: (N, 3, H, W), right where known: (N, 1, H, W) bool.
    """
    made = Repetition(colour.clone(), torch.zeros_like(known), known.new_zeros(len(known)))
    deep = ~spread(known, REPEAT_DEPTH).flatten(1).all(1)
    for number in deep.nonzero()[:, 0].tolist():
        one = slice(number, number + 1)
        for values, own in zip(made, _continued(colour[one], known[one]), strict=True):
            values[one] = own
    return made


def _continued(colour: Tensor, known: Tensor) -> Repetition:
    """As `repeated`, of one picture."""
    colour, missing = torch.where(known, colour, 0), ~known
    nothing = Repetition(colour, torch.zeros_like(known), known.new_zeros(1))
    correlation = _autocorrelation(colour, known)
    offsets = _offsets(correlation)
    if not offsets or offsets[0].correlation < REPEATING:
        return nothing
    clear = _stands_out(offsets, correlation.cpu())
    picture, reached = _told(colour, known, offsets)
    small = min(known.shape[-2:]) < SMALLEST_ALIKE
    if (small and not clear) or not _holds(colour, picture, spread(missing, REPEAT_RING) & known & reached):
        return nothing
    picture, reached = torch.where(known, colour, picture), known | reached
    for _ in range(MOST_STEPS):
        further, there = _told(picture, reached, offsets)
        new = there & ~reached
        if not bool(new.any()):
            break
        picture, reached = torch.where(new, further, picture), reached | new
    found = reached & missing
    if int(found.count_nonzero()) < COVERED * int(missing.count_nonzero()):
        return nothing
    return Repetition(picture, found, known.new_full((1,), clear))


def _stands_out(offsets: list[Offset], correlation: Tensor) -> bool:
    """Whether on the way to one of the highest peaks a picture is much less like itself."""
    for rows, columns, high in offsets:
        steps = max(abs(rows), abs(columns))
        way = (correlation[round(rows * step / steps), round(columns * step / steps)] for step in range(1, steps))
        if high >= REPEATING and high - float(min(way)) >= STANDS_OUT:
            return True
    return False


def _holds(colour: Tensor, told: Tensor, ring: Tensor) -> bool:
    """Whether a pattern tells the known pixels next to the hole, but for a share of their variance."""
    count = ring.count_nonzero()
    mean = torch.where(ring, colour, 0).sum((2, 3), keepdim=True) / count.clamp(min=1)
    error, variance = (torch.where(ring, colour - other, 0).square().sum() for other in (told, mean))
    return bool(error <= REPEAT_ERROR * variance) and bool(variance > 0)


def _autocorrelation(colour: Tensor, known: Tensor) -> Tensor:
    """How alike the picture's detail is to itself at each offset, (2H, 2W), negative offsets at the end of each axis.

    Normalised by what both parts have where they overlap; 0 where they or their detail hardly do, and all over a flat
    picture.
    """
    height, width = known.shape[-2:]
    there = known.float()
    detail = (colour - _local_mean(colour, there)) * there
    energy = detail.square().sum(1, keepdim=True)
    if float(energy.sum()) <= FLAT**2 * 3 * float(there.sum()):
        return colour.new_zeros(2 * height, 2 * width)
    size = (2 * height, 2 * width)  # with zeros, so that nothing meets its other end
    details, energies, shares = (torch.fft.rfft2(values, s=size) for values in (detail, energy, there))
    alike = torch.fft.irfft2((details * details.conj()).sum(1), s=size)[0]
    first = torch.fft.irfft2(energies * shares.conj(), s=size)[0, 0]
    second = torch.fft.irfft2(shares * energies.conj(), s=size)[0, 0]
    common = torch.fft.irfft2(shares * shares.conj(), s=size)[0, 0]
    enough = (common > OVERLAP * there.sum()) & (torch.minimum(first, second) > DETAIL_OVERLAP * energy.sum())
    return torch.where(enough, alike / torch.where(enough, first * second, 1).sqrt(), 0)


def _local_mean(colour: Tensor, there: Tensor) -> Tensor:
    sums, counts = (box_blur(box_blur(values, LOCAL_BLUR), LOCAL_BLUR) for values in (colour, there))
    return sums / counts.clamp(min=1e-3)


def _offsets(correlation: Tensor) -> list[Offset]:
    """The peaks of an autocorrelation (2H, 2W), the highest first, of equal ones the nearest."""
    rounded = (100 * correlation).round() / 100  # so that rounding errors make no peaks
    around = F.max_pool2d(F.pad(rounded[None, None], (2, 2, 2, 2), mode="circular"), 5, 1)[0, 0]
    rows, columns = (_signed(length, correlation.device) for length in correlation.shape)
    far = (rows.abs() >= NEAREST_OFFSET)[:, None] | (columns.abs() >= NEAREST_OFFSET)
    row, column = ((rounded >= around) & far & (rounded > WEAKEST)).nonzero().T.cpu()
    peaks = zip(
        rows.cpu()[row].tolist(), columns.cpu()[column].tolist(), rounded.cpu()[row, column].tolist(), strict=True
    )
    ordered = sorted(peaks, key=lambda peak: (-peak[2], peak[0] ** 2 + peak[1] ** 2, peak))
    return [Offset(*peak) for peak in ordered[:MOST_OFFSETS]]


def _signed(length: int, device: torch.device) -> Tensor:
    """The offset of each place along an axis of an autocorrelation."""
    places = torch.arange(length, device=device)
    return torch.where(places < length // 2, places, places - length)


def _told(colour: Tensor, there: Tensor, offsets: list[Offset]) -> tuple[Tensor, Tensor]:
    """What each pixel should be by those at the offsets from it, as far as they are there, and which have any."""
    height, width = there.shape[-2:]
    total, weight = torch.zeros_like(colour), torch.zeros_like(there, dtype=colour.dtype)
    share = there.to(colour.dtype)
    for rows, columns, correlation in offsets:
        here, other = zip(*(_overlap(*axis) for axis in ((rows, height), (columns, width))), strict=True)
        part = share[(..., *other)] * correlation**REPEAT_POWER
        total[(..., *here)] += colour[(..., *other)] * part
        weight[(..., *here)] += part
    return total / weight.clamp(min=1e-9), weight > 0


def _overlap(offset: int, length: int) -> tuple[slice, slice]:
    """The places along an axis that have another at the offset, and those others."""
    return slice(max(0, -offset), length - max(0, offset)), slice(max(0, offset), length - max(0, -offset))
