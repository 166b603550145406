"""Where a filled pixel was fetched from, as a picture to lay over the result."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

import torch
from PIL import Image, ImageFilter

from rfr_nodes.demo.filling import Maps, attention_of
from rfr_nodes.demo.offered_models import Models
from rfr_nodes.demo.previews import PILBox
from rfr_nodes.demo.sentences import RequestError
from rfr_nodes.demo.session import Session, Version

_COLOUR = (255, 176, 0)
_SIDE = 800


class LatestRun:
    """The attention of one run, the latest that anyone made or asked about, so that memory stays flat."""

    def __init__(self) -> None:
        self._owner: Path | None = None
        self._maps: Maps = ()
        self._lock = Lock()

    def keep(self, version: Version, maps: Maps) -> None:
        """Takes the attention of a run that has just been made."""
        with self._lock:
            self._owner, self._maps = version.folder, maps

    async def maps(self, session: Session, version: Version, models: Models) -> Maps:
        """The attention of a version's recurrences; they are run again unless they are at hand."""
        with self._lock:
            if self._owner == version.folder:
                return self._maps
        assert version.run is not None  # only filled versions are shown
        inpainter = await models.load(version.run.options.model)
        steps = models.thread.each(attention_of(session, version.run, inpainter))
        maps = tuple([maps async for maps in steps])
        self.keep(version, maps)
        return maps


def save_attention(maps: Maps, index: int, x: int, y: int, size: tuple[int, int], path: Path) -> tuple[PILBox, int]:
    """Writes where a recurrence fetched pixel (x, y) from, as a translucent PNG; returns the box it covers and which.

    maps: of all recurrences. index: the wanted one, from 1. A recurrence may fill a part of the hole alone, such as its
    rim at full resolution: where it left the pixel out, the nearest earlier one that filled it is shown, else the next
    later one. size: (width, height) of the picture. Raises RequestError when no recurrence filled the pixel or the
    network has no attention.
    """
    if not any(maps):
        raise RequestError("This model has no attention to show.")
    for recurrence in (*range(index, 0, -1), *range(index + 1, len(maps) + 1)):
        for attention in maps[recurrence - 1]:
            rows = attention.rows_of(torch.tensor([x]), torch.tensor([y]))
            if int(rows) >= 0:
                weights = attention.spread(rows, size[1], size[0])[attention.box.slices]
                _layer(weights, attention.cell).save(path, compress_level=1)
                box = attention.box
                return (box.left, box.top, box.right, box.bottom), recurrence
    raise RequestError("That pixel was not filled: choose one inside the filled part.")


def _layer(weights: torch.Tensor, cell: float) -> Image.Image:
    """(h, w) weights, even within each cell -> a layer that is the more opaque the more was fetched."""
    strength = weights.div(weights.max().clamp(min=1e-12)).sqrt()  # the root lets faint sources show
    alpha = Image.fromarray(strength.mul(230).to(torch.uint8).numpy())
    scale = min(1.0, _SIDE / max(alpha.size))
    size = (max(1, round(alpha.width * scale)), max(1, round(alpha.height * scale)))
    alpha = alpha.resize(size, Image.Resampling.BOX)  # averaged: small cells must not fall between samples
    layer = Image.new("RGBA", size, _COLOUR)
    layer.putalpha(alpha.filter(ImageFilter.GaussianBlur(scale * cell / 3)))
    return layer
