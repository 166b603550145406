"""Writing checkpoints and model cards, to a folder or a Hub."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor

from rfr_core.checkpoints.loading import (
    CONFIG_NAME,
    METADATA_KEY,
    MODEL_NAME,
    check_repo_id,
    count_parameters,
    local_path,
    open_folder,
)
from rfr_core.checkpoints.released import read_released
from rfr_core.checkpoints.state import without_memory
from rfr_core.config import RFRConfig
from rfr_core.errors import CheckpointError
from rfr_core.files import appearing
from rfr_core.network.rfr_net import RFRNet
from rfr_core.texture.refinement import refinement_of

CARD_NAME = "README.md"


def save_pretrained(
    network: RFRNet, folder: str | Path, *, card: str | None = None, dtype: torch.dtype | None = None
) -> Path:
    """Writes a checkpoint that `load_network` reads, and returns its folder.

    The files appear by rename, the weights first. The weights' file also holds the configuration, so that it can
    stand alone, and so that a save which broke off between two files is noticed.

    Args:
        network: on any device.
        folder: made when there is none.
        card: text of the model card; ``None`` keeps the one that lies there, or writes `model_card`'s.
        dtype: number format of the weights, e.g. ``torch.float16``; ``None`` keeps each as it is.

    Raises:
        CheckpointError: the folder cannot be written to, or values are not finite in that format.
    """
    folder = local_path(folder)
    config = json.dumps(_config_to_save(network).to_dict(), indent=2) + "\n"
    weights = to_safetensors(_state_to_save(network, dtype), {"format": "pt", METADATA_KEY: config})
    files = {MODEL_NAME: weights, CONFIG_NAME: config.encode()}
    if card is not None or not (folder / CARD_NAME).exists():
        files[CARD_NAME] = (card or model_card(_config_to_save(network))).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            with appearing(folder / name) as file:
                file.write(content)
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be written to ({error.strerror}); choose another folder.") from error
    return folder


def convert_released(path: str | Path, folder: str | Path, *, dtype: torch.dtype | None = None) -> Path:
    """Turns one of the authors' files into a checkpoint whose card names the source, and returns its folder.

    Raises:
        CheckpointError: as `rfr_core.checkpoints.released.read_released` and `save_pretrained`.
    """
    network = read_released(path)
    origin = (
        f"Converted from `{Path(path).name}`, a checkpoint that the authors of the paper released at "
        "https://github.com/jingyuanli001/RFR-Inpainting under the MIT licence."
    )
    return save_pretrained(network, folder, card=model_card(network.config, origin, "mit"), dtype=dtype)


def push_to_hub(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    revision: str | None = None,
    message: str = "Upload checkpoint",
) -> str:
    """Uploads a checkpoint's folder to a Hub repository, made when there is none; returns the commit's address.

    Raises:
        CheckpointError: the folder holds no whole checkpoint, the name is none, or the Hub refuses or is not reached.
    """
    folder = local_path(folder)
    if not folder.is_dir():
        raise CheckpointError(f"There is no folder {folder}; give one that save_pretrained wrote.")
    open_folder(folder).load()
    check_repo_id(repo_id)
    from rfr_core.hub import upload

    names = (CONFIG_NAME, MODEL_NAME, CARD_NAME)
    return upload(folder, names, repo_id, private=private, revision=revision, message=message)


def model_card(config: RFRConfig, origin: str = "Trained with rfr-inpainting.", licence: str | None = None) -> str:
    """A model card for a network of this configuration.

    origin: a sentence on where the weights come from. licence: the Hub's name of theirs, such as ``"mit"``.
    """
    differing = {k: v for k, v in config.to_dict().items() if v != RFRConfig().to_dict()[k]}
    form = ", ".join(f"{name} = {value}" for name, value in differing.items()) or "as released by the authors"
    parameters = count_parameters(without_memory(config))
    header = "" if licence is None else f"license: {licence}\n"
    return f"""---
{header}library_name: rfr-inpainting
pipeline_tag: image-to-image
tags:
- inpainting
- rfr-net
---
# RFR-Net for image inpainting

{origin}

Network: Recurrent Feature Reasoning (Li et al., CVPR 2020), {parameters:,} parameters; {form}.

```python
from rfr_core import Inpainter

inpainter = Inpainter.from_pretrained("path/or/owner/name")
filled = inpainter(picture, hole)  # white in the hole is filled
```
"""


def _config_to_save(network: RFRNet) -> RFRConfig:
    """The configuration of what is saved: a network alone has no refinement, whatever its own says."""
    return network.config if refinement_of(network) else replace(network.config, refinement=0)


def _state_to_save(network: RFRNet, dtype: torch.dtype | None) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for name, tensor in network.state_dict().items():
        tensor = tensor.detach().cpu()
        if tensor.is_floating_point():
            tensor = tensor.to(dtype or tensor.dtype)
            if not bool(torch.isfinite(tensor).all()):
                raise CheckpointError(
                    f"The network isn't saved: {name} has values that are not finite in {tensor.dtype}."
                )
        state[name] = tensor.contiguous()
    return state
