"""Perceptual distance: shift-tolerant LPIPS (Ghildyal and Liu, ECCV 2022) with the weights of ``stlpips-pytorch``.

LPIPS (Zhang et al. 2018) compares the features of a network trained to recognise things; here one whose strides are
preceded by a blur: an AlexNet, to judge by, or a VGG-16, to learn from, so that nothing is judged by what it learned
from. The package is read for its weights alone: importing it would need torchvision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from rfr_core.errors import ConfigError

PACKAGE = "stlpips-pytorch"

Trunk = Literal["alex", "vgg"]

_WEIGHTS = Path("weights", "vST0.0")
# The VGG's layers that are compared, each of these convolutions; a pooling stands before all but the first.
_VGG = {1: (0, 2), 2: (6, 8), 3: (12, 14, 16), 4: (20, 22, 24)}
_LEARNABLE = 1e-6  # added to a feature's squared length where the distance is learned from: no gradient without end


def is_available() -> bool:
    """Whether the package with the weights is installed."""
    return find_spec("stlpips_pytorch") is not None


class ShiftTolerantLPIPS:
    """The metric with its weights, on a device.

    trunk: "alex", or "vgg", of which the last of five layers is left out: it tells little of texture, at great cost.

    Raises ConfigError: the package is not installed.
    """

    def __init__(self, trunk: Trunk = "alex", device: torch.device | str = "cpu") -> None:
        spec = find_spec("stlpips_pytorch")
        if spec is None or not spec.submodule_search_locations:
            raise ConfigError(f"LPIPS needs the weights of {PACKAGE}, which is not installed: pip install {PACKAGE}.")
        path = Path(spec.submodule_search_locations[0]) / _WEIGHTS / f"{trunk}_shift_tolerant.pth"
        # Not loaded to the device: torch knows no "cpu:0", as which a process of several on a CPU has it.
        weights: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        self._weights = {name: weight.to(device) for name, weight in weights.items()}
        self._features = self._alex if trunk == "alex" else self._vgg

    @torch.inference_mode()
    def __call__(self, results: Tensor, truth: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
        """Distance of each picture to the truth over the whole picture and inside the hole, (N,) each.

        results: (N, 3, H, W), truth: (1, 3, H, W), both in [0, 1]. hole: (1, 1, H, W), 1 = hole, over which the
        layers' distances are averaged after bilinear scaling to the picture. 0 for equal pictures, lower is better.
        """
        whole, inside = torch.zeros(len(results)), torch.zeros(len(results))
        for distance in self._distances(results, truth, 1e-20):
            whole += distance.mean((1, 2, 3))
            distance = F.interpolate(distance, hole.shape[-2:], mode="bilinear", align_corners=False)
            inside += (distance * hole).sum((1, 2, 3)) / hole.sum()
        return whole, inside

    def distance(self, pictures: Tensor, truth: Tensor) -> Tensor:
        """Distance of each picture (N, 3, H, W) in [0, 1] to its truth, (N,), to learn from."""
        maps = self._distances(pictures, truth, _LEARNABLE)
        return torch.stack([distance.mean((1, 2, 3)) for distance in maps]).sum(0)

    def _distances(self, pictures: Tensor, truth: Tensor, least: float) -> Iterator[Tensor]:
        """Each layer's weighted square difference of features of length one: (N, 1, h, w)."""
        with torch.no_grad():
            expected = self._features(truth)
        for index, (ours, theirs) in enumerate(zip(self._features(pictures), expected, strict=True)):
            squared = (unit(ours, least) - unit(theirs, least)).square()  # (N, C, h, w)
            yield F.conv2d(squared, self._weights[f"lin{index}.model.1.weight"])

    def _alex(self, pictures: Tensor) -> list[Tensor]:
        """The five rectified layers of the AlexNet for (N, 3, H, W) in [0, 1]."""
        first = F.relu(_blur(self._conv(self._scaled(pictures), "slice1.0", 2)))
        second = F.relu(self._conv(_blur(F.max_pool2d(first, 3, 1)), "slice2.5", 2))
        third = F.relu(self._conv(_blur(F.max_pool2d(second, 3, 1)), "slice3.9", 1))
        fourth = F.relu(self._conv(third, "slice4.11", 1))
        return [first, second, third, fourth, F.relu(self._conv(fourth, "slice5.13", 1))]

    def _vgg(self, pictures: Tensor) -> list[Tensor]:
        """The first four of the VGG's rectified layers for (N, 3, H, W) in [0, 1]."""
        x, layers = self._scaled(pictures), []
        for number, convolutions in _VGG.items():
            x = _blur(F.max_pool2d(x, 2, 1)) if layers else x
            for convolution in convolutions:
                x = F.relu(self._conv(x, f"slice{number}.{convolution}", 1))
            layers.append(x)
        return layers

    def _scaled(self, pictures: Tensor) -> Tensor:
        shift, scale = self._weights["scaling_layer.shift"], self._weights["scaling_layer.scale"]
        return (2 * pictures.float() - 1 - shift) / scale

    def _conv(self, x: Tensor, name: str, padding: int) -> Tensor:
        return F.conv2d(x, self._weights[f"net.{name}.weight"], self._weights[f"net.{name}.bias"], padding=padding)


def unit(features: Tensor, least: float) -> Tensor:
    """Features (N, C, h, w) scaled to length one along C; ``least`` is added to their squared length."""
    features = features.float()
    return features * torch.rsqrt(features.square().sum(1, keepdim=True) + least)


def _blur(x: Tensor) -> Tensor:
    """Halves a map (N, C, H, W) after a 3x3 binomial blur, which is two of 2x2."""
    return F.avg_pool2d(F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), 2, 1), 2)
