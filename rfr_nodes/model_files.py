"""The model files that the host's folders hold, by the names that its menus show."""

# The host's own modules are there only inside it.
# pyright: reportMissingImports=false
from __future__ import annotations

from pathlib import Path

import folder_paths

from rfr_core.checkpoints.loading import BUNDLED, CONFIG_NAME, MODEL_NAME
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
    """What there is to load: the bundled model, then the files in the host's folders."""
    found = {name for folder in FOLDERS for name in folder_paths.get_filename_list(folder) if name.endswith(SUFFIX)}
    return [BUNDLED_NAME, *sorted(found)]


def model_source(name: str) -> str | Path:
    """What `rfr_core.checkpoints.loading.load_network` takes for a name of `model_names`.

    Raises CheckpointError: no folder of the host's holds such a file.
    """
    if name == BUNDLED_NAME:
        return BUNDLED
    # The host does not hold what it is sent against the menu's list; only a file that was found there is opened.
    paths = [folder_paths.get_full_path(folder, name) for folder in FOLDERS] if name in model_names() else []
    for path in filter(None, paths):
        return checkpoint_of(Path(path))
    raise CheckpointError(f"There is no model {name!r} in models/rfr or models/inpaint; reload the list of models.")


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
