"""Networks on disk: loading, saving, and the authors' released files."""

from rfr_core.checkpoints.loading import (
    BUNDLED,
    CONFIG_NAME,
    MODEL_NAME,
    Checkpoint,
    fetch_checkpoint,
    load_network,
    open_checkpoint,
    read_safetensors,
)
from rfr_core.checkpoints.released import read_released
from rfr_core.checkpoints.saving import convert_released, model_card, push_to_hub, save_pretrained

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
