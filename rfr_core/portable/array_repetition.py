"""What `rfr_core.texture.repetition` does, on the arrays of one picture: how a pattern that repeats itself goes on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rfr_core.portable.array_pyramid import box_blur, spread
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

_Peak = tuple[float, int, int]  # correlation, rows and columns


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
    peaks = _peaks(correlation)
    if not peaks or peaks[0][0] < REPEATING:
        return nothing
    clear = _stands_out(peaks, correlation)
    picture, reached = _told(colour, known, peaks)
    small = min(known.shape) < SMALLEST_ALIKE
    if (small and not clear) or not _holds(colour, picture, spread(~known, REPEAT_RING) & known & reached):
        return nothing
    picture, reached = np.where(known, colour, picture), known | reached
    for _ in range(MOST_STEPS):
        further, there = _told(picture, reached, peaks)
        new = there & ~reached
        if not bool(new.any()):
            break
        picture, reached = np.where(new, further, picture), reached | new
    found = reached & ~known
    enough = np.count_nonzero(found) >= COVERED * np.count_nonzero(~known)
    return ArrayRepetition(picture, found, clear) if enough else nothing


def _stands_out(peaks: list[_Peak], correlation: np.ndarray) -> bool:
    """Whether on the way to one of the highest peaks a picture is much less like itself."""
    for high, rows, columns in peaks:
        steps = max(abs(rows), abs(columns))
        way = (correlation[round(rows * step / steps), round(columns * step / steps)] for step in range(1, steps))
        if high >= REPEATING and high - min(way) >= STANDS_OUT:
            return True
    return False


def _holds(colour: np.ndarray, told: np.ndarray, ring: np.ndarray) -> bool:
    """Whether a pattern tells the known pixels next to the hole, but for a share of their variance."""
    shown = colour[:, ring]
    if not shown.size:
        return False
    variance = np.square(shown - shown.mean(1, keepdims=True)).sum()
    return bool(np.square(shown - told[:, ring]).sum() <= REPEAT_ERROR * variance) and bool(variance > 0)


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


def _peaks(correlation: np.ndarray) -> list[_Peak]:
    """The peaks of an autocorrelation (2h, 2w), the highest first, of equal ones the nearest."""
    rounded = np.round(100 * correlation) / 100  # so that rounding errors make no peaks
    around = rounded
    for axis in (0, 1):
        around = np.max([np.roll(around, step, axis) for step in range(-2, 3)], axis=0)
    rows, columns = (_signed(length) for length in correlation.shape)
    far = (np.abs(rows) >= NEAREST_OFFSET)[:, None] | (np.abs(columns) >= NEAREST_OFFSET)
    row, column = np.nonzero((rounded >= around) & far & (rounded > WEAKEST))
    peaks = zip(rounded[row, column].tolist(), rows[row].tolist(), columns[column].tolist(), strict=True)
    return sorted(peaks, key=lambda peak: (-peak[0], peak[1] ** 2 + peak[2] ** 2, peak))[:MOST_OFFSETS]


def _signed(length: int) -> np.ndarray:
    """The offset of each place along an axis of an autocorrelation."""
    places = np.arange(length)
    return np.where(places < length // 2, places, places - length)


def _told(colour: np.ndarray, there: np.ndarray, peaks: list[_Peak]) -> tuple[np.ndarray, np.ndarray]:
    """What each pixel should be by those at the offsets from it, as far as they are there, and which have any."""
    total, weight = np.zeros_like(colour), np.zeros(there.shape, dtype=np.float32)
    share = there.astype(np.float32)
    for correlation, *offset in peaks:
        here, other = zip(*(_overlap(*axis) for axis in zip(offset, there.shape, strict=True)), strict=True)
        part = share[other] * np.float32(correlation**REPEAT_POWER)
        total[(..., *here)] += colour[(..., *other)] * part
        weight[here] += part
    return total / np.maximum(weight, np.float32(1e-9)), weight > 0


def _overlap(offset: int, length: int) -> tuple[slice, slice]:
    """The places along an axis that have another at the offset, and those others."""
    return slice(max(0, -offset), length - max(0, offset)), slice(max(0, offset), length - max(0, -offset))
