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
        f"The picture's mode is {image.mode}; expected one of {', '.join(SUPPORTED_MODES)}: "
        "convert it to 8-bit RGB or 16-bit gray first."
    )


def _as_16_bit(image: Image.Image) -> Image.Image:
    """I;16B, I;16L and I (which older Pillow reads 16-bit PNG as) -> I;16, same values."""
    values = np.asarray(image)
    if values.size and not 0 <= values.min() <= values.max() <= 65535:
        raise ImageError(
            f"The picture holds gray values from {values.min()} to {values.max()}; "
            "expected 0 to 65535: convert it to 16-bit gray first."
        )
    return Image.frombytes("I;16", image.size, values.astype("<u2").tobytes())


def nearest_in_palette(image: Image.Image, source: Image.Image, changed: np.ndarray) -> Image.Image:
    """A picture in RGB or RGBA with the palette of ``source`` (mode P), from which it differs where ``changed`` is.

    changed: (H, W) bool. Changed pixels take the nearest colour that the rest of the source has; others their own.
    """
    indices = np.array(source)
    result = source.copy()
    if not changed.any():
        return result
    used = np.unique(indices[~changed]) if not changed.all() else np.unique(indices)
    entries = Image.frombytes("P", (len(used), 1), used.astype(np.uint8).tobytes())
    entries.putpalette(source.palette or [])
    if "transparency" in source.info:
        entries.info["transparency"] = source.info["transparency"]
    wanted = _weighted(np.array(image.convert("RGBA"))[changed])
    offered = _weighted(np.array(entries.convert("RGBA"))[0])
    parts = np.array_split(wanted, len(wanted) // 65536 + 1)
    # The nearest by |a|² - 2ab + |b|², of which |a|² is the same for all.
    nearest = [(np.square(offered).sum(1) - 2 * part @ offered.T).argmin(1) for part in parts]
    indices[changed] = used[np.concatenate(nearest)]
    result.putdata(indices.ravel())
    return result


def _weighted(pixels: np.ndarray) -> np.ndarray:
    """RGBA (n, 4) as points between which the distance is how different they look."""
    values = pixels.astype(np.float32)
    return np.concatenate([values[:, :3] * values[:, 3:] / 255, 2 * values[:, 3:]], axis=1)
