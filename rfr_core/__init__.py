"""RFR-Net image inpainting.

What needs torch is imported when it is first asked for, so that ``rfr --help`` and the like answer at once.
"""

from typing import TYPE_CHECKING, Any

from rfr_core.config import RFRConfig
from rfr_core.errors import CheckpointError, ConfigError, DeviceError, HoleError, ImageError, RFRError
from rfr_core.lazy import lazily
from rfr_core.version import project_version

if TYPE_CHECKING:
    from rfr_core.checkpoints.loading import load_network
    from rfr_core.checkpoints.saving import push_to_hub, save_pretrained
    from rfr_core.fill.steps import InpaintStep
    from rfr_core.holes.masks import to_hole
    from rfr_core.images.picture_files import read_picture
    from rfr_core.inpainter import Inpainter
    from rfr_core.network.reasoning import RecurrentFeatureReasoning
    from rfr_core.network.rfr_net import RFRNet

    __version__: str

_MODULES = {
    "InpaintStep": "fill.steps",
    "Inpainter": "inpainter",
    "RFRNet": "network.rfr_net",
    "RecurrentFeatureReasoning": "network.reasoning",
    "load_network": "checkpoints.loading",
    "push_to_hub": "checkpoints.saving",
    "read_picture": "images.picture_files",
    "save_pretrained": "checkpoints.saving",
    "to_hole": "holes.masks",
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
    "__version__",
    "load_network",
    "push_to_hub",
    "read_picture",
    "save_pretrained",
    "to_hole",
]


_imported = lazily(__name__, _MODULES)


def __getattr__(name: str) -> Any:
    value = project_version() if name == "__version__" else _imported(name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
