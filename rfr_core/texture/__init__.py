"""Texture from the known part of a picture: PatchMatch, and a small network that refines what it copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rfr_core.lazy import lazily

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

__getattr__ = lazily(__name__, _MODULES)  # some modules here serve without torch, too
