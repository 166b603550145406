"""Tensor arithmetic on pictures with holes: boxes, pull-push interpolation, colour match."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rfr_core.lazy import lazily

if TYPE_CHECKING:
    from rfr_core.ops.box import Box
    from rfr_core.ops.colour_match import match_colours
    from rfr_core.ops.pyramid import at_size, box_blur, halve, pull_push, share_within, spread

_MODULES = {
    "Box": "box",
    "at_size": "pyramid",
    "box_blur": "pyramid",
    "halve": "pyramid",
    "match_colours": "colour_match",
    "pull_push": "pyramid",
    "share_within": "pyramid",
    "spread": "pyramid",
}

__all__ = ["Box", "at_size", "box_blur", "halve", "match_colours", "pull_push", "share_within", "spread"]

__getattr__ = lazily(__name__, _MODULES)  # some modules here serve without torch, too
