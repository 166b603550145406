"""Masks of every type as layers: a tensor (N, C, H, W) and the value of its white."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rfr_core.errors import HoleError, ImageError
from rfr_core.images.modes import to_supported_mode

MaskLike = Image.Image | np.ndarray | Tensor


class Layers(NamedTuple):
    """values: (N, C, H, W), C from 1 to 4, alpha last where C is 2 or 4. white: the value that stands for white."""

    values: Tensor
    white: int

    @property
    def alpha(self) -> Tensor | None:
        """(N, 1, H, W), or None."""
        return self.values[:, -1:] if self.values.shape[1] in (2, 4) else None

    @property
    def colours(self) -> Tensor:
        """(N, 1 or 3, H, W)."""
        return self.values if self.alpha is None else self.values[:, :-1]


def to_layers(mask: MaskLike, size: tuple[int, int] | None = None) -> Layers:
    """The layers of a mask; see `holes.to_hole` for what it may be. Raises HoleError for anything else."""
    if isinstance(mask, Image.Image):
        return _of_image(mask)
    if isinstance(mask, np.ndarray):
        values, white = _of_array(mask, size)
    elif isinstance(mask, Tensor):
        values, white = _of_tensor(mask.detach())
    else:
        raise HoleError(f"The mask is a {type(mask).__name__}; expected a PIL image, a NumPy array or a tensor.")
    if values.ndim in (2, 3):
        values = values[None, None] if values.ndim == 2 else values[:, None]
    if values.ndim != 4 or not 1 <= values.shape[1] <= 4 or 0 in values.shape:
        raise HoleError(
            f"The mask has shape {tuple(mask.shape)}; "
            "expected (H, W), (N, H, W) or (N, 1, H, W), or an array (H, W, C) of at most 4 channels."
        )
    return Layers(values, _checked_white(values, white))


def standard(image: Image.Image) -> Image.Image:
    """A mask's image in a mode that is supported."""
    try:
        return to_supported_mode(image)
    except ImageError as error:
        raise HoleError(f"The mask cannot be used: {error}") from error


def _of_image(image: Image.Image) -> Layers:
    if not all(image.size):
        raise HoleError(f"The mask is {image.width}×{image.height} pixels; expected at least 1×1.")
    if image.mode == "F":
        return to_layers(np.array(image))
    image = standard(image)
    pixels = np.array(image.convert("RGB") if image.mode == "CMYK" else image)
    if pixels.ndim == 2:
        return to_layers(pixels)
    values = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    return Layers(values, _checked_white(values, 255))


def _of_array(mask: np.ndarray, size: tuple[int, int] | None) -> tuple[Tensor, int]:
    """A NumPy array as a tensor, channels moved to where torch has them."""
    if mask.dtype.kind not in "buif":
        raise HoleError(f"The mask holds values of type {mask.dtype}; expected bool, uint8 or float.")
    values, white = torch.from_numpy(_native(mask)), 65535 if mask.dtype == np.uint16 else 255
    if mask.ndim != 3:
        return values, white
    channels_last = mask.shape[2] <= 4
    if size is not None and tuple(size) in (mask.shape[:2], mask.shape[1:]):
        channels_last = tuple(size) != mask.shape[1:]
    return values.permute(2, 0, 1)[None] if channels_last else values, white


def _of_tensor(mask: Tensor) -> tuple[Tensor, int]:
    if mask.is_complex():
        raise HoleError(f"The mask holds values of type {mask.dtype}; expected bool, uint8 or float.")
    white = 65535 if mask.dtype == torch.uint16 else 255
    if mask.dtype in (torch.uint16, torch.uint32, torch.uint64):  # torch compares none of them
        mask = torch.from_numpy(_native(mask.cpu().numpy()))
    return mask, white


def _native(mask: np.ndarray) -> np.ndarray:
    """The values in a type that torch computes with."""
    if mask.dtype.kind == "f":
        mask = mask.astype(np.float32, copy=False)
    elif mask.dtype not in (np.bool_, np.uint8):
        mask = np.asarray(mask, np.int32 if mask.dtype == np.uint16 else np.int64)
    # torch takes neither negative strides nor read-only memory without a warning
    return mask if mask.flags.c_contiguous and mask.flags.writeable else mask.copy(order="C")


def _checked_white(values: Tensor, white: int) -> int:
    """White of whole numbers is `white`, or 1 where none exceeds 1. HoleError where the values fit no convention."""
    if values.dtype == torch.bool:
        return 1
    low, high = (bound.item() for bound in torch.aminmax(values))  # NaN comes through
    top = 1 if values.is_floating_point() or high <= 1 else white
    if not 0 <= low <= high <= top:
        expected = "0 to 1" if values.is_floating_point() else f"0 to {white}"
        raise HoleError(f"The mask holds values from {low:g} to {high:g}; expected {expected}: rescale it.")
    return top
