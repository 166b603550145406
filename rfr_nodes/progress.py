"""Progress, live preview and interrupt while a node runs."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

import comfy.utils
from comfy import model_management
from comfy.cli_args import args
from torch import Tensor

from rfr_core.views.recording import Recording


class LiveProgress:
    """The node's progress bar and picture, one unit of progress for each recurrence.

    count: pictures in the batch.
    """

    def __init__(self, node_id: str, count: int) -> None:
        self._bar = comfy.utils.ProgressBar(count, node_id=node_id)
        self._count = count

    def begin(self, item: int, recording: Recording) -> None:
        """Turn to picture `item` of the batch."""
        self._item = item
        self._recording = recording

    def show(self, index: int, total: int, region: Tensor | None) -> None:
        """Report that `index` of `total` recurrences are done, and how the recording's box looks by now, if new.

        Raises the host's InterruptProcessingException when the user has pressed Cancel.
        """
        model_management.throw_exception_if_processing_interrupted()
        preview = None
        if region is not None:
            preview = ("JPEG", self._recording.thumbnail.image(region), args.preview_size)  # the host scales it down
        self._bar.update_absolute(self._item * total + index, self._count * total, preview)
