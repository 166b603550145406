"""Texture from the known part of a picture: PatchMatch, and a small network that refines what it copies."""
