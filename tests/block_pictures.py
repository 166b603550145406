"""Pictures of coloured blocks, which are quick to make and have something to learn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def write_block_pictures(folder: Path, rows: int, columns: int, resampling: Image.Resampling) -> None:
    """Three pictures of 96x72 pixels, of so many blocks each."""
    random = np.random.default_rng(5)
    for index in range(3):
        blocks = Image.fromarray(random.integers(0, 256, (rows, columns, 3), dtype=np.uint8))
        blocks.resize((96, 72), resampling).save(folder / f"{index}.png")
