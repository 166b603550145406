"""The residual form of RFR-Net's three parts: pixel shuffles, residual blocks and the interpolated picture.

What the paper calls area identification, recurrences with shared weights, knowledge consistent attention and adaptive
merging are those of :mod:`rfr_core.network.reasoning`. What differs from the published form:

- Nothing is normalised: averages over a hole's zeros say nothing of a picture, and each recurrence has others.
- The network is shown a full picture besides what is known: the pull-push interpolation, and what straight lines in
  eight directions make of the hole (:mod:`rfr_core.ops.line_interpolation`).
- These pictures are brought to the size of the feature map by a pixel unshuffle, and the decoder goes back by pixel
  shuffles. No convolution runs at the full size.
- The reasoning network sees, at every position, features of the interpolated picture beside those that the recurrences
  have carried there, so that no recurrence meets an empty hole.
- The decoder says, for every pixel, how the interpolated picture and those of the lines are to be blended, and what is
  to be added to the blend. Both begin at 0 in training.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.config import RFRConfig
from rfr_core.network.attention import build_attention
from rfr_core.network.partial_conv import PartialConv2d, cover, masked
from rfr_core.ops.box import Box
from rfr_core.ops.decoder_area import decoder_area
from rfr_core.ops.line_interpolation import interpolate_along_lines, lines_box
from rfr_core.ops.line_settings import DIRECTIONS, PULL_PUSH_TRUST
from rfr_core.ops.precision import wide
from rfr_core.ops.pyramid import pull_push

DILATIONS = (1, 2, 4, 8)  # of the blocks in the middle, one after another
RESIDUAL_SCALE = 0.1  # of a residual branch's last convolution at the start of training
_COLOURS, FILLS = 3, len(DIRECTIONS) + 1  # channels of a picture; fills that are blended
_COARSE, _FINE = 10, 10 + 4 * len(DIRECTIONS)  # channels of the network input for encoder and decoder
_TRUST_SCALE = 0.2


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions whose result is added to the input."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, h, w)."""
        return x + self.second(F.relu(self.first(x)))


@dataclass(frozen=True)
class NetworkInput:
    """What the network is shown of a batch of pictures, all float32.

    image: (N, 3, H, W), 0 where unknown. known: (N, 1, H, W). interpolated: (N, 3, H, W), by pull-push.
    fills: (N, F, 3, h, w), what lines in several directions make of the hole, and last ``interpolated``.
    trust: (N, F, h, w), logarithms of the weights that these have by themselves.
    box: what fills and trust are of; around it all is known. None = all.
    """

    image: Tensor
    known: Tensor
    interpolated: Tensor
    fills: Tensor
    trust: Tensor
    box: Box | None = None

    @cached_property
    def blended(self) -> Tensor:
        """The fills, weighed by their trust alone: (N, 3, H, W)."""
        blended = _blended(self.fills, self.trust)
        if self.box is None:
            return blended
        whole = self.image.clone()
        whole[(..., *self.box.slices)] = blended
        return whole

    def blend(self, logits: Tensor) -> Tensor:
        """The fills of all pixels, weighed by the softmax of ``logits`` (N, F, H, W): (N, 3, H, W)."""
        return _blended(self.fills, logits)

    def coarse(self) -> Tensor:
        """What the encoder sees: picture, interpolated and blended picture, and mask: (N, 10, H, W)."""
        pictures = [self.image - 0.5 * self.known, self.interpolated - 0.5, self.blended - self.interpolated]
        return torch.cat([*pictures, self.known], 1)

    def fine(self) -> Tensor:
        """What the decoder sees, of fills of all pixels: that, each line and its trust: (N, 10 + 4 (F - 1), H, W)."""
        lines = (self.fills[:, :-1] - self.interpolated.unsqueeze(1)).flatten(1, 2)
        return torch.cat([self.coarse(), lines, self.trust[:, :-1] * _TRUST_SCALE], 1)

    def within(self, part: Box | None) -> NetworkInput:
        """The same of a part of the pictures, None = all of them, with the fills of all its pixels."""
        if part is None and self.box is None:
            return self
        n, _, height, width = self.image.shape
        whole = Box(0, 0, height, width)
        part, box = part or whole, self.box or whole
        common = box.common(part)
        if common == part:
            source = (..., *part.within(box).slices)
            return self._cut(part, self.fills[source], self.trust[source])
        # As lines give them: all values of a pixel lie together.
        fills = self.image[(..., *part.slices)].permute(0, 2, 3, 1).unsqueeze(-2).repeat(1, 1, 1, FILLS, 1)
        trust = self.trust.new_zeros(n, part.height, part.width, FILLS)
        trust[..., -1] = PULL_PUSH_TRUST
        fills, trust = fills.permute(0, 3, 4, 1, 2), trust.permute(0, 3, 1, 2)
        if common is not None:
            place, source = (..., *common.within(part).slices), (..., *common.within(box).slices)
            fills[place], trust[place] = self.fills[source], self.trust[source]
        return self._cut(part, fills, trust)

    def _cut(self, part: Box, fills: Tensor, trust: Tensor) -> NetworkInput:
        image, known, interpolated = (x[(..., *part.slices)] for x in (self.image, self.known, self.interpolated))
        return NetworkInput(image, known, interpolated, fills, trust)


