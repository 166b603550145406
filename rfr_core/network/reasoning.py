"""The plug-in module: identify area -> reason -> merge, over any feature map, one recurrence at a time."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from rfr_core.config import MAX_RECURRENCES, RFRConfig, check_recurrences
from rfr_core.network.attention import build_attention
from rfr_core.network.blocks import activation, conv, deconv, norm
from rfr_core.network.gated_conv import GatedConv2d
from rfr_core.network.learnable_attention_map import LearnableAttentionMap
from rfr_core.network.partial_conv import Coverage, PartialConv2d
from rfr_core.network.recompute import recomputed
from rfr_core.network.residual_network import ResidualReasoning
from rfr_core.ops.precision import wide


class Indexed(Protocol):
    """One of ``total`` steps, the first being 1."""

    @property
    def index(self) -> int: ...

    @property
    def total(self) -> int: ...


AnyStep = TypeVar("AnyStep", bound=Indexed)


@dataclass(frozen=True)
class Recurrence:
    """One recurrence of the module, as it stands when it is done.

    index: 1 to ``total``.
    total: how many recurrences there will be.
    features: (N, C, h, w), this recurrence's features, 0 where still unknown.
    known: (N, 1, h, w) float32 in {0, 1}, what is known by now.
    memory: what the reasoning network hands on; :class:`~rfr_core.network.attention_memory.AttentionMemory` in RFR-Net.
    """

    index: int
    total: int
    features: Tensor
    known: Tensor
    memory: Any
    _merge: str = field(repr=False)
    _total: Tensor = field(repr=False)  # (N, C, h, w), features of the encoder and all recurrences so far, summed
    _count: Tensor = field(repr=False)  # (N, 1, h, w), how many of them each position has

    @property
    def merged(self) -> Tensor:
        """(N, C, h, w), all recurrences so far merged (Eq. 3); computed when asked for."""
        if self._merge == "last":
            return self.features
        maps = self.index + 1
        if self._merge == "mean":
            return self._total / maps
        # Adding 1e-7 to the mean of the masks, as released, is adding maps * 1e-7 to their sum. Where nothing is known
        # the sum of features is 0, and a finite factor keeps it so in half precision.
        factor = torch.where(self._count > 0, 1 / (self._count + maps * 1e-7), 0)
        return self._total * factor.to(self._total.dtype)


AREAS: dict[str, type[PartialConv2d]] = {
    "partial": PartialConv2d,
    "gated": GatedConv2d,
    "learnable": LearnableAttentionMap,
}


class AreaIdentification(nn.Module):
    """Convolutions in a row that say which positions this recurrence infers (Sec. 3.1.1).

    area: ``"partial"`` convolutions (published), ``"gated"`` ones or ``"learnable"`` attention maps.
    """

    def __init__(
        self, channels: int, kernel_size: int, kind: str = "batch", slope: float = 0.01, area: str = "partial"
    ) -> None:
        super().__init__()
        self.convs = nn.ModuleList(AREAS[area](channels, channels, kernel_size) for _ in range(2))
        self.norm = norm(kind, channels)
        self.activation = activation(slope)

    def cover(self, known: Tensor) -> list[Coverage]:
        """Mask (N, 1, h, w) -> the coverage of each convolution, the last one's mask being the new one."""
        coverages: list[Coverage] = []
        attention = wide(known)
        for layer in self.convs:
            assert isinstance(layer, PartialConv2d)
            coverage = layer.cover(coverages[-1].known if coverages else known)
            if isinstance(layer, LearnableAttentionMap):
                ratio, attention = layer.attend(attention)
                coverage = coverage._replace(ratio=ratio)
            coverages.append(coverage)
        return coverages

    def forward(self, features: Tensor, coverages: Sequence[Coverage]) -> Tensor:
        """Features (N, C, h, w), 0 at unknown positions -> features of the same shape that reach one step further."""
        for layer, coverage in zip(self.convs, coverages, strict=True):
            features = layer(features, coverage)
        return self.activation(self.norm(features))


