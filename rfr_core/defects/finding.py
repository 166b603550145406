"""find_defects: picture -> hole over its dust, hairs, scratches, creases and date stamp."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rfr_core.defects.date_stamp import find_date_stamp
from rfr_core.defects.infrared import find_in_infrared
from rfr_core.defects.kinds import KINDS, check_kinds, check_sensitivity
from rfr_core.defects.segmentation import find_by_network, looks_like_a_date
from rfr_core.errors import ImageError
from rfr_core.fill.canvas import to_canvas
from rfr_core.ops.box import Box

MIN_SIDE = 16


def find_defects(
    image: Any,
    *,
    kinds: Iterable[str] = KINDS,
    sensitivity: float = 0.5,
    infrared: Tensor | None = None,
    weights: str | Path | None = None,
) -> Tensor:
    """Where a picture has defects: a hole (N, 1, H, W) float32 of 0 and 1, 1 = defect, for `Inpainter`.

    Args:
        image: whatever `Inpainter` takes: a PIL image, an array or a tensor, one or a batch.
        kinds: which to look for, of `KINDS`.
        sensitivity: 0 to 1. At 0.5 a clean photograph stays nearly empty; more finds fainter defects, and more of what
            is none.
        infrared: a film scan's infrared channel (N, 1, H, W) in [0, 1]. It then decides alone about everything but
            the date stamp, which film itself holds.
        weights: a file that `rfr train finder` wrote; None = the bundled one.

    Raises ConfigError: an unknown kind, or a sensitivity out of range. ImageError: the picture is of an unsupported
    kind, or the infrared channel has another size. CheckpointError: ``weights`` is no such file.
    """
    wanted = check_kinds(kinds)
    check_sensitivity(sensitivity)
    canvas = to_canvas(image)
    size = (canvas.count, 1, canvas.height, canvas.width)
    if infrared is not None and tuple(infrared.shape) != size:
        raise ImageError(f"The infrared channel has shape {tuple(infrared.shape)}; expected {size}.")
    if min(canvas.height, canvas.width) < MIN_SIDE:
        raise ImageError(
            f"The picture is {canvas.width}×{canvas.height} pixels; a search for defects needs {MIN_SIDE} or more."
        )
    whole = Box(0, 0, canvas.height, canvas.width)
    holes = []
    for item in range(canvas.count):
        picture = canvas.crop(item, whole).clamp(0, 1)
        hole = torch.zeros(1, 1, canvas.height, canvas.width, dtype=torch.bool)
        if infrared is None:
            hole |= find_by_network(picture, wanted, sensitivity, weights)
        elif wanted - {"stamp"}:
            hole |= find_in_infrared(infrared[item : item + 1], sensitivity=sensitivity)
        if "stamp" in wanted:
            hole |= _date_stamp(picture, weights)
        holes.append(hole)
    return torch.cat(holes).float()


def _date_stamp(picture: Tensor, weights: str | Path | None) -> Tensor:
    """What looks like a date by rule, in the upper and in the lower half, where the network agrees: (H, W) bool."""
    found = torch.from_numpy(find_date_stamp(picture))
    middle = len(found) // 2
    date = torch.zeros_like(found)
    for rows in (slice(middle), slice(middle, None)):
        half = torch.zeros_like(found)
        half[rows] = found[rows]
        if half.any() and looks_like_a_date(picture, half, weights):
            date |= half
    return date
