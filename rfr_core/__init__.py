"""RFR-Net image inpainting."""

from rfr_core.config import RFRConfig
from rfr_core.errors import CheckpointError, ConfigError, DeviceError, HoleError, ImageError, RFRError
from rfr_core.inpainter import Inpainter, InpaintStep
from rfr_core.network import RFRNet
from rfr_core.reasoning import RecurrentFeatureReasoning

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