class FeatureReasoning(nn.Module):
    """The encoder-decoder that fills the identified area (Sec. 3.1.2; Table 4, lower half)."""

    multiple = 8  # of which the sides of a feature map are

    def __init__(self, config: RFRConfig) -> None:
        super().__init__()
        c1, c2, c3 = config.module_channels
        kind, dilation = config.norm, config.dilation
        d3, d2 = (c2, c1) if config.narrow_deconv else (c3, c2)
        self.enc_1 = conv(config.width, c1, kind, stride=2)
        self.enc_2 = conv(c1, c2, kind, stride=2)
        self.enc_3 = conv(c2, c3, kind, stride=2)
        self.enc_4 = conv(c3, c3, kind, dilation=dilation)
        self.enc_5 = conv(c3, c3, kind, dilation=dilation)
        self.enc_6 = conv(c3, c3, kind, dilation=dilation)
        self.dec_5 = conv(2 * c3, c3, kind, 0.2, dilation=dilation)
        self.dec_4 = conv(2 * c3, c3, kind, 0.2, dilation=dilation)
        self.dec_3 = deconv(2 * c3, d3, kind, 0.2)
        self.dec_2 = deconv(d3 + c2, d2, kind, 0.2)
        self.dec_1 = deconv(d2 + c1, config.width, kind, 0.2)
        self.attention_first = config.attention_scale == 16
        self.attention = build_attention(config, c3 if self.attention_first else d3)

    def forward(self, features: Tensor, known: Tensor, memory: Any) -> tuple[Tensor, Any]:
        """Reasons over features (N, C, h, w), h and w multiples of 8, with ``known`` (N, 1, h, w) -> same shape."""
        # (N, c1, h/2, w/2), (N, c2, h/4, w/4), (N, c3, h/8, w/8), and two more of that size. Each is let go as soon as
        # it has been used: at large sizes they are what fills the memory.
        skips, x = [], features
        for layer in (self.enc_1, self.enc_2, self.enc_3, self.enc_4, self.enc_5):
            x = layer(x)
            skips.append(x)
        x = self.enc_6(x)
        x = torch.cat([x, skips.pop()], 1)
        x = self.dec_5(x)
        x = torch.cat([x, skips.pop()], 1)
        x = self.dec_4(x)
        if self.attention is not None and self.attention_first:
            x, memory = self.attention(x, known, memory)
        x = torch.cat([x, skips.pop()], 1)
        x = self.dec_3(x)  # (N, d3, h/4, w/4)
        if self.attention is not None and not self.attention_first:
            x, memory = self.attention(x, known, memory)
        x = torch.cat([x, skips.pop()], 1)
        x = self.dec_2(x)  # (N, d2, h/2, w/2)
        x = torch.cat([x, skips.pop()], 1)
        return self.dec_1(x), memory  # (N, C, h, w)


