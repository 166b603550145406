"""Repetition: how a pattern that repeats itself in a picture, such as tiles, windows or a fence, goes on in holes.

The offsets at which a picture looks like itself are the peaks of its autocorrelation; He and Sun 2012, "Statistics of
Patch Offsets for Image Completion", show that few of them say most of what a hole holds.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from rfr_core.ops.pyramid import box_blur, spread
from rfr_core.texture.offsets import Offset, offsets_of, stand_out
from rfr_core.texture.repetition_settings import (
    COVERED,
    DETAIL_OVERLAP,
    FLAT,
    LOCAL_BLUR,
    MOST_STEPS,
    OVERLAP,
    REPEAT_DEPTH,
    REPEAT_ERROR,
    REPEAT_POWER,
    REPEAT_RING,
    REPEATING,
    SMALLEST_ALIKE,
)


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
    correlation = _autocorrelation(colour, known).cpu().numpy()
    offsets = offsets_of(correlation)
    if not offsets or offsets[0].correlation < REPEATING:
        return nothing
    clear = stand_out(offsets, correlation)
    picture, reached = _predicted(colour, known, offsets)
    small = min(known.shape[-2:]) < SMALLEST_ALIKE
    if (small and not clear) or not _holds(colour, picture, spread(missing, REPEAT_RING) & known & reached):
        return nothing
    picture, reached = torch.where(known, colour, picture), known | reached
    for _ in range(MOST_STEPS):
        further, there = _predicted(picture, reached, offsets)
        new = there & ~reached
        if not bool(new.any()):
            break
        picture, reached = torch.where(new, further, picture), reached | new
    found = reached & missing
    if int(found.count_nonzero()) < COVERED * int(missing.count_nonzero()):
        return nothing
    return Repetition(picture, found, known.new_full((1,), clear))


def _holds(colour: Tensor, predicted: Tensor, ring: Tensor) -> bool:
    """Whether a pattern predicts the known pixels next to the hole, but for a share of their variance."""
    count = ring.count_nonzero()
    mean = torch.where(ring, colour, 0).sum((2, 3), keepdim=True) / count.clamp(min=1)
    error, variance = (torch.where(ring, colour - other, 0).square().sum() for other in (predicted, mean))
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


def _predicted(colour: Tensor, there: Tensor, offsets: list[Offset]) -> tuple[Tensor, Tensor]:
    """Each pixel by those at the offsets from it, as far as they are there, and which pixels have any."""
    height, width = there.shape[-2:]
    total, weight = torch.zeros_like(colour), torch.zeros_like(there, dtype=colour.dtype)
    share = there.to(colour.dtype)
    for offset in offsets:
        here, other = offset.overlap(height, width)
        part = share[(..., *other)] * offset.correlation**REPEAT_POWER
        total[(..., *here)] += colour[(..., *other)] * part
        weight[(..., *here)] += part
    return total / weight.clamp(min=1e-9), weight > 0
