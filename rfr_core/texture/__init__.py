"""Texture from the known part of a picture: PatchMatch, and a small network that refines what it copies."""

from rfr_core.texture.exemplar import Synthesis, synthesize
from rfr_core.texture.patch_match import PatchMatch
from rfr_core.texture.refinement import Refinement

__all__ = ["PatchMatch", "Refinement", "Synthesis", "synthesize"]
