"""Pixels of PIL images as tensors, and fills back into the images.

Inside the library a picture is a float tensor (1, 3, H, W) in [0, 1]; every pixel that is not filled comes back with
its own bytes.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from rfr_core.errors import ImageError
from rfr_core.images.modes import SUPPORTED_MODES, to_supported_mode
from rfr_core.images.values import LUMA


def to_tensor(image: Image.Image) -> torch.Tensor:
    """A PIL image as a float32 tensor (1, 3, H, W) in [0, 1].

    Gray is repeated, 16-bit gray divided by 65535, CMYK converted as PIL does, alpha dropped without
    premultiplying. Raises ImageError for an unsupported mode.
    """
    image = to_supported_mode(image)
    if image.mode in ("RGBA", "CMYK"):
        image = image.convert("RGB")
    elif image.mode == "LA":
        image = image.getchannel("L")
    pixels = np.array(image)  # (H, W) or (H, W, 3); a copy, since torch wants to own writable memory
    if pixels.ndim == 2:
        gray = torch.from_numpy(pixels.astype(np.float32) / np.float32(_white(image)))
        return gray.expand(1, 3, *gray.shape).contiguous()
    channels = torch.from_numpy(pixels).permute(2, 0, 1).unsqueeze(0)  # (1, 3, H, W)
    return channels.to(torch.float32, memory_format=torch.contiguous_format).div_(255.0)


def paste_fill(
    image: Image.Image,
    fill: torch.Tensor,
    weight: torch.Tensor,
    *,
    alpha: torch.Tensor | None = None,
    gray: bool = False,
) -> Image.Image:
    """Paste a fill into a picture or a crop of one; mode and size stay.

    fill: (1, 3, H, W) in [0, 1]. weight: (1, 1, H, W) in [0, 1]. Where weight is 0 the bytes are those of
    `image`; elsewhere result = (1 - weight) * image + weight * fill, taken in RGB, or in luma (BT.601) for
    gray. Where weight is above 0 alpha becomes `alpha`, (1, H, W) in [0, 1], or opaque where that is None, and
    the old colour counts only as far as it was visible, so that the colour hidden in transparent pixels never
    shows. gray: whether red, green and blue of the result are the same. Modes: `SUPPORTED_MODES` and 1-bit.

    Raises ImageError: another mode, sizes that differ, or values that are not numbers.
    """
    _check_paste(image, fill, weight)
    if image.mode == "1":
        pasted = paste_fill(image.convert("L"), fill, weight).convert("1", dither=Image.Dither.NONE)
        return _with_info(pasted, image)
    weights = _as_array(weight)[0, 0]  # (H, W)
    inside = weights > 0
    if not inside.any():
        return _with_info(image.copy(), image)
    fills = _as_array(fill)[0][:, inside].T  # (n, 3)
    if not np.isfinite(fills).all():
        raise ImageError("The fill holds values that are not numbers; expected numbers from 0 to 1.")
    pixels = np.array(image)  # (H, W) or (H, W, C)
    if gray:
        fills = np.repeat(_luma(fills), 3, axis=1)
        pixels[inside, :3] = np.rint(_luma(pixels[inside, :3])).astype(pixels.dtype)
    pixels[inside] = _blend(pixels[inside], fills.clip(0, 1), weights[inside, None].clip(0, 1), image.mode)
    if alpha is not None and image.mode in ("LA", "RGBA"):
        pixels[inside, -1] = np.rint(_as_array(alpha)[0][inside] * 255)
    return _with_info(Image.frombytes(image.mode, image.size, pixels.tobytes()), image)


def _white(image: Image.Image) -> int:
    return 65535 if image.mode == "I;16" else 255


def _as_array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().to("cpu", torch.float32).numpy()


def _with_info(image: Image.Image, source: Image.Image) -> Image.Image:
    image.info = dict(source.info)
    return image


def _check_paste(image: Image.Image, fill: torch.Tensor, weight: torch.Tensor) -> None:
    if image.mode != "1" and image.mode not in SUPPORTED_MODES:
        raise ImageError(
            f"Cannot paste into mode {image.mode}; expected one of {', '.join(SUPPORTED_MODES)}: convert it first."
        )
    width, height = image.size
    for name, tensor, channels in (("fill", fill, 3), ("weight", weight, 1)):
        if tuple(tensor.shape) != (1, channels, height, width):
            raise ImageError(
                f"The {name} has shape {tuple(tensor.shape)}; expected {(1, channels, height, width)} "
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
