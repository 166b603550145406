"""Film scans that carry the scanner's infrared channel as a second page of a TIFF."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from PIL import ExifTags, Image

from rfr_core.errors import ImageError
from rfr_core.images.picture_files import TURN_UPRIGHT

if TYPE_CHECKING:
    from torch import Tensor

_WHITES = {"L": 255, "I;16": 65535, "I;16L": 65535, "I;16B": 65535}
PAGES = 2  # the picture and its infrared channel


def read_infrared(path: str | os.PathLike[str]) -> Tensor | None:
    """The infrared channel of a scan, (1, 1, H, W) float32 in [0, 1]; None where the file has none.

    It is a gray second page of the first one's size, with 8 or 16 bits. Raises ImageError: a second page of another
    kind, or one that is damaged.
    """
    import numpy as np
    import torch

    with Image.open(path) as opened:
        if opened.format != "TIFF" or getattr(opened, "n_frames", 1) != PAGES:
            return None
        size, orientation = opened.size, opened.getexif().get(ExifTags.Base.Orientation, 1)
        try:
            opened.seek(1)
            mode = opened.mode
            upright = opened.transpose(TURN_UPRIGHT[orientation]) if orientation in TURN_UPRIGHT else opened
            values = np.array(upright, dtype=np.float32)
        except Exception as error:  # decoders meet damaged files with errors of every class
            raise ImageError(f"The second page of {path} is damaged ({error}); get the file anew.") from error
        if mode not in _WHITES or opened.size != size:
            raise ImageError(
                f"The second page of {path} is {opened.size[0]}×{opened.size[1]} pixels of mode {mode}; expected an "
                f"infrared channel, {size[0]}×{size[1]} in gray: save the picture on its own."
            )
    return torch.from_numpy(values / _WHITES[mode])[None, None]
