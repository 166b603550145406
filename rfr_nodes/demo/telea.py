"""The same hole by OpenCV's Telea inpainting, to compare with; only where OpenCV is installed."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
from PIL import Image

from rfr_nodes.demo.previews import PILBox

RADIUS = 5
_MAX_SIDE = 1000  # beyond, Telea would be waited for

available = find_spec("cv2") is not None


def telea(image: Image.Image, hole: Image.Image, box: PILBox) -> Image.Image:
    """``image`` (RGB) with the part of ``hole`` (L, white = fill) that lies in ``box`` filled by Telea's method."""
    import cv2

    left, top, right, bottom = box
    margin = 2 * RADIUS
    around = (max(0, left - margin), max(0, top - margin), right + margin, bottom + margin)
    around = (*around[:2], min(image.width, around[2]), min(image.height, around[3]))
    crop, mask = image.crop(around), hole.crop(around)
    scale = min(1.0, _MAX_SIDE / max(crop.size))
    small = (max(1, round(crop.width * scale)), max(1, round(crop.height * scale)))
    filled = cv2.inpaint(
        np.asarray(crop.resize(small)),
        np.asarray(mask.resize(small, Image.Resampling.NEAREST)),
        RADIUS,
        cv2.INPAINT_TELEA,
    )
    result = image.copy()
    result.paste(Image.fromarray(filled).resize(crop.size), around[:2], mask)
    return result