class RecurrentFeatureReasoning(nn.Module):
    """Fills a feature map from its known part inwards, with shared weights and any number of recurrences.

    Args:
        area: what identifies the area of a recurrence, e.g. :class:`AreaIdentification`.
        reason: called as ``reason(features, known, memory)``, returns features of the same shape and a memory, which
            is passed to it in the next recurrence (``None`` in the first; it may always return ``None``). Where it has
            an attribute ``multiple``, the sides of features must be multiples of that.
        merge: ``"adaptive"`` (Eq. 3), ``"mean"`` or ``"last"``.

    Attributes:
        recompute: whether each recurrence is computed again for its gradient instead of being kept in memory until
            then; the same gradients in less memory and more time. Off at first.
    """

    def __init__(self, area: AreaIdentification, reason: nn.Module, merge: str = "adaptive") -> None:
        super().__init__()
        self.area = area
        self.reason = reason
        self.merge = merge
        self.recompute = False

    @classmethod
    def from_config(cls, config: RFRConfig) -> RecurrentFeatureReasoning:
        """The module of RFR-Net, for a feature map of ``config.width`` channels.

        Its sides have to be multiples of 8, with residual blocks of 4.
        """
        kind = "none" if config.blocks == "residual" else config.norm
        area = AreaIdentification(config.width, config.kernel_size, kind, config.area_slope, config.area)
        reason = ResidualReasoning(config) if config.blocks == "residual" else FeatureReasoning(config)
        return cls(area, reason, config.merge)

    def forward(self, features: Tensor, known: Tensor, recurrences: int | str = "auto") -> Recurrence:
        """Runs all recurrences and returns the last; arguments as for :meth:`recur`."""
        return last(self.recur(features, known, recurrences))

    def recur(
        self, features: Tensor, known: Tensor, recurrences: int | str = "auto"
    ) -> Generator[Recurrence, None, None]:
        """Runs one recurrence after another, yielding each as it is done.

        Args:
            features: (N, C, h, w).
            known: (N, 1, h, w) in {0, 1}, 1 = known.
            recurrences: 1-64, or ``"auto"`` or ``"early"``: until every position is known.

        Raises:
            ConfigError: ``recurrences`` is neither.
            ValueError: the shapes do not fit each other or the module.
        """
        self._check(features, known)
        return self._run(features * known.to(features.dtype), known, self.plan(known, recurrences))

    def _check(self, features: Tensor, known: Tensor) -> None:
        channels = self.area.convs[0].in_channels
        if features.ndim != 4 or features.shape[1] != channels:
            raise ValueError(f"features has shape {tuple(features.shape)}; it must be (N, {channels}, h, w).")
        n, _, height, width = features.shape
        if known.shape != (n, 1, height, width):
            raise ValueError(f"known has shape {tuple(known.shape)}; it must be {(n, 1, height, width)}.")
        multiple = getattr(self.reason, "multiple", 1)
        if height % multiple or width % multiple:
            raise ValueError(f"features is {height} × {width}; both sides must be multiples of {multiple}: pad it.")

    def plan(self, known: Tensor, recurrences: int | str = "auto", at_least: int = 1) -> list[list[Coverage]]:
        """The masks of all recurrences to come, which depend on ``known`` (N, 1, h, w) alone.

        ``"early"`` stops when all is known, ``"auto"`` not before ``at_least`` recurrences, both never after 64.
        """
        check_recurrences(recurrences)
        if isinstance(recurrences, int):
            least = most = recurrences
        else:
            least, most = at_least if recurrences == "auto" else 1, MAX_RECURRENCES
        coverages: list[list[Coverage]] = []
        while len(coverages) < most:
            if len(coverages) >= least:
                latest = coverages[-1][-1].known
                stuck = not bool(latest.any())  # nothing known at all: no recurrence changes that
                if stuck or bool(latest.all()):
                    break
            coverages.append(self.area.cover(coverages[-1][-1].known if coverages else known))
        return coverages

    def _run(
        self,
        features: Tensor,
        known: Tensor,
        plan: Sequence[Sequence[Coverage]],
        memory: Any = None,
        guide: Tensor | None = None,
    ) -> Generator[Recurrence, None, None]:
        """As :meth:`recur` for features that are 0 where unknown, with the plan and the first memory at hand.

        guide: (N, C, h, w), features of the whole picture, which the reasoning network is shown besides. With it, each
        recurrence adds to the features of the one before.
        """
        total, count = features, wide(known)
        for index, coverages in enumerate(plan, 1):
            known = coverages[-1].known
            identified = self._call(self.area, features, coverages)
            features = identified if guide is None else features + identified + guide
            features, memory = self._call(self.reason, features, known, memory)
            features = features * known.to(features.dtype)
            total, count = total + features, count + known
            yield Recurrence(index, len(plan), features, known, memory, self.merge, total, count)

    def _call(self, module: nn.Module, *arguments: object) -> Any:
        return recomputed(module, *arguments) if self.recompute and torch.is_grad_enabled() else module(*arguments)


def last(steps: Generator[AnyStep, None, None]) -> AnyStep:
    """The last of ``steps``, each of the others let go before the next is computed."""
    step = next(steps)
    while step.index < step.total:
        del step
        step = next(steps)
    steps.close()
    return step
