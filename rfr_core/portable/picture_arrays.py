"""Pictures and masks as arrays: what is read of them, and fills pasted back; the rest needs PyTorch, and says so.

What a mask means stands in `rfr_core.holes.meaning`; here are its cases without transparency.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from PIL import Image

from rfr_core.errors import HoleError, ImageError
from rfr_core.images.modes import nearest_in_palette, to_supported_mode
from rfr_core.images.pasting import LUMA, is_gray_image, paste_arrays, white_of
from rfr_core.ops.box import Box

_NEEDS = "needs PyTorch: install torch"
_THRESHOLD = 0.5 - 1e-6  # of white, as by default; the slack is that of `rfr_core.holes.meaning`


class PictureArray:
    """A picture: crops out as arrays, fills pasted back in the kind that was given; it is never changed itself.

    height, width: in pixels. Raises ImageError: neither a PIL image nor an array (H, W), (H, W, 1) or (H, W, 3) of
    uint8, or one with transparent pixels.
    """

    def __init__(self, image: Any) -> None:
        self._given = image
        self._source = image if isinstance(image, Image.Image) else _as_image(image)
        bilevel = self._source.mode == "1" and "transparency" not in self._source.info
        self._image = self._source if bilevel else to_supported_mode(self._source)
        self.width, self.height = self._image.size
        if not self.width or not self.height:
            raise ImageError(f"The picture is {self.width}×{self.height} pixels; expected at least 1×1.")
        if self._image.mode in ("LA", "RGBA"):
            lowest, _ = self._image.getchannel("A").getextrema()
            if lowest < 255:  # pyright: ignore[reportOperatorIssue]
                raise ImageError(f"The picture has transparent pixels; to fill such a one {_NEEDS}.")

    def crop(self, box: Box) -> np.ndarray:
        """The part of the picture in ``box`` as a new float32 array (3, h, w) in [0, 1]."""
        part = to_supported_mode(self._image.crop((box.left, box.top, box.right, box.bottom)))
        if part.mode in ("RGBA", "CMYK"):
            part = part.convert("RGB")
        elif part.mode == "LA":
            part = part.getchannel("L")
        pixels = np.asarray(part).astype(np.float32) / np.float32(white_of(part))
        if pixels.ndim == 2:
            return np.repeat(pixels[None], 3, 0)
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def pasted(self, fills: Iterable[tuple[Box, np.ndarray, np.ndarray]], hole: np.ndarray) -> Any:
        """A copy, of the kind that was given, with the fills of ``hole`` (H, W) bool put in.

        fills: boxes, what they are filled with, (3, h, w) in [0, 1], and which of their pixels are, (h, w) bool.
        """
        image = self._image.copy()
        gray = is_gray_image(image, ~hole)
        for box, fill, own in fills:
            part = image.crop((box.left, box.top, box.right, box.bottom))
            weight = own[None, None].astype(np.float32)
            image.paste(paste_arrays(part, fill[None], weight, gray=gray), (box.left, box.top))
        if self._source.mode == "P":
            image = nearest_in_palette(image, self._source, hole)
        if isinstance(self._given, Image.Image):
            return image
        return np.array(image).reshape(self._given.shape)


def array_hole(mask: Any, height: int, width: int) -> np.ndarray:
    """The hole (H, W) bool of a mask whose white part is to be filled.

    mask: a PIL image, or an array (H, W), (H, W, 1) or (H, W, 3), bool or uint8 from 0 to 255 or to 1. Of two values
    the higher is hole, else what is at least half of white. Raises HoleError: another kind or size, transparent
    pixels, or nothing that is hole in a mask of several values.
    """
    values, white = _mask_values(mask)
    if values.shape[:2] != (height, width):
        raise HoleError(
            f"The mask is {values.shape[1]}×{values.shape[0]} pixels, the picture {width}×{height}; expected the same "
            "size: scale the mask."
        )
    if values.ndim == 3:
        colours = np.unique(values.reshape(-1, 3), axis=0)
        if len(colours) == 2:
            return _brighter(values, colours)
        values = np.array(Image.fromarray(values).convert("L"))
    low, high = values.min(), values.max()
    reached = values >= math.ceil(_THRESHOLD * white)
    if low == high:
        return reached
    if bool(((values == low) | (values == high)).all()):
        return values == high
    if not bool(reached.any()):
        raise HoleError(
            f"The mask is not of one value, but nothing in it is hole: its values go from {low} to {high}, and the "
            f"threshold is 0.5 of {white}; paint what is to be filled white."
        )
    return reached


def _as_image(image: Any) -> Image.Image:
    if not isinstance(image, np.ndarray):
        raise ImageError(
            f"The picture is a {type(image).__name__}; expected a PIL image or an array; else it {_NEEDS}."
        )
    pixels = image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image
    if image.dtype != np.uint8 or 0 in image.shape or not (pixels.ndim == 2 or pixels.shape[2:] == (3,)):
        raise ImageError(
            f"The picture is an array of shape {image.shape} and type {image.dtype}; expected (H, W) or (H, W, 3) and "
            f"uint8; else it {_NEEDS}."
        )
    return Image.fromarray(np.ascontiguousarray(pixels))


def _mask_values(mask: Any) -> tuple[np.ndarray, int]:
    """A mask's values (H, W) or (H, W, 3), and which stands for white."""
    if isinstance(mask, Image.Image):
        if mask.mode == "F":
            raise HoleError(f"The mask's mode is F; expected one of 8 or 16 bits; else it {_NEEDS}.")
        mask = _opaque(mask)
    if not isinstance(mask, np.ndarray):
        raise HoleError(f"The mask is a {type(mask).__name__}; expected a PIL image or an array; else it {_NEEDS}.")
    values = mask[..., 0] if mask.ndim == 3 and mask.shape[-1] == 1 else mask
    fits = values.ndim == 2 or (values.ndim == 3 and values.shape[-1] == 3 and values.dtype == np.uint8)
    if not fits or 0 in values.shape or values.dtype not in (np.bool_, np.uint8, np.uint16):
        raise HoleError(
            f"The mask is an array of shape {mask.shape} and type {mask.dtype}; expected (H, W) or (H, W, 3) and "
            f"uint8; else it {_NEEDS}."
        )
    return values, 1 if values.max() <= 1 else 65535 if values.dtype == np.uint16 else 255


def _opaque(mask: Image.Image) -> np.ndarray:
    """The pixels of a mask's image that has no transparent ones."""
    if not all(mask.size):
        raise HoleError(f"The mask is {mask.width}×{mask.height} pixels; expected at least 1×1.")
    try:
        mask = to_supported_mode(mask)
    except ImageError as error:
        raise HoleError(f"The mask cannot be used: {error}") from error
    if mask.mode in ("LA", "RGBA"):
        lowest, _ = mask.getchannel("A").getextrema()
        if lowest < 255:  # pyright: ignore[reportOperatorIssue]
            raise HoleError(f"The mask has transparent pixels, which may mean several things; to read it {_NEEDS}.")
        mask = mask.convert("L" if mask.mode == "LA" else "RGB")
    return np.array(mask.convert("RGB") if mask.mode == "CMYK" else mask)


def _brighter(values: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Which pixels of (H, W, 3) have the brighter of two colours (2, 3)."""
    one, other = (math.fsum(float(c) * share for c, share in zip(colour, LUMA, strict=True)) for colour in colours)
    if math.isclose(one, other, rel_tol=1e-6):
        raise HoleError("The mask's two colours are equally bright, so that neither is the white one; paint it anew.")
    return (values == colours[int(other > one)]).all(-1)
