"""Fetch RFR Model (Hub): a checkpoint of a Hub repository, kept in models/rfr."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

import re
import secrets
import shutil
from io import StringIO
from pathlib import Path, PurePosixPath
from typing import Any

import comfy.utils
from comfy import model_management
from comfy_api.latest import io
from tqdm.auto import tqdm

from rfr_core.checkpoints.loading import CONFIG_NAME, MODEL_NAME, load_network
from rfr_core.errors import CheckpointError
from rfr_core.files import appearing
from rfr_core.hub import download
from rfr_nodes.managed_model import PRECISIONS, ManagedModel
from rfr_nodes.model_files import SUFFIX, checkpoint_of, own_folder
from rfr_nodes.newer_host import ADVANCED, schema
from rfr_nodes.sockets import CATEGORY, RFRModel

MAIN = "main"

_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_REPOSITORY = re.compile(rf"{_PART}/{_PART}")
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")


class RFRFetchModel(io.ComfyNode):
    """Fetches a network once, and loads it from disk from then on."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="RFRFetchModel",
            display_name="Fetch RFR Model (Hub)",
            category=CATEGORY,
            search_aliases=["download inpaint model", "hugging face", "hub"],
            description="Fetches a model from a Hub repository into models/rfr; later runs need no network.",
            inputs=[
                io.String.Input("repository", default="", placeholder="owner/name", tooltip="owner/name on the Hub."),
                io.String.Input("revision", default=MAIN, tooltip="Branch, tag or commit."),
                io.String.Input(
                    "file",
                    default=MODEL_NAME,
                    tooltip="The weights in the repository. model.safetensors is read with the config.json beside it.",
                ),
                io.Boolean.Input("update", default=False, tooltip="Ask the Hub in every run for a newer version."),
                io.Combo.Input(
                    "precision",
                    options=list(PRECISIONS),
                    default="auto",
                    tooltip="Number format to compute in.",
                    **ADVANCED,
                ),
            ],
            outputs=[RFRModel.Output("model", display_name="model", tooltip="For RFR Inpaint.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def fingerprint_inputs(cls, update: bool, **_: Any) -> str:
        return secrets.token_hex(8) if update else ""  # the Hub is to be asked again in every run

    @classmethod
    def execute(cls, repository: str, revision: str, file: str, update: bool, precision: str) -> io.NodeOutput:
        revision = revision.strip() or MAIN
        names = _names(repository, revision, file)
        folder = own_folder() / _folder_name(repository, revision)
        if update or not all((folder / name).is_file() for name in names):
            _fetch(repository, revision, names, folder, cls.hidden.unique_id)
        return io.NodeOutput(ManagedModel(load_network(checkpoint_of(folder / file)), precision))


def _names(repository: str, revision: str, file: str) -> list[str]:
    """The files to fetch, the small one first.

    Raises CheckpointError for anything but a repository's name and plain paths.
    """
    if not _REPOSITORY.fullmatch(repository) or ".." in repository:
        raise CheckpointError(f"{repository!r} is no repository's name; give owner/name, no path and no address.")
    if not _PATH.fullmatch(revision) or ".." in revision:
        raise CheckpointError(f"{revision!r} is no revision; give a branch, a tag or a commit such as {MAIN!r}.")
    if not _PATH.fullmatch(file) or ".." in file or not file.endswith(SUFFIX):
        raise CheckpointError(f"{file!r} is no file of a repository; give one that ends in {SUFFIX}.")
    path = PurePosixPath(file)
    return [str(path.with_name(CONFIG_NAME)), file] if path.name == MODEL_NAME else [file]


def _folder_name(repository: str, revision: str) -> str:
    """owner--name, and for another revision than main its name too; the Hub allows no "--" in names."""
    parts = repository.split("/") + ([] if revision == MAIN else revision.split("/"))
    return "--".join(parts)


def _fetch(repository: str, revision: str, names: list[str], folder: Path, node_id: str) -> None:
    """Download the files through the Hub's own client, and place them in the folder once all are there."""
    try:
        cached = download(repository, names, revision=revision, progress=_bar_of(node_id))
    except _Cancelled:
        model_management.throw_exception_if_processing_interrupted()
        raise  # not reached: the host's flag was seen to be set
    for source, name in zip(cached, names, strict=True):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as reader, appearing(target) as writer:
            shutil.copyfileobj(reader, writer)


class _Cancelled(BaseException):
    """The user pressed Cancel; not an Exception, so that the download's own error handling lets it pass."""


def _bar_of(node_id: str) -> type[tqdm]:
    """A progress bar class for the Hub's client that shows on the node."""

    class NodeBar(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs = {key: value for key, value in kwargs.items() if key != "name"} | {"file": StringIO()}
            super().__init__(*args, **kwargs)
            self._on_node = comfy.utils.ProgressBar(max(1, int(self.total or 1)), node_id=node_id)

        def update(self, n: float | None = 1) -> bool | None:
            if model_management.processing_interrupted():
                raise _Cancelled
            shown = super().update(n)
            self._on_node.update_absolute(int(self.n), max(1, int(self.total or 1)))
            return shown

    return NodeBar
