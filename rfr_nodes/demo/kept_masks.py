"""Masks at full size that a visitor gave or had found; the page shows small copies, and names them by number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter

from rfr_core.holes.masks import read_hole
from rfr_core.images.values import to_bytes
from rfr_nodes.demo.previews import SIDE, preview

_COLOUR = (255, 45, 120, 255)  # of paint
_MOST = 24  # masks of one photo; beyond, the oldest counts as its small copy
_ADDED = 8  # of 255, by which paint is more opaque than what was sent where some was added
_NOISE = 2  # of 255, by which a browser may change what is read back, so that nobody is known by it


class KeptMasks:
    """The masks of one photo, in its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def keep(self, hole: torch.Tensor) -> int:
        """Keeps a hole (1, 1, H, W) and returns its number."""
        self._count += 1
        mask = Image.fromarray(to_bytes(hole[0, 0]).numpy())
        mask.convert("1").save(self._mask(self._count))
        alpha = preview(mask, SIDE).convert("L")
        layer = Image.new("RGBA", alpha.size, _COLOUR)
        layer.putalpha(alpha)
        layer.save(self.paint(self._count))
        for path in (self._mask(self._count - _MOST), self.paint(self._count - _MOST)):
            path.unlink(missing_ok=True)
        return self._count

    def paint(self, number: int) -> Path:
        """A kept mask as a layer of paint, small enough for the page: an RGBA picture."""
        return self._folder / f"paint-{number}.png"

    def hole(self, number: int | None, alpha: Image.Image) -> torch.Tensor | None:
        """A kept mask with what was painted over it: (1, 1, H, W), None where it is not kept.

        alpha: what is painted by now, of the size of the small copy. Where it is as that, the mask counts to the pixel.
        """
        if number is None or not self._mask(number).is_file():
            return None
        with Image.open(self.paint(number), formats=["PNG"]) as opened:
            before = np.asarray(opened.getchannel("A"), dtype=int)
        if alpha.size != before.shape[::-1]:
            return None
        hole, after = read_hole(self._mask(number)), np.asarray(alpha, dtype=int)
        added = Image.fromarray(np.where(after > before + _ADDED, after, 0).astype(np.uint8))
        erased = Image.fromarray(np.where((2 * after < before) & (before - after > _NOISE), 255, 0).astype(np.uint8))
        # With what lies around thin lines, of which the small copy shows only a part.
        erased = erased.filter(ImageFilter.MaxFilter(3))
        return torch.where(_painted(added, hole), 1, torch.where(_painted(erased, hole), 0, hole))

    def _mask(self, number: int) -> Path:
        return self._folder / f"mask-{number}.png"


def _painted(alpha: Image.Image, hole: torch.Tensor) -> torch.Tensor:
    """Where paint is at least half opaque, at the size of a hole: (1, 1, H, W) bool, nowhere where all is fainter."""
    alpha = alpha.resize((hole.shape[-1], hole.shape[-2]), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.asarray(alpha) > 127)[None, None]
