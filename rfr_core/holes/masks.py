"""Masks as people have them -> a hole.

A hole is a tensor (N, 1, H, W) of 0 and 1; 1 = fill this. `meaning` has the rule, `layers` the types.
"""

from __future__ import annotations

import math
import os

import torch
from PIL import Image

from rfr_core.errors import HoleError
from rfr_core.holes.layers import MaskLike, standard, to_layers
from rfr_core.holes.meaning import cut_out, meant
from rfr_core.holes.shaping import check_size
from rfr_core.images.picture_files import DEFAULT_MAX_PIXELS, read_mask
from rfr_core.options import Channel, check_reading

__all__ = ["MaskLike", "check_shape", "hole_from_alpha", "read_hole", "to_hole"]


def to_hole(
    mask: MaskLike,
    *,
    size: tuple[int, int] | None = None,
    threshold: float = 0.5,
    invert: bool = False,
    channel: Channel = "auto",
    resize: bool = False,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    """A hole (N, 1, H, W) of 0 and 1 from a mask whose white part is to be filled.

    mask: a PIL image of any mode; an array (H, W), (H, W, C) or (N, H, W), where a last axis of 1 to 4 is
    taken for channels unless `size` says otherwise; a tensor (H, W), (N, H, W) or (N, C, H, W) (arrays may
    have that form too). Floats are 0 to 1, bools as they are, integers 0 to 255 (uint16: 65535) or, when none
    exceeds 1, 0 and 1. size: (H, W) the hole must have. threshold: values of at least this, in (0, 1], are
    hole; of a mask of two values the higher is, whatever it is. invert: swap hole and known afterwards.
    channel: what of the mask counts; for "auto" see `holes.meaning.meant`. resize: scale to `size` by nearest
    neighbour. dtype: of the result, bool being the quickest.

    Raises HoleError: another type, shape or range, a missing channel, NaN, a mask that is not constant but has
    no hole or can mean two things, or a size that differs from `size` (with `resize`, another shape of picture).
    """
    check_reading(channel, threshold)
    hole = meant(to_layers(mask, size), channel, threshold, invert).to(dtype)
    return hole if size is None else _fitted(hole, size, resize)


def hole_from_alpha(image: Image.Image) -> torch.Tensor:
    """What a picture lacks, as a hole (1, 1, H, W): 1 where it is not as good as opaque, see `meaning.cut_out`.

    Raises HoleError when the picture has no transparency.
    """
    image = standard(image)
    if image.mode not in ("LA", "RGBA"):
        raise HoleError(f"The picture (mode {image.mode}) has no transparency to fill; give a mask.")
    return cut_out(to_layers(image.getchannel("A")).values).to(torch.float32)


def read_hole(
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    threshold: float = 0.5,
    invert: bool = False,
    channel: Channel = "auto",
    resize: bool = False,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> torch.Tensor:
    """A hole (1, 1, H, W) from a mask file, its EXIF orientation applied; options as in `to_hole`.

    Raises HoleError: the file cannot be read, or whatever `to_hole` refuses.
    """
    image = read_mask(path, max_pixels=max_pixels)
    return to_hole(image, size=size, threshold=threshold, invert=invert, channel=channel, resize=resize)


def check_shape(mask: tuple[int, int], picture: tuple[int, int]) -> None:
    """Raises HoleError when a mask of (H, W) cannot be scaled to a picture's without being stretched.

    A pixel and a half of the smaller of both is allowed, which is what rounding of sizes makes.
    """
    (height, width), (rows, columns) = sorted((mask, picture), key=math.prod)
    off = min(abs(height - rows * width / columns), abs(width - columns * height / rows))
    if off > 1.5:
        (height, width), (rows, columns) = mask, picture
        raise HoleError(
            f"The mask is {width}×{height} pixels, which is not the shape of the picture, {columns}×{rows}; "
            "give one of the same shape (is it turned?)."
        )


def _fitted(hole: torch.Tensor, size: tuple[int, int], resize: bool) -> torch.Tensor:
    """The hole at (H, W) = size, by nearest neighbour, where that is allowed or nothing is to be done."""
    height, width = hole.shape[-2:]
    if (height, width) == tuple(size):
        return hole
    if not resize:
        raise HoleError(
            f"The mask is {width}×{height} pixels, the picture {size[1]}×{size[0]}; "
            "expected the same size: scale the mask, or ask for it with resize."
        )
    check_size(*size)
    check_shape((height, width), size)
    rows = (torch.arange(size[0], device=hole.device) * 2 + 1) * height // (2 * size[0])
    columns = (torch.arange(size[1], device=hole.device) * 2 + 1) * width // (2 * size[1])
    return hole[..., rows[:, None], columns]
