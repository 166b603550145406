"""Which parts of a picture to run: connected holes, near ones together, each with context around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from rfr_core.canvas import Box

BLOCK = 16  # holes in neighbouring blocks of this side count as connected


@dataclass(frozen=True)
class Region:
    """Hole pixels of one picture that are filled together.

    item: the picture in the batch. box: just around those pixels.
    """

    item: int
    box: Box
    _labels: np.ndarray = field(repr=False)  # (rows, columns) of blocks
    _label: int

    def own(self, hole: Tensor, box: Box) -> Tensor:
        """The part of a hole (N, 1, H, W) in ``box`` that is this region's: (1, 1, h, w) float32 in {0, 1}."""
        rows = np.arange(box.top, box.bottom) // BLOCK
        columns = np.arange(box.left, box.right) // BLOCK
        own = torch.from_numpy(self._labels[rows[:, None], columns] == self._label)
        return hole[(slice(self.item, self.item + 1), slice(None), *box.slices)] * own


def find_regions(hole: Tensor) -> list[Region]:
    """The regions of a hole (N, 1, H, W), top to bottom within each picture; none where nothing is hole."""
    regions: list[Region] = []
    for item in range(len(hole)):
        labels = connected(_blocks(hole[item, 0]))
        inside = hole[item, 0].numpy() > 0
        for label, box in _label_boxes(labels):
            regions.append(Region(item, _tight(inside, labels, label, box), labels, label))
    return regions


def crop_box(box: Box, context: int, multiple: int, height: int, width: int) -> Box:
    """``box`` with ``context`` pixels on every side, within the picture, its sides multiples where it allows that."""
    top, bottom = _span(box.top - context, box.bottom + context, multiple, height)
    left, right = _span(box.left - context, box.right + context, multiple, width)
    return Box(top, left, bottom, right)


def connected(marked: np.ndarray) -> np.ndarray:
    """Labels (int, from 1; 0 = not marked) of the 8-connected components of a bool array (h, w)."""
    h, w = marked.shape
    outside = h * w
    labels = np.full((h + 2, w + 2), outside)
    labels[1:-1, 1:-1][marked] = np.flatnonzero(marked)
    while True:
        # The least label around, then the label that this one has got meanwhile, so that news travels far.
        rows = np.minimum(np.minimum(labels[:-2], labels[1:-1]), labels[2:])
        least = np.minimum(np.minimum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])[marked]
        before = labels[1:-1, 1:-1][marked]
        if (least == before).all():
            break
        flat = np.full(outside, outside)
        np.minimum.at(flat, before, least)
        flat[marked.ravel()] = np.minimum(flat[marked.ravel()], least)
        flat[marked.ravel()] = flat[flat[marked.ravel()]]
        labels[1:-1, 1:-1][marked] = flat[marked.ravel()]
    result = np.zeros((h, w), dtype=np.int32)
    result[marked] = np.unique(before, return_inverse=True)[1] + 1
    return result


def _blocks(hole: Tensor) -> np.ndarray:
    """(H, W) -> whether each block holds any hole pixel, (rows, columns) bool."""
    pooled = torch.nn.functional.max_pool2d(hole[None], BLOCK, ceil_mode=True)
    return pooled[0].numpy() > 0


def _label_boxes(labels: np.ndarray) -> Iterator[tuple[int, Box]]:
    """Each label with its box, in blocks."""
    rows, columns = np.nonzero(labels)
    found = labels[rows, columns]
    count = int(found.max(initial=0)) + 1
    low, high = np.full((count, 2), 2**31), np.zeros((count, 2), dtype=int)
    places = np.stack([rows, columns], 1)
    np.minimum.at(low, found, places)
    np.maximum.at(high, found, places + 1)
    for label in range(1, count):
        yield label, Box(*low[label].tolist(), *high[label].tolist())


def _tight(inside: np.ndarray, labels: np.ndarray, label: int, box: Box) -> Box:
    """The box in pixels around a label's hole pixels, from its box in blocks."""
    own = (labels[box.slices] == label).repeat(BLOCK, 0).repeat(BLOCK, 1)
    top, left = box.top * BLOCK, box.left * BLOCK
    part = inside[top : box.bottom * BLOCK, left : box.right * BLOCK]
    part = part & own[: part.shape[0], : part.shape[1]]
    rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
    return Box(top + int(rows[0]), left + int(columns[0]), top + int(rows[-1]) + 1, left + int(columns[-1]) + 1)


def _span(start: int, end: int, multiple: int, length: int) -> tuple[int, int]:
    """The span within 0 to ``length``, made a multiple long where there is room, evenly on both sides."""
    start, end = max(0, start), min(length, end)
    size = min(length, end - start + -(end - start) % multiple)
    start = min(max(0, start - (size - (end - start)) // 2), length - size)
    return start, start + size
