"""RFR-Net image inpainting.

What needs torch is imported when it is first asked for, so that ``rfr --help`` and the like answer at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rfr_core.config import RFRConfig
from rfr_core.errors import CheckpointError, ConfigError, DeviceError, HoleError, ImageError, RFRError

if TYPE_CHECKING:
    from rfr_core.fill.steps import InpaintStep
    from rfr_core.inpainter import Inpainter
    from rfr_core.network.reasoning import RecurrentFeatureReasoning
    from rfr_core.network.rfr_net import RFRNet

_MODULES = {
    "InpaintStep": "fill.steps",
    "Inpainter": "inpainter",
    "RFRNet": "network.rfr_net",
    "RecurrentFeatureReasoning": "network.reasoning",
}

__all__ = [
    "CheckpointError",
    "ConfigError",
    "DeviceError",
    "HoleError",
    "ImageError",
    "InpaintStep",
    "Inpainter",
    "RFRConfig",
    "RFRError",
    "RFRNet",
    "RecurrentFeatureReasoning",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
