"""One fill: which parts of a picture are run at which scale, and how they make one picture."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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


def __getattr__(name: str) -> Any:  # some modules here serve without torch, too
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
