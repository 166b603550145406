"""Tiles with a hole across their border: the step between pixels that meet when a tile is laid beside itself."""

from __future__ import annotations

from itertools import islice

import numpy as np

from benchmarks.photographs import as_bytes, photographs
from benchmarks.report import Table, Value
from benchmarks.setting import Setting
from rfr_core.inpainter import Inpainter

SIDE = 256  # pixels of a tile
_BAND, _PICTURES = 24, 6


def run(setting: Setting) -> Table:
    """A photograph whose border is a hole becomes a tile: nothing is known of how its sides should meet."""
    inpainter = Inpainter.from_pretrained(device="cpu")
    mask = border()
    scores = []
    for photo in islice(photographs(setting.pictures, 640), _PICTURES):
        pixels = as_bytes(photo[..., :SIDE, :SIDE]).numpy()
        if pixels.shape[:2] == mask.shape:
            ways = [inpainter(pixels, mask, wrap=wrap) for wrap in ("none", "xy")]
            scores.append([_step(way) / _usual(way, mask) for way in ways])
    rows: list[list[Value]] = [["step at the border", *np.mean(scores, axis=0).tolist()]]
    title = f"{len(scores)} photographs of {SIDE}×{SIDE} made tiles by filling a border of {_BAND} pixels"
    notes = ["As a multiple of the mean difference between neighbouring pixels of the fill."]
    return Table(title, ("", "without wrap", 'wrap="xy"'), rows, notes)


def border() -> np.ndarray:
    """The hole (SIDE, SIDE): a band along the border."""
    mask = np.ones((SIDE, SIDE), dtype=bool)
    mask[_BAND:-_BAND, _BAND:-_BAND] = False
    return mask


def _step(tile: np.ndarray) -> float:
    tile = tile.astype(float)
    return float(np.mean([np.abs(tile.take(0, axis) - tile.take(-1, axis)).mean() for axis in (0, 1)]))


def _usual(tile: np.ndarray, mask: np.ndarray) -> float:
    steps = np.abs(np.diff(tile.astype(float), axis=1))[mask[:, 1:] & mask[:, :-1]]
    return float(steps.mean())
