"""Which parts of a picture to run: connected holes, near ones together, and tiles where one crop would be too large.

Nothing here needs torch but what returns tensors, so that the fill without it (`rfr_core.portable`) finds the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from rfr_core.fill.thin_holes import are_thin
from rfr_core.ops.box import Box

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = 16  # pixels; holes are found on blocks of this side, and those in neighbouring blocks count as connected


@dataclass(frozen=True)
class Region:
    """Hole pixels of one picture that are filled together.

    item: the picture in the batch. box: just around those pixels. depth: about how far, in pixels, the innermost is
    from any known pixel, counted along the longer of both axes.
    """

    item: int
    box: Box
    depth: int
    thin: bool
    _labels: np.ndarray = field(repr=False, compare=False)  # (rows, columns) of blocks
    _label: int

    def own_pixels(self, box: Box) -> np.ndarray:
        """Which pixels of ``box`` are this region's if they are hole: (h, w) bool."""
        rows = np.arange(box.top, box.bottom) // BLOCK
        columns = np.arange(box.left, box.right) // BLOCK
        return self._labels[rows[:, None], columns] == self._label

    def owns(self, box: Box) -> Tensor:
        """As :meth:`own_pixels`, (1, 1, h, w)."""
        import torch

        return torch.from_numpy(self.own_pixels(box))[None, None]


def find_regions(
    hole: Tensor | np.ndarray, unknown: Tensor | np.ndarray, crop: Callable[[Box, bool], Box], largest: int
) -> list[Region]:
    """The regions of a batch's holes, none where nothing is hole.

    Args:
        hole: (N, 1, H, W) bool, what to fill. unknown: the same or more, what the network may not look at. Tensors on
            the CPU, or arrays.
        crop: the crop that would be run for a box, and whether that is of thin holes.
        largest: pixels that a crop may have for two regions to be joined in it. They are where it costs no more than
            their own crops together.
    """
    regions: list[Region] = []
    for item in range(len(hole)):
        inside = np.asarray(hole[item, 0])
        labels = connected(_any(inside))
        depths = _depths(_full(np.asarray(unknown[item, 0])))
        boxes = [_tight(inside, labels, label, box) for label, box in enumerate(_label_boxes(labels), 1)]
        thin = are_thin(labels, boxes, _deepest(labels, depths), lambda box: crop(box, False), largest)
        labels, boxes, thin = _joined(labels, boxes, thin.tolist(), crop, largest)
        for label, (box, deep) in enumerate(zip(boxes, _deepest(labels, depths), strict=True), 1):
            regions.append(Region(item, box, max(1, int(deep) * BLOCK), thin[label - 1], labels, label))
    return regions


def crop_cost(pixels: Any) -> Any:
    """What a crop of so many pixels (a number or an array) takes of time and memory, in pixels of a very small one.

    The attention's share grows with their square; it is as large as all else at about 512×512.
    """
    return pixels * (1 + pixels / 512**2)


def tile_boxes(box: Box, size: int, overlap: int) -> list[Box]:
    """Boxes of at most ``size`` pixels a side, of equal sizes, that cover ``box`` and overlap by ``overlap``."""
    rows = _tile_spans(box.top, box.bottom, size, overlap)
    columns = _tile_spans(box.left, box.right, size, overlap)
    return [Box(top, left, bottom, right) for top, bottom in rows for left, right in columns]


def tile_window(part: Box, tile: Box, whole: Box, overlap: int) -> Tensor:
    """As `tile_weights`, (1, 1, h, w)."""
    import torch

    return torch.from_numpy(tile_weights(part, tile, whole, overlap))[None, None]


def tile_weights(part: Box, tile: Box, whole: Box, overlap: int) -> np.ndarray:
    """Weights (h, w) float32 in (0, 1] of a tile for the pixels ``part`` of it.

    They fall towards its sides over ``overlap`` pixels, but not where the side is that of ``whole``. Divided by their
    sum over all tiles, they add up to 1 at every pixel.
    """
    rows = _window(part.top, part.bottom, tile.top, tile.bottom, whole.top, whole.bottom, overlap)
    columns = _window(part.left, part.right, tile.left, tile.right, whole.left, whole.right, overlap)
    return rows[:, None] * columns


