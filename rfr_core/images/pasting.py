"""Fills, as arrays, pasted into PIL images; nothing here needs torch."""

from __future__ import annotations

import numpy as np
from PIL import Image

from rfr_core.errors import ImageError
from rfr_core.images.modes import SUPPORTED_MODES

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow's mode L
_STRIP = 64  # rows that are looked at together


def paste_arrays(
    image: Image.Image,
    fill: np.ndarray,
    weight: np.ndarray,
    *,
    alpha: np.ndarray | None = None,
    gray: bool = False,
) -> Image.Image:
    """As `rfr_core.images.pixels.paste_fill`, of float32 arrays of the same shapes."""
    _check_paste(image, fill, weight)
    if image.mode == "1":
        pasted = paste_arrays(image.convert("L"), fill, weight).convert("1", dither=Image.Dither.NONE)
        return _with_info(pasted, image)
    weights = weight[0, 0]  # (H, W)
    inside = weights > 0
    if not inside.any():
        return _with_info(image.copy(), image)
    fills = fill[0][:, inside].T  # (n, 3)
    if not np.isfinite(fills).all():
        raise ImageError("The fill holds values that are not numbers; expected numbers from 0 to 1.")
    pixels = np.array(image)  # (H, W) or (H, W, C)
    if gray:
        fills = np.repeat(_luma(fills), 3, axis=1)
        pixels[inside, :3] = np.rint(_luma(pixels[inside, :3])).astype(pixels.dtype)
    pixels[inside] = _blend(pixels[inside], fills.clip(0, 1), weights[inside, None].clip(0, 1), image.mode)
    if alpha is not None and image.mode in ("LA", "RGBA"):
        pixels[inside, -1] = np.rint(alpha[0][inside] * 255)
    return _with_info(Image.frombytes(image.mode, image.size, pixels.tobytes()), image)


def is_gray(colours: np.ndarray, known: np.ndarray) -> bool:
    """Whether (H, W, 3) is gray wherever ``known`` (H, W) is; a coarse look first, which pictures in colour fail."""
    for step in (64, 1):
        some, seen = colours[::step, ::step], known[::step, ::step]
        differs = (some[..., 0] != some[..., 1]) | (some[..., 0] != some[..., 2])
        if bool((differs & seen).any()):
            return False
    return True


def is_gray_image(image: Image.Image, known: np.ndarray) -> bool:
    """Whether an image in colour is gray wherever ``known`` (H, W) is; a few rows at a time, until one is not."""
    if image.mode not in ("RGB", "RGBA"):
        return False
    for top in range(0, image.height, _STRIP):
        seen = known[top : top + _STRIP]
        colours = np.asarray(image.crop((0, top, image.width, top + len(seen))))
        if not is_gray(colours[..., :3], seen):
            return False
    return True


def white_of(image: Image.Image) -> int:
    """The value of white in an image of a supported mode."""
    return 65535 if image.mode == "I;16" else 255


def _with_info(image: Image.Image, source: Image.Image) -> Image.Image:
    image.info = dict(source.info)
    return image


def _check_paste(image: Image.Image, fill: np.ndarray, weight: np.ndarray) -> None:
    if image.mode != "1" and image.mode not in SUPPORTED_MODES:
        raise ImageError(
            f"Cannot paste into mode {image.mode}; expected one of {', '.join(SUPPORTED_MODES)}: convert it first."
        )
    width, height = image.size
    for name, values, channels in (("fill", fill, 3), ("weight", weight, 1)):
        if values.shape != (1, channels, height, width):
            raise ImageError(
                f"The {name} has shape {values.shape}; expected {(1, channels, height, width)} "
                f"for a picture of {width}×{height} pixels."
            )


def _blend(pixels: np.ndarray, fill: np.ndarray, weight: np.ndarray, mode: str) -> np.ndarray:
    """Blend n pixels of a mode, (n,) or (n, C), with n RGB fills (n, 3) at weights (n, 1)."""
    if mode == "CMYK":
        return _blend_cmyk(pixels, fill, weight)
    white = np.float32(np.iinfo(pixels.dtype).max)
    old = pixels.reshape(len(pixels), -1).astype(np.float32) / white  # (n, C)
    new = fill if mode.startswith("RGB") else _luma(fill)
    if mode not in ("LA", "RGBA"):
        return _rounded(old + weight * (new - old), pixels)
    visible = (1 - weight) * old[:, -1:]
    colour = (visible * old[:, :-1] + weight * new) / (visible + weight)
    return _rounded(np.concatenate([colour, np.ones_like(weight)], axis=1), pixels)


def _luma(colours: np.ndarray) -> np.ndarray:
    """(n, 3) -> (n, 1)."""
    return (colours @ np.array(LUMA, dtype=np.float32))[:, None]


def _rounded(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    white = np.float32(np.iinfo(like.dtype).max)
    return np.rint(values * white).astype(like.dtype).reshape(like.shape)


def _blend_cmyk(pixels: np.ndarray, fill: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Blend in RGB: mixing inks would go from a black made of K to one made of C, M and Y through gray."""
    size = (len(pixels), 1)
    old = np.array(Image.frombytes("CMYK", size, pixels.tobytes()).convert("RGB"))[0]
    mixed = _blend(old, fill, weight, "RGB")
    return np.array(Image.frombytes("RGB", size, mixed.tobytes()).convert("CMYK"))[0]
