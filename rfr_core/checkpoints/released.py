"""The authors' released checkpoints: their names, and how they become ours."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import torch
from torch import Tensor

from rfr_core.checkpoints.state import assemble
from rfr_core.config import RFRConfig
from rfr_core.errors import CheckpointError
from rfr_core.network.rfr_net import RFRNet

_PREFIXES = {
    "Pconv1": "encoder.convs.0",
    "bn1": "encoder.norms.0",
    "Pconv2": "encoder.convs.1",
    "bn20": "encoder.norms.1",
    "Pconv21": "reasoning.area.convs.0",
    "Pconv22": "reasoning.area.convs.1",
    "bn2": "reasoning.area.norm",
    "RFRModule.att.att": "reasoning.reason.attention",
    "RFRModule.att.combiner": "reasoning.reason.attention.combiner",
    "RFRModule": "reasoning.reason",
    "Tconv": "decoder.ups.0.0",
    "bn3": "decoder.ups.0.1",
    "tail1": "decoder.tail",
    "tail2.conv1": "decoder.refine.reduce.0",
    "tail2.bn1": "decoder.refine.reduce.1",
    "tail2.conv2": "decoder.refine.reason.0",
    "tail2.bn2": "decoder.refine.reason.1",
    "tail2.conv3": "decoder.refine.expand.0",
    "tail2.bn3": "decoder.refine.expand.1",
    "out": "decoder.out",
}
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def our_name(released: str) -> str:
    """The name that a tensor of a released checkpoint has in :class:`RFRNet`; unknown names come back unchanged."""
    for prefix in sorted(_PREFIXES, key=len, reverse=True):
        if released.startswith(prefix + "."):
            return _PREFIXES[prefix] + released[len(prefix) :]
    return released


def read_released(path: str | Path) -> RFRNet:
    """Reads a released checkpoint (``{"n_iter", "generator", ...}`` or a bare state dictionary) into a network.

    The variant follows from the kernel sizes; a ``module.`` prefix is dropped. Nothing but tensors is unpickled.

    Raises:
        CheckpointError: the file is missing, is no such checkpoint, or holds wrong names, shapes or non-finite values.
    """
    state = {our_name(name.removeprefix("module.")): value for name, value in _generator(Path(path)).items()}
    kernel = state.get("reasoning.area.convs.0.weight")
    if kernel is None or kernel.ndim != 4:
        raise CheckpointError(f"{path} holds no RFR network: its tensor Pconv21.weight is missing or misshapen.")
    config = RFRConfig.small_hole() if kernel.shape[-1] == 5 else RFRConfig()
    return assemble(config, state, str(path))


def _generator(path: Path) -> dict[str, Tensor]:
    data = _load_tensors(path)
    if isinstance(data, dict) and isinstance(data.get("generator"), dict):
        data = data["generator"]
    if not isinstance(data, dict) or not data or not all(isinstance(name, str) for name in data):
        raise CheckpointError(f"{path} is no released checkpoint: it holds no 'generator' with named tensors.")
    for name, value in data.items():
        if not _is_plain(value):
            raise CheckpointError(f"{path} is no released checkpoint: its {name!r} is no ordinary tensor of numbers.")
    return data


def _is_plain(value: object) -> bool:
    """Whether a value has numbers in memory; torch also saves sparse and quantised tensors, and such without any."""
    if not isinstance(value, Tensor) or value.is_quantized or value.layout is not torch.strided:
        return False
    return value.device.type == "cpu" and (value.dtype in _FLOATS or not value.is_floating_point())


def _load_tensors(path: Path) -> object:
    if not path.is_file():
        raise CheckpointError(f"There is no file {path}; give the path of a released .pth file.")
    if _is_packed(path):
        raise CheckpointError(f"{path} is packed more tightly than torch packs its files; get the file anew.")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} was refused: it holds more than tensors, or is no torch checkpoint, and may run code if loaded."
        ) from error
    except Exception as error:  # damaged files make torch fail with errors of every class
        raise CheckpointError(f"{path} cannot be read as a torch checkpoint; it may be cut off or damaged.") from error


def _is_packed(path: Path) -> bool:
    """Whether a zip file would grow when unpacked: torch stores its entries as they are, a bomb does not."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(entry.file_size for entry in archive.infolist()) > path.stat().st_size
    except Exception:  # no zip file, or a damaged one
        return False
