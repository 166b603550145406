"""Follows scratches on from where they were found, over parts where texture hides them."""

from __future__ import annotations

import numpy as np

from rfr_core.defects.candidates import Candidates

_STEP = 4  # pixels
_GAP = 32  # pixels without support after which a scratch is taken to have ended
_SUPPORT = 0.65  # share of the found part's opacity that a step must have
_SWAY = 2  # pixels to either side that a step may be off
_TURN = 0.05  # radians per pixel of sway
_SHORTEST = 16  # pixels of a found part that tell a direction


def follow_scratches(candidates: Candidates, lines: np.ndarray) -> np.ndarray:
    """What continues the candidates that are lines, (count,) bool: (H, W) bool, without the candidates themselves."""
    found = np.zeros(candidates.labels.shape, dtype=bool)
    opacity, thickness = candidates.mean(candidates.opacity).tolist(), candidates.thickness.tolist()
    for number in np.flatnonzero(lines & (candidates.length >= _SHORTEST)).tolist():
        y, x = np.nonzero(candidates.labels == number + 1)
        points = np.stack((x, y), 1).astype(np.float64)
        middle = points.mean(0)
        _, _, axes = np.linalg.svd(points - middle, full_matrices=False)
        along = (points - middle) @ axes[0]
        for sign in (-1, 1):
            end = middle + axes[0] * (along.max() if sign > 0 else along.min())
            _follow(candidates.opacity, end, sign * axes[0], opacity[number], thickness[number], found)
    return found


def _follow(
    opacity: np.ndarray, point: np.ndarray, way: np.ndarray, least: float, thickness: float, found: np.ndarray
) -> None:
    """Walks on from a point (x, y) along a unit vector, marking what is opaque enough."""
    height, width = opacity.shape
    gap = 0
    while gap <= _GAP:
        across = np.array([-way[1], way[0]])
        steps = point + np.arange(1, _STEP + 1)[:, None] * way
        offsets = np.arange(-_SWAY - 1, _SWAY + 2)
        places = np.rint(steps[:, None] + offsets[:, None] * across).astype(np.int64)  # (steps, offsets, 2)
        x, y = places[..., 0], places[..., 1]
        if x.min() < 0 or y.min() < 0 or x.max() >= width or y.max() >= height:
            return
        values = opacity[y, x]
        best = int(values[:, 1:-1].mean(0).argmax()) + 1
        if values[:, best].mean() >= _SUPPORT * least:
            near = np.abs(offsets - offsets[best]) <= max(1.0, thickness / 2)
            marked = near & (values >= 0.3 * least)
            found[y[marked], x[marked]] = True
            point = steps[-1] + 0.5 * offsets[best] * across
            way = way + _TURN * offsets[best] * across
            way = way / np.linalg.norm(way)
            gap = 0
        else:
            point, gap = steps[-1], gap + _STEP
