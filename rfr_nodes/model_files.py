"""The model files that the host's folders hold, by the names that its menus show."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import folder_paths

from rfr_core import RFRNet
from rfr_core.checkpoints.loading import BUNDLED, CONFIG_NAME, MODEL_NAME, load_network
from rfr_core.checkpoints.recognize import holds_network, looks_like
from rfr_core.errors import CheckpointError

BUNDLED_NAME = f"{BUNDLED} (bundled)"
FOLDERS = ("rfr", "inpaint")
SUFFIX = ".safetensors"


def register_folders() -> None:
    """Make `models/rfr` and `models/inpaint` known to the host, beside what its extra_model_paths.yaml names."""
    for name in FOLDERS:
        folder_paths.add_model_folder_path(name, str(Path(folder_paths.models_dir) / name))


def own_folder() -> Path:
    """The folder that fetched models are put into."""
    return Path(folder_paths.get_folder_paths(FOLDERS[0])[0])


def model_names() -> list[str]:
    """What there is to load: the bundled model, then the RFR checkpoints in the host's folders."""
    return [BUNDLED_NAME, *sorted(name for name, path in _files().items() if _is_ours(path))]


def load_model(name: str) -> RFRNet:
    """The network behind a name of `model_names`.

    Raises CheckpointError, which names the file as the menu does: no folder of the host's holds such a file, it is no
    RFR checkpoint, or it is damaged.
    """
    source = model_source(name)
    try:
        return load_network(source)
    except CheckpointError as error:
        raise CheckpointError(_without_path(str(error), source, name)) from error


def model_source(name: str) -> str | Path:
    """What `rfr_core.load_network` takes for a name of `model_names`. Raises CheckpointError as `load_model`."""
    if name == BUNDLED_NAME:
        return BUNDLED
    # The host does not hold what it is sent against the menu's list; only a file that was found there is opened.
    path = _files().get(name)
    if path is None:
        raise CheckpointError(f"There is no model {name!r} in models/rfr or models/inpaint; reload the list of models.")
    if not _is_ours(path):
        kind = looks_like(path)
        raise CheckpointError(
            f"{name!r} is not an RFR checkpoint{f' (it looks like {kind})' if kind else ''}; choose another model."
        )
    return checkpoint_of(path)


def _files() -> dict[str, Path]:
    """The weights in the host's folders, by name."""
    found: dict[str, Path] = {}
    for folder in FOLDERS:
        for name in folder_paths.get_filename_list(folder):
            path = folder_paths.get_full_path(folder, name) if name.endswith(SUFFIX) else None
            if path is not None:
                found.setdefault(name, Path(path))
    return found


def _is_ours(path: Path) -> bool:
    stat = path.stat()
    return _holds_network(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=1024)
def _holds_network(path: Path, _changed: int, _size: int) -> bool:
    return holds_network(path)


def _without_path(sentence: str, source: str | Path, name: str) -> str:
    """A sentence for the page, which need not know where the server keeps its files."""
    return sentence.replace(str(Path(source) / MODEL_NAME), name).replace(str(source), name)


def checkpoint_of(path: Path) -> Path:
    """The folder of a file that has its configuration beside it, else the file, which must hold it itself."""
    return path.parent if path.name == MODEL_NAME and (path.parent / CONFIG_NAME).is_file() else path


def model_fingerprint(name: str) -> str:
    """What changes when the file behind a name does: its size and time of change."""
    source = model_source(name)
    if isinstance(source, str):
        return source
    files = sorted(source.iterdir()) if source.is_dir() else [source]
    return " ".join(f"{file.name}:{file.stat().st_size}:{file.stat().st_mtime_ns}" for file in files)
