"""Texture from the known part of a picture: PatchMatch, and a small network that refines what it copies."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rfr_core.texture.exemplar import Synthesis, synthesize
    from rfr_core.texture.patch_match import PatchMatch
    from rfr_core.texture.refinement import Refinement

_MODULES = {
    "PatchMatch": "patch_match",
    "Refinement": "refinement",
    "Synthesis": "exemplar",
    "synthesize": "exemplar",
}

__all__ = ["PatchMatch", "Refinement", "Synthesis", "synthesize"]


def __getattr__(name: str) -> Any:  # some modules here serve without torch, too
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
