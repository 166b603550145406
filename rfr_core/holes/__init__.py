"""Masks of every kind as holes, the shaping of holes, and random holes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rfr_core.lazy import lazily

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

__getattr__ = lazily(__name__, _MODULES)  # boxes and colours are read from a command line before torch starts
