"""Pixels of PIL images as tensors, and fills back into the images.

Inside the library a picture is a float tensor (1, 3, H, W) in [0, 1]; every pixel that is not filled comes back with
its own bytes.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from rfr_core.images.modes import to_supported_mode
from rfr_core.images.pasting import paste_arrays, white_of


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
        gray = torch.from_numpy(pixels.astype(np.float32) / np.float32(white_of(image)))
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
    alphas = None if alpha is None else _as_array(alpha)
    return paste_arrays(image, _as_array(fill), _as_array(weight), alpha=alphas, gray=gray)


def _as_array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().to("cpu", torch.float32).numpy()
