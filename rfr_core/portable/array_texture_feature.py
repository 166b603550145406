"""What `rfr_core.texture.texture_feature` does, on the arrays of one picture: how much fine detail it has where."""

from __future__ import annotations

import numpy as np

from rfr_core.portable.array_pyramid import box_blur
from rfr_core.texture.settings import FEATURE_RADIUS, FEATURE_WEIGHT


def texture_feature(colour: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The mean of absolute gradients around each known pixel, weighted as a fourth channel of its colour.

    colour: (3, H, W). known: (H, W) bool. Returns (1, H, W), 0 where not known.
    """
    shown = np.where(known, colour, np.float32(0))
    grey = (shown[0] + shown[1] + shown[2]) / np.float32(3)
    gradient = np.zeros_like(grey)
    gradient[:, 1:] += np.where(known[:, 1:] & known[:, :-1], np.abs(grey[:, 1:] - grey[:, :-1]), np.float32(0))
    gradient[1:] += np.where(known[1:] & known[:-1], np.abs(grey[1:] - grey[:-1]), np.float32(0))
    share = box_blur(known[None].astype(np.float32), FEATURE_RADIUS)
    mean = box_blur(gradient[None], FEATURE_RADIUS) / np.maximum(share, np.float32(1e-6))
    return np.where(known, mean * np.float32(FEATURE_WEIGHT**0.5), np.float32(0))
