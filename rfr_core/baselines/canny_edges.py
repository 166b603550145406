"""Edges of pictures by Canny 1986, as EdgeConnect and PRVS learn from them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rfr_core.images.values import luminance

_SIGMA, _AT = 2.0, 256  # pixels of the Gaussian in pictures of that side, as EdgeConnect has it


def canny_edges(image: Tensor, known: Tensor | None = None) -> Tensor:
    """Edges (N, 1, H, W) in {0, 1} of pictures (N, 3, H, W) in [0, 1], on their device.

    The Gaussian is 2 px for 256 px pictures, in proportion and never below 1 px. known: (N, 1, H, W) in {0, 1}: what
    is not is not looked at, and the border of the hole is no edge.
    """
    from skimage.feature import canny

    gray = luminance(image.detach().float()).cpu()
    sigma = max(1.0, _SIGMA * min(gray.shape[-2:]) / _AT)
    masks = [None] * len(gray) if known is None else [part[0] > 0 for part in known.cpu().numpy()]
    edges = [
        canny(picture[0].numpy().astype(np.float64), sigma=sigma, mask=mask)
        for picture, mask in zip(gray, masks, strict=True)
    ]
    return torch.from_numpy(np.stack(edges)[:, None].astype(np.float32)).to(image.device)
