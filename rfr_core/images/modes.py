"""Modes of PIL images: those the library works on, and how others become one of them."""

from __future__ import annotations

import numpy as np
from PIL import Image

from rfr_core.errors import ImageError

SUPPORTED_MODES = ("L", "LA", "RGB", "RGBA", "I;16", "CMYK")
_NEAREST_MODE = {
    "1": "L",
    "P": "RGB",
    "PA": "RGBA",
    "RGBX": "RGB",
    "YCbCr": "RGB",
    "RGBa": "RGBA",
    "La": "LA",
}
_WITH_ALPHA = {"1": "LA", "L": "LA", "P": "RGBA", "RGB": "RGBA"}


def to_supported_mode(image: Image.Image) -> Image.Image:
    """The same picture in one of `SUPPORTED_MODES`, with transparency as an alpha channel.

    Returns `image` itself when it already fits. Raises ImageError for modes without a faithful 8- or 16-bit
    form (32-bit float and LAB, and 32-bit integers beyond 65535).
    """
    if "transparency" in image.info and image.mode in _WITH_ALPHA:
        return image.convert(_WITH_ALPHA[image.mode])
    if image.mode in SUPPORTED_MODES:
        return image
    if image.mode in _NEAREST_MODE:
        return image.convert(_NEAREST_MODE[image.mode])
    if image.mode.startswith("I"):
        return _as_16_bit(image)
    raise ImageError(
        f"the picture's mode is {image.mode}; expected one of {', '.join(SUPPORTED_MODES)}: "
        "convert it to 8-bit RGB or 16-bit gray first."
    )


def _as_16_bit(image: Image.Image) -> Image.Image:
    """I;16B, I;16L and I (which older Pillow reads 16-bit PNG as) -> I;16, same values."""
    values = np.asarray(image)
    if values.size and not 0 <= values.min() <= values.max() <= 65535:
        raise ImageError(
            f"the picture holds gray values from {values.min()} to {values.max()}; "
            "expected 0 to 65535: convert it to 16-bit gray first."
        )
    return Image.frombytes("I;16", image.size, values.astype("<u2").tobytes())
