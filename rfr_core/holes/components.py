"""Connected components of a mask, and sums over each of them."""

from __future__ import annotations

import numpy as np


def label_components(marked: np.ndarray, *, diagonal: bool = True) -> tuple[np.ndarray, int]:
    """Numbers the connected components of a mask (H, W) bool; ``diagonal``: whether touching corners connect.

    Returns labels (H, W) int32, 0 where nothing is marked and 1 to n elsewhere, and n. Runs of marked pixels in a row
    are the nodes; runs of neighbouring rows that touch are joined until every run has the least number it can reach.
    """
    rows, starts, ends = _runs(marked)
    root = np.arange(len(rows))
    first, second = _touching(rows, starts, ends, marked.shape[1], diagonal)
    while True:
        before = root
        root = root.copy()
        least = np.minimum(root[first], root[second])
        np.minimum.at(root, root[first], least)  # the roots are joined, so that chains shorten at once
        np.minimum.at(root, root[second], least)
        root = root[root]
        if np.array_equal(root, before) and np.array_equal(root[first], root[second]):
            break
    _, numbers = np.unique(root, return_inverse=True)
    labels = np.zeros(marked.shape, dtype=np.int32)
    labels[marked] = np.repeat(numbers.astype(np.int32) + 1, ends - starts)  # both go row by row
    return labels, int(numbers.max(initial=-1)) + 1


def _runs(marked: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, first column and the column after the last of each run, row by row."""
    edges = np.diff(np.pad(marked, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    _, ends = np.nonzero(edges == -1)
    return rows, starts, ends


def _touching(
    rows: np.ndarray, starts: np.ndarray, ends: np.ndarray, width: int, diagonal: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of runs in neighbouring rows that touch: two arrays of their numbers."""
    stride = width + 2
    # In one order over all rows: a run of the next row touches where it starts no later than this one ends,
    # and ends no earlier than this one starts; without diagonals, each by a pixel.
    low = np.searchsorted(rows * stride + ends, (rows + 1) * stride + starts, side="left" if diagonal else "right")
    high = np.searchsorted(rows * stride + starts, (rows + 1) * stride + ends, side="right" if diagonal else "left")
    counts = np.maximum(high - low, 0)
    first = np.repeat(np.arange(len(rows)), counts)
    offsets = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    return first, np.repeat(low, counts) + offsets
