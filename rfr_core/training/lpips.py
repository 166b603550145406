"""Perceptual distance: shift-tolerant LPIPS (Ghildyal and Liu, ECCV 2022) with the weights of ``stlpips-pytorch``.

LPIPS (Zhang et al. 2018) compares the features of a network trained to recognise things; here an AlexNet whose
strides are preceded by a blur. The package is read for its weights alone: importing it would need torchvision.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from rfr_core.errors import ConfigError

PACKAGE = "stlpips-pytorch"

_WEIGHTS = Path("weights", "vST0.0", "alex_shift_tolerant.pth")


def is_available() -> bool:
    """Whether the package with the weights is installed."""
    return find_spec("stlpips_pytorch") is not None


class ShiftTolerantLPIPS:
    """The metric with its weights, on the CPU. Raises ConfigError when the package is not installed."""

    def __init__(self) -> None:
        spec = find_spec("stlpips_pytorch")
        if spec is None or not spec.submodule_search_locations:
            raise ConfigError(f"LPIPS needs the weights of {PACKAGE}, which is not installed: pip install {PACKAGE}.")
        path = Path(spec.submodule_search_locations[0]) / _WEIGHTS
        self._weights: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)

    @torch.inference_mode()
    def __call__(self, results: Tensor, truth: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
        """Distance of each picture to the truth over the whole picture and inside the hole, (N,) each.

        results: (N, 3, H, W), truth: (1, 3, H, W), both in [0, 1]. hole: (1, 1, H, W), 1 = hole, over which the
        layers' distances are averaged after bilinear scaling to the picture. 0 for equal pictures, lower is better.
        """
        whole, inside = torch.zeros(len(results)), torch.zeros(len(results))
        layers = zip(self._features(results), self._features(truth), strict=True)
        for index, (ours, theirs) in enumerate(layers):
            squared = (F.normalize(ours, eps=1e-10) - F.normalize(theirs, eps=1e-10)).square()  # (N, C, h, w)
            distance = F.conv2d(squared, self._weights[f"lin{index}.model.1.weight"])  # (N, 1, h, w)
            whole += distance.mean((1, 2, 3))
            distance = F.interpolate(distance, hole.shape[-2:], mode="bilinear", align_corners=False)
            inside += (distance * hole).sum((1, 2, 3)) / hole.sum()
        return whole, inside

    def _features(self, pictures: Tensor) -> list[Tensor]:
        """The five rectified layers of the network for (N, 3, H, W) in [0, 1]."""
        shift, scale = self._weights["scaling_layer.shift"], self._weights["scaling_layer.scale"]
        x = (2 * pictures.float() - 1 - shift) / scale
        first = F.relu(self._blur(self._conv(x, "slice1.0", 2)))
        second = F.relu(self._conv(self._blur(F.max_pool2d(first, 3, 1)), "slice2.5", 2))
        third = F.relu(self._conv(self._blur(F.max_pool2d(second, 3, 1)), "slice3.9", 1))
        fourth = F.relu(self._conv(third, "slice4.11", 1))
        return [first, second, third, fourth, F.relu(self._conv(fourth, "slice5.13", 1))]

    def _conv(self, x: Tensor, name: str, padding: int) -> Tensor:
        return F.conv2d(x, self._weights[f"net.{name}.weight"], self._weights[f"net.{name}.bias"], padding=padding)

    @staticmethod
    def _blur(x: Tensor) -> Tensor:
        """Halves a map (N, C, H, W) after a 3x3 binomial blur."""
        line = torch.tensor([0.25, 0.5, 0.25])
        kernel = torch.outer(line, line).expand(x.shape[1], 1, 3, 3)
        return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, stride=2, groups=x.shape[1])
