"""Offsets at which a picture looks like itself: the peaks of its autocorrelation, as arrays, with torch or without."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rfr_core.texture.repetition_settings import MOST_OFFSETS, NEAREST_OFFSET, REPEATING, STANDS_OUT, WEAKEST


class Offset(NamedTuple):
    """A picture looks like itself so many rows and columns further, by a correlation in (0, 1]."""

    rows: int
    columns: int
    correlation: float

    def overlap(self, height: int, width: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """The part of a picture whose pixels have another at this offset, and the part that those others are."""
        (top, above), (left, before) = _overlap(self.rows, height), _overlap(self.columns, width)
        return (top, left), (above, before)


def offsets_of(correlation: np.ndarray) -> list[Offset]:
    """The peaks of an autocorrelation, the highest first, of equal ones the nearest; the first 24.

    correlation: (2H, 2W) in [-1, 1], with negative offsets at the end of each axis, as an FFT has them.
    """
    rounded = np.round(correlation.astype(np.float64), 2)  # so that rounding errors make no peaks
    around = rounded
    for axis in (0, 1):
        around = np.max([np.roll(around, step, axis) for step in range(-2, 3)], axis=0)
    rows, columns = (_signed(length) for length in correlation.shape)
    far = (np.abs(rows) >= NEAREST_OFFSET)[:, None] | (np.abs(columns) >= NEAREST_OFFSET)
    row, column = np.nonzero((rounded >= around) & far & (rounded > WEAKEST))
    peaks = zip(rows[row].tolist(), columns[column].tolist(), rounded[row, column].tolist(), strict=True)
    ordered = sorted(peaks, key=lambda peak: (-peak[2], peak[0] ** 2 + peak[1] ** 2, peak))
    return [Offset(*peak) for peak in ordered[:MOST_OFFSETS]]


def stand_out(offsets: list[Offset], correlation: np.ndarray) -> bool:
    """Whether on the way to one of the highest peaks a picture is much less like itself, as it is in a lattice."""
    for rows, columns, high in offsets:
        steps = max(abs(rows), abs(columns))
        way = (correlation[round(rows * step / steps), round(columns * step / steps)] for step in range(1, steps))
        if high >= REPEATING and high - min(way) >= STANDS_OUT:
            return True
    return False


def _signed(length: int) -> np.ndarray:
    """The offset of each place along an axis of an autocorrelation."""
    places = np.arange(length)
    return np.where(places < length // 2, places, places - length)


def _overlap(offset: int, length: int) -> tuple[slice, slice]:
    return slice(max(0, -offset), length - max(0, offset)), slice(max(0, offset), length - max(0, -offset))
