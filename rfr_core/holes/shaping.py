"""Shaping of holes: growing and shrinking by a disk, filling gaps, feathering, the share of a picture that is hole."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch

from rfr_core.errors import HoleError
from rfr_core.holes.components import label_components
from rfr_core.options import MAX_REACH


def grow(hole: torch.Tensor, pixels: int) -> torch.Tensor:
    """Grow a hole (N, 1, H, W) by a disk of the given radius, or shrink it where `pixels` is negative.

    Exact: a pixel becomes hole when a hole pixel's centre lies within `pixels` of its own; shrinking is the
    same for the known pixels. What lies beyond the picture's border counts as neither. Raises HoleError for
    another shape, or more than `MAX_REACH` pixels.
    """
    _check_hole(hole)
    if abs(pixels) > MAX_REACH:
        raise HoleError(f"Grow is {pixels} pixels; expected {-MAX_REACH} to {MAX_REACH}.")
    rows, columns = _box(hole > 0.5, max(1, pixels))
    inside = hole[:, 0, rows, columns] > 0.5
    result = torch.zeros_like(hole)
    changed = _dilated(inside, pixels) if pixels >= 0 else ~_dilated(~inside, -pixels)
    result[:, 0, rows, columns] = changed.to(hole.dtype)
    return result


def shaped(hole: torch.Tensor, *, gaps: bool, pixels: int) -> torch.Tensor:
    """A hole (N, 1, H, W) as it is asked for: with its gaps filled if ``gaps``, then grown by ``pixels``, see `grow`.

    Raises HoleError: as `grow` does.
    """
    hole = fill_gaps(hole) if gaps else hole
    return grow(hole, pixels) if pixels else hole


def fill_gaps(hole: torch.Tensor) -> torch.Tensor:
    """A hole (N, 1, H, W) and all that it encloses: known pixels that no path of known ones joins to the border.

    A path goes along rows and columns, so that an outline encloses although it is one pixel wide. Where all known
    pixels are enclosed, the hole stays as it is. Raises HoleError for another shape.
    """
    _check_hole(hole)
    result = hole.clone()
    for item, inside in enumerate((hole[:, 0] > 0.5).cpu().numpy()):
        labels, count = label_components(~inside, diagonal=False)
        outside = np.zeros(count + 1, dtype=bool)
        for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
            outside[side] = True
        if outside[1:].any() and not outside[1:].all():
            result[item, 0][torch.from_numpy((labels > 0) & ~outside[labels]).to(hole.device)] = 1
    return result


def feather(hole: torch.Tensor, pixels: int) -> torch.Tensor:
    """Weights (N, 1, H, W) that rise from the border of a hole inwards, for pasting without a hard edge.

    weight = min(1, d / (pixels + 1)) inside the hole, d = Euclidean distance to the nearest known pixel's
    centre (at least 1); 0 outside; 0 pixels give the hole itself. The picture's border is no border of the
    hole. Raises HoleError for another shape, a negative number, or more than `MAX_REACH` pixels.
    """
    _check_hole(hole)
    if not 0 <= pixels <= MAX_REACH:
        raise HoleError(f"Feather is {pixels} pixels; expected 0 or more, up to {MAX_REACH}.")
    weight = (hole > 0.5).to(torch.float32)
    rows, columns = _box(hole > 0.5, 1)  # 1: the known pixels next to the hole are the nearest there are
    inside = hole[:, 0, rows, columns] > 0.5
    if pixels and inside.any():
        squared = _squared_distance(~inside, pixels + 1)
        weight[:, 0, rows, columns] = (squared.sqrt() / (pixels + 1)).clamp(max=1.0)
    return weight


def area_ratio(hole: torch.Tensor) -> torch.Tensor:
    """The share of each picture that is hole: (N, 1, H, W) -> (N,) float32 in [0, 1]."""
    _check_hole(hole)
    return hole.to(torch.float32).flatten(1).mean(dim=1)


def _check_hole(hole: torch.Tensor) -> None:
    if hole.ndim != 4 or hole.shape[1] != 1:
        raise HoleError(f"The hole has shape {tuple(hole.shape)}; expected (N, 1, H, W): use to_hole first.")


def _box(hole: torch.Tensor, margin: int) -> tuple[slice, slice]:
    """Rows and columns of the box around all holes of a batch (N, 1, H, W) and `margin` pixels more."""
    marked = hole.any(dim=0)[0]  # (H, W)
    return _span(marked.any(dim=1), margin), _span(marked.any(dim=0), margin)


def _span(marked: torch.Tensor, margin: int) -> slice:
    places = marked.nonzero()
    if not len(places):
        return slice(0, 0)
    return slice(max(0, int(places[0]) - margin), int(places[-1]) + margin + 1)


def _row_distance(inside: torch.Tensor, limit: int) -> torch.Tensor:
    """Distance along the row to the nearest True of (N, h, w); beyond `limit`, any number above it."""
    dtype = torch.int16 if limit <= 126 else torch.int32  # twice the square still fits, and half the memory moves
    far = torch.full((), limit + 1, dtype=dtype, device=inside.device)
    distance = torch.where(inside, torch.zeros_like(far), far)
    step = 1
    # Steps of 1, 2, 4, … to either side add up to every distance there is.
    while step <= min(limit, inside.shape[-1] - 1):
        right = distance[..., step:] + step
        left = distance[..., :-step] + step
        distance[..., :-step] = torch.minimum(distance[..., :-step], right)
        distance[..., step:] = torch.minimum(distance[..., step:], left)
        step *= 2
    return distance


def _shifts(height: int, radius: int) -> list[tuple[int, slice, slice]]:
    """(offset, rows that look, rows looked at) for every vertical offset up to `radius`."""
    reach = min(radius, height - 1)
    return [
        (dy, slice(max(0, -dy), height - max(0, dy)), slice(max(0, dy), height + min(0, dy)))
        for dy in range(-reach, reach + 1)
    ]


def _bands(height: int, reach: int) -> Iterator[tuple[slice, slice, slice]]:
    """(rows of a band, the same with `reach` rows around, the band within those), to fit the cache."""
    band = max(64, 4 * reach)
    for first in range(0, height, band):
        last = min(height, first + band)
        above = min(first, reach)
        yield slice(first, last), slice(first - above, last + reach), slice(above, above + last - first)


def _dilated(inside: torch.Tensor, radius: int) -> torch.Tensor:
    """(N, h, w) bool -> True within `radius` of a True."""
    result = torch.empty_like(inside)
    for band, around, within in _bands(inside.shape[1], radius):
        along = _row_distance(inside[:, around], radius)
        grown = torch.zeros_like(inside[:, around])
        for dy, rows, others in _shifts(along.shape[1], radius):
            grown[:, rows] |= along[:, others] <= math.isqrt(radius * radius - dy * dy)
        result[:, band] = grown[:, within]
    return result


def _squared_distance(inside: torch.Tensor, limit: int) -> torch.Tensor:
    """Squared Euclidean distance to the nearest True of (N, h, w), at most limit², float32."""
    result = torch.empty(inside.shape, dtype=torch.float32, device=inside.device)
    for band, around, within in _bands(inside.shape[1], limit):
        along = _row_distance(inside[:, around], limit).square_()
        nearest = torch.full_like(along, limit * limit)
        for dy, rows, others in _shifts(along.shape[1], limit):
            nearest[:, rows] = torch.minimum(nearest[:, rows], along[:, others] + dy * dy)
        result[:, band] = nearest[:, within]
    return result


def check_size(height: int, width: int) -> None:
    if height < 1 or width < 1:
        raise HoleError(f"The size is {width}×{height} pixels; expected at least 1×1.")
