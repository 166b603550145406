"""``python -m benchmarks.defect_sheet PICTURE OUT``: a picture with defects drawn, what is found, and the result."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

from rfr_core.defects.drawn_defects import draw_defects
from rfr_core.defects.finding import find_defects
from rfr_core.holes.shaping import grow
from rfr_core.images.picture_files import Picture, read_picture, save_picture
from rfr_core.images.pixels import to_tensor
from rfr_core.inpainter import Inpainter
from rfr_core.training.evaluation.sheet import marked, picture_sheet

_SIDE, _SEED = 400, 8


def main() -> None:
    picture, out = map(Path, sys.argv[1:])
    image = read_picture(picture).image.convert("RGB")
    side = min(image.size)
    image = image.crop((0, 0, side, side)).resize((2 * _SIDE, 2 * _SIDE), Image.Resampling.LANCZOS)
    damaged = draw_defects(to_tensor(image), generator=_SEED)
    found = grow(find_defects(damaged.picture), 1)
    restored = Inpainter.from_pretrained()(damaged.picture, found, detail="exact")
    shown = [damaged.picture, marked(damaged.picture, found), restored, to_tensor(image)]
    place = (..., slice(_SIDE, None), slice(_SIDE // 2, _SIDE // 2 + _SIDE))
    sheet = picture_sheet(["scan", "found", "restored", "truth"], [("", [one[place] for one in shown])])
    save_picture(Picture(sheet), out, quality=85)


if __name__ == "__main__":
    main()
