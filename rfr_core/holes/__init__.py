"""Masks of every kind as holes, the shaping of holes, and random holes."""

from rfr_core.holes.masks import MaskLike, hole_from_alpha, read_hole, to_hole
from rfr_core.holes.random_holes import random_irregular_hole, random_object_hole
from rfr_core.holes.shaping import area_ratio, feather, grow

__all__ = [
    "MaskLike",
    "area_ratio",
    "feather",
    "grow",
    "hole_from_alpha",
    "random_irregular_hole",
    "random_object_hole",
    "read_hole",
    "to_hole",
]
