"""Tensor arithmetic on pictures with holes: boxes, pull-push interpolation, colour match."""
