"""Fills the pictures of a batch one by one, with one inpainter for all of them."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

from typing import Any

from torch import Tensor

from rfr_core import Inpainter
from rfr_core.errors import DeviceError, HoleError, ImageError
from rfr_core.views.recording import Recording
from rfr_nodes.managed_model import ManagedModel
from rfr_nodes.progress import LiveProgress


def fill_pictures(
    model: ManagedModel, pictures: Tensor, hole: Tensor, node_id: str, *, avoid: Tensor | None, **options: Any
) -> tuple[list[Recording], list[str]]:
    """A recording of each picture's fill, and a sentence for each picture of a batch that had to stay as it was.

    pictures: (N, 3, H, W). hole: (N, 1, H, W) bool. avoid: (1 or N, 1, H, W) bool, or None. options: as for
    `Inpainter.steps`. Raises the error of the first picture where none can be filled.
    """
    avoided = None if avoid is None else avoid.expand(len(pictures), -1, -1, -1)
    filler = _Filler(model, pictures, avoided, LiveProgress(node_id, len(pictures)), options)
    recordings, failures = [], []
    for item in range(len(pictures)):
        recording = Recording(pictures[item : item + 1], hole[item : item + 1])
        try:
            recording = filler.filled(item, recording)
        except (HoleError, ImageError) as error:
            failures.append((item, error))
        recordings.append(recording)
    if len(failures) == len(pictures):
        raise failures[0][1]
    return recordings, [f"Picture {item + 1} of {len(pictures)} stays as it was: {error}" for item, error in failures]


class _Filler:
    def __init__(
        self,
        model: ManagedModel,
        pictures: Tensor,
        avoided: Tensor | None,
        progress: LiveProgress,
        options: dict[str, Any],
    ) -> None:
        self._model, self._avoided, self._progress, self._options = model, avoided, progress, options
        self._memory = model.memory_for(pictures.shape[-2] * pictures.shape[-1])
        self._inpainter: Inpainter | None = None

    def filled(self, item: int, recording: Recording) -> Recording:
        """Fill one picture; where even small tiles do not fit, once more with the device to itself."""
        try:
            return self._run(item, recording)
        except DeviceError:
            self._inpainter = None
            self._model.free_device()
        return self._run(item, Recording(recording.image, recording.hole))

    def _run(self, item: int, recording: Recording) -> Recording:
        if self._inpainter is None:
            self._inpainter = self._model.inpainter(self._memory)
        self._progress.begin(item, recording)
        avoid = None if self._avoided is None else self._avoided[item : item + 1]
        for step in self._inpainter.steps(recording.image, recording.hole, avoid=avoid, **self._options):
            self._progress.show(step.index, step.total, recording.add(step))
        return recording
