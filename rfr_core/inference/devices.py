"""Which device and number format to compute with."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch

from rfr_core.errors import DeviceError

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """The device to compute on: a name such as "cpu", "cuda", "cuda:1", "mps", or "auto", the fastest there is.

    Raises DeviceError: an unknown name, or a device that this machine or this build of PyTorch lacks.
    """
    if device == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device(name)
    try:
        found = torch.device(device)
        torch.empty(1, device=found)
    except Exception as error:  # each backend has its own way to say that it is absent
        raise DeviceError(
            f"device is {str(device)!r}, which this machine cannot use; expected {_devices()}."
        ) from error
    return found


def resolve_dtype(dtype: str | torch.dtype, device: torch.device) -> torch.dtype:
    """The number format to compute in: float32, float16, bfloat16, or "auto".

    "auto" is half precision where the device computes faster in it without a loss that shows: float16 on CUDA
    (bfloat16 would keep fewer digits of each colour), bfloat16 on CPUs with instructions for it, else float32.

    Raises DeviceError: another format.
    """
    if dtype == "auto":
        return _fastest_dtype(device.type)
    name = str(dtype).removeprefix("torch.")
    if name not in DTYPES:
        raise DeviceError(f"dtype is {str(dtype)!r}; expected 'auto', {', '.join(map(repr, DTYPES))}.")
    return DTYPES[name]


def to_device(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor of any shape on the device; a CUDA device copies it from the CPU's memory while the CPU goes on."""
    if device.type != "cuda" or tensor.device.type != "cpu":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def _devices() -> str:
    present = ["'auto'", "'cpu'"]
    if torch.cuda.is_available():
        present.append("'cuda'")
    if torch.backends.mps.is_available():
        present.append("'mps'")
    return " or ".join(present)


def _fastest_dtype(device_type: str) -> torch.dtype:
    if device_type == "cuda":
        return torch.float16
    if device_type == "cpu" and _cpu_has_bfloat16():
        return torch.bfloat16
    return torch.float32


@lru_cache(maxsize=1)
def _cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 matrices itself (AMX or AVX512-BF16); emulation is slower than float32."""
    if not torch.backends.mkldnn.is_available():
        return False
    cpu: Any = torch.cpu
    for probe in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        # Neither has a public name yet; a PyTorch without them computes in float32, which is always right.
        supported = getattr(cpu, probe, None)
        if supported is not None and supported():
            return True
    return False
