"""How many known pixels of a JPEG file a fill changes, and how large the file is: python benchmarks/jpeg.py"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from rfr_core import Inpainter
from rfr_core.holes.masks import read_hole
from rfr_core.images import picture_files
from rfr_core.images.picture_files import read_picture, save_picture

EXAMPLES = Path(__file__).parents[1] / "examples"


def main() -> None:
    photo = EXAMPLES / "flower.jpg"
    picture, hole = read_picture(photo), read_hole(EXAMPLES / "flower_mask.png")
    filled = picture.filled(Inpainter.from_pretrained()(picture.image, hole))
    known, before = hole[0, 0].numpy() == 0, np.asarray(picture.image)
    print(f"{photo.name}: {photo.stat().st_size:,} bytes")
    with tempfile.TemporaryDirectory() as folder:
        for name, quality, kept in (
            ("quality 95", 95, False),
            ("source's tables", None, False),
            ("jpeglib", None, True),
        ):
            if kept and not picture_files.coefficients_can_be_kept():
                print("jpeglib is not installed")
                continue
            available = picture_files.coefficients_can_be_kept
            picture_files.coefficients_can_be_kept = lambda kept=kept: kept
            path = save_picture(filled, Path(folder, "out.jpg"), quality=quality)
            picture_files.coefficients_can_be_kept = available
            with Image.open(path) as after:
                share = (np.asarray(after) != before).any(2)[known].mean()
            print(f"{name}: {share:.1%} of the known pixels changed, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