def _blended(fills: Tensor, logits: Tensor) -> Tensor:
    return (fills * logits.softmax(1).unsqueeze(2)).sum(1)


@torch.no_grad()
def network_input(image: Tensor, known: Tensor) -> NetworkInput:
    """The stack of pictures (N, 3, H, W), 0 where unknown, with their mask (N, 1, H, W)."""
    image, known = wide(image), wide(known)
    interpolated = pull_push(image, known)
    # A GPU would have to be waited for to know the box, and a graph has fixed shapes.
    box = lines_box(known) if known.device.type == "cpu" and not torch.compiler.is_compiling() else None
    place = (..., *box.slices) if box else (...,)
    lines = interpolate_along_lines(image[place], known[place], interpolated[place])
    fills = torch.cat([lines.colours, interpolated[place].unsqueeze(1)], 1)
    trust = torch.cat([lines.trust, torch.full_like(known[place], PULL_PUSH_TRUST)], 1)
    return NetworkInput(image, known, interpolated, fills, trust, box)


class ResidualEncoder(nn.Module):
    """Picture, interpolated picture and mask -> the features of what is known, and those of the whole picture."""

    def __init__(self, config: RFRConfig) -> None:
        super().__init__()
        self.scale = 2**config.downsamples
        self.head = nn.Conv2d(_COARSE * self.scale**2, 2 * config.width, 3, padding=1)
        self.block = ResidualBlock(config.width)

    def cover(self, known: Tensor) -> Tensor:
        """Mask (N, 1, H, W) -> what the features know, (N, 1, h, w): the positions that see any known pixel."""
        return cover([(known, 1)], 3 * self.scale, self.scale, self.scale).known

    def forward(self, stack: NetworkInput) -> tuple[Tensor, Tensor, Tensor]:
        """Features (N, C, h, w), 0 where unknown, their mask, and the guide (N, C, h, w), known everywhere."""
        reached = self.cover(stack.known)
        features, guide = _unshuffled(self.head, stack.coarse(), self.scale).chunk(2, 1)
        return masked(self.block(features), reached), reached, guide


