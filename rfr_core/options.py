"""How a mask is read and a hole filled, checked before anything is.

Nothing here needs torch, so that bad settings are told of at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal, get_args

from rfr_core.config import check_recurrences
from rfr_core.errors import ConfigError, HoleError

Channel = Literal["auto", "alpha", "red", "green", "blue", "luminance"]

Wrap = Literal["none", "x", "y", "xy"]

Detail = Literal["auto", "texture", "exact", "off"]

MAX_CONTEXT = 16
MAX_REACH = 1000  # pixels that a hole is grown, shrunk or feathered by


@dataclass(frozen=True)
class Options:
    """What `Inpainter` is told beside picture and mask; see `Inpainter.__call__` for each.

    Raises ConfigError or HoleError: an option of another type or out of range.
    """

    recurrences: int | str = "auto"
    context: float = 1.0
    detail: Detail | bool = "auto"
    grow: int = 0
    feather: int = 0
    threshold: float = 0.5
    invert: bool = False
    channel: Channel = "auto"
    resize: bool = False
    wrap: Wrap = "none"
    fill_gaps: bool = False

    def __post_init__(self) -> None:
        numbers = {"context": Real, "threshold": Real, "grow": Integral, "feather": Integral}
        for name, kind in numbers.items():
            if not isinstance(getattr(self, name), kind):
                what = "whole number" if kind is Integral else "number"
                raise ConfigError(f"{name.capitalize()} is {getattr(self, name)!r}; it must be a {what}.")
        check_recurrences(self.recurrences)
        if not 0 <= self.context <= MAX_CONTEXT:
            raise ConfigError(f"Context is {self.context!r}; it must be a number from 0 to {MAX_CONTEXT}.")
        object.__setattr__(self, "detail", to_detail(self.detail))
        if abs(self.grow) > MAX_REACH:
            raise HoleError(f"Grow is {self.grow}; it must be a whole number from {-MAX_REACH} to {MAX_REACH}.")
        if not 0 <= self.feather <= MAX_REACH:
            raise HoleError(f"Feather is {self.feather}; it must be a whole number from 0 to {MAX_REACH}.")
        if self.wrap not in get_args(Wrap):
            raise ConfigError(f"Wrap is {self.wrap!r}; expected one of {', '.join(get_args(Wrap))}.")
        check_reading(self.channel, self.threshold)


def to_detail(detail: object) -> Detail:
    """What detail is asked for; True stands for "texture" and False for "off". Raises ConfigError."""
    if isinstance(detail, bool):
        return "texture" if detail else "off"
    if detail not in get_args(Detail):
        raise ConfigError(f"Detail is {detail!r}; expected one of {', '.join(get_args(Detail))}.")
    return detail  # type: ignore[return-value]


def check_without_mask(invert: bool, resize: bool) -> None:
    """Raises HoleError for settings that are about a mask where none is given."""
    if invert or resize:
        raise HoleError("Invert and resize are about a mask, and none is given; give one or leave them out.")


def check_reading(channel: str, threshold: float) -> None:
    """Raises HoleError unless a mask can be read by that channel, from that value in (0, 1] on."""
    if channel not in get_args(Channel):
        raise HoleError(f"Channel is {channel!r}; expected one of {', '.join(get_args(Channel))}.")
    if not 0 < threshold <= 1:
        raise HoleError(f"Threshold is {threshold}; expected a number above 0 and at most 1, such as 0.5.")
