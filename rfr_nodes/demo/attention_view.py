"""Where a filled pixel was fetched from, as a picture to lay over the result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import torch
from PIL import Image, ImageFilter

from rfr_core.fill.attention_map import AttentionMap
from rfr_nodes.demo.filling import Maps, steps_of
from rfr_nodes.demo.models import Models
from rfr_nodes.demo.previews import Box
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

    def maps(self, session: Session, version: Version, models: Models) -> Maps:
        """The attention of a version's recurrences; they are run again unless they are at hand."""
        with self._lock:
            if self._owner == version.folder:
                return self._maps
        assert version.run is not None  # only filled versions are shown
        steps = steps_of(session, version.run, models.get(version.run.options.model))
        maps = models.thread.run(lambda: tuple(tuple(step.attention_maps()) for step in steps))
        self.keep(version, maps)
        return maps


def save_attention(maps: Sequence[AttentionMap], x: int, y: int, size: tuple[int, int], path: Path) -> Box:
    """Writes where one recurrence fetched pixel (x, y) from, as a translucent PNG, and returns the box it covers.

    size: (width, height) of the picture. Raises RequestError when the pixel was not filled or the network has no
    attention.
    """
    if not maps:
        raise RequestError("This model has no attention to show.")
    for attention in maps:
        rows = attention.rows_of(torch.tensor([x]), torch.tensor([y]))
        if int(rows) >= 0:
            weights = attention.spread(rows, size[1], size[0])[attention.box.slices]
            _layer(weights, attention.cell).save(path, compress_level=1)
            return attention.box.left, attention.box.top, attention.box.right, attention.box.bottom
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
