"""Masks of every kind as holes, the shaping of holes, and random holes."""
