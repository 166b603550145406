"""What a report of a fault should say of the machine: versions, devices and number formats."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from rfr_core.version import project_version

# Those whose version explains most faults; what is not installed is left out.
PACKAGES = ("torch", "numpy", "pillow", "safetensors", "huggingface-hub", "typer", "gradio", "onnxruntime")


def system_facts() -> dict[str, str]:
    """Names and values, in the order in which they are shown; no names of people, machines or folders."""
    import torch

    from rfr_core.inference.devices import resolve_device, resolve_dtype

    device = resolve_device()
    return {
        "rfr-inpainting": project_version(),
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        **{name: found for name in PACKAGES if (found := _version(name))},
        "device": _device_name(device.type),
        "number format": str(resolve_dtype("auto", device)).removeprefix("torch."),
        "threads": str(torch.get_num_threads()),
        "cuda": torch.version.cuda or "not in this build of PyTorch",
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _device_name(kind: str) -> str:
    import torch

    return f"cuda ({torch.cuda.get_device_name()})" if kind == "cuda" else kind
