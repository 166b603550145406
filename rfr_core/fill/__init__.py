"""One fill: which parts of a picture are run at which scale, and how they make one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rfr_core.lazy import lazily

if TYPE_CHECKING:
    from rfr_core.fill.attention_map import AttentionMap
    from rfr_core.fill.canvas import Canvas, to_canvas
    from rfr_core.fill.run import Filling
    from rfr_core.fill.scene import Scene
    from rfr_core.fill.steps import InpaintStep

_MODULES = {
    "AttentionMap": "attention_map",
    "Canvas": "canvas",
    "Filling": "run",
    "InpaintStep": "steps",
    "Scene": "scene",
    "to_canvas": "canvas",
}

__all__ = ["AttentionMap", "Canvas", "Filling", "InpaintStep", "Scene", "to_canvas"]

__getattr__ = lazily(__name__, _MODULES)  # some modules here serve without torch, too
