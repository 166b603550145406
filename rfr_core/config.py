"""Hyper-parameters of an RFR network, one-to-one with a checkpoint's ``config.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from rfr_core.errors import ConfigError

MAX_RECURRENCES = 64

_CHOICES: dict[str, tuple[object, ...]] = {
    "kernel_size": (3, 5, 7, 9),
    "downsamples": (0, 1, 2, 3),
    "dilation": (1, 2),
    "norm": ("batch", "group"),
    "blocks": ("plain", "residual"),
    "area": ("partial", "gated", "learnable"),
    "attention": ("kca", "contextual", None),
    "attention_scale": (4, 8, 16),
    "attention_query": ("raw", "normalized"),
    "attention_values": ("normalized", "raw"),
    "attention_smoothing": ("sum", "mean"),
    "merge": ("adaptive", "mean", "last"),
    "tail": ("residual", "plain"),
}
_RANGES: dict[str, tuple[int, int]] = {"width": (8, 512), "recurrences": (1, MAX_RECURRENCES), "tail_width": (8, 512)}
_MAX_REFINEMENT = 512
_SHARES = ("area_slope", "decoder_slope", "attention_lambda")
_LEARNABLE = ("attention_lambda",)  # where left out
_SWITCHES = ("narrow_deconv", "colour_match", "detail")


@dataclass(frozen=True)
class RFRConfig:
    """What builds an :class:`~rfr_core.network.rfr_net.RFRNet`; the defaults are the authors' released form.

    Where the paper (Table 4, Eq. 4-8) says otherwise the choice has a name here; :meth:`paper` takes all of them.

    Attributes:
        width: channels of the feature map that the recurrences work on (64 in the paper), a multiple of 8, 8-512.
        channels: channels of the reasoning network at its three scales; ``None`` is (2, 4, 8) x ``width``.
        kernel_size: kernel of the area identification and of the last encoder layer; 5 is the small-hole variant.
        downsamples: halvings of the picture before the recurrences, 0-3 (Table 5).
        recurrences: recurrences that the network is trained with, 1-64.
        dilation: dilation of the innermost convolutions (2 released, 1 paper).
        norm: ``"batch"`` as published, or ``"group"``, which does not depend on the recurrence or the batch.
        area: how the area of a recurrence is identified: ``"partial"`` convolution (published), ``"gated"`` convolution
            or ``"learnable"`` attention maps (both named in the supplement).
        attention: ``"kca"``, ``"contextual"`` (Yu et al. 2018) or ``None``.
        attention_scale: 8 = after the first deconvolution (released), 16 = before it (paper); relative to ``width``'s
            map halved once. 4, which ``"residual"`` blocks alone have, is that map halved once.
        attention_query: ``"raw"`` (released) or ``"normalized"`` (Eq. 4).
        attention_values: ``"normalized"`` (released) or ``"raw"`` (Eq. 8).
        attention_smoothing: whether the scores around a position are added up, ``"sum"`` (released), or averaged,
            ``"mean"`` (Eq. 5), which divides them by 9.
        attention_lambda: lambda of Eq. 6, the share of the current scores, fixed to a number from 0 to 1; ``None`` = it
            is learned (published).
        narrow_deconv: whether the deconvolutions halve their channels as in Table 4.
        merge: ``"adaptive"`` (Eq. 3), ``"mean"`` or ``"last"`` (Fig. 9).
        area_slope: negative slope after the area identification (0.01 released, 0 paper).
        decoder_slope: negative slope after the last deconvolution (0.01 released, 0.2 paper).
        tail: ``"residual"`` bottleneck (released) or two ``"plain"`` convolutions (Table 4).
        colour_match: whether the output is matched to the known colours around the hole, in training as at run time
            (see :mod:`rfr_core.ops.colour_match`; neither released nor in the paper).
        detail: whether a finished fill gets the texture of its surroundings, if nothing else is asked for (see
            :mod:`rfr_core.texture.exemplar`; neither released nor in the paper).
        refinement: channels of the network that refines a fill with detail, a multiple of 8 up to 512; 0 = there is
            none (see :mod:`rfr_core.texture.refinement`; neither released nor in the paper).
        blocks: ``"plain"`` (published), or ``"residual"``: no normalisation, pixel shuffles, and an output that blends
            interpolations of the picture and adds to the blend (see :mod:`rfr_core.network.residual_network`; neither
            released nor in the paper). It wants ``downsamples`` from 1 on and ``attention_scale`` 4, takes two of
            ``channels``, and leaves ``norm``, ``dilation``, ``narrow_deconv``, ``decoder_slope`` and ``tail`` unused.
        tail_width: channels of the decoder of ``"residual"`` blocks at half the picture's size, a multiple of 8, 8-512.

    Raises:
        ConfigError: a value is out of its range; the message names it.
    """

    width: int = 64
    channels: tuple[int, int, int] | None = None
    kernel_size: int = 7
    downsamples: int = 1
    recurrences: int = 6
    dilation: int = 2
    norm: Literal["batch", "group"] = "batch"
    area: Literal["partial", "gated", "learnable"] = "partial"
    attention: Literal["kca", "contextual"] | None = "kca"
    attention_scale: Literal[4, 8, 16] = 8
    attention_query: Literal["raw", "normalized"] = "raw"
    attention_values: Literal["normalized", "raw"] = "normalized"
    attention_smoothing: Literal["sum", "mean"] = "sum"
    attention_lambda: float | None = None
    narrow_deconv: bool = False
    merge: Literal["adaptive", "mean", "last"] = "adaptive"
    area_slope: float = 0.01
    decoder_slope: float = 0.01
    tail: Literal["residual", "plain"] = "residual"
    colour_match: bool = False
    detail: bool = False
    refinement: int = 0
    blocks: Literal["plain", "residual"] = "plain"
    tail_width: int = 32

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            value = getattr(self, name)
            if not any(value == choice and type(value) is type(choice) for choice in allowed):
                raise ConfigError(f"{name} is {value!r}; it must be one of {', '.join(map(repr, allowed))}.")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise ConfigError(f"{name} is {value!r}; it must be a whole number from {low} to {high}.")
        for name in _SHARES:
            value = getattr(self, name)
            if not _is_share(value, learnable=name in _LEARNABLE):
                raise ConfigError(f"{name} is {value!r}; it must be a number from 0 to 1.")
        for name in _SWITCHES:
            if type(getattr(self, name)) is not bool:
                raise ConfigError(f"{name} is {getattr(self, name)!r}; it must be true or false.")
        for name in ("width", "tail_width"):
            if getattr(self, name) % 8:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be a multiple of 8.")
        if type(self.refinement) is not int or self.refinement % 8 or not 0 <= self.refinement <= _MAX_REFINEMENT:
            raise ConfigError(
                f"refinement is {self.refinement!r}; it must be a multiple of 8 up to {_MAX_REFINEMENT}, or 0."
            )
        self._check_channels()
        self._check_blocks()

    def _check_blocks(self) -> None:
        residual = self.blocks == "residual"
        if residual and not self.downsamples:
            raise ConfigError("downsamples is 0; residual blocks need at least 1.")
        if self.attention is not None and (self.attention_scale == 4) != residual:
            raise ConfigError(
                f"attention_scale is {self.attention_scale} and blocks {self.blocks!r}; residual blocks take 4, plain "
                "ones 8 or 16."
            )

    def _check_channels(self) -> None:
        if self.channels is None:
            return
        if not isinstance(self.channels, (list, tuple)) or len(self.channels) != 3:
            raise ConfigError(f"channels is {self.channels!r}; it must be three whole numbers, or left out.")
        if any(type(c) is not int or c % 8 or not 8 <= c <= 4096 for c in self.channels):
            raise ConfigError(f"channels is {self.channels!r}; each must be a multiple of 8 from 8 to 4096.")
        object.__setattr__(self, "channels", tuple(self.channels))

    @classmethod
    def paper(cls, **overrides: Any) -> RFRConfig:
        """The form of the paper's Table 4 and Eq. 4-8; keyword arguments replace single values."""
        form: dict[str, Any] = {
            "dilation": 1,
            "attention_scale": 16,
            "attention_query": "normalized",
            "attention_values": "raw",
            "attention_smoothing": "mean",
            "narrow_deconv": True,
            "area_slope": 0.0,
            "decoder_slope": 0.2,
            "tail": "plain",
        }
        return cls(**(form | overrides))

    @classmethod
    def small_hole(cls) -> RFRConfig:
        """The authors' small-hole variant: 5x5 kernels in the area identification."""
        return cls(kernel_size=5)

    @property
    def module_channels(self) -> tuple[int, int, int]:
        """Channels of the reasoning network at 1/2, 1/4 and 1/8 of the feature map."""
        return self.channels or (2 * self.width, 4 * self.width, 8 * self.width)

    @property
    def multiple_of(self) -> int:
        """Pictures are padded inside the network to a multiple of this many pixels."""
        return 2**self.downsamples * 8

    def to_dict(self) -> dict[str, Any]:
        """The configuration as JSON can hold it."""
        data = asdict(self)
        return data | {"channels": list(self.channels) if self.channels else None}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RFRConfig:
        """Builds a configuration from :meth:`to_dict`'s form.

        Raises:
            ConfigError: a name is unknown or a value is out of range.
        """
        if not isinstance(data, Mapping):
            raise ConfigError(f"A configuration must be a table of names and values, not {type(data).__name__}.")
        unknown = sorted(set(data) - {f.name for f in fields(cls)})
        if unknown:
            raise ConfigError(f"Unknown configuration name {unknown[0]!r}; this version of rfr_core doesn't know it.")
        return cls(**data)


def check_recurrences(recurrences: object) -> None:
    """Raises ConfigError unless ``recurrences`` is ``"auto"``, ``"early"`` or a whole number from 1 to 64."""
    if recurrences in ("auto", "early"):
        return
    if type(recurrences) is not int or not 1 <= recurrences <= MAX_RECURRENCES:
        raise ConfigError(
            f"Recurrences is {recurrences!r}; it must be 'auto', 'early' or a whole number from 1 to {MAX_RECURRENCES}."
        )


def _is_share(value: Any, learnable: bool) -> bool:
    if value is None:
        return learnable
    return type(value) in (int, float) and 0 <= value <= 1
