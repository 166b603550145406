"""Masks of every kind as holes, the shaping of holes, and random holes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rfr_core.holes.masks import MaskLike, hole_from_alpha, read_hole, to_hole
    from rfr_core.holes.random_holes import random_irregular_hole, random_object_hole
    from rfr_core.holes.shaping import area_ratio, feather, fill_gaps, grow

_MODULES = {
    "MaskLike": "masks",
    "area_ratio": "shaping",
    "feather": "shaping",
    "fill_gaps": "shaping",
    "grow": "shaping",
    "hole_from_alpha": "masks",
    "random_irregular_hole": "random_holes",
    "random_object_hole": "random_holes",
    "read_hole": "masks",
    "to_hole": "masks",
}

__all__ = [
    "MaskLike",
    "area_ratio",
    "feather",
    "fill_gaps",
    "grow",
    "hole_from_alpha",
    "random_irregular_hole",
    "random_object_hole",
    "read_hole",
    "to_hole",
]


def __getattr__(name: str) -> Any:  # boxes and colours are read from a command line before torch starts
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
