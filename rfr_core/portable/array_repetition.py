"""What `rfr_core.texture.repetition` does, on the arrays of one picture: how a pattern that repeats itself goes on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rfr_core.portable.array_pyramid import box_blur, spread
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


class ArrayRepetition(NamedTuple):
    """How a pattern goes on: picture (3, h, w), found (h, w) bool, and clear, as `rfr_core.texture.repetition` says."""

    picture: np.ndarray
    found: np.ndarray
    clear: bool


def repeated(colour: np.ndarray, known: np.ndarray) -> ArrayRepetition:
    """Continues a picture's pattern, if it has one, in its holes.

    colour: (3, h, w), right where known: (h, w) bool.
    """
    nothing = ArrayRepetition(colour, np.zeros_like(known), False)
    if bool(spread(known, REPEAT_DEPTH).all()):
        return nothing
    colour = np.where(known, colour, np.float32(0))
    correlation = _autocorrelation(colour, known)
    offsets = offsets_of(correlation)
    if not offsets or offsets[0].correlation < REPEATING:
        return nothing
    clear = stand_out(offsets, correlation)
    picture, reached = _predicted(colour, known, offsets)
    small = min(known.shape) < SMALLEST_ALIKE
    if (small and not clear) or not _holds(colour, picture, spread(~known, REPEAT_RING) & known & reached):
        return nothing
    picture, reached = np.where(known, colour, picture), known | reached
    for _ in range(MOST_STEPS):
        further, there = _predicted(picture, reached, offsets)
        new = there & ~reached
        if not bool(new.any()):
            break
        picture, reached = np.where(new, further, picture), reached | new
    found = reached & ~known
    enough = np.count_nonzero(found) >= COVERED * np.count_nonzero(~known)
    return ArrayRepetition(picture, found, clear) if enough else nothing


def _holds(colour: np.ndarray, predicted: np.ndarray, ring: np.ndarray) -> bool:
    """Whether a pattern predicts the known pixels next to the hole, but for a share of their variance."""
    shown = colour[:, ring]
    if not shown.size:
        return False
    variance = np.square(shown - shown.mean(1, keepdims=True)).sum()
    return bool(np.square(shown - predicted[:, ring]).sum() <= REPEAT_ERROR * variance) and bool(variance > 0)


def _autocorrelation(colour: np.ndarray, known: np.ndarray) -> np.ndarray:
    """How alike the picture's detail is to itself at each offset, (2h, 2w), negative ones at the end of each axis."""
    height, width = known.shape
    there = known.astype(np.float32)
    sums, counts = (box_blur(box_blur(values, LOCAL_BLUR), LOCAL_BLUR) for values in (colour, there))
    detail = (colour - sums / np.maximum(counts, np.float32(1e-3))) * there
    energy = np.square(detail).sum(0)
    if energy.sum() <= FLAT**2 * 3 * there.sum():
        return np.zeros((2 * height, 2 * width), dtype=np.float32)
    size = (2 * height, 2 * width)
    details, energies, shares = (np.fft.rfft2(values, s=size) for values in (detail, energy, there))
    alike = np.fft.irfft2((details * details.conj()).sum(0), s=size)
    first = np.fft.irfft2(energies * shares.conj(), s=size)
    second = np.fft.irfft2(shares * energies.conj(), s=size)
    common = np.fft.irfft2(shares * shares.conj(), s=size)
    enough = (common > OVERLAP * there.sum()) & (np.minimum(first, second) > DETAIL_OVERLAP * energy.sum())
    return np.where(enough, alike / np.sqrt(np.where(enough, first * second, 1)), 0)


def _predicted(colour: np.ndarray, there: np.ndarray, offsets: list[Offset]) -> tuple[np.ndarray, np.ndarray]:
    """Each pixel by those at the offsets from it, as far as they are there, and which pixels have any."""
    total, weight = np.zeros_like(colour), np.zeros(there.shape, dtype=np.float32)
    share = there.astype(np.float32)
    for offset in offsets:
        here, other = offset.overlap(*there.shape)
        part = share[other] * np.float32(offset.correlation**REPEAT_POWER)
        total[(..., *here)] += colour[(..., *other)] * part
        weight[here] += part
    return total / np.maximum(weight, np.float32(1e-9)), weight > 0
