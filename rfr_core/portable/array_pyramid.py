"""What `rfr_core.ops.pyramid` does, on arrays: pictures with holes at falling scales, in the same order of arithmetic.

Pictures are float32 arrays (..., H, W), masks bool arrays (..., H, W).
"""

from __future__ import annotations

import numpy as np

from rfr_core.ops.box import Box

_BICUBIC = np.array(
    [-0.03515625, 0.26171875, 0.87890625, -0.10546875], dtype=np.float32
)  # of pixels two before to one behind


def halve(colour: np.ndarray, coverage: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half the size, each colour the mean of the known ones alone; 0 where nothing is known.

    colour: (..., C, H, W). coverage: (..., 1, H, W) in [0, 1], the known share of each pixel.
    """
    halved, summed = average_2x2(coverage), average_2x2(colour * coverage)
    return np.where(halved > 0, summed / np.maximum(halved, np.float32(1e-6)), np.float32(0)), halved


def average_2x2(values: np.ndarray) -> np.ndarray:
    """Means over squares of 2x2 pixels, half the size, rounded up; what lies beyond does not count."""
    height, width = values.shape[-2:]
    if height % 2 or width % 2:
        values = padded(values, 0, 0, height % 2, width % 2)
    rows = values[..., ::2, :] + values[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]) / np.float32(4)


def padded(values: np.ndarray, top: int, left: int, bottom: int, right: int) -> np.ndarray:
    """With so many rows and columns more on each side, which repeat the outermost."""
    sides = [(0, 0)] * (values.ndim - 2) + [(top, bottom), (left, right)]
    return np.pad(values, sides, mode="edge") if top or left or bottom or right else values


def doubled(small: np.ndarray, box: Box) -> np.ndarray:
    """The part ``box`` of ``small`` (C, h, w) at twice its size, bicubic: (C, box.height, box.width)."""
    height, width = small.shape[-2:]
    around = box.reduced(2).grown(2, height, width)  # what the filter looks at
    part = padded(small[(..., *around.slices)], 3, 3, 3, 3)
    large = _bicubic_along(_bicubic_along(part, -1), -2)
    inside = box.shifted(-2 * around.top, -2 * around.left)
    return large[(..., *inside.slices)].clip(0, 1)


def enlarged(small: np.ndarray, factor: int) -> np.ndarray:
    """(..., h, w) -> (..., factor * h, factor * w), bilinear."""
    return _bilinear_along(_bilinear_along(small, factor, -1), factor, -2) if factor > 1 else small


def pull_push(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Extends values (..., C, H, W) smoothly to where there are none, by averages at falling scales.

    weight: (..., 1, H, W) in [0, 1], how far each value counts. See `rfr_core.ops.pyramid.pull_push`.
    """
    return _pull_push(values, weight, (max(values.shape[-2:]) - 1).bit_length())


def lerp(start: np.ndarray, end: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """From ``start`` where weight is 0 to ``end`` where it is 1, each of them exactly."""
    difference = end - start
    return np.where(weight < 0.5, start + weight * difference, end - difference * (1 - weight))


def at_size(known: np.ndarray, height: int, width: int) -> np.ndarray:
    """A mask of the feature map (..., h, w) for each pixel: (..., height, width) bool."""
    scale = max(-(-height // known.shape[-2]), -(-width // known.shape[-1]))  # a side of 1 does not tell
    return (known > 0).repeat(scale, -2).repeat(scale, -1)[..., :height, :width]


def spread(marked: np.ndarray, radius: int) -> np.ndarray:
    """Marks (..., H, W) grown by ``radius`` pixels along rows, columns and diagonals (a square)."""
    return _spread_along(_spread_along(marked, radius, -1), radius, -2)


def share_within(marked: np.ndarray, radius: int) -> np.ndarray:
    """The share of marked pixels in the square of ``radius`` around each, float32 in [0, 1]."""
    return box_blur(marked.astype(np.float32), radius).clip(0, 1)


def box_blur(values: np.ndarray, radius: int) -> np.ndarray:
    """Box blur over the square of ``radius`` around each pixel, the outermost repeated."""
    if not radius:
        return values
    size = 2 * radius + 1
    summed = _window_sums(_window_sums(padded(values, radius, radius, radius, radius), size, -2), size, -1)
    return summed / np.float32(size**2)


def _pull_push(values: np.ndarray, weight: np.ndarray, scales: int) -> np.ndarray:
    if not scales:
        return values
    small, coverage = halve(values, weight)
    small = _pull_push(small, np.minimum(4 * coverage, 1), scales - 1)
    large = enlarged(small, 2)[..., : values.shape[-2], : values.shape[-1]]
    return np.where(weight > 0, values * weight, np.float32(0)) + large * (1 - weight)


def _bilinear_along(values: np.ndarray, factor: int, axis: int) -> np.ndarray:
    """Enlarged along one of the last two axes."""
    length = values.shape[axis]
    place = np.maximum((np.arange(factor * length, dtype=np.float32) + np.float32(0.5)) / np.float32(factor) - 0.5, 0)
    low = place.astype(int)
    share = (place - low).astype(np.float32).reshape((-1,) if axis == -1 else (-1, 1))
    one, other = values.take(low, axis), values.take(np.minimum(low + 1, length - 1), axis)
    return one * (1 - share) + other * share


def _bicubic_along(values: np.ndarray, axis: int) -> np.ndarray:
    """Doubled along one of the last two axes; ``values`` has three more pixels at either end, the result has none."""
    moved = np.moveaxis(values, axis, -1)
    length = moved.shape[-1] - 6
    result = np.empty((*moved.shape[:-1], 2 * length), dtype=np.float32)
    # A pixel lies a quarter before a small one's middle or a quarter behind it.
    for odd, taps in enumerate((_BICUBIC, _BICUBIC[::-1])):
        first = 1 + odd
        parts = [tap * moved[..., first + i : first + i + length] for i, tap in enumerate(taps)]
        result[..., odd::2] = parts[0] + parts[1] + parts[2] + parts[3]
    return np.moveaxis(result, -1, axis)


def _window_sums(values: np.ndarray, size: int, axis: int) -> np.ndarray:
    """Sums over all windows of ``size`` along one of the last two axes, of windows that double."""

    def part(start: int, count: int) -> np.ndarray:
        place = slice(start, start + count)
        return values[..., place] if axis == -1 else values[..., place, :]

    length = values.shape[axis] - size + 1
    width, done, total = 1, 0, None
    while True:
        if size & width:
            total = part(done, length) if total is None else total + part(done, length)
            done += width
        if done == size:
            assert total is not None
            return total
        count = values.shape[axis] - width
        values = part(0, count) + part(width, count)
        width *= 2


def _spread_along(marked: np.ndarray, radius: int, axis: int) -> np.ndarray:
    """Grown along one of the last two axes; windows that double need few passes, whatever the radius."""
    marked = marked.copy()
    along = np.swapaxes(marked, axis, -1)  # a view
    length, reach = along.shape[-1], 0
    radius = min(radius, length - 1)
    while reach < radius:
        step = min(reach + 1, radius - reach)
        before = along.copy()
        along[..., step:] |= before[..., : length - step]
        along[..., : length - step] |= before[..., step:]
        reach += step
    return marked
