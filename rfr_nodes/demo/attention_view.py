"""Where a filled pixel was fetched from, as a picture to lay over the result."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

import numpy as np
import torch
from PIL import Image

from rfr_core import InpaintStep
from rfr_nodes.demo.models import Models
from rfr_nodes.demo.previews import Box
from rfr_nodes.demo.filling import steps_of
from rfr_nodes.demo.sentences import Refusal
from rfr_nodes.demo.session import Session, Version

_COLOUR = (255, 176, 0)
_SIDE = 800


class LatestRun:
    """The recurrences of the latest run that someone asked about: one for all visitors, so that memory stays flat."""

    def __init__(self) -> None:
        self._owner: tuple[str, Path] | None = None
        self._steps: list[InpaintStep] = []
        self._lock = Lock()

    def steps(self, session: Session, version: Version, models: Models) -> list[InpaintStep]:
        """The recurrences of a version, run again unless they are at hand."""
        owner = (session.token, version.folder)
        with self._lock:
            if self._owner != owner:
                self._owner, self._steps = None, []
                self._steps = list(steps_of(session, version, models.get(version.options.model)))
                self._owner = owner
            return self._steps


def attention_layer(steps: list[InpaintStep], index: int, x: int, y: int, box: Box, path: Path) -> Path:
    """Writes the attention of recurrence ``index`` (from 1) at pixel (x, y) as a translucent PNG of ``box``.

    Raises Refusal when the pixel was not filled or the network has no attention.
    """
    if not 1 <= index <= len(steps):
        raise Refusal(f"Recurrence {index} is not one of {len(steps)}.")
    weights = steps[index - 1].attention(x, y)
    if weights is None:
        raise Refusal("That pixel was not filled, or this model has no attention: choose one inside the filled part.")
    _layer(weights, box).save(path, compress_level=1)
    return path


def _layer(weights: torch.Tensor, box: Box) -> Image.Image:
    left, top, right, bottom = box
    part = weights[top:bottom, left:right].float().cpu().numpy()
    strength = np.sqrt(part / max(float(part.max()), 1e-12))  # the root lets faint sources show
    alpha = Image.fromarray((strength * 230).astype(np.uint8))
    scale = min(1.0, _SIDE / max(alpha.size))
    # Box-averaged when shrunk: single bright pixels must not get lost between the samples.
    alpha = alpha.resize(
        (max(1, round(alpha.width * scale)), max(1, round(alpha.height * scale))), Image.Resampling.BOX
    )
    layer = Image.new("RGBA", alpha.size, _COLOUR)
    layer.putalpha(alpha)
    return layer
