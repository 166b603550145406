"""Near-duplicate photographs, found by a perceptual hash: evaluation pictures must not be training pictures.

The hash is the difference hash (Krawetz 2013) in both directions: the picture is shrunk to a small gray grid, and each
bit tells whether a cell is brighter than its neighbour. It survives scaling, recompression and changes of brightness
and trimming by a twentieth, and is compared mirrored as well; tighter crops mostly go unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from rfr_core.images.picture_files import read_picture

GRID = 12
MAX_SHARE = 0.2  # of differing bits; unrelated photographs differ in about half of them


@dataclass(frozen=True)
class NearDuplicate:
    """Two files that show the same photograph; share: of hash bits in which they differ, 0 to ``MAX_SHARE``."""

    picture: Path
    other: Path
    share: float


def near_duplicates(pictures: Iterable[Path], others: Iterable[Path]) -> list[NearDuplicate]:
    """The pictures that are among the others too, each with its nearest, in the order of the pictures.

    Raises ImageError when a file cannot be read.
    """
    others = list(others)
    hashes = np.stack([difference_hash(read_picture(path).image) for path in others])  # (n, bits)
    found = []
    for path in pictures:
        image = read_picture(path).image
        turned = [difference_hash(image), difference_hash(ImageOps.mirror(image))]
        shares = np.stack([(hashes != bits).mean(1) for bits in turned]).min(0)  # (n,)
        nearest = int(shares.argmin())
        if shares[nearest] <= MAX_SHARE:
            found.append(NearDuplicate(path, others[nearest], float(shares[nearest])))
    return found


def difference_hash(image: Image.Image) -> np.ndarray:
    """The hash of a picture of any mode and size: (2 · GRID²,) bool, rightward differences, then downward ones."""
    cells = np.asarray(image.convert("L").resize((GRID + 1, GRID + 1), Image.Resampling.BOX), np.int16)
    right = cells[:-1, 1:] > cells[:-1, :-1]
    down = cells[1:, :-1] > cells[:-1, :-1]
    return np.concatenate([right.ravel(), down.ravel()])
