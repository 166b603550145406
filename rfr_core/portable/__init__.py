"""The default fill of the bundled model without PyTorch: onnxruntime, NumPy, Pillow and safetensors are enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rfr_core.lazy import lazily

if TYPE_CHECKING:
    from rfr_core.portable.portable_inpainter import PortableInpainter

__all__ = ["PortableInpainter"]

__getattr__ = lazily(__name__, {"PortableInpainter": "portable_inpainter"})  # a command may ask for one module alone
