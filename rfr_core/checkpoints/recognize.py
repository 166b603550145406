"""What a ``.safetensors`` file is, told from its header alone."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open

from rfr_core.checkpoints.loading import CONFIG_NAME, METADATA_KEY, MODEL_NAME, read_config
from rfr_core.errors import CheckpointError

# Parts of tensor names that other inpainting networks can be told by.
_OTHERS = {"ffc.": "LaMa", "convl2l": "LaMa", "synthesis.": "MAT or MI-GAN", "diffusion_model.": "a diffusion model"}


def holds_network(path: Path) -> bool:
    """Whether a file says that it holds an RFR network: in its metadata, or in the configuration beside it.

    Whether it is whole and fits is left to `loading.open_checkpoint`.
    """
    config = path.with_name(CONFIG_NAME)
    try:
        if path.name == MODEL_NAME and config.is_file():
            return bool(read_config(config))
        with safe_open(path, framework="pt") as file:
            return METADATA_KEY in (file.metadata() or {})
    except (CheckpointError, SafetensorError, OSError):
        return False


def looks_like(path: Path) -> str | None:
    """The name of another kind of network that a file's tensors are known by."""
    try:
        with safe_open(path, framework="pt") as file:
            names = " ".join(file.keys())
    except (SafetensorError, OSError):
        return None
    return next((kind for part, kind in _OTHERS.items() if part in names), None)
