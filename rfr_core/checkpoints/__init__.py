"""Networks on disk: loading, saving, and the authors' released files."""

from rfr_core.checkpoints.loading import (
    BUNDLED,
    CONFIG_NAME,
    MODEL_NAME,
    Checkpoint,
    convert_released,
    fetch_checkpoint,
    load_network,
    model_card,
    open_checkpoint,
    push_to_hub,
    read_safetensors,
    save_pretrained,
)
from rfr_core.checkpoints.released import read_released

__all__ = [
    "BUNDLED",
    "CONFIG_NAME",
    "MODEL_NAME",
    "Checkpoint",
    "convert_released",
    "fetch_checkpoint",
    "load_network",
    "model_card",
    "open_checkpoint",
    "push_to_hub",
    "read_released",
    "read_safetensors",
    "save_pretrained",
]