def connected(marked: np.ndarray) -> np.ndarray:
    """Labels (1, 2, … in reading order; 0 = not marked) of the 8-connected components of a bool array (h, w)."""
    h, w = marked.shape
    outside = h * w
    places = np.flatnonzero(marked)
    labels = np.full((h + 2, w + 2), outside)
    labels[1:-1, 1:-1][marked] = places
    latest = np.arange(outside + 1)
    while True:
        rows = np.minimum(np.minimum(labels[:-2], labels[1:-1]), labels[2:])
        least = np.minimum(np.minimum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])[marked]
        before = labels[1:-1, 1:-1][marked]
        if (least == before).all():
            break
        # News travels far in few rounds: to every pixel that shares a label, then along the labels' own labels.
        np.minimum.at(latest, before, least)
        while (latest[latest[places]] != latest[places]).any():
            latest[places] = latest[latest[places]]
        labels[1:-1, 1:-1][marked] = latest[before]
    result = np.zeros((h, w), dtype=np.int32)
    result[marked] = np.unique(before, return_inverse=True)[1] + 1
    return result


def _any(pixels: np.ndarray) -> np.ndarray:
    """(H, W) bool -> (rows, columns) bool, whether any of a block's pixels is set."""
    height, width = (side // BLOCK * BLOCK for side in pixels.shape)
    found = np.zeros([-(-side // BLOCK) for side in pixels.shape], dtype=bool)
    found[: height // BLOCK, : width // BLOCK] = _any_of_whole(pixels[:height, :width])
    # Blocks that reach beyond the border: to pad all of a large picture for their sake takes a while.
    below, beside = pixels[height:], pixels[:height, width:]
    if below.size:
        found[-1] = _any_of_whole(np.pad(below, ((0, BLOCK - len(below)), (0, -below.shape[1] % BLOCK))))[0]
    if beside.size:
        found[: height // BLOCK, -1] = _any_of_whole(np.pad(beside, ((0, 0), (0, BLOCK - beside.shape[1]))))[:, 0]
    return found


def _any_of_whole(pixels: np.ndarray) -> np.ndarray:
    """The same where both sides are whole blocks."""
    rows, columns = pixels.shape[0] // BLOCK, pixels.shape[1] // BLOCK
    # Eight pixels at a time: in large pictures one at a time takes long.
    words = (pixels if pixels.strides[1] == 1 else np.ascontiguousarray(pixels)).view(np.uint64)
    lines = np.bitwise_or.reduce(words.reshape(rows, BLOCK, -1 if rows * columns else 0), axis=1)
    return lines.reshape(rows, columns, BLOCK // 8).any(2)


def _full(pixels: np.ndarray) -> np.ndarray:
    """(H, W) bool -> (rows, columns) bool, whether each of a block's pixels is set; those beyond the border are."""
    full = _any(pixels)
    box = around(full)  # a hole is mostly a small part of a large picture
    if box is not None:
        top, left, bottom, right = (side * BLOCK for side in box)
        full[box.slices] &= ~_any(~pixels[top:bottom, left:right])
    return full


def _depths(full: np.ndarray) -> np.ndarray:
    """How many blocks each is away from the nearest that is not full, 0 there; the border is no end of a hole."""
    depths = np.zeros(full.shape, dtype=int)
    left = full
    while left.any() and not left.all():
        depths += left
        padded = np.pad(left, 1, constant_values=True)
        rows = padded[:-2] & padded[1:-1] & padded[2:]
        left = rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]
    return depths + left * max(full.shape)  # a picture without any part known


def _deepest(labels: np.ndarray, depths: np.ndarray) -> np.ndarray:
    """The greatest depth of each label from 1 on."""
    deepest = np.zeros(int(labels.max(initial=0)) + 1, dtype=int)
    np.maximum.at(deepest, labels.ravel(), depths.ravel())
    return deepest[1:]


def _label_boxes(labels: np.ndarray) -> list[Box]:
    """The box in blocks of each label from 1 on."""
    rows, columns = np.nonzero(labels)
    found = labels[rows, columns]
    count = int(found.max(initial=0)) + 1
    low, high = np.full((count, 2), 2**31), np.zeros((count, 2), dtype=int)
    places = np.stack([rows, columns], 1)
    np.minimum.at(low, found, places)
    np.maximum.at(high, found, places + 1)
    return [Box(*pair) for pair in np.concatenate([low, high], 1)[1:].tolist()]


def _tight(inside: np.ndarray, labels: np.ndarray, label: int, blocks: Box) -> Box:
    """The box in pixels around a label's hole pixels, from its box in blocks."""
    top, left = blocks.top * BLOCK, blocks.left * BLOCK
    part = inside[top : blocks.bottom * BLOCK, left : blocks.right * BLOCK]
    own = (labels[blocks.slices] == label).repeat(BLOCK, 0).repeat(BLOCK, 1)
    found = around(part & own[: part.shape[0], : part.shape[1]])
    assert found is not None  # no block was marked without a pixel
    return found.shifted(top, left)


def around(marked: np.ndarray) -> Box | None:
    """The least box around what is marked in a bool array (h, w)."""
    rows, columns = np.flatnonzero(marked.any(1)), np.flatnonzero(marked.any(0))
    if not len(rows):
        return None
    return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)


def _joined(
    labels: np.ndarray, boxes: list[Box], thin: list[bool], crop: Callable[[Box, bool], Box], largest: int
) -> tuple[np.ndarray, list[Box], list[bool]]:
    """Labels, boxes and what is thin, with those joined that are cheaper to run in one crop."""
    groups = [[label] for label in range(1, len(boxes) + 1)]
    places = np.array([crop(*pair) for pair in zip(boxes, thin, strict=True)], dtype=int).reshape(-1, 4)
    i = 0
    while i < len(boxes):
        partner = _partner(places, i, largest)
        if partner is None:
            i += 1
            continue
        # The joined region takes the earlier place and is looked at again.
        first, second = sorted((i, partner))
        boxes[first] = boxes[first].joined(boxes[second])
        thin[first] = thin[first] and thin[second]
        groups[first] += groups[second]
        places[first] = crop(boxes[first], thin[first])
        places = np.delete(places, second, axis=0)
        del boxes[second], groups[second], thin[second]
        i = first
    mapping = np.zeros(labels.max(initial=0) + 1, dtype=np.int32)
    for label, group in enumerate(groups, 1):
        mapping[group] = label
    return mapping[labels], boxes, thin


def _partner(crops: np.ndarray, i: int, largest: int) -> int | None:
    """The crop (of n, 4) that it saves most to join with crop ``i``, if any does."""
    low, high = np.minimum(crops[:, :2], crops[i, :2]), np.maximum(crops[:, 2:], crops[i, 2:])
    joint = (high - low).prod(1)
    cost = crop_cost((crops[:, 2:] - crops[:, :2]).prod(1))
    saved = cost + cost[i] - crop_cost(joint)
    saved[(joint > largest) | (np.arange(len(crops)) == i)] = -1
    best = int(saved.argmax())
    return best if saved[best] >= 0 else None


def _tile_spans(start: int, end: int, size: int, overlap: int) -> list[tuple[int, int]]:
    length = end - start
    count = 1 if length <= size else -(-(length - overlap) // (size - overlap))
    tile = -(-(length + (count - 1) * overlap) // count)
    starts = [start + (length - tile) * i // max(1, count - 1) for i in range(count)]
    return [(first, first + tile) for first in starts]


def _window(start: int, end: int, low: int, high: int, first: int, last: int, overlap: int) -> np.ndarray:
    places = np.arange(start, end, dtype=np.float32) + np.float32(0.5)
    weight = np.ones(end - start, dtype=np.float32)
    if low > first:
        weight = np.minimum(weight, (places - np.float32(low)) / np.float32(overlap + 1))
    if high < last:
        weight = np.minimum(weight, (np.float32(high) - places) / np.float32(overlap + 1))
    return weight
