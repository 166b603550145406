"""PRVS (Li et al. 2019, "Progressive Reconstruction of Visual Structure for Image Inpainting"): a rival of Table 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.baselines.structured_network import StructuredFill, StructuredNetwork
from rfr_core.config import RFRConfig
from rfr_core.network.blocks import GROUPS, activation, norm
from rfr_core.network.partial_conv import PartialConv2d, masked
from rfr_core.ops.initialization import initialize

_FACTORS = (1, 2, 4, 8, 8, 8, 8, 8)  # channels of the eight layers that halve the size, in widths
_KERNELS = (7, 5, 5, 3, 3, 3, 3, 3)
_STRUCTURED = 2  # so many of the outermost layers, on either side, reconstruct edges first
_SLOPE = 0.2

Group = tuple[Tensor, Tensor]  # features (N, C, H, W), 0 where not known, and what is known (N, 1, H, W)


class _Structure(NamedTuple):
    """edges, known: (N, 1, H, W) in [0, 1], the edges as far as they have been reconstructed, 0 elsewhere.

    logits: (N, 1, H, W), of all that the last layer has seen.
    """

    edges: Tensor
    known: Tensor
    logits: Tensor | None = None

    def at(self, size: Sequence[int]) -> _Structure:
        """At half the size a pixel has an edge where one of its four has, and is known where all are."""
        edges = F.adaptive_max_pool2d(self.edges, tuple(size))
        return _Structure(edges, -F.adaptive_max_pool2d(-self.known, tuple(size)))


class PRVSNet(StructuredNetwork):
    """A U-Net of partial convolutions whose outer layers reconstruct edges before they do features.

    Each layer of the encoder fills the edges' hole as far as its window reaches, the decoder's what is left of it: as
    the paper has it. (In the authors' code the decoder takes its own mask, where all is known by then, for the edges',
    and adds none.) Of the configuration it takes ``width``, the channels of the first layer (64 as published), and
    ``norm``. Halving rounds up and nothing is padded, so pictures may have any size.
    """

    def __init__(self, config: RFRConfig) -> None:
        super().__init__()
        self.config = config
        kind, width = config.norm, config.width
        channels = [3, *(factor * width for factor in _FACTORS)]
        down: list[nn.Module] = []
        up: list[nn.Module] = []
        for number, kernel_size in enumerate(_KERNELS):
            before, after = channels[number : number + 2]
            layer = _StructureLayer if number < _STRUCTURED else _Layer
            down.append(layer(before, after, config, kernel_size, stride=2))
            # A layer of the decoder takes the features from below and those of its own size.
            last = number == 0
            back = width if last else before
            up.append(layer(after + before, back, config, 3, slope=_SLOPE, plain=last, doubles=not last))
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(reversed(up))
        self.deconv = nn.ConvTranspose2d(channels[-1], channels[-1], 4, 2, 1)
        self.resolve = _Bottleneck(width, kind)
        self.out = nn.Conv2d(2 * width, 3, 1)
        self.apply(initialize)

    def complete(
        self, image: Tensor, known: Tensor, edges: Tensor, recurrences: int | str | None = None
    ) -> StructuredFill:
        """See :class:`StructuredNetwork`; edges come at half and at full size."""
        structures = [_Structure(edges, known)]
        group, skips = (image, known), []
        for number, layer in enumerate(self.down):
            skips.append(group)
            if number < _STRUCTURED:
                group, structure = layer([group], structures[-1].at(group[0].shape[-2:]))
                structures.append(structure)
            else:
                group = layer([group])
        features, known = group
        group, logits = (self.deconv(features), F.interpolate(known, scale_factor=2.0)), []
        for layer, number in zip(self.up, reversed(range(len(self.up))), strict=True):
            skip = skips.pop()
            group = _cut(group, skip)
            if number < _STRUCTURED:
                group, structure = layer([group, skip], structures.pop())
                logits.append(structure.logits)
            else:
                group = layer([group, skip])
        features, _ = group
        picture = self.out(torch.cat([self.resolve(features), features], 1))
        return StructuredFill(picture, tuple(logits))


class _Layer(nn.Module):
    """A partial convolution, at times to twice the size by a transposed one, with norm and activation.

    plain: without both.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        config: RFRConfig,
        kernel_size: int,
        *,
        stride: int = 1,
        slope: float = 0.0,
        plain: bool = False,
        doubles: bool = False,
    ) -> None:
        super().__init__()
        self.conv = PartialConv2d(n_in, n_out, kernel_size, stride)
        self.deconv = nn.ConvTranspose2d(n_out, n_out, 4, 2, 1, bias=False) if doubles else None
        self.finish = nn.Identity() if plain else nn.Sequential(norm(config.norm, n_out), activation(slope))

    def forward(self, groups: Sequence[Group]) -> Group:
        coverage = self.conv.cover_groups([(known, features.shape[1]) for features, known in groups])
        features, known = self.conv.forward_groups([features for features, _ in groups], coverage), coverage.known
        if self.deconv is not None:
            features, known = self.deconv(masked(features, known)), F.interpolate(known, scale_factor=2.0)
        return masked(self.finish(features), known), known.to(features.dtype)


class _StructureLayer(nn.Module):
    """Reconstructs edges from features and known edges, then features from both."""

    def __init__(self, n_in: int, n_out: int, config: RFRConfig, kernel_size: int, **more: object) -> None:
        super().__init__()
        width = config.width
        self.see = PartialConv2d(n_in + 1, width, kernel_size)
        self.resolve = _Bottleneck(width, config.norm)
        self.edge = nn.Conv2d(width, 1, 1)
        self.layer = _Layer(n_in + 1, n_out, config, kernel_size, **more)  # pyright: ignore[reportArgumentType]

    def forward(self, groups: Sequence[Group], structure: _Structure) -> tuple[Group, _Structure]:
        seen = [*groups, (structure.edges, structure.known)]
        coverage = self.see.cover_groups([(known, features.shape[1]) for features, known in seen])
        logits = self.edge(self.resolve(self.see.forward_groups([features for features, _ in seen], coverage)))
        known = coverage.known.to(logits.dtype)
        edges = torch.where(structure.known > 0, structure.edges, masked(logits.sigmoid(), known))
        structure = _Structure(edges, known, logits)
        return self.layer([*groups, (edges, known)]), structure


class _Bottleneck(nn.Module):
    """A residual block whose middle has a quarter of the channels (He et al. 2016)."""

    def __init__(self, channels: int, kind: str) -> None:
        super().__init__()
        inner = max(GROUPS, channels // 4)
        self.layers = nn.Sequential(
            nn.Conv2d(channels, inner, 1, bias=False),
            *(norm(kind, inner), activation(0.0)),
            nn.Conv2d(inner, inner, 3, padding=1, bias=False),
            *(norm(kind, inner), activation(0.0)),
            nn.Conv2d(inner, channels, 1, bias=False),
            norm(kind, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.layers(x))


def _cut(group: Group, like: Group) -> Group:
    """Without the row and column that doubling made too many where halving had rounded up."""
    height, width = like[0].shape[-2:]
    features, known = group
    return features[..., :height, :width], known[..., :height, :width]
