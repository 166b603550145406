"""The default fill of the bundled model without PyTorch: onnxruntime, NumPy, Pillow and safetensors are enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rfr_core.portable.portable_inpainter import PortableInpainter

__all__ = ["PortableInpainter"]


def __getattr__(name: str) -> Any:  # so that a command can ask for one module alone
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rfr_core.portable import portable_inpainter

    return getattr(portable_inpainter, name)
