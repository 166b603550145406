"""RFR-Net: encoder, recurrent feature reasoning, decoder (paper Sec. 3.3, Table 4, in the released form)."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rfr_core.config import RFRConfig
from rfr_core.network.attention_memory import AttentionMemory
from rfr_core.network.blocks import activation, conv, deconv, norm
from rfr_core.network.partial_conv import Coverage, PartialConv2d, masked
from rfr_core.network.pretrained import Pretrained
from rfr_core.network.reasoning import Recurrence, RecurrentFeatureReasoning, last
from rfr_core.network.residual_network import (
    NetworkInput,
    ResidualDecoder,
    ResidualEncoder,
    network_input,
    scale_branches,
)
from rfr_core.ops.box import Box
from rfr_core.ops.colour_match import match_colours
from rfr_core.ops.initialization import initialize
from rfr_core.ops.padding import pad_to
from rfr_core.ops.precision import wide
from rfr_core.ops.pyramid import pull_push

# Table 4 of the paper, layer by layer, beside the attribute of `RFRNet` that is it. Sizes are shares of the picture's.
# The released form differs where `config.RFRConfig` says so: the attention stands behind DeConv1, which has 512
# channels, Conv4 to Conv8 are dilated, and a bottleneck takes the place of Conv9 and Conv10.
#
# layer           input                           size        kernel  channels  norm  activation   attribute
# PartialConv0    masked picture                  1 -> 1/2    7       64        yes   ReLU         encoder.convs[0]
# PartialConv1    PartialConv0                    1/2         7       64        yes   ReLU         encoder.convs[1]
# RFR module      PartialConv1, six times:        1/2                 64                           reasoning, with
#   PartialConv2  PartialConv1, later DeConv3     1/2         7       64        no    none         area.convs[0]
#   PartialConv3  PartialConv2                    1/2         7       64        yes   ReLU         area.convs[1]
#   Conv1         PartialConv3                    1/2 -> 1/4  3       128       yes   ReLU         reason.enc_1
#   Conv2         Conv1                           1/4 -> 1/8  3       256       yes   ReLU         reason.enc_2
#   Conv3         Conv2                           1/8 -> 1/16 3       512       yes   ReLU         reason.enc_3
#   Conv4         Conv3                           1/16        3       512       yes   ReLU         reason.enc_4
#   Conv5         Conv4                           1/16        3       512       yes   ReLU         reason.enc_5
#   Conv6         Conv5                           1/16        3       512       yes   ReLU         reason.enc_6
#   Conv7         Conv6, Conv5                    1/16        3       512       yes   LeakyReLU    reason.dec_5
#   Conv8         Conv7, Conv4                    1/16        3       512       yes   LeakyReLU    reason.dec_4
#   KCA           Conv8                           1/16                512       no    none         reason.attention
#   DeConv1       KCA, Conv3                      1/16 -> 1/8 4       256       yes   LeakyReLU    reason.dec_3
#   DeConv2       DeConv1, Conv2                  1/8 -> 1/4  4       128       yes   LeakyReLU    reason.dec_2
#   DeConv3       DeConv2, Conv1                  1/4 -> 1/2  4       64        yes   LeakyReLU    reason.dec_1
#   Merge         all DeConv3                     1/2                 64        no    none         Recurrence.merged
# DeConv4         merged                          1/2 -> 1    4       64        yes   LeakyReLU    decoder.ups
# PartialConv4    masked picture, DeConv4         1           3       32        no    LeakyReLU    decoder.tail
# Conv9, Conv10   PartialConv4                    1           3       32        yes   LeakyReLU    decoder.refine
# Output_Conv     PartialConv4, Conv10            1           3       3         no    none         decoder.out


class Encoder(nn.Module):
    """Partial convolutions from the picture to the feature map that the recurrences work on."""

    def __init__(self, config: RFRConfig) -> None:
        super().__init__()
        width, kernel = config.width, config.kernel_size
        strides = [2] * config.downsamples if config.downsamples else [1]
        layers = [PartialConv2d(3, width, 7, strides[0])]
        layers += [PartialConv2d(width, width, kernel, stride) for stride in [*strides[1:], 1]]
        self.convs = nn.ModuleList(layers)
        self.norms = nn.ModuleList(norm(config.norm, width) for _ in layers)

    def cover(self, known: Tensor) -> Tensor:
        """Mask (N, 1, H, W) -> what the features will know, (N, 1, h, w)."""
        for layer in self.convs:
            assert isinstance(layer, PartialConv2d)
            known = layer.cover(known).known
        return known

    def forward(self, image: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """Picture (N, 3, H, W), 0 where unknown, and its mask (N, 1, H, W) -> features (N, C, h, w) and theirs."""
        features = image
        for layer, normalize in zip(self.convs, self.norms, strict=True):
            assert isinstance(layer, PartialConv2d)
            coverage = layer.cover(known)
            features = F.relu(normalize(layer(features, coverage)), inplace=True)
            known = coverage.known
            features = masked(features, known)  # a norm's shift is not knowledge
        return features, known


class Bottleneck(nn.Module):
    """The residual block of the released tail: 1x1, 3x3 and 1x1 convolutions, added to the input."""

    def __init__(self, channels: int, kind: str) -> None:
        super().__init__()
        inner = channels // 4
        self.reduce = conv(channels, inner, kind, kernel_size=1)
        self.reason = conv(inner, inner, kind)
        self.expand = nn.Sequential(nn.Conv2d(inner, channels, 1, bias=False), norm(kind, channels))

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        return F.relu(self.expand(self.reason(self.reduce(features))).add_(features), inplace=True)


class Decoder(nn.Module):
    """From the merged feature map back to a picture, with the known pixels at hand."""

    tail_channels = 32

    def __init__(self, config: RFRConfig) -> None:
        super().__init__()
        width, tail, kind = config.width, self.tail_channels, config.norm
        if config.downsamples:
            ups = [deconv(width, width, kind, config.decoder_slope) for _ in range(config.downsamples)]
        else:
            ups = [conv(width, width, kind, config.decoder_slope)]
        self.ups = nn.Sequential(*ups)
        self.tail = PartialConv2d(3 + width, tail, 3)
        self.tail_activation = activation(config.decoder_slope)
        if config.tail == "residual":
            self.refine: nn.Module = Bottleneck(tail, kind)
        else:
            self.refine = nn.Sequential(conv(tail, tail, kind, 0.2), conv(tail, tail, kind, 0.2))
        self.out = nn.Conv2d(2 * tail, 3, 3, padding=1, bias=False)

    def forward(self, image: Tensor, known: Tensor, features: Tensor, reached: Tensor) -> Tensor:
        """Decodes.

        Args:
            image: (N, 3, H, W), 0 where unknown, with ``known`` (N, 1, H, W).
            features: (N, C, h, w) merged, with ``reached`` (N, 1, h, w), what the last recurrence knew.

        Returns:
            The picture (N, 3, H, W), neither clamped nor composited.
        """
        features = self.ups(features)  # (N, C, H, W)
        reached = F.interpolate(reached, features.shape[-2:])
        coverage = self.tail.cover_groups([(known, 3), (reached, features.shape[1])])
        x = self.tail_activation(self.tail.forward_groups([image, masked(features, reached)], coverage))
        on_tail, on_refined = self.out.weight.split(self.tail_channels, 1)  # of (N, 32, H, W) each
        return F.conv2d(x, on_tail, padding=1).add_(F.conv2d(self.refine(x), on_refined, padding=1))


@dataclass(frozen=True)
class NetworkStep:
    """One recurrence of the network on one batch; decoding a picture is done only when asked for.

    index: 1 to ``total``; known: (N, 1, h, w) on the feature map, within the picture (padding excluded).
    memory: the attention's memory after this recurrence, over the padded map.
    """

    index: int
    total: int
    known: Tensor
    memory: Any
    _network: RFRNet = field(repr=False)
    _inputs: _Inputs | None = field(repr=False)
    _recurrence: Recurrence | None = field(repr=False)

    def without_features(self) -> NetworkStep:
        """The same with its mask and memory alone, which takes far less memory; it can no longer be decoded."""
        return replace(self, _inputs=None, _recurrence=None)

    def decode(self, *, matched: bool = True, box: Box | None = None) -> Tensor:
        """The network's picture by now: (N, 3, H, W), neither clamped nor composited.

        matched: whether its colours are matched to the known ones where the configuration says so. box: the pixels
        that are wanted, and that colours are matched to; left out, all.
        """
        inputs, network = self._inputs, self._network
        assert inputs is not None
        assert self._recurrence is not None
        merged, box = self._recurrence.merged, box or Box(0, 0, inputs.height, inputs.width)
        inside = (..., *box.slices)
        if isinstance(network.decoder, ResidualDecoder):
            assert inputs.stack is not None
            if (box.height, box.width) == (inputs.height, inputs.width):  # compiled code is made for no box
                decoded = network.decoder(inputs.stack, merged)[inside]
            else:
                decoded = network.decoder(inputs.stack, merged, box)
        else:
            decoded = network.decoder(inputs.image, inputs.known, merged, self._recurrence.known)[inside]
        if matched and network.config.colour_match:
            return match_colours(decoded, inputs.image[inside], inputs.known[inside])
        return decoded

    def decode_reached(self) -> Tensor:
        """As :meth:`decode`, with the interpolated picture where this recurrence has not come yet."""
        decoded, inputs = self.decode(), self._inputs
        assert inputs is not None
        assert self._recurrence is not None
        reached = F.interpolate(self._recurrence.known, inputs.image.shape[-2:])
        inside = (..., slice(inputs.height), slice(inputs.width))
        return torch.where(reached[inside] > 0, decoded, inputs.interpolated[inside].to(decoded.dtype))


@dataclass(frozen=True)
class _Inputs:
    image: Tensor  # (N, 3, H', W'), padded, 0 where unknown
    known: Tensor  # (N, 1, H', W'), padded
    height: int
    width: int
    stack: NetworkInput | None = None  # of the residual form alone

    @cached_property
    def interpolated(self) -> Tensor:
        """The picture with its colours extended smoothly into the hole: (N, 3, H', W') float32."""
        if self.stack is not None:
            return self.stack.interpolated
        return pull_push(wide(self.image), wide(self.known))


class RFRNet(Pretrained, nn.Module):
    """Recurrent Feature Reasoning for image inpainting (Li et al., CVPR 2020).

    The default configuration is the authors' released network, 31,224,065 parameters.
    """

    def __init__(self, config: RFRConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or RFRConfig()
        residual = config.blocks == "residual"
        self.encoder = ResidualEncoder(config) if residual else Encoder(config)
        self.reasoning = RecurrentFeatureReasoning.from_config(config)
        self.decoder = ResidualDecoder(config) if residual else Decoder(config)
        self.apply(initialize)
        if residual:
            scale_branches(self)

    def forward(
        self, image: Tensor, known: Tensor, recurrences: int | str | None = None, earlier: int | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Fills the unknown part of pictures.

        Args:
            image: (N, 3, H, W) in [0, 1], any H, W >= 1; multiplied by ``known`` here.
            known: (N, 1, H, W) in {0, 1}, 1 = known, 0 = fill. Pictures of a batch may differ in it.
            recurrences: 1-64; ``"auto"`` = at least the configured number, more until all is known; ``"early"`` = as
                many as it takes until all is known, which may be fewer; ``None`` = the configured number.
            earlier: an earlier recurrence whose picture is wanted as well; see :meth:`NetworkStep.decode_reached`.

        Returns:
            (N, 3, H, W), before compositing and not clamped; what it shows at known pixels is no exact copy. With
            ``earlier``, that recurrence's picture and the last one's.

        Raises:
            ConfigError: ``recurrences`` is out of range.
            ValueError: the shapes do not fit each other.
        """
        steps = self.steps(image, known, recurrences, keep_scores=False)
        if earlier is None:
            return last(steps).decode()
        before = next(step for step in steps if step.index == earlier).decode_reached()
        return before, last(steps).decode()

    def steps(
        self, image: Tensor, known: Tensor, recurrences: int | str | None = None, *, keep_scores: bool = True
    ) -> Generator[NetworkStep, None, None]:
        """As :meth:`forward`, one :class:`NetworkStep` per recurrence; stopping early leaves nothing behind.

        With ``keep_scores=False`` the attention overwrites its scores, and no :attr:`NetworkStep.memory` can tell them.
        """
        inputs = self._pad(image, known)
        scale = 2**self.config.downsamples
        rows, columns = -(-inputs.height // scale), -(-inputs.width // scale)
        for recurrence in self._recur(inputs, recurrences, keep_scores):
            if isinstance(recurrence.memory, AttentionMemory) and not keep_scores:
                recurrence = replace(recurrence, memory=recurrence.memory.without_scores())
            inside = recurrence.known[..., :rows, :columns]
            yield NetworkStep(recurrence.index, recurrence.total, inside, recurrence.memory, self, inputs, recurrence)
            del recurrence

    def _recur(self, inputs: _Inputs, recurrences: int | str | None, keep_scores: bool) -> Iterable[Recurrence]:
        # A function of its own, so that nothing holds on to the encoder's features while the recurrences run.
        if inputs.stack is not None:
            features, reached, guide = self.encoder(inputs.stack)
        else:
            (features, reached), guide = self.encoder(inputs.image, inputs.known), None
        plan_for = self.config.recurrences if recurrences is None else recurrences
        plan = self.reasoning.plan(reached, plan_for, at_least=self.config.recurrences)
        memory = AttentionMemory(keep_scores=keep_scores) if self.config.attention else None
        return self.reasoning._run(features, reached, plan, memory, guide)

    def plan(self, known: Tensor, recurrences: int | str | None = None) -> list[Tensor]:
        """What will be known after each recurrence, from the mask alone: a list of (N, 1, h, w) in {0, 1}."""
        known = pad_to(known.float(), self.config.multiple_of)
        known = self.encoder.cover(known)
        plan_for = self.config.recurrences if recurrences is None else recurrences
        coverages: list[list[Coverage]] = self.reasoning.plan(known, plan_for, self.config.recurrences)
        return [steps[-1].known for steps in coverages]

    def _pad(self, image: Tensor, known: Tensor) -> _Inputs:
        if image.ndim != 4 or image.shape[1] != 3 or min(image.shape) < 1:
            raise ValueError(f"image has shape {tuple(image.shape)}; it must be (N, 3, H, W).")
        n, _, height, width = image.shape
        if known.shape != (n, 1, height, width):
            raise ValueError(f"known has shape {tuple(known.shape)}; it must be {(n, 1, height, width)}.")
        known = known.to(image.dtype)
        multiple = self.config.multiple_of
        inputs = _Inputs(pad_to(torch.where(known > 0, image, 0), multiple), pad_to(known, multiple), height, width)
        if isinstance(self.encoder, ResidualEncoder):
            return replace(inputs, stack=network_input(inputs.image, inputs.known))
        return inputs
