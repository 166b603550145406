"""Progress, live preview and interrupt while a node runs."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

import comfy.utils
from comfy import model_management
from comfy.cli_args import args
from torch import Tensor

from rfr_nodes.layout import to_pil


class LiveProgress:
    """The node's progress bar and picture, one unit of progress for each recurrence.

    count: pictures in the batch.
    """

    def __init__(self, node_id: str, count: int) -> None:
        self._bar = comfy.utils.ProgressBar(count, node_id=node_id)
        self._count = count

    def show(self, item: int, index: int, total: int, picture: Tensor | None) -> None:
        """Report that `index` of `total` recurrences are done on picture `item`, and its looks (1, 3, H, W), if new.

        Raises the host's InterruptProcessingException when the user has pressed Cancel.
        """
        model_management.throw_exception_if_processing_interrupted()
        preview = None if picture is None else ("JPEG", to_pil(picture), args.preview_size)
        self._bar.update_absolute(item * total + index, self._count * total, preview)
