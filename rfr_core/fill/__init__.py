"""One fill: which parts of a picture are run at which scale, and how they make one picture."""

from rfr_core.fill.attention_map import AttentionMap
from rfr_core.fill.canvas import Canvas, to_canvas
from rfr_core.fill.run import Filling
from rfr_core.fill.scene import Scene
from rfr_core.fill.steps import InpaintStep

__all__ = ["AttentionMap", "Canvas", "Filling", "InpaintStep", "Scene", "to_canvas"]
