"""The doors to disk and Hub that users of the Hub expect on the class of a network."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import torch

Network = TypeVar("Network", bound="Pretrained")


class Pretrained:
    """Loading and saving; `rfr_core.checkpoints`, which knows the networks, does the work."""

    @classmethod
    def from_pretrained(
        cls: type[Network],
        source: str | Path | None = None,
        *,
        revision: str | None = None,
        local_files_only: bool = False,
    ) -> Network:
        """The network of a checkpoint, as :func:`rfr_core.checkpoints.load_network`."""
        return _checkpoints().load_network(source, revision=revision, local_files_only=local_files_only)

    def save_pretrained(self, folder: str | Path, *, card: str | None = None, dtype: torch.dtype | None = None) -> Path:
        """Writes a checkpoint, as :func:`rfr_core.checkpoints.save_pretrained`."""
        return _checkpoints().save_pretrained(self, folder, card=card, dtype=dtype)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool = False,
        revision: str | None = None,
        message: str = "Upload checkpoint",
        dtype: torch.dtype | None = None,
    ) -> str:
        """Writes a checkpoint to a folder of its own and uploads it, as :func:`rfr_core.checkpoints.push_to_hub`.

        Returns the commit's address.
        """
        with TemporaryDirectory() as folder:
            self.save_pretrained(folder, dtype=dtype)
            return _checkpoints().push_to_hub(folder, repo_id, private=private, revision=revision, message=message)


def _checkpoints() -> Any:
    # By name: checkpoints are made of networks, so their module imports this one.
    return import_module("rfr_core.checkpoints")
