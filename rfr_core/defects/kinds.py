"""The kinds of defects that are told apart, and the settings of a search, checked before anything is done."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real

from rfr_core.errors import ConfigError

KINDS = ("dust", "hair", "scratch", "crease", "stamp")


def check_kinds(kinds: Iterable[str]) -> frozenset[str]:
    """The kinds asked for; raises ConfigError for none, or one that is not among `KINDS`."""
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise ConfigError(f"The kind of defect is {unknown[0] if unknown else ''!r}; choose among {', '.join(KINDS)}.")
    return frozenset(kinds)


def check_sensitivity(sensitivity: float) -> None:
    """Raises ConfigError unless it is a number from 0 to 1."""
    if not isinstance(sensitivity, Real) or not 0 <= sensitivity <= 1:
        raise ConfigError(f"The sensitivity is {sensitivity!r}; it must be a number from 0 to 1.")