class ResidualReasoning(nn.Module):
    """A U-Net of residual blocks at 1/1, 1/2 and 1/4 of the feature map, which adds to the features it is given."""

    multiple = 4  # of which the sides of a feature map are

    def __init__(self, config: RFRConfig) -> None:
        super().__init__()
        width = config.width
        c1, c2, _ = config.module_channels
        self.enc_0 = ResidualBlock(width)
        self.down_1 = nn.Conv2d(width, c1, 2, 2)
        self.enc_1 = ResidualBlock(c1)
        self.down_2 = nn.Conv2d(c1, c2, 2, 2)
        self.middle = nn.Sequential(*(ResidualBlock(c2, dilation) for dilation in DILATIONS))
        self.up_1 = nn.Conv2d(c2, 4 * c1, 1)
        self.attention = build_attention(config, c1)
        self.dec_1 = ResidualBlock(c1)
        self.up_0 = nn.Conv2d(c1, 4 * width, 1)
        self.dec_0 = ResidualBlock(width)

    def forward(self, features: Tensor, known: Tensor, memory: Any) -> tuple[Tensor, Any]:
        """Reasons over features (N, C, h, w), h and w multiples of 4, with ``known`` (N, 1, h, w) -> same shape."""
        at_full = self.enc_0(features)
        at_half = self.enc_1(self.down_1(at_full))
        x = self.middle(self.down_2(at_half))
        x = at_half + F.pixel_shuffle(self.up_1(F.relu(x)), 2)
        if self.attention is not None:
            attended, memory = self.attention(x, known, memory)
            x = x + attended
        x = self.dec_1(x)
        return self.dec_0(at_full + F.pixel_shuffle(self.up_0(F.relu(x)), 2)), memory


class ResidualDecoder(nn.Module):
    """Merged features and the network input -> the picture: a blend of its fills, and what is added to it."""

    def __init__(self, config: RFRConfig) -> None:
        super().__init__()
        self.scale = 2**config.downsamples
        width, tail = config.width, config.tail_width
        self.block = ResidualBlock(width)
        self.up = nn.Conv2d(width, tail * (self.scale // 2) ** 2, 1)
        self.head = nn.Conv2d(_FINE * 4, tail, 3, padding=1)
        self.tail = ResidualBlock(tail)
        self.out = nn.Conv2d(tail, (_COLOURS + FILLS) * 4, 3, padding=1)

    def forward(self, stack: NetworkInput, features: Tensor, box: Box | None = None) -> Tensor:
        """Network input and features (N, C, h, w) -> (N, 3, H, W) float32, or that of the pixels of a box."""
        if box is None:
            return self._decoded(stack.within(None), features)
        area = decoder_area(box, self.scale, *features.shape[-2:])
        part = area.enlarged(self.scale)
        decoded = self._decoded(stack.within(part), features[(..., *area.slices)])
        return decoded[(..., *box.within(part).slices)]

    def _decoded(self, stack: NetworkInput, features: Tensor) -> Tensor:
        x = F.pixel_shuffle(self.up(F.relu(self.block(features))), self.scale // 2)
        x = self.tail(x + _unshuffled(self.head, stack.fine(), 2))  # (N, tail, H/2, W/2)
        x = wide(F.pixel_shuffle(self.out(F.relu(x)), 2))
        added, logits = x.split((_COLOURS, FILLS), 1)
        return stack.blend(stack.trust + logits) + added


def _unshuffled(head: nn.Module, pictures: Tensor, scale: int) -> Tensor:
    """A convolution over squares of pixels that become channels."""
    weight = next(head.parameters(), pictures)
    pictures = F.pixel_unshuffle(pictures.to(weight.dtype), scale)
    return head(pictures.contiguous(memory_format=torch.channels_last))


def scale_branches(network: nn.Module) -> None:
    """Initial weights with which nothing grows from block to block and the output is 0."""
    for module in network.modules():
        if isinstance(module, ResidualBlock):
            module.second.weight.data.mul_(RESIDUAL_SCALE)
        elif isinstance(module, PartialConv2d):
            module.weight.data.mul_(RESIDUAL_SCALE)  # at the front its ratio is large
        elif isinstance(module, ResidualReasoning):
            for up in (module.up_0, module.up_1):
                up.weight.data.mul_(RESIDUAL_SCALE)
            if module.attention is not None:
                module.attention.combiner.weight.data.mul_(RESIDUAL_SCALE)
        elif isinstance(module, ResidualDecoder):
            nn.init.zeros_(module.out.weight)


RESIDUAL_PARTS = (ResidualBlock, ResidualEncoder, ResidualReasoning, ResidualDecoder)
