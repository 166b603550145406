"""What `rfr_core.ops.line_interpolation` does, on arrays: colours of a hole interpolated along straight lines."""

from __future__ import annotations

import numpy as np

from rfr_core.ops.box import Box
from rfr_core.ops.line_settings import CONTRAST, DIRECTIONS, FARTHER, NOWHERE, REACH, STEP
from rfr_core.portable.array_pyramid import lerp


def interpolated_lines(image: np.ndarray, known: np.ndarray, fill: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Interpolates along all directions.

    image: (N, 3, H, W) float32. known: (N, 1, H, W) bool. fill: (N, 3, H, W). Returns colours (N, D, 3, H, W), the
    image's own where known and ``fill`` where a line meets nothing, and how far each is to be trusted, (N, D, H, W), up
    to 0.
    """
    n, _, height, width = image.shape
    pictures = np.where(known, image, fill)
    colours = np.repeat(pictures[:, None], len(DIRECTIONS), 1)
    trust = np.zeros((n, len(DIRECTIONS), height, width), dtype=np.float32)
    box = _around_all(~known)
    if box is not None:
        place = (..., *box.slices)
        item, row, column = np.nonzero(~known[:, 0][place])
        within = np.ascontiguousarray(np.moveaxis(pictures[place], 1, -1))
        for number, step in enumerate(DIRECTIONS):
            colour, mismatch, length = _along(within, known[:, 0][place], (item, row, column), *step)
            compared = np.zeros((n, box.height, box.width), dtype=np.float32)
            compared[item, row, column] = mismatch
            # Over 3x3 pixels, so that grain does not decide.
            blurred = _blur(compared)[item, row, column]
            there = item, number, row + box.top, column + box.left
            trust[there] = -blurred / np.float32(CONTRAST**2) - np.log(length)
            for channel in range(3):
                colours[item, number, channel, there[2], there[3]] = colour[:, channel]
    return colours, trust


def _around_all(unknown: np.ndarray) -> Box | None:
    """A box around what is unknown, in any picture of (N, 1, H, W), with the known pixels that lines meet first."""
    height, width = unknown.shape[-2:]
    rows, columns = np.flatnonzero(unknown.any((0, 1, 3))), np.flatnonzero(unknown.any((0, 1, 2)))
    if not len(rows):
        return None
    box = Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    return box.grown(STEP, height, width)


def _along(
    pictures: np.ndarray, known: np.ndarray, where: tuple[np.ndarray, np.ndarray, np.ndarray], rows: int, columns: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One direction: colours (M, 3), how far both ends differ (M,) and how long the line is (M,).

    pictures: (N, h, w, 3), with the fill where unknown, which a line that meets nothing shows. known: (N, h, w) bool.
    where: M places among N, h and w.
    """
    item, row, column = where
    ahead, behind = (_distance(known, sign * rows, sign * columns)[where] for sign in (1, -1))
    meets_one, meets_other = ahead < NOWHERE, behind < NOWHERE
    meets_both = meets_one & meets_other
    back, on = np.where(meets_one, ahead, 0).astype(int), np.where(meets_other, behind, 0).astype(int)
    one = pictures[item, row - back * rows, column - back * columns]
    other = pictures[item, row + on * rows, column + on * columns]
    share = np.where(meets_both, ahead / np.maximum(ahead + behind, 1), meets_other.astype(np.float32))
    colour = lerp(one, other, share[:, None])
    mismatch = np.where(meets_both, np.square(one - other).mean(1), np.float32(CONTRAST**2))
    farther = np.minimum(np.maximum(ahead, behind), np.float32(2.0**REACH))
    length = np.minimum(ahead, behind) + np.float32(FARTHER) * farther
    return colour, mismatch, (length * np.float32((rows**2 + columns**2) ** 0.5)).clip(1, NOWHERE)


def _blur(values: np.ndarray) -> np.ndarray:
    """Box blur of 3x3 pixels, the outermost repeated: (N, h, w)."""
    for axis in (1, 2):
        moved = np.moveaxis(values, axis, -1)
        summed = moved.copy()
        summed[..., 1:] += moved[..., :-1]
        summed[..., :1] += moved[..., :1]
        summed[..., :-1] += moved[..., 1:]
        summed[..., -1:] += moved[..., -1:]
        values = np.moveaxis(summed, -1, axis)
    return values / np.float32(9)


def _distance(known: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Steps back along a direction to the first known pixel: (N, h, w) float32."""
    distance = np.where(known, np.float32(0), np.float32(NOWHERE))
    height, width = known.shape[-2:]
    for doubling in range(min(REACH, (max(height, width) - 1).bit_length())):
        size = 2**doubling
        down, right = max(-height, min(height, size * rows)), max(-width, min(width, size * columns))
        here = (..., slice(max(down, 0), height + min(down, 0)), slice(max(right, 0), width + min(right, 0)))
        there = (..., slice(max(-down, 0), height + min(-down, 0)), slice(max(-right, 0), width + min(-right, 0)))
        distance[here] = np.minimum(distance[here], distance[there] + np.float32(size))
    return np.minimum(distance, np.float32(NOWHERE))
