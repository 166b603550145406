"""Other inpainting methods, each from a package of the ``compare`` extra, behind one signature.

A fill takes a picture (H, W, 3), uint8 RGB, and a hole (H, W), bool, True = fill, and returns the picture filled,
(H, W, 3) uint8; what it does to known pixels doesn't count. No package ships the weights of a learned inpainter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING

import numpy as np

from rfr_core.errors import ConfigError
from rfr_core.images.values import to_bytes

if TYPE_CHECKING:
    from rfr_core.training.evaluation.protocol import Fill

PeerFill = Callable[[np.ndarray, np.ndarray], np.ndarray]

_OPENCV, _OPENCV_CONTRIB = "opencv-python-headless", "opencv-contrib-python-headless"


@dataclass(frozen=True)
class Peer:
    """A method: ``title`` for tables, ``needs`` the object that must be importable, ``package`` what brings it."""

    title: str
    needs: str
    package: str
    fill: PeerFill
    slow: bool = False

    def is_available(self) -> bool:
        """Whether its package is installed and works here."""
        try:
            return bool(resolve_name(self.needs))
        except (ImportError, AttributeError):
            return False


def find_peer(name: str) -> Peer:
    """The peer of that name. Raises ConfigError: no such peer, or its package is missing."""
    if name not in PEERS:
        raise ConfigError(f"There is no peer {name!r}; choose among {', '.join(PEERS)}.")
    peer = PEERS[name]
    if not peer.is_available():
        raise ConfigError(f"{name} needs {peer.package}, which is not installed: pip install {peer.package}.")
    return peer


def tensor_fill(peer: Peer) -> Fill:
    """The peer as `rfr_core.training.evaluation.protocol.evaluate` takes it."""
    import torch

    def fill(image: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
        pixels = to_bytes(image[0]).permute(1, 2, 0).contiguous().numpy()  # (H, W, 3)
        filled = np.ascontiguousarray(peer.fill(pixels, hole[0, 0].numpy() > 0))
        return torch.from_numpy(filled).permute(2, 0, 1)[None].float() / 255

    return fill


def _telea(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.inpaint(image, hole.astype(np.uint8), 5, cv2.INPAINT_TELEA)


def _navier_stokes(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.inpaint(image, hole.astype(np.uint8), 5, cv2.INPAINT_NS)


def _xphoto(image: np.ndarray, hole: np.ndarray, algorithm: str, to_space: str, from_space: str) -> np.ndarray:
    """OpenCV's extra methods, which mark *known* pixels and want a colour space of their own."""
    import cv2

    known = np.where(hole, 0, 255).astype(np.uint8)
    result = np.zeros_like(image)
    converted = cv2.cvtColor(image, getattr(cv2, to_space))
    cv2.xphoto.inpaint(converted, known, result, getattr(cv2.xphoto, algorithm))
    return cv2.cvtColor(result, getattr(cv2, from_space))


def _fsr_fast(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    return _xphoto(image, hole, "INPAINT_FSR_FAST", "COLOR_RGB2BGR", "COLOR_BGR2RGB")


def _fsr_best(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    return _xphoto(image, hole, "INPAINT_FSR_BEST", "COLOR_RGB2BGR", "COLOR_BGR2RGB")


def _shift_map(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    return _xphoto(image, hole, "INPAINT_SHIFTMAP", "COLOR_RGB2Lab", "COLOR_Lab2RGB")


def _biharmonic(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    from skimage.restoration import inpaint_biharmonic

    return (inpaint_biharmonic(image, hole, channel_axis=2) * 255).round().clip(0, 255).astype(np.uint8)


def _patch_match(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    import patchmatch

    patchmatch.set_random_seed(0)
    return patchmatch.inpaint(image, hole, patch_size=3)  # the radius of its own examples; its default scores lower


PEERS = {
    "telea": Peer("Telea", "cv2.inpaint", _OPENCV, _telea),
    "ns": Peer("Navier-Stokes", "cv2.inpaint", _OPENCV, _navier_stokes),
    "fsr-fast": Peer("FSR fast", "cv2.xphoto.inpaint", _OPENCV_CONTRIB, _fsr_fast),
    "fsr-best": Peer("FSR best", "cv2.xphoto.inpaint", _OPENCV_CONTRIB, _fsr_best, slow=True),
    "shift-map": Peer("Shift map", "cv2.xphoto.inpaint", _OPENCV_CONTRIB, _shift_map),
    "biharmonic": Peer("Biharmonic", "skimage.restoration.inpaint_biharmonic", "scikit-image", _biharmonic),
    "patchmatch": Peer("PatchMatch", "patchmatch.patchmatch_available", "pypatchmatch", _patch_match),
}
