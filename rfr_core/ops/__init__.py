"""Tensor arithmetic on pictures with holes: boxes, pull-push interpolation, colour match."""

from rfr_core.ops.box import Box
from rfr_core.ops.colour_match import match_colours
from rfr_core.ops.pyramid import at_size, box_blur, halve, pull_push, share_within, spread

__all__ = ["Box", "at_size", "box_blur", "halve", "match_colours", "pull_push", "share_within", "spread"]
