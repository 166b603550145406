"""Frames of one shot: what is hidden in one and seen in another is taken from there, the rest filled once."""

from rfr_core.sequence.fill_sequence import fill_sequence

__all__ = ["fill_sequence"]
