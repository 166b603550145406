"""``python -m benchmarks.sheets defects|sequence|seams PICTURE OUT``: the pictures of the docs, made of one picture."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks import seams, sequences
from rfr_core.defects.drawn_defects import draw_defects
from rfr_core.defects.finding import find_defects
from rfr_core.errors import RFRError
from rfr_core.holes.shaping import grow
from rfr_core.images.picture_files import Picture, read_picture, save_picture
from rfr_core.images.pixels import to_tensor
from rfr_core.inpainter import Inpainter
from rfr_core.sequence import fill_sequence
from rfr_core.training.evaluation.sheet import marked, picture_sheet

_SIDE, _SEED, _DEFECTS_SEED = 400, 8, 9
_SHOWN = range(8, 12)  # frames


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sheets", description="Makes a picture of the docs.")
    parser.add_argument("kind", choices=sorted(_SHEETS))
    parser.add_argument("picture", type=Path, help="a photograph")
    parser.add_argument("out", type=Path, help="the picture to write")
    given = parser.parse_args()
    try:
        image = read_picture(given.picture).image.convert("RGB")
        save_picture(Picture(_SHEETS[given.kind](image)), given.out, quality=70)
    except RFRError as error:
        parser.exit(1, f"{error}\n")


def _defects(image: Image.Image) -> Image.Image:
    """A picture with defects drawn, what is found, and the result."""
    side = min(image.size)
    image = image.crop((0, 0, side, side)).resize((2 * _SIDE, 2 * _SIDE), Image.Resampling.LANCZOS)
    damaged = draw_defects(to_tensor(image), generator=_DEFECTS_SEED)
    found = grow(find_defects(damaged.picture), 1)
    restored = Inpainter.from_pretrained()(damaged.picture, found, detail="exact")
    shown = [damaged.picture, marked(damaged.picture, found), restored, to_tensor(image)]
    place = (..., slice(_SIDE, None), slice(_SIDE // 2, _SIDE // 2 + _SIDE))
    return picture_sheet(["scan", "found", "restored", "truth"], [("", [one[place] for one in shown])])


def _sequence(image: Image.Image) -> Image.Image:
    """Frames of a camera that pans over the picture, with a hole that moves: filled as a sequence, and one by one."""
    inpainter = Inpainter.from_pretrained()
    frames = sequences.clip(to_tensor(image), "pan", _SEED)
    holes = [sequences.moving_hole(index) for index in range(len(frames))]
    filled = list(fill_sequence(inpainter, frames, holes))
    rows = {
        "frames": [marked(_frame(frames[i]), torch.from_numpy(holes[i])[None, None, :, :_FRAME]) for i in _SHOWN],
        "filled as a sequence": [_frame(filled[i]) for i in _SHOWN],
        "one by one": [_frame(inpainter(frames[i], holes[i])) for i in _SHOWN],
    }
    return picture_sheet([f"frame {i + 1}" for i in _SHOWN], list(rows.items()))


def _seams(image: Image.Image) -> Image.Image:
    """A square of the picture laid beside itself, as it is, and with its border filled without and with ``wrap``."""
    inpainter = Inpainter.from_pretrained()
    square = np.asarray(image.crop((0, 0, seams.SIDE, seams.SIDE)))
    tiles = [square, *(inpainter(square, seams.border(), wrap=wrap) for wrap in ("none", "xy"))]
    return picture_sheet(["as it is", "border filled", 'with wrap="xy"'], [("", [_laid(tile) for tile in tiles])])


def _frame(pixels: np.ndarray) -> Tensor:
    """The left square of a frame (H, W, 3): (1, 3, H, H)."""
    return to_tensor(Image.fromarray(pixels[:, :_FRAME]))


def _laid(tile: np.ndarray) -> Tensor:
    """Two by two of a tile: (1, 3, 2H, 2W)."""
    return to_tensor(Image.fromarray(np.tile(tile, (2, 2, 1))))


_FRAME = sequences.SIZE[0]  # pixels, so that frames are shown square
_SHEETS: dict[str, Callable[[Image.Image], Image.Image]] = {"defects": _defects, "sequence": _sequence, "seams": _seams}

if __name__ == "__main__":
    main()
