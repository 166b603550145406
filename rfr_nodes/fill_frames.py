"""Fills a batch that is the frames of one shot, all of them together."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

from typing import Any

from torch import Tensor

from rfr_core.sequence.fill_sequence import fill_sequence
from rfr_core.views.recording import Recording
from rfr_nodes.managed_model import ManagedModel
from rfr_nodes.progress import LiveProgress


def fill_frames(
    model: ManagedModel, pictures: Tensor, hole: Tensor, node_id: str, **options: Any
) -> tuple[list[Recording], list[str]]:
    """As `fill_pictures`, with what frames show of each other; the recordings hold the result, no recurrences."""
    progress = LiveProgress(node_id, len(pictures))
    inpainter = model.inpainter(model.memory_for(pictures.shape[-2] * pictures.shape[-1]))
    recordings = []
    for item, filled in enumerate(fill_sequence(inpainter, pictures, hole[:, None], **options)):
        recordings.append(Recording(filled[None], hole[item : item + 1]))
        progress.begin(item, recordings[-1])
        progress.show(1, 1, None)
    return recordings, []
